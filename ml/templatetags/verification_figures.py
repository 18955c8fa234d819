"""The figures of a verification run, drawn for a template: each tag takes what a selector returns.

The geometry is in `ml.selectors`; a template only writes it down as SVG and as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from curation.models import JobState
from ml.selectors.figure_iterations import IterationTable, iteration_figure
from ml.selectors.figure_judged import (
    AcceptanceDrawing,
    Histogram,
    ReliabilityDiagram,
    acceptance_drawing,
    histogram,
    reliability_diagram,
)
from ml.selectors.figure_losses import LossFigure, loss_figure
from ml.selectors.run_comparison import ComparedValue, Comparison, RunColumn, comparison
from ml.selectors.run_figures import HistogramBin
from ml.selectors.runs import StepView
from ml.verification.accept_threshold import AcceptThreshold
from ml.verification.calibration import ReliabilityBin

register = template.Library()

_MINUTE, _HOUR = 60, 3600
_NO_NUMBER = "–"  # noqa: RUF001 -- a dash is meant


@register.simple_tag
def iteration_bars(rows: Sequence[dict[str, Any]]) -> IterationTable:
    """Return the table of iterations with its bars."""
    return iteration_figure(rows or [])


@register.simple_tag
def probability_drawing(bins: Sequence[HistogramBin], other: Sequence[HistogramBin] | None = None) -> Histogram:
    """Draw how probable judged labels are, over those of another run if there is one."""
    return histogram(bins or [], other or ())


@register.simple_tag
def reliability_drawing(bins: Sequence[ReliabilityBin]) -> ReliabilityDiagram:
    """Draw sureness against truth."""
    return reliability_diagram(bins or [])


@register.simple_tag
def loss_drawing(steps: Sequence[StepView], members: Sequence[dict[str, Any]] | None = None) -> LossFigure:
    """Draw the losses of all steps; `members` are those of the run's plan, if there is one yet."""
    return loss_figure(steps or [], [member["name"] for member in members or ()])


@register.simple_tag
def acceptance_curve(
    curve: Sequence[Sequence[float]], chosen: AcceptThreshold | None, judged: int | None = None
) -> AcceptanceDrawing:
    """Draw which share could be accepted at which precision."""
    return acceptance_drawing(curve or [], chosen or None, judged=judged or 0)


@register.simple_tag
def run_comparison(columns: Sequence[RunColumn]) -> Comparison:
    """Compare runs with the first of them."""
    return comparison(columns or [])


@register.filter
def decimals(number: float | None, digits: int = 2) -> str:
    """Write a number with so many digits after the point; a dash for None.

    Django cuts digits off, so that it is rounded before.
    """
    return _NO_NUMBER if number is None else number_format(round(number, digits), digits)


@register.filter
def share(value: float | None, digits: int = 1) -> str:
    """Write a share (0 to 1) in percent with its sign; a dash for None."""
    return _NO_NUMBER if value is None else f"{decimals(100 * value, digits)} %"


@register.filter
def score(value: float | None) -> str:
    """Write a score (0 to 1); a dash for None."""
    return decimals(value, 3)


@register.filter
def working_time(seconds: float | None) -> str:
    """Write a length of time in its two largest units; a dash for None."""
    if seconds is None:
        return _NO_NUMBER
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{decimals(seconds, 1)} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{number_format(whole // _HOUR, force_grouping=True)} h {whole % _HOUR // _MINUTE} min"


@register.filter
def job_state(state: str) -> str:
    """Return the name of a step's state."""
    return str(JobState(state).label) if state in JobState.values else state


@register.filter
def in_unit(value: float | None, unit: str) -> str:
    """Write a figure: ``labels``, ``share`` (0 to 1), ``score`` or ``time`` (seconds); a dash for None."""
    if value is None:
        return _NO_NUMBER
    if unit == "labels":
        return number_format(round(value), force_grouping=True)
    return {"share": share, "score": score, "time": working_time}[unit](value)


@register.filter
def difference_words(compared: ComparedValue, unit: str) -> str:
    """Say how far a figure is above or below the first run's, and whether that is better; the unit as for `in_unit`."""
    if not compared.difference:
        return _("no difference")
    size, above = abs(compared.difference), compared.difference > 0
    number = {"n": _("%(n)s points") % {"n": decimals(100 * size, 1)} if unit == "share" else in_unit(size, unit)}
    if unit == "time":
        words = _("%(n)s longer") % number if above else _("%(n)s shorter") % number
    elif unit == "labels":
        words = _("%(n)s more") % number if above else _("%(n)s fewer") % number
    else:
        words = _("%(n)s higher") % number if above else _("%(n)s lower") % number
    return ", ".join(filter(None, (words, _judgement(compared))))


def _judgement(compared: ComparedValue) -> str:
    return {"": "", "better": _("better"), "worse": _("worse")}[compared.judgement]
