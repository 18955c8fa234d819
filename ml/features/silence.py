"""Silence: level a clip, cut what is silent at its ends, drop its quietest frames.

A label belongs to the sound, not to the silence around it; windows drawn from the silence teach nothing. Three papers
say what they do about it:

* Dorfer and Widmer normalise "to a dB-level of -0.1" and clip silence at both ends (`peak_normalise`, `trim_bounds`).
* Nguyen et al. trim with librosa and then remove the frames whose energy falls below the 10th percentile of the clip's
  frames (`drop_quiet_frames`).
* Iqbal and Wang cut a clip into its sounding parts (`ml.features.segments`).

Where Nguyen et al. remove frames is not said; here it is in the spectrogram, as cutting samples would put a click at
each joint. "Below the percentile" is made exact by number: of T frames the ceil(0.1 (T - 1)) quietest go, which is how
many lie below numpy's percentile when all energies differ. Of equal energies the earlier go first. A clip's length then
decides how many frames stay, and clips of one length stay a batch.

References
----------
.. [1] M. Dorfer and G. Widmer, "Training general-purpose audio tagging networks with noisy labels and iterative
   self-verification", DCASE 2018, section 2.
.. [2] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, section 2.1.
.. [3] ``librosa.effects.trim`` (version 0.11).

Shapes: B batch, N sample, T frame, F FFT bin.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ml.features.decibel import power_to_db

TRIM_FRAME = 2048  # librosa's frame and hop, in samples at every rate
TRIM_HOP = 512


def peak_normalise(samples_N: Tensor, *, peak_dbfs: float) -> Tensor:
    """Scale a clip so that its largest sample has a given level; silence stays as it is.

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Samples, full scale 1.
    peak_dbfs : float
        Level of the largest absolute sample, in dB below full scale (Dorfer: -0.1).

    Returns
    -------
    Tensor [shape=(samples,)]
        Scaled samples.
    """
    peak = samples_N.abs().max()
    target = 10.0 ** (peak_dbfs / 20.0)
    return torch.where(peak > 0, samples_N * (target / peak.clamp(min=torch.finfo(peak.dtype).tiny)), samples_N)


def trim_bounds(
    samples_N: Tensor, *, top_db: float, frame_length: int = TRIM_FRAME, hop_length: int = TRIM_HOP
) -> tuple[int, int]:
    """Find where the sound begins and ends.

    Parameters
    ----------
    samples_N : float Tensor [shape=(samples,)]
        Samples.
    top_db : float
        Frames whose root mean square lies further below the loudest frame's, in dB, are silent.
    frame_length, hop_length : int
        Frames that are measured, in samples; centred, with zeros around the clip.

    Returns
    -------
    tuple of int
        First sample of the sound and the one after its last. Digital silence is left whole.

    References
    ----------
    The indices of ``librosa.effects.trim``.
    """
    half = frame_length // 2
    padded_11N = torch.nn.functional.pad(samples_N.double().square(), (half, half))[None, None]
    mean_T = torch.nn.functional.avg_pool1d(padded_11N, frame_length, hop_length)[0, 0]
    level_T = power_to_db(mean_T[None, :, None], reference="clip_maximum", top_db=None)[0, :, 0]
    sounding = torch.nonzero(level_T > -top_db)[:, 0]
    first, last = int(sounding[0]), int(sounding[-1])
    return first * hop_length, min(len(samples_N), (last + 1) * hop_length)


def drop_quiet_frames(power_BTF: Tensor, *, percent: float) -> Tensor:
    """Remove the quietest frames of each clip and keep the order of the others.

    Parameters
    ----------
    power_BTF : Tensor [shape=(batch, frames, bins)]
        Power spectrograms.
    percent : float
        Percentile of the frame energies below which frames go, 0 to 100 (Nguyen: 10).

    Returns
    -------
    Tensor [shape=(batch, fewer frames, bins)]
        Remaining frames, at least one.

    References
    ----------
    Nguyen et al., section 2.1.
    """
    n_quiet = quiet_frames(power_BTF.shape[1], percent)
    if not n_quiet:
        return power_BTF
    order_BT = power_BTF.sum(dim=-1).argsort(dim=-1, stable=True)
    kept_BT = order_BT[:, n_quiet:].sort(dim=-1).values
    return power_BTF.gather(1, kept_BT[:, :, None].expand(-1, -1, power_BTF.shape[-1]))


def quiet_frames(n_frames: int, percent: float) -> int:
    """Count the frames below a percentile.

    Parameters
    ----------
    n_frames : int
        Frames of a clip.
    percent : float
        Percentile, 0 to 100.

    Returns
    -------
    int
        How many of so many different numbers are smaller than their percentile.
    """
    return math.ceil(percent * (n_frames - 1) / 100.0)
