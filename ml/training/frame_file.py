"""A file with the frames of all clips, one clip after the other.

Features of a large set of clips (CochlScene's take 14.6 GB in half precision) do not fit into every machine's memory.
They are written once, clip by clip, into numpy's own ``.npy`` format, which the system can map into memory: training
then reads only the rows of the batch at hand.

Shapes: C channels, T frames, M mel bands; in the file T is the frames of all clips and the channels come last.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def frames_first(spectrogram: NDArray[Any]) -> NDArray[Any]:
    """Return one clip's features as (frames, bands, channels), from (channels, frames, bands) or (frames, bands)."""
    if spectrogram.ndim not in (2, 3):
        message = (
            f"spectrogram has the shape {spectrogram.shape}: expected (channels, frames, bands) or (frames, bands)."
        )
        raise ValueError(message)
    x_CTM = spectrogram if spectrogram.ndim == 3 else spectrogram[None]  # noqa: PLR2004 -- its axes
    return np.ascontiguousarray(x_CTM.transpose(1, 2, 0))


def write_frames(
    path: Path, spectrograms: Iterable[NDArray[Any]], *, total_frames: int, dtype: type[np.floating[Any]] = np.float16
) -> None:
    """Write the frames of clips into a ``.npy`` file, one clip in memory at a time.

    Parameters
    ----------
    path : Path
        File to write.
    spectrograms : iterable of float array
        Features of each clip, as in `ClipFeatures.join`.
    total_frames : int
        Frames of all clips together.
    dtype : numpy float type
        Type in which frames are stored.

    Raises
    ------
    ValueError
        If the clips have more or fewer frames than `total_frames`.
    """
    x_TMC: NDArray[Any] | None = None
    end = 0
    for spectrogram in spectrograms:
        block = frames_first(spectrogram)
        if x_TMC is None:
            x_TMC = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(total_frames, *block.shape[1:]))
        end += len(block)
        if end <= total_frames:
            x_TMC[end - len(block) : end] = block
    if end != total_frames or x_TMC is None:
        message = f"total_frames = {total_frames}: the clips have {end} frames."
        raise ValueError(message)
