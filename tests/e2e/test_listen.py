"""Listening in a real browser: the player plays, seeks by click and key, and matches levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.e2e.conftest import DESKTOP, PHONE, violations
from tests.e2e.waiting import wait_until
from tests.factories.listening import Listening, make_listening
from tests.factories.sounds import make_sounding_clip

OpenPage = Callable[..., Page]
LOOKS = [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]


@pytest.fixture
def listening() -> Listening:
    return make_listening()


def _time(page: Page) -> float:
    seconds: float = page.evaluate("document.querySelector('earmark-player audio').currentTime")
    return seconds


def test_a_click_seeks_and_the_audio_comes_in_parts(open_page: OpenPage, listening: Listening) -> None:
    clip = make_sounding_clip(listening.dataset, seconds=60.0, seed=5)
    page = open_page(listening.curator)
    answers: list[Response] = []
    page.on("response", lambda response: ".flac" in response.url and answers.append(response))
    page.goto(f"/d/dogs/clips/{clip.pk}/")
    wait_until(page, "document.querySelector('earmark-player audio').readyState >= 1")
    screen = page.get_by_role("slider")
    box = screen.bounding_box()
    assert box is not None
    screen.click(position={"x": box["width"] * 0.75, "y": 40})
    wait_until(page, "document.querySelector('earmark-player audio').currentTime > 44")
    assert _time(page) == pytest.approx(45, abs=0.2)
    expect(screen).to_have_attribute("aria-valuetext", "0:45.0 of 1:00.0")
    wait_until(page, "!document.querySelector('earmark-player audio').seeking")
    assert {answer.status for answer in answers} == {206}
    assert answers[0].header_value("content-range").startswith("bytes 0-")


def test_keys_play_seek_and_loop(open_page: OpenPage, listening: Listening) -> None:
    clip = make_sounding_clip(listening.dataset, seconds=20.0, seed=6)
    page = open_page(listening.curator)
    page.goto(f"/d/dogs/clips/{clip.pk}/")
    wait_until(page, "document.querySelector('earmark-player audio').readyState >= 1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert _time(page) == pytest.approx(1.0)
    page.keyboard.press(" ")
    wait_until(page, "document.querySelector('earmark-player audio').currentTime > 1.2")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.querySelector('earmark-player audio').loop")
    page.get_by_role("group", name="Speed").get_by_role("button").last.click()
    assert page.evaluate("document.querySelector('earmark-player audio').playbackRate") == 2
    page.get_by_role("slider").focus()
    page.keyboard.press("End")
    assert _time(page) == pytest.approx(20.0, abs=0.05)
    page.keyboard.press("Home")
    assert _time(page) == 0


def test_the_level_is_matched_until_switched_off(open_page: OpenPage, listening: Listening) -> None:
    clip = make_sounding_clip(listening.dataset, seed=7, loudness_lufs=-33.0, true_peak_dbtp=-6.0)
    page = open_page(listening.curator)
    page.goto(f"/d/dogs/clips/{clip.pk}/")
    level = page.get_by_role("button", name="Level matched")
    expect(level).to_contain_text("+5.0 dB")  # 10 dB wanted, 5 dB until the peak would reach -1 dBTP
    level.click()
    expect(level).to_have_attribute("aria-pressed", "false")
    expect(level).to_contain_text("0.0 dB")


def test_without_scripts_the_browser_plays(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.curator, java_script_enabled=False)
    page.goto(f"/d/dogs/clips/{listening.told.pk}/")
    expect(page.locator("earmark-player audio[controls]")).to_be_visible()


def test_neighbours_are_one_key_away(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.curator)
    page.goto(f"/d/dogs/clips/{listening.clips[0].pk}/")
    page.keyboard.press("j")
    page.wait_for_url(f"**/clips/{listening.clips[1].pk}/")
    page.keyboard.press("k")
    page.wait_for_url(f"**/clips/{listening.clips[0].pk}/")


def test_shortcuts_are_listed_and_can_be_switched_off(open_page: OpenPage, listening: Listening) -> None:
    page = open_page(listening.curator)
    page.goto(f"/d/dogs/clips/{listening.clips[0].pk}/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    assert violations(page) == []
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Space")  # closes the list, and switches nothing off
    expect(dialog).to_be_hidden()
    page.keyboard.press("?")
    dialog.get_by_label("Shortcuts are on").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("l")
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "false")
    page.reload()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Shortcuts are on")).not_to_be_checked()


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
def test_pages_of_one_sound_are_accessible(
    open_page: OpenPage, listening: Listening, scheme: str, viewport: dict[str, int]
) -> None:
    found: list[Any] = []
    page = open_page(listening.curator, color_scheme=scheme, viewport=viewport)
    for place in (f"clips/{listening.told.pk}", f"submissions/{listening.told.submission_id}"):
        page.goto(f"/d/dogs/{place}/")
        wait_until(page, "document.querySelector('earmark-player')?.wave")
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
    assert found == []
