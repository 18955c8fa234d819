"""Kong's cross-task baselines CNN4 and CNN8.

Four stages of 64, 128, 256 and 512 channels, each of one 5 x 5 convolution (CNN4) or two of 3 x 3 (CNN8) and a
pooling, then the maximum of each channel over all positions and one linear layer. Table 1 gives 4,309,450 and
4,691,274 parameters "for the classes' number" without saying which; they are met with 10, the scenes of task 1:

==============  =========  =========
part                 CNN4       CNN8
==============  =========  =========
convolutions    4,302,400  4,682,304
normalisations      1,920      3,840
linear layer        5,130      5,130
==============  =========  =========

so the convolutions have no biases and running statistics are not counted. Each further class adds 513.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] Q. Kong et al., "DCASE 2018 Challenge Surrey cross-task convolutional neural network baseline",
   DCASE 2018, section 3 and table 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input
from ml.networks.initialisation import initialise
from ml.networks.normalised_convolution import normalised_convolution
from ml.networks.single_precision import in_single_precision

STAGES = {4: (5,), 8: (3, 3)}  # kernels of a stage by the number of convolutions in all


@dataclass(frozen=True, kw_only=True)
class KongConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (table 1: 10).
    convolutions : int
        4 or 8.
    n_channels, n_bands : int
        Shape of one input, but for its frames.
    widths : tuple of int
        Channels of the stages.
    """

    n_classes: int
    convolutions: int = 8
    n_channels: int = 1
    n_bands: int = 64
    widths: tuple[int, ...] = (64, 128, 256, 512)

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "widths")
        require_at_least(self, 2 ** len(self.widths), "n_bands")
        if self.convolutions not in STAGES:
            message = f"convolutions = {self.convolutions}: expected 4 (CNN4) or 8 (CNN8)."
            raise ValueError(message)


class KongNetwork(nn.Module):
    """CNN4 or CNN8.

    Parameters
    ----------
    config : KongConfig
        Sizes.
    """

    def __init__(self, config: KongConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        channels = config.n_channels
        for width in config.widths:
            for kernel in STAGES[config.convolutions]:
                layers.append(normalised_convolution(channels, width, kernel))
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, config.n_classes)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands, least_frames=2 ** len(config.widths))
        return in_single_precision(self.classifier, self.layers(x_BCTM).amax(dim=(2, 3)))
