"""The figures of a finished run, kept beside it so that a page draws them from one row.

Histogram, table of classes and the curve by which people choose what to accept are of *judged* labels: those that are
the only one of their clip and that nobody had verified. Sureness is compared with the truth on verified labels, which
models that did not hear their group predicted; so are precision, recall and F-score of each class.

Two matrices say what is taken for what: verified labels against what models hear, and judged labels against those that
the run would give. Only cells that are not zero are kept, and of very full matrices not the rarest: with 200 classes a
summary of everything would weigh more than the page that shows it. Sums of rows and columns are kept whole, so that
scores do not depend on it.

Shapes: A annotations, J judged ones, K classes.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ml.metrics import class_scores, confusion_matrix
from ml.models import PredictionBasis
from ml.recipes.candidates import Bools, Floats, Ints
from ml.selectors.needs import CategoryNeeds
from ml.selectors.run_figures import ClassRow, RunTotals
from ml.services.judged_labels import JudgedLabels
from ml.verification.auto_accept import HeldOut, acceptance_curve
from ml.verification.calibration import reliability_bins

HISTOGRAM_BINS = 20
RELIABILITY_BINS = 10  # verified clips are few
CURVE_POINTS = 512  # thresholds that are kept, evenly over the labels; all of them where there are fewer
EVEN = 0.5
MOST_CELLS = 5_000  # of a matrix, beside its diagonal: about 70 kB as JSON; all of them up to 71 classes


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
    heard = _heard_rows(labels, verified_A)
    verified_KK = _matrix(labels, labels.snapshot.candidates.label_N[heard], labels.verdict.p_NK[heard].argmax(axis=1))
    given_KK = _matrix(labels, labels.class_A[judged_A], labels.verdict.label_N[labels.row_A[judged_A]])
    totals = RunTotals(
        verified=int(labels.snapshot.confirmed_A.sum()),
        judged=len(p_J),
        probably_wrong=int((p_J < EVEN).sum()),
        would_accept=int(labels.would_accept_A.sum()),
    )
    return {
        "totals": asdict(totals),
        "histogram": counts.tolist(),
        "reliability": [asdict(each) for each in _reliability(labels, heard)],
        "classes": [asdict(row) for row in _class_rows(labels, needs, judged_A, verified_KK)],
        "confusion": {"verified": kept_cells(verified_KK), "given": kept_cells(given_KK)},
        "assured": kept_curve(labels.p_correct_A[labels.admitted_A], labels.verdict.held_out),
    }


def kept_curve(p_correct_J: Floats, held_out: HeldOut | None) -> list[list[float]]:
    """Trace how many labels a threshold accepts and how many of these are right at least.

    Parameters
    ----------
    p_correct_J : float64 array [shape=(J,)]
        Probability of each label that may be accepted.
    held_out : HeldOut or None
        What verified clips witness.

    Returns
    -------
    list of [threshold, accepted, assured precision]
        From the lowest threshold up; the last two change in one direction only.
    """
    curve = acceptance_curve(p_correct_J, held_out)
    if not len(curve.threshold_M):
        return []
    target = np.linspace(curve.accepted_M[0], curve.accepted_M[-1], CURVE_POINTS)
    kept = np.unique(np.searchsorted(-curve.accepted_M, -target, side="right") - 1)
    return [[float(curve.threshold_M[m]), int(curve.accepted_M[m]), float(curve.precision_M[m])] for m in kept]


def kept_cells(counts_KK: Ints) -> dict[str, Any]:
    """Return a matrix as its cells that are not zero: the diagonal, and the most frequent of the others.

    Parameters
    ----------
    counts_KK : int64 array [shape=(K, K)]
        Labels by two classes.

    Returns
    -------
    dict
        ``cells``, a list of [row, column, count] by row and column; ``rows`` and ``columns``, the sums of the whole
        matrix.
    """
    row_C, column_C = np.nonzero(counts_KK)
    count_C, beside_C = counts_KK[row_C, column_C], row_C != column_C
    order = np.lexsort((column_C, row_C, -count_C, beside_C))  # the last key counts first
    kept = np.sort(order[: int((~beside_C).sum()) + MOST_CELLS])
    return {
        "cells": np.stack([row_C, column_C, count_C], axis=1)[kept].tolist(),
        "rows": counts_KK.sum(axis=1).tolist(),
        "columns": counts_KK.sum(axis=0).tolist(),
    }


def _matrix(labels: JudgedLabels, row_J: Ints, column_J: Ints) -> Ints:
    return confusion_matrix(row_J, column_J, n_classes=labels.snapshot.candidates.n_classes)


def _heard_rows(labels: JudgedLabels, verified_A: Bools) -> Ints:
    """Find the clips that teach one verified label and were judged."""
    rows = np.unique(labels.row_A[verified_A])
    taught: Ints = rows[labels.snapshot.candidates.verified_N[rows]]
    return taught


def _reliability(labels: JudgedLabels, rows: Ints) -> list[Any]:
    one, p_NK = labels.snapshot.candidates, labels.verdict.p_NK
    confidence_J, right_J = p_NK[rows].max(axis=1), p_NK[rows].argmax(axis=1) == one.label_N[rows]
    return list(reliability_bins(np.clip(confidence_J, 0.0, 1.0), right_J, n_bins=RELIABILITY_BINS))


def _class_rows(labels: JudgedLabels, needs: CategoryNeeds, judged_A: Bools, verified_KK: Ints) -> list[ClassRow]:
    class_A, p_A, snapshot = labels.class_A, labels.p_correct_A, labels.snapshot
    n_classes = snapshot.candidates.n_classes

    def count(of_A: Bools) -> list[int]:
        counts: list[int] = np.bincount(class_A[of_A], minlength=n_classes).tolist()
        return counts

    judged_K, expected_K = count(judged_A), np.bincount(class_A[judged_A], 1 - p_A[judged_A], minlength=n_classes)
    wrong_K, accept_K = count(judged_A & (p_A < EVEN)), count(labels.would_accept_A)
    # A class that is never answered has precision 0: leaving it out would reward networks that give up on it.
    scores = class_scores(verified_KK, zero_division=0.0)
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
            heard=int(scores.support_K[k]),
            precision=float(scores.precision_K[k]) if scores.support_K[k] else None,
            recall=float(scores.recall_K[k]) if scores.support_K[k] else None,
            f_score=float(scores.f1_K[k]) if scores.support_K[k] else None,
        )
        for k in range(n_classes)
    ]
