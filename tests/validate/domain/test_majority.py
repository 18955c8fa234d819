from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validate.domain.majority import Ballot, Outcome, decide

YES = Ballot(gain=True, privacy=True, acoustic_cue=True)
NO = Ballot(gain=True, privacy=False, acoustic_cue=True)
ALL_BALLOTS = tuple(Ballot(*answers) for answers in product((True, False), repeat=3))
ballots = st.lists(st.sampled_from(ALL_BALLOTS), max_size=4)


def final_outcome(given_ballots: list[Ballot], rule: str) -> Outcome:
    """The outcome when nobody votes any more, written from the words of the rule."""
    if rule == "decision":
        columns = [[ballot.decision for ballot in given_ballots]]
    else:
        columns = [[getattr(ballot, name) for ballot in given_ballots] for name in ("gain", "privacy", "acoustic_cue")]
    lost = [column.count(False) > column.count(True) for column in columns]
    won = [column.count(True) > column.count(False) for column in columns]
    if any(lost):
        return Outcome.REJECTED
    return Outcome.ACCEPTED if all(won) else Outcome.UNDECIDED


def enumerated(given_ballots: list[Ballot], votes_min: int, votes_max: int, rule: str) -> Outcome:
    """The outcome that every continuation shares, by trying them all."""
    if len(given_ballots) < votes_min:
        return Outcome.UNDECIDED
    choices = (YES, NO) if rule == "decision" else ALL_BALLOTS
    ends = {
        final_outcome([*given_ballots, *rest], rule) for rest in product(choices, repeat=votes_max - len(given_ballots))
    }
    return ends.pop() if len(ends) == 1 else Outcome.UNDECIDED


@pytest.mark.parametrize("rule", ["decision", "criterion"])
@pytest.mark.parametrize(("votes_min", "votes_max"), [(3, 5), (1, 1), (1, 4), (2, 2), (3, 3), (2, 5), (5, 5)])
def test_every_set_of_ballots_agrees_with_all_its_continuations(rule: str, votes_min: int, votes_max: int) -> None:
    kinds = (YES, NO) if rule == "decision" else ALL_BALLOTS
    most = votes_max if rule == "decision" else min(votes_max, 3)
    for votes in range(most + 1):
        for chosen in product(kinds, repeat=votes):
            decision = decide(chosen, votes_min=votes_min, votes_max=votes_max, rule=rule)  # type: ignore[arg-type]
            assert decision.outcome == enumerated(list(chosen), votes_min, votes_max, rule)


@given(ballots, st.sampled_from(["decision", "criterion"]))
def test_any_ballots_agree_with_all_their_continuations(chosen: list[Ballot], rule: str) -> None:
    decision = decide(chosen, votes_min=3, votes_max=5, rule=rule)  # type: ignore[arg-type]
    assert decision.outcome == enumerated(chosen, 3, 5, rule)


@given(st.lists(st.sampled_from(ALL_BALLOTS), min_size=5, max_size=5), st.sampled_from(["decision", "criterion"]))
def test_a_settled_outcome_stays_whatever_comes(chosen: list[Ballot], rule: str) -> None:
    outcomes = [
        decide(chosen[:votes], votes_min=3, votes_max=5, rule=rule).outcome  # type: ignore[arg-type]
        for votes in range(6)
    ]
    settled = [outcome for outcome in outcomes if outcome != Outcome.UNDECIDED]
    assert len(set(settled)) <= 1
    if rule == "decision":
        assert outcomes[-1] != Outcome.UNDECIDED


@given(st.permutations([YES, NO, NO, YES, Ballot(gain=False, privacy=True, acoustic_cue=True)]))
def test_the_order_of_ballots_does_not_matter(chosen: list[Ballot]) -> None:
    decision = decide(chosen, votes_min=3, votes_max=5)
    assert (decision.outcome, decision.yes, decision.no) == (Outcome.REJECTED, 2, 3)
    assert decision.reasons == {"gain": 1, "privacy": 2}


def test_three_equal_decisions_of_five_settle() -> None:
    assert decide([YES, YES], votes_min=3, votes_max=5).outcome == Outcome.UNDECIDED
    assert decide([YES, NO, YES], votes_min=3, votes_max=5).outcome == Outcome.UNDECIDED
    assert decide([YES, NO, YES, NO], votes_min=3, votes_max=5).outcome == Outcome.UNDECIDED
    assert decide([YES, NO, YES, YES], votes_min=3, votes_max=5).outcome == Outcome.ACCEPTED
    assert decide([NO, NO, NO], votes_min=3, votes_max=5).outcome == Outcome.REJECTED


def test_fewer_voters_than_asked_for_settle_nothing() -> None:
    assert decide([YES, YES], votes_min=3, votes_max=3).outcome == Outcome.UNDECIDED


def test_a_tie_of_the_last_votes_stays_undecided() -> None:
    assert decide([YES, NO, YES, NO], votes_min=2, votes_max=4).outcome == Outcome.UNDECIDED


def test_three_voters_with_different_objections_reject_by_decision_and_accept_by_criterion() -> None:
    chosen = [
        Ballot(gain=False, privacy=True, acoustic_cue=True),
        Ballot(gain=True, privacy=False, acoustic_cue=True),
        Ballot(gain=True, privacy=True, acoustic_cue=False),
    ]
    by_decision = decide(chosen, votes_min=3, votes_max=3, rule="decision")
    assert by_decision.outcome == Outcome.REJECTED
    assert by_decision.reasons == {"gain": 1, "privacy": 1, "acoustic_cue": 1}
    assert decide(chosen, votes_min=3, votes_max=3, rule="criterion").outcome == Outcome.ACCEPTED


def test_ballots_beyond_the_most_still_count() -> None:
    assert decide([YES, NO, NO, YES, YES], votes_min=1, votes_max=3).outcome == Outcome.ACCEPTED


def test_no_ballots_are_undecided_without_reasons() -> None:
    decision = decide([], votes_min=3, votes_max=5)
    assert (decision.outcome, decision.votes, decision.reasons) == (Outcome.UNDECIDED, 0, {})


@pytest.mark.parametrize(("votes_min", "votes_max"), [(0, 5), (4, 3)])
def test_numbers_of_votes_that_make_no_range_are_refused(votes_min: int, votes_max: int) -> None:
    with pytest.raises(ValueError, match="votes_min"):
        decide([], votes_min=votes_min, votes_max=votes_max)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="criterion"):
        decide([], votes_min=3, votes_max=5, rule="loudest")  # type: ignore[arg-type]
