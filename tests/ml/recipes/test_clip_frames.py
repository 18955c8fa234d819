from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.features.embedding import EmbeddingConfig
from ml.features.store import FeatureStore
from ml.recipes import clip_frames
from ml.recipes.candidates import CandidateSet
from ml.recipes.clip_frames import FrameSource
from ml.training.clips import ClipFeatures
from tests.ml.recipes.small_run import FEATURES, make_candidates, store_spectrograms

CANDIDATES = make_candidates(12)


def source(folder: Path, candidates: CandidateSet = CANDIDATES) -> FrameSource:
    return FrameSource(folder / "stores", candidates.key_N, scratch=folder)


def clips_of(frames: FrameSource, *, padded: bool = False) -> ClipFeatures:
    return frames.clips(FEATURES, n_classes=3, padded=padded)


@pytest.fixture(autouse=True)
def _stored(tmp_path: Path) -> None:
    store_spectrograms(tmp_path / "stores", CANDIDATES)


def test_all_frames_together_have_mean_0_and_deviation_1(tmp_path: Path) -> None:
    clips = clips_of(source(tmp_path))

    assert float(clips.x_TMC.mean()) == pytest.approx(0, abs=1e-5)
    assert float(clips.x_TMC.std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_each_number_of_an_embedding_has_mean_0_and_deviation_1(tmp_path: Path) -> None:
    config = EmbeddingConfig(
        file="a.pt", trunk_digest="ab" * 32, sample_rate_hz=8_000, window_length=10, hop_length=10, n_bands=4
    )
    rng = np.random.default_rng(0)
    with FeatureStore(tmp_path / "stores", config) as store:
        for key in CANDIDATES.key_N:
            x_1TE = rng.normal((0, 1e6, 5, 7), (1, 1e4, 0, 1e-4), size=(1, 3, 4)).astype(np.float32)
            store.add(key, torch.from_numpy(x_1TE))

    x_TE = source(tmp_path).clips(config, n_classes=3, padded=False).x_TMC[:, :, 0]

    assert x_TE[:, :2].mean(dim=0).tolist() == pytest.approx([0, 0], abs=1e-4)
    assert x_TE[:, 1].std(correction=0) == pytest.approx(1, abs=1e-3)
    # What hardly moves beside the others is not blown up.
    assert x_TE[:, 2:].abs().max() < 1e-2


def test_clips_stand_in_the_order_of_the_run_without_labels(tmp_path: Path) -> None:
    order = [7, 3, 3, 0]  # one recording twice: two clips may have the same bytes
    keys = tuple(CANDIDATES.key_N[n] for n in order)

    clips = clips_of(FrameSource(tmp_path / "stores", keys, scratch=tmp_path))

    with FeatureStore(tmp_path / "stores", FEATURES) as store:
        expected = torch.cat([store.get(key)[0].float() for key in keys])
        assert clips.length_N.tolist() == [store.get(key).shape[1] for key in keys]
    expected = (expected - expected.double().mean()) / expected.double().std(correction=0)
    torch.testing.assert_close(clips.x_TMC[:, :, 0], expected.float(), atol=1e-5, rtol=1e-5)
    assert clips.label_N.tolist() == [-1] * 4
    assert clips.n_classes == 3


def test_the_least_number_of_the_set_pads_short_clips(tmp_path: Path) -> None:
    frames = source(tmp_path)

    assert clips_of(frames).padding_value is None
    assert clips_of(frames, padded=True).padding_value == float(clips_of(frames).x_TMC.min())


def test_frames_are_joined_once(tmp_path: Path) -> None:
    frames = source(tmp_path)

    assert clips_of(frames).x_TMC is clips_of(frames, padded=True).x_TMC


def test_a_set_beyond_the_memory_is_mapped_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = clips_of(source(tmp_path))
    monkeypatch.setattr(clip_frames, "IN_MEMORY_BYTES", 0)

    mapped = clips_of(source(tmp_path), padded=True)

    assert mapped.length_N.tolist() == held.length_N.tolist()
    torch.testing.assert_close(mapped.x_TMC.float(), held.x_TMC, atol=2e-3, rtol=2e-3)  # half precision
    assert mapped.padding_value == float(mapped.x_TMC.min())
    (file,) = tmp_path.glob("earmark-*.npy")
    written = file.stat().st_mtime_ns
    assert torch.equal(clips_of(source(tmp_path)).x_TMC, mapped.x_TMC)
    assert file.stat().st_mtime_ns == written


def test_processes_that_begin_together_write_the_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_frames, "IN_MEMORY_BYTES", 0)
    writes, found = [], []
    original = clip_frames.write_frames
    all_begun = threading.Barrier(3)

    def slow(path: Path, *arguments: object, **options: object) -> None:
        writes.append(path)
        original(path, *arguments, **options)  # type: ignore[arg-type]  # passed on as they came

    def begin() -> None:
        frames = source(tmp_path)
        all_begun.wait(10)
        found.append(clips_of(frames))

    monkeypatch.setattr(clip_frames, "write_frames", slow)
    threads = [threading.Thread(target=begin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(writes) == 1
    assert len(found) == 3
    assert all(torch.equal(clips.x_TMC, found[0].x_TMC) for clips in found)


def test_another_configuration_has_frames_of_its_own(tmp_path: Path) -> None:
    other = replace(FEATURES, n_bands=4)
    with FeatureStore(tmp_path / "stores", other) as store:
        for key in CANDIDATES.key_N:
            store.add(key, torch.rand(1, 3, 4))
    frames = source(tmp_path)

    shapes = [frames.clips(config, n_classes=3, padded=True).x_TMC.shape[1] for config in (FEATURES, other, FEATURES)]

    assert shapes == [8, 4, 8]


def test_silence_alone_is_no_division_by_zero(tmp_path: Path) -> None:
    with FeatureStore(tmp_path / "silent", FEATURES) as store:
        for key in CANDIDATES.key_N:
            store.add(key, torch.full((1, 4, 8), -80.0))

    clips = clips_of(FrameSource(tmp_path / "silent", CANDIDATES.key_N, scratch=tmp_path), padded=True)

    assert np.isfinite(clips.x_TMC.numpy()).all()
    assert float(clips.x_TMC.abs().max()) < 1


def test_features_that_were_not_computed_are_missed(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        clips_of(source(tmp_path, make_candidates(13, label_N=np.arange(13) % 3)))
