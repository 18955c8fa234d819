"""VGG-16 with a frozen trunk: a network for photographs reads spectrograms.

A log-frequency power spectrogram is saved as a black and white image, and the thirteen convolutions of VGG-16,
trained on photographs, describe it; only a classifier with one hidden layer of 512 units is trained. The text says
one hidden layer, the script that it links to has two; the text is followed. The script's dropout of 0.5 is kept.

The trunk has 14,714,688 frozen numbers. Its last feature map is averaged into 7 x 7 positions of 512 channels,
25,088 numbers, so that images of 32 and more frames and bands will do (the script's have 224 of each). For ten
classes the classifier has 25088·512 + 512 + 512·10 + 10 = 12,850,698.

The trunk knows photographs whose three colours have mean 0 and deviation 1; the spectrogram that comes in is
normalised likewise and becomes three equal colours. Frequency is the image's height, low at the bottom, as in the
saved images. The weights come from a local file in the layout of torchvision's ``vgg16`` (``features.0.weight`` and
so on); the classifier in that file is ignored. Nothing is downloaded. Without a file the trunk is random, which
serves tests.

Shape legend: B batch, C channel, T frame, M frequency band, E embedding, K class.

References
----------
.. [1] H. Schuchardt, "Acoustic scene classification", 2019, section "Neural network".
.. [2] K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition",
   ICLR 2015, table 1, column D.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.frozen_trunk import EmbeddingHead, FrozenTrunk
from ml.networks.initialisation import initialise

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels and convolutions between poolings
POSITIONS = 7
LEAST_SIDE = 32  # halved five times
COLOURS = 3


@dataclass(frozen=True, kw_only=True)
class Vgg16Config:
    """Sizes of the classifier and the file of the trunk.

    Attributes
    ----------
    n_classes : int
        Classes (10).
    weights : str or None
        File of the trunk's weights, as ``torch.save`` writes a state dictionary; None for random ones.
    n_bands : int
        Bands of one input, at least 32.
    hidden : int
        Units of the hidden layer.
    dropout : float
        Rate behind it.
    """

    n_classes: int
    weights: str | None = None
    n_bands: int = 256
    hidden: int = 512
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "hidden")
        require_at_least(self, LEAST_SIDE, "n_bands")
        require_rates(self, "dropout")
        if self.weights is not None and not Path(self.weights).is_file():
            message = f"weights = {self.weights!r}: expected a file with the weights of VGG-16."
            raise ValueError(message)


class Vgg16Trunk(nn.Module):
    """The convolutions of VGG-16 with what turns a spectrogram into their kind of image."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = COLOURS
        for width, convolutions in STAGES:
            for _ in range(convolutions):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(POSITIONS)
        self.embedding = channels * POSITIONS**2
        initialise(self)

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return embeddings, ``embedding_BE``."""
        image_BCMT = x_BCTM.transpose(2, 3).flip(2).expand(-1, COLOURS, -1, -1)
        embedding_BE: Tensor = self.pool(self.features(image_BCMT)).flatten(1)
        return embedding_BE


class Vgg16Network(nn.Module):
    """A frozen trunk and a classifier with one hidden layer.

    Parameters
    ----------
    config : Vgg16Config
        Sizes and file.
    """

    def __init__(self, config: Vgg16Config) -> None:
        super().__init__()
        self.config = config
        trunk = Vgg16Trunk()
        if config.weights is not None:
            load_features(trunk, Path(config.weights))
        self.trunk = FrozenTrunk(trunk)
        self.head = EmbeddingHead(
            trunk.embedding, hidden=config.hidden, n_classes=config.n_classes, dropout=config.dropout
        )

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        require_input(x_BCTM, channels=1, bands=self.config.n_bands, least_frames=LEAST_SIDE)
        scores_BK: Tensor = self.head(self.trunk(x_BCTM))
        return scores_BK


def load_features(trunk: Vgg16Trunk, path: Path) -> None:
    """Load the convolutions of VGG-16 from a local file.

    Parameters
    ----------
    trunk : Vgg16Trunk
        Gets the weights.
    path : Path
        State dictionary in torchvision's layout.

    Raises
    ------
    ValueError
        If the file is no state dictionary or lacks a convolution of that shape.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        message = f"{path.name} cannot be read: expected a state dictionary that torch.save wrote."
        raise ValueError(message) from error
    wanted = trunk.features.state_dict()
    for name, tensor in wanted.items():
        found = state.get(f"features.{name}") if isinstance(state, dict) else None
        if not isinstance(found, Tensor) or found.shape != tensor.shape:
            message = f"{path.name} has no features.{name} of shape {tuple(tensor.shape)}: expected VGG-16's weights."
            raise ValueError(message)
    trunk.features.load_state_dict({name: state[f"features.{name}"] for name in wanted})
