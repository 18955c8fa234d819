"""A small dataset with something on every page: people of each role, all states, a split, jobs, imports."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from annotate.models import Rating
from annotate.models.rating import RatingSource
from curation.models import (
    AnnotationState,
    Category,
    Clip,
    Dataset,
    ImportRun,
    Job,
    JobState,
    Participant,
    Presence,
    Role,
    Split,
    Submission,
    SubmissionState,
    User,
)
from tests.factories.rows import (
    make_annotation,
    make_category,
    make_clip,
    make_dataset,
    make_member,
    make_participant,
    make_submission,
    make_user,
)

NAMES = ("Bus", "Café", "Crowded indoor", "Elevator", "Kitchen", "Residential area")


@dataclass(frozen=True)
class World:
    """The rows that tests name."""

    dataset: Dataset
    operator: User
    curator: User
    annotator: User
    participant: User
    categories: list[Category]
    submissions: list[Submission]
    clips: list[Clip]


def make_world(*, clips_per_category: int = 4) -> World:
    dataset = make_dataset("scenes")
    dataset.title = "Acoustic scenes"
    dataset.description = "Everyday places, recorded by many people."
    dataset.save()
    participant = make_member(dataset, Role.PARTICIPANT, make_user("pia@example.org", display_name="Pia"))
    people = [make_participant(dataset, f"user{number:04d}") for number in range(1, 5)]
    people.append(make_participant(dataset, user=participant))
    categories = [make_category(dataset, name) for name in NAMES]
    submissions, clips = [], []
    for at, category in enumerate(categories):
        for number in range(clips_per_category):
            person = people[(at + number) % len(people)]
            state = SubmissionState.values[(at + number) % 3]
            submissions.append(
                make_submission(dataset, category=category, participant=person, state=SubmissionState(state))
            )
            clips.append(_make_labelled_clip(dataset, category, person, (at + number) % 4))
            _rate(clips[-1], people[:3], confirmed=(at + number) % 4 != 3)
    _make_background(dataset, categories)
    return World(
        dataset=dataset,
        operator=make_user("olga@example.org", is_staff=True, is_superuser=True, display_name="Olga"),
        curator=make_member(dataset, Role.CURATOR, make_user("cora@example.org", display_name="Cora")),
        annotator=make_member(dataset, Role.ANNOTATOR, make_user("anna@example.org", display_name="Anna")),
        participant=participant,
        categories=categories,
        submissions=submissions,
        clips=clips,
    )


def _make_labelled_clip(dataset: Dataset, category: Category, person: Participant, turn: int) -> Clip:
    clip = make_clip(dataset, participant=person, loudness_lufs=-23.4)
    if turn == 0:
        make_annotation(clip, category)
    elif turn == 1:
        make_annotation(clip, category, state=AnnotationState.UNDECIDED)
    else:
        make_annotation(
            clip,
            category,
            state=AnnotationState.SETTLED,
            consensus=Presence.PP if turn == 2 else Presence.NP,
            settled_at=timezone.now(),
        )
    return clip


def _rate(clip: Clip, people: list[Participant], *, confirmed: bool) -> None:
    for annotation in clip.annotations.exclude(state=AnnotationState.UNRATED):
        for person in people[:2]:
            presence = Presence.PP if confirmed else Presence.NP
            Rating.objects.create(annotation=annotation, annotator=person, presence=presence, source=RatingSource.WEB)


def _make_background(dataset: Dataset, categories: list[Category]) -> None:
    table = {
        category.name: {"train": 80 + at, "val": 9 + at % 2, "test": 11 + at} for at, category in enumerate(categories)
    }
    Split.objects.create(
        dataset=dataset, number=1, method="greedy", parameters={}, manifest_sha256="0" * 64, table=table
    )
    ImportRun.objects.create(
        dataset=dataset,
        kind="recordings",
        file_name="recordings_2026-11.csv",
        file_sha256="1" * 64,
        accepted=24,
        refused=3,
        refusals_by_reason={"unreadable_audio": 2, "unknown_category": 1},
    )
    Job.objects.create(kind="segment", dataset=dataset, key="1", state=JobState.DONE, finished_at=timezone.now())
    Job.objects.create(kind="segment", dataset=dataset, key="2", progress_done=40, progress_total=100)
    Job.objects.create(
        kind="segment", dataset=dataset, key="3", state=JobState.FAILED, error="AudioRefusedError: truncated at 3.2 s"
    )
