"""Reading onwards from a place: every row once, in one order, whichever way and however many are equal."""

from __future__ import annotations

from itertools import chain

import pytest

from ml.models import Prediction
from ml.selectors.ordered_rows import after_place
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset
from tests.factories.verification_rows import make_finished_run

pytestmark = pytest.mark.django_db
FOUND = (0.5, 0.9, 0.5, 0.2, 0.9, 0.5, 0.1)
IN_ORDER = [0.9, 0.9, 0.5, 0.5, 0.5, 0.2, 0.1]


@pytest.fixture
def rows() -> None:
    dataset = make_dataset()
    category = make_category(dataset)
    for value in FOUND:
        make_finished_run(dataset, {make_annotation(make_clip(dataset), category): value})


def read(*, most: int, backwards: bool = False, least: float | None = None) -> list[tuple[float, int]]:
    every = Prediction.objects.values_list("p_correct", "pk")
    pages, place = [], None
    while page := after_place(every, "p_correct", place, most=most, backwards=backwards, least=least):
        pages.append(page)
        place = page[-1]
    return list(chain.from_iterable(pages))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_pages_make_one_order_and_backwards_its_mirror(most: int) -> None:
    found = read(most=most)
    assert [value for value, _ in found] == IN_ORDER
    assert found == sorted(found, key=lambda row: (-row[0], row[1]))  # among equals the oldest first
    assert read(most=most, backwards=True) == found[::-1]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("most", [1, 2, 10])
def test_nothing_below_the_least_value_is_read(most: int) -> None:
    assert [value for value, _ in read(most=most, least=0.5)] == IN_ORDER[:5]
    assert read(most=most, least=0.5, backwards=True) == read(most=most, least=0.5)[::-1]


@pytest.mark.usefixtures("rows")
def test_a_place_below_the_least_value_leads_to_what_is_high_enough() -> None:
    every = Prediction.objects.values_list("p_correct", "pk")
    low = every.get(p_correct=0.2)
    assert after_place(every, "p_correct", low, most=10, least=0.5) == []
    found = after_place(every, "p_correct", (0.2, low[1] + 1), most=10, least=0.5, backwards=True)
    assert [value for value, _ in found] == IN_ORDER[4::-1]
