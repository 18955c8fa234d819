"""The reference names everything there is; what it shows can be run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from annotate.services.rating_import import RatingImporter
from curation.domain.policy import Policy
from curation.registry import pipeline_steps
from curation.services import clips, recordings, taxonomy_files
from curation.services.manifest_blocks import COLUMNS
from curation.services.pipeline import check_pipeline
from validate.services.vote_import import VoteImporter

PROJECT = Path(__file__).resolve().parents[2]
REFERENCE = (PROJECT / "docs" / "reference.md").read_text(encoding="utf-8")
APPS = ("curation", "validate", "annotate", "ml")
DJANGOS_OPTIONS = {
    "-h",
    "--help",
    "--version",
    "-v",
    "--verbosity",
    "--settings",
    "--pythonpath",
    "--traceback",
    "--no-color",
    "--force-color",
    "--skip-checks",
}
# Where a reason is put together: the codes that may come out.
COMPOSED = {
    "curation/services/taxonomy_files.py": {"bad_id", "bad_name"},
    "curation/services/taxonomy.py": {"duplicate_name", "duplicate_file_label"},
    "curation/services/manifest_fields.py": {"bad_verified"},
    "curation/services/audio_intake.py": set[str](),  # a decoder's, passed on
    "curation/services/members.py": set[str](),  # a code's, passed on
    "curation/services/csv_rows.py": set[str](),  # the exception's own
    "curation/audio/decoder.py": set[str](),  # what the child answered
    "curation/demo/build.py": set[str](),  # a message without a code
    "ml/services/baseline_frames.py": set[str](),  # a decoder's, passed on
    "ml/services/audio_features.py": set[str](),  # as above
}
CODE = re.compile("[a-z]+(_[a-z]+)+|truncated|undecodable|unreadable|cycle")


def section(title: str) -> str:
    found = re.search(rf"^#+ {title}$(.*?)(?=^#+ |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


def reasons_in(path: Path) -> Iterator[tuple[str | None, int]]:
    """Yield each reason that a file gives, None where it is put together, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "reason" and isinstance(value, ast.Constant):
                    yield str(value.value), node.lineno
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name.endswith(("Refused", "RefusedError")):
            first = node.args[0]
            yield (str(first.value) if isinstance(first, ast.Constant) else None), node.lineno
        elif name == "_refuse":
            yield from ((one.value, node.lineno) for one in node.args if _is_code(one))


def _is_code(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(CODE.fullmatch(node.value))


def test_every_reason_code_is_explained() -> None:
    explained = set(re.findall(r"`([a-z_]+)`", section("Reason codes")))
    given: set[str] = set()
    for path in (file for app in APPS for file in (PROJECT / app).rglob("*.py")):
        place = path.relative_to(PROJECT).as_posix()
        for reason, line in reasons_in(path):
            assert reason or place in COMPOSED, f"{place}:{line}: which reasons may this give? Say so in COMPOSED."
            given |= {reason} if reason else COMPOSED[place]
    assert len(given) > 60
    assert given - explained == set()


def test_no_reason_code_is_explained_that_nothing_gives() -> None:
    first_cells = re.findall(r"^\| (`[^|]*) \|", section("Reason codes"), re.MULTILINE)
    explained = {code for cell in first_cells for code in re.findall(r"`([a-z_]+)`", cell)}
    given = {
        reason or "" for app in APPS for path in (PROJECT / app).rglob("*.py") for reason, _ in reasons_in(path)
    }.union(*COMPOSED.values())
    assert explained - given == set()


@pytest.mark.parametrize("command", sorted(name for name, app in get_commands().items() if app in APPS))
def test_every_command_and_option_is_listed(command: str) -> None:
    lines = [line for line in section("Commands").splitlines() if re.match(rf"\| `{command}\b", line)]
    assert lines, f"{command} is not in the table"
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    options = {option for action in parser._actions for option in action.option_strings} - DJANGOS_OPTIONS
    assert {option for option in options if not any(option in line for line in lines)} == set()


@pytest.mark.parametrize(
    ("title", "columns"),
    [
        ("Taxonomy", taxonomy_files.CSV_COLUMNS),
        ("Recordings", (*recordings._RecordingImporter.required, *recordings._RecordingImporter.optional)),
        ("Clips", (*clips._ClipImporter.required, *clips._ClipImporter.optional)),
        ("Votes", (*VoteImporter.required, *VoteImporter.optional)),
        ("Ratings", (*RatingImporter.required, *RatingImporter.optional)),
        ("Split manifest", COLUMNS),
    ],
)
def test_every_column_is_described_and_stands_in_the_example(title: str, columns: tuple[str, ...]) -> None:
    text = section(title)
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == set(columns)
    header, row = re.findall(r"^    (.*)$", text, re.MULTILINE)
    assert set(header.split(",")) == set(columns)
    assert len(row.split(",")) == len(columns)


def test_every_field_of_the_policy_has_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", section("Policy"), re.MULTILINE))
    assert set(rows) == {field.name for field in fields(Policy)}
    document = {name: ast.literal_eval(value) for name, value in rows.items()}
    assert Policy.from_document(document) == Policy()
    assert document == Policy().to_document()


def test_the_example_of_a_pipeline_is_complete_and_can_be_run(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", REFERENCE, re.DOTALL)
    assert found
    (tmp_path / "audio").mkdir()
    for name, columns in (
        ("taxonomy", taxonomy_files.CSV_COLUMNS),
        ("recordings", recordings.RECORDING_COLUMNS),
        ("clips", clips.CLIP_COLUMNS),
        ("votes", VoteImporter.required),
        ("ratings", RatingImporter.required),
    ):
        (tmp_path / f"{name}.csv").write_text(",".join(columns) + "\n", encoding="utf-8")
    path = tmp_path / "pipeline.toml"
    for text in (found[1], found[1].replace("# split", "split")):
        path.write_text(text, encoding="utf-8")
        config = check_pipeline(path)
    for step in pipeline_steps:
        assert set(config.sections[step.name]) == {*step.paths, *step.keys}, step.name
    assert list(config.sections) == [step.name for step in pipeline_steps]
