"""Voting in a real browser, from the keyboard and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DESKTOP, PHONE, violations
from tests.e2e.waiting import wait_until
from tests.factories.listening import Listening, make_listening
from validate.models import Vote

OpenPage = Callable[..., Page]
LOOKS = [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]


@pytest.fixture
def listening() -> Listening:
    return make_listening()


def _votes(listening: Listening) -> list[tuple[bool, ...]]:
    rows = Vote.objects.filter(voter__user=listening.annotator).order_by("pk")
    return list(rows.values_list("gain", "privacy", "acoustic_cue"))


def _press(page: Page, keys: str) -> None:
    before = page.locator("[name=submission]").input_value()
    for key in keys:
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    wait_until(page, "before => document.querySelector('[name=submission]')?.value !== before", before)


def test_submissions_are_voted_on_from_the_keyboard(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    page.goto("/d/dogs/vote/")
    expect(page.get_by_role("heading", level=1)).to_have_text("A good recording of Dog bark?")
    _press(page, "yyy")
    _press(page, "ynyy2y1n")  # a fourth y has nothing to answer; 2 and 1 mark questions again
    _press(page, "nnn")
    expect(page.get_by_role("heading", level=1)).to_have_text("All voted on")
    assert _votes(listening) == [(True, True, True), (False, True, True), (False, False, False)]


def test_an_incomplete_ballot_is_not_sent(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    page.goto("/d/dogs/vote/")
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    assert page.locator("fieldset[data-asked]").get_by_text("Privacy").is_visible()
    assert _votes(listening) == []


def test_the_recording_is_heard_as_it_is(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    page.goto("/d/dogs/vote/")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    expect(page.get_by_role("button", name="Level matched")).to_have_count(0)


def test_without_scripts_the_form_still_votes(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator, java_script_enabled=False)
    page.goto("/d/dogs/vote/")
    for question in ("Gain", "Privacy", "Acoustic cue"):
        page.get_by_role("group", name=question).get_by_label("Yes").check(force=True)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("1 voted on by you")).to_be_visible()
    assert _votes(listening) == [(True, True, True)]


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
def test_the_page_is_accessible(
    open_page: OpenPage, listening: Listening, scheme: str, viewport: dict[str, int]
) -> None:
    page = open_page(listening.annotator, color_scheme=scheme, viewport=viewport)
    page.goto("/d/dogs/vote/")
    wait_until(page, "document.querySelector('earmark-player')?.wave")
    found = violations(page)
    page.keyboard.press("n")
    found += violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert found == []
