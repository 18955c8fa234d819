from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from curation.audio.errors import AudioRefusedError
from ml.features.store import FeatureStore
from ml.services import baseline_frames
from ml.services.baseline_frames import Normalisation, computed_features, normalisation_of, normalised_clips
from ml.services.baseline_training import baseline_features
from tests.ml.services.small_baseline import sounding_clips

FEATURES = baseline_features("earmark")
KEYS = ["0" * 8, "1" * 8, "2" * 8]


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    """Store three clips of 2, 3 and 4 frames: of -30, -50 and 100 throughout."""
    with FeatureStore(tmp_path / "features", FEATURES) as store:
        for key, frames, level in zip(KEYS, (2, 3, 4), (-30.0, -50.0, 100.0), strict=True):
            store.add(key, torch.full((1, frames, FEATURES.n_bands), level))
    return tmp_path / "features"


def test_mean_and_deviation_are_those_of_the_clips_given(stores: Path) -> None:
    # 2 frames of -30 and 3 of -50: mean (-60 - 150) / 5 = -42, variance (2 * 12^2 + 3 * 8^2) / 5 = 96
    found = normalisation_of(KEYS[:2], FEATURES, stores=stores)
    assert found.mean == pytest.approx(-42)
    assert found.deviation == pytest.approx(96**0.5)


def test_equal_frames_are_not_divided_by_zero(stores: Path) -> None:
    assert normalisation_of(KEYS[:1], FEATURES, stores=stores).deviation == baseline_frames.LEAST_DEVIATION


@pytest.mark.parametrize("in_memory", [True, False])
def test_frames_are_normalised_in_memory_or_in_a_file(
    stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_memory: bool
) -> None:
    if not in_memory:
        monkeypatch.setattr(baseline_frames, "IN_MEMORY_BYTES", 0)
    clips = normalised_clips(
        [KEYS[1], KEYS[0]],
        FEATURES,
        Normalisation(mean=-40.0, deviation=10.0),
        label_N=[1, 0],
        n_classes=2,
        stores=stores,
        scratch=tmp_path / "frames.npy",
    )
    assert clips.x_TMC[:, 0, 0].tolist() == [-1, -1, -1, 1, 1]
    assert (clips.length_N.tolist(), clips.label_N.tolist()) == ([3, 2], [1, 0])
    assert (tmp_path / "frames.npy").exists() != in_memory


def test_features_are_computed_once_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline_frames, "BLOCK_CLIPS", 8)
    clips = sounding_clips(tmp_path).clips
    told: list[tuple[int, int | None]] = []
    keys = computed_features(
        clips,
        FEATURES,
        stores=tmp_path / "features",
        processes=1,
        progress=lambda done, total: told.append((done, total)),
    )
    assert len(set(keys)) == len(clips) == 14
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (14, 14)
    with FeatureStore(tmp_path / "features", FEATURES) as store:
        assert set(store) == set(keys)
        written = store.folder.joinpath("features.bin").stat().st_size
    again = computed_features(clips, FEATURES, stores=tmp_path / "features", processes=1)
    assert again == keys
    assert next((tmp_path / "features").glob("*/features.bin")).stat().st_size == written
    assert np.isfinite(FeatureStore(tmp_path / "features", FEATURES).get(keys[0]).numpy()).all()


def test_clips_that_cannot_be_decoded_are_named(tmp_path: Path) -> None:
    clips = sounding_clips(tmp_path).clips[:3]
    with clips[1].audio() as path:
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(AudioRefusedError, match=rf"1 clips cannot be decoded \({clips[1].name}\)"):
        computed_features(clips, FEATURES, stores=tmp_path / "features", processes=1)
