"""Rows for tests, valid by default; name only what the test is about."""

from __future__ import annotations

import hashlib
from itertools import count
from typing import Any

from django.utils import timezone

from curation.domain.policy import Policy
from curation.models import (
    AnnotationSource,
    CandidateAnnotation,
    Category,
    Clip,
    CollectionTask,
    Dataset,
    DatasetPolicy,
    Membership,
    Participant,
    Role,
    Submission,
    SubmissionState,
    User,
)

# Far from the codes that tests name themselves, such as user0017.
_numbers = count(10_001)
PASSWORD = "correct horse battery staple"


def make_user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.org", PASSWORD, **fields)


def make_dataset(slug: str = "", **policy: Any) -> Dataset:
    slug = slug or f"dataset-{next(_numbers)}"
    dataset = Dataset.objects.create(slug=slug, title=slug.title())
    DatasetPolicy.objects.create(dataset=dataset, version=1, document=Policy(**policy).to_document())
    return dataset


def make_member(dataset: Dataset, role: Role, user: User | None = None) -> User:
    user = user or make_user()
    Membership.objects.create(dataset=dataset, user=user, role=role)
    return user


def make_category(dataset: Dataset, name: str = "") -> Category:
    name = name or f"Sound {next(_numbers)}"
    label = "".join(character for character in name if character.isalnum())
    return Category.objects.create(dataset=dataset, external_id=f"/m/{label}", name=name, file_label=label)


def make_participant(dataset: Dataset, code: str = "", user: User | None = None) -> Participant:
    number = next(_numbers)
    return Participant.objects.create(dataset=dataset, code=code or f"user{number:04d}", number=number, user=user)


def make_submission(
    dataset: Dataset,
    *,
    category: Category | None = None,
    participant: Participant | None = None,
    state: SubmissionState = SubmissionState.UNDECIDED,
    **fields: Any,
) -> Submission:
    """Store a submission row; its audio file is not made."""
    number = next(_numbers)
    category = category or make_category(dataset)
    task, _ = CollectionTask.objects.get_or_create(dataset=dataset, category=category, title=category.name)
    sha256 = hashlib.sha256(str(number).encode()).hexdigest()
    values: dict[str, Any] = {
        "external_id": str(10_000 + number),
        "original_key": f"originals/{sha256}",
        "original_name": "recording.wav",
        "original_sha256": sha256,
        "original_bytes": 5_292_044,
        "container": "WAV",
        "encoding": "PCM_16",
        "sample_rate_hz": 44_100,
        "channels": 1,
        "frames": 2_646_000,
        "duration_s": 60.0,
        "decided_at": None if state == SubmissionState.UNDECIDED else timezone.now(),
        **fields,
    }
    return Submission.objects.create(
        dataset=dataset,
        task=task,
        participant=participant or make_participant(dataset),
        state=state,
        **values,
    )


def make_clip(dataset: Dataset, *, participant: Participant | None = None, **fields: Any) -> Clip:
    """Store an imported clip's row; its audio file is not made."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "name": f"clip{number:06d}.wav",
        "audio_key": f"clips/{number}.wav",
        "sample_rate_hz": 44_100,
        "frames": 441_000,
        "duration_s": 10.0,
        **fields,
    }
    return Clip.objects.create(dataset=dataset, participant=participant or make_participant(dataset), **values)


def make_annotation(
    clip: Clip, category: Category | None = None, source: AnnotationSource = AnnotationSource.IMPORT, **fields: Any
) -> CandidateAnnotation:
    return CandidateAnnotation.objects.create(
        dataset=clip.dataset, clip=clip, category=category or make_category(clip.dataset), source=source, **fields
    )
