"""Clips of different lengths in one batch: what looks at all frames of a clip must not see what fills it up.

Frames of a transform look at their own samples alone, so that zeros behind a clip change none of its frames. A rank or
a percentile over time, and a maximum, belong to the clip: they are taken over its own frames, whose number goes with
it. The results are those of `ml.features.silence` and `ml.features.noise` for each clip alone.

Shapes: B batch, N sample, T frame, F FFT bin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ml.features.noise import NOISE_FLOOR, NOISE_PERCENT
from ml.features.silence import quiet_frames


def filled(samples: Sequence[Tensor], *, least: int) -> Tensor:
    """Put clips into one tensor, with zeros behind those that are shorter.

    Parameters
    ----------
    samples : sequence of float Tensor [shape=(samples,)]
        Clips on one device, at least one.
    least : int
        Fewest samples of the result.

    Returns
    -------
    float Tensor [shape=(batch, samples)]
        The clips.
    """
    length = max(least, *(len(samples_N) for samples_N in samples))
    return torch.stack([torch.nn.functional.pad(samples_N, (0, length - len(samples_N))) for samples_N in samples])


def own_frames(frames_B: Sequence[int], x_BTF: Tensor) -> Tensor:
    """Tell which frames belong to their clip.

    Parameters
    ----------
    frames_B : sequence of int
        Frames of each clip.
    x_BTF : Tensor [shape=(batch, frames, ...)]
        What has the frames.

    Returns
    -------
    bool Tensor [shape=(batch, frames, 1)]
        Whether the frame is one of the clip.
    """
    place_T = torch.arange(x_BTF.shape[1], device=x_BTF.device)
    return (place_T < torch.tensor(frames_B, device=x_BTF.device)[:, None])[:, :, None]


def drop_own_quiet_frames(power_BTF: Tensor, frames_B: Sequence[int], *, percent: float) -> tuple[Tensor, list[int]]:
    """Remove the quietest frames of each clip and keep the order of the others.

    Parameters
    ----------
    power_BTF : Tensor [shape=(batch, frames, bins)]
        Power spectrograms.
    frames_B : sequence of int
        Frames of each clip.
    percent : float
        Percentile of the frame energies below which frames go, 0 to 100.

    Returns
    -------
    power_BTF : Tensor [shape=(batch, fewer frames, bins)]
        Remaining frames; behind them is what belongs to no clip.
    frames_B : list of int
        Frames that remain of each clip.
    """
    own_BT = own_frames(frames_B, power_BTF)[:, :, 0]
    order_BT = power_BTF.sum(dim=-1).masked_fill(~own_BT, math.inf).argsort(dim=-1, stable=True)
    quiet_B = [quiet_frames(frames, percent) for frames in frames_B]
    left_B = [frames - quiet for frames, quiet in zip(frames_B, quiet_B, strict=True)]
    beyond = power_BTF.shape[1]
    # In the order of energy the quiet frames of a clip come first and what fills it up comes last.
    louder_BT = ~own_frames(quiet_B, power_BTF)[:, :, 0]
    kept_BT = torch.where(louder_BT & own_BT, order_BT, beyond).sort(dim=-1).values[:, : max(left_B)]
    kept_BT = kept_BT.clamp(max=beyond - 1)
    return power_BTF.gather(1, kept_BT[:, :, None].expand(-1, -1, power_BTF.shape[-1])), left_B


def normalise_own_background(power_BTF: Tensor, frames_B: Sequence[int], *, percent: float = NOISE_PERCENT) -> Tensor:
    """Divide each frequency of each clip by its background noise.

    Parameters
    ----------
    power_BTF : Tensor [shape=(batch, frames, bins)]
        Power spectrograms.
    frames_B : sequence of int
        Frames of each clip.
    percent : float
        Percentile over the clip's frames of the magnitude that counts as noise, 0 to 100.

    Returns
    -------
    Tensor [shape=(batch, frames, bins)]
        Squared magnitudes in units of the noise.
    """
    ordered_BTF = power_BTF.sqrt().masked_fill(~own_frames(frames_B, power_BTF), math.inf).sort(dim=1).values
    place_B = [percent / 100.0 * (frames - 1) for frames in frames_B]
    low_B11 = torch.tensor([math.floor(place) for place in place_B], device=power_BTF.device)[:, None, None]
    last_B11 = torch.tensor(frames_B, device=power_BTF.device)[:, None, None] - 1
    bins = (-1, -1, power_BTF.shape[-1])
    low_B1F = ordered_BTF.gather(1, low_B11.expand(bins))
    high_B1F = ordered_BTF.gather(1, torch.minimum(low_B11 + 1, last_B11).expand(bins))
    between_B11 = torch.tensor([place - math.floor(place) for place in place_B]).to(power_BTF)[:, None, None]
    return power_BTF / torch.lerp(low_B1F, high_B1F, between_B11).clamp(min=NOISE_FLOOR).square()
