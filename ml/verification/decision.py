"""What a verification rule says about each clip.

All rules answer alike, so that the loop around them, the rows that are stored and the simulator need not know which
rule was asked. A decision never changes the given label in place: it says which label to train with next, and
whether that is trusted.

Shapes: N clips.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml.verification.probabilities import Bools, Ints
from ml.verification.progress_row import IterationRow


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer of a rule for the clips it was asked about.

    Attributes
    ----------
    accepted_N : bool array [shape=(N,)]
        Clips that the next training treats as verified.
    label_N : int64 array [shape=(N,)]
        Label to train with next: the given one, or another where `relabelled_N`; -1 for none.
    relabelled_N : bool array [shape=(N,)]
        Clips whose label the rule replaced.
    row : IterationRow
        The iteration in numbers.
    """

    accepted_N: Bools
    label_N: Ints
    relabelled_N: Bools
    row: IterationRow
