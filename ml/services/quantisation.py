"""A network's weights in 8 bits, and what that costs in accuracy.

Task 1b of DCASE 2020 allows 500 KB for a network [1]_; see `ml.networks.quantise`. What the rounding does to a
network's decisions is known only by asking it: with a manifest, its test part is predicted before and after, with the
classes, the mean and the deviation that the weights file names.

References
----------
.. [1] H. Hu et al., "Device-robust acoustic scene classification based on two-stage categorization and data
   augmentation", DCASE 2020, section 4 and table 2.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor, nn

from ml.networks.quantise import load_quantised, save_quantised
from ml.networks.registry import build
from ml.networks.tensor_file import MAGIC
from ml.services.baseline import chosen_device, confusion_of
from ml.services.baseline_clips import clips_of_manifest
from ml.services.baseline_frames import Normalisation, computed_features, normalised_clips
from ml.services.baseline_training import baseline_features, baseline_training
from ml.training.checkpoint import read_tensors
from ml.training.clips import ClipFeatures

LIMIT_BYTES = 500_000  # DCASE 2020 task 1b


@dataclass(frozen=True, kw_only=True)
class Quantised:
    """What became of a network.

    Attributes
    ----------
    bytes_before, bytes_after : int
        Lengths of the files.
    clips : int
        Test clips that were predicted; 0 without a manifest.
    accuracy_before, accuracy_after : float or None
        Share of them that was predicted right.
    """

    bytes_before: int
    bytes_after: int
    clips: int = 0
    accuracy_before: float | None = None
    accuracy_after: float | None = None

    def summary(self) -> str:
        """Return lines for a terminal."""
        share = self.bytes_after / self.bytes_before
        limit = "within" if self.bytes_after <= LIMIT_BYTES else "over"
        text = (
            f"{self.bytes_before:,} bytes before, {self.bytes_after:,} after ({share:.0%}): {limit} the "
            f"{LIMIT_BYTES // 1000} KB of DCASE 2020 task 1b."
        )
        if self.accuracy_before is not None and self.accuracy_after is not None:
            text += (
                f"\nAccuracy on {self.clips:,} test clips: {self.accuracy_before:.4f} before, "
                f"{self.accuracy_after:.4f} after."
            )
        return text


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Where the clips are by which a network is judged.

    Attributes
    ----------
    manifest, audio_root : Path
        See `ml.services.baseline_clips`; the test part alone is read.
    work_dir : Path
        Folder for features; it is made.
    device : {"auto", "cpu", "cuda"}
        Where to compute.
    processes : int, optional
        Processes that decode; without, as many as there are cores.
    """

    manifest: Path
    audio_root: Path
    work_dir: Path
    device: str = "auto"
    processes: int | None = None


def quantise_network(
    *, weights: Path, network: str, n_classes: int, out: Path, held_out: HeldOut | None = None
) -> Quantised:
    """Write a network in 8 bits.

    Parameters
    ----------
    weights : Path
        Its weights in the safetensors format.
    network : str
        Its name in `ml.networks.registry.NETWORKS`.
    n_classes : int
        Its classes.
    out : Path
        File to write; an earlier one of the kind is replaced, nothing else.
    held_out : HeldOut, optional
        Clips by which it is judged before and after.

    Returns
    -------
    Quantised
        Sizes and accuracies.

    Raises
    ------
    ValueError
        If the weights do not fit the network, or an argument cannot be used.
    AudioRefusedError
        If a clip cannot be decoded.
    OSError
        If a file cannot be read or written.
    """
    _check_out(out)
    tensors, described = read_tensors(weights)
    exact = _built(network, n_classes, described)
    _load(exact, tensors, f"{weights} does not fit the network {network!r} with {n_classes} classes")
    clips = None if held_out is None else _test_clips(held_out, network, n_classes, weights, described)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        bytes_after = save_quantised(exact, unfinished)
        rounded = _built(network, n_classes, described)
        load_quantised(rounded, unfinished)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    sizes = Quantised(bytes_before=weights.stat().st_size, bytes_after=bytes_after)
    if clips is None or held_out is None:
        return sizes
    device = chosen_device(held_out.device)
    return replace(
        sizes,
        clips=len(clips),
        accuracy_before=_accuracy(exact, clips, network, device),
        accuracy_after=_accuracy(rounded, clips, network, device),
    )


def _check_out(out: Path) -> None:
    if not out.parent.is_dir():
        message = f"{out}: the folder {out.parent} does not exist. Make it first."
        raise ValueError(message)
    if out.exists() and not _is_quantised(out):
        message = f"{out} is there and is no network in 8 bits. Name another file."
        raise ValueError(message)


def _is_quantised(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _built(network: str, n_classes: int, described: Mapping[str, str]) -> nn.Module:
    if described.get("network", network) != network:
        message = f"the weights are those of the network {described['network']!r}, not of {network!r}."
        raise ValueError(message)
    return build(network, n_classes, **json.loads(described.get("options", "{}"))).eval()


def _load(network: nn.Module, tensors: Mapping[str, Tensor], fault: str) -> None:
    try:
        network.load_state_dict(dict(tensors))
    except RuntimeError as error:  # torch names every tensor that differs, one a line
        first = str(error).partition("\n")[2].partition("\n")[0].strip()
        message = f"{fault}: {first}"
        raise ValueError(message) from error


def _test_clips(
    part: HeldOut, network: str, n_classes: int, weights: Path, described: Mapping[str, str]
) -> ClipFeatures:
    missing = [name for name in ("classes", "mean", "deviation") if name not in described]
    if missing:
        message = f"{weights} does not name its {missing[0]}, as weights of `train_baseline` do: leave out --manifest."
        raise ValueError(message)
    number = {str(label): place for place, label in enumerate(json.loads(described["classes"]))}
    manifest = clips_of_manifest(part.manifest, audio_root=part.audio_root)
    clips = [manifest.clips[place] for place in manifest.numbers("test")]
    if not clips:
        message = f"{part.manifest}: there is no test clip by which to judge the network."
        raise ValueError(message)
    unknown = sorted({clip.label for clip in clips} - set(number))
    if unknown:
        message = f"{part.manifest}: the label {unknown[0]!r} is none of the network's: {', '.join(number)}."
        raise ValueError(message)
    features = baseline_features(network)
    part.work_dir.mkdir(parents=True, exist_ok=True)
    stores = part.work_dir / "features"
    processes = part.processes or len(os.sched_getaffinity(0))
    return normalised_clips(
        computed_features(clips, features, stores=stores, processes=processes),
        features,
        Normalisation(mean=float(described["mean"]), deviation=float(described["deviation"])),
        label_N=[number[clip.label] for clip in clips],
        n_classes=n_classes,
        stores=stores,
        scratch=part.work_dir / f"{features.name}-test.npy",
    )


def _accuracy(network: nn.Module, clips: ClipFeatures, name: str, device: str) -> float:
    confusion_KK = confusion_of(network, clips, baseline_training(name), device=device)
    return float(confusion_KK.trace() / confusion_KK.sum())
