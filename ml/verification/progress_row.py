"""How far a round of label verification came: one column of Nguyen's table 2.

A verification loop trains on what is verified, predicts the rest and admits what passes its rule. Whether it still
makes progress shows in few numbers, which Nguyen et al. print for each iteration: verified clips before it, clips
that it adds, at which position the prediction names the given labels of those that were not verified, and mAP@3
with the given labels as truth. They say nothing about whether the labels are right; they fall from round to
round because the easy clips leave. The paper stops when the number of labels outside the top three levels off.

The columns of table 2 agree with each other: positions and incorrect labels sum to the non-verified total, mAP@3
follows from them, and verified plus added is the next column's verified. The last step and the text do not:

* After iteration 4, 7470 + 569 = 8039 clips are verified, as the text says, and 2003 - 569 = 1434 are left, where the
  text says 1424. Its 8039 + 1424 = 9463 falls ten short of the 9473 clips of the dataset, so 1434 is meant.
* The 152 relabelled clips are in no row: 8039 leaves them out, so they count among the 1434.
* "569 out of 576" first-place clips are added at above 0.1: the other seven stay, although they agree.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label
   smoothing, and background noise normalization for audio event tagging", DCASE 2018, section 3 and table 2.

Shapes: N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.metrics import label_positions
from ml.verification.probabilities import NONE, Floats, Ints

_COUNTS = ("verified", "added", "correct_1st", "correct_2nd", "correct_3rd", "incorrect", "without_label")


@dataclass(frozen=True, kw_only=True)
class IterationRow:
    """One column of Nguyen's table 2.

    Attributes
    ----------
    iteration : int
        From 1.
    verified : int
        Clips that were verified before this iteration's admissions.
    added : int
        Clips that this iteration admits.
    correct_1st, correct_2nd, correct_3rd : int
        Non-verified clips whose given label is predicted at that position; a tie counts against the label.
    incorrect : int
        Non-verified clips whose given label is not among the three.
    without_label : int
        Non-verified clips that came without a label, of which table 2 has none.
    """

    iteration: int
    verified: int
    added: int
    correct_1st: int
    correct_2nd: int
    correct_3rd: int
    incorrect: int
    without_label: int = 0

    def __post_init__(self) -> None:
        for name in _COUNTS:
            if getattr(self, name) < 0:
                message = f"{name} = {getattr(self, name)}: expected no negative number."
                raise ValueError(message)
        if self.iteration < 1:
            message = f"iteration = {self.iteration}: expected 1 or more."
            raise ValueError(message)
        if self.added > self.non_verified:
            message = f"added = {self.added}: expected at most the {self.non_verified} that were not verified."
            raise ValueError(message)

    @property
    def non_verified(self) -> int:
        """Clips that were not verified before this iteration's admissions."""
        return self.correct_1st + self.correct_2nd + self.correct_3rd + self.incorrect + self.without_label

    @property
    def verified_after(self) -> int:
        """Verified clips of the next iteration."""
        return self.verified + self.added

    @property
    def map_at_3(self) -> float | None:
        """Mean average precision at 3 against the given labels, 0 to 1; None where no clip has one."""
        labelled = self.non_verified - self.without_label
        if not labelled:
            return None
        return (self.correct_1st + self.correct_2nd / 2 + self.correct_3rd / 3) / labelled


def iteration_row(p_NK: Floats, candidate_N: Ints, *, iteration: int, verified: int, added: int) -> IterationRow:
    """Count at which position predictions name the given labels of the clips that are not verified.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities of the clips that are not verified, from models that were not trained on them.
    candidate_N : int64 array [shape=(N,)]
        Their given labels, -1 for none.
    iteration : int
        From 1.
    verified : int
        Clips verified before this iteration.
    added : int
        Clips that this iteration admits.

    Returns
    -------
    IterationRow
        The counts.

    References
    ----------
    Nguyen et al., section 3 and table 2.
    """
    labelled_N = candidate_N != NONE
    position_N = label_positions(p_NK[labelled_N], candidate_N[labelled_N])
    first, second, third = (int(np.count_nonzero(position_N == place)) for place in (1, 2, 3))
    return IterationRow(
        iteration=iteration,
        verified=verified,
        added=added,
        correct_1st=first,
        correct_2nd=second,
        correct_3rd=third,
        incorrect=len(position_N) - first - second - third,
        without_label=int(np.count_nonzero(~labelled_N)),
    )
