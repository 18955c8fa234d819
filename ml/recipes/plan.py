"""What a recipe does, as values that are stored with the run.

A verification is a sequence of iterations. In each, every *member* of the ensemble (a network with its features and its
training) is trained once for each *fold*; the training of one member for one fold is a *step*, the unit that is run on
some worker, killed, resumed and never repeated once it is done. When all steps of an iteration are done, the recipe
*fuses* their probabilities into the state that the next iteration starts from. The last iteration may consist of
*whole* steps, which leave no fold out, for test clips of which no group is learned from.

A recipe's decisions are pure functions of the candidates, its plan and the probabilities, so that the same run gives
the same answer on one process, on many, or after any number of interruptions.

Shapes: S clips of a step, N clips, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ml.features.embedding import InputConfig
from ml.recipes.candidates import CandidateSet, Floats, Ints
from ml.training.config import TrainingConfig
from ml.training.windows import WindowConfig
from ml.verification.auto_accept import HeldOut

State = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Member:
    """One network of an ensemble.

    Attributes
    ----------
    name : str
        Name within the recipe.
    network : str
        Name in `ml.networks.registry.NETWORKS`.
    options : mapping
        Further parameters of the network.
    features : FeatureConfig or EmbeddingConfig
        Its input: spectrograms, or what a pretrained trunk makes of excerpts.
    training : TrainingConfig
        How it is trained in the first iteration, and in the others unless `fine_tuning` says otherwise.
    fine_tuning : TrainingConfig, optional
        How it is trained further from the weights of the iteration before, in whole steps too (see `Plan.n_whole`);
        without, each iteration starts anew.
    windows : WindowConfig
        Excerpts by which clips are judged.
    padded : bool
        Whether clips shorter than an excerpt stand between frames of silence instead of being repeated.
    """

    name: str
    network: str
    options: Mapping[str, Any]
    features: InputConfig
    training: TrainingConfig
    fine_tuning: TrainingConfig | None
    windows: WindowConfig
    padded: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe fitted to some candidates.

    Attributes
    ----------
    recipe : str
        Name of the recipe.
    members : tuple of Member
        The ensemble.
    iterations, n_folds : int
        Rounds, a last one of whole steps included, and folds of each.
    n_whole : int
        Steps of each member in a last iteration that leave no fold out: they go on from the folds' networks of the
        iteration before, learn from all clips and judge none but test clips. 0 for no such iteration.
    """

    recipe: str
    members: tuple[Member, ...]
    iterations: int
    n_folds: int
    n_whole: int = 0

    def __post_init__(self) -> None:
        assert 0 <= self.n_whole <= self.n_folds  # noqa: S101 -- each goes on from a fold's network

    @property
    def judging(self) -> int:
        """The iterations whose steps leave a fold out and judge it."""
        return self.iterations - bool(self.n_whole)

    def training(self, step: Step) -> TrainingConfig:
        """Return how a step is trained."""
        member = self.members[step.member]
        return member.fine_tuning if step.iteration and member.fine_tuning else member.training

    def origin(self, step: Step) -> Step | None:
        """Return the step of the iteration before from whose weights a step goes on; None if it begins anew."""
        if not step.iteration or not self.members[step.member].fine_tuning:
            return None
        return Step(step.iteration - 1, step.member, step.fold)

    def whole(self, step: Step) -> bool:
        """Say whether a step leaves no fold out."""
        return step.iteration >= self.judging

    def steps(self, iteration: int) -> tuple[Step, ...]:
        """List the steps of an iteration."""
        parts = self.n_folds if iteration < self.judging else self.n_whole
        return tuple(Step(iteration, member, part) for member in range(len(self.members)) for part in range(parts))


@dataclass(frozen=True, order=True)
class Step:
    """The training of one member for one fold in one iteration; all count from 0."""

    iteration: int
    member: int
    fold: int

    def __str__(self) -> str:
        return f"iteration-{self.iteration}-member-{self.member}-fold-{self.fold}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Work:
    """What a step learns from and what it judges.

    Attributes
    ----------
    trained_S : int64 array [shape=(S,)]
        Clips to train on.
    target_SK : float64 array [shape=(S, K)]
        Label of each as a distribution over classes.
    weight_S : float64 array [shape=(S,)]
        Weight of each in the loss.
    verified_S : bool array [shape=(S,)]
        Whether losses treat the label as verified.
    judged : int64 array
        Clips to predict, none of a group that is trained on.
    validated : int64 array
        Verified clips by which epochs are compared; may be empty.
    """

    trained_S: Ints
    target_SK: Floats
    weight_S: Floats
    verified_S: NDArray[np.bool_]
    judged: Ints
    validated: Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Verdict:
    """What a run says of every clip.

    Attributes
    ----------
    p_NK : float64 array [shape=(N, K)]
        Probability of each class, by models that were not trained on the clip's group.
    p_MNK : float64 array [shape=(M, N, K)]
        The same of each member.
    p_correct_N : float64 array [shape=(N,)]
        Probability that the candidate label is right; nan where there is none, or nobody could judge it.
    label_N : int64 array [shape=(N,)]
        Class that the run would give, the candidate label taken into account; `NONE` where it would give none.
    accept_N : bool array [shape=(N,)]
        Whether the label would be accepted unheard; only non-verified clips are.
    held_out : HeldOut, optional
        What verified clips witness of thresholds; None where a recipe asks probabilities alone.
    """

    p_NK: Floats
    p_MNK: NDArray[np.float64]
    p_correct_N: Floats
    label_N: Ints
    accept_N: NDArray[np.bool_]
    held_out: HeldOut | None = None


class Recipe(Protocol):
    """A published way to verify labels, or ours."""

    name: str
    learns_rejected: bool  # whether clips of which people ruled labels out, and left other classes, teach

    def plan(self, candidates: CandidateSet, *, sample_rate_hz: int) -> Plan:
        """Fit the recipe to the candidates."""
        ...

    def begin(self, candidates: CandidateSet, plan: Plan, *, seed: int) -> State:
        """Return the state before the first iteration."""
        ...

    def work(self, candidates: CandidateSet, plan: Plan, state: State, step: Step) -> Work:
        """Return what a step learns from and judges."""
        ...

    def fuse(
        self, candidates: CandidateSet, plan: Plan, state: State, outputs: Sequence[Output], *, iteration: int
    ) -> tuple[State, dict[str, Any]]:
        """Return the state after an iteration, and the iteration's row for people."""
        ...

    def verdict(self, candidates: CandidateSet, plan: Plan, state: State, *, precision: float) -> Verdict:
        """Return what the run says of every clip."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Output:
    """What a step predicted.

    Attributes
    ----------
    step : Step
        The step.
    clip_J : int64 array [shape=(J,)]
        Clips that it judged.
    p_JK : float64 array [shape=(J, K)]
        Their probabilities.
    """

    step: Step
    clip_J: Ints
    p_JK: Floats
