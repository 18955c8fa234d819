"""Replaying a review: how fast each policy makes a dataset's labels right.

Whether a priority is worth its formula shows only against others on clips whose truth is known. The simulator shows
clips to a rater in the order of a policy, puts the rater's answer in the place of the label, and notes after each
rating how many labels are right, how many minutes were listened and how many of the wrong labels were found. All
policies meet the same answers, drawn or recorded once for each clip, so that they differ by order alone.

An answer is a class, or -1 where the rater took the label away (NP) and named no other: the clip then leaves the
dataset, and label accuracy is the share of right labels among the clips that still have one. Recorded ratings may
miss clips; these are never shown and keep their labels.

A policy maps what is known so far to a score for each clip. It is asked again after every `round_size` ratings, so
that one which learns from the answers can be replayed too; one that does not learn gives the same scores again.

Shapes: N clips, R + 1 moments: before the first and after each of R ratings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ml.verification.priority import review_order
from ml.verification.probabilities import NONE, Bools, Floats, Ints, checked_share

Policy = Callable[[Ints, Bools], Floats]  # labels so far and which clips were heard, to scores: highest is next

SHARES = (0.1, 0.2, 0.3, 0.5)  # parts of the clips after which the recall of wrong labels is reported

_SECONDS = 60  # in a minute
_SLACK = 1e-9  # 0.29 * 100 is 28.999…96 and three times 0.1 more than 0.3 in binary


@dataclass(frozen=True, kw_only=True)
class ReviewPool:
    """Clips to review, with what is known about them.

    Attributes
    ----------
    true_N : int64 array [shape=(N,)]
        Right classes.
    candidate_N : int64 array [shape=(N,)]
        Labels before the review.
    answer_N : int64 array [shape=(N,)]
        What the rater says when the clip is shown: a class, or -1 to take the label away.
    duration_s_N : float64 array [shape=(N,)]
        Length of each clip in seconds.
    answered_N : bool array [shape=(N,)] or None
        Clips of which an answer exists; None for all.
    """

    true_N: Ints
    candidate_N: Ints
    answer_N: Ints
    duration_s_N: Floats
    answered_N: Bools | None = None

    def __post_init__(self) -> None:
        lengths = [len(self.true_N), len(self.candidate_N), len(self.answer_N), len(self.duration_s_N)]
        if self.answered_N is not None:
            lengths.append(len(self.answered_N))
        if not lengths[0] or len(set(lengths)) > 1:
            message = f"arrays of {lengths} clips: expected as many in each, at least one."
            raise ValueError(message)


@dataclass(frozen=True)
class ReviewCurve:
    """What a policy achieved, moment by moment.

    Attributes
    ----------
    order_R : int64 array [shape=(R,)]
        Clips in the order in which they were shown.
    accuracy_R1 : float64 array [shape=(R + 1,)]
        Share of right labels among the clips with a label; NaN once no clip has one.
    minutes_R1 : float64 array [shape=(R + 1,)]
        Minutes of work so far.
    found_R1 : float64 array [shape=(R + 1,)]
        Share of the wrong labels that were shown; NaN if none was wrong.
    clips : int
        N.
    """

    order_R: Ints
    accuracy_R1: Floats
    minutes_R1: Floats
    found_R1: Floats
    clips: int

    @property
    def area(self) -> float:
        """Mean label accuracy over the ratings, by trapezoids: 1 if all was right from the start."""
        if len(self.accuracy_R1) == 1:
            return float(self.accuracy_R1[0])
        return float(np.mean((self.accuracy_R1[1:] + self.accuracy_R1[:-1]) / 2))

    def accuracy_after_minutes(self, minutes: float) -> float:
        """Look up label accuracy after so many minutes of work; an unfinished rating does not count."""
        if not minutes >= 0:
            message = f"minutes = {minutes}: expected 0 or more."
            raise ValueError(message)
        return float(self.accuracy_R1[np.searchsorted(self.minutes_R1, minutes + _SLACK, side="right") - 1])

    def recall_at(self, share: float) -> float:
        """Look up the share of the wrong labels found after rating a share of all clips, rounded down."""
        checked_share("share", share)
        ratings = min(int(share * self.clips + _SLACK), len(self.order_R))
        return float(self.found_R1[ratings])


def simulate(
    pool: ReviewPool, policies: Mapping[str, Policy], *, overhead_s: float, round_size: int | None = None
) -> dict[str, ReviewCurve]:
    """Replay the review of a pool under several policies.

    Parameters
    ----------
    pool : ReviewPool
        Clips, truth and answers.
    policies : mapping of str to callable
        Policies by name.
    overhead_s : float
        Seconds that a rating takes beside listening once.
    round_size : int, optional
        Ratings after which a policy is asked again; it is asked once if not given.

    Returns
    -------
    dict of str to ReviewCurve
        Curves by name.

    Raises
    ------
    ValueError
        If `overhead_s` is negative or `round_size` below 1.
    """
    if overhead_s < 0 or (round_size is not None and round_size < 1):
        message = f"overhead_s = {overhead_s}, round_size = {round_size}: expected 0 or more, and 1 or more."
        raise ValueError(message)
    return {name: _replay(pool, policy, overhead_s, round_size) for name, policy in policies.items()}


def by_score(score_N: Floats) -> Policy:
    """Make a policy that shows the highest score first and learns nothing."""
    return lambda _label_N, _heard_N: score_N


def at_random(n_clips: int, *, generator: np.random.Generator) -> Policy:
    """Make a policy that shows clips in one random order."""
    return by_score(generator.permutation(n_clips).astype(np.float64))


def simulated_answers(true_N: Ints, *, n_classes: int, accuracy: float, generator: np.random.Generator) -> Ints:
    """Draw what a rater of a given accuracy would answer about each clip.

    Parameters
    ----------
    true_N : int64 array [shape=(N,)]
        Right classes.
    n_classes : int
        K, at least 2.
    accuracy : float
        Chance of the right class, 0 to 1; the other classes share the rest evenly.
    generator : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    int64 array [shape=(N,)]
        Answers.

    Raises
    ------
    ValueError
        If `accuracy` is outside 0 to 1 or there is only one class.
    """
    checked_share("accuracy", accuracy)
    if n_classes <= 1:  # a mistake needs a second class
        message = f"n_classes = {n_classes}: expected 2 or more."
        raise ValueError(message)
    right_N = generator.uniform(size=len(true_N)) < accuracy
    away_N = generator.integers(1, n_classes, size=len(true_N))
    return np.where(right_N, true_N, (true_N + away_N) % n_classes)


def _replay(pool: ReviewPool, policy: Policy, overhead_s: float, round_size: int | None) -> ReviewCurve:
    order_R = _order(pool, policy, round_size)
    candidate_R, answer_R, true_R = (each[order_R] for each in (pool.candidate_N, pool.answer_N, pool.true_N))
    right = int(np.count_nonzero(pool.candidate_N == pool.true_N))
    labelled = int(np.count_nonzero(pool.candidate_N != NONE))
    right_R1 = _running(right, (answer_R == true_R).astype(np.int64) - (candidate_R == true_R))
    labelled_R1 = _running(labelled, (answer_R != NONE).astype(np.int64) - (candidate_R != NONE))
    accuracy_R1 = np.full(len(order_R) + 1, np.nan)
    np.divide(right_R1, labelled_R1, out=accuracy_R1, where=labelled_R1 > 0)
    minutes_R1 = np.concatenate(([0.0], np.cumsum((pool.duration_s_N[order_R] + overhead_s) / _SECONDS)))
    wrong = len(pool.true_N) - right
    found_R1 = _running(0, candidate_R != true_R) / wrong if wrong else np.full(len(order_R) + 1, np.nan)
    return ReviewCurve(order_R, accuracy_R1, minutes_R1, found_R1, len(pool.true_N))


def _order(pool: ReviewPool, policy: Policy, round_size: int | None) -> Ints:
    """Ask the policy round by round which clips come next."""
    label_N = pool.candidate_N.copy()
    waiting_N = np.ones(len(label_N), dtype=np.bool_) if pool.answered_N is None else pool.answered_N.copy()
    heard_N = np.zeros_like(waiting_N)
    rounds: list[Ints] = []
    while waiting_N.any():
        score_N = policy(label_N.copy(), heard_N.copy())
        ranked = review_order(score_N)
        shown = ranked[waiting_N[ranked]][:round_size]
        waiting_N[shown], heard_N[shown] = False, True
        label_N[shown] = pool.answer_N[shown]
        rounds.append(shown)
    return np.concatenate(rounds) if rounds else np.zeros(0, dtype=np.int64)


def _running(start: int, change_R: Ints | Bools) -> Ints:
    return np.concatenate(([start], start + np.cumsum(change_R))).astype(np.int64)
