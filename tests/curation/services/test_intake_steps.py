from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation.domain.progress import no_progress
from curation.models import Category, Clip, Dataset, Submission, SubmissionState
from curation.registry import StepResult, pipeline_steps
from curation.services.datasets import create_dataset
from tests.factories.audio import noise, write_audio
from tests.factories.manifests import write_manifest
from tests.factories.rows import make_category, make_dataset, make_submission

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset(segment_s=1.0, sample_rate_hz=8_000)
    make_category(dataset, "Bus")
    return dataset


def run(step: str, dataset: Dataset, **section: Any) -> StepResult:
    return pipeline_steps[step].run(dataset, section, no_progress)


def test_the_steps_come_in_the_order_of_the_flow() -> None:
    names = [step.name for step in pipeline_steps]
    assert sorted(names.index(name) for name in ("taxonomy", "recordings", "segment", "split", "export")) == [
        names.index(name) for name in ("taxonomy", "recordings", "segment", "split", "export")
    ]


def test_a_taxonomy_is_read_from_its_file(tmp_path: Path) -> None:
    dataset = create_dataset(slug="scenes")
    path = tmp_path / "taxonomy.csv"
    path.write_text("id,name,parents,description\na,A,,\nb,B,nowhere,\n", encoding="utf-8")
    result = run("taxonomy", dataset, file=path)
    assert (result.summary, result.refused) == ("1 categories stored, 0 known already", 1)
    assert result.refused_path == tmp_path / "taxonomy.refused.csv"
    assert Category.objects.get().name == "A"


def test_recordings_are_taken_and_cut(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_audio(tmp_path / "audio" / "a.wav", noise(20_000), 8_000)
    write_audio(tmp_path / "audio" / "b.wav", noise(7_000, seed=1), 8_000)
    rows = [{"path": name, "category": "Bus", "participant": "user0017"} for name in ("a.wav", "b.wav")]
    manifest = write_manifest(tmp_path / "m.csv", rows)
    section = {"manifest": manifest, "audio_root": tmp_path / "audio", "accepted": True, "workers": 1}
    assert run("recordings", dataset, **section).summary == "2 submissions stored, 0 known already"
    assert Submission.objects.filter(state="accepted").count() == 2
    result = run("segment", dataset, workers=1)
    assert result.summary == "2 submissions cut into 2 clips, 1 shorter_than_segment"
    assert (result.refused, result.refused_path) == (1, tmp_path / f"{dataset.slug}.segment.refused.csv")
    assert not result.refused_before
    assert run("segment", dataset, workers=1) == StepResult(
        summary="0 submissions cut into 0 clips, 1 shorter_than_segment",
        refused=1,
        refused_path=result.refused_path,
        refused_before=True,
    )


def test_the_list_of_the_uncut_goes_when_all_is_cut(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listed = tmp_path / f"{dataset.slug}.segment.refused.csv"
    missing = make_submission(dataset, state=SubmissionState.ACCEPTED)  # its audio file is not there
    assert run("segment", dataset, workers=1).refused_path == listed
    missing.delete()
    assert run("segment", dataset, workers=1) == StepResult(summary="0 submissions cut into 0 clips")
    assert not listed.exists()


def test_clips_are_taken(dataset: Dataset, tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", noise(9_000), 8_000)
    manifest = write_manifest(tmp_path / "m.csv", [{"path": "a.wav", "label": "Bus", "verified": "1", "group": "g"}])
    assert run("clips", dataset, manifest=manifest, workers=1).summary == "1 annotations stored, 0 known already"
    assert Clip.objects.get().name == "a.wav"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"accepted": "yes"}, "accepted"),
        ({"known_participants": 1}, "known_participants"),
        ({"workers": 0}, "workers"),
    ],
)
def test_a_section_that_no_step_could_follow_is_refused(section: dict[str, Any], words: str) -> None:
    check = pipeline_steps["recordings"].check
    assert check is not None
    with pytest.raises(ValueError, match=words):
        check(section)
