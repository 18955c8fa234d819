"""A training in a file, so that a killed one goes on as if nothing had happened.

After every epoch all that later epochs depend on is written: weights, moments of the optimiser, the moving average,
the weights of the best epochs and the records. Generators need no place in it, because each epoch gets new ones from
the seed (`seeds`). On a CPU with the same number of threads the numbers of a resumed training are those of an
undisturbed one, bit for bit.

A file of another training (other config, seed or clips) is refused: going on with it would give numbers that belong to
neither. The features themselves are not compared, only lengths, labels, weights and flags.

What may differ is how numbers are computed. Weights and moments are in single precision whatever the arithmetic, so
that a training that was begun on an accelerator goes on with a processor when that is lost, and the other way round.
Its next epoch says so in its notes; its numbers are then those of neither alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ml.training.checkpoint import CheckpointError, read_tensors, write_tensors
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.records import EpochRecord, Kept
from ml.training.steps import Stepper

FORMAT = "earmark training 1"
ARITHMETIC = ("precision", "channels_last", "compiled")  # fields of a config that say how, not what


@dataclass
class Progress:
    """Epochs done and the best of them."""

    records: list[EpochRecord] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)


def identity(
    config: TrainingConfig, *, seed: int, clips: ClipFeatures, validation: ClipFeatures | None
) -> dict[str, str]:
    """Describe a training by all that its numbers depend on but the network, its first weights and the device."""
    return {
        "config": json.dumps(asdict(config), sort_keys=True),
        "seed": str(seed),
        "clips": clips.fingerprint(),
        "validation": "" if validation is None else validation.fingerprint(),
    }


def save(path: Path, stepper: Stepper, progress: Progress, described: Mapping[str, str]) -> None:
    """Write a training after an epoch.

    Parameters
    ----------
    path : Path
        File, replaced as a whole.
    stepper : Stepper
        Network and optimiser.
    progress : Progress
        Epochs so far.
    described : mapping of str to str
        The training's `identity`.
    """
    tensors = {f"network.{name}": tensor for name, tensor in stepper.network.state_dict().items()}
    if stepper.average is not None:
        tensors |= {f"average.{name}": tensor for name, tensor in stepper.average.state_dict().items()}
    for number, moments in stepper.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in moments.items() if value is not None}
    for one in progress.kept:
        tensors |= {f"kept.{one.epoch}.{name}": tensor for name, tensor in one.weights.items()}
    state = {
        "part": stepper.part,
        "records": [asdict(record) for record in progress.records],
        "kept": [[one.epoch, one.score] for one in progress.kept],
    }
    write_tensors(path, tensors, {"format": FORMAT, **described, "state": json.dumps(state)})


def load(path: Path, stepper: Stepper, described: Mapping[str, str]) -> Progress:
    """Read a training and put network and optimiser where they were.

    Parameters
    ----------
    path : Path
        File written by `save`.
    stepper : Stepper
        Network and optimiser, whose state is replaced.
    described : mapping of str to str
        Identity of the training that is to go on.

    Returns
    -------
    Progress
        Epochs so far.

    Raises
    ------
    CheckpointError
        If the file is damaged or that of another training or network.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT:
        message = f"{path}: its format is {metadata.get('format')!r}: expected {FORMAT!r}."
        raise CheckpointError(message)
    for name, value in described.items():
        if _without_arithmetic(metadata.get(name)) != _without_arithmetic(value):
            message = f"{path}: it belongs to a training with another {name}: {_difference(metadata.get(name), value)}."
            raise CheckpointError(message)
    state = json.loads(metadata["state"])
    if metadata["config"] != described["config"]:
        change = _difference(metadata["config"], described["config"])
        stepper.notes.append(f"Goes on after epoch {len(state['records'])} with other arithmetic: {change}.")
    try:
        stepper.network.load_state_dict(_below(tensors, "network."))
        if stepper.average is not None:
            stepper.average.load_state_dict(_below(tensors, "average."))
    except RuntimeError as error:
        message = f"{path}: it belongs to another network. {error}"
        raise CheckpointError(message) from error
    _load_optimiser(stepper.optimiser, _below(tensors, "optimiser."))
    stepper.part = state["part"]
    device = next(stepper.network.parameters()).device
    kept = [
        Kept(
            epoch=epoch,
            score=score,
            weights={name: tensor.to(device) for name, tensor in _below(tensors, f"kept.{epoch}.").items()},
        )
        for epoch, score in state["kept"]
    ]
    records = [EpochRecord(**{**record, "notes": tuple(record["notes"])}) for record in state["records"]]
    return Progress(records, kept)


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        number, _, moment = name.partition(".")
        weight = optimiser.param_groups[0]["params"][int(number)]
        # Fused updates go through memory in order: a moment must lie there as its weight does (channels last).
        alike = torch.empty_like(weight).copy_(tensor) if tensor.shape == weight.shape else tensor
        moments.setdefault(int(number), {})[moment] = alike
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})


def _without_arithmetic(described: str | None) -> Any:
    """Return a described part of a training for comparison; of a config, what is learned alone."""
    try:
        config = json.loads(described or "")
    except ValueError:
        return described
    return {name: config[name] for name in config if name not in ARITHMETIC} if isinstance(config, dict) else described


def _difference(stored: str | None, wanted: str) -> str:
    """Name the fields of a config that differ; of anything else, both values."""
    try:
        before, now = json.loads(stored or ""), json.loads(wanted)
        differing = [f"{name} was {before.get(name)}, is {now[name]}" for name in now if before.get(name) != now[name]]
        return "; ".join(differing)
    except (ValueError, AttributeError, TypeError):
        return f"it was {stored}, is {wanted or 'none'}"
