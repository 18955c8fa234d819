"""The figures of a run, and what a page reads of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml.models import VerificationRun
from ml.recipes.plan import Verdict
from ml.selectors.confusions import run_confusion
from ml.selectors.needs import CategoryNeeds
from ml.selectors.run_figures import (
    acceptance_preview,
    class_table,
    iteration_table,
    probability_histogram,
    reliability,
    run_totals,
)
from ml.services.judged_labels import JudgedLabels
from ml.services.run_summary import CURVE_POINTS, MOST_CELLS, kept_cells, kept_curve, run_summary
from ml.verification.auto_accept import HeldOut, accept_threshold
from tests.ml.services.seven_labels import SNAPSHOT

P_CORRECT = np.array([0.85, 0.75, 0.3, 0.94, 0.45, 0.9, 0.1])  # of annotations 10, 20, 21, 30, 40, 50, 51
NEEDS = CategoryNeeds(need_K=np.array([0.25, 1.0]), quality_K=np.array([0.9, 0.0]))


def labels() -> JudgedLabels:
    p_NK = np.array([[0.8, 0.2], [0.7, 0.3], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]])
    verdict: Any = Verdict(
        p_NK=p_NK, p_MNK=p_NK[None], p_correct_N=p_NK[:, 0], label_N=p_NK.argmax(axis=1), accept_N=p_NK[:, 0] > 1
    )
    candidate = np.array([False, False, False, True, True, False, False])
    return JudgedLabels(
        snapshot=SNAPSHOT,
        verdict=verdict,
        place_A=np.arange(7),
        basis_A=["verified", "verified", "other", "candidate", "candidate", "other", "other"],
        p_correct_A=P_CORRECT,
        admitted_A=candidate,
        would_accept_A=candidate & (P_CORRECT > 0.9),
    )


@pytest.fixture
def run() -> VerificationRun:
    summary = run_summary(labels(), NEEDS)
    return VerificationRun(summary=json.loads(json.dumps(summary)))  # as the database gives it back


def test_totals_and_classes_are_of_judged_labels(run: VerificationRun) -> None:
    totals = run_totals(run)
    assert totals is not None
    assert (totals.verified, totals.judged, totals.probably_wrong, totals.would_accept) == (2, 2, 1, 1)
    bus, tone = class_table(run)
    assert (bus.name, bus.verified, bus.judged, bus.probably_wrong, bus.would_accept) == ("Bus", 1, 1, 0, 1)
    assert (tone.name, tone.verified, tone.judged, tone.probably_wrong, tone.would_accept) == ("Tone", 1, 1, 1, 0)
    assert (bus.expected_wrong, tone.expected_wrong) == pytest.approx((0.06, 0.55))
    assert (bus.need, bus.quality, tone.need, tone.quality) == (0.25, 0.9, 1.0, 0.0)


def test_the_histogram_counts_every_judged_label_once(run: VerificationRun) -> None:
    bins = probability_histogram(run)
    assert [(round(each.low, 2), each.labels) for each in bins if each.labels] == [(0.45, 1), (0.9, 1)]
    assert (bins[0].low, bins[-1].high) == (0.0, 1.0)


def test_sureness_is_compared_with_verified_labels(run: VerificationRun) -> None:
    # Clip 1 is Bus and predicted so with 0.8; clip 2 is Tone and predicted as Bus with 0.7.
    filled = [(round(each.high, 1), each.clips, each.accuracy) for each in reliability(run) if each.clips]
    assert filled == [(0.7, 1, 0.0), (0.8, 1, 1.0)]


def test_classes_are_scored_by_networks_that_did_not_hear_their_group(run: VerificationRun) -> None:
    bus, tone = class_table(run)
    assert (bus.heard, bus.precision, bus.recall, bus.f_score) == (1, 0.5, 1.0, pytest.approx(2 / 3))
    assert (tone.heard, tone.precision, tone.recall, tone.f_score) == (1, 0.0, 0.0, 0.0)  # never answered


def test_both_matrices_are_kept_as_cells_that_are_not_zero(run: VerificationRun) -> None:
    assert run.summary["confusion"]["verified"] == {"cells": [[0, 0, 1], [1, 0, 1]], "rows": [1, 1], "columns": [2, 0]}
    # The run would give clip 3 its label Bus and clip 4 its label Tone.
    assert run.summary["confusion"]["given"]["cells"] == [[0, 0, 1], [1, 1, 1]]
    confusion = run_confusion(run)
    assert confusion is not None
    assert (confusion.verified.right, confusion.verified.labels) == (1, 2)
    assert (confusion.given.right, confusion.given.labels) == (2, 2)


def test_a_class_that_no_network_heard_has_no_scores() -> None:
    unheard = replace(labels(), basis_A=["verified", "other", "other", "candidate", "candidate", "other", "other"])
    rows = run_summary(unheard, NEEDS)["classes"]
    assert [row["heard"] for row in rows] == [1, 0]
    assert [row["f_score"] for row in rows] == [1.0, None]


def test_a_full_matrix_keeps_its_diagonal_its_most_frequent_cells_and_its_sums() -> None:
    counts = np.random.default_rng(0).integers(1, 5_000, size=(200, 200))
    np.fill_diagonal(counts, 1)
    kept = kept_cells(counts)
    row, column, count = np.array(kept["cells"]).T
    assert len(row) == 200 + MOST_CELLS
    assert set(range(200)) <= set(row[row == column].tolist())
    beside = counts[~np.eye(200, dtype=bool)]
    assert count[row != column].min() == np.sort(beside)[-MOST_CELLS]
    assert (kept["rows"], kept["columns"]) == (counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist())
    assert len(json.dumps(kept)) < 110_000


def test_nothing_judged_leaves_empty_matrices() -> None:
    kept = kept_cells(np.zeros((3, 3), dtype=np.int64))
    assert kept == {"cells": [], "rows": [0, 0, 0], "columns": [0, 0, 0]}


def test_a_run_that_is_not_finished_has_no_figures() -> None:
    run = VerificationRun()
    assert run_totals(run) is None
    assert run_confusion(run) is None
    for figures in (class_table, probability_histogram, reliability, iteration_table):
        assert figures(run) == []
    assert acceptance_preview(run, 0.9).threshold is None


@pytest.mark.parametrize("precision", [0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0])
def test_the_preview_is_that_of_all_predictions(precision: float) -> None:
    p_N = np.round(np.random.default_rng(0).beta(4, 1, size=300), 3)  # some are equal
    run = VerificationRun(summary={"totals": {"judged": 400}, "assured": kept_curve(p_N, None)})
    exact, preview = accept_threshold(p_N, precision=precision), acceptance_preview(run, precision)
    assert (preview.threshold, preview.accepted) == (exact.threshold, exact.accepted)
    assert preview.precision == (None if exact.precision is None else pytest.approx(exact.precision))
    assert preview.clips == 400


def test_a_long_curve_is_cut_and_never_promises_too_much() -> None:
    p_N = np.random.default_rng(1).random(20_000)
    curve = kept_curve(p_N, None)
    assert CURVE_POINTS - 5 < len(curve) <= CURVE_POINTS
    run = VerificationRun(summary={"totals": {"judged": len(p_N)}, "assured": curve})
    for precision in (0.6, 0.9, 0.97):
        preview, exact = acceptance_preview(run, precision), accept_threshold(p_N, precision=precision)
        assert preview.threshold is not None
        assert preview.precision >= precision
        assert accept_threshold(p_N[p_N >= preview.threshold], precision=0).precision == preview.precision
        assert preview.accepted <= exact.accepted
        assert preview.accepted >= exact.accepted - len(p_N) / (CURVE_POINTS - 1) - 1


def test_a_precision_that_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        acceptance_preview(VerificationRun(), 1.5)


def test_verified_clips_lower_the_curve() -> None:
    p_N = np.repeat([0.9, 0.95, 0.999], 200)
    against = HeldOut(
        p_correct_H=np.array([0.92, 0.9995]), weight_H=np.array([50.0, 50.0]), is_correct_H=np.array([False, True])
    )
    alone, both = kept_curve(p_N, None), kept_curve(p_N, against)
    assert [point[0] for point in alone] == [0.9, 0.95, 0.999]
    assert both[0] == [0.9, 600, 0.5]
    assert both[1:] == alone[1:]
