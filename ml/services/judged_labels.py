"""A run's verdict on clips, brought to the candidate annotations of the dataset.

The verdict is on clips and the label that each teaches. A clip's other annotations are judged by the probability of
their category, to which that of rejected ones has gone. A rejected annotation is wrong; what the run says of it is
which class the clip should have instead. Clips with several labels, which are predicted only, are judged by the folds
that did not learn from other clips of the same participant (`ml.recipes.run`); the published recipes that have no folds
have none such.

Shapes: N clips, M members, K classes, A annotations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.models import PredictionBasis
from ml.recipes.candidates import Bools, Floats, Ints
from ml.recipes.plan import Verdict
from ml.recipes.run import VerificationRun as EngineRun
from ml.services.candidate_snapshot import Snapshot
from ml.verification.probabilities import NONE
from ml.verification.ruled_out import without_ruled_out


@dataclass(frozen=True, eq=False, kw_only=True)
class JudgedLabels:
    """What a run says of each annotation that it could judge.

    Attributes
    ----------
    snapshot : Snapshot
        What the run worked on.
    verdict : Verdict
        What it says of every clip.
    place_A : int64 array [shape=(A,)]
        Annotations as indices into those of the snapshot.
    basis_A : list of str [length A]
        What each was to the run, a value of `PredictionBasis`.
    p_correct_A : float64 array [shape=(A,)]
        Probability that each is right.
    admitted_A, would_accept_A : bool array [shape=(A,)]
        Whether the recipe lets it be accepted unheard at all, and at the precision that was asked for.
    """

    snapshot: Snapshot
    verdict: Verdict
    place_A: Ints
    basis_A: list[str]
    p_correct_A: Floats
    admitted_A: Bools
    would_accept_A: Bools

    @property
    def row_A(self) -> Ints:
        """The clip of each annotation."""
        return self.snapshot.row_A[self.place_A]

    @property
    def class_A(self) -> Ints:
        """The class of each annotation."""
        return self.snapshot.class_A[self.place_A]


def judged_labels(run: EngineRun, snapshot: Snapshot, *, precision: float) -> JudgedLabels:
    """Bring the verdict of a finished run to annotations.

    Parameters
    ----------
    run : ml.recipes.run.VerificationRun
        The run, all iterations joined.
    snapshot : Snapshot
        What it worked on.
    precision : float
        Share of the labels accepted unheard that is to be right.

    Returns
    -------
    JudgedLabels
        Annotations that no model could judge are left out, and rejected ones of clips that the run gives no class.
    """
    verdict = run.verdict(precision=precision)
    admits_N = run.verdict(precision=0.0).accept_N  # whatever the precision: the recipe's own rule
    one, row_A, class_A = snapshot.candidates, snapshot.row_A, snapshot.class_A
    taught_A = one.label_N[row_A] == class_A
    p_NK, rejected_A = without_ruled_out(verdict.p_NK, one.excluded_NK), snapshot.rejected_A
    p_A = np.where(taught_A, verdict.p_correct_N[row_A], p_NK[row_A, class_A])
    p_A = np.where(rejected_A, 0.0, p_A)
    known_A = ~np.isnan(verdict.p_correct_N[row_A]) | one.test_N[row_A]
    known_A = np.where(rejected_A, verdict.label_N[row_A] != NONE, known_A)
    basis_A = np.where(taught_A, PredictionBasis.CANDIDATE.value, PredictionBasis.OTHER.value)
    basis_A = np.where(snapshot.confirmed_A, PredictionBasis.VERIFIED.value, basis_A)
    basis_A = np.where(rejected_A, PredictionBasis.REJECTED.value, basis_A)
    candidate_A = basis_A == PredictionBasis.CANDIDATE.value
    return JudgedLabels(
        snapshot=snapshot,
        verdict=verdict,
        place_A=np.flatnonzero(known_A),
        basis_A=[str(basis) for basis in basis_A[known_A]],
        p_correct_A=np.clip(p_A[known_A], 0.0, 1.0),
        admitted_A=(candidate_A & admits_N[row_A])[known_A],
        would_accept_A=(candidate_A & admits_N[row_A] & verdict.accept_N[row_A])[known_A],
    )
