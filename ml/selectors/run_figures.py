"""The figures of a run, read from what was kept of them when it finished: no page goes over a million predictions.

`ml.services.run_summary` writes them, from the same classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from curation.domain.sentences import Sentence, gettext_noop, sentence
from ml.models import RecipeName, VerificationRun
from ml.verification.accept_threshold import AcceptThreshold, first_reaching
from ml.verification.calibration import FEWEST, ReliabilityBin, expected_calibration_error


@dataclass(frozen=True, kw_only=True)
class HistogramBin:
    """Labels whose probability of being right is at least `low` and below `high`; the last bin has 1 too."""

    low: float
    high: float
    labels: int


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """What a run found of one category.

    Attributes
    ----------
    category : int
        Primary key.
    name : str
        Its name then.
    verified, judged : int
        Labels that people had verified, and clips' only labels that nobody had.
    probably_wrong : int
        Judged labels that are more probably wrong than right.
    expected_wrong : float or None
        Share of the judged labels that is expected to be wrong; None where none was judged.
    would_accept : int
        Judged labels that could be accepted at the precision that was asked for.
    need, quality : float
        See `ml.selectors.needs`.
    heard : int
        Verified clips that networks which did not hear their group judged; 0 for runs from before this was kept.
    precision, recall, f_score : float or None
        Of these networks on these clips; None where there is no such clip. Precision is 0 where they never answered it.
    """

    category: int
    name: str
    verified: int
    judged: int
    probably_wrong: int
    expected_wrong: float | None
    would_accept: int
    need: float
    quality: float
    heard: int = 0
    precision: float | None = None
    recall: float | None = None
    f_score: float | None = None


@dataclass(frozen=True, kw_only=True)
class LinkedClassRow(ClassRow):
    """A row whose name leads to the rows behind it."""

    url: str


@dataclass(frozen=True, kw_only=True)
class RunTotals:
    """A run in four numbers; labels of clips with several are not among them."""

    verified: int
    judged: int
    probably_wrong: int
    would_accept: int


def iteration_table(run: VerificationRun) -> list[dict[str, Any]]:
    """Return the row of each iteration done (Nguyen, table 2): positions of the given labels, mAP@3 and more."""
    rows: list[dict[str, Any]] = run.summary.get("iterations", [])
    return rows


def run_totals(run: VerificationRun) -> RunTotals | None:
    """Return a finished run's totals."""
    return RunTotals(**run.summary["totals"]) if "totals" in run.summary else None


def probability_histogram(run: VerificationRun) -> list[HistogramBin]:
    """Return how probable the judged labels are; empty for a run that is not finished."""
    counts = run.summary.get("histogram", [])
    return [
        HistogramBin(low=place / len(counts), high=(place + 1) / len(counts), labels=count)
        for place, count in enumerate(counts)
    ]


def class_table(run: VerificationRun) -> list[ClassRow]:
    """Return a row for each category, by name."""
    return [ClassRow(**row) for row in run.summary.get("classes", [])]


def linked(rows: Iterable[ClassRow], link: Callable[[int], str]) -> list[LinkedClassRow]:
    """Let the name of each category lead somewhere.

    Parameters
    ----------
    rows : iterable of ClassRow
        From `class_table`.
    link : callable
        Given a category's primary key, returns an address.
    """
    return [LinkedClassRow(**asdict(row), url=link(row.category)) for row in rows]


def macro_f_score(rows: Iterable[ClassRow]) -> float | None:
    """Average the F-scores of the classes that have one; None if none has."""
    scores = [row.f_score for row in rows if row.f_score is not None]
    return sum(scores) / len(scores) if scores else None


def expected_share_wrong(rows: Iterable[ClassRow]) -> float | None:
    """Return the share of all judged labels that is expected to be wrong; None if none was judged."""
    judged = [(row.judged, row.expected_wrong) for row in rows if row.expected_wrong is not None]
    labels = sum(count for count, _ in judged)
    return sum(count * share for count, share in judged) / labels if labels else None


def calibration_error(bins: list[ReliabilityBin]) -> float | None:
    """Return the expected calibration error; None without clips."""
    return expected_calibration_error(bins) if any(each.clips for each in bins) else None


def reliability(run: VerificationRun) -> list[ReliabilityBin]:
    """Compare the sureness of predictions with how often they are right, on verified clips."""
    return [ReliabilityBin(**row) for row in run.summary.get("reliability", [])]


def heard_clips(run: VerificationRun) -> int | None:
    """Count the verified clips that networks judged which did not hear their participant; None if that is not known."""
    bins = reliability(run)
    return sum(each.clips for each in bins) if bins else None


def heard_too_few(run: VerificationRun) -> bool:
    """Tell whether a finished run accepts nothing unheard for want of verified clips by which to trust it."""
    heard = heard_clips(run)
    return not run.summary.get("assured") and heard is not None and heard < FEWEST


def acceptance_preview(run: VerificationRun, precision: float) -> AcceptThreshold:
    """Say which labels would be accepted at a precision, without looking at predictions.

    Parameters
    ----------
    run : VerificationRun
        A finished run.
    precision : float
        Share of the accepted labels that is to be right, 0 to 1.

    Returns
    -------
    AcceptThreshold
        Counted when the run finished. The curve keeps `ml.services.run_summary.CURVE_POINTS` thresholds; between two
        of them the stricter one is taken, so that the precision is reached in any case.

    Raises
    ------
    ValueError
        If `precision` is outside 0 to 1.
    """
    clips = run.summary.get("totals", {}).get("judged", 0)
    curve: list[tuple[float, int, float]] = run.summary.get("assured", [])
    return first_reaching(curve, precision=precision, clips=clips)


def why_nothing(run: VerificationRun) -> Sentence:
    """Say why no label of a finished run reaches a precision, and what helps."""
    curve = run.summary.get("assured")
    if curve:
        text = gettext_noop(
            "No labels reach this precision: at most %(share).1f %% of them are right for certain. Ask for less, or "
            "have more clips rated and run again."
        )
        return sentence(text, share=math.floor(1000 * curve[-1][2]) / 10)
    if heard_too_few(run) and run.recipe != RecipeName.EARMARK:
        text = gettext_noop(
            "Nothing may be accepted unheard: in this recipe networks judged %(n)d verified clips of participants whom "
            "they had not heard, and at least %(least)d tell how far probabilities can be trusted. Run Earmark, which "
            "has all of them judged so."
        )
        return sentence(text, n=heard_clips(run) or 0, least=FEWEST)
    if heard_too_few(run):
        text = gettext_noop(
            "Nothing may be accepted unheard: networks judged %(n)d verified clips of participants whom they had not "
            "heard, and at least %(least)d tell how far probabilities can be trusted. Have clips of more participants "
            "confirmed, or of a few of those whose labels wait, and run again."
        )
        return sentence(text, n=heard_clips(run) or 0, least=FEWEST)
    return sentence(
        gettext_noop("No label is sure enough to be accepted unheard. Have more clips rated and run again.")
    )
