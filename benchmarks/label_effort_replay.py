"""Simulated people, the order in which a server hands out claims, and how right the labels are after so many ratings.

A *claim* is a candidate label of a clip that nobody had verified. People answer whether it is present (PP) or not (NP);
each is wrong now and then, and everybody meets the same claim with the same answer whatever the order, so that orders
alone differ. Two who agree settle a claim, by the very rule of the product (`annotate.domain.consensus`).

Shapes: N claims, P people, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotate.domain.consensus import settle

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
ANSWERS = ("NP", "PP")  # by whether the label is right
AGREEMENT = 2
NONE = -1


def draw_answers(right_N: Bools, *, people: int, error: float, seed: int) -> Bools:
    """Draw what each person says of each claim.

    Parameters
    ----------
    right_N : bool array [shape=(N,)]
        Whether the label is right.
    people : int
        P.
    error : float
        Chance of the other answer, 0 to 1.
    seed : int
        Of the draw.

    Returns
    -------
    bool array [shape=(P, N)]
        Whether they say that it is.
    """
    slips_PN = np.random.default_rng(seed).uniform(size=(people, len(right_N))) < error
    return np.asarray(right_N ^ slips_PN)


@dataclass
class Review:
    """What people have said so far.

    Attributes
    ----------
    answer_PN : bool array [shape=(P, N)]
        What each would say.
    rated_PN : bool array [shape=(P, N)]
        What each has said.
    settled_N, present_N : bool array [shape=(N,)]
        Claims on which two agree, and those of them that are present.
    ratings : list of (int, int)
        Person and claim, in order.
    """

    answer_PN: Bools
    rated_PN: Bools = field(init=False)
    settled_N: Bools = field(init=False)
    present_N: Bools = field(init=False)
    agreeing_N: Ints = field(init=False)
    ratings: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rated_PN = np.zeros_like(self.answer_PN)
        self.settled_N, self.present_N = np.zeros((2, self.answer_PN.shape[1]), dtype=np.bool_)
        self.agreeing_N = np.zeros(self.answer_PN.shape[1], dtype=np.int64)

    @property
    def absent_N(self) -> Bools:
        """Claims on which people agree that the label is wrong."""
        return self.settled_N & ~self.present_N

    def turn(self) -> int:
        """Return whose turn it is: people take turns."""
        return len(self.ratings) % len(self.answer_PN)

    def next_claim(self, score_N: Floats) -> int | None:
        """Return what a server hands to the person whose turn it is, as `annotate.selectors.queue` orders claims."""
        count_N = self.rated_PN.sum(axis=0)
        open_ = np.flatnonzero(~self.settled_N & ~self.rated_PN[self.turn()])
        if not len(open_):
            return None
        keys = (open_, count_N[open_], -score_N[open_], -self.agreeing_N[open_])  # the last one counts first
        return int(open_[np.lexsort(keys)[0]])

    def rate(self, claim: int) -> str:
        """Let the person whose turn it is answer; return the answer."""
        person = self.turn()
        self.rated_PN[person, claim] = True
        self.ratings.append((person, claim))
        said = [ANSWERS[int(answer)] for answer in self.answer_PN[self.rated_PN[:, claim], claim]]
        consensus = settle(said, agreement=AGREEMENT)
        self.agreeing_N[claim] = max(consensus.counts.values())
        self.settled_N[claim], self.present_N[claim] = consensus.value != "", consensus.value == "PP"
        return ANSWERS[int(self.answer_PN[person, claim])]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scores:
    """What an order knows.

    Attributes
    ----------
    score_N : float64 array [shape=(N,)]
        Highest is heard first.
    label_N, other_N : int64 array [shape=(N,)]
        The label that its models would give, and the likeliest one beside the candidate; -1 where it has no models.
    """

    score_N: Floats
    label_N: Ints
    other_N: Ints


@dataclass(frozen=True)
class Moment:
    """How right the labels are after so many ratings.

    Attributes
    ----------
    people : float
        Share of right labels among the clips that a release would carry: people's consensus where they agree (a label
        that they find absent leaves the release), the candidate elsewhere.
    machine : float
        Share of all clips whose label would be right if the models' proposals were taken besides: theirs where people
        have not settled, and theirs beside the candidate where people found it absent.
    found : float
        Share of the wrong labels that people found absent.
    """

    people: float
    machine: float
    found: float


def judge(review: Review, scores: Scores, *, candidate_N: Ints, true_N: Ints) -> Moment:
    """Compare with the truth."""
    right_N = candidate_N == true_N
    kept_N = ~review.absent_N
    machine_N = np.where(scores.label_N == NONE, candidate_N, scores.label_N)
    machine_N = np.where(review.settled_N, np.where(review.present_N, candidate_N, scores.other_N), machine_N)
    return Moment(
        people=float(right_N[kept_N].mean()),
        machine=float((machine_N == true_N).mean()),
        found=float((review.absent_N & ~right_N).sum() / (~right_N).sum()),
    )


def replay(
    review: Review,
    scores: Scores,
    *,
    moments: list[int],
    look: Callable[[Review, Scores], Moment],
    again_at: int | None = None,
    again: Callable[[Review], Scores] | None = None,
) -> list[Moment]:
    """Let people rate in an order.

    Parameters
    ----------
    review : Review
        Before the first rating; it is filled.
    scores : Scores
        The order.
    moments : list of int
        Numbers of ratings after which to look, ascending.
    look : callable
        Says how right the labels are.
    again_at, again : int and callable, optional
        After how many ratings the order is made anew, from what people said.

    Returns
    -------
    list of Moment
        One for each of `moments`.
    """
    found = []
    for moment in moments:
        while len(review.ratings) < moment:
            if again is not None and len(review.ratings) == again_at:
                scores, again = again(review), None
            claim = review.next_claim(scores.score_N)
            if claim is None:
                break
            review.rate(claim)
        found.append(look(review, scores))
    return found
