"""From clips to the batches of an epoch.

An epoch is planned on the CPU in a few numbers per example: which clip, where the excerpt begins, what augmentation
draws. A plan is for the whole batch, also where several processes share it: each process makes the same plan and
assembles its own rows only. The partner of a mixture may be a row of another process, so that partners are gathered
from the clips like the excerpts themselves.

Where the frames lie on the device that trains, assembling is a handful of its operations. Where they do not, a thread
assembles the next batch while the network works on the present one.

Shapes: B examples of a batch, C channels, T frames, M mel bands, N clips, I examples of an epoch, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor

from ml.training.augmentation import Draws, blanked, draw, shifted_bands
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.distortion import coloured, warped
from ml.training.losses import smoothed_targets, smoothing_shares
from ml.training.sampling import epoch_batches, steps_of_epoch
from ml.training.windows import WindowConfig, plan_windows, random_begins, spare_frames


class Batch(NamedTuple):
    """The rows of a batch that this process computes."""

    x_BCTM: Tensor
    target_BK: Tensor
    weight_B: Tensor
    verified_B: Tensor
    size: int  # examples of the whole batch, over all processes

    def rows(self, part: slice) -> Batch:
        """Return some of the rows; the size stays that of the whole."""
        x_BCTM, target_BK, weight_B, verified_B, size = self
        return Batch(x_BCTM[part], target_BK[part], weight_B[part], verified_B[part], size)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device; nothing is copied if it is there."""
        x_BCTM, target_BK, weight_B, verified_B = (part.to(device, non_blocking=True) for part in self[:4])
        return Batch(x_BCTM, target_BK, weight_B, verified_B, self.size)


class BatchPlan(NamedTuple):
    """What a batch will consist of; all on the CPU."""

    clip_B: Tensor
    begin_B: Tensor
    smoothing_B: Tensor
    draws: Draws


@dataclass(frozen=True, eq=False, kw_only=True)
class BatchSource:
    """The examples of a training.

    Attributes
    ----------
    clips : ClipFeatures
        Clips that are trained on, all with a label.
    config : TrainingConfig
        Parameters of the training.
    weight_N : float32 Tensor [shape=(N,)]
        Loss weight of each clip, lowered for non-verified ones.
    clip_I, begin_I : int64 Tensor [shape=(I,)]
        Clip of each example, and its beginning if examples are chunks.
    """

    clips: ClipFeatures
    config: TrainingConfig
    weight_N: Tensor
    clip_I: Tensor
    begin_I: Tensor

    @classmethod
    def of(cls, clips: ClipFeatures, config: TrainingConfig) -> Self:
        """List the examples that clips give."""
        weight_N = torch.where(clips.verified_N, clips.weight_N, clips.weight_N * config.loss.nonverified_weight)
        if config.chunked:
            grid = WindowConfig(kind="sliding", frames=config.crop_frames, clip_frames=config.clip_frames)
            clip_I, begin_I, _ = plan_windows(clips.length_N, grid, generator=torch.Generator())
        else:
            clip_I = torch.arange(len(clips))
            begin_I = torch.zeros_like(clip_I)
        return cls(clips=clips, config=config, weight_N=weight_N, clip_I=clip_I, begin_I=begin_I)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        config = self.config
        return steps_of_epoch(len(self.clip_I), batch_size=config.batch_size, steps_per_epoch=config.steps_per_epoch)

    def plans(self, generator: torch.Generator) -> Iterator[BatchPlan]:
        """Draw the batches of an epoch, one after the other."""
        clips, config = self.clips, self.config
        room_N = spare_frames(clips.length_N, config.crop_frames, config.clip_frames)
        for example_B in epoch_batches(
            clips.label_N[self.clip_I],
            batch_size=config.batch_size,
            steps_per_epoch=config.steps_per_epoch,
            balanced=config.balanced,
            generator=generator,
        ):
            clip_B = self.clip_I[example_B]
            begin_B = self.begin_I[example_B] if config.chunked else random_begins(room_N[clip_B], generator=generator)
            smoothing_B = smoothing_shares(clips.verified_N[clip_B], config.loss, generator=generator)
            draws = draw(
                config.augmentation,
                size=len(clip_B),
                frames=config.crop_frames,
                bands=clips.x_TMC.shape[1],
                generator=generator,
            )
            yield BatchPlan(clip_B, begin_B, smoothing_B, draws)

    def assemble(self, plan: BatchPlan, rows: slice) -> Batch:
        """Gather and augment rows of a planned batch, on the device where the frames lie."""
        device = self.clips.x_TMC.device
        chosen_B = torch.arange(len(plan.clip_B))[rows]
        x_BCTM = self._excerpts(plan, chosen_B)
        target_BK, weight_B, verified_B = self._targets(plan, chosen_B)
        draws = plan.draws
        if draws.partner_B is not None and draws.share_B is not None:
            partner_B, share_B = draws.partner_B[rows], draws.share_B[rows]
            x_BCTM = self._excerpts(plan, partner_B).lerp_(x_BCTM, share_B[:, None, None, None].to(device))
            other_BK, other_weight_B, other_verified_B = self._targets(plan, partner_B)
            target_BK = other_BK.lerp_(target_BK, share_B[:, None])
            weight_B = other_weight_B.lerp_(weight_B, share_B)
            verified_B = torch.where(share_B < 0.5, other_verified_B, verified_B)  # noqa: PLR2004 -- predominant
        if draws.blank_BR4 is not None:
            x_BCTM = blanked(x_BCTM, draws.blank_BR4[rows])
        if self.config.channels_last:
            x_BCTM = x_BCTM.contiguous(memory_format=torch.channels_last)
        else:
            x_BCTM = x_BCTM.contiguous()
        return Batch(x_BCTM, target_BK.to(device), weight_B.to(device), verified_B.to(device), size=len(plan.clip_B))

    def _excerpts(self, plan: BatchPlan, row_B: Tensor) -> Tensor:
        config, draws = self.config, plan.draws
        x_BCTM = self.clips.crop(
            plan.clip_B[row_B], plan.begin_B[row_B], config.crop_frames, clip_frames=config.clip_frames
        )
        if draws.shift_B is not None:
            x_BCTM = shifted_bands(x_BCTM, draws.shift_B[row_B])
        if draws.gain_B is not None:
            x_BCTM.add_(draws.gain_B[row_B, None, None, None].to(x_BCTM.device))
        if draws.tone_BP is not None:
            x_BCTM = coloured(x_BCTM, draws.tone_BP[row_B])
        if draws.warp_B23 is not None:
            x_BCTM = warped(x_BCTM, draws.warp_B23[row_B])
        return x_BCTM

    def _targets(self, plan: BatchPlan, row_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        clip_B = plan.clip_B[row_B]
        target_BK = smoothed_targets(
            self.clips.label_N[clip_B],
            plan.smoothing_B[row_B],
            n_classes=self.clips.n_classes,
            spread=self.config.loss.smoothing_spread,
        )
        if self.clips.target_NK is not None:
            share_B1 = plan.smoothing_B[row_B, None]
            target_BK = self.clips.target_NK[clip_B] * (1 - share_B1) + share_B1 / self.clips.n_classes
        return target_BK, self.weight_N[clip_B], self.clips.verified_N[clip_B]


def epoch(source: BatchSource, *, generator: torch.Generator, rows: slice, device: torch.device) -> Iterator[Batch]:
    """Yield the batches of an epoch on a device.

    Parameters
    ----------
    source : BatchSource
        Examples.
    generator : torch.Generator
        Source of order and augmentation; equal in all processes of a training.
    rows : slice
        Rows of each batch that this process computes.
    device : torch.device
        Device that trains.

    Yields
    ------
    Batch
        The rows, assembled ahead by a thread if the frames lie on another device.
    """
    plans = source.plans(generator)
    if source.clips.x_TMC.device.type == device.type:
        yield from (source.assemble(plan, rows) for plan in plans)
    else:
        yield from (batch.to(device) for batch in assembled_ahead(source, plans, rows))


def assembled_ahead(source: BatchSource, plans: Iterator[BatchPlan], rows: slice) -> Iterator[Batch]:
    """Yield batches where the frames lie, while a thread assembles the next one."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        ahead = None
        for plan in plans:
            coming = thread.submit(_pinned, source, plan, rows)
            if ahead is not None:
                yield ahead.result()
            ahead = coming
        if ahead is not None:
            yield ahead.result()


def _pinned(source: BatchSource, plan: BatchPlan, rows: slice) -> Batch:
    """Assemble a batch in memory that an accelerator can copy from on its own."""
    batch = source.assemble(plan, rows)
    return batch._replace(x_BCTM=batch.x_BCTM.pin_memory()) if torch.cuda.is_available() else batch
