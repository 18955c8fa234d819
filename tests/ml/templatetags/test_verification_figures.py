"""The figures as pages show them: with everything, with nothing, for runs of earlier versions, in other languages."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import override

from curation.templatetags.figures import at_least
from ml.models import VerificationRun
from ml.selectors.confusions import run_confusion
from ml.selectors.run_comparison import ComparedValue, compare_runs
from ml.selectors.run_figures import (
    acceptance_preview,
    class_table,
    iteration_table,
    linked,
    probability_histogram,
    reliability,
)
from ml.selectors.runs import StepView
from ml.templatetags.verification_figures import decimals, difference_words, in_unit, job_state, share, working_time

FRAGMENTS = (
    "acceptance_curve",
    "classes",
    "compare",
    "confusion",
    "histogram",
    "iterations",
    "losses",
    "reliability",
)
NAME = "Bus & <b>tram</b>"
ROW: dict[str, Any] = {
    "category": 1,
    "name": NAME,
    "verified": 4,
    "judged": 3_000,
    "probably_wrong": 2,
    "expected_wrong": 0.25,
    "would_accept": 6,
    "need": 0.1,
    "quality": 0.9,
}
SUMMARY: dict[str, Any] = {
    "totals": {"verified": 4, "judged": 3_000, "probably_wrong": 2, "would_accept": 6},
    "histogram": [1_000, 2_000],
    "reliability": [{"low": 0.0, "high": 1.0, "clips": 4, "confidence": 0.9, "accuracy": 0.8}],
    "classes": [
        {**ROW, "heard": 4, "precision": 0.5, "recall": 1.0, "f_score": 0.75},
        {**ROW, "name": "Cafe", "expected_wrong": None},
    ],
    "confusion": {
        "verified": {"cells": [[0, 0, 3], [0, 1, 1], [1, 1, 5]], "rows": [4, 5], "columns": [3, 6]},
        "given": {"cells": [], "rows": [0, 0], "columns": [0, 0]},
    },
    "assured": [[0.5, 2_500, 0.9], [0.9, 1_500, 0.97]],
    "iterations": [
        {
            "iteration": 1,
            "verified": 4,
            "added": 1,
            "correct_1st": 1_000,
            "correct_2nd": 500,
            "correct_3rd": 500,
            "incorrect": 1_000,
            "without_label": 0,
            "map_at_3": 0.5,
            "temperature": 1.25,
        }
    ],
}


def step(**changes: Any) -> StepView:
    values: dict[str, Any] = {
        "iteration": 0, "member": 0, "fold": 0, "state": "running", "epochs": 2, "epochs_total": 4,
        "losses": [1.0, 0.5], "notes": [], "error": "", "worker": "", **changes,
    }  # fmt: skip
    return StepView(**values)


def contexts(run: VerificationRun, steps: list[StepView]) -> dict[str, dict[str, Any]]:
    return {
        "acceptance_curve": {"curve": run.summary.get("assured"), "chosen": acceptance_preview(run, 0.95)},
        "classes": {"rows": linked(class_table(run), lambda category: f"/of/{category}")},
        "compare": {"columns": compare_runs([run, run]) if run.summary else []},
        "confusion": {"confusion": run_confusion(run)},
        "histogram": {"bins": probability_histogram(run), "other": probability_histogram(run)},
        "iterations": {"rows": iteration_table(run)},
        "losses": {"steps": steps, "members": [{"name": "plain"}]},
        "reliability": {"bins": reliability(run)},
    }


@pytest.fixture(autouse=True)
def no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing here need a database."""
    monkeypatch.setattr("ml.selectors.run_comparison._training_seconds", lambda _runs: {})


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Let the language that a page of another test was asked for in not stay."""
    with override("en"):
        yield


def render(name: str, **context: Any) -> str:
    page = render_to_string(f"verification/figures/{name}.html", context)
    assert "style=" not in page  # the policy forbids it
    assert "<script" not in page
    assert "<b>tram" not in page
    drawings = re.findall(r"<svg(?=[^>]*class=\"plot[ \"]).*?</svg>\s*(?=<p|</div|</figure|<ul)", page, re.DOTALL)
    assert len(drawings) == len(re.findall(r'class="plot[ "]', page))
    for drawing in drawings:
        ET.fromstring(drawing.replace("data-mark ", 'data-mark="" '))  # noqa: S314 -- our own
    return page


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", FRAGMENTS)
def test_every_figure_is_drawn_and_has_a_table(name: str, language: str) -> None:
    run = VerificationRun(number=3, recipe="earmark", precision=0.95, summary=SUMMARY)
    with override(language):
        page = render(name, **contexts(run, [step()])[name])
    assert "<table" in page
    assert 'tabindex="0"' in page


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_run_without_figures_says_so(name: str) -> None:
    page = render(name, **contexts(VerificationRun(), [])[name])
    assert "<table" not in page
    assert len(text(page)) > 20
    assert text(render(name)) == text(page)  # nothing given is nothing there


@pytest.mark.parametrize("name", ["classes", "confusion", "compare"])
def test_a_run_from_before_scores_were_kept_is_shown(name: str) -> None:
    earlier = {**SUMMARY, "classes": [ROW]}
    del earlier["confusion"]
    run = VerificationRun(number=3, recipe="earmark", precision=0.95, summary=earlier)
    page = text(render(name, **contexts(run, [])[name]))
    assert ("Not kept for this run." in page) == (name == "confusion")


def test_the_curve_carries_its_points_and_two_marks() -> None:
    run = VerificationRun(summary=SUMMARY)
    page = render("acceptance_curve", **contexts(run, [])["acceptance_curve"])
    points = re.search(r'data-curve="([^"]*)"', page)
    assert points is not None
    assert json.loads(points.group(1)) == SUMMARY["assured"]
    assert page.count('<g data-mark transform="translate(50.00 ') == 2
    assert 'data-judged="3000"' in page
    hidden = render("acceptance_curve", curve=SUMMARY["assured"], chosen=acceptance_preview(run, 1.0))
    assert hidden.count('<g data-mark visibility="hidden"') == 2


def test_losses_that_are_no_numbers_are_told_in_words() -> None:
    steps = [step(losses=[math.nan, 0.5, None], notes=["batch halved to 32"]), step(fold=1, state="queued", losses=[])]
    page = text(render("losses", steps=steps))
    assert "2 epochs whose loss is no number" in page
    assert "Iteration 1, fold 1: batch halved to 32" in page
    assert "2 steps so far: 1 Queued 1 Running" in page
    assert "Network 1" in page


def test_losses_are_named_by_the_plan_and_wait_for_it() -> None:
    assert "plain" in text(render("losses", steps=[step()], members=[{"name": "plain", "network": "earmark"}]))
    assert "No epoch is done yet." in text(render("losses", steps=[step(losses=[], epochs=0)], members=None))


def test_a_mistake_stands_in_the_list_and_in_its_cell() -> None:
    run = VerificationRun(summary=SUMMARY)
    page = render("confusion", confusion=run_confusion(run))
    assert f"{escape(NAME)} → Cafe" in page
    assert "1 of 4" in text(page)
    assert '<td class="number heat-5">1</td>' in page
    assert '<td class="number heat-10 right">5</td>' in page
    assert "No label was judged." in page


def test_what_one_iteration_does_not_tell_is_a_dash() -> None:
    first = SUMMARY["iterations"][0]
    second = {name: value for name, value in first.items() if name != "temperature"}
    page = text(render("iterations", rows=[{**first, "relabelled": 7}, {**second, "map_at_3": None}]))
    assert page.count("–") == 2  # noqa: RUF001 -- mAP@3 and temperature of the second
    assert "Relabelled" in page


def test_names_of_categories_lead_to_their_rows_where_the_caller_says() -> None:
    run = VerificationRun(summary=SUMMARY)
    assert 'href="/of/1"' in render("classes", rows=linked(class_table(run), lambda category: f"/of/{category}"))
    assert "href" not in render("classes", rows=class_table(run))


def test_differences_are_told_in_words() -> None:
    def told(difference: float, unit: str, judgement: Any = "") -> str:
        return difference_words(ComparedValue(value=1.0, difference=difference, judgement=judgement), unit)

    assert told(0.0123, "share", "better") == "1.2 points higher, better"
    assert told(-0.02, "score", "worse") == "0.020 lower, worse"
    assert told(-1_800, "labels") == "1,800 fewer"
    assert told(3, "labels") == "3 more"
    assert told(125, "time") == "2 min 5 s longer"
    assert told(-2, "time") == "2.0 s shorter"
    assert told(0.0, "share") == "no difference"


def test_numbers_are_written_with_their_units() -> None:
    assert [working_time(seconds) for seconds in (9.46, 59.7, 125, 8_280, 3_600_000)] == [
        "9.5 s",
        "1 min 0 s",
        "2 min 5 s",
        "2 h 18 min",
        "1,000 h 0 min",
    ]
    assert (decimals(0.5), decimals(0.9996, 3), share(0.12345), share(1, 0)) == ("0.50", "1.000", "12.3 %", "100 %")
    assert (in_unit(12_000, "labels"), in_unit(0.25, "score")) == ("12,000", "0.250")
    assert {decimals(None), share(None), working_time(None), in_unit(None, "time")} == {"–"}  # noqa: RUF001 -- a dash is meant
    assert (job_state("done"), job_state("lost")) == ("Done", "lost")


@pytest.mark.parametrize(
    ("share", "digits", "written"), [(0.98951, 1, "98.9"), (0.99, 1, "99.0"), (0.29, 0, "29"), (1.0, 2, "100.00")]
)
def test_what_is_promised_is_rounded_down(share: float, digits: int, written: str) -> None:
    assert at_least(share, digits) == written
