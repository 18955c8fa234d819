"""Nguyen's small VGG, with and without the statistics of the patch as a second input.

Table 1 lists nine convolutions, two linear layers and 5.48 x 10^5 parameters for patches of 128 frames and 96
bands and 41 classes. Its four poolings leave 8 x 6 positions of 64 channels, 3,072 numbers:

====================  ==================================  ========
convolutions          weights 146,584 and biases 432       147,016
their normalisation   2·432 trained and 2·432 running        1,728
linear, 128 units     3072·128 + 128                       393,344
its normalisation     2·128 trained and 2·128 running          512
linear, 41 classes    128·41 + 41                            5,289
====================  ==================================  ========

The table writes "128 fc, ReLU" without the "BN" that all its other rectifiers have. Without it the sum is
547,377, printed 5.47 x 10^5; with it, 547,889, printed 5.48 x 10^5. So the layer is normalised here. The sum
holds the running statistics, as the summaries of common tools do; 546,769 numbers are trained.

The second input is "the local mean and local standard deviation across all mel-frequency bands of each input
patch" (section 2.5). It is read as two numbers for each band, taken over the frames of the patch, which do not
depend on its length; they pass layers of 64 and 10 units and join the output of the 128 units. They are taken
from the patch inside the network, so that no caller needs to prepare them. The rate of dropout is not given: 0.5.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 Task 2: Iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, section 2.5 and table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.initialisation import initialise
from ml.networks.normalised_convolution import normalised_convolution
from ml.networks.single_precision import in_single_precision

STATISTICS_UNITS = (64, 10)


@dataclass(frozen=True, kw_only=True)
class NguyenConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (41).
    n_channels, n_frames, n_bands : int
        Shape of one patch; the paper uses 128, 171 and 257 frames.
    widths : tuple of int
        Channels of the stages of two convolutions and a pooling; the last also those of the 1 x 1 convolution.
    hidden : int
        Units of the first linear layer.
    dropout : float
        Rate before both linear layers.
    statistics : bool
        Whether the second input is used.
    """

    n_classes: int
    n_channels: int = 1
    n_frames: int = 128
    n_bands: int = 96
    widths: tuple[int, ...] = (24, 48, 48, 64)
    hidden: int = 128
    dropout: float = 0.5
    statistics: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "widths", "hidden")
        require_at_least(self, 2 ** len(self.widths), "n_frames", "n_bands")
        require_rates(self, "dropout")

    @property
    def flattened(self) -> int:
        """Numbers that reach the first linear layer."""
        halvings = len(self.widths)
        return self.widths[-1] * (self.n_frames >> halvings) * (self.n_bands >> halvings)


class NguyenNetwork(nn.Module):
    """The network of one patch length.

    Parameters
    ----------
    config : NguyenConfig
        Sizes.
    """

    def __init__(self, config: NguyenConfig) -> None:
        super().__init__()
        self.config = config
        last = config.widths[-1]
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    normalised_convolution(before, width, 3, bias=True),
                    normalised_convolution(width, width, 3, bias=True),
                    nn.MaxPool2d(2),
                )
                for before, width in zip((config.n_channels, *config.widths), config.widths, strict=False)
            ),
            normalised_convolution(last, last, 1, bias=True),
        )
        self.hidden = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(config.dropout),
            nn.Linear(config.flattened, config.hidden),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(),
        )
        first, second = STATISTICS_UNITS
        self.statistics = (
            nn.Sequential(
                nn.Linear(2 * config.n_channels * config.n_bands, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU()
            )
            if config.statistics
            else None
        )
        joined = config.hidden + (second if config.statistics else 0)
        self.classifier = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(joined, config.n_classes))
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, frames=config.n_frames, bands=config.n_bands)
        hidden_BH = self.hidden(self.stages(x_BCTM))
        if self.statistics is not None:
            hidden_BH = torch.cat([hidden_BH, self.statistics(band_statistics(x_BCTM))], dim=1)
        return in_single_precision(self.classifier, hidden_BH)


def band_statistics(x_BCTM: Tensor) -> Tensor:
    """Describe a patch by the mean and the standard deviation of each of its bands.

    Parameters
    ----------
    x_BCTM : float Tensor [shape=(batch, channels, frames, bands)]
        Patches.

    Returns
    -------
    float Tensor [shape=(batch, 2 * channels * bands)]
        The means of all bands, then their standard deviations, over the frames.
    """
    mean_BCM = x_BCTM.mean(dim=2)
    deviation_BCM = x_BCTM.std(dim=2, correction=0)
    return torch.cat([mean_BCM, deviation_BCM], dim=1).flatten(1)
