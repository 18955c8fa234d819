"""The whole way from files to an exported dataset, by one command."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.models import Clip, Dataset, DatasetPolicy, Release, Split, Submission
from tests.factories.pipeline_files import write_pipeline_files

pytestmark = pytest.mark.django_db(transaction=True)


def _run(config: Path, *arguments: str) -> tuple[int, str]:
    output = io.StringIO()
    try:
        call_command("pipeline", str(config), *arguments, stdout=output)
    except SystemExit as stop:
        return int(str(stop.code)), output.getvalue()
    return 0, output.getvalue()


def _identity(path: Path) -> tuple[int, int, int]:
    """Return what changes if a file is written again."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _metadata(target: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(target) as archive:
        return list(csv.DictReader(io.StringIO(archive.read("metadata.csv").decode(), newline="")))


def test_files_become_an_export_whose_parts_share_nobody(tmp_path: Path) -> None:
    code, output = _run(write_pipeline_files(tmp_path))
    assert code == 0
    steps = [line.split()[0] for line in output.splitlines() if not line.startswith("Nobody")]
    assert steps == [
        "dataset",
        "taxonomy",
        "recordings",
        "clips",
        "votes",
        "segment",
        "ratings",
        "quality_estimates",
        "split",
        "export",
    ]
    rows = _metadata(tmp_path / "tiny.zip")
    assert len([row for row in rows if row["submission"]]) == 16  # two segments of each of eight accepted recordings
    assert len([row for row in rows if not row["submission"]]) == 10  # twelve clips, two found wrong
    pairs = {(row["participant"], row["split"]) for row in rows}
    assert len(pairs) == len({participant for participant, _ in pairs})
    assert {subset for _, subset in pairs} == {"train", "val", "test"}
    assert (tmp_path / "quality.csv").exists()
    assert Release.objects.get().version == "1.0"


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    config = write_pipeline_files(tmp_path)
    _run(config)
    before = _identity(tmp_path / "tiny.zip")
    counts = [model.objects.count() for model in (Submission, Clip, Split, Release, DatasetPolicy)]  # type: ignore[attr-defined]
    code, output = _run(config)
    assert code == 0
    assert "stands there already" in output
    assert _identity(tmp_path / "tiny.zip") == before
    assert counts == [model.objects.count() for model in (Submission, Clip, Split, Release, DatasetPolicy)]  # type: ignore[attr-defined]


def test_a_step_that_was_missed_is_made_up_for(tmp_path: Path) -> None:
    config = write_pipeline_files(tmp_path)
    text = config.read_text()
    config.write_text(text.split("[votes]")[0])
    _run(config)
    assert not Clip.objects.exists()  # nobody has voted: there is nothing to cut
    config.write_text(text)
    assert _run(config)[0] == 0
    assert len(_metadata(tmp_path / "tiny.zip")) == 26


def test_refused_rows_exit_1_and_the_rest_goes_on(tmp_path: Path) -> None:
    config = write_pipeline_files(tmp_path)
    with (tmp_path / "votes.csv").open("a") as file:
        file.write("9999,voter1,yes,yes,yes\r\n")
    code, output = _run(config)
    assert code == 1
    assert "1 rows were refused" in output
    assert (tmp_path / "votes.refused.csv").exists()
    assert len(_metadata(tmp_path / "tiny.zip")) == 26


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[votes]", "[vote]", r"line 13: unknown section 'vote'\. Did you mean 'votes'\?"),
        ('file = "ratings.csv"', 'file = "absent.csv"', r"line 19: \[ratings\] file: .*absent\.csv does not exist"),
        ("[split]", "[split]\ntrain = 2", r"line 22: \[split\] shares train = 2 "),
        ('release = "1.0"', "release = 1.0", r"line 23: \[export\] release must be text in quotes"),
        ("segment_s = 0.5", "segment_s = -1", r"line 5: \[dataset\.policy\] policy\.segment_s = -1"),
    ],
)
def test_a_fault_ends_the_run_before_anything_is_stored(tmp_path: Path, old: str, new: str, message: str) -> None:
    config = write_pipeline_files(tmp_path)
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(CommandError, match=message) as caught:
        _run(config)
    assert caught.value.returncode == 2
    assert not Dataset.objects.exists()


def test_what_is_wrong_with_the_files_is_told_before_anything_is_stored(tmp_path: Path) -> None:
    config = write_pipeline_files(tmp_path)
    for name, column in (("recordings", "category"), ("clips", "group"), ("votes", "voter"), ("ratings", "rating")):
        path = tmp_path / f"{name}.csv"
        path.write_text(path.read_text().replace(column, "wrong", 1))
    (tmp_path / "taxonomy.csv").write_bytes(b"\xff\xfeid,name")
    (tmp_path / "tiny.zip").write_bytes(b"somebody else's")
    with pytest.raises(CommandError) as caught:
        _run(config, "--check")
    assert caught.value.returncode == 2
    faults = str(caught.value).splitlines()
    for section, words in (
        ("taxonomy", "UTF-16"),
        ("recordings", "category"),
        ("clips", "group"),
        ("votes", "voter"),
        ("ratings", "rating"),
        ("export", "is no export of 'tiny'"),
    ):
        assert [fault for fault in faults if f"[{section}]" in fault and words in fault], (section, faults)
    assert not Dataset.objects.exists()


def test_a_check_alone_runs_nothing(tmp_path: Path) -> None:
    assert _run(write_pipeline_files(tmp_path), "--check") == (
        0,
        f"{tmp_path / 'pipeline.toml'}: ready to run for dataset tiny.\n",
    )
    assert not Dataset.objects.exists()


def test_a_changed_policy_gets_a_version_of_its_own(tmp_path: Path) -> None:
    config = write_pipeline_files(tmp_path)
    config.write_text(config.read_text().split("[recordings]")[0])
    _run(config)
    config.write_text(config.read_text().replace("val_share = 0.4", "val_share = 0.3").replace('"Tiny"', '"Small"'))
    assert "policy version 2" in _run(config)[1]
    assert Dataset.objects.get().title == "Small"
