"""One step of training: forward, backward, update.

If a pass exceeds the device's memory, the batch is computed in parts of half the size, whose gradients add up to those
of the whole, and all later batches too. The update stays that of the whole batch; only what looks at a batch as a
whole sees its parts then: batch normalisation and the largest loss of loss masking. Several processes do not halve,
since one alone would wait for the others for ever: there the error says what to do.

A network is compiled by its first batch, and again where a batch has another size. If that fails, for want of a
compiler or because it does not know an operation, the batch is done over and the training goes on without.

Losses stay on the device and are added up there, so that the processor does not wait for the accelerator in each step.

Shapes: B examples of a batch.
"""

from __future__ import annotations

import logging
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ml.training import parallel
from ml.training.batches import Batch
from ml.training.config import TrainingConfig
from ml.training.losses import cross_entropy, kept_clips

log = logging.getLogger(__name__)


class Stepper:
    """A network in training: its optimiser, its moving average and the size of the parts it computes.

    Attributes
    ----------
    network : Module
        The network itself, whose weights change.
    optimiser : Optimizer
        Adam or SGD.
    average : AveragedModel or None
        Moving average of the weights.
    part : int
        Most examples of one pass.
    notes : list of str
        What happened since the notes were last taken.
    """

    def __init__(self, network: nn.Module, config: TrainingConfig, device: torch.device) -> None:
        self.network = network
        self.optimiser = _optimiser(network, config)
        self.average = None if config.ema_decay is None else _moving_average(network, config.ema_decay)
        self.part = config.batch_size
        self.notes: list[str] = []
        self._config = config
        self._device = device
        self._ranks = parallel.rank_and_size()[1]
        self._plain = parallel.wrapped(network, device)
        self._forward = torch.compile(self._plain) if config.compiled else self._plain
        self._loss = torch.zeros((), device=device)
        self._steps = 0

    @property
    def evaluated(self) -> nn.Module:
        """The network that is validated and kept: the moving average if there is one."""
        if self.average is None:
            return self.network
        module: nn.Module = self.average.module
        return module

    def step(self, batch: Batch, *, rate: float) -> None:
        """Train on a batch.

        Parameters
        ----------
        batch : Batch
            Examples, on the device of the network.
        rate : float
            Learning rate.

        Raises
        ------
        torch.OutOfMemoryError
            If even one example alone exceeds the device's memory, or one of several processes does.
        RuntimeError
            If one of several processes cannot compile the network.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        while (loss := self._attempt(batch)) is None:
            pass
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        self._loss += loss
        self._steps += 1

    def mean_loss(self) -> float:
        """Return the mean loss of the steps since the last call, over all processes."""
        mean = float(parallel.summed(self._loss.clone())) / self._steps
        self._loss.zero_()
        self._steps = 0
        return mean

    def _attempt(self, batch: Batch) -> Tensor | None:
        """Compute the gradients of a batch; None if it is to be done over, in smaller parts or without compiling."""
        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self._device)
        size = len(batch.target_BK)
        try:
            for begin in range(0, size, self.part):
                part = batch.rows(slice(begin, begin + self.part)) if self.part < size else batch
                loss = self._loss_of(part)
                # Processes average their gradients; their losses are shares of one sum.
                (loss * self._ranks).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                total += loss.detach()
        except torch.OutOfMemoryError as error:
            if self._ranks > 1:
                error.add_note(
                    f"A batch of {self._config.batch_size} over {self._ranks} processes: take a smaller one."
                )
                raise
            if min(self.part, size) == 1:
                raise
            mend = partial(self._halve, size)
        except Exception as error:
            if self._forward is self._plain:
                raise
            if self._ranks > 1:
                error.add_note("The network was to be compiled by several processes: train with compiled = False.")
                raise
            mend = partial(self._do_without_compiling, str(error))
        else:
            return total
        mend()  # outside of the except block, whose traceback would still hold the activations
        return None

    def _loss_of(self, batch: Batch) -> Tensor:
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._config.precision == "bf16"):
            score_BK = self._forward(batch.x_BCTM)
        loss_B = cross_entropy(score_BK, batch.target_BK)
        weight_B = batch.weight_B
        if self._config.loss.masking_alpha is not None:
            known_B = loss_B.detach()
            most = parallel.largest(known_B.max())
            weight_B = weight_B * kept_clips(
                known_B, batch.verified_B, alpha=self._config.loss.masking_alpha, largest=most
            )
        return (weight_B * loss_B).sum() / batch.size

    def _halve(self, size: int) -> None:
        whole = min(self.part, size)
        self.part = (whole + 1) // 2
        self.optimiser.zero_grad(set_to_none=True)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        self._note(
            f"Device memory did not suffice for {whole} examples at once; batches are computed in parts of {self.part}."
        )

    def _do_without_compiling(self, reason: str) -> None:
        self._forward = self._plain
        self.optimiser.zero_grad(set_to_none=True)
        first = next((line.strip() for line in reason.splitlines() if line.strip()), "no reason given").rstrip(".")
        self._note(f"The network could not be compiled ({first}); the training goes on without.")

    def _note(self, note: str) -> None:
        self.notes.append(note)
        log.warning(note)


def _moving_average(network: nn.Module, decay: float) -> AveragedModel:
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return AveragedModel(network, multi_avg_fn=average, use_buffers=True)


def _optimiser(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    if config.optimiser == "adam":
        return torch.optim.Adam(trained, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
    return torch.optim.SGD(
        trained, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay, fused=True
    )
