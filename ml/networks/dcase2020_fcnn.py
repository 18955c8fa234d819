"""The fully convolutional networks of DCASE 2020: FCNN, fsFCNN and small-FCNN.

FCNN is VGG-like: nine convolutions, poolings of 2 x 2 after the second, fourth and eighth, dropout from the fifth
on, and channel attention over the last, whose channels are the classes. fsFCNN has eleven, halves frames and
bands after the second and fourth and the frames alone ("1 x 2") after the sixth and eighth, since fewer poolings
along frequency overfit less. small-FCNN is "a similar architecture but much fewer parameters".

The paper gives neither channels nor kernels. They are the published system's: 5 x 5 in the first convolution, which
also has a stride (2 x 2, in fsFCNN only along the frames), else 3 x 3; 144, 288 and 576 channels in FCNN; 48, 96,
512 and 768 in fsFCNN; 48, 84 and 120 in small-FCNN, of only two convolutions each. Where both speak the paper is
followed: dropout also behind the eighth convolution of FCNN, windows of 2 x 2 in fsFCNN (published: 3 x 3).

Table 2 gives small-FCNN 2.8 MB before and 357 KB after quantisation to 8 bits, an eighth where 8 of 32 bits would be
a quarter; that fits a file which holds the optimiser's momentum beside each weight. The network has 349,438 trained
numbers for six input channels and three classes: 2.80 MB at 8 bytes each.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020, section 2.2 and table 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.class_map import AttendedClassMap
from ml.networks.configuration import require_at_least, require_input
from ml.networks.initialisation import initialise
from ml.networks.normalised_convolution import normalised_convolution


@dataclass(frozen=True, kw_only=True)
class ConvolutionGroup:
    """Convolutions of the same width and what follows them.

    Attributes
    ----------
    width : int
        Channels.
    convolutions : int
        How many.
    pool : pair of int
        Window of the pooling behind them, in frames and bands; (1, 1) for none.
    dropout : float
        Rate behind each.
    """

    width: int
    convolutions: int = 2
    pool: tuple[int, int] = (2, 2)
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "width", "convolutions", "pool")
        if not 0 <= self.dropout < 1:
            message = f"dropout = {self.dropout}: expected a rate of at least 0 and below 1."
            raise ValueError(message)


FCNN = (
    ConvolutionGroup(width=144),
    ConvolutionGroup(width=288),
    ConvolutionGroup(width=576, convolutions=4, dropout=0.3),
)
FSFCNN = (
    ConvolutionGroup(width=48),
    ConvolutionGroup(width=96),
    ConvolutionGroup(width=512, pool=(2, 1)),
    ConvolutionGroup(width=512, pool=(2, 1)),
    ConvolutionGroup(width=768, pool=(1, 1), dropout=0.5),
)
SMALL_FCNN = (
    ConvolutionGroup(width=48),
    ConvolutionGroup(width=84),
    ConvolutionGroup(width=120, dropout=0.3),
)


@dataclass(frozen=True, kw_only=True)
class FcnnConfig:
    """Sizes of a fully convolutional network.

    Attributes
    ----------
    n_classes : int
        Classes (10; 3 in the first of two stages and in task 1b).
    groups : tuple of ConvolutionGroup
        `FCNN`, `FSFCNN`, `SMALL_FCNN` or another.
    stride : pair of int
        Step of the first convolution along frames and bands.
    n_channels, n_bands : int
        Shape of one input, but for its frames (task 1a: log-mel and two orders of deltas; 1b: these of two ears).
    """

    n_classes: int
    groups: tuple[ConvolutionGroup, ...] = FCNN
    stride: tuple[int, int] = (2, 2)
    n_channels: int = 3
    n_bands: int = 128

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "stride")
        if not self.groups:
            message = "groups = (): expected at least one group of convolutions."
            raise ValueError(message)
        require_at_least(self, self.shrinkage[1], "n_bands")

    @property
    def shrinkage(self) -> tuple[int, int]:
        """How many times fewer frames and bands leave the convolutions than enter."""
        frames, bands = self.stride
        for group in self.groups:
            frames *= group.pool[0]
            bands *= group.pool[1]
        return frames, bands


class FcnnNetwork(nn.Module):
    """FCNN, fsFCNN or small-FCNN.

    Parameters
    ----------
    config : FcnnConfig
        Sizes.
    """

    def __init__(self, config: FcnnConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = [nn.BatchNorm2d(config.n_channels)]
        channels = config.n_channels
        for group in config.groups:
            for _ in range(group.convolutions):
                first = len(layers) == 1
                layers.append(
                    normalised_convolution(
                        channels, group.width, 5 if first else 3, stride=config.stride if first else 1
                    )
                )
                layers.append(nn.Dropout(group.dropout))
                channels = group.width
            layers.append(nn.MaxPool2d(group.pool))
        self.layers = nn.Sequential(*layers)
        self.class_map = AttendedClassMap(channels, config.n_classes)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands, least_frames=config.shrinkage[0])
        scores_BK: Tensor = self.class_map(self.layers(x_BCTM))
        return scores_BK
