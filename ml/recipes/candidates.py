"""The clips of a verification run: what is claimed of each, who vouches for it, and whose recording it is.

A run asks of every non-verified clip whether its candidate label is right. It learns from all others, and two things
decide what may teach what: *verified* clips carry a label that people confirmed, and clips of one *group* (a
participant, or the recording that excerpts were cut from) resemble each other for reasons that have nothing to do
with their label, so that no model judges a clip of a group it was trained on. Test clips are predicted and nothing
else.

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
        if ((self.label_N == NONE) & ~self.test_N).any():
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
        return ~self.verified_N & ~self.test_N

    @cached_property
    def trained_N(self) -> Bools:
        """Whether each clip has a label that may be learned from."""
        return ~self.test_N

    def digest(self) -> str:
        """Compute a digest of all columns, which is stored with the run and guards its resumption."""
        digest = hashlib.sha256()
        for field in fields(self):
            value = getattr(self, field.name)
            digest.update("\0".join(value).encode() if isinstance(value, tuple) else value.tobytes())
            digest.update(b"\1")
        return digest.hexdigest()
