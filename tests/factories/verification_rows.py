"""Datasets that can be verified, and what a run leaves in them.

`make_verifiable` has sounds, so that a run can be done for real; `make_finished_run` stores a run's rows without one.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from curation.models import (
    AnnotationState,
    CandidateAnnotation,
    Category,
    Dataset,
    Job,
    JobState,
    Participant,
    Presence,
    Role,
    User,
)
from curation.services.annotations import AnnotationConsensus, set_consensus
from curation.services.audio_store import store_clip_samples
from curation.services.jobs import run_job
from ml.models import Prediction, PredictionBasis, RecipeName, VerificationRun
from ml.services.runs import start_run
from tests.factories.audio import noise, tone
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_participant

RATE_HZ = 8_000
ONE_EPOCH = 1e-9  # minutes: no step may take longer than it must


@dataclass(frozen=True)
class Verifiable:
    """Two categories, tones and noise; two people whose clips are verified, two whose are not."""

    dataset: Dataset
    curator: User
    categories: tuple[Category, Category]
    people: list[Participant]
    verified: list[CandidateAnnotation]
    open: list[CandidateAnnotation]


def settle(annotation: CandidateAnnotation, presence: str = Presence.PP) -> CandidateAnnotation:
    """Let people have settled an annotation."""
    consensus = AnnotationConsensus(
        state=AnnotationState.SETTLED,
        value=presence,
        rating_count=annotation.rating_count,
        agreeing_count=annotation.agreeing_count,
    )
    set_consensus(updates={annotation.pk: consensus})
    annotation.refresh_from_db()
    return annotation


def make_sound(clip_number: int, *, is_tone: bool, seconds: float = 0.3) -> dict[str, Any]:
    """Store a short sound; return the fields of its clip."""
    frames = round(seconds * RATE_HZ)
    high = tone(1_000 + 60 * clip_number % 400, seconds, rate_hz=RATE_HZ)
    samples = high if is_tone else noise(frames, seed=clip_number)
    key = f"clips/{uuid.uuid4().hex}.wav"  # no two tests share features
    store_clip_samples(key, samples, RATE_HZ)
    return {"audio_key": key, "sample_rate_hz": RATE_HZ, "frames": frames, "duration_s": seconds}


def make_verifiable(*, each: int = 2) -> Verifiable:
    dataset = make_dataset()
    categories = (make_category(dataset, "Noise"), make_category(dataset, "Tone"))
    people = [make_participant(dataset) for _ in range(4)]
    annotations: list[list[CandidateAnnotation]] = [[], []]
    for number, person in enumerate(people):
        for place in range(2 * each):
            category = categories[place % 2]
            sound = make_sound(number * 2 * each + place, is_tone=bool(place % 2))
            annotation = make_annotation(make_clip(dataset, participant=person, **sound), category)
            annotations[number // 2].append(settle(annotation) if number < 2 else annotation)
    curator = make_member(dataset, Role.CURATOR)
    return Verifiable(dataset, curator, categories, people, annotations[0], annotations[1])


def start(world: Verifiable, **changes: Any) -> VerificationRun:
    """Ask for a run that trains each step for one epoch."""
    values: dict[str, Any] = {"recipe": "earmark", "budget_minutes": ONE_EPOCH, "device": "cpu", **changes}
    return start_run(dataset=world.dataset, created_by=world.curator, **values)


def work(*, most: int = 100) -> list[Job]:
    """Do what is queued as a worker does, one job after the other; return the jobs in that order."""
    done: list[Job] = []
    while len(done) < most:
        job = Job.objects.filter(state=JobState.QUEUED, available_at=None).order_by("created_at").first()
        if job is None:
            break
        run_job(job_id=job.pk)
        job.refresh_from_db()
        done.append(job)
    return done


def make_run(dataset: Dataset, *, finished: bool = False, **changes: Any) -> VerificationRun:
    """Store a run's row."""
    values: dict[str, Any] = {
        "number": VerificationRun.objects.filter(dataset=dataset).count() + 1,
        "recipe": RecipeName.EARMARK,
        "precision": 0.95,
        **changes,
    }
    if finished:
        values = {"candidates_digest": "0" * 64, "code_version": "test", "finished_at": timezone.now(), **values}
    return VerificationRun.objects.create(dataset=dataset, **values)


def make_prediction(
    run: VerificationRun, annotation: CandidateAnnotation, p_correct: float, **changes: Any
) -> Prediction:
    values: dict[str, Any] = {
        "category": annotation.category,
        "basis": PredictionBasis.CANDIDATE,
        "p_members": [p_correct],
        "predicted": annotation.category,
        "top": [[annotation.category_id, p_correct]],
        "disagreement": 0.1,
        "category_need": 0.2,
        "unreliability": 0.3,
        "change_per_minute": 0.4,
        "priority": 1 - p_correct,
        "admitted": True,
        "would_accept": p_correct >= run.precision,
        **changes,
    }
    return Prediction.objects.create(run=run, annotation=annotation, p_correct=p_correct, **values)


def make_finished_run(dataset: Dataset, found: Mapping[CandidateAnnotation, float], **changes: Any) -> VerificationRun:
    """Store a finished run that gave each annotation a probability, and let reviews go by it."""
    from ml.services.label_standing import refresh_standing  # noqa: PLC0415
    from ml.services.review_order import order_reviews  # noqa: PLC0415

    run = make_run(dataset, finished=True, **changes)
    for annotation, p_correct in found.items():
        make_prediction(run, annotation, p_correct)
    refresh_standing(annotation_ids=[annotation.pk for annotation in found])
    order_reviews(dataset=dataset, on_block=lambda _: None)
    return run
