"""The small MobileNetV2 of DCASE 2020.

An inverted residual block widens its channels with a 1 x 1 convolution, convolves each of them by itself 3 x 3,
narrows them again without a rectifier, and adds its input where the shapes agree. The published system begins
with 32 channels, goes on with three stages of three blocks of 32, 40 and 48 channels that halve frames and bands,
ends with 56, and processes the low and high bands on paths of their own, which are joined before the class maps.

The paper gives no channels and no count, but table 2 the size: 3.2 MB before and 411 KB after quantisation to 8
bits, as with small-FCNN (see `ml.networks.dcase2020_fcnn`) the former at 8 bytes a number, so about 400,000 of them.
With the expansion of the published script, 2, there are 141,680 trained numbers for six input channels and three
classes; with 6, MobileNetV2's own, 398,128, which meets both sizes. So the expansion is 6 here. The convolutions
have no biases, which the normalisations would subtract.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020, section 2.2 and table 2.
.. [2] M. Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR 2018, sections 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.networks.class_map import NormalisedClassMap
from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.initialisation import initialise
from ml.networks.normalised_convolution import normalised_convolution

BLOCKS = 3


@dataclass(frozen=True, kw_only=True)
class MobileNetConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (3).
    n_channels, n_bands : int
        Shape of one input, but for its frames; the bands are even.
    first, last : int
        Channels of the first and the last convolution of a path.
    widths : tuple of int
        Channels of the stages.
    expansion : int
        How many times a block widens its channels.
    hidden : int
        Channels of the hidden convolution before the class maps.
    dropout : float
        Rate behind it.
    """

    n_classes: int
    n_channels: int = 6
    n_bands: int = 128
    first: int = 32
    last: int = 56
    widths: tuple[int, ...] = (32, 40, 48)
    expansion: int = 6
    hidden: int = 48
    dropout: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "first", "last", "widths", "expansion", "hidden")
        require_at_least(self, 2, "n_bands")
        require_rates(self, "dropout")
        if self.n_bands % 2:
            message = f"n_bands = {self.n_bands}: expected an even number, of which each path gets half."
            raise ValueError(message)


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow.

    Parameters
    ----------
    inputs, outputs : int
        Channels before and after.
    expansion : int
        How many times wider the channels are between.
    stride : int
        Step along frames and bands.
    added : bool
        Whether the input is added to the output.
    """

    def __init__(self, inputs: int, outputs: int, *, expansion: int, stride: int, added: bool) -> None:
        super().__init__()
        wide = inputs * expansion
        self.added = added
        self.layers = nn.Sequential(
            normalised_convolution(inputs, wide, 1),
            nn.Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the block's output."""
        y_BCTM: Tensor = self.layers(x_BCTM)
        return x_BCTM + y_BCTM if self.added else y_BCTM


class MobileNetNetwork(nn.Module):
    """The network of two paths.

    Parameters
    ----------
    config : MobileNetConfig
        Sizes.
    """

    def __init__(self, config: MobileNetConfig) -> None:
        super().__init__()
        self.config = config
        self.low = _path(config)
        self.high = _path(config)
        self.class_map = NormalisedClassMap(config.last, config.hidden, config.n_classes, dropout=config.dropout)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands)
        low_BCTM, high_BCTM = x_BCTM.chunk(2, dim=3)
        scores_BK: Tensor = self.class_map(torch.cat([self.low(low_BCTM), self.high(high_BCTM)], dim=3))
        return scores_BK


def _path(config: MobileNetConfig) -> nn.Sequential:
    layers: list[nn.Module] = [normalised_convolution(config.n_channels, config.first, 3, stride=2)]
    channels = config.first
    for width in config.widths:
        for block in range(BLOCKS):
            layers.append(
                InvertedResidual(
                    channels,
                    width,
                    expansion=config.expansion,
                    stride=1 if block else 2,
                    added=block > 0,
                )
            )
            channels = width
    layers.append(normalised_convolution(channels, config.last, 1))
    return nn.Sequential(*layers)
