"""Pretrained networks that are not trained further, and the small heads that are.

A network trained on much other sound, or on images, describes a clip well enough that a small head on top of
its embedding classifies it. The trunk is frozen: its parameters get no gradient, and it stays in evaluation
mode while the head trains, so that its normalisations keep the statistics that they were trained with and its
dropout stays off. Any embedding model can be a trunk that somebody exports to one file, with TorchScript
(``torch.jit``) or as ONNX, which runs through the optional package ``onnxruntime``.

Only load files that you trust: both formats describe programs.

Shape legend: B batch, C channel, T frame, M mel band, E embedding, K class.

References
----------
.. [1] J. Yosinski et al., "How transferable are features in deep neural networks?", NeurIPS 2014.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn

from ml.networks.configuration import require_at_least, require_input, require_rates
from ml.networks.initialisation import initialise
from ml.networks.onnx_network import OnnxNetwork
from ml.networks.single_precision import in_single_precision

# Axes that are no part of an embedding, by the number of axes: (B, E), (B, T, E) or a feature map (B, E, T, M).
POSITIONS: dict[int, tuple[int, ...]] = {2: (), 3: (1,), 4: (2, 3)}


class FrozenTrunk(nn.Module):
    """A network that neither learns nor leaves evaluation mode.

    Parameters
    ----------
    network : nn.Module
        Whatever gives embeddings; it is frozen in place.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        for parameter in network.parameters():  # TorchScript's modules cannot be frozen as a whole
            parameter.requires_grad = False
        self.network = network.eval()

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - the signature of nn.Module
        """Note the mode, but leave the network in evaluation mode."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return embeddings, ``embedding_BE``; a trunk's frames or positions are averaged."""
        with torch.no_grad():
            embedding: Tensor = self.network(x_BCTM)
        if not isinstance(embedding, Tensor):
            message = f"output of type {type(embedding).__name__}: expected one tensor, the embedding."
            raise ValueError(message)  # noqa: TRY004 -- the fault is the file's, as that of a wrong shape
        positions = POSITIONS.get(embedding.dim())
        if positions is None:
            message = f"embedding of shape {tuple(embedding.shape)}: expected one row for each clip of the batch."
            raise ValueError(message)
        return embedding.mean(dim=positions) if positions else embedding


class EmbeddingHead(nn.Module):
    """One hidden layer on top of an embedding.

    Parameters
    ----------
    inputs, hidden, n_classes : int
        Numbers of an embedding, units of the hidden layer, and classes.
    dropout : float
        Rate behind the hidden layer.
    """

    def __init__(self, inputs: int, *, hidden: int, n_classes: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, n_classes)
        )
        initialise(self)

    def forward(self, embedding_BE: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        return in_single_precision(self.layers, embedding_BE)


@dataclass(frozen=True, kw_only=True)
class TrunkConfig:
    """A trunk's file and the sizes around it.

    Attributes
    ----------
    n_classes : int
        Classes.
    path : str
        The trunk: ``.onnx`` for ONNX, any other ending for TorchScript.
    n_frames, n_bands, n_channels : int
        Shape of one input, of which a trial run tells the length of the embedding.
    hidden : int
        Units of the head's hidden layer.
    dropout : float
        Rate behind it.
    """

    n_classes: int
    path: str
    n_frames: int
    n_bands: int
    n_channels: int = 1
    hidden: int = 512
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        require_at_least(self, 1, "n_classes", "n_frames", "n_bands", "n_channels", "hidden")
        require_rates(self, "dropout")
        if not Path(self.path).is_file():
            message = f"path = {self.path!r}: expected a TorchScript or ONNX file."
            raise ValueError(message)


class TrunkNetwork(nn.Module):
    """A frozen trunk from a file and a head that is trained.

    Parameters
    ----------
    config : TrunkConfig
        File and sizes.
    """

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = load_trunk(Path(config.path))
        trial_BE = self.trunk(torch.zeros(1, config.n_channels, config.n_frames, config.n_bands))
        self.head = EmbeddingHead(
            trial_BE.shape[1], hidden=config.hidden, n_classes=config.n_classes, dropout=config.dropout
        )

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the scores of the classes, ``scores_BK``."""
        require_input(x_BCTM, channels=self.config.n_channels, bands=self.config.n_bands)
        # Nobody knows what a file computes, or whether it stands eight bits.
        scores_BK: Tensor = self.head(in_single_precision(self.trunk, x_BCTM))
        return scores_BK


def load_trunk(path: Path) -> FrozenTrunk:
    """Load an exported embedding model.

    Parameters
    ----------
    path : Path
        A file that ends in ``.onnx``, or one that TorchScript saved.

    Returns
    -------
    FrozenTrunk
        The model, frozen.

    Raises
    ------
    ValueError
        If the file is neither, or ONNX and ``onnxruntime`` is missing.
    """
    if path.suffix.lower() == ".onnx":
        return FrozenTrunk(OnnxNetwork(path))
    with warnings.catch_warnings():
        # The format is deprecated for new exports; files of it are what people have.
        warnings.filterwarnings("ignore", message=".*torch.jit.load.* is deprecated", category=DeprecationWarning)
        try:
            network: nn.Module = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call] # torch ships none
        except (RuntimeError, OSError, UnicodeDecodeError) as error:
            message = f"{path.name} cannot be read as TorchScript: expected a file of torch.jit.save or an .onnx file."
            raise ValueError(message) from error
    return FrozenTrunk(network)
