from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.services import baseline
from ml.services.baseline import Baseline, chosen_device, confusion_of, train_baseline
from ml.services.baseline_clips import BaselineClips
from ml.services.baseline_training import baseline_training
from ml.training.clips import ClipFeatures
from tests.ml.services.small_baseline import COUNTS, LABELS, silent_clip, sounding_clips


def trained(clips: BaselineClips, folder: Path, **changes: object) -> Baseline:
    arguments = {"network": "earmark", "epochs": 3, "device": "cpu", "seed": 1, "processes": 1, **changes}
    return train_baseline(clips=clips, work_dir=folder / "work", **arguments)  # type: ignore[arg-type]  # as named above


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> BaselineClips:
    return sounding_clips(tmp_path_factory.mktemp("sounds"))


def test_a_network_learns_from_train_and_is_tested_on_test(sounds: BaselineClips, tmp_path: Path) -> None:
    lines: list[str] = []
    found = trained(sounds, tmp_path, epochs=6, say=lines.append)
    assert found.confusion_KK.tolist() == [[COUNTS["test"], 0], [0, COUNTS["test"]]]
    assert found.clips.classes == LABELS
    assert found.best.epoch == found.result.kept[0].epoch
    assert found.best.validation["accuracy"] == 1
    assert len(lines) == len(found.result.records)
    assert lines[0].startswith("epoch 1 of at most 6: loss ")


def test_the_same_seed_gives_the_same_weights_in_another_folder(sounds: BaselineClips, tmp_path: Path) -> None:
    first, again, other = (
        trained(sounds, tmp_path / name, epochs=1, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert all(torch.equal(value, again.weights[name]) for name, value in first.weights.items())
    assert not all(torch.equal(value, other.weights[name]) for name, value in first.weights.items())


def test_a_training_goes_on_where_it_was(sounds: BaselineClips, tmp_path: Path) -> None:
    whole = trained(sounds, tmp_path / "whole")

    def killed(line: str) -> None:
        if line.startswith("epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(sounds, tmp_path, say=killed)
    lines: list[str] = []
    resumed = trained(sounds, tmp_path, say=lines.append)
    assert [line.split()[1] for line in lines] == ["3"]
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())
    # Another training in the same folder begins anew.
    lines.clear()
    trained(sounds, tmp_path, seed=5, epochs=1, say=lines.append)
    assert len(lines) == 1


def test_test_clips_take_no_part_in_the_normalisation(sounds: BaselineClips, tmp_path: Path) -> None:
    whole = trained(sounds, tmp_path, epochs=1)
    hiss_in_test = replace(
        sounds, clips=tuple(clip for clip in sounds.clips if clip.part != "test" or clip.label == "hiss")
    )
    assert trained(hiss_in_test, tmp_path, epochs=1).normalisation == whole.normalisation
    other_train = replace(sounds, clips=sounds.clips[2:])
    assert trained(other_train, tmp_path, epochs=1).normalisation != whole.normalisation


class Echo(nn.Module):
    """Scores two classes by the sign of a clip's first number."""

    def forward(self, x_BCTM: Tensor) -> Tensor:
        first_B = x_BCTM[:, 0, 0, 0]
        return torch.stack([-first_B, first_B], dim=1)


def test_clips_are_counted_by_label_and_prediction() -> None:
    clips = ClipFeatures.join(
        [np.full((1, 64, 2), level, dtype=np.float32) for level in (1, 1, -1, 1)], label_N=[0, 1, 1, 1], n_classes=2
    )
    # predicted: 1, 1, 0, 1
    confusion_KK = confusion_of(Echo(), clips, baseline_training("earmark"), device="cpu")
    assert confusion_KK.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("train", "a"), ("test", "b")], "The val part has no clip with one class"),
        ([("train", "a")], r"The val and test part has no clip"),
        ([("train", "a"), ("val", "a"), ("test", "a")], "All clips are of the class 'a'"),
    ],
)
def test_parts_that_leave_nothing_to_learn_are_refused(
    rows: list[tuple[str, str]], message: str, tmp_path: Path
) -> None:
    clips = [silent_clip(str(number), part, label) for number, (part, label) in enumerate(rows)]
    with pytest.raises(ValueError, match=message):
        trained(BaselineClips(clips=tuple(clips), source={}, left_out={}), tmp_path)


def test_what_was_left_out_is_told_where_a_part_is_empty(tmp_path: Path) -> None:
    clips = BaselineClips(clips=(silent_clip("a", "train", "a"),), source={}, left_out={"several_classes": 7})
    with pytest.raises(ValueError, match=r"left out: 7 several_classes"):
        trained(clips, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"seed": -1}, "--seed is -1"), ({"network": "resnet50"}, "network 'resnet50'"), ({"epochs": 0}, "epochs")],
)
def test_arguments_that_cannot_be_are_refused_before_anything_is_decoded(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    clips = tuple(silent_clip(f"{part}{label}", part, label) for part in COUNTS for label in LABELS)
    with pytest.raises(ValueError, match=message):
        trained(BaselineClips(clips=clips, source={}, left_out={}), tmp_path, **changes)


def test_a_missing_accelerator_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline.torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto") == "cpu"
    with pytest.raises(ValueError, match="no CUDA device"):
        chosen_device("cuda")
    monkeypatch.setattr(baseline.torch.cuda, "is_available", lambda: True)
    assert chosen_device("auto") == "cuda"
