"""A dataset's counts: made at once where it is small, by one job where it is not, and the same either way."""

from __future__ import annotations

import pytest
from django.utils import translation

from curation.models import Job
from curation.selectors.summaries import stored_summary
from curation.services import summaries
from curation.services.jobs import run_job
from curation.services.summaries import refresh_summary, request_summary
from tests.factories.world import make_world

pytestmark = pytest.mark.django_db


def test_a_small_dataset_is_counted_at_once() -> None:
    world = make_world(clips_per_category=2)
    assert request_summary(dataset=world.dataset)
    summary = stored_summary(world.dataset)
    assert summary is not None
    assert sum(row["clips"] for row in summary.categories) == 12
    assert not Job.objects.filter(kind="summarise").exists()


def test_a_large_dataset_is_counted_by_one_job(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(clips_per_category=2)
    monkeypatch.setattr(summaries, "SMALL_ROWS", 5)
    assert not request_summary(dataset=world.dataset, created_by=world.curator)
    assert not request_summary(dataset=world.dataset, created_by=world.operator)
    job = Job.objects.get(kind="summarise")
    assert run_job(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == "done", job.error
    assert stored_summary(world.dataset) is not None


def test_categories_divide_their_clips_among_the_states() -> None:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    summary = stored_summary(world.dataset)
    assert summary is not None
    for row in summary.categories:
        assert row["present"] + row["absent"] + row["undecided"] + row["unrated"] == row["clips"] == 4
    assert {row["id"] for row in summary.parts["quality"]["categories"]} == {row["id"] for row in summary.categories}


def test_counts_are_stored_without_a_language_and_shown_in_the_readers() -> None:
    world = make_world()
    with translation.override("ko"):
        refresh_summary(dataset=world.dataset)
        korean = stored_summary(world.dataset)
    with translation.override("en"):
        english = stored_summary(world.dataset)
    assert korean is not None
    assert english is not None
    assert [(note.label, note.count) for note in english.stages[0].notes] == [("refused", 3)]
    assert [(note.label, note.count) for note in korean.stages[0].notes] == [("거부됨", 3)]


def test_nothing_is_stored_before_the_first_count() -> None:
    assert stored_summary(make_world(clips_per_category=1).dataset) is None
