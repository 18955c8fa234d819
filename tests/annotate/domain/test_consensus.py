from __future__ import annotations

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.domain.consensus import RESPONSES, State, settle

ratings = st.lists(st.sampled_from(RESPONSES), max_size=9)
agreements = st.integers(1, 4)


@given(ratings, agreements, st.randoms(use_true_random=False))
def test_the_order_of_ratings_does_not_matter(given_ratings: list[str], agreement: int, random: object) -> None:
    shuffled = list(given_ratings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert settle(shuffled, agreement=agreement) == settle(given_ratings, agreement=agreement)


@given(ratings, agreements)
def test_counts_say_the_same_as_ratings(given_ratings: list[str], agreement: int) -> None:
    counts = {response: given_ratings.count(response) for response in RESPONSES}
    assert settle(counts, agreement=agreement) == settle(given_ratings, agreement=agreement)
    assert settle(given_ratings, agreement=agreement).counts == counts


@given(ratings, agreements, st.integers(0, 5))
def test_unsure_ratings_change_no_value(given_ratings: list[str], agreement: int, unsure: int) -> None:
    before = settle(given_ratings, agreement=agreement)
    after = settle([*given_ratings, *["U"] * unsure], agreement=agreement)
    assert after.value == before.value
    if before.state != State.UNRATED:
        assert after.state == before.state


@given(ratings, agreements)
def test_a_settled_value_has_agreement_and_leads_strictly(given_ratings: list[str], agreement: int) -> None:
    consensus = settle(given_ratings, agreement=agreement)
    others = [given_ratings.count(value) for value in ("PP", "PNP", "NP") if value != consensus.value]
    if consensus.state == State.SETTLED:
        assert given_ratings.count(consensus.value) >= agreement
        assert given_ratings.count(consensus.value) > max(others)
    else:
        assert consensus.value == ""
        top = sorted((given_ratings.count(value) for value in ("PP", "PNP", "NP")), reverse=True)
        assert top[0] < agreement or top[0] == top[1]


@given(ratings, agreements)
def test_renaming_the_values_renames_the_winner(given_ratings: list[str], agreement: int) -> None:
    renamed = {"PP": "PNP", "PNP": "NP", "NP": "PP", "U": "U", "": ""}
    before = settle(given_ratings, agreement=agreement)
    after = settle([renamed[rating] for rating in given_ratings], agreement=agreement)
    assert (after.state, after.value) == (before.state, renamed[before.value])


@pytest.mark.parametrize("tied", [("PP", "PNP"), ("PP", "NP"), ("PNP", "NP"), ("PP", "PNP", "NP")])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_equal_top_counts_stay_undecided(tied: tuple[str, ...], times: int) -> None:
    consensus = settle([*tied] * times, agreement=1)
    assert (consensus.state, consensus.value) == (State.UNDECIDED, "")


@pytest.mark.parametrize("pair", list(combinations_with_replacement(RESPONSES, 2)))
def test_two_people_settle_only_with_the_same_answer(pair: tuple[str, str]) -> None:
    consensus = settle(pair, agreement=2)
    if pair[0] == pair[1] and pair[0] != "U":
        assert (consensus.state, consensus.value) == (State.SETTLED, pair[0])
    else:
        assert consensus.state == State.UNDECIDED


def test_a_third_rating_does_not_undo_two_equal_ones() -> None:
    assert settle(["PP", "NP", "PP"], agreement=2).value == "PP"


def test_no_ratings_are_unrated() -> None:
    assert settle([], agreement=2).state == State.UNRATED
    assert settle({"PP": 0}, agreement=2).state == State.UNRATED


def test_unsure_ratings_alone_are_undecided() -> None:
    assert settle(["U", "U", "U"], agreement=2).state == State.UNDECIDED


@pytest.mark.parametrize(
    ("bad", "agreement", "message"), [(["PQ"], 2, "'PQ'"), ({"PP": -1}, 2, "negative"), ([], 0, "agreement")]
)
def test_what_cannot_be_counted_is_refused(bad: list[str] | dict[str, int], agreement: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settle(bad, agreement=agreement)
