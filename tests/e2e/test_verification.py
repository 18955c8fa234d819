"""Label verification in a real browser: following a run, the slider, hearing labels and accepting them by keys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from curation.models import AnnotationState
from ml.models import VerificationRun
from ml.selectors.acceptances import accepted_count
from tests.e2e.conftest import DESKTOP, PHONE, violations
from tests.e2e.waiting import wait_until
from tests.factories.verification_rows import Verifiable, make_finished_run, make_verifiable, start, work

OpenPage = Callable[..., Page]
LOOKS = [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]
HEARD = "document.querySelector('[data-label][aria-current] a')?.textContent"


@pytest.fixture
def world() -> Verifiable:
    return make_verifiable()


@pytest.fixture
def place(world: Verifiable) -> str:
    return f"/d/{world.dataset.slug}/verification/"


def finish(world: Verifiable) -> VerificationRun:
    """Do a run for real, then give its curve points that a slider can move between."""
    run = start(world)
    work()
    run.refresh_from_db()
    assert run.finished_at is not None
    judged = len(world.open)
    run.summary = {**run.summary, "assured": [[0.1, judged, 0.85], [0.5, 2, 0.97], [0.9, 1, 0.995]]}
    run.save()
    return run


def test_a_run_is_started_and_followed_to_its_end(open_page: OpenPage, world: Verifiable, place: str) -> None:
    page = open_page(world.curator)
    page.goto(place)
    page.get_by_label("Minutes of training").fill("0.01")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="Run 1: Earmark")).to_be_visible()
    expect(page.get_by_text("worker --queues gpu")).to_be_visible()
    work(most=3)
    expect(page.locator("[data-refresh=losses] svg").first).to_be_visible(timeout=15_000)
    work()
    expect(page.get_by_role("heading", name="Accept unheard")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("heading", name="Labels to hear")).to_be_visible()


def test_labels_are_heard_accepted_and_taken_back_by_keys(open_page: OpenPage, world: Verifiable, place: str) -> None:
    finish(world)
    page = open_page(world.curator)
    page.goto(f"{place}1/")
    names = page.locator("[data-label] .label-claim a").all_inner_texts()
    page.keyboard.press("j")
    wait_until(page, f"{HEARD} === {names[0]!r}")
    wait_until(page, "document.querySelector('#audition earmark-player audio').currentTime > 0")
    page.keyboard.press("j")
    wait_until(page, f"{HEARD} === {names[1]!r}")
    page.keyboard.press("a")
    expect(page.get_by_text("1 label accepted.")).to_be_visible()
    assert accepted_count(world.dataset) == 1
    wait_until(page, f"{HEARD} === {names[2]!r}")  # goes on with what took its place
    page.keyboard.press("z")
    expect(page.get_by_text("1 acceptance taken back.")).to_be_visible()
    assert accepted_count(world.dataset) == 0
    wait_until(page, f"{HEARD} === {names[1]!r}")


def test_the_slider_shows_what_the_server_would_accept(open_page: OpenPage, world: Verifiable, place: str) -> None:
    finish(world)
    page = open_page(world.curator)
    page.goto(f"{place}1/?precision=0.9")
    accepted = page.locator("dd [data-out=accepted]")
    expect(accepted).to_have_text("2")
    slider = page.get_by_role("slider")
    mark = page.locator("svg[data-curve] [data-mark]").first
    before = mark.get_attribute("transform")
    slider.focus()
    page.keyboard.press("Home")  # 80 %
    expect(accepted).to_have_text(str(len(world.open)))
    assert mark.get_attribute("transform") != before
    expect(page.locator("svg[data-curve]")).to_be_visible()
    page.wait_for_url("**precision=0.8*")
    assert page.evaluate("document.activeElement.id") == "precision"
    page.keyboard.press("End")  # 100 %, which no label reaches
    expect(page.get_by_role("button", name="Accept up to")).to_be_disabled()
    page.wait_for_url("**precision=1*")
    page.reload()
    expect(accepted).to_have_text("0")
    expect(page.get_by_role("button", name="Accept up to")).to_be_disabled()


def test_all_above_the_slider_are_accepted_in_place(open_page: OpenPage, world: Verifiable, place: str) -> None:
    chances = [0.55, 0.65, 0.95, 0.99]
    run = make_finished_run(world.dataset, dict(zip(world.open, chances, strict=False)))
    run.summary = {
        "totals": {"verified": 4, "judged": 4, "probably_wrong": 0, "would_accept": 2},
        "assured": [[0.55, 4, 0.8], [0.95, 2, 0.97]],
    }
    run.save()
    page = open_page(world.curator)
    page.goto(f"{place}1/?precision=0.96")
    page.get_by_role("button", name="Accept up to").click()
    expect(page.get_by_text("2 labels accepted.")).to_be_visible()
    page.get_by_role("link", name="Accepted", exact=True).click()
    expect(page.locator("[data-label]")).to_have_count(2)
    page.get_by_text("Take all acceptances back").click()
    page.get_by_role("button", name="Take all back").click()
    expect(page.get_by_text("2 acceptances taken back.")).to_be_visible()
    assert accepted_count(world.dataset) == 0
    assert {label.state for label in world.open} == {AnnotationState.UNRATED}


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
def test_the_pages_are_accessible_and_fit(
    open_page: OpenPage, world: Verifiable, place: str, scheme: str, viewport: dict[str, int]
) -> None:
    run = finish(world)
    make_finished_run(world.dataset, dict.fromkeys(world.open, 0.9), summary=run.summary)
    page = open_page(world.curator, color_scheme=scheme, viewport=viewport)
    found = []
    for address in (place, f"{place}1/", f"{place}compare/"):
        page.goto(address)
        for details in page.locator("main details").all():
            details.evaluate("one => { one.open = true; }")
        if address.endswith("1/"):
            page.keyboard.press("j")
            wait_until(page, "document.querySelector('#audition earmark-player')?.shadowRoot?.querySelector('button')")
            page.evaluate("scrollTo(0, 0)")  # the bar half covers whatever link it happens to stand over
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], address
    assert found == []


def test_four_runs_are_compared_on_a_phone_without_scrolling_sideways(
    open_page: OpenPage, world: Verifiable, place: str
) -> None:
    trunk = {"name": "panns_cnn14_mAP_0431.torchscript", "digest": "a" * 64}
    totals = {"verified": 12_000, "judged": 74_000, "probably_wrong": 5_000, "would_accept": 50_000}
    for recipe in ("earmark", "icme2024", "dorfer", "iqbal"):
        make_finished_run(
            world.dataset,
            dict.fromkeys(world.open, 0.9),
            recipe=recipe,
            trunks=[trunk],
            summary={"totals": totals, "histogram": [1] * 20},
        )
    page = open_page(world.curator, viewport=PHONE)
    for address in (place, f"{place}compare/?run=1&run=2&run=3&run=4"):
        page.goto(address)
        table = page.locator(".table-scroll:has(table.compare, table.run-list)")
        assert table.evaluate("one => one.scrollWidth <= one.clientWidth"), address
        expect(table.get_by_role("columnheader").last).to_be_in_viewport(ratio=1)
        assert violations(page) == []
