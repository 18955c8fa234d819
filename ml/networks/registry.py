"""All networks by name.

A run of label verification, a benchmark and a released model all name the network that they used. The name
leads to its configuration, to the feature configuration of `ml.features` whose spectrograms it takes, and to the
shape of one input; `build` makes the network, the same for the same seed. A further network is one more entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from ml.networks.cochlscene import CochlSceneConfig, CochlSceneNetwork
from ml.networks.dcase2020_fcnn import FSFCNN, SMALL_FCNN, FcnnConfig, FcnnNetwork
from ml.networks.dcase2020_mobilenet import MobileNetConfig, MobileNetNetwork
from ml.networks.dcase2020_resnet import ResnetConfig, ResnetNetwork
from ml.networks.dorfer import DorferConfig, DorferNetwork
from ml.networks.earmark import EarmarkConfig, EarmarkNetwork
from ml.networks.frozen_trunk import TrunkConfig, TrunkNetwork
from ml.networks.fsdkaggle2018 import FsdKaggle2018Config, FsdKaggle2018Network
from ml.networks.iqbal import IqbalConfig, IqbalNetwork
from ml.networks.jeong import JeongConfig, JeongNetwork
from ml.networks.kong import KongConfig, KongNetwork
from ml.networks.nguyen import NguyenConfig, NguyenNetwork
from ml.networks.se_trans import SeTransConfig, SeTransNetwork
from ml.networks.trunk_head import TrunkHeadConfig, TrunkHeadNetwork
from ml.networks.vgg16 import Vgg16Config, Vgg16Network


@dataclass(frozen=True, kw_only=True)
class NetworkEntry:
    """What is known of a network before it is built.

    Attributes
    ----------
    config : type
        Its configuration, a frozen dataclass.
    network : callable
        Builds it from a configuration.
    features : str or None
        Name of the feature configuration whose spectrograms it takes; None where a file decides.
    frames, bands, channels : int or None
        Shape of one input as in the paper (Kong: 2 s, VGG-16: 5 s); None where a file decides.
    paper : str
        Where it is described.
    options : mapping of str to Any
        Fields of the configuration that make it this network.
    """

    config: type
    network: Callable[[Any], nn.Module]
    features: str | None
    frames: int | None
    bands: int | None
    channels: int | None = 1
    paper: str
    options: Mapping[str, Any] = field(default_factory=dict)


_NGUYEN = "Nguyen et al., DCASE 2018, table 1"
_IQBAL = "Iqbal et al., DCASE 2018, table 2"
_KONG = "Kong et al., DCASE 2018, table 1"
_HU = "Hu et al., DCASE 2020, section 2.2"


def _nguyen(frames: int, *, features: str = "nguyen", statistics: bool = False) -> NetworkEntry:
    return NetworkEntry(
        config=NguyenConfig,
        network=NguyenNetwork,
        features=features,
        frames=frames,
        bands=96,
        paper=_NGUYEN,
        options={"n_frames": frames, "statistics": statistics},
    )


def _iqbal(*, gated: bool, recurrent: bool) -> NetworkEntry:
    return NetworkEntry(
        config=IqbalConfig,
        network=IqbalNetwork,
        features="iqbal-a",
        frames=128,
        bands=64,
        paper=_IQBAL,
        options={"gated": gated, "recurrent": recurrent},
    )


def _kong(convolutions: int) -> NetworkEntry:
    return NetworkEntry(
        config=KongConfig,
        network=KongNetwork,
        features="kong",
        frames=61,
        bands=64,
        paper=_KONG,
        options={"convolutions": convolutions},
    )


def _dcase2020_1a(config: type, network: Callable[[Any], nn.Module], **options: Any) -> NetworkEntry:
    return NetworkEntry(
        config=config,
        network=network,
        features="dcase2020-1a",
        frames=423,
        bands=128,
        channels=3,
        paper=_HU,
        options=options,
    )


def _dcase2020_1b(config: type, network: Callable[[Any], nn.Module], **options: Any) -> NetworkEntry:
    return NetworkEntry(
        config=config,
        network=network,
        features="dcase2020-1b",
        frames=461,
        bands=128,
        channels=6,
        paper=_HU,
        options={"n_channels": 6, **options},
    )


NETWORKS: Mapping[str, NetworkEntry] = MappingProxyType(
    {
        "cochlscene": NetworkEntry(
            config=CochlSceneConfig,
            network=CochlSceneNetwork,
            features="cochlscene",
            frames=499,
            bands=128,
            paper="Jeong and Park, 2022, table II",
        ),
        "fsdkaggle2018": NetworkEntry(
            config=FsdKaggle2018Config,
            network=FsdKaggle2018Network,
            features="fsdkaggle2018",
            frames=25,
            bands=64,
            paper="Fonseca et al., DCASE 2018, section 4",
        ),
        "nguyen": _nguyen(128),
        "nguyen-171": _nguyen(171, features="nguyen-background"),
        "nguyen-257": _nguyen(257),
        "nguyen-171-statistics": _nguyen(171, statistics=True),
        "dorfer": NetworkEntry(
            config=DorferConfig,
            network=DorferNetwork,
            features="dorfer-1",
            frames=384,
            bands=128,
            paper="Dorfer and Widmer, DCASE 2018, table 1",
        ),
        "iqbal-vgg13": _iqbal(gated=False, recurrent=False),
        "iqbal-gcnn": _iqbal(gated=True, recurrent=False),
        "iqbal-crnn": _iqbal(gated=False, recurrent=True),
        "iqbal-gcrnn": _iqbal(gated=True, recurrent=True),
        "jeong": NetworkEntry(
            config=JeongConfig,
            network=JeongNetwork,
            features="jeong-44k",
            frames=500,
            bands=64,
            paper="Jeong and Lim, DCASE 2018, section 3.2",
        ),
        "kong-cnn4": _kong(4),
        "kong-cnn8": _kong(8),
        "dcase2020-fcnn": _dcase2020_1a(FcnnConfig, FcnnNetwork),
        "dcase2020-fsfcnn": _dcase2020_1a(FcnnConfig, FcnnNetwork, groups=FSFCNN, stride=(2, 1)),
        "dcase2020-resnet": _dcase2020_1a(ResnetConfig, ResnetNetwork),
        "dcase2020-resnet-d": _dcase2020_1a(ResnetConfig, ResnetNetwork, width=48),
        "dcase2020-small-fcnn": _dcase2020_1b(FcnnConfig, FcnnNetwork, groups=SMALL_FCNN),
        "dcase2020-mobilenet": _dcase2020_1b(MobileNetConfig, MobileNetNetwork),
        "se-trans": NetworkEntry(
            config=SeTransConfig,
            network=SeTransNetwork,
            features="icme2024",
            frames=500,
            bands=64,
            paper="Bai et al., ICME 2024, section 3.2",
        ),
        "vgg16": NetworkEntry(
            config=Vgg16Config,
            network=Vgg16Network,
            features="vgg16-log-frequency",
            frames=234,
            bands=256,
            paper="Schuchardt, 2019",
        ),
        "earmark": NetworkEntry(
            config=EarmarkConfig,
            network=EarmarkNetwork,
            features="earmark",
            frames=64,
            bands=64,
            paper="ours",
            options={"n_bands": 64},
        ),
        "frozen-trunk": NetworkEntry(
            config=TrunkConfig,
            network=TrunkNetwork,
            features=None,
            frames=None,
            bands=None,
            channels=None,
            paper="whoever trained the file",
        ),
        "trunk-head": NetworkEntry(
            config=TrunkHeadConfig,
            network=TrunkHeadNetwork,
            features=None,
            frames=None,
            bands=None,
            paper="ours, on whatever a trunk gives",
        ),
    }
)


def build(name: str, n_classes: int, *, seed: int = 0, **options: Any) -> nn.Module:
    """Build a network.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    n_classes : int
        Classes.
    seed : int
        Decides the first weights; random numbers elsewhere go on as if nothing had been drawn.
    **options : Any
        Fields of the network's configuration; lists, as JSON has them, become tuples.

    Returns
    -------
    nn.Module
        The network, in training mode, on the current default device.

    Raises
    ------
    ValueError
        If no network has that name, its configuration no such field, or a field a value that cannot be.
    """
    entry = NETWORKS.get(name)
    if entry is None:
        message = f"network {name!r}: expected one of {', '.join(NETWORKS)}."
        raise ValueError(message)
    known = [each.name for each in fields(entry.config) if each.name != "n_classes"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        message = f"option {unknown[0]!r} of network {name!r}: expected one of {', '.join(known)}."
        raise ValueError(message)
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    config = entry.config(n_classes=n_classes, **{**entry.options, **given})
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return entry.network(config)
