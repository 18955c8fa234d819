"""Runs side by side."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from curation.models import Dataset, Job, JobState
from ml.models import VerificationRun
from ml.selectors.run_comparison import RunColumn, compare_runs, comparison
from ml.selectors.run_figures import run_totals
from ml.selectors.runs import runs_of
from tests.factories.rows import make_dataset
from tests.factories.verification_rows import make_run

ROW: dict[str, Any] = {
    "category": 1,
    "name": "Bus",
    "verified": 4,
    "judged": 10,
    "probably_wrong": 2,
    "expected_wrong": 0.25,
    "would_accept": 6,
    "need": 0.1,
    "quality": 0.9,
    "heard": 4,
    "precision": 0.5,
    "recall": 1.0,
    "f_score": 0.75,
}
SUMMARY: dict[str, Any] = {
    "totals": {"verified": 4, "judged": 10, "probably_wrong": 2, "would_accept": 6},
    "classes": [ROW],
    "reliability": [{"low": 0.0, "high": 1.0, "clips": 4, "confidence": 0.9, "accuracy": 0.8}],
    "iterations": [{"iteration": 1, "map_at_3": 0.5}, {"iteration": 2, "map_at_3": 0.6}],
}


def column(**changes: Any) -> RunColumn:
    run = changes.pop("run", VerificationRun(number=1, precision=0.95, candidates_digest="a"))
    values = {
        "totals": None, "last": None, "expected_wrong": None, "f_macro": None, "ece": None, "training_s": None,
        "elapsed_s": None, **changes,
    }  # fmt: skip
    return RunColumn(run=run, **values)


def make_step(dataset: Dataset, number: int, attempt: int, step: str, **changes: Any) -> None:
    key = f"{dataset.slug}/verification-{number}/attempt-{attempt}/{step}"
    Job.objects.create(dataset=dataset, kind=changes.pop("kind", "verify-step"), key=key, **changes)


@pytest.mark.django_db
def test_a_column_holds_what_is_known_of_a_run(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    dataset = make_dataset()
    started = timezone.now()
    run = make_run(dataset, finished=True, summary=SUMMARY, finished_at=started + timedelta(hours=1))
    VerificationRun.objects.filter(pk=run.pk).update(created_at=started)
    make_run(dataset, summary={"iterations": SUMMARY["iterations"][:1]})
    with django_assert_num_queries(2):
        going, done = compare_runs(list(runs_of(dataset)))
    assert (done.f_macro, done.ece, done.expected_wrong) == (0.75, pytest.approx(0.1), 0.25)
    assert (done.share_accepted, done.share_probably_wrong) == (0.6, 0.2)
    assert (done.last, done.elapsed_s, done.training_s) == (SUMMARY["iterations"][1], 3600.0, None)
    assert (going.totals, going.last, going.share_accepted, going.ece, going.elapsed_s) == (
        None, {"iteration": 1, "map_at_3": 0.5}, None, None, None,
    )  # fmt: skip


@pytest.mark.django_db
def test_training_counts_each_step_once_whoever_did_it() -> None:
    dataset, other = make_dataset(), make_dataset()
    runs = [make_run(dataset) for _ in range(2)]
    make_step(dataset, 1, 1, "iteration-0-member-0-fold-0", state=JobState.DONE, result={"seconds": 10.0})
    make_step(dataset, 1, 1, "iteration-0-member-0-fold-1", state=JobState.CANCELLED)
    make_step(dataset, 1, 2, "iteration-0-member-0-fold-0", state=JobState.DONE, result={"seconds": 10.0})
    make_step(dataset, 1, 2, "iteration-0-member-0-fold-1", state=JobState.DONE, result={"seconds": 2.5})
    make_step(dataset, 1, 2, "join-0", kind="verify-join", state=JobState.DONE, result={"seconds": 99.0})
    make_step(dataset, 11, 1, "iteration-0-member-0-fold-0", state=JobState.DONE, result={"seconds": 99.0})
    make_step(other, 1, 1, "iteration-0-member-0-fold-0", state=JobState.DONE, result={"seconds": 99.0})
    first, second = compare_runs(runs)
    assert (first.training_s, second.training_s) == (12.5, None)
    assert compare_runs([]) == []


def test_better_is_said_where_the_figure_tells() -> None:
    figures = comparison([column(f_macro=0.8, ece=0.05, training_s=60), column(f_macro=0.7, ece=0.02)]).figures
    assert (figures["f_macro"][1].judgement, figures["ece"][1].judgement) == ("worse", "better")
    assert figures["f_macro"][1].difference == pytest.approx(-0.1)
    assert figures["training_s"][1].difference is None
    assert figures["f_macro"][0].difference is None


def test_no_merit_is_seen_in_a_difference_that_is_not_shown() -> None:
    (_, second) = comparison([column(f_macro=0.8), column(f_macro=0.8002)]).figures["f_macro"]
    assert (second.difference, second.judgement) == (0.0, "")


def test_runs_on_other_labels_or_precisions_are_not_rated() -> None:
    totals = compare_totals(0.9)
    strict = VerificationRun(number=2, precision=0.99, candidates_digest="a")
    compared = comparison([totals, column(run=strict, totals=compare_totals(0.5).totals)])
    assert (compared.same_labels, compared.same_precision) == (True, False)
    assert (compared.figures["accepted"][1].difference, compared.figures["accepted"][1].judgement) == (-0.4, "")
    elsewhere = VerificationRun(number=2, precision=0.95, candidates_digest="b")
    compared = comparison([column(f_macro=0.8), column(run=elsewhere, f_macro=0.9)])
    assert not compared.same_labels
    assert compared.figures["f_macro"][1].judgement == ""


def compare_totals(share: float) -> RunColumn:
    run = VerificationRun(summary={"totals": {**SUMMARY["totals"], "would_accept": round(10 * share)}})
    return column(totals=run_totals(run))
