"""The figures of a finished run, kept beside it so that a page draws them from one row.

Histogram, table of classes and the curve by which people choose what to accept are of *judged* labels: those that are
the only one of their clip and that nobody had verified. Sureness is compared with the truth on verified labels, which
models that did not hear their group predicted.

Shapes: A annotations, J judged ones, K classes.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ml.models import PredictionBasis
from ml.recipes.candidates import Bools, Floats
from ml.selectors.needs import CategoryNeeds
from ml.selectors.run_figures import ClassRow, RunTotals
from ml.services.judged_labels import JudgedLabels
from ml.verification.calibration import reliability_bins

HISTOGRAM_BINS = 20
RELIABILITY_BINS = 10  # verified clips are few
CURVE_POINTS = 512  # thresholds that are kept, evenly over the labels; all of them where there are fewer
EVEN = 0.5


def run_summary(labels: JudgedLabels, needs: CategoryNeeds) -> dict[str, Any]:
    """Compute the figures that `ml.selectors.run_figures` reads.

    Parameters
    ----------
    labels : JudgedLabels
        What the run says.
    needs : CategoryNeeds
        Need and quality of each class.

    Returns
    -------
    dict
        JSON values.
    """
    basis_A = np.array(labels.basis_A)
    judged_A, verified_A = basis_A == PredictionBasis.CANDIDATE.value, basis_A == PredictionBasis.VERIFIED.value
    p_J = labels.p_correct_A[judged_A]
    counts, _ = np.histogram(p_J, bins=HISTOGRAM_BINS, range=(0.0, 1.0))
    totals = RunTotals(
        verified=int(labels.snapshot.confirmed_A.sum()),
        judged=len(p_J),
        probably_wrong=int((p_J < EVEN).sum()),
        would_accept=int(labels.would_accept_A.sum()),
    )
    return {
        "totals": asdict(totals),
        "histogram": counts.tolist(),
        "reliability": [asdict(each) for each in _reliability(labels, verified_A)],
        "classes": [asdict(row) for row in _class_rows(labels, needs, judged_A)],
        "acceptance": acceptance_curve(labels.p_correct_A[labels.admitted_A]),
    }


def acceptance_curve(p_correct_J: Floats) -> list[list[float]]:
    """Trace how many labels a threshold accepts and how many of these are expected to be right.

    Parameters
    ----------
    p_correct_J : float64 array [shape=(J,)]
        Probability of each label that may be accepted.

    Returns
    -------
    list of [threshold, accepted, expected precision]
        From the lowest threshold up; the last two change in one direction only.
    """
    if not len(p_correct_J):
        return []
    threshold_M, at_M = np.unique(p_correct_J, return_counts=True)
    accepted_M = np.cumsum(at_M[::-1])[::-1]
    expected_M = np.cumsum((threshold_M * at_M)[::-1])[::-1] / accepted_M
    kept = np.unique(np.linspace(0, len(threshold_M) - 1, CURVE_POINTS).round().astype(np.int64))
    return [[float(threshold_M[m]), int(accepted_M[m]), float(expected_M[m])] for m in kept]


def _reliability(labels: JudgedLabels, verified_A: Bools) -> list[Any]:
    one, p_NK = labels.snapshot.candidates, labels.verdict.p_NK
    rows = np.unique(labels.row_A[verified_A])
    rows = rows[one.verified_N[rows]]  # clips that teach one verified label
    confidence_J, right_J = p_NK[rows].max(axis=1), p_NK[rows].argmax(axis=1) == one.label_N[rows]
    return list(reliability_bins(np.clip(confidence_J, 0.0, 1.0), right_J, n_bins=RELIABILITY_BINS))


def _class_rows(labels: JudgedLabels, needs: CategoryNeeds, judged_A: Bools) -> list[ClassRow]:
    class_A, p_A, snapshot = labels.class_A, labels.p_correct_A, labels.snapshot
    n_classes = snapshot.candidates.n_classes

    def count(of_A: Bools) -> list[int]:
        counts: list[int] = np.bincount(class_A[of_A], minlength=n_classes).tolist()
        return counts

    judged_K, expected_K = count(judged_A), np.bincount(class_A[judged_A], 1 - p_A[judged_A], minlength=n_classes)
    wrong_K, accept_K = count(judged_A & (p_A < EVEN)), count(labels.would_accept_A)
    verified_K = np.bincount(snapshot.class_A[snapshot.confirmed_A], minlength=n_classes).tolist()
    return [
        ClassRow(
            category=int(snapshot.category_K[k]),
            name=snapshot.candidates.classes[k],
            verified=verified_K[k],
            judged=judged_K[k],
            probably_wrong=wrong_K[k],
            expected_wrong=float(expected_K[k]) / judged_K[k] if judged_K[k] else None,
            would_accept=accept_K[k],
            need=float(needs.need_K[k]),
            quality=float(needs.quality_K[k]),
        )
        for k in range(n_classes)
    ]
