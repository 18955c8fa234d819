"""The network of recipe `earmark`: small enough for two processor cores, without a fixed length of input.

Verification trains many networks on few clips, often without an accelerator. What counts then is what a network learns
per multiplication, so nearly all of them happen behind two strides: a 5 x 5 convolution that halves both axes, then
stages of two 3 x 3 convolutions, of which the first of each but the last halves both axes again. The last stage sees
about 70 frames. Mean and maximum over all positions are joined: the mean says what a sound is like throughout, the
maximum keeps a short event in a long clip (Kong's global maximum, Dorfer's global average). Batch normalisation of
the joined values spares the linear layer their different sizes.

At 64 frames of 40 bands and the default widths it takes 10 million multiply-accumulates, a twentieth of Nguyen's at 128
frames of 96 bands.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input
from ml.networks.initialisation import initialise
from ml.networks.single_precision import in_single_precision

STEM_KERNEL = 5


@dataclass(frozen=True, kw_only=True)
class EarmarkConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes.
    n_channels, n_bands : int
        Shape of one input, but for its frames.
    stem : int
        Channels of the first convolution.
    widths : tuple of int
        Channels of the stages.
    dropout : float
        Share of the joined values that training leaves out.
    """

    n_classes: int
    n_channels: int = 1
    n_bands: int = 40
    stem: int = 16
    widths: tuple[int, ...] = (32, 64, 96)
    dropout: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "n_bands", "stem", "widths")
        if not 0 <= self.dropout < 1:
            message = f"dropout = {self.dropout}: expected at least 0 and less than 1."
            raise ValueError(message)


class EarmarkNetwork(nn.Module):
    """Small convolutional network with mean and maximum pooling.

    Parameters
    ----------
    config : EarmarkConfig
        Sizes.
    """

    def __init__(self, config: EarmarkConfig) -> None:
        super().__init__()
        self.config = config
        layers = _convolution(config.n_channels, config.stem, kernel=STEM_KERNEL, stride=2)
        channels = config.stem
        for number, width in enumerate(config.widths, start=1):
            layers += _convolution(channels, width, stride=1 if number == len(config.widths) else 2)
            layers += _convolution(width, width)
            channels = width
        self.layers = nn.Sequential(*layers)
        self.normalise = nn.BatchNorm1d(2 * channels)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(2 * channels, config.n_classes)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands, least_frames=1)
        h_BCTM = self.layers(x_BCTM)
        joined_BC = torch.cat([h_BCTM.float().mean(dim=(2, 3)), h_BCTM.amax(dim=(2, 3))], dim=1)
        return in_single_precision(self.classifier, self.dropout(self.normalise(joined_BC)))


def _convolution(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
