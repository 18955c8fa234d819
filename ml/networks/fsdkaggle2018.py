"""The baseline of FSDKaggle2018: three convolutions, two poolings and the maximum of each channel.

Section 4 says "three 2-D convolutional layers and alternating max-pooling layers, followed by a softmax
classifier layer" and refers to the public release for the rest, whose page lists kernels of 7, 5 and 3 with
100, 150 and 200 channels, poolings of 3 x 3 with steps of 2 x 2, a maximum over all that is left of frames and
bands, and 658.1 thousand weights for 41 classes:

=============  ==============================  ========
convolutions   49·100 + 25·100·150 + 9·150·200  649,900
linear         200·41                             8,200
biases         100 + 150 + 200 + 41                 491
=============  ==============================  ========

The sum is 658,100 without the biases, which the release has but does not count, and 658,591 with them.
Windows of 0.25 s hold 25 frames of 10 ms; thanks to the maximum the network takes any number of frames.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] E. Fonseca et al., "General-purpose tagging of Freesound audio with AudioSet labels: Task description,
   dataset, and baseline", DCASE 2018, section 4.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input
from ml.networks.initialisation import initialise
from ml.networks.single_precision import in_single_precision


@dataclass(frozen=True, kw_only=True)
class FsdKaggle2018Config:
    """Sizes of the baseline.

    Attributes
    ----------
    n_classes : int
        Classes (41).
    n_channels, n_bands : int
        Shape of one input, but for its frames.
    widths : tuple of three int
        Channels of the convolutions.
    """

    n_classes: int
    n_channels: int = 1
    n_bands: int = 64
    widths: tuple[int, int, int] = (100, 150, 200)

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "n_bands", "widths")


class FsdKaggle2018Network(nn.Module):
    """The baseline network.

    Parameters
    ----------
    config : FsdKaggle2018Config
        Sizes.
    """

    def __init__(self, config: FsdKaggle2018Config) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        self.layers = nn.Sequential(
            nn.Conv2d(config.n_channels, first, 7, padding=3),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(first, second, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Conv2d(second, third, 3, padding=1),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(third, config.n_classes)
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        require_input(x_BCTM, channels=self.config.n_channels, bands=self.config.n_bands)
        return in_single_precision(self.classifier, self.layers(x_BCTM).amax(dim=(2, 3)))
