"""How a network is trained, as one value that is stored with every run.

One loop trains all networks; what differs between the papers is here. `TRAINING` holds what each paper says. Where a
paper is silent, the number of its released code is taken if that is known (marked "released"), else a customary one
(marked "silent"). The published lengths are meant for GPUs: on a CPU take fewer epochs with `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, Self, TypeVar

from ml.training.augmentation import AugmentationConfig
from ml.training.losses import LossConfig
from ml.training.ranges import above_zero, at_least, one_of, within
from ml.training.schedule import ScheduleConfig
from ml.training.windows import WindowConfig

Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Parameters of a training.

    Attributes
    ----------
    epochs, batch_size : int
        Length of the training and examples of a step, over all processes together.
    steps_per_epoch : int, optional
        Batches of an epoch. Default: as few as hold every example once.
    crop_frames : int
        Frames of an example.
    clip_frames : int, optional
        Frames to which every clip is repeated or cut before examples are taken from it.
    chunked : bool
        Examples are the fixed chunks of each clip (Iqbal 3.2) instead of one random excerpt of each clip.
    balanced : bool
        Draw the classes evenly.
    optimiser : {"adam", "sgd"}
        Update rule.
    learning_rate, weight_decay, momentum : float
        Rate (see `schedule`), L2 penalty in the gradient, momentum of ``sgd``.
    schedule : ScheduleConfig
        Course of the learning rate.
    augmentation : AugmentationConfig
        Changes of the examples.
    loss : LossConfig
        Treatment of labels that may be wrong.
    ema_decay : float, optional
        Decay per step of a moving average of the weights, which then is what is validated and kept.
    evaluation : WindowConfig
        Excerpts by which clips are predicted for validation.
    metric : {"loss", "accuracy", "map3"}
        Measure on the validation set by which epochs are compared.
    patience : int, optional
        Stop when the measure has not improved for so many epochs.
    best_epochs : int
        Epochs whose weights are kept: the best by the measure; without a validation set, the last.
    precision : {"fp32", "bf16"}
        Arithmetic of the network; weights and losses are single precision in any case.
    channels_last : bool
        Hold tensors with the channels last, as matrix units like them.
    compiled : bool
        Compile the network; worth its minutes only on long trainings on a GPU.
    """

    epochs: int
    batch_size: int
    crop_frames: int
    steps_per_epoch: int | None = None
    clip_frames: int | None = None
    chunked: bool = False
    balanced: bool = False
    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.0
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    ema_decay: float | None = None
    evaluation: WindowConfig = field(default_factory=WindowConfig)
    metric: Literal["loss", "accuracy", "map3"] = "loss"
    patience: int | None = None
    best_epochs: int = 1
    precision: Literal["fp32", "bf16"] = "fp32"
    channels_last: bool = True
    compiled: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "crop_frames", "steps_per_epoch", "patience", "best_epochs"):
            at_least(name, getattr(self, name), 1)
        at_least("clip_frames", self.clip_frames, self.crop_frames)
        above_zero("learning_rate", self.learning_rate)
        at_least("weight_decay", self.weight_decay, 0)
        within("momentum", self.momentum, 0, 1)
        within("ema_decay", self.ema_decay, 0, 1)
        one_of("optimiser", self.optimiser, ("adam", "sgd"))
        one_of("metric", self.metric, ("loss", "accuracy", "map3"))
        one_of("precision", self.precision, ("fp32", "bf16"))
        if self.momentum and self.optimiser != "sgd":
            message = f"momentum = {self.momentum}: expected 0, since {self.optimiser} has moments of its own."
            raise ValueError(message)

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Self:
        """Build a config from what `dataclasses.asdict` gave, also after a way through JSON.

        Raises
        ------
        ValueError
            If a field is unknown or its value out of range.
        """
        values = dict(stored)
        parts = {
            "schedule": ScheduleConfig,
            "augmentation": AugmentationConfig,
            "loss": LossConfig,
            "evaluation": WindowConfig,
        }
        for name, part in parts.items():
            if name in values:
                values[name] = _built(part, values[name])
        return _built(cls, values)


def _built(kind: type[Config], values: Mapping[str, Any]) -> Config:
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]  # all of them are dataclasses
    unknown = sorted(set(values) - known)
    if unknown:
        message = f"{kind.__name__} has no field {unknown[0]!r}."
        raise ValueError(message)
    # JSON knows no tuples; no field is a list.
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


_NGUYEN = TrainingConfig(
    epochs=100,  # silent, as are batch size and optimiser
    batch_size=64,
    crop_frames=128,  # table 1; the other members of the ensemble have 171 and 257
    augmentation=AugmentationConfig(mixup_alpha=0.2, erasing=0.5),  # 2.4; the numbers are silent
    loss=LossConfig(smoothing_nonverified=(0.1, 0.3)),  # equation 2
    evaluation=WindowConfig(kind="sliding", frames=128, hop=8),  # 2.5
    metric="map3",  # 2.5
)

_DORFER = TrainingConfig(
    epochs=500,  # 3.2
    batch_size=100,
    crop_frames=384,
    clip_frames=3000,  # section 2
    schedule=ScheduleConfig(kind="linear_decay", begin=100),
    augmentation=AugmentationConfig(mixup_alpha=0.3),
    evaluation=WindowConfig(kind="whole", frames=384, clip_frames=3000),
    metric="loss",  # 4.2: the lowest validation loss
)

_DORFER_FINETUNE = TrainingConfig(
    epochs=30,  # 4.2
    batch_size=100,
    crop_frames=384,
    clip_frames=3000,
    learning_rate=2e-4,  # 4.2; released: 1e-4
    schedule=ScheduleConfig(kind="linear_decay", begin=5),
    evaluation=_DORFER.evaluation,
    metric="loss",
)

_IQBAL = TrainingConfig(
    epochs=40,  # released
    batch_size=128,  # table 3
    crop_frames=128,  # 3.2
    chunked=True,
    balanced=True,  # released
    learning_rate=5e-4,
    schedule=ScheduleConfig(kind="step", factor=0.9, every=2),
    augmentation=AugmentationConfig(mixup_alpha=1.0, mixup_shared=True),  # 4.3; released: one lambda per example
    loss=LossConfig(nonverified_weight=0.7),  # 5.1; 0.9 once labels were promoted
    evaluation=WindowConfig(kind="sliding", frames=128, reduction="geometric"),  # 5.1
    metric="map3",
    best_epochs=4,
)

_JEONG = TrainingConfig(
    epochs=300,  # 3.3: 300,000 steps
    steps_per_epoch=1000,  # 3.3: validated every 1,000 steps
    batch_size=41,  # 3.1: one recording of each class
    crop_frames=500,  # 3.1: 64,000 samples at a hop of 128
    balanced=True,
    schedule=ScheduleConfig(kind="step", factor=0.1, milestones=(150, 250)),
    augmentation=AugmentationConfig(mixup_alpha=0.4, mixup_predominant=True),  # 3.1.1; the range of w is silent
    loss=LossConfig(masking_alpha=0.8),  # equation 7
    evaluation=WindowConfig(kind="whole", frames=500),  # 3.4
    metric="accuracy",
)

_KONG = TrainingConfig(
    epochs=25,  # 4: 5,000 steps
    steps_per_epoch=200,
    batch_size=128,
    crop_frames=128,  # 4.2: 2 s; the hop is silent, 16 ms fit its eight-fold pooling
    chunked=True,  # 4.2: padded or split
    schedule=ScheduleConfig(kind="step", factor=0.9, every=1),
    evaluation=WindowConfig(kind="sliding", frames=128),  # the mean over chunks is silent
    metric="map3",
)

_DCASE2020 = TrainingConfig(
    epochs=254,  # released, as are batch size, momentum and the lengths of the cycles
    batch_size=32,
    crop_frames=400,  # 3: of 423
    optimiser="sgd",
    learning_rate=0.1,  # 5.2
    momentum=0.9,
    schedule=ScheduleConfig(kind="cosine_restarts", lowest=1e-5, cycle=2, growth=2),
    augmentation=AugmentationConfig(mixup_alpha=0.4, mask_frames=0.1, mask_bands=0.1),  # 3
    evaluation=WindowConfig(kind="whole", frames=400),
    metric="accuracy",
    best_epochs=2,  # 5.2: an average of models at the lowest rate; how many is silent
)

_COCHLSCENE = TrainingConfig(
    epochs=100,  # IV.A
    batch_size=32,  # silent
    crop_frames=500,  # 10 s at a hop of 20 ms
    evaluation=WindowConfig(kind="whole", frames=500),
    metric="accuracy",
    patience=10,
)

_ICME2024 = TrainingConfig(
    epochs=20,  # released, as are the schedule and the patience
    batch_size=32,  # 3.3
    crop_frames=500,
    schedule=ScheduleConfig(kind="step", factor=0.9, every=2),
    evaluation=WindowConfig(kind="whole", frames=500),
    metric="accuracy",
    patience=10,
)

TRAINING: Mapping[str, TrainingConfig] = MappingProxyType(
    {
        "nguyen": _NGUYEN,
        "dorfer": _DORFER,
        "dorfer-finetune": _DORFER_FINETUNE,
        "iqbal": _IQBAL,
        "jeong": _JEONG,
        "kong": _KONG,
        "dcase2020": _DCASE2020,
        "cochlscene": _COCHLSCENE,
        "icme2024": _ICME2024,
    }
)
