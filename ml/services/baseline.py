"""What a plain network makes of a split: train, stop early, test.

A dataset is easier to use when its release says how well a known network does on it: CochlScene's paper ends with such
a baseline, its scores by class (table III) and its confusion matrix (figure 2) [1]_. The network learns from the train
part, the val part says which epoch is the best and when to stop, and the test part is predicted once, with the weights
of that epoch.

Training can be killed and goes on with the same arguments. The checkpoint's name is made of all that the training
depends on, so that another one never goes on with it.

Several processes started by torchrun share a training (`ml.training.parallel`): the first reads, decodes and computes
features, tells the others what to train on, tests the network and has the result; the others `take_part`.

References
----------
.. [1] I.-Y. Jeong and J. Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing", 2022,
   section IV, table III and figure 2.

Shapes: N clips, K classes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from curation.domain.progress import Progress, no_progress
from ml.features.config import FeatureConfig
from ml.metrics import Ints, confusion_matrix
from ml.services.baseline_clips import PARTS, BaselineClips
from ml.services.baseline_frames import Normalisation, computed_features
from ml.services.baseline_task import BaselineTask, trained_task
from ml.services.baseline_training import baseline_features, baseline_training
from ml.training import parallel
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.prediction import predict
from ml.training.records import EpochRecord, TrainingResult


@dataclass(frozen=True, eq=False, kw_only=True)
class Baseline:
    """A network trained on a split, and what it makes of the test part.

    Attributes
    ----------
    network : str
        Its name in `ml.networks.registry.NETWORKS`.
    options : mapping
        Fields of its configuration that differ from the name's.
    features : FeatureConfig
        Its input.
    training : TrainingConfig
        How it was trained.
    seed : int
        Seed of everything that chance decided.
    device : str
        Kind of device that it was trained on.
    processes : int
        Processes that shared the training.
    clips : BaselineClips
        Clips of all parts.
    normalisation : Normalisation
        Mean and deviation that were taken off.
    result : TrainingResult
        All epochs and the best weights.
    confusion_KK : int64 array [shape=(K, K)]
        Clips of the test part by label (row) and prediction (column).
    """

    network: str
    options: Mapping[str, Any]
    features: FeatureConfig
    training: TrainingConfig
    seed: int
    device: str
    clips: BaselineClips
    normalisation: Normalisation
    result: TrainingResult
    confusion_KK: Ints
    processes: int = 1

    @property
    def best(self) -> EpochRecord:
        """The epoch whose weights were tested."""
        return self.result.records[self.result.kept[0].epoch - 1]

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The weights that were tested."""
        return self.result.kept[0].weights


def train_baseline(
    *,
    clips: BaselineClips,
    network: str,
    work_dir: Path,
    epochs: int | None = None,
    device: str = "auto",
    seed: int = 0,
    processes: int | None = None,
    say: Callable[[str], None] = lambda _: None,
    progress: Progress = no_progress,
) -> Baseline:
    """Train a network on a split and test it.

    Parameters
    ----------
    clips : BaselineClips
        Clips of all parts.
    network : str
        One of `ml.services.baseline_training.trainable_networks`.
    work_dir : Path
        Folder for features and the checkpoint; it is made.
    epochs : int, optional
        Most epochs; without, those of the network's paper.
    device : {"auto", "cpu", "cuda"}
        Where to train.
    seed : int
        Seed of everything that chance decides.
    processes : int, optional
        Processes that decode; without, as many as there are cores.
    say : callable
        Told a line for each epoch.
    progress : Progress
        Told how many clips have features.

    Returns
    -------
    Baseline
        The network and its confusion matrix on the test part; of several processes, call this in the first.

    Raises
    ------
    ValueError
        If an argument cannot be used, or a part has no clip.
    AudioRefusedError
        If a recording cannot be decoded.
    ArithmeticError
        If the training's loss is not finite.
    """
    device = chosen_device(device)
    frames: list[ClipFeatures] = []

    def prepared() -> BaselineTask:
        if seed < 0:
            message = f"--seed is {seed}: expected 0 or more."
            raise ValueError(message)
        _check_parts(clips)
        training = baseline_training(network, epochs=epochs)
        work_dir.mkdir(parents=True, exist_ok=True)
        keys = computed_features(
            clips.clips,
            baseline_features(network),
            stores=work_dir / "features",
            processes=processes or len(os.sched_getaffinity(0)),
            device=device,
            progress=progress,
        )
        task = BaselineTask.of(
            clips, keys, network=network, training=training, seed=seed, device=device, work_dir=work_dir
        )
        frames.append(task.frames(written=False))  # the others may find them in a file
        return task

    task = parallel.told_by_first(prepared)
    trained = trained_task(task, frames[0], say)
    return Baseline(
        network=network,
        options=task.options,
        features=task.features,
        training=trained.training,
        seed=seed,
        device=device,
        clips=clips,
        normalisation=task.normalisation,
        result=trained.result,
        confusion_KK=confusion_of(trained.network, trained.part["test"], trained.training, device=device, seed=seed),
        processes=parallel.rank_and_size()[1],
    )


def take_part() -> None:
    """Share a training that the first of several processes asks for, in any other of them."""

    def prepared() -> BaselineTask:
        raise AssertionError("the first process prepares the training")

    task = parallel.told_by_first(prepared)
    trained_task(task, task.frames(written=True), lambda _: None)


def confusion_of(
    network: nn.Module, clips: ClipFeatures, training: TrainingConfig, *, device: str, seed: int = 0
) -> Ints:
    """Predict clips and count them by label and prediction.

    Parameters
    ----------
    network : Module
        The network.
    clips : ClipFeatures
        Clips with labels.
    training : TrainingConfig
        Its excerpts and its arithmetic are those of the prediction.
    device : str
        Where to compute.
    seed : int
        Seed of random excerpts.

    Returns
    -------
    int64 array [shape=(K, K)]
        Row: label; column: prediction.
    """
    p_NK = predict(network, clips, training.evaluation, device=device, seed=seed, precision=training.precision)
    predicted_N = p_NK.argmax(axis=1).astype(np.int64)
    return confusion_matrix(clips.label_N.numpy(), predicted_N, n_classes=clips.n_classes)


def chosen_device(wanted: str) -> str:
    """Return the device that "auto", "cpu" or "cuda" means here.

    Raises
    ------
    ValueError
        If there is none of the kind.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device that PyTorch can use. Take --device cpu, or auto.")
    return wanted


def _check_parts(clips: BaselineClips) -> None:
    empty = [part for part in PARTS if not clips.numbers(part)]
    if empty:
        left_out = ", ".join(f"{count} {reason}" for reason, count in clips.left_out.items())
        message = f"The {' and '.join(empty)} part has no clip with one class" + (
            f" (left out: {left_out})." if left_out else ". A baseline needs clips in train, val and test."
        )
        raise ValueError(message)
    if len(clips.classes) < 2:  # noqa: PLR2004 -- with one class nothing can be confused
        message = f"All clips are of the class {clips.classes[0]!r}. A baseline needs two classes."
        raise ValueError(message)
