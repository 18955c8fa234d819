"""Counting an export by class and part of the split, as table I of CochlScene does.

A class counts the clips that carry it, the submissions those clips were cut from and the people who
recorded them. A clip of two classes counts in both and once in the total.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from curation.models import Subset
from curation.selectors.exports import ExportClip

TOTAL = "Total"
PARTS = (TOTAL, *(str(subset.value) for subset in Subset))


@dataclass
class _Tally:
    clips: int = 0
    duration_s: float = 0.0
    imported: int = 0
    submissions: set[str] = field(default_factory=set)
    participants: set[str] = field(default_factory=set)

    def add(self, clip: ExportClip) -> None:
        self.clips += 1
        self.duration_s += clip.duration_s
        self.participants.add(clip.participant)
        if clip.submission:
            self.submissions.add(clip.submission)
        else:
            self.imported += 1


class Counts:
    """Tallies by class and part; `TOTAL` is a part of its own and a row of its own."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def add(self, clip: ExportClip) -> None:
        """Count a released clip under each class that it is released with."""
        for row in (*(annotation.category for annotation in clip.released), TOTAL):
            for part in (clip.subset, TOTAL):
                self._tallies.setdefault((row, part), _Tally()).add(clip)

    def clips(self, row: str = TOTAL, part: str = TOTAL) -> int:
        """Return the number of clips."""
        return self._tally(row, part).clips

    def duration_s(self, part: str = TOTAL) -> float:
        """Return the length of all clips in seconds."""
        return self._tally(TOTAL, part).duration_s

    def participants(self, row: str = TOTAL, part: str = TOTAL) -> int:
        """Return the number of people who recorded the clips."""
        return len(self._tally(row, part).participants)

    def submissions(self, row: str = TOTAL, part: str = TOTAL) -> int:
        """Return the number of submissions that the clips were cut from; imported clips have none."""
        return len(self._tally(row, part).submissions)

    def imported(self) -> int:
        """Return the number of clips that were not cut here."""
        return self._tally(TOTAL, TOTAL).imported

    def table(self) -> dict[str, dict[str, int]]:
        """Return the clips by class and part."""
        return {row: {part: self.clips(row, part) for part in PARTS if part != TOTAL} for row in self.classes}

    @property
    def classes(self) -> list[str]:
        """The classes, by name."""
        return sorted({row for row, _ in self._tallies} - {TOTAL})

    def _tally(self, row: str, part: str) -> _Tally:
        return self._tallies.get((row, part), _Tally())

    def markdown(self) -> str:
        """Return the table: files (submissions) and participants, in total and by part."""
        parts = [part.capitalize() for part in PARTS]
        lines = [
            "| Class | "
            + " | ".join(f"Files: {part}" for part in parts)
            + " | "
            + " | ".join(f"Participants: {part}" for part in parts)
            + " |",
            "|---|" + "---:|" * (2 * len(parts)),
        ]
        for row in [*self.classes, TOTAL]:
            files = [self._files(row, part) for part in PARTS]
            people = [f"{self.participants(row, part):,}" for part in PARTS]
            lines.append(f"| {' | '.join([row.replace('|', ' '), *files, *people])} |")
        return "\n".join(lines)

    def _files(self, row: str, part: str) -> str:
        clips, submissions = self.clips(row, part), self.submissions(row, part)
        return f"{clips:,} ({submissions:,})" if self.submissions() else f"{clips:,}"
