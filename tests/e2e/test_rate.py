"""Rating in a real browser, from the keyboard and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from annotate.models import Rating
from tests.e2e.conftest import DESKTOP, PHONE, violations
from tests.e2e.waiting import wait_until
from tests.factories.listening import Listening, make_listening

OpenPage = Callable[..., Page]
LOOKS = [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]


@pytest.fixture
def listening() -> Listening:
    return make_listening()


def _asked(page: Page) -> str:
    return page.locator("[name=annotation]").input_value()


def _ratings(listening: Listening) -> list[str]:
    rows = Rating.objects.filter(annotator__user=listening.annotator).order_by("pk")
    return list(rows.values_list("presence", flat=True))


def _send(page: Page, key: str) -> None:
    before = _asked(page)
    page.keyboard.press(key)
    page.keyboard.press("Enter")
    wait_until(page, "before => document.querySelector('[name=annotation]')?.value !== before", before)


def test_clips_are_rated_by_two_keys_each(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    page.goto("/d/dogs/rate/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Is Dog bark present?")
    for key in "13":
        _send(page, key)
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("All rated")
    assert _ratings(listening) == ["PP", "NP", "U"]


def test_choosing_is_not_sending_and_arrows_never_change_the_answer(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    page.goto("/d/dogs/rate/")
    wait_until(page, "document.querySelector('earmark-player audio').readyState >= 1")
    page.keyboard.press("2")
    expect(page.get_by_text("Chosen: now send it")).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('earmark-player audio').currentTime") == pytest.approx(1.0)
    assert page.locator("[name=presence]:checked").get_attribute("value") == "PNP"
    assert _ratings(listening) == []


def test_the_next_clip_is_loaded_before_it_is_asked_for(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    loaded: list[str] = []
    page.on("requestfinished", lambda request: "/media/" in request.url and loaded.append(request.url))
    page.goto("/d/dogs/rate/")
    page.wait_for_load_state("networkidle")
    following = f"/media/clips/{listening.clips[1].pk}.flac"
    assert any(following in url for url in loaded)
    loaded.clear()
    _send(page, "1")
    page.wait_for_load_state("networkidle")
    assert not any(f"/media/clips/{listening.clips[1].pk}." in url for url in loaded)
    assert page.evaluate("document.querySelector('earmark-player audio').src").startswith("blob:")
    wait_until(page, "document.querySelector('earmark-player audio').currentTime > 0")  # it plays by itself


def test_a_skipped_clip_leaves_no_row_and_can_be_brought_back(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    page.goto("/d/dogs/rate/")
    first = _asked(page)
    page.keyboard.press("s")
    wait_until(page, "first => document.querySelector('[name=annotation]').value !== first", first)
    _send(page, "1")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Bring it back").click()
    expect(page.locator("[name=annotation]")).to_have_value(first)
    assert len(_ratings(listening)) == 2


def test_without_scripts_the_form_still_rates(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator, java_script_enabled=False)
    page.goto("/d/dogs/rate/")
    first = _asked(page)
    page.get_by_label("Not present").check(force=True)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[name=annotation]")).not_to_have_value(first)
    assert _ratings(listening) == ["NP"]


def test_an_answer_that_cannot_be_sent_stays_chosen(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator, allow_errors=True)
    page.goto("/d/dogs/rate/")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not sent: the server did not answer.")).to_be_visible()
    assert page.locator("[name=presence]:checked").get_attribute("value") == "NP"
    page.context.set_offline(False)
    _send(page, "3")
    assert _ratings(listening) == ["NP"]


def test_nothing_moves_when_the_next_clip_comes(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.annotator)
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(e => window.shift += e.value))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.goto("/d/dogs/rate/")
    page.wait_for_load_state("networkidle")
    places = "[...document.querySelectorAll('.answer')].map(a => a.getBoundingClientRect().top)"
    before = page.evaluate(places)
    _send(page, "1")
    page.wait_for_load_state("networkidle")
    assert page.evaluate(places) == before
    assert page.evaluate("window.shift") < 0.02


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
def test_the_page_is_accessible(
    open_page: OpenPage, listening: Listening, scheme: str, viewport: dict[str, int]
) -> None:
    page = open_page(listening.annotator, color_scheme=scheme, viewport=viewport)
    page.goto("/d/dogs/rate/")
    wait_until(page, "document.querySelector('earmark-player')?.wave")
    found = violations(page)
    page.keyboard.press("2")
    found += violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert found == []
