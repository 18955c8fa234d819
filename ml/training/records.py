"""What a training leaves behind: a record of each epoch, the weights of the best ones, and why it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ml.training.config import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class EpochRecord:
    """One epoch.

    Attributes
    ----------
    epoch : int
        Its number, 1 for the first.
    loss : float
        Mean loss of its batches, augmentation and weights included.
    learning_rate : float
        Rate of its last step.
    validation : dict of str to float
        ``loss``, ``accuracy`` and ``map3`` on the validation set; empty without one.
    part : int
        Most examples that were computed at once; below the batch size if memory did not suffice for more.
    seconds : float
        Time that it took, validation included.
    notes : tuple of str
        What happened besides.
    """

    epoch: int
    loss: float
    learning_rate: float
    validation: dict[str, float]
    part: int
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Weights of one epoch.

    Attributes
    ----------
    epoch : int
        Number of the epoch.
    score : float
        What epochs are compared by; the lower the better.
    weights : mapping of str to Tensor
        The network's state, its moving average if it has one.
    """

    epoch: int
    score: float
    weights: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a training gave.

    Attributes
    ----------
    records : tuple of EpochRecord
        All epochs, those before an interruption too.
    kept : tuple of Kept
        The best epochs, best first; empty if the training was stopped during its first.
    ended : {"completed", "patience", "asked"}
        All epochs were done, the measure did not improve any more, or the caller asked to stop.
    """

    records: tuple[EpochRecord, ...]
    kept: tuple[Kept, ...]
    ended: Literal["completed", "patience", "asked"]


def score_of(record: EpochRecord, config: TrainingConfig) -> float:
    """Return what an epoch is judged by, the lower the better; without a validation set, later ones are better."""
    if not record.validation:
        return -float(record.epoch)
    value = record.validation[config.metric]
    return value if config.metric == "loss" else -value


def out_of_patience(records: Sequence[EpochRecord], config: TrainingConfig) -> bool:
    """Tell whether the measure has not improved for as many epochs as the config has patience."""
    if config.patience is None or not records:
        return False
    scores = [score_of(record, config) for record in records]
    return len(scores) - 1 - scores.index(min(scores)) >= config.patience


def best_of(kept: Sequence[Kept], *, count: int) -> list[Kept]:
    """Return the best epochs, best first; the earlier of two equal ones comes first."""
    return sorted(kept, key=lambda one: (one.score, one.epoch))[:count]
