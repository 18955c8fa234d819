"""The clips of a verification run: what is claimed of each, who vouches for it, and whose recording it is.

A run asks of every non-verified clip whether its candidate label is right. It learns from all others, and two things
decide what may teach what: *verified* clips carry a label that people confirmed, and clips of one *group* (a
participant, or the recording that excerpts were cut from) resemble each other for reasons that have nothing to do
with their label, so that no model judges a clip of a group it was trained on. Test clips are predicted and nothing
else.

People also say what a clip is not. A *rejected* clip is one all of whose candidate labels people found absent: nothing
is left to judge, but of its classes fewer are left. Recipe `earmark` learns from that; the published ones, which know
labels alone, leave such clips out.

Shapes: N clips, K classes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml.verification.probabilities import NONE

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FEWEST_CLASSES = 2
_FEEDBACK = ("ruled_out_NK", "reviewed_N")


@dataclass(frozen=True, eq=False, kw_only=True)
class CandidateSet:
    """Clips with their candidate labels.

    Attributes
    ----------
    key_N : tuple of str
        Digest of each clip's audio, in hexadecimal.
    classes : tuple of str [length K]
        Names of the classes.
    label_N : int64 array [shape=(N,)]
        Candidate label of each clip as an index into `classes`; `NONE` for test clips.
    verified_N : bool array [shape=(N,)]
        Whether people confirmed the label.
    test_N : bool array [shape=(N,)]
        Whether the clip is to be predicted only.
    group_N : int64 array [shape=(N,)]
        Group of each clip.
    duration_s_N : float64 array [shape=(N,)]
        Length in seconds.
    ruled_out_NK : bool array [shape=(N, K)], optional
        Classes that people found absent from each clip; without, none. A clip that is neither for test nor verified,
        and has no candidate label or one that is ruled out, is a rejected one.
    reviewed_N : bool array [shape=(N,)], optional
        Verified clips whose label came as the candidates' did, non-verified, before people confirmed it. Together with
        candidates and rejected clips they show how such labels err; other verified clips do not. Without, none.

    Raises
    ------
    ValueError
        If the columns do not fit each other, or leave nothing to learn from or nothing to judge.
    """

    key_N: tuple[str, ...]
    classes: tuple[str, ...]
    label_N: Ints
    verified_N: Bools
    test_N: Bools
    group_N: Ints
    duration_s_N: Floats
    ruled_out_NK: Bools | None = None
    reviewed_N: Bools | None = None

    def __post_init__(self) -> None:
        for name in ("label_N", "verified_N", "test_N", "group_N", "duration_s_N"):
            if getattr(self, name).shape != (len(self.key_N),):
                message = f"{name} has the shape {getattr(self, name).shape}: expected ({len(self.key_N)},)."
                raise ValueError(message)
        if len(self.classes) < FEWEST_CLASSES:
            message = (
                f"Classes of the labels: {', '.join(self.classes) or 'none'}. Expected at least {FEWEST_CLASSES}; "
                "add clips of other categories."
            )
            raise ValueError(message)
        self._check_feedback()
        if ((self.label_N == NONE) & ~self.test_N & ~(self.rejected_N & self.excluded_NK.any(axis=1))).any():
            raise ValueError("A clip that is not for test has no candidate label.")
        if (self.verified_N & self.test_N).any():
            raise ValueError("A clip for test is marked as verified: its label may not be used.")
        present = np.unique(self.label_N[self.verified_N])
        if len(present) < FEWEST_CLASSES:
            message = (
                f"Verified clips: {int(self.verified_N.sum())}, of classes: {len(present)}. Expected verified clips of "
                f"at least {FEWEST_CLASSES} classes; have people rate some clips of each category first."
            )
            raise ValueError(message)

    def __len__(self) -> int:
        return len(self.key_N)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @cached_property
    def candidate_N(self) -> Bools:
        """Whether each clip is non-verified, so that its label is what the run judges."""
        return ~self.verified_N & ~self.test_N & ~self.rejected_N

    @cached_property
    def trained_N(self) -> Bools:
        """Whether each clip has a label that may be learned from."""
        return ~self.test_N & ~self.rejected_N

    @cached_property
    def excluded_NK(self) -> Bools:
        """Which classes people found absent from each clip, as an array in any case."""
        if self.ruled_out_NK is None:
            return np.zeros((len(self), self.n_classes), dtype=np.bool_)
        return self.ruled_out_NK

    @cached_property
    def rejected_N(self) -> Bools:
        """Whether people found all candidate labels of each clip absent."""
        left_N = (self.label_N != NONE) & ~label_excluded(self.excluded_NK, self.label_N)
        rejected_N: Bools = ~left_N & ~self.verified_N & ~self.test_N
        return rejected_N

    @cached_property
    def narrowed_N(self) -> Bools:
        """Whether each clip is a rejected one of which a class is left."""
        narrowed_N: Bools = self.rejected_N & ~self.excluded_NK.all(axis=1)
        return narrowed_N

    @cached_property
    def same_source_N(self) -> Bools:
        """Whether each clip shows how non-verified labels err: those still open, and those that people answered."""
        answered_N = np.zeros(len(self), dtype=np.bool_) if self.reviewed_N is None else self.reviewed_N
        same_source_N: Bools = self.candidate_N | self.narrowed_N | answered_N
        return same_source_N

    def digest(self) -> str:
        """Compute a digest of all columns, which is stored with the run and guards its resumption."""
        digest = hashlib.sha256()
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _FEEDBACK:
                if value is None or not value.any():
                    continue  # as before there was feedback, so that runs without any keep their digest
                digest.update(field.name.encode())
            digest.update("\0".join(value).encode() if isinstance(value, tuple) else value.tobytes())
            digest.update(b"\1")
        return digest.hexdigest()

    def _check_feedback(self) -> None:
        if self.excluded_NK.shape != (len(self), self.n_classes):
            message = f"ruled_out_NK has the shape {self.excluded_NK.shape}: expected ({len(self)}, {self.n_classes})."
            raise ValueError(message)
        if (self.verified_N & label_excluded(self.excluded_NK, self.label_N)).any():
            raise ValueError("A verified label is ruled out for its clip: people cannot have said both.")
        if self.reviewed_N is None:
            return
        if self.reviewed_N.shape != (len(self),):
            message = f"reviewed_N has the shape {self.reviewed_N.shape}: expected ({len(self)},)."
            raise ValueError(message)
        if (self.reviewed_N & ~self.verified_N).any():
            raise ValueError("A clip is marked as reviewed whose label is not verified.")


def label_excluded(excluded_NK: Bools, label_N: Ints) -> Bools:
    """Tell of each clip whether its label is among the classes that are excluded; False where it has none."""
    own_N: Bools = excluded_NK[np.arange(len(label_N)), label_N] & (label_N != NONE)
    return own_N
