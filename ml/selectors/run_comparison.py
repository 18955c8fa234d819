"""Two to four runs side by side: what was asked for, what came of it, and what differs in words.

The first run is what the others are compared with. Whether more is better is said only where it is: a higher mAP@3
against labels of which some are wrong is not, and nothing is where runs judged other labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Q

from curation.models import Job
from ml.models import VerificationRun
from ml.selectors.run_figures import (
    RunTotals,
    calibration_error,
    class_table,
    expected_share_wrong,
    iteration_table,
    macro_f_score,
    reliability,
    run_totals,
)
from ml.selectors.runs import STEP

Better = Literal["higher", "lower", "neither"]
Judgement = Literal["", "better", "worse"]

_SHOWN = 0.0005  # least difference that a page shows, of shares in percent with one digit and of scores with three


@dataclass(frozen=True, kw_only=True)
class RunColumn:
    """One run.

    Attributes
    ----------
    run : VerificationRun
        The row.
    totals : RunTotals or None
        None for a run that is not finished, like all that follows.
    last : dict or None
        Row of the last iteration that is joined.
    expected_wrong : float or None
        Share of the judged labels that is expected to be wrong.
    f_macro : float or None
        Mean of the classes' F-scores on verified clips; None for runs from before this was kept.
    ece : float or None
        Expected calibration error on verified clips.
    training_s : float or None
        Seconds that its steps trained, on all workers together; None where their jobs are gone.
    elapsed_s : float or None
        Seconds from its start to its end, waiting included.
    """

    run: VerificationRun
    totals: RunTotals | None
    last: dict[str, Any] | None
    expected_wrong: float | None
    f_macro: float | None
    ece: float | None
    training_s: float | None
    elapsed_s: float | None

    @property
    def share_accepted(self) -> float | None:
        """Share of the judged labels that could be accepted at the precision that was asked for."""
        if self.totals is None or not self.totals.judged:
            return None
        return self.totals.would_accept / self.totals.judged

    @property
    def share_probably_wrong(self) -> float | None:
        """Share of the judged labels that are more probably wrong than right."""
        if self.totals is None or not self.totals.judged:
            return None
        return self.totals.probably_wrong / self.totals.judged


@dataclass(frozen=True, kw_only=True)
class ComparedValue:
    """A figure of one run: its value, how much it is above that of the first run, and whether that is better.

    A difference too small to be shown is 0.
    """

    value: float | None
    difference: float | None
    judgement: Judgement


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs side by side.

    Attributes
    ----------
    columns : list of RunColumn
        The runs.
    same_labels : bool
        Whether all worked on the same clips, labels and groups.
    same_precision : bool
        Whether the same precision was asked of all.
    figures : dict of str to list of ComparedValue
        By name of a figure, one value for each run.
    """

    columns: list[RunColumn]
    same_labels: bool
    same_precision: bool
    figures: dict[str, list[ComparedValue]]


def compare_runs(runs: Sequence[VerificationRun]) -> list[RunColumn]:
    """Read what is known of some runs of one dataset, in one query beside their rows.

    Parameters
    ----------
    runs : sequence of VerificationRun
        From `ml.selectors.runs.runs_of`.

    Returns
    -------
    list of RunColumn
        In the same order.
    """
    training_s = _training_seconds(runs)
    return [_column(run, training_s.get(run.number)) for run in runs]


def comparison(columns: Sequence[RunColumn]) -> Comparison:
    """Compare runs with the first of them."""
    same_labels = len({column.run.candidates_digest for column in columns}) <= 1
    same_precision = len({column.run.precision for column in columns}) <= 1
    acceptance: Better = "higher" if same_precision else "neither"
    chosen: dict[str, tuple[Callable[[RunColumn], float | None], Better, float]] = {
        "verified": (lambda column: column.totals.verified if column.totals else None, "neither", 1),
        "judged": (lambda column: column.totals.judged if column.totals else None, "neither", 1),
        "probably_wrong": (lambda column: column.share_probably_wrong, "neither", _SHOWN),
        "expected_wrong": (lambda column: column.expected_wrong, "neither", _SHOWN),
        "accepted": (lambda column: column.share_accepted, acceptance, _SHOWN),
        "map_at_3": (lambda column: (column.last or {}).get("map_at_3"), "neither", _SHOWN),
        "f_macro": (lambda column: column.f_macro, "higher", _SHOWN),
        "ece": (lambda column: column.ece, "lower", _SHOWN),
        "training_s": (lambda column: column.training_s, "neither", 1),
        "elapsed_s": (lambda column: column.elapsed_s, "neither", 1),
    }
    return Comparison(
        columns=list(columns),
        same_labels=same_labels,
        same_precision=same_precision,
        figures={
            name: _compared([read(column) for column in columns], better if same_labels else "neither", least)
            for name, (read, better, least) in chosen.items()
        },
    )


def _compared(values: list[float | None], better: Better, least: float) -> list[ComparedValue]:
    first = values[0] if values else None
    compared = [ComparedValue(value=first, difference=None, judgement="")]
    for value in values[1:]:
        difference = None if value is None or first is None else value - first
        if difference is not None and abs(difference) < least:
            difference = 0.0
        judgement: Judgement = ""
        if difference and better != "neither":
            judgement = "better" if (difference > 0) == (better == "higher") else "worse"
        compared.append(ComparedValue(value=value, difference=difference, judgement=judgement))
    return compared


def _column(run: VerificationRun, training_s: float | None) -> RunColumn:
    rows, classes = iteration_table(run), class_table(run)
    return RunColumn(
        run=run,
        totals=run_totals(run),
        last=rows[-1] if rows else None,
        expected_wrong=expected_share_wrong(classes),
        f_macro=macro_f_score(classes),
        ece=calibration_error(reliability(run)),
        training_s=training_s,
        elapsed_s=(run.finished_at - run.created_at).total_seconds() if run.finished_at else None,
    )


def _training_seconds(runs: Sequence[VerificationRun]) -> dict[int, float]:
    """Add up how long the steps of each run trained, by the run's number.

    A step that an earlier start of the run had finished may have been asked for again and tells the same seconds, so
    that each counts once.
    """
    if not runs:
        return {}
    dataset = runs[0].dataset
    starts = {f"{dataset.slug}/verification-{run.number}/": run.number for run in runs}
    theirs = Q()
    for start in starts:
        theirs |= Q(key__startswith=start)
    seconds: dict[tuple[int, str], float] = {}
    for key, result in Job.objects.filter(theirs, dataset=dataset, kind=STEP).values_list("key", "result"):
        slug, name, _attempt, step = key.split("/")
        place = starts[f"{slug}/{name}/"], step
        seconds[place] = max(seconds.get(place, 0.0), result.get("seconds", 0.0))
    totals: dict[int, float] = {}
    for (number, _), spent in seconds.items():
        totals[number] = totals.get(number, 0.0) + spent
    return totals
