from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from curation.audio.info import AudioInfo
from tests.factories.audio import noise, write_audio

LONG = 7_200.0


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


def expected_samples(path: Path, rate_hz: int) -> np.ndarray:
    """Convert independently: soundfile, numpy's mean, librosa.resample, rounding."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if rate != rate_hz:
        mono = librosa.resample(mono, orig_sr=rate, target_sr=rate_hz)
    return np.clip(np.rint(mono * 32_768), -32_768, 32_767).astype(np.int16)


SOURCES = [
    ("a.wav", "PCM_U8", {}),
    ("a.wav", "PCM_16", {}),
    ("a.wav", "PCM_24", {}),
    ("a.wav", "PCM_32", {}),
    ("a.wav", "FLOAT", {}),
    ("a.wav", "DOUBLE", {}),
    ("a.wav", "PCM_16", {"format": "WAVEX"}),
    ("a.wav", "FLOAT", {"format": "WAVEX"}),
    ("a.wav", "PCM_16", {"format": "RF64"}),
    ("a.flac", "PCM_S8", {}),
    ("a.flac", "PCM_16", {}),
    ("a.flac", "PCM_24", {}),
    ("a.ogg", "VORBIS", {}),
    ("a.oga", "VORBIS", {"format": "OGG"}),
    ("a.opus", "OPUS", {}),
    ("a.ogg", "OPUS", {}),
]


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(("name", "subtype", "options"), SOURCES)
def test_every_source_is_probed_and_converted_exactly(
    decoder: Decoder, tmp_path: Path, name: str, subtype: str, options: dict[str, str], channels: int
) -> None:
    path = write_audio(tmp_path / name, noise(24_013, channels, level=0.2) / 32_768, 24_000, subtype=subtype, **options)
    info = decoder.probe(path, max_duration_s=LONG)
    container = "RF64" if options.get("format") == "RF64" else soundfile.info(path).format.replace("WAVEX", "WAV")
    assert info == AudioInfo(
        container=container, encoding=subtype, sample_rate_hz=24_000, channels=channels, frames=24_013
    )
    for rate_hz in (24_000, 44_100):
        samples = decoder.samples(path, sample_rate_hz=rate_hz, max_duration_s=LONG)
        assert samples.dtype == np.int16
        assert np.array_equal(samples, expected_samples(path, rate_hz))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("dither", ["none", "tpdf"])
def test_16_bit_mono_at_the_rate_passes_bit_for_bit(decoder: Decoder, tmp_path: Path, suffix: str, dither: str) -> None:
    extremes = np.array([-32_768, 32_767, -1, 0, 1], np.int16)
    samples = np.concatenate([extremes, noise(5_000_003, level=0.4)])  # several windows of shared memory
    path = write_audio(tmp_path / f"a{suffix}", samples)
    decoded = decoder.samples(path, sample_rate_hz=44_100, dither=dither, max_duration_s=LONG)
    assert np.array_equal(decoded, samples)


@pytest.mark.parametrize("rate_hz", [4_000, 8_000, 16_000, 22_050, 32_000, 48_000, 96_000, 192_000])
def test_resampling_is_librosas_default_sample_for_sample(decoder: Decoder, tmp_path: Path, rate_hz: int) -> None:
    path = write_audio(tmp_path / "a.wav", noise(3 * rate_hz + 17), rate_hz)
    samples = decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG)
    assert np.array_equal(samples, expected_samples(path, 44_100))


def test_a_long_recording_is_resampled_across_blocks_and_windows(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.flac", noise(60 * 48_000, 2), 48_000)
    samples = decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG)
    assert np.array_equal(samples, expected_samples(path, 44_100))


def test_decode_gives_format_and_samples_in_one_pass(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", noise(1_000, 2), 48_000)
    decoded = decoder.decode(path, sample_rate_hz=44_100, max_duration_s=LONG)
    assert decoded.info == decoder.probe(path, max_duration_s=LONG)
    assert np.array_equal(decoded.samples, decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG))


def test_samples_survive_the_next_file_and_the_decoder(tmp_path: Path) -> None:
    with Decoder() as decoder:
        first = decoder.samples(
            write_audio(tmp_path / "a.wav", noise(9_000, seed=1)), sample_rate_hz=44_100, max_duration_s=LONG
        )
        second = decoder.samples(
            write_audio(tmp_path / "b.wav", noise(9_000, seed=2)), sample_rate_hz=44_100, max_duration_s=LONG
        )
    assert np.array_equal(first, noise(9_000, seed=1))
    assert np.array_equal(second, noise(9_000, seed=2))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frames=st.integers(1, 3_000),
    rates=st.tuples(st.integers(4_000, 60_000), st.integers(4_000, 60_000)),
    channels=st.integers(1, 4),
)
def test_any_length_and_rate_gives_the_rounded_up_length(
    decoder: Decoder, tmp_path: Path, frames: int, rates: tuple[int, int], channels: int
) -> None:
    source_hz, target_hz = rates
    path = write_audio(tmp_path / "a.wav", noise(frames, channels), source_hz)
    samples = decoder.samples(path, sample_rate_hz=target_hz, max_duration_s=LONG)
    assert len(samples) == -(-frames * target_hz // source_hz)


class TestRounding:
    def test_floats_are_rounded_to_nearest_and_clipped(self, decoder: Decoder, tmp_path: Path) -> None:
        values = np.array([0.4, 0.6, 1.5, 2.5, -0.6, 40_000, -40_000, 32_767.4]) / 32_768
        path = write_audio(tmp_path / "a.wav", values, subtype="DOUBLE")
        samples = decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG)
        assert samples.tolist() == [0, 1, 2, 2, -1, 32_767, -32_768, 32_767]

    def test_channels_are_averaged(self, decoder: Decoder, tmp_path: Path) -> None:
        path = write_audio(tmp_path / "a.wav", np.array([[100, 300], [-100, 100], [7, 9]], np.int16))
        assert decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG).tolist() == [200, 0, 8]


class TestDither:
    def read(self, decoder: Decoder, path: Path, **options: object) -> np.ndarray:
        return decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG, **options)  # type: ignore[arg-type]

    def test_depends_on_the_seed_alone(self, decoder: Decoder, tmp_path: Path) -> None:
        path = write_audio(tmp_path / "a.wav", noise(300_000, 2))
        one = self.read(decoder, path, dither="tpdf", seed=b"1")
        assert np.array_equal(one, self.read(decoder, path, dither="tpdf", seed=b"1"))
        assert not np.array_equal(one, self.read(decoder, path, dither="tpdf", seed=b"2"))

    def test_adds_triangular_noise_of_one_step(self, decoder: Decoder, tmp_path: Path) -> None:
        path = write_audio(tmp_path / "a.wav", np.full(400_000, 0.5 / 32_768), subtype="FLOAT")
        samples = self.read(decoder, path, dither="tpdf", seed=b"x")
        assert set(samples.tolist()) == {0, 1} | set(samples.tolist()) & {-1, 2}
        assert samples.mean() == pytest.approx(0.5, abs=0.01)  # what rounding alone would lose
        # total error of TPDF-dithered rounding: a quarter of a squared step, whatever the signal (Lipshitz, 4)
        assert np.mean((samples - 0.5) ** 2) == pytest.approx(0.25, abs=0.01)


def test_an_ill_fitting_name_stops_a_probe_but_not_a_read(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.flac", noise(100)).rename(tmp_path / "a.wav")
    with pytest.raises(AudioRefusedError, match=r"wrong_extension.*Rename it to \.flac"):
        decoder.probe(path, max_duration_s=LONG)
    assert len(decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG)) == 100


def test_a_file_is_read_from_its_start_and_left_as_it_was(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", noise(100))
    before = path.read_bytes(), path.stat().st_mtime_ns
    decoder.probe(path, max_duration_s=LONG)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_metadata_and_what_follows_the_sound_does_not_reach_the_samples(decoder: Decoder, tmp_path: Path) -> None:
    file = io.BytesIO()
    soundfile.write(file, noise(100), 44_100, format="WAV", subtype="PCM_16")
    path = tmp_path / "polyglot.wav"
    path.write_bytes(file.getvalue() + b"PK\x05\x06" + bytes(18))
    assert np.array_equal(decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG), noise(100))
