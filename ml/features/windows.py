"""Windows of a fixed length from clips of any length, and padding for those that are too short.

Convolutional networks are trained on excerpts of a fixed number of frames. How to get them is part of each paper:

* Repetition until the length is reached (Dorfer 2, Nguyen 2.1: better than zeros), zeros at the end, or the clip's
  minimum (Iqbal's published settings; on a logarithmic scale a zero may be loud).
* Random windows in training and verification (Dorfer 3.2 and equation 1).
* Sliding windows in testing (Nguyen 2.5: hop of 8 frames; FSDKaggle2018 4: half a window). "When it is [...] not evenly
  divisible by the chunk length, an additional chunk is added to align with the end of the feature vector so that it
  includes the remainder" (Iqbal 3.2), which is done here for every hop.

References
----------
.. [1] M. Dorfer and G. Widmer, DCASE 2018, sections 2, 3.2 and 4.2.
.. [2] T. N. T. Nguyen et al., DCASE 2018, sections 2.1 and 2.5.
.. [3] T. Iqbal et al., DCASE 2018, section 3.2.

Shapes: W window, C channel, T frame, M band.
"""

from __future__ import annotations

import torch
from torch import Tensor


def repeat_pad(x_CTM: Tensor, n_frames: int) -> Tensor:
    """Repeat a clip from its beginning until it has `n_frames`; a longer clip stays as it is.

    Parameters
    ----------
    x_CTM : Tensor [shape=(channels, frames, bands)]
        Features of at least one frame.
    n_frames : int
        Least length.

    Returns
    -------
    Tensor [shape=(channels, max(frames, n_frames), bands)]
        Features.
    """
    length = x_CTM.shape[1]
    if length >= n_frames:
        return x_CTM
    return x_CTM.repeat(1, -(-n_frames // length), 1)[:, :n_frames]


def zero_pad(x_CTM: Tensor, n_frames: int) -> Tensor:
    """Add frames of zeros at the end; a clip of `n_frames` or more stays as it is.

    Parameters
    ----------
    x_CTM : Tensor [shape=(channels, frames, bands)]
        Features.
    n_frames : int
        Least length.

    Returns
    -------
    Tensor [shape=(channels, max(frames, n_frames), bands)]
        Features.
    """
    return _end_pad(x_CTM, n_frames, 0.0)


def minimum_pad(x_CTM: Tensor, n_frames: int) -> Tensor:
    """Add frames of the clip's least value at the end; a clip of `n_frames` or more stays as it is.

    Parameters
    ----------
    x_CTM : Tensor [shape=(channels, frames, bands)]
        Features of at least one frame.
    n_frames : int
        Least length.

    Returns
    -------
    Tensor [shape=(channels, max(frames, n_frames), bands)]
        Features.
    """
    return _end_pad(x_CTM, n_frames, float(x_CTM.min()))


def random_windows(x_CTM: Tensor, *, n_frames: int, n_windows: int, generator: torch.Generator) -> Tensor:
    """Draw windows, each start equally likely.

    Parameters
    ----------
    x_CTM : Tensor [shape=(channels, frames, bands)]
        Features of at least `n_frames`; pad shorter ones first.
    n_frames : int
        Length of a window.
    n_windows : int
        Number of windows, which may overlap or be the same.
    generator : torch.Generator
        Source of randomness, on the CPU.

    Returns
    -------
    Tensor [shape=(windows, channels, n_frames, bands)]
        Copies of the excerpts.

    Raises
    ------
    ValueError
        If the clip is shorter than a window.
    """
    n_starts = _checked_starts(x_CTM.shape[1], n_frames)
    starts = torch.randint(n_starts, (n_windows,), generator=generator)
    return _excerpts(x_CTM, n_frames, starts)


def sliding_windows(x_CTM: Tensor, *, n_frames: int, hop: int) -> Tensor:
    """Cut windows at a regular distance; the last one is aligned to the end.

    Parameters
    ----------
    x_CTM : Tensor [shape=(channels, frames, bands)]
        Features of at least `n_frames`; pad shorter ones first.
    n_frames : int
        Length of a window.
    hop : int
        Frames from one window to the next.

    Returns
    -------
    Tensor [shape=(windows, channels, n_frames, bands)]
        Copies of the excerpts; if `hop` is at most `n_frames`, every frame is in one.

    Raises
    ------
    ValueError
        If the clip is shorter than a window or `hop` is below 1.
    """
    return _excerpts(x_CTM, n_frames, torch.tensor(window_starts(x_CTM.shape[1], n_frames=n_frames, hop=hop)))


def window_starts(length: int, *, n_frames: int, hop: int) -> list[int]:
    """List where sliding windows begin.

    Parameters
    ----------
    length : int
        Frames of the clip.
    n_frames : int
        Length of a window.
    hop : int
        Frames from one window to the next.

    Returns
    -------
    list of int
        0, hop, 2 hop and so on, and the start of the window at the very end.

    Raises
    ------
    ValueError
        If the clip is shorter than a window or `hop` is below 1.
    """
    if hop < 1:
        message = f"hop = {hop}: expected at least 1 frame."
        raise ValueError(message)
    last = _checked_starts(length, n_frames) - 1
    return [*range(0, last, hop), last]


def _checked_starts(length: int, n_frames: int) -> int:
    if not 1 <= n_frames <= length:
        message = f"n_frames = {n_frames}: expected 1 to the clip's {length} frames."
        raise ValueError(message)
    return length - n_frames + 1


def _excerpts(x_CTM: Tensor, n_frames: int, starts: Tensor) -> Tensor:
    windows_CWMT = x_CTM.unfold(1, n_frames, 1)[:, starts.to(x_CTM.device)]
    return windows_CWMT.permute(1, 0, 3, 2).contiguous()


def _end_pad(x_CTM: Tensor, n_frames: int, value: float) -> Tensor:
    missing = n_frames - x_CTM.shape[1]
    if missing <= 0:
        return x_CTM
    return torch.nn.functional.pad(x_CTM, (0, 0, 0, missing), value=value)
