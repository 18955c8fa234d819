"""Change the sample rate with nothing but torch.

A machine with an accelerator but without audio libraries must still bring clips to a configuration's rate. Output
sample n stands at input time n * source / target and is a weighted sum of the input around it, the weights those of a
sinc, which keeps everything below a cutoff and nothing above, faded out by a Kaiser window. With source and target
reduced by their common divisor the weights repeat every `target` outputs (polyphase), so that the work is a product of
frames of the input with a matrix of weights.

Design, with the lower of the two rates as unit (Kaiser's formulas): 64 zero crossings to either side and beta for 90 dB
make a transition 4.5 % of the lower rate wide, which ends at its half: no image or alias comes through above -60 dB,
and up to 90 % of half the lower rate the gain is 1 within a thousandth. The weights of each output sum to 1, so that a
constant stays exactly what it is.

References
----------
.. [1] J. F. Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", ISCAS 1974.
.. [2] J. O. Smith, "Digital Audio Resampling", CCRMA, https://ccrma.stanford.edu/~jos/resample/.

Shapes: B batch, N sample, Q frame of outputs, K tap, P phase.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

_ATTENUATION_DB = 90.0
_CROSSINGS = 64
_BETA = 0.1102 * (_ATTENUATION_DB - 8.7)  # Kaiser, above 50 dB
_TRANSITION = (_ATTENUATION_DB - 7.95) / (14.36 * 2 * _CROSSINGS)  # Kaiser, in units of the lower rate
_CUTOFF = 0.5 - _TRANSITION / 2
_PHASES_AT_ONCE = 256  # keeps frames few where rates are simple, and weights small where they have no common divisor


def resample(samples_BN: Tensor, *, source_hz: int, target_hz: int) -> Tensor:
    """Resample a batch of clips.

    Parameters
    ----------
    samples_BN : float Tensor [shape=(batch, samples)]
        Samples at `source_hz`; there is silence around the clip.
    source_hz, target_hz : int
        Sample rates, at least 1.

    Returns
    -------
    Tensor [shape=(batch, ceil(samples * target_hz / source_hz))]
        Samples at `target_hz`, of the same type and device. The input itself if the rates are equal.

    Raises
    ------
    ValueError
        If a rate is below 1 or the clips have no sample.
    """
    for name, rate in (("source_hz", source_hz), ("target_hz", target_hz)):
        if rate < 1:
            message = f"{name} = {rate}: expected at least 1."
            raise ValueError(message)
    n_samples = samples_BN.shape[-1]
    if n_samples < 1:
        message = f"samples of shape {tuple(samples_BN.shape)}: expected at least one sample."
        raise ValueError(message)
    if source_hz == target_hz:
        return samples_BN
    down, up = _cycle(source_hz, target_hz)
    n_outputs = -(-n_samples * up // down)
    n_frames = -(-n_outputs // up)
    half = _half_width(down, up)
    needed = n_frames * down + 2 * half + 2
    padded_BN = torch.nn.functional.pad(samples_BN, (half, max(0, needed - half - n_samples)))
    blocks = []
    for first in range(0, up, _PHASES_AT_ONCE):
        weights_KP = _weights(down, up, first, samples_BN.device).to(samples_BN.dtype)
        begin = first * down // up
        frames_BQK = padded_BN[:, begin:].unfold(-1, len(weights_KP), down)[:, :n_frames]
        blocks.append(frames_BQK @ weights_KP)
    return torch.cat(blocks, dim=-1).flatten(1)[:, :n_outputs].contiguous()


def _cycle(source_hz: int, target_hz: int) -> tuple[int, int]:
    """Return inputs and outputs after which the weights repeat, at least so many that a frame is worth a product."""
    divisor = math.gcd(source_hz, target_hz)
    down, up = source_hz // divisor, target_hz // divisor
    times = -(-_PHASES_AT_ONCE // up)
    return times * down, times * up


def _half_width(down: int, up: int) -> int:
    """Return how many inputs to either side of an output carry weight."""
    return math.ceil(_CROSSINGS * max(1.0, down / up))


@lru_cache(maxsize=256)
def _weights(down: int, up: int, first: int, device: torch.device) -> Tensor:
    """Build the weights of up to 256 phases from `first` on; their first tap belongs to the same input."""
    half = _half_width(down, up)
    begin = first * down // up
    phases = range(first, min(first + _PHASES_AT_ONCE, up))
    n_taps = phases[-1] * down // up - begin + 2 * half + 2
    # Integers first: a time in a long cycle has no digits to lose.
    offsets_P = torch.tensor([(phase * down - begin * up) / up for phase in phases], dtype=torch.float64)
    taps_K = torch.arange(n_taps, dtype=torch.float64) - half
    distance_KP = (taps_K[:, None] - offsets_P) * min(1.0, up / down)
    fade_KP = (1.0 - (distance_KP / _CROSSINGS).square()).clamp(min=0.0)
    window_KP = torch.where(distance_KP.abs() <= _CROSSINGS, torch.special.i0(_BETA * fade_KP.sqrt()), 0.0)
    weights_KP = torch.sinc(2.0 * _CUTOFF * distance_KP) * window_KP
    return (weights_KP / weights_KP.sum(dim=0)).to(device)
