"""A dataset's policy: every number that decides about audio, votes, ratings and splits.

A decision is a pure function of rows and of a policy. Policies are stored by version and never edited,
so that any decision can be recomputed. The defaults are the published ones: CochlScene for format, votes
and split shares, FSDKaggle2018 for agreement. Licences and the lengths of imported clips are left open: a
dataset names its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Literal, get_args

from curation.domain.shares import Shares

VoteRule = Literal["decision", "criterion"]
Dither = Literal["none", "tpdf"]

MIN_SAMPLE_RATE_HZ = 4_000
MAX_SAMPLE_RATE_HZ = 384_000
MAX_FREE_RATE_HZ = 65_535  # FLAC, in which clips are heard, knows multiples of 10 alone above (RFC 9639, 9.1.2)
LARGEST = 1e12  # what a configuration file may hold beyond it is no number that floats or JSON carry
MAX_CLIP_S = 3_600.0  # a clip is held in memory, and an hour at any rate still fits into a WAV file


class PolicyError(ValueError):
    """A policy that cannot be used; the message names the field and what it accepts."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The stored, versioned parameters of a dataset.

    Attributes
    ----------
    segment_s : float
        Length of a segment in seconds (CochlScene II.D: 10).
    sample_rate_hz : int
        Rate of every clip (CochlScene III.A: 44,100). Sources at another rate are resampled by soxr (HQ).
    dither : {"none", "tpdf"}
        Dither when samples are rounded to 16 bit. ``none`` keeps rounding reproducible and never touches
        a source that already has 16 bit; ``tpdf`` adds triangular noise of ±1 step, seeded per recording.
    votes_min, votes_max : int
        Voters per submission (CochlScene II.C: 3 to 5).
    vote_rule : {"decision", "criterion"}
        Majority of the voters' binary decisions (the paper's), or a majority on each criterion.
    agreement : int
        Different annotators that must give the same value (FSDKaggle2018 3.2: 2).
    train_share, val_share : float
        Most of each class's clips that training and validation may hold (CochlScene III.B: 0.8, 0.1).
    licences : tuple of str
        Licence identifiers (SPDX, lower case) that may enter; empty admits any.
    min_clip_s, max_clip_s : float
        Shortest and longest imported clip in seconds (FSDKaggle2018 3.3: 0.3 to 30 are released; import
        is wider, since selection may be decided later).
    max_recording_s : float
        Longest recording in seconds that is decoded at all.
    """

    segment_s: float = 10.0
    sample_rate_hz: int = 44_100
    dither: Dither = "none"
    votes_min: int = 3
    votes_max: int = 5
    vote_rule: VoteRule = "decision"
    agreement: int = 2
    train_share: float = 0.8
    val_share: float = 0.1
    licences: tuple[str, ...] = ()
    min_clip_s: float = 0.05
    max_clip_s: float = 600.0
    max_recording_s: float = 7_200.0

    def __post_init__(self) -> None:
        """Refuse values that no rule could follow."""
        checks = (
            *((name, isfinite(getattr(self, name)), "a finite number") for name in self._float_names()),
            ("segment_s", 0.1 <= self.segment_s <= 600, "between 0.1 and 600 seconds"),
            (
                "sample_rate_hz",
                MIN_SAMPLE_RATE_HZ <= self.sample_rate_hz <= MAX_SAMPLE_RATE_HZ,
                f"between {MIN_SAMPLE_RATE_HZ} and {MAX_SAMPLE_RATE_HZ} Hz",
            ),
            (
                "sample_rate_hz",
                self.sample_rate_hz <= MAX_FREE_RATE_HZ or self.sample_rate_hz % 10 == 0,
                f"a multiple of 10 above {MAX_FREE_RATE_HZ} Hz",
            ),
            ("segment_s", self._whole_segments(), "a whole number of samples at sample_rate_hz"),
            ("dither", self.dither in get_args(Dither), f"one of {', '.join(get_args(Dither))}"),
            ("votes_min", 1 <= self.votes_min <= self.votes_max, "at least 1 and at most votes_max"),
            ("votes_max", self.votes_max <= 99, "at most 99"),
            ("vote_rule", self.vote_rule in get_args(VoteRule), f"one of {', '.join(get_args(VoteRule))}"),
            ("agreement", 1 <= self.agreement <= 99, "between 1 and 99 annotators"),
            ("train_share", _are_shares(self.train_share, 0), "a decimal number, 0 or from 1e-20 to 1"),
            (
                "val_share",
                _are_shares(self.train_share, self.val_share),
                f"a decimal number, 0 or from 1e-20 to 1 - train_share ({self.train_share!r})",
            ),
            ("min_clip_s", 0 < self.min_clip_s <= self.max_clip_s, "above 0 and at most max_clip_s"),
            ("max_clip_s", self.max_clip_s <= MAX_CLIP_S, f"at most {MAX_CLIP_S:g} seconds"),
            ("max_recording_s", self.segment_s <= self.max_recording_s <= 86_400, "between segment_s and a day"),
        )
        for name, holds, accepts in checks:
            if not holds:
                message = f"policy.{name} = {getattr(self, name)!r}: must be {accepts}."
                raise PolicyError(message)

    @classmethod
    def _float_names(cls) -> list[str]:
        return [field.name for field in fields(cls) if isinstance(field.default, float)]

    def _whole_segments(self) -> bool:
        if not isfinite(self.segment_s):
            return False
        frames = self.segment_s * self.sample_rate_hz
        return abs(frames - round(frames)) < 1e-6

    @property
    def segment_frames(self) -> int:
        """Samples in one segment."""
        return round(self.segment_s * self.sample_rate_hz)

    def to_document(self) -> dict[str, Any]:
        """Return the policy as plain JSON values."""
        document = asdict(self)
        document["licences"] = list(self.licences)
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Policy:
        """Build a policy from stored JSON or a configuration file; absent fields take the defaults.

        Parameters
        ----------
        document : dict
            Field names and values.

        Returns
        -------
        Policy
            The checked policy.

        Raises
        ------
        PolicyError
            If a field is unknown or a value is out of range or of the wrong kind.
        """
        known = {field.name: field for field in fields(cls)}
        unknown = sorted(set(document) - set(known))
        if unknown:
            message = f"policy.{unknown[0]} is unknown. Known: {', '.join(sorted(known))}."
            raise PolicyError(message)
        values: dict[str, Any] = {}
        for name, value in document.items():
            default = known[name].default
            if isinstance(default, tuple):
                right = isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value)
                values[name] = tuple(value) if right else value
            elif isinstance(default, float):
                right = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST
                values[name] = float(value) if right else value
            else:
                right = isinstance(value, type(default)) and not isinstance(value, bool)
                values[name] = value
            if not right:
                message = f"policy.{name} = {value!r}: must be like {default!r}."
                raise PolicyError(message)
        return cls(**values)


def _are_shares(train: float, val: float) -> bool:
    """Return whether a split takes them, so that no policy is stored by which nothing can be split."""
    try:
        Shares.parse(train, val)
    except ValueError:
        return False
    return True
