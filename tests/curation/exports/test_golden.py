"""One tiny export, byte for byte. When its form is changed on purpose: EARMARK_WRITE_GOLDEN=1 pytest <this file>."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from django.utils import timezone

from annotate.services.ratings import record_rating
from curation.models import (
    AnnotationSource,
    CandidateAnnotation,
    Category,
    CategoryParent,
    Dataset,
    Participant,
    SubmissionState,
)
from curation.services.exports import export_dataset
from tests.factories.exports import make_exportable, make_stored_clip
from tests.factories.rows import make_annotation, make_category, make_participant, make_submission
from validate.services.votes import record_vote

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "tiny_export"
SHOWN = ("README.md", "metadata.csv", "annotations.csv", "attribution.csv", "excluded.csv", "policy.json", "votes.csv")

pytestmark = pytest.mark.django_db


def _dataset() -> Dataset:
    """Return a dataset with imported clips, a segment, votes, ratings, a clip found wrong and a category above."""
    dataset = make_exportable()
    above = make_category(dataset, "Percussion")
    for category in Category.objects.exclude(pk=above.pk):
        CategoryParent.objects.create(child=category, parent=above)
    raters = [make_participant(dataset, f"rater{number}") for number in (1, 2)]
    person, bell = Participant.objects.get(code="user0002"), Category.objects.get(name="Bell")
    submission = make_submission(dataset, category=bell, participant=person, external_id="14896147", licence="cc0-1.0")
    for rater in raters:
        record_vote(submission=submission, voter=rater, gain=True, privacy=True, acoustic_cue=True, source="import")
    submission.state, submission.decided_at = SubmissionState.ACCEPTED, timezone.now()
    submission.save()
    segment = make_stored_clip(
        dataset, "Bell_user0002_14896147_000.wav", participant=person, submission=submission, segment_index=0
    )
    make_annotation(segment, bell, AnnotationSource.SUBMISSION)
    for name, presence in (("bell/2.wav", "NP"), ("bell/3.wav", "PP"), ("bell/4.wav", "U")):
        for rater in raters:
            annotation = CandidateAnnotation.objects.get(clip__name=name)
            record_rating(annotation=annotation, annotator=rater, presence=presence, source="import")
    return dataset


def _listing(target: Path) -> str:
    with zipfile.ZipFile(target) as archive:
        lines = [f"{hashlib.sha256(archive.read(name)).hexdigest()}  {name}" for name in archive.namelist()]
    return "\n".join([f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target.name}", *lines]) + "\n"


def test_the_tiny_export_is_the_golden_one_byte_for_byte(tmp_path: Path) -> None:
    target = tmp_path / "tiny.zip"
    export_dataset(dataset=_dataset(), target=target, version="1.0")
    with zipfile.ZipFile(target) as archive:
        found = {name: archive.read(name).decode() for name in SHOWN}
    found["files.sha256"] = _listing(target)
    if os.environ.get("EARMARK_WRITE_GOLDEN"):
        GOLDEN.mkdir(parents=True, exist_ok=True)
        for name, text in found.items():
            (GOLDEN / name).write_text(text, encoding="utf-8")
    for name, text in found.items():
        assert text == (GOLDEN / name).read_text(encoding="utf-8"), name
