"""Majority vote over one submission.

Three to five people listen to a submission and each makes a binary decision on its quality, considering
recording gain, privacy and acoustic cue; the majority accepts or rejects it (CochlScene II.C). The paper
does not say how the three considerations make one decision, nor when voting stops. Here a voter's
decision is yes only if all three answers are yes, and a submission is settled as soon as no vote that may
still come can change the outcome: with at most five voters, by three equal decisions.

References
----------
.. [1] I.-Y. Jeong and J. Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing",
   2022, section II.C.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, get_args

Rule = Literal["decision", "criterion"]
CRITERIA = ("gain", "privacy", "acoustic_cue")


class Outcome(StrEnum):
    """What the votes say about a submission; the values are the submission's states."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Ballot:
    """One voter's answers.

    Attributes
    ----------
    gain : bool
        Whether the gain is neither imperceptibly low nor so high that it clips.
    privacy : bool
        Whether no speech can be identified and no private topic is heard.
    acoustic_cue : bool
        Whether something in the recording tells its scene.
    """

    gain: bool
    privacy: bool
    acoustic_cue: bool

    @property
    def decision(self) -> bool:
        """The voter's binary decision: yes only if every answer is."""
        return self.gain and self.privacy and self.acoustic_cue


@dataclass(frozen=True)
class Decision:
    """The outcome with what led to it.

    Attributes
    ----------
    outcome : Outcome
        `Outcome.UNDECIDED` while votes can still change it, and for a tie that no vote is left to break.
    votes, yes, no : int
        Ballots in all, and by their binary decision.
    reasons : dict of str to int
        Objections by criterion, for the criteria that met any.
    """

    outcome: Outcome
    votes: int
    yes: int
    no: int
    reasons: dict[str, int] = field(default_factory=dict)


def decide(ballots: Sequence[Ballot], *, votes_min: int, votes_max: int, rule: Rule = "decision") -> Decision:
    """Settle a submission by majority, if it can be settled.

    Parameters
    ----------
    ballots : sequence of Ballot
        One per voter; their order does not matter.
    votes_min, votes_max : int
        Fewest voters that may settle a submission, and most that are asked (CochlScene II.C: 3 and 5).
        Where more ballots than `votes_max` were given under an older policy, all of them count.
    rule : {"decision", "criterion"}
        ``decision``: the majority of the voters' binary decisions. ``criterion``: each criterion by its own
        majority; one lost criterion rejects, all three won accept. Three voters who each object to something
        else reject by the first rule and accept by the second.

    Returns
    -------
    Decision
        Accepted or rejected only if every continuation up to `votes_max` ballots ends so.

    Raises
    ------
    ValueError
        If the numbers of votes make no range or the rule is unknown.

    References
    ----------
    CochlScene, section II.C.
    """
    if not 1 <= votes_min <= votes_max:
        message = f"votes_min = {votes_min} and votes_max = {votes_max}: expected 1 <= votes_min <= votes_max."
        raise ValueError(message)
    if rule not in get_args(Rule):
        message = f"rule = {rule!r}: expected one of {', '.join(get_args(Rule))}."
        raise ValueError(message)
    votes = len(ballots)
    yes = sum(ballot.decision for ballot in ballots)
    objections = {name: sum(not getattr(ballot, name) for ballot in ballots) for name in CRITERIA}
    outcome = Outcome.UNDECIDED
    if votes >= votes_min:
        to_come = max(votes_max - votes, 0)

        def settled(no: int) -> Outcome:
            return _settled(yes=votes - no, no=no, to_come=to_come)

        outcome = settled(votes - yes) if rule == "decision" else _all_criteria(objections, settled)
    return Decision(
        outcome=outcome,
        votes=votes,
        yes=yes,
        no=votes - yes,
        reasons={name: count for name, count in objections.items() if count},
    )


def _settled(*, yes: int, no: int, to_come: int) -> Outcome:
    """Return the majority that no vote to come can take away."""
    if yes > no + to_come:
        return Outcome.ACCEPTED
    if no > yes + to_come:
        return Outcome.REJECTED
    return Outcome.UNDECIDED


def _all_criteria(objections: dict[str, int], settled: Callable[[int], Outcome]) -> Outcome:
    """Join the criteria's own majorities: a lost one rejects whatever becomes of the others."""
    outcomes = {settled(count) for count in objections.values()}
    if Outcome.REJECTED in outcomes:
        return Outcome.REJECTED
    return Outcome.ACCEPTED if outcomes == {Outcome.ACCEPTED} else Outcome.UNDECIDED
