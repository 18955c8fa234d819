"""Recordings so few and short that a baseline takes a second: two classes that any network can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ml.metrics import Ints
from ml.services.baseline import Baseline
from ml.services.baseline_clips import BaselineClip, BaselineClips, clips_of_manifest
from ml.services.baseline_frames import Normalisation
from ml.services.baseline_training import baseline_features, baseline_training
from ml.training.records import EpochRecord, Kept, TrainingResult
from tests.factories.audio import noise, tone, write_audio

RATE_HZ = 32_000  # that of recipe earmark's features, so that nothing is resampled
SECONDS = 0.4
COUNTS = {"train": 4, "val": 1, "test": 2}  # clips of each class
LABELS = ("hiss", "whistle")


def write_sounds(folder: Path) -> Path:
    """Write recordings and their manifest; return the manifest."""
    rows = ["clip,split,label"]
    for number, (part, count) in enumerate(COUNTS.items()):
        for take in range(count):
            seed = 10 * number + take
            frames = round(SECONDS * RATE_HZ)
            write_audio(folder / f"audio/hiss{seed}.wav", noise(frames, seed=seed), RATE_HZ)
            whistle = tone(900 + 10 * seed, SECONDS, rate_hz=RATE_HZ) + noise(frames, seed=seed, level=1e-4)
            write_audio(folder / f"audio/whistle{seed}.wav", whistle, RATE_HZ)
            rows += [f"{label}{seed}.wav,{part},{label}" for label in LABELS]
    manifest = folder / "split.csv"
    manifest.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return manifest


def sounding_clips(folder: Path) -> BaselineClips:
    """Write recordings and read their manifest."""
    return clips_of_manifest(write_sounds(folder), audio_root=folder / "audio")


def silent_clip(name: str, part: str, label: str) -> BaselineClip:
    """Return a clip whose audio nobody may ask for."""

    def audio() -> None:
        raise AssertionError(name)

    return BaselineClip(name=name, part=part, label=label, audio=audio)  # type: ignore[arg-type]  # never entered


def made_baseline(confusion_KK: Ints, classes: tuple[str, ...], *, source: dict[str, object] | None = None) -> Baseline:
    """Return a baseline of which everything but the confusion matrix is made up."""
    clips = [silent_clip(f"{part}-{label}", part, label) for part in ("train", "val") for label in classes]
    for label, count in zip(classes, confusion_KK.sum(axis=1), strict=True):
        clips += [silent_clip(f"test-{label}-{number}", "test", label) for number in range(count)]
    records = [
        EpochRecord(
            epoch=number,
            loss=1.0 / number,
            learning_rate=1e-3,
            validation={"loss": 1.0, "accuracy": accuracy, "map3": 1.0},
            part=2,
            seconds=1.0,
        )
        for number, accuracy in enumerate((0.5, 0.75, 0.625), start=1)
    ]
    kept = Kept(epoch=2, score=-0.75, weights={"weight": torch.arange(3.0)})
    return Baseline(
        network="cochlscene",
        options={},
        features=baseline_features("cochlscene"),
        training=baseline_training("cochlscene", epochs=3),
        seed=7,
        device="cpu",
        clips=BaselineClips(
            clips=tuple(clips), source=source or {"dataset": "city", "split": 3}, left_out={"several_classes": 4}
        ),
        normalisation=Normalisation(mean=-40.5, deviation=12.25),
        result=TrainingResult(records=tuple(records), kept=(kept,), ended="completed"),
        confusion_KK=np.asarray(confusion_KK, dtype=np.int64),
    )
