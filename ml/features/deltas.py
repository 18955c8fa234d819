"""Deltas: how fast each band rises or falls, by a straight line (or parabola) fitted to the frames around.

A delta is the slope of the least-squares line through `width` frames; a delta of order 2 is the second derivative of
the least-squares parabola. librosa computes both with a Savitzky-Golay filter and, at a clip's ends, evaluates the
polynomial of the first and of the last whole window. Since the slope of a line and the curvature of a parabola are the
same everywhere, the ends simply repeat the first and the last value.

The DCASE 2020 paper computes "log-mel deltas and delta-deltas without padding", which takes its 431 frames to 423. A
slope over `width` frames loses width - 1, twice that if taken again: 431 - 2 (width - 1) = 423 gives a width of 5. The
delta-delta is therefore the delta of the delta here, and all three are cut to the frames that the shortest one has.

References
----------
.. [1] H. Hu et al., "A two-stage approach to device-robust acoustic scene classification", 2020, section 5.1.
.. [2] ``librosa.feature.delta`` (version 0.11, ``mode="interp"``).

Shapes: C channel, T frame, M band; any further axes may stand before C.
"""

from __future__ import annotations

import torch
from torch import Tensor

LIBROSA_WIDTH = 9
DCASE2020_WIDTH = 5
_LEAST_WIDTH = 3


def delta(x_CTM: Tensor, *, width: int = LIBROSA_WIDTH, order: int = 1) -> Tensor:
    """Estimate the derivative over time, as long as the input.

    Parameters
    ----------
    x_CTM : Tensor [shape=(..., frames, bands)]
        Features, at least `width` frames.
    width : int
        Frames that a polynomial is fitted to, odd, at least 3.
    order : {1, 2}
        Slope of a line, or second derivative of a parabola.

    Returns
    -------
    Tensor [shape=(..., frames, bands)]
        Change per frame, or per frame squared.

    Raises
    ------
    ValueError
        If there are fewer than `width` frames, or `width` or `order` is none of the above.

    References
    ----------
    As ``librosa.feature.delta`` along the frames.
    """
    inner_CTM = _inner(x_CTM, width, order)
    half = width // 2
    first, last = inner_CTM[..., :1, :], inner_CTM[..., -1:, :]
    ends = (*inner_CTM.shape[:-2], half, inner_CTM.shape[-1])
    return torch.cat([first.expand(ends), inner_CTM, last.expand(ends)], dim=-2)


def with_deltas(x_CTM: Tensor) -> Tensor:
    """Stack features, their deltas and delta-deltas, without padding.

    Parameters
    ----------
    x_CTM : Tensor [shape=(..., channels, frames, bands)]
        Features, at least 9 frames.

    Returns
    -------
    Tensor [shape=(..., 3 * channels, frames - 8, bands)]
        The features without their first and last four frames, then slopes, then slopes of slopes.

    Raises
    ------
    ValueError
        If there are fewer than 9 frames.

    References
    ----------
    Hu et al., section 5.1.
    """
    half = DCASE2020_WIDTH // 2
    slope = _inner(x_CTM, DCASE2020_WIDTH, 1)
    bend = _inner(slope, DCASE2020_WIDTH, 1)
    return torch.cat([x_CTM[..., 2 * half : -2 * half, :], slope[..., half:-half, :], bend], dim=-3)


def with_padded_deltas(x_CTM: Tensor) -> Tensor:
    """Stack features and librosa's deltas of order 1 and 2, all frames kept.

    Parameters
    ----------
    x_CTM : Tensor [shape=(..., channels, frames, bands)]
        Features, at least 9 frames.

    Returns
    -------
    Tensor [shape=(..., 3 * channels, frames, bands)]
        The features, then first, then second derivatives.

    Raises
    ------
    ValueError
        If there are fewer than 9 frames.
    """
    return torch.cat([x_CTM, delta(x_CTM, order=1), delta(x_CTM, order=2)], dim=-3)


def _inner(x_CTM: Tensor, width: int, order: int) -> Tensor:
    """Return the derivative at those frames that have half a width on both sides."""
    if width < _LEAST_WIDTH or width % 2 == 0:
        message = f"width = {width}: expected an odd number of at least {_LEAST_WIDTH} frames."
        raise ValueError(message)
    if order not in (1, 2):
        message = f"order = {order}: expected 1 or 2."
        raise ValueError(message)
    n_frames = x_CTM.shape[-2]
    if n_frames < width:
        message = f"{n_frames} frames: expected at least the width of {width}."
        raise ValueError(message)
    places = torch.arange(width, dtype=x_CTM.dtype, device=x_CTM.device) - width // 2
    if order == 1:
        weights = places / places.square().sum()
    else:
        bowl = places.square() - places.square().mean()
        weights = 2.0 * bowl / bowl.square().sum()
    return x_CTM.unfold(-2, width, 1) @ weights
