"""axe-core finds no breach of WCAG 2.2 AA on any page, light or dark, wide or narrow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import DESKTOP, PHONE, violations
from tests.factories.world import World

OpenPage = Callable[..., Page]

PLACES = [
    "/",
    "/d/scenes/",
    "/d/scenes/clips/",
    "/d/scenes/submissions/",
    "/d/scenes/jobs/",
    "/accounts/password/change/",
]
ENTRANCES = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
LOOKS = [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
def test_pages_are_accessible(open_page: OpenPage, world: World, scheme: str, viewport: dict[str, int]) -> None:
    page = open_page(world.operator, color_scheme=scheme, viewport=viewport)
    found = []
    for place in PLACES:
        page.goto(place)
        found += violations(page)
    assert found == []


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
def test_the_ways_in_are_accessible(open_page: OpenPage, scheme: str, viewport: dict[str, int]) -> None:
    page = open_page(color_scheme=scheme, viewport=viewport)
    found = []
    for place in ENTRANCES:
        page.goto(place)
        found += violations(page)
    assert found == []


def test_a_missing_page_is_accessible(open_page: OpenPage, world: World) -> None:
    page = open_page(world.curator, allow_errors=True)
    page.goto("/d/no-such-dataset/")
    assert violations(page) == []
