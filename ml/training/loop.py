"""The one training loop of all networks.

An epoch: draw its batches, step through them, validate, keep the weights if they are among the best, write a
checkpoint, tell the caller. It ends when all epochs are done, when the measure on the validation set has not improved
for a while, or when the caller asks. The network then holds the best weights.

The validation set should hold verified clips only: Dorfer and Widmer leave non-verified ones out of the choice of the
best epoch (4.2), since a network that has learned wrong labels by heart would win by them.

The learning rate, the order of the clips and all of augmentation are functions of the seed and the epoch, so that a
training that was killed and is called again with the same arguments ends with the same numbers (`resumption`). Random
numbers of torch itself, which dropout draws, are seeded for each epoch; the caller's are given back.

Shapes: B examples of a batch, N clips, K classes.

References
----------
.. [1] Dorfer and Widmer, DCASE 2018, section 4.2.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from ml.metrics import map_at_k
from ml.training import parallel, resumption
from ml.training.batches import BatchSource, epoch
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.prediction import predict
from ml.training.records import EpochRecord, Kept, TrainingResult, best_of, out_of_patience, score_of
from ml.training.schedule import ends_cycle, learning_rate
from ml.training.seeds import Purpose, derived_seed, generator
from ml.training.steps import Stepper

LEAST_PROBABILITY = 1e-12  # whose logarithm the validation loss takes


def train(
    network: nn.Module,
    clips: ClipFeatures,
    config: TrainingConfig,
    *,
    seed: int,
    device: torch.device | str,
    validation: ClipFeatures | None = None,
    checkpoint: Path | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train a network.

    Parameters
    ----------
    network : Module
        Network; it is moved to `device` and ends there, in evaluation mode, with the best weights. Its first weights
        are the caller's affair (a seed for them, or those of an earlier training for fine-tuning).
    clips : ClipFeatures
        Clips to train on, all with a label.
    config : TrainingConfig
        Parameters.
    seed : int
        Seed of everything that chance decides, at least 0.
    device : torch.device or str
        Where to compute.
    validation : ClipFeatures, optional
        Clips, all with a label, by which epochs are compared; none of their recordings may be among `clips`.
    checkpoint : Path, optional
        File written after every epoch. If it exists, the training in it goes on.
    on_epoch : callable, optional
        Called after every epoch that is done here, in the first of several processes only; its checkpoint is written by
        then.
    should_stop : callable, optional
        Asked before every step, so that it should be quick; in several processes all must answer alike. The epoch that
        it interrupts is done again when the training goes on.

    Returns
    -------
    TrainingResult
        Records of all epochs, the best weights, and why it ended.

    Raises
    ------
    ValueError
        If the arguments do not fit each other.
    CheckpointError
        If the checkpoint is damaged or belongs to another training.
    ArithmeticError
        If the loss is not finite after an epoch.
    """
    device = torch.device(device)
    _check(clips, config, validation, seed)
    layout = torch.channels_last if config.channels_last else torch.preserve_format
    network.to(device)
    network.to(memory_format=layout)  # type: ignore[call-overload]  # torch's stubs know only one form of it
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        training = _Training(network, clips, config, seed=seed, device=device, validation=validation)
        result = training.run(checkpoint, on_epoch or (lambda _: None), should_stop or (lambda: False))
    if result.kept:
        network.load_state_dict(dict(result.kept[0].weights))
    network.eval()
    return result


class _Training:
    """A training under way: what all of its epochs share."""

    def __init__(
        self,
        network: nn.Module,
        clips: ClipFeatures,
        config: TrainingConfig,
        *,
        seed: int,
        device: torch.device,
        validation: ClipFeatures | None,
    ) -> None:
        self.config = config
        self.seed = seed
        self.device = device
        self.rank, self.ranks = parallel.rank_and_size()
        self.described = resumption.identity(config, seed=seed, clips=clips, validation=validation)
        near = clips.near(device)
        self.source = BatchSource.of(near, config)
        if validation is not None:
            # Folds share their frames, which need no second copy.
            shared = validation.x_TMC is clips.x_TMC
            validation = replace(validation, x_TMC=near.x_TMC) if shared else validation.near(device)
        self.validation = validation
        self.stepper = Stepper(network, config, device)
        self.progress = resumption.Progress()

    def run(
        self, checkpoint: Path | None, on_epoch: Callable[[EpochRecord], None], should_stop: Callable[[], bool]
    ) -> TrainingResult:
        """Go on until the training ends."""
        if checkpoint is not None and checkpoint.exists():
            self.progress = resumption.load(checkpoint, self.stepper, self.described)
        ended: Literal["completed", "patience", "asked"] = "completed"
        while len(self.progress.records) < self.config.epochs:
            if out_of_patience(self.progress.records, self.config):
                ended = "patience"
                break
            record = self._epoch(len(self.progress.records) + 1, should_stop)
            if record is None:
                ended = "asked"
                break
            self._keep(record)
            if self.rank == 0:
                if checkpoint is not None:
                    resumption.save(checkpoint, self.stepper, self.progress, self.described)
                on_epoch(record)
        return TrainingResult(records=tuple(self.progress.records), kept=tuple(self.progress.kept), ended=ended)

    def _epoch(self, number: int, should_stop: Callable[[], bool]) -> EpochRecord | None:
        """Train for an epoch and validate; None if the caller asked to stop."""
        begun = time.monotonic()
        stepper, steps = self.stepper, self.source.steps_per_epoch
        torch.manual_seed(derived_seed(self.seed, Purpose.NETWORK, number, self.rank))
        drawn = generator(self.seed, Purpose.BATCHES, number)
        stepper.network.train()
        rate = self.config.learning_rate
        rows = slice(self.rank, None, self.ranks)
        for step, batch in enumerate(
            epoch(self.source, generator=drawn, rows=rows, device=self.device), start=(number - 1) * steps
        ):
            if should_stop():
                return None
            rate = learning_rate(
                self.config.schedule,
                rate=self.config.learning_rate,
                step=step,
                steps_per_epoch=steps,
                epochs=self.config.epochs,
            )
            stepper.step(batch, rate=rate)
        loss = stepper.mean_loss()
        if not isfinite(loss):
            message = f"The loss is {loss} after epoch {number}: try a learning rate below {self.config.learning_rate}."
            raise ArithmeticError(message)
        parallel.share_buffers(stepper.evaluated)
        record = EpochRecord(
            epoch=number,
            loss=loss,
            learning_rate=rate,
            validation=self._validated(),
            part=stepper.part,
            seconds=0.0,
            notes=tuple(stepper.notes),
        )
        stepper.notes.clear()
        return replace(record, seconds=time.monotonic() - begun)

    def _validated(self) -> dict[str, float]:
        """Measure the network on the validation set, of which each process predicts a share."""
        clips = self.validation
        if clips is None:
            return {}
        own = np.arange(self.rank, len(clips), self.ranks)
        p_NK = torch.zeros(len(clips), clips.n_classes, dtype=torch.float64, device=self.device)
        p_NK[own] = torch.from_numpy(
            predict(
                self.stepper.evaluated,
                clips.subset(own),
                self.config.evaluation,
                device=self.device,
                seed=self.seed,
                precision=self.config.precision,
            )
        ).to(self.device)
        p_NK = parallel.summed(p_NK).cpu()
        own_N = p_NK.gather(1, clips.label_N[:, None])
        return {
            "loss": float(-own_N.clamp(min=LEAST_PROBABILITY).log().mean()),
            "accuracy": float((p_NK.argmax(dim=1) == clips.label_N).double().mean()),
            "map3": map_at_k(p_NK.numpy(), clips.label_N.numpy()),
        }

    def _keep(self, record: EpochRecord) -> None:
        """Add an epoch to the records, and its weights to the best if they are among them."""
        self.progress.records.append(record)
        last = record.epoch == self.config.epochs
        if not record.validation and not last and not ends_cycle(self.config.schedule, record.epoch):
            return
        weights = {name: value.detach().clone() for name, value in self.stepper.evaluated.state_dict().items()}
        kept = Kept(epoch=record.epoch, score=score_of(record, self.config), weights=weights)
        self.progress.kept = best_of([*self.progress.kept, kept], count=self.config.best_epochs)


def _check(clips: ClipFeatures, config: TrainingConfig, validation: ClipFeatures | None, seed: int) -> None:
    for name, part in (("clips", clips), ("validation", validation)):
        if part is None:
            continue
        if not len(part) or int(part.label_N.min()) < 0:
            message = f"{name} has {len(part)} clips, {int((part.label_N < 0).sum())} without a label: expected labels."
            raise ValueError(message)
        if part.n_classes != clips.n_classes:
            message = f"validation has {part.n_classes} classes: expected {clips.n_classes}, as clips has."
            raise ValueError(message)
    if config.patience is not None and validation is None:
        message = f"patience = {config.patience}: expected a validation set on which to measure."
        raise ValueError(message)
    ranks = parallel.rank_and_size()[1]
    smallest = config.batch_size if config.balanced or config.steps_per_epoch else min(config.batch_size, len(clips))
    if smallest < ranks:
        message = f"batches of {smallest} examples: expected at least one for each of {ranks} processes."
        raise ValueError(message)
    if seed < 0:
        message = f"seed = {seed}: expected at least 0."
        raise ValueError(message)
