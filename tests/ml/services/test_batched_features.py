"""Features in batches are those of each clip alone, whatever the batches; the processor stands for an accelerator."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from ml.features.config import FeatureConfig
from ml.features.configurations import CONFIGURATIONS
from ml.features.extract import extract_clip, extract_ragged
from ml.services import batched_features
from ml.services.batched_features import BATCH_SAMPLES, DeviceBatches, computed_in_batches
from ml.services.decoded_samples import Features, Found, decoded_samples
from tests.factories.audio import noise, tone, write_audio
from tests.ml.recipes.small_run import FEATURES

CPU = torch.device("cpu")
RATE_HZ = 8_000
CONFIGS = (
    FEATURES,
    CONFIGURATIONS["nguyen-background"].at_rate(RATE_HZ),  # trimmed, quiet frames dropped, background taken off
    CONFIGURATIONS["iqbal-a"].at_rate(RATE_HZ),  # parted at silence
    CONFIGURATIONS["dorfer-1"].at_rate(RATE_HZ),  # brought to a peak, perceptual
    replace(CONFIGURATIONS["dcase2020-1a"].at_rate(RATE_HZ), n_bands=16),  # deltas, unit range
    replace(FEATURES.at_rate(16_000), n_bands=12),
)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, str]]:
    """Write recordings of 0.1 s to 2 s, one in two parts, with silence and noise around, and one that is none."""
    folder = tmp_path_factory.mktemp("recordings")
    paths = []
    for number, seconds in enumerate((0.3, 2.0, 0.1, 0.7, 1.1, 0.31, 0.9)):
        sound = tone(300.0 * (number + 1), seconds, rate_hz=RATE_HZ) + noise(round(seconds * RATE_HZ), level=1e-3)
        silence = np.zeros(1_000 * number, dtype=np.int16)
        sound = np.concatenate([silence, sound, silence])
        if number == 1:
            sound = np.concatenate([sound, np.zeros(2 * RATE_HZ, dtype=np.int16), sound])
        paths.append(write_audio(folder / f"{number}.wav", sound, RATE_HZ))
    bad = folder / "bad.wav"
    bad.write_bytes(b"no recording")
    paths.insert(3, bad)
    return [(path, f"{number:08x}") for number, path in enumerate(paths)]


def computed(
    work: Sequence[tuple[Path, str]], configs: Sequence[FeatureConfig] = CONFIGS, *, batch_samples: int = BATCH_SAMPLES
) -> list[Found]:
    return list(computed_in_batches(work, configs, longest_s=100, threads=2, device=CPU, batch_samples=batch_samples))


@pytest.mark.parametrize("batch_samples", [BATCH_SAMPLES, 30_000, 1])
def test_features_in_batches_are_those_of_each_clip_alone(
    recordings: list[tuple[Path, str]], batch_samples: int
) -> None:
    blocks = computed(recordings, batch_samples=batch_samples)

    found = [one for block in blocks for one in block]
    assert (len(blocks) > 1) == (batch_samples < BATCH_SAMPLES)
    assert [key for key, _ in found] == [key for _, key in recordings]
    with Decoder() as decoder:
        for (path, _), (_, features) in zip(recordings, found, strict=True):
            if path.name == "bad.wav":
                assert isinstance(features, AudioRefusedError)
                continue
            assert not isinstance(features, AudioRefusedError)
            for config in CONFIGS:
                samples_N = decoded_samples(path, decoder, sample_rate_hz=config.sample_rate_hz, longest_s=100)
                expected = extract_clip(samples_N, config)
                torch.testing.assert_close(torch.from_numpy(features[config.digest()]), expected, atol=1e-4, rtol=0)


def test_clips_go_together(recordings: list[tuple[Path, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[int]] = []

    def noting(samples: Sequence[Tensor], config: FeatureConfig) -> list[Tensor]:
        batches.append([len(samples_N) for samples_N in samples])
        return extract_ragged(samples, config)

    monkeypatch.setattr(batched_features, "extract_ragged", noting)
    lengths = [2_000, 90_000, 1_500, 2_500, 70_000, 80_000]

    DeviceBatches(CPU, batch_samples=200_000).features([torch.ones(length) for length in lengths], FEATURES)

    # None is more than twice as long as another of its batch, and three of 90,000 would be too many.
    assert batches == [[1_500, 2_000, 2_500], [70_000, 80_000], [90_000]]
    batches.clear()
    computed(recordings, [FEATURES])
    assert len(batches) < len(recordings) - 1


class Cramped:
    """A device with room for so many samples at once."""

    def __init__(self, room: int) -> None:
        self.room, self.tried = room, list[int]()

    def __call__(self, samples: Sequence[Tensor], config: FeatureConfig) -> list[Tensor]:
        self.tried.append(len(samples))
        if sum(map(len, samples)) > self.room:
            raise torch.OutOfMemoryError
        return extract_ragged(samples, config)


def test_batches_are_halved_where_memory_does_not_suffice(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clips = [torch.from_numpy(noise(1_000, seed=seed) * np.float32(2.0**-15)).float() for seed in range(8)]
    cramped = Cramped(room=3_000)
    monkeypatch.setattr(batched_features, "extract_ragged", cramped)
    batches = DeviceBatches(CPU, batch_samples=BATCH_SAMPLES)

    found = batches.features(clips, FEATURES)

    assert cramped.tried == [8, 4, 2, 2, 2, 2]
    for clip, features in zip(clips, found, strict=True):
        torch.testing.assert_close(features, extract_clip(clip, FEATURES), atol=1e-4, rtol=0)
    assert caplog.messages == [
        f"Device memory did not suffice for the features of {count} clips at once; batches are halved."
        for count in (8, 4)
    ]
    batches.features(clips, FEATURES)  # they stay small
    assert cramped.tried[6:] == [2, 2, 2, 2]


def test_a_clip_that_alone_is_too_much_is_computed_here(monkeypatch: pytest.MonkeyPatch) -> None:
    clip, places = torch.from_numpy(noise(1_000) * np.float32(2.0**-15)).float(), []

    def on_the_device_never(samples: Sequence[Tensor], config: FeatureConfig) -> list[Tensor]:
        places.append(samples[0].device.type)
        if samples[0].device.type != "cpu":
            raise torch.OutOfMemoryError
        return extract_ragged(samples, config)

    monkeypatch.setattr(batched_features, "extract_ragged", on_the_device_never)

    (found,) = DeviceBatches(torch.device("meta"), batch_samples=BATCH_SAMPLES).features([clip], FEATURES)

    assert places == ["meta", "cpu"]
    torch.testing.assert_close(found, extract_clip(clip, FEATURES), atol=1e-4, rtol=0)


def test_whoever_stops_early_leaves_no_thread_and_no_decoder(recordings: list[tuple[Path, str]]) -> None:
    before = threading.active_count()
    blocks = computed_in_batches(recordings, [FEATURES], longest_s=100, threads=2, device=CPU, batch_samples=1)
    next(blocks)

    blocks.close()  # type: ignore[attr-defined]  # a generator

    assert threading.active_count() == before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator on this machine")
def test_a_gpu_gives_what_a_processor_gives(recordings: list[tuple[Path, str]]) -> None:
    on_gpu = computed_in_batches(recordings, CONFIGS, longest_s=100, threads=2, device=torch.device("cuda"))
    for (_, found), (_, expected) in zip(*(sum(blocks, []) for blocks in (on_gpu, computed(recordings))), strict=True):  # noqa: RUF017 -- few
        if isinstance(expected, AudioRefusedError):
            continue
        features: Features = found
        for digest, x_CTM in expected.items():
            np.testing.assert_allclose(features[digest], x_CTM, atol=1e-4)
