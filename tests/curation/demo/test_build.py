from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from curation.demo.build import DemoRefusedError, build_datasets, demo_accounts
from curation.domain.progress import Progress, no_progress
from curation.models import AnnotationState, CandidateAnnotation, Dataset, Release, Submission, SubmissionState
from tests.factories.rows import make_dataset

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def _silent(_: str) -> Iterator[Progress]:
    yield no_progress


def _build(folder: Path) -> list[str]:
    steps = build_datasets(data_dir=folder, show_progress=_silent, announce=lambda _: None)
    return [f"{step.dataset} {step.outcome.step}" for step in steps]


def test_the_demonstration_goes_through_everything_and_leaves_work(tmp_path: Path) -> None:
    assert "demo-scenes export" in _build(tmp_path)
    scenes = Dataset.objects.get(slug="demo-scenes")
    assert set(Submission.objects.filter(dataset=scenes).values_list("state", flat=True)) == set(SubmissionState)
    assert set(CandidateAnnotation.objects.filter(dataset=scenes).values_list("state", flat=True)) == set(
        AnnotationState
    )
    for slug in ("demo-scenes", "demo-sounds"):
        with zipfile.ZipFile(tmp_path / "demo" / slug / f"{slug}.zip") as archive:
            rows = list(csv.DictReader(io.StringIO(archive.read("metadata.csv").decode(), newline="")))
        people = {(row["participant"], row["split"]) for row in rows}
        assert len(people) == len({participant for participant, _ in people})
        assert {split for _, split in people} == {"train", "val", "test"}
    assert len(demo_accounts(data_dir=tmp_path)) == 5

    # A second start leaves everything as it is, also what people changed since.
    Dataset.objects.filter(pk=scenes.pk).update(title="My own title")
    assert _build(tmp_path) == []
    assert Release.objects.count() == 2
    scenes.refresh_from_db()
    assert scenes.title == "My own title"


def test_a_dataset_of_ones_own_is_never_touched(tmp_path: Path) -> None:
    dataset = make_dataset("demo-sounds")
    with pytest.raises(DemoRefusedError, match="'demo-sounds' is not the demonstration's"):
        _build(tmp_path)
    assert list(Dataset.objects.all()) == [dataset]
    assert not list(tmp_path.glob("demo*"))
