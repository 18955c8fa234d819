"""The samples of a recording as features take them, and what becomes of a recording whose features are wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError

# Of one recording, by the digest of their configuration. Arrays, because torch would send its tensors from process to
# process through shared memory, of which containers often have little.
Features = dict[str, NDArray[np.float32]]
Found = list[tuple[str, Features | AudioRefusedError]]

INT16_SCALE = 2.0**-15


def decoded_samples(path: Path, decoder: Decoder, *, sample_rate_hz: int, longest_s: float) -> Tensor:
    """Decode a recording.

    Parameters
    ----------
    path : Path
        The recording.
    decoder : Decoder
        What decodes it.
    sample_rate_hz : int
        Rate of the samples returned, in hertz.
    longest_s : float
        Longest recording that is decoded, in seconds.

    Returns
    -------
    float32 Tensor [shape=(samples,)]
        Mono, full scale 1.

    Raises
    ------
    AudioRefusedError
        If it cannot be decoded.
    """
    samples = decoder.samples(path, sample_rate_hz=sample_rate_hz, max_duration_s=longest_s)
    return torch.from_numpy(samples.astype(np.float32) * INT16_SCALE)
