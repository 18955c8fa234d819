"""Review priority: which labels people should hear first.

People's time is the scarce thing. A minute of listening changes the dataset most where a label is probably wrong, the
clip is short and its category is wanted. Two doubts about the machine itself are added: members that contradict
each other, and categories in which people often reject what they hear (a low quality estimate).

Each part is 0 to 1, so that its weight says what it can contribute:

* p_wrong: probability that the label is wrong, 1 less that of `ml.verification.noise_transitions.p_label_correct`.
* disagreement: how far the members contradict each other (`ml.verification.disagreement`).
* category_need: how far the category is from what is wanted.
* unreliability: 1 - QE of the category.
* change_per_minute: p_wrong * category_need / (overhead_s + duration_s), expected useful changes of the dataset per
  minute of work. It is stored in that unit; in the score it is divided by what an instantaneous, certainly wrong
  label of a wanted category would give, 60 / overhead_s.

The score is the weighted mean of the parts. The weights are a judgement, not a result: wrong labels are what review is
for, so p_wrong and its rate per minute have most of the weight. The parts are stored beside the score, so that
people see why a clip comes first and other weights can be tried on recorded ratings (`ml.verification.simulation`).

References
----------
.. [1] E. Fonseca et al., "General-purpose tagging of Freesound audio with AudioSet labels: Task description, dataset,
   and baseline", DCASE 2018, section 3.3 (QE).

Shapes: E members, N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ml.verification.disagreement import disagreement
from ml.verification.probabilities import NONE, Floats, Ints, checked_labels, checked_probabilities

_SECONDS = 60  # in a minute


@dataclass(frozen=True, kw_only=True)
class PriorityWeights:
    """What each part contributes to the score; only their proportions count.

    Attributes
    ----------
    p_wrong, disagreement, category_need, unreliability, change_per_minute : float
        Weights, none negative, one above 0.
    """

    p_wrong: float = 0.4
    disagreement: float = 0.1
    category_need: float = 0.1
    unreliability: float = 0.1
    change_per_minute: float = 0.3

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) < np.inf:
                message = f"{field.name} = {getattr(self, field.name)}: expected 0 or more."
                raise ValueError(message)
        if not self.total:
            raise ValueError("All weights are 0: expected one above 0.")

    @property
    def total(self) -> float:
        """Sum of the weights."""
        return float(sum(getattr(self, field.name) for field in fields(self)))


@dataclass(frozen=True, kw_only=True)
class PriorityConfig:
    """How clips are put in order.

    Attributes
    ----------
    weights : PriorityWeights
        What each part contributes.
    overhead_s : float
        Seconds that a rating takes beside listening once: loading, thinking, clicking.
    """

    weights: PriorityWeights = PriorityWeights()
    overhead_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.overhead_s < np.inf:
            message = f"overhead_s = {self.overhead_s}: expected more than 0."
            raise ValueError(message)


@dataclass(frozen=True)
class Priorities:
    """Scores with their parts.

    Attributes
    ----------
    p_wrong_N, disagreement_N, category_need_N, unreliability_N : float64 array [shape=(N,)]
        Parts, 0 to 1.
    change_per_minute_N : float64 array [shape=(N,)]
        Expected useful changes per minute, 0 to ``60 / overhead_s``.
    score_N : float64 array [shape=(N,)]
        Weighted mean, 0 to 1; higher is heard earlier.
    """

    p_wrong_N: Floats
    disagreement_N: Floats
    category_need_N: Floats
    unreliability_N: Floats
    change_per_minute_N: Floats
    score_N: Floats


def priorities(
    *,
    p_correct_N: Floats,
    p_ENK: Floats,
    candidate_N: Ints,
    duration_s_N: Floats,
    need_K: Floats,
    quality_K: Floats,
    config: PriorityConfig,
) -> Priorities:
    """Score how much each clip deserves to be heard.

    Parameters
    ----------
    p_correct_N : float64 array [shape=(N,)]
        Probability that the label is right, 0 to 1.
    p_ENK : float64 array [shape=(E, N, K)]
        Probabilities by member.
    candidate_N : int64 array [shape=(N,)]
        Given labels, -1 for none; a clip without a label has no category, so that its need and unreliability are 1.
    duration_s_N : float64 array [shape=(N,)]
        Length of each clip in seconds.
    need_K : float64 array [shape=(K,)]
        Need of each category, 0 to 1, such as `category_need` gives.
    quality_K : float64 array [shape=(K,)]
        Quality estimate of each category, 0 to 1; 0 where nobody rated, as nothing speaks for it yet.
    config : PriorityConfig
        Weights and overhead.

    Returns
    -------
    Priorities
        Parts and scores.

    Raises
    ------
    ValueError
        If the arrays do not fit each other or a number is outside its range.
    """
    p_ENK = checked_probabilities("p_ENK", p_ENK, axes="ENK")
    _, n_clips, n_classes = p_ENK.shape
    candidate_N = checked_labels("candidate_N", candidate_N, n_clips=n_clips, n_classes=n_classes)
    p_wrong_N = 1 - _checked("p_correct_N", p_correct_N, n_clips, highest=1.0)
    duration_s_N = _checked("duration_s_N", duration_s_N, n_clips, highest=float(np.finfo(np.float64).max))
    need_N = _by_clip(_checked("need_K", need_K, n_classes, highest=1.0), candidate_N)
    unreliability_N = _by_clip(1 - _checked("quality_K", quality_K, n_classes, highest=1.0), candidate_N)
    disagreement_N = disagreement(p_ENK)
    change_N = _SECONDS * p_wrong_N * need_N / (config.overhead_s + duration_s_N)
    weights = config.weights
    score_N = (
        weights.p_wrong * p_wrong_N
        + weights.disagreement * disagreement_N
        + weights.category_need * need_N
        + weights.unreliability * unreliability_N
        + weights.change_per_minute * change_N * config.overhead_s / _SECONDS
    ) / weights.total
    return Priorities(p_wrong_N, disagreement_N, need_N, unreliability_N, change_N, score_N)


def review_order(score_N: Floats) -> Ints:
    """Order clips by score, highest first, equal ones by their place in the array.

    Returns
    -------
    int64 array [shape=(N,)]
        Indices of the clips.
    """
    return np.argsort(-np.asarray(score_N), kind="stable").astype(np.int64)


def category_need(verified_K: Ints, wanted_K: Ints) -> Floats:
    """Compute which share of the wanted clips each category still lacks.

    Parameters
    ----------
    verified_K : int64 array [shape=(K,)]
        Verified clips of each category.
    wanted_K : int64 array [shape=(K,)]
        Clips that the dataset should have of each.

    Returns
    -------
    float64 array [shape=(K,)]
        0 where nothing is lacking, or nothing wanted, to 1 where everything is.
    """
    lacking_K = np.maximum(wanted_K - verified_K, 0)
    need_K: Floats = np.divide(lacking_K, wanted_K, out=np.zeros(len(wanted_K)), where=wanted_K > 0)
    return need_K


def _by_clip(part_K: Floats, candidate_N: Ints) -> Floats:
    return np.where(candidate_N != NONE, part_K[candidate_N], 1.0)


def _checked(name: str, numbers: Floats, length: int, *, highest: float) -> Floats:
    numbers = np.asarray(numbers, dtype=np.float64)
    if numbers.shape != (length,) or not np.all((numbers >= 0) & (numbers <= highest)):
        message = f"{name} of shape {numbers.shape}: expected {length} numbers of 0 to {highest:g}."
        raise ValueError(message)
    return numbers
