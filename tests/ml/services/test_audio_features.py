from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from curation.audio.decoder import Decoder
from ml.features.config import FeatureConfig
from ml.features.extract import extract_clip
from ml.features.store import FeatureStore, StoreLockedError
from ml.services import audio_features
from ml.services.audio_features import content_key, store_embeddings, store_features
from ml.services.decoded_samples import Found
from ml.services.trunk_embeddings import given_trunks
from tests.factories.audio import noise, tone, write_audio
from tests.factories.trunks import Knowing, Levels, write_trunk
from tests.ml.recipes.small_run import FEATURES

FULL = replace(FEATURES.at_rate(16_000), n_bands=12)


def stored(
    folder: Path,
    paths: Iterable[Path],
    *,
    configs: Iterable[FeatureConfig] = (FEATURES,),
    processes: int = 1,
    longest_s: float = 100.0,
    device: str = "cpu",
) -> tuple[list[str], dict[str, str], list[tuple[int, int | None]]]:
    paths = list(paths)
    keys = [content_key(path) for path in paths]
    told: list[tuple[int, int | None]] = []
    refused = store_features(
        paths,
        keys,
        configs=list(configs),
        stores=folder / "stores",
        longest_s=longest_s,
        processes=processes,
        device=device,
        progress=lambda done, total: told.append((done, total)),
    )
    return keys, {key: error.reason for key, error in refused.items()}, told


def features(folder: Path, key: str, config: FeatureConfig = FEATURES) -> torch.Tensor:
    with FeatureStore(folder / "stores", config) as store:
        return store.get(key).clone()


@pytest.fixture
def tones(tmp_path: Path) -> list[Path]:
    return [
        write_audio(tmp_path / f"{number}.wav", tone(300.0 * (number + 1), 0.1, rate_hz=8_000), 8_000)
        for number in range(3)
    ]


def test_a_key_is_the_digest_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"some bytes")

    assert content_key(path) == hashlib.sha256(b"some bytes").hexdigest()


def test_features_are_those_of_the_samples_in_full_scale_1(tmp_path: Path) -> None:
    samples = noise(2_400, seed=3)
    path = write_audio(tmp_path / "x.wav", samples, 8_000)

    (key,), refused, told = stored(tmp_path, [path])

    expected = extract_clip(torch.from_numpy(samples.astype(np.float32) / 32_768), FEATURES)
    assert refused == {}
    assert told == [(1, 1)]
    assert torch.equal(features(tmp_path, key), expected.half())


def test_each_configuration_gets_the_rate_that_it_wants(tmp_path: Path, tones: list[Path]) -> None:
    keys, _, _ = stored(tmp_path, tones, configs=(FEATURES, FULL))

    for key in keys:
        assert features(tmp_path, key).shape[2] == FEATURES.n_bands
        assert features(tmp_path, key, FULL).shape[2] == 12
    with Decoder() as decoder:
        samples = decoder.samples(tones[0], sample_rate_hz=16_000, max_duration_s=1)
    expected = extract_clip(torch.from_numpy(samples.astype(np.float32) / 32_768), FULL)
    assert torch.equal(features(tmp_path, keys[0], FULL), expected.half())


@pytest.mark.parametrize(
    ("name", "rate_hz", "channels", "seconds"),
    [("x.flac", 48_000, 2, 0.2), ("x.ogg", 8_000, 1, 0.3), ("x.opus", 48_000, 1, 0.1), ("x.wav", 44_100, 1, 0.01)],
)
def test_any_container_rate_and_length_has_features(
    tmp_path: Path, name: str, rate_hz: int, channels: int, seconds: float
) -> None:
    path = write_audio(tmp_path / name, noise(round(rate_hz * seconds), channels), rate_hz)

    (key,), refused, _ = stored(tmp_path, [path])

    assert refused == {}
    found = features(tmp_path, key)
    assert found.shape[1] >= 1
    assert bool(found.isfinite().all())


def test_digital_silence_and_a_single_sample_have_finite_features(tmp_path: Path) -> None:
    silent = write_audio(tmp_path / "silent.wav", np.zeros(800, dtype=np.int16), 8_000)
    short = write_audio(tmp_path / "short.wav", np.array([1_000], dtype=np.int16), 8_000)

    keys, refused, _ = stored(tmp_path, [silent, short])

    assert refused == {}
    assert all(bool(features(tmp_path, key).isfinite().all()) for key in keys)


def test_what_is_stored_is_not_decoded_again(
    tmp_path: Path, tones: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    original = Decoder.samples

    def noting(self: Decoder, path: Path, **options: object) -> object:
        decoded.append(path)
        return original(self, path, **options)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(Decoder, "samples", noting)
    stored(tmp_path, tones[:2])
    copy = tmp_path / "other name.wav"
    shutil.copyfile(tones[0], copy)

    _, _, told = stored(tmp_path, [copy, *tones])

    assert decoded == tones
    assert told == [(1, 1)]


def test_a_recording_that_stands_there_twice_is_computed_once(tmp_path: Path, tones: list[Path]) -> None:
    copy = tmp_path / "copy.wav"
    shutil.copyfile(tones[0], copy)

    keys, _, told = stored(tmp_path, [tones[0], copy])

    assert keys[0] == keys[1]
    assert told == [(1, 1)]


def test_nothing_to_do_is_no_work(tmp_path: Path) -> None:
    assert stored(tmp_path, []) == ([], {}, [])


def test_what_cannot_be_decoded_is_told_and_all_others_stored(tmp_path: Path, tones: list[Path]) -> None:
    cut = tmp_path / "cut.flac"
    write_audio(cut, noise(3_200), 8_000)
    cut.write_bytes(cut.read_bytes()[:2_500])
    long = write_audio(tmp_path / "long.wav", noise(8_000), 8_000)

    keys, refused, told = stored(tmp_path, [tones[0], cut, long, tones[2]], longest_s=0.5)

    assert refused == {keys[1]: "truncated", keys[2]: "too_long"}
    assert told[-1] == (4, 4)
    with FeatureStore(tmp_path / "stores", FEATURES) as store:
        assert store.missing(keys) == [keys[1], keys[2]]


def test_two_processes_store_what_one_stores(tmp_path: Path) -> None:
    paths = [write_audio(tmp_path / f"{n}.wav", noise(400 + n, seed=n), 8_000) for n in range(audio_features.BLOCK + 3)]
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no recording")

    keys, refused, told = stored(tmp_path / "two", [*paths, bad], processes=2)

    stored(tmp_path / "one", paths)
    assert told == [(audio_features.BLOCK, len(keys)), (len(keys), len(keys))]
    assert refused == {keys[-1]: "unsupported_container"}
    for key in keys[:-1]:
        assert torch.equal(features(tmp_path / "two", key), features(tmp_path / "one", key))


def test_few_clips_are_computed_in_one_thread_as_in_a_pool(
    tmp_path: Path, tones: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def noting(samples_N: torch.Tensor, config: FeatureConfig) -> torch.Tensor:
        threads.append(torch.get_num_threads())
        return extract_clip(samples_N, config)

    monkeypatch.setattr(audio_features, "extract_clip", noting)
    torch.set_num_threads(2)
    stored(tmp_path, tones, processes=2)  # so few that they are computed here
    assert threads == [1, 1, 1]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("processes", [1, 2])
def test_of_a_trunk_that_was_exchanged_nothing_is_stored(tmp_path: Path, tones: list[Path], processes: int) -> None:
    path = write_trunk(tmp_path / "levels.pt", Levels())
    (config,) = given_trunks([path])
    write_trunk(path, Knowing())  # of as many numbers
    keys = [content_key(tone) for tone in tones]
    some = [f"{n:064x}" for n in range(audio_features.BLOCK)]  # so many that two processes share them
    with pytest.raises(
        ValueError, match=rf"Trunk levels\.pt is another file .* that has SHA-256 {config.trunk_digest}"
    ):
        store_embeddings(
            [*tones, *[tones[0]] * len(some)],
            [*keys, *some],
            trunks={config: path},
            stores=tmp_path / "stores",
            longest_s=10,
            processes=processes,
        )
    with FeatureStore(tmp_path / "stores", config) as store:
        assert store.missing(keys) == keys


def test_one_process_at_a_time_adds_to_a_store(tmp_path: Path, tones: list[Path]) -> None:
    with FeatureStore(tmp_path / "stores", FEATURES) as store:
        store.add("0" * 8, torch.zeros(1, 2, 8))
        with pytest.raises(StoreLockedError, match="expected one writer at a time"):
            stored(tmp_path, tones)

    assert len(stored(tmp_path, tones)[0]) == 3


def test_an_accelerator_stores_what_processors_store(
    tmp_path: Path, tones: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []
    original = audio_features.computed_in_batches

    def here(*work: Any, device: torch.device, **options: Any) -> Iterator[Found]:
        devices.append(device.type)
        return original(*work, device=torch.device("cpu"), **options)

    monkeypatch.setattr(audio_features, "computed_in_batches", here)
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no recording")
    keys, refused, told = stored(tmp_path / "device", [*tones, bad], configs=(FEATURES, FULL), device="cuda")

    stored(tmp_path / "processor", tones, configs=(FEATURES, FULL))
    assert devices == ["cuda"]  # none of the processes
    assert refused == {keys[-1]: "unsupported_container"}
    assert told == [(4, 4)]
    for key in keys[:-1]:
        for config in (FEATURES, FULL):
            found, expected = (features(tmp_path / name, key, config) for name in ("device", "processor"))
            torch.testing.assert_close(found, expected, atol=0.1, rtol=0)  # a half number's step at -100 dB
