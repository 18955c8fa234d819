"""Seven labels on five clips of two people: of each kind that a run tells apart, one."""

from __future__ import annotations

from ml.selectors.candidates import Claim
from ml.services.candidate_snapshot import Snapshot

NAMES = {1: "Bus", 2: "Tone"}  # classes 0 and 1


def claim(
    annotation: int, clip: int, category: int, person: int, *, confirmed: bool = False, rejected: bool = False
) -> Claim:
    state = "settled" if confirmed or rejected else "unrated"
    consensus = "NP" if rejected else "PP" if confirmed else ""
    return Claim(annotation, clip, category, state, False, person, 1.0, 8_000, f"clips/{clip}.wav", consensus)  # noqa: FBT003 -- a row


SNAPSHOT = Snapshot.of(
    [
        claim(10, 1, 1, 7, confirmed=True),
        claim(20, 2, 2, 8, confirmed=True),
        claim(21, 2, 1, 8),  # beside the confirmed one
        claim(30, 3, 1, 7),
        claim(40, 4, 2, 8),
        claim(50, 5, 1, 7),  # two open ones
        claim(51, 5, 2, 7),
    ],
    NAMES,
)
