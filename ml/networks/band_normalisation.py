"""Batch normalisation of a spectrogram, band by band.

Frequency bands differ more in level than channels of an image do, so some networks begin by treating the
bands as the channels of a batch normalisation: each gets its own mean, deviation, scale and offset.

Shape legend: B batch, C channel, T frame, M mel band.

References
----------
.. [1] I.-Y. Jeong and H. Lim, "Audio tagging system using densely connected convolutional networks",
   DCASE 2018, section 3.2.1.
"""

from __future__ import annotations

from torch import Tensor, nn


class BandNormalisation(nn.Module):
    """Normalise each band over batch, frames and input channels.

    Parameters
    ----------
    bands : int
        Mel bands.
    """

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.normalisation = nn.BatchNorm2d(bands)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the spectrogram, normalised."""
        y_BCTM: Tensor = self.normalisation(x_BCTM.transpose(1, 3)).transpose(1, 3)
        return y_BCTM
