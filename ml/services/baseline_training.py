"""How a baseline is trained: as the network's paper says, with early stopping on one validation part.

A baseline answers what one network makes of one split. So what a paper says of ensembles, of several weights of one
training or of labels that nobody verified is left out: the weights of the best epoch are what is reported, and every
training stops when ten epochs in a row bring no better result on the validation part, as CochlScene's does [1]_.

Where `ml.training.config` has no entry for a network, CochlScene's optimiser, rate and batch size are taken with the
network's own input length. Networks with a fixed input length see excerpts of exactly that length, also where the
paper's text names another one (CochlScene: 500 frames by its hop, 499 by its table II).

References
----------
.. [1] I.-Y. Jeong and J. Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing", 2022,
   section IV.A.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, Literal

from ml.features.config import FeatureConfig
from ml.features.configurations import CONFIGURATIONS
from ml.networks.registry import NETWORKS, NetworkEntry
from ml.training.config import TRAINING, TrainingConfig
from ml.training.windows import WindowConfig

PATIENCE = 10  # CochlScene IV.A
# The training of the paper, by the first word of the network's name.
PAPERS: Mapping[str, str] = MappingProxyType(
    {
        "cochlscene": "cochlscene",
        "nguyen": "nguyen",
        "dorfer": "dorfer",
        "iqbal": "iqbal",
        "jeong": "jeong",
        "kong": "kong",
        "dcase2020": "dcase2020",
        "se": "icme2024",
    }
)


def trainable_networks() -> tuple[str, ...]:
    """Name the networks whose input is known without a file of somebody's."""
    return tuple(name for name, entry in NETWORKS.items() if entry.features is not None)


def baseline_features(network: str) -> FeatureConfig:
    """Return the features that a network takes.

    Raises
    ------
    ValueError
        If no network has that name, or a file decides about its input.
    """
    return CONFIGURATIONS[_entry(network)[0]]


def baseline_options(network: str) -> dict[str, Any]:
    """Return fields of the network's configuration that mono clips ask for.

    The networks of DCASE 2020 task 1b take two microphones, of which a clip here has one.
    """
    channels = baseline_features(network).n_channels
    return {} if NETWORKS[network].channels == channels else {"n_channels": channels}


def baseline_training(
    network: str, *, epochs: int | None = None, precision: Literal["fp32", "bf16"] = "fp32"
) -> TrainingConfig:
    """Return how a network is trained on a split.

    Parameters
    ----------
    network : str
        One of `trainable_networks`.
    epochs : int, optional
        Most epochs; without, the paper's.
    precision : {"fp32", "bf16"}
        Arithmetic of the network.

    Returns
    -------
    TrainingConfig
        The paper's, with early stopping and the best epoch alone.

    Raises
    ------
    ValueError
        If no network has that name, or `epochs` is below 1.
    """
    _, frames = _entry(network)
    entry = NETWORKS[network]
    paper = PAPERS.get(network.partition("-")[0])
    config = TRAINING[paper or "cochlscene"]
    fixed = "n_frames" in {field.name for field in fields(entry.config)}
    crop_frames = frames if fixed else min(frames, config.crop_frames)
    evaluation = replace(config.evaluation, frames=crop_frames)
    if paper is None or (fixed and evaluation.kind == "whole"):
        evaluation = WindowConfig(kind="sliding", frames=crop_frames)
    return replace(
        config,
        epochs=config.epochs if epochs is None else epochs,
        crop_frames=crop_frames,
        evaluation=evaluation,
        patience=config.patience or PATIENCE,
        best_epochs=1,
        precision=precision,
    )


def _entry(network: str) -> tuple[str, int]:
    """Return the name of a network's features and the frames of its input."""
    entry: NetworkEntry | None = NETWORKS.get(network)
    if entry is None or entry.features is None or entry.frames is None:
        message = f"network {network!r}: expected one of {', '.join(trainable_networks())}."
        raise ValueError(message)
    return entry.features, entry.frames
