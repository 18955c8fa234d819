"""What a page reads of a finished run, also of one from before all of it was kept."""

from __future__ import annotations

import pytest

from ml.models import VerificationRun
from ml.selectors.confusions import run_confusion
from ml.selectors.run_figures import (
    ClassRow,
    acceptance_preview,
    calibration_error,
    class_table,
    expected_share_wrong,
    linked,
    macro_f_score,
    why_nothing,
)
from ml.verification.calibration import ReliabilityBin

EARLIER = {
    "category": 4,
    "name": "Bus",
    "verified": 3,
    "judged": 10,
    "probably_wrong": 1,
    "expected_wrong": 0.2,
    "would_accept": 5,
    "need": 0.5,
    "quality": 0.9,
}


def row(**changes: float | None) -> ClassRow:
    return ClassRow(**{**EARLIER, **changes})  # type: ignore[arg-type]


def test_a_run_from_before_scores_were_kept_has_none() -> None:
    run = VerificationRun(summary={"classes": [EARLIER]})
    (bus,) = class_table(run)
    assert (bus.heard, bus.precision, bus.recall, bus.f_score) == (0, None, None, None)
    assert run_confusion(run) is None


def test_names_lead_where_the_caller_says() -> None:
    (bus,) = linked([row(f_score=0.5)], lambda category: f"/rows/{category}")
    assert (bus.url, bus.name, bus.f_score) == ("/rows/4", "Bus", 0.5)


def test_the_mean_f_score_leaves_out_classes_without_one() -> None:
    assert macro_f_score([row(f_score=1.0), row(f_score=0.0), row(f_score=None)]) == 0.5
    assert macro_f_score([row()]) is None


def test_the_share_expected_to_be_wrong_is_of_all_judged_labels() -> None:
    rows = [row(judged=30, expected_wrong=0.1), row(judged=10, expected_wrong=0.5), row(judged=0, expected_wrong=None)]
    assert expected_share_wrong(rows) == pytest.approx(0.2)
    assert expected_share_wrong([]) is None


def test_without_clips_there_is_no_calibration_error() -> None:
    assert calibration_error([ReliabilityBin(0.0, 1.0, 0, None, None)]) is None
    assert calibration_error([ReliabilityBin(0.0, 1.0, 4, 0.9, 0.75)]) == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("clips", "told"),
    [
        ([20, 9], "judged 29 verified clips of participants whom they had not heard, and at least 30 tell"),
        ([20, 10], "No label is sure enough"),
        ([], "No label is sure enough"),
    ],
)
def test_a_run_that_accepts_nothing_says_what_it_lacks(clips: list[int], told: str) -> None:
    bins = [{"low": 0.0, "high": 1.0, "clips": each, "confidence": None, "accuracy": None} for each in clips]
    run = VerificationRun(recipe="earmark", summary={"assured": [], "reliability": bins})
    assert acceptance_preview(run, 0.9).threshold is None
    assert told in str(why_nothing(run))
    assert str(why_nothing(run)).endswith("run again.")


def test_of_a_recipe_that_holds_hardly_a_clip_out_another_one_is_recommended() -> None:
    bins = [{"low": 0.0, "high": 1.0, "clips": 8, "confidence": None, "accuracy": None}]
    run = VerificationRun(recipe="nguyen", summary={"assured": [], "reliability": bins})
    assert "judged 8 verified clips" in str(why_nothing(run))
    assert "Run Earmark" in str(why_nothing(run))


def test_a_precision_that_is_not_reached_is_told_the_highest_one_that_is() -> None:
    run = VerificationRun(summary={"assured": [[0.5, 9, 0.8], [0.9, 4, 0.98959]]})
    assert "at most 98.9 % of them" in str(why_nothing(run))


def test_a_curve_of_a_run_from_before_precisions_were_assured_promises_nothing() -> None:
    run = VerificationRun(summary={"totals": {"judged": 100}, "acceptance": [[0.99, 100, 0.99]]})
    assert acceptance_preview(run, 0.9).threshold is None
    assert "run again" in str(why_nothing(run))
