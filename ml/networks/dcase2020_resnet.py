"""The residual network of DCASE 2020: low and high bands on paths of their own, no pooling of frequency.

"The first N/2 and the second half are processed by two parallel stacked convolutional layers" of 17 convolutions
each: one, then four stages of two residual blocks of two. A stage's first block halves the frames, never the
bands; where it also doubles the channels, the shortcut is averaged over three frames and bands and padded with
channels of zeros. Normalisation and rectifier precede each convolution and learn no scale, but for the first.
Both paths are joined along frequency and mapped to the classes.

The paper gives no channels and no count; like the structure they are those of the network that it takes over
(reference 2): w = 24 in the first stage, doubled with each, and 32 w in the hidden convolution behind the join.
Resnet-d, "with doubled filter number", has w = 48. For three input channels and ten classes the numbers are

==================  ===========================================  =========  ==========
part                formula                                       Resnet    Resnet-d
==================  ===========================================  =========  ==========
two paths           2 (6 + 27 w + 9 (4 + 14 + 56 + 224) w²)      3,090,972  12,361,260
class maps          8 w · 32 w + 32 w · 10                         155,136     605,184
sum                                                              3,246,108  12,966,444
==================  ===========================================  =========  ==========

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020, section 2.2.
.. [2] M. D. McDonnell and W. Gao, "Acoustic scene classification using deep residual networks with late fusion of
   separated high and low frequency paths", ICASSP 2020, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.networks.class_map import NormalisedClassMap
from ml.networks.configuration import require_at_least, require_input
from ml.networks.initialisation import initialise

STAGES = 4
BLOCKS = 2


@dataclass(frozen=True, kw_only=True)
class ResnetConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (10).
    width : int
        Channels of the first stage (Resnet: 24, Resnet-d: 48).
    n_channels, n_bands : int
        Shape of one input, but for its frames; the bands are even.
    """

    n_classes: int
    width: int = 24
    n_channels: int = 3
    n_bands: int = 128

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "width", "n_channels")
        require_at_least(self, 2, "n_bands")
        if self.n_bands % 2:
            message = f"n_bands = {self.n_bands}: expected an even number, of which each path gets half."
            raise ValueError(message)


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut.

    Parameters
    ----------
    inputs, outputs : int
        Channels before and after; as many, or twice as many.
    halved : bool
        Whether the frames are halved.
    """

    def __init__(self, inputs: int, outputs: int, *, halved: bool) -> None:
        super().__init__()
        self.added = outputs - inputs
        stride = (2, 1) if halved else (1, 1)
        self.layers = nn.Sequential(
            *_rectified_convolution(inputs, outputs, stride), *_rectified_convolution(outputs, outputs, (1, 1))
        )
        self.shortcut = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False) if halved else nn.Identity()

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the sum of the convolved and the shortcut feature maps."""
        shortcut_BCTM = functional.pad(self.shortcut(x_BCTM), (0, 0, 0, 0, 0, self.added))
        y_BCTM: Tensor = self.layers(x_BCTM) + shortcut_BCTM
        return y_BCTM


class ResnetNetwork(nn.Module):
    """Resnet or Resnet-d.

    Parameters
    ----------
    config : ResnetConfig
        Sizes.
    """

    def __init__(self, config: ResnetConfig) -> None:
        super().__init__()
        self.config = config
        self.low = _path(config)
        self.high = _path(config)
        last = config.width * 2 ** (STAGES - 1)
        self.class_map = NormalisedClassMap(last, 4 * last, config.n_classes)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands)
        low_BCTM, high_BCTM = x_BCTM.chunk(2, dim=3)
        scores_BK: Tensor = self.class_map(torch.cat([self.low(low_BCTM), self.high(high_BCTM)], dim=3))
        return scores_BK


def _path(config: ResnetConfig) -> nn.Sequential:
    width = config.width
    layers: list[nn.Module] = [
        nn.BatchNorm2d(config.n_channels),
        nn.Conv2d(config.n_channels, width, 3, stride=(2, 1), padding=1, bias=False),
    ]
    for stage in range(STAGES):
        for block in range(BLOCKS):
            halved = stage > 0 and block == 0
            layers.append(ResidualBlock(width // 2 if halved else width, width, halved=halved))
        width *= 2
    return nn.Sequential(*layers)


def _rectified_convolution(inputs: int, outputs: int, stride: tuple[int, int]) -> list[nn.Module]:
    return [
        nn.BatchNorm2d(inputs, affine=False),
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
    ]
