"""Class maps: the last 1 x 1 convolution gives each class a channel, whose mean is its score.

The networks of DCASE 2020 end so. The normalisations beside the convolution learn no scale and offset of their
own, since the mean of a class map is its score and a learned offset would only repeat the prior of the class.
The FCNNs rectify the maps and weigh them by channel attention ("channel attention is applied to each output
channel of the last convolutional layer, followed by a global pooling layer", section 2.2); the residual network
and MobileNetV2 normalise and rectify before the convolution. In both, a last normalisation without scale and
offset follows, as in the published systems.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020, section 2.2.
.. [2] M. D. McDonnell and W. Gao, "Acoustic scene classification using deep residual networks with late fusion of
   separated high and low frequency paths", ICASSP 2020, section 3.
"""

from __future__ import annotations

from torch import Tensor, nn

from ml.networks.channel_attention import ChannelAttention

ATTENTION_REDUCTION = 2


class AttendedClassMap(nn.Module):
    """Score classes by the mean of rectified and attended class maps.

    Parameters
    ----------
    channels, n_classes : int
        Channels that come in, and classes.
    """

    def __init__(self, channels: int, n_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, n_classes, 1, bias=False),
            nn.BatchNorm2d(n_classes, affine=False),
            nn.ReLU(),
            nn.BatchNorm2d(n_classes, affine=False),
            ChannelAttention(n_classes, reduction=ATTENTION_REDUCTION),
        )

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        scores_BK: Tensor = self.layers(x_BCTM).float().mean(dim=(2, 3))
        return scores_BK


class NormalisedClassMap(nn.Module):
    """Score classes by the mean of normalised class maps, made from a hidden 1 x 1 convolution.

    Parameters
    ----------
    channels, hidden, n_classes : int
        Channels that come in, channels of the hidden convolution, and classes.
    dropout : float
        Rate between the two convolutions.
    """

    def __init__(self, channels: int, hidden: int, n_classes: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels, affine=False),
            nn.ReLU(),
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.Dropout(dropout),
            nn.BatchNorm2d(hidden, affine=False),
            nn.Conv2d(hidden, n_classes, 1, bias=False),
            nn.BatchNorm2d(n_classes, affine=False),
        )

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        scores_BK: Tensor = self.layers(x_BCTM).float().mean(dim=(2, 3))
        return scores_BK
