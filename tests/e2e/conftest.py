"""A real browser on a real server. Where no Chromium is installed these tests are skipped, and say so.

Every page that a test opens is watched: an error in its console or a breach of the content security
policy fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from curation.models import User
from curation.services.summaries import refresh_summary
from tests.factories.rows import PASSWORD
from tests.factories.world import World, make_world

# Playwright's synchronous interface keeps an event loop in this thread, which Django takes for a mistake.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

PROJECT = Path(__file__).resolve().parents[2]
AXE = PROJECT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
MANIFEST = PROJECT / "frontend" / "dist" / "manifest.json"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.django_db(transaction=True))


def chromium() -> str | None:
    """Return the path of an installed Chromium."""
    named = os.environ.get("EARMARK_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium on this machine: install the package chromium or set EARMARK_CHROMIUM to its path")
    if not MANIFEST.is_file():
        pytest.fail("the front end is not built: run `make setup`, or `npm ci && npm run build` in frontend/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    """Return a function that opens a fresh browser page and, for a user, signs in."""
    contexts, troubles = [], []

    def open_page(user: User | None = None, *, allow_errors: bool = False, **options: Any) -> Page:
        options = {"viewport": DESKTOP, "locale": "en-GB", **options}
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        page = context.new_page()
        if not allow_errors:
            page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
            page.on("pageerror", lambda error: troubles.append(str(error)))
        if user is not None:
            sign_in(page, user)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def world() -> World:
    world = make_world()
    refresh_summary(dataset=world.dataset)
    return world


def sign_in(page: Page, user: User) -> None:
    """Sign in through the form, as a person does."""
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def violations(page: Page) -> list[str]:
    """Return what axe-core finds against WCAG 2.2 AA, one line a rule and place."""
    page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{page.url} {rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
