"""Signing in, language, theme, keyboard, narrow screens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.factories.rows import PASSWORD
from tests.factories.world import World

OpenPage = Callable[..., Page]


def test_a_person_signs_in_and_out(open_page: OpenPage, world: World) -> None:
    page = open_page()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Email").fill(world.curator.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Acoustic scenes")).to_be_visible()
    page.locator("summary[aria-label=Account]").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_wrong_password_is_explained(open_page: OpenPage, world: World) -> None:
    page = open_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(world.curator.email)
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_language_switch_turns_the_page_korean_and_back(open_page: OpenPage, world: World) -> None:
    page = open_page(world.curator)
    page.goto(f"/d/{world.dataset.slug}/")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page).to_have_url(f"{page.url.split('/d/')[0]}/d/{world.dataset.slug}/")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_theme_switch_holds_over_pages(open_page: OpenPage, world: World) -> None:
    page = open_page(world.curator, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(ground) != light
    page.goto(f"/d/{world.dataset.slug}/clips/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate(ground) != light


def test_the_first_tab_stop_skips_to_the_content(open_page: OpenPage, world: World) -> None:
    page = open_page(world.curator)
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_the_bar_is_reached_in_reading_order(open_page: OpenPage, world: World) -> None:
    page = open_page(world.curator)
    page.goto(f"/d/{world.dataset.slug}/")
    names = []
    for _ in range(10):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText.trim()"
            )
        )
    assert names[:8] == [
        *("Skip to content", "Earmark, home", "Acoustic scenes"),
        *("Overview", "Submissions", "Clips", "Verification", "Jobs"),
    ]


def test_rows_are_walked_and_opened_by_key(open_page: OpenPage, world: World) -> None:
    page = open_page(world.curator)
    page.goto(f"/d/{world.dataset.slug}/clips/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".row-link").nth(1)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("j")
    expect(page.get_by_role("searchbox")).to_have_value("j")


@pytest.mark.parametrize("path", ["", "clips/", "submissions/", "jobs/"])
def test_no_page_scrolls_sideways_on_a_phone(open_page: OpenPage, world: World, path: str) -> None:
    page = open_page(world.operator, viewport={"width": 360, "height": 740})
    page.goto(f"/d/{world.dataset.slug}/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_old_counts_are_made_anew_without_a_reload(open_page: OpenPage, world: World) -> None:
    summary = world.dataset.summary
    summary.document["stages"]["clips"][0] = 7
    summary.computed_at = summary.computed_at.replace(year=2020)
    summary.save()
    page = open_page(world.curator)
    page.goto(f"/d/{world.dataset.slug}/")
    expect(page.locator(".stage").filter(has_text="Clips").locator(".stage-figure")).to_have_text("24")
