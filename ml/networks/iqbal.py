"""Iqbal and Wang's four networks: VGG13, GCNN, CRNN and GCRNN.

Five blocks of two 3 x 3 convolutions and a halving of frames and bands (table 2), global average pooling and one
linear layer make VGG13. In the gated ones each convolution has twice the channels and one half is the gate of the
other. In the recurrent ones only the bands are averaged; a bidirectional recurrent layer of 512 units follows,
whose states are averaged over the frames.

The paper gives no parameter count and leaves open the order of rectifier and normalisation, whether convolutions
have biases, and whether "ReLU" at the recurrent layer means its candidate state. The published system answers:
rectifier (or gate) before the normalisation, biases, and yes. With 41 classes the trained numbers are then

================  =========  ==========  ==========  ==========
part                  VGG13        GCNN        CRNN       GCRNN
================  =========  ==========  ==========  ==========
kernels           9,400,896  18,801,792   9,400,896  18,801,792
their biases          2,944       5,888       2,944       5,888
normalisations        5,888       5,888       5,888       5,888
recurrent layer                           3,148,800   3,148,800
linear layer         21,033      21,033      42,025      42,025
sum               9,430,761  18,834,601  12,600,553  22,004,393
================  =========  ==========  ==========  ==========

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] T. Iqbal et al., "General-purpose audio tagging from noisy labels using convolutional neural networks",
   DCASE 2018, section 4.1 and table 2.
.. [2] Y. Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017, equation 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input
from ml.networks.initialisation import initialise
from ml.networks.relu_gru import BidirectionalReluGru
from ml.networks.single_precision import in_single_precision


@dataclass(frozen=True, kw_only=True)
class IqbalConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (41).
    gated : bool
        Whether convolutions are gated (GCNN, GCRNN).
    recurrent : bool
        Whether a recurrent layer follows them (CRNN, GCRNN).
    n_channels, n_bands : int
        Shape of one chunk, but for its frames.
    widths : tuple of int
        Channels of the blocks.
    units : int
        Units of each direction of the recurrent layer.
    """

    n_classes: int
    gated: bool = False
    recurrent: bool = False
    n_channels: int = 1
    n_bands: int = 64
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    units: int = 512

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "widths", "units")
        require_at_least(self, 2 ** len(self.widths), "n_bands")


class IqbalNetwork(nn.Module):
    """VGG13, GCNN, CRNN or GCRNN.

    Parameters
    ----------
    config : IqbalConfig
        Sizes and kind.
    """

    def __init__(self, config: IqbalConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        channels = config.n_channels
        for width in config.widths:
            layers += _convolution(channels, width, gated=config.gated)
            layers += _convolution(width, width, gated=config.gated)
            layers.append(nn.MaxPool2d(2))
            channels = width
        self.layers = nn.Sequential(*layers)
        self.recurrent = BidirectionalReluGru(channels, config.units) if config.recurrent else None
        self.classifier = nn.Linear(2 * config.units if config.recurrent else channels, config.n_classes)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands, least_frames=2 ** len(config.widths))
        x_BTC: Tensor = self.layers(x_BCTM).mean(dim=3).transpose(1, 2)
        if self.recurrent is not None:
            x_BTC = self.recurrent(x_BTC)
        return in_single_precision(self.classifier, x_BTC.float().mean(dim=1))


def _convolution(inputs: int, outputs: int, *, gated: bool) -> list[nn.Module]:
    if gated:
        return [nn.Conv2d(inputs, 2 * outputs, 3, padding=1), nn.GLU(dim=1), nn.BatchNorm2d(outputs)]
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(outputs)]
