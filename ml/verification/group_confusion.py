"""Telling apart wrong labels from groups that networks mishear.

Whose mistake is it, the label's or theirs? A network that heard only other people may take every "six" of one speaker
for an "eight", and be sure of it. All of these labels would then be called wrong, at the head of the review, although
they are right. Labels and networks are two observers of one truth, and both have their patterns:

* labels are given by people or tag mappings that err alike everywhere: P(given | true), one matrix for all groups;
* networks err by recording conditions: P(heard | true), one matrix for each group, near to the identity.

Both are estimated together by expectation-maximisation (Dawid and Skene), with the network's probabilities as soft
observations. Where it ends depends on where it begins, so that there are two beginnings: labels that err as is expected
of all, and the mistakes that confident learning finds by its class-dependent thresholds
(`ml.verification.confident_learning`). The one counts under which what was heard and labelled is likelier in the end;
priors, which are alike for both, are left out of that.

Where a group's "sixes" are heard as "eights" but labelled "six" as often as everybody's are, the network
is to blame; where labels go wrong as everywhere, the label is.

A group's matrix is estimated by variational Bayes instead of plain counting: its Dirichlet prior has little weight on
each wrong class, so that mistakes which gather in one class, as those of mishearing do, are taken in, and single ones
here and there are left to the labels. (Counted plainly, each of the two observers takes a share of every
disagreement, and the labels look better than they are.) The prior weighs a good number of clips, which keeps small
groups, such as the excerpts of one source, at what networks do in general; groups below a number of clips have no
matrix of their own at all.

What it cannot tell: somebody who alone mislabels one class always, in a way that nobody else does, looks like somebody
whom networks mishear. Such clips end in doubt or on the label's side; whoever accepts labels unheard should therefore
ask that the plain probability does not speak against the label (`ml.recipes.earmark` does).

What people say
---------------
People who hear clips after an earlier run tell of some what is true, or what is not. Where they leave the classes
A of a clip that sounds like x and was given the label i,

    P(true = y | x, given = i, A) = T(i | y) L(y) [y in A] / sum over z in A of T(i | z) L(z),

T(i | y) being P(given = i | true = y) and L(y) the probability of what the network heard if y is true. A *rejected*
label i leaves all classes but i, a *confirmed* one leaves i alone. Nothing else changes: T is counted from these
posteriors as from all others, so that a rejected label counts with certainty as a mistake and, by shares, as one of
each class that is left; a confirmed one counts as right. The same shares go to the matrix of its group.

Clips are heard because they are suspicious, so that of those that were heard far more labels are wrong than of all.
That does not bias the estimate as long as *all* labels of one source are in it, heard or not. Which clips people hear
depends on what the network heard and on the label alone, and both are in the model: given these, whether somebody
listened says nothing about the truth, so that the likelihood of what is known is the right one (missing at random,
Rubin). That is exact for the networks by which clips were chosen; those of the next run hear nearly the same. To leave
out the rejected is what biases: of ten labels of a class, four wrong and found by people, the other six make it look as
if labels never erred. To take the rejected in and leave the confirmed out biases the other way. Labels of another
source, such as clips that came verified, say nothing about this source's mistakes and are not passed in.

References
----------
.. [1] A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm",
   Journal of the Royal Statistical Society C 28(1), 1979, section 3.
.. [2] M. J. Beal, "Variational algorithms for approximate Bayesian inference", University College London, 2003,
   section 3.4 (Dirichlet parameters: the exponential of the expected logarithm takes the place of the count).
.. [3] D. B. Rubin, "Inference and missing data", Biometrika 63(3), 1976, theorem 7.1.

Shapes: N clips, K classes, G groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from ml.verification.confident_learning import estimate_noise
from ml.verification.noise_transitions import NoiseConfig, transition_matrix
from ml.verification.probabilities import NONE, Bools, Floats, Ints, checked_labels, checked_probabilities

_LEAST = 1e-300


@dataclass(frozen=True, kw_only=True)
class ConfusionConfig:
    """What is expected before any clip is seen, and how long is iterated.

    Attributes
    ----------
    prior_clips : float
        Clips of each class that the expectation about a group is worth.
    prior_correct : float
        Share of a class that networks are expected to hear rightly in any group.
    fewest_clips : int
        Clips that a group needs for a matrix of its own.
    rounds : int
        Rounds of expectation-maximisation.
    noise : NoiseConfig
        What is expected of labels.
    """

    prior_clips: float = 20.0
    prior_correct: float = 0.95
    fewest_clips: int = 20
    rounds: int = 40
    noise: NoiseConfig = field(default_factory=lambda: NoiseConfig(prior_clips=2.0, prior_correct=0.7))

    def __post_init__(self) -> None:
        if not self.prior_clips > 0:
            message = f"prior_clips = {self.prior_clips}: expected more than 0."
            raise ValueError(message)
        if not 0 < self.prior_correct < 1:
            message = f"prior_correct = {self.prior_correct}: expected above 0 and below 1."
            raise ValueError(message)
        for name in ("fewest_clips", "rounds"):
            if getattr(self, name) < 1:
                message = f"{name} = {getattr(self, name)}: expected 1 or more."
                raise ValueError(message)


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupConfusion:
    """What was estimated.

    Attributes
    ----------
    posterior_NK : float64 array [shape=(N, K)]
        P(true | network, label, group, what people said); rows sum to 1.
    transition_KK : float64 array [shape=(K, K)]
        P(given = column | true = row).
    likelihood_NK : float64 array [shape=(N, K)]
        Probability of each true class by what networks heard of the clip in its group, without its label; rows sum
        to 1.
    heard_GKK : dict of int to float64 array [shape=(K, K)]
        P(heard = column | true = row) of each group that has a matrix of its own; rows sum to a little less than 1.
    """

    posterior_NK: Floats
    transition_KK: Floats
    likelihood_NK: Floats
    heard_GKK: dict[int, Floats]


def estimate_group_confusion(
    p_NK: Floats, given_N: Ints, group_N: Ints, *, config: ConfusionConfig, left_NK: Bools | None = None
) -> GroupConfusion:
    """Estimate the patterns of labels and networks together.

    Parameters
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probabilities by networks that heard no clip of the group.
    given_N : int64 array [shape=(N,)]
        Given labels; -1 only where people ruled out classes of a clip that has several labels or none.
    group_N : int64 array [shape=(N,)]
        Group of each clip.
    config : ConfusionConfig
        Expectations.
    left_NK : bool array [shape=(N, K)], optional
        Classes that people left; without, all.

    Returns
    -------
    GroupConfusion
        Posteriors and both patterns.

    Raises
    ------
    ValueError
        If the arrays do not fit each other, nothing but the sound is known of a clip, or no class is left.
    """
    p_NK = checked_probabilities("p_NK", p_NK, axes="NK")
    n_clips, n_classes = p_NK.shape
    given_N = checked_labels("given_N", given_N, n_clips=n_clips, n_classes=n_classes)
    told_N = np.zeros(n_clips, dtype=np.bool_) if left_NK is None else ~_checked_left(left_NK, p_NK).all(axis=1)
    if ((given_N == NONE) & ~told_N).any() or np.shape(group_N) != (n_clips,):
        raise ValueError("given_N and group_N: expected a label and a group for each clip.")
    expected_KK = _mostly_diagonal(n_classes, config.prior_correct)
    members = {int(group): np.flatnonzero(group_N == group) for group in np.unique(group_N)}
    own = {group: clips for group, clips in members.items() if len(clips) >= config.fewest_clips}
    begins = [transition_matrix(np.zeros((n_classes, n_classes)), config=config.noise)]
    if (given_N != NONE).any():
        begins.append(estimate_noise(p_NK, given_N, config=config.noise).transition_KK)
    found = [
        _maximise(begin_KK, expected_KK, p_NK, given_N, own, config=config, left_NK=left_NK) for begin_KK in begins
    ]
    return max(found, key=lambda each: each[0])[1]


def _maximise(
    transition_KK: Floats,
    expected_KK: Floats,
    p_NK: Floats,
    given_N: Ints,
    own: Mapping[int, Ints],
    *,
    config: ConfusionConfig,
    left_NK: Bools | None,
) -> tuple[float, GroupConfusion]:
    """Estimate from one beginning; return the log-likelihood of what is known too."""
    heard = dict.fromkeys(own, expected_KK)
    given_NK = np.eye(len(expected_KK))[given_N]
    given_NK[given_N == NONE] = 0
    posterior_NK, sum_N1 = np.zeros_like(p_NK), np.ones((len(p_NK), 1))
    likelihood_NK = p_NK @ expected_KK.T  # of groups without a matrix it stays so
    for _ in range(config.rounds):
        for group, clips in own.items():
            likelihood_NK[clips] = p_NK[clips] @ heard[group].T
        joint_NK = _label_likelihood(transition_KK, given_N) * likelihood_NK
        if left_NK is not None:
            joint_NK *= left_NK
        sum_N1 = np.maximum(joint_NK.sum(axis=1, keepdims=True), _LEAST)
        posterior_NK = joint_NK / sum_N1
        for group, clips in own.items():
            # Expected number of clips that are y and heard as k, without an array over clips, y and k.
            share_NK = _label_likelihood(transition_KK, given_N[clips]) / sum_N1[clips]
            if left_NK is not None:
                share_NK *= left_NK[clips]
            counts_KK = heard[group] * (share_NK.T @ p_NK[clips]) + config.prior_clips * expected_KK
            heard[group] = _expected(counts_KK)
        transition_KK = transition_matrix(given_NK.T @ posterior_NK, config=config.noise)
    found = GroupConfusion(
        posterior_NK=posterior_NK,
        transition_KK=transition_KK,
        likelihood_NK=likelihood_NK / np.maximum(likelihood_NK.sum(axis=1, keepdims=True), _LEAST),
        heard_GKK=heard,
    )
    return float(np.log(sum_N1).sum()), found


def _label_likelihood(transition_KK: Floats, given_N: Ints) -> Floats:
    """Return P(given | true) of each clip's label for every true class; 1 where it has none."""
    likelihood_NK: Floats = transition_KK[:, given_N].T
    likelihood_NK[given_N == NONE] = 1
    return likelihood_NK


def _checked_left(left_NK: Bools, p_NK: Floats) -> Bools:
    if left_NK.shape != p_NK.shape or not left_NK.any(axis=1).all():
        message = (
            f"left_NK of the shape {left_NK.shape}: expected {p_NK.shape}, and a class that is left for each clip."
        )
        raise ValueError(message)
    return left_NK


def _expected(counts_KK: Floats) -> Floats:
    """Return exp(E[log P]) of each row under its Dirichlet distribution."""
    row_K1 = torch.from_numpy(counts_KK.sum(axis=1, keepdims=True))
    expected_KK: Floats = torch.exp(torch.digamma(torch.from_numpy(counts_KK)) - torch.digamma(row_K1)).numpy()
    return expected_KK


def _mostly_diagonal(n_classes: int, diagonal: float) -> Floats:
    if n_classes == 1:
        return np.ones((1, 1))
    matrix_KK = np.full((n_classes, n_classes), (1 - diagonal) / (n_classes - 1))
    np.fill_diagonal(matrix_KK, diagonal)
    return matrix_KK
