"""SE-Trans, the baseline of the ICME 2024 challenge: squeeze and excitation, then a Transformer.

Two blocks of two 3 x 3 convolutions with 64 and 128 channels, each convolution weighed by squeeze and excitation
and each block followed by an average pooling of 2 x 2; one Transformer encoder with 8 heads and 32 units in its
feed-forward part; the maximum over frames; one linear layer (section 3.2). No parameter count is given.

The section leaves open how the bands vanish before the encoder, the reduction of squeeze and excitation, and
dropout. The published system normalises the bands of the input, has a reduction of 16 without biases between
normalisation and rectifier, and averages all that is left into 16 frames and no band, so that the cost of the
encoder does not depend on the clip's length. So does this one. The encoder's dropout is the customary 0.1.

Shape legend: B batch, C channel, T frame, M mel band, K class.

References
----------
.. [1] J. Bai et al., "Description on IEEE ICME 2024 Grand Challenge: Semi-supervised acoustic scene
   classification under domain shift", 2024, section 3.2.
.. [2] A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from ml.networks.band_normalisation import BandNormalisation
from ml.networks.channel_attention import SqueezeExcitation
from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.initialisation import initialise
from ml.networks.single_precision import in_single_precision


@dataclass(frozen=True, kw_only=True)
class SeTransConfig:
    """Sizes of the network.

    Attributes
    ----------
    n_classes : int
        Classes (10).
    n_channels, n_bands : int
        Shape of one input, but for its frames.
    widths : tuple of int
        Channels of the blocks; the last also the width of the encoder.
    reduction : int
        Divides the channels in squeeze and excitation.
    encoder_frames : int
        Frames that the encoder sees.
    encoder_layers, attention_heads, feed_forward : int
        Encoder layers, heads of each, and units of its feed-forward part.
    dropout : float
        Rate inside the encoder.
    """

    n_classes: int
    n_channels: int = 1
    n_bands: int = 64
    widths: tuple[int, ...] = (64, 128)
    reduction: int = 16
    encoder_frames: int = 16
    encoder_layers: int = 1
    attention_heads: int = 8
    feed_forward: int = 32
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_channels", "widths", "reduction", "encoder_frames")
        require_at_least(self, 1, "encoder_layers", "attention_heads", "feed_forward")
        require_at_least(self, 2 ** len(self.widths), "n_bands")
        require_rates(self, "dropout")
        if self.widths[-1] % self.attention_heads:
            message = f"attention_heads = {self.attention_heads}: expected a divisor of {self.widths[-1]} channels."
            raise ValueError(message)


class SeTransNetwork(nn.Module):
    """The baseline network.

    Parameters
    ----------
    config : SeTransConfig
        Sizes.
    """

    def __init__(self, config: SeTransConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        channels = config.n_channels
        for width in config.widths:
            layers += _excited_convolution(channels, width, config.reduction)
            layers += _excited_convolution(width, width, config.reduction)
            layers.append(nn.AvgPool2d(2))
            channels = width
        self.bands = BandNormalisation(config.n_bands)
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((config.encoder_frames, 1)))
        self.classifier = nn.Linear(channels, config.n_classes)
        initialise(self)
        self.encoder = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    channels, config.attention_heads, config.feed_forward, config.dropout, batch_first=True
                )
                for _ in range(config.encoder_layers)
            )
        )

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        config = self.config
        require_input(x_BCTM, channels=config.n_channels, bands=config.n_bands, least_frames=2 ** len(config.widths))
        x_BTC = self.layers(self.bands(x_BCTM)).squeeze(3).transpose(1, 2)
        return in_single_precision(self.classifier, self.encoder(x_BTC).amax(dim=1))


def _excited_convolution(inputs: int, outputs: int, reduction: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        SqueezeExcitation(outputs, reduction=reduction, bias=False),
        nn.ReLU(),
    ]
