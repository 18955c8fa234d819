"""The training of a baseline as each of its processes has to know it.

The first process makes it from the clips, which are rows and files of its own, and the others get it from there
(`ml.training.parallel.told_by_first`); a lone process goes the same way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import torch
from torch import nn

from ml.features.config import FeatureConfig
from ml.networks.registry import build
from ml.services.baseline_clips import PARTS, BaselineClips
from ml.services.baseline_frames import Normalisation, normalisation_of, normalised_clips
from ml.services.baseline_training import baseline_features, baseline_options
from ml.training import parallel
from ml.training.batches import BatchSource
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.fitting import fitted_to
from ml.training.loop import train
from ml.training.records import EpochRecord, TrainingResult

DIGEST_CHARS = 16


@dataclass(frozen=True, eq=False, kw_only=True)
class BaselineTask:
    """What every process of a training has to know; it can be pickled, unlike clips."""

    network: str
    options: Mapping[str, Any]
    features: FeatureConfig
    training: TrainingConfig
    normalisation: Normalisation
    seed: int
    device: str
    work_dir: Path
    keys: Sequence[str]
    labels: Sequence[int]
    numbers: Mapping[str, Sequence[int]]  # of the clips of each part
    n_classes: int
    checkpoint: str

    @classmethod
    def of(
        cls,
        clips: BaselineClips,
        keys: Sequence[str],
        *,
        network: str,
        training: TrainingConfig,
        seed: int,
        device: str,
        work_dir: Path,
    ) -> Self:
        """Describe the training of a network on clips whose features are stored under `keys`."""
        features, options = baseline_features(network), baseline_options(network)
        number = {label: place for place, label in enumerate(clips.classes)}
        precision: Literal["bf16", "fp32"] = "bf16" if device == "cuda" else "fp32"
        described = [network, options, features.digest(), asdict(replace(training, precision=precision)), seed, device]
        processes = parallel.rank_and_size()[1]
        if processes > 1:  # each normalises over its own rows
            described.append(processes)
        train_keys = [keys[n] for n in clips.numbers("train")]
        return cls(
            network=network,
            options=options,
            features=features,
            training=training,
            normalisation=normalisation_of(train_keys, features, stores=work_dir / "features"),
            seed=seed,
            device=device,
            work_dir=work_dir,
            keys=keys,
            labels=[number[clip.label] for clip in clips.clips],
            numbers={part: clips.numbers(part) for part in PARTS},
            n_classes=len(clips.classes),
            checkpoint=f"{network}-{_digest(described, clips, keys)}.safetensors",
        )

    def frames(self, *, written: bool) -> ClipFeatures:
        """Join the clips' frames; `written` if another process has left them in a file."""
        return normalised_clips(
            self.keys,
            self.features,
            self.normalisation,
            label_N=self.labels,
            n_classes=self.n_classes,
            stores=self.work_dir / "features",
            scratch=self.work_dir / f"{self.features.name}-{self.features.digest()}.npy",
            written=written,
        )

    def place(self) -> torch.device:
        """Return the device of this process."""
        shared = self.device == "cuda" and parallel.rank_and_size()[1] > 1
        return torch.device("cuda", torch.cuda.current_device()) if shared else torch.device(self.device)


class TrainedTask(NamedTuple):
    """A network with its best weights, how it was computed, the clips of each part and what the training left."""

    network: nn.Module
    training: TrainingConfig
    part: Mapping[str, ClipFeatures]
    result: TrainingResult


def trained_task(task: BaselineTask, frames: ClipFeatures, say: Callable[[str], None]) -> TrainedTask:
    """Train, or share the training, in this process; `say` is told a line for each epoch in the first."""
    device = task.place()
    part = {name: frames.subset(task.numbers[name]).near(device) for name in PARTS}
    module = build(task.network, task.n_classes, seed=task.seed, **task.options)
    _, bands, channels = frames.x_TMC.shape
    steps = BatchSource.of(part["train"], task.training).steps_per_epoch * task.training.epochs
    training = fitted_to(device, task.training, network=module, channels=channels, bands=bands, steps=steps)
    result = train(
        module,
        part["train"],
        training,
        seed=task.seed,
        device=device,
        validation=part["val"],
        checkpoint=task.work_dir / task.checkpoint,
        on_epoch=lambda record: say(_line(record, training)),
    )
    return TrainedTask(module, training, part, result)


def _digest(described: list[Any], clips: BaselineClips, keys: Sequence[str]) -> str:
    """Name all that a training depends on."""
    rows = [(key, clip.part, clip.label) for key, clip in zip(keys, clips.clips, strict=True)]
    text = json.dumps([*described, rows], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARS]


def _line(record: EpochRecord, training: TrainingConfig) -> str:
    notes = "".join(f"; {note}" for note in record.notes)
    return (
        f"epoch {record.epoch} of at most {training.epochs}: loss {record.loss:.4f}, "
        f"validation accuracy {record.validation['accuracy']:.4f}, {record.seconds:.1f} s{notes}"
    )
