"""Jeong and Lim's DenseNet of a single block with several softmax heads.

Each of eight modules narrows what it gets with a 1 x 1 convolution, convolves it 3 x 3, weighs the result by
squeeze and excitation, appends it to what it got and halves frames and bands. So the log-mel spectrogram itself
reaches the last layer, and the channels double from 16 to 512, then grow by 512 to 2,048. Eight linear heads
with a softmax each are averaged: mixed targets such as (0.6, 0.4) can be met by heads that are sure of one class
each. The scores returned are the logarithms of the mean, of which softmax is the identity.

Figure 2 and section 3.2.4 give "about 11M trainable parameters" for 41 classes and not the reduction of squeeze
and excitation. With the published system's, 2, the network has 11.1 million; the usual 16 would make 10.3. Two more
points follow that system: the convolutions have biases, and a normalisation and rectifier precede the heads,
which figure 2 does not draw. Eight halvings of 64 bands need windows that reach over the edge (128 to 64 to ... 1,
then 1 stays 1). The heads are linear, so they may be applied after the average over positions, not before it. The
normalisation of the waveform at the input belongs to the features, not to this network.

Shape legend: B batch, C channel, T frame, M mel band, H head, K class.

References
----------
.. [1] I.-Y. Jeong and H. Lim, "Audio tagging system using densely connected convolutional networks",
   DCASE 2018, section 3.2, figures 1 and 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.networks.band_normalisation import BandNormalisation
from ml.networks.channel_attention import SqueezeExcitation
from ml.networks.configuration import require_at_least, require_input
from ml.networks.initialisation import initialise
from ml.networks.single_precision import in_single_precision


@dataclass(frozen=True, kw_only=True)
class JeongConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (41).
    n_channels, n_bands : int
        Shape of one input, but for its frames.
    low_level : int
        Channels that the first convolution adds to the spectrogram.
    growths : tuple of int
        Channels that each module adds.
    heads : int
        Softmax heads.
    reduction : int
        Divides the channels in squeeze and excitation.
    """

    n_classes: int
    n_channels: int = 1
    n_bands: int = 64
    low_level: int = 15
    growths: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 512, 512)
    heads: int = 8
    reduction: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "n_bands", "low_level", "growths", "heads", "reduction")


class DenseModule(nn.Module):
    """Append convolved channels to the ones that came in, and halve frames and bands.

    Parameters
    ----------
    inputs, growth : int
        Channels that come in, and that are appended.
    reduction : int
        Divides the channels in squeeze and excitation.
    """

    def __init__(self, inputs: int, growth: int, *, reduction: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, growth, 1),
            nn.BatchNorm2d(growth),
            nn.ReLU(),
            nn.Conv2d(growth, growth, 3, padding=1),
            SqueezeExcitation(growth, reduction=reduction),
        )
        self.pool = nn.MaxPool2d(2, ceil_mode=True)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the wider and shorter feature map."""
        y_BCTM: Tensor = self.pool(torch.cat([self.layers(x_BCTM), x_BCTM], dim=1))
        return y_BCTM


class JeongNetwork(nn.Module):
    """The log-mel network.

    Parameters
    ----------
    config : JeongConfig
        Sizes.
    """

    def __init__(self, config: JeongConfig) -> None:
        super().__init__()
        self.config = config
        self.bands = BandNormalisation(config.n_bands)
        self.low_level = nn.Conv2d(config.n_channels, config.low_level, 3, padding=1)
        channels = config.n_channels + config.low_level
        modules: list[nn.Module] = []
        for growth in config.growths:
            modules.append(DenseModule(channels, growth, reduction=config.reduction))
            channels += growth
        self.layers = nn.Sequential(*modules, nn.BatchNorm2d(channels), nn.ReLU())
        self.heads = nn.Linear(channels, config.heads * config.n_classes)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the logarithms of the classes' probabilities, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands)
        x_BCTM = self.bands(x_BCTM)
        x_BCTM = torch.cat([x_BCTM, self.low_level(x_BCTM)], dim=1)
        pooled_BC = self.layers(x_BCTM).float().mean(dim=(2, 3))
        heads_BHK = in_single_precision(self.heads, pooled_BC).view(-1, config.heads, config.n_classes)
        return torch.logsumexp(heads_BHK.log_softmax(dim=2), dim=1) - math.log(config.heads)
