"""Clipping is counted in the source, before a mean of channels or a resampler hides it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.audio.clipping import ClippedFrames, bin_count, bin_length
from curation.audio.decoder import Decoder
from curation.audio.decoding_child import BLOCK_SAMPLES, RAIL, ClippedCounter
from curation.audio.measures import clipped_share
from tests.factories.audio import noise, write_audio

LONG = 7_200.0


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(base_s=20) as decoder:
        yield decoder


def overdriven(seconds: float, rate_hz: int = 48_000) -> np.ndarray:
    """Return a tone of 299 Hz that stands at the rails for 80 % of the time, in -1 to 1."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.clip(np.sin(2 * np.pi * 299 * time) / np.sin(0.1 * np.pi), -1, 1)


def source_share(decoder: Decoder, path: Path, rate_hz: int = 44_100) -> float:
    decoded = decoder.decode(path, sample_rate_hz=rate_hz, max_duration_s=LONG)
    assert decoded.clipped is not None
    return decoded.clipped.share(0, decoded.info.frames)


def brute_force(ends: np.ndarray) -> list[int]:
    """Return the frames of which a channel stands at one end in a run of at least 3."""
    clipped = set()
    for channel in ends.T.tolist():
        start = 0
        for place in range(1, len(channel) + 1):
            if place == len(channel) or channel[place] != channel[start]:
                if channel[start] and place - start >= 3:
                    clipped.update(range(start, place))
                start = place
    return sorted(clipped)


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        *(("a.wav", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
        *(("a.flac", subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24")),
    ],
)
def test_a_clipped_recording_keeps_its_share_when_it_is_resampled(
    decoder: Decoder, tmp_path: Path, name: str, subtype: str
) -> None:
    samples = overdriven(3)
    path = write_audio(tmp_path / name, samples, 48_000, subtype=subtype)
    true = np.mean(np.abs(samples) == 1)
    assert true == pytest.approx(0.8, abs=0.02)
    assert source_share(decoder, path) == pytest.approx(true, abs=0.01)


def test_one_clipped_channel_of_two_is_clipped(decoder: Decoder, tmp_path: Path) -> None:
    samples = np.stack([overdriven(1), np.zeros(48_000)], axis=1)
    true = np.mean(np.abs(samples[:, 0]) == 1)
    for rate_hz in (44_100, 48_000):
        path = write_audio(tmp_path / "a.wav", samples, 48_000)
        assert source_share(decoder, path, rate_hz) == pytest.approx(true, abs=0.01)


def test_a_frame_at_which_both_channels_are_clipped_counts_once(decoder: Decoder, tmp_path: Path) -> None:
    samples = np.zeros((4_800, 2), np.int16)
    samples[1_000:1_010, 0] = 32_767
    samples[1_005:1_020, 1] = -32_768
    path = write_audio(tmp_path / "a.wav", samples, 48_000)
    assert source_share(decoder, path) == pytest.approx(20 / 4_800)


@pytest.mark.parametrize("top", [32_767, -32_767, -32_768])
def test_the_last_step_of_either_sign_is_a_rail(decoder: Decoder, tmp_path: Path, top: int) -> None:
    samples = noise(4_800)
    samples[100:110], samples[200:202] = top, top
    assert clipped_share(samples) == pytest.approx(10 / 4_800)
    assert source_share(decoder, write_audio(tmp_path / "a.wav", samples, 48_000)) == pytest.approx(10 / 4_800)


def test_floats_beyond_full_scale_are_clipped_and_just_below_are_not(decoder: Decoder, tmp_path: Path) -> None:
    samples = np.zeros(4_800)
    samples[100:110], samples[200:210], samples[300:310] = 1.7, -1.2, 0.9999
    assert source_share(decoder, write_audio(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")) == 20 / 4_800


@pytest.mark.parametrize("before", range(5))
def test_a_run_goes_on_from_block_to_block(decoder: Decoder, tmp_path: Path, before: int) -> None:
    samples = np.zeros(BLOCK_SAMPLES + 1_000, np.int16)
    samples[BLOCK_SAMPLES - before : BLOCK_SAMPLES - before + 4] = 32_767
    path = write_audio(tmp_path / "a.wav", samples, 48_000)
    assert source_share(decoder, path) == pytest.approx(4 / len(samples))


def test_what_passes_bit_for_bit_shows_its_clipping_itself(decoder: Decoder, tmp_path: Path) -> None:
    samples = np.clip(noise(441_000, level=0.9).astype(int) * 2, -32_768, 32_767).astype(np.int16)
    decoded = decoder.decode(write_audio(tmp_path / "a.wav", samples), sample_rate_hz=44_100, max_duration_s=LONG)
    assert decoded.clipped is None
    assert np.array_equal(decoded.samples, samples)


def test_counts_behind_several_windows_of_samples_are_those_of_their_time(decoder: Decoder, tmp_path: Path) -> None:
    samples = noise(120 * 48_000)
    samples[90 * 48_000 : 91 * 48_000] = 32_767
    path = write_audio(tmp_path / "a.wav", samples, 48_000)
    decoded = decoder.decode(path, sample_rate_hz=44_100, max_duration_s=LONG)
    assert decoded.clipped is not None
    expected = np.zeros(12_000, int)
    expected[9_000:9_100] = 480
    assert decoded.clipped.counts.tolist() == expected.tolist()


@settings(max_examples=200, deadline=None)
@given(
    ends=st.integers(1, 3).flatmap(
        lambda channels: st.lists(
            st.lists(st.sampled_from([1, 1, 1, -1, -1, 0]), min_size=channels, max_size=channels),
            min_size=1,
            max_size=60,
        )
    ),
    bin_frames=st.integers(1, 20),
    data=st.data(),
)
def test_blocks_and_bins_of_any_length_count_every_run(
    ends: list[list[int]], bin_frames: int, data: st.DataObject
) -> None:
    values = np.array(ends, np.float32)
    counter = ClippedCounter(len(values), bin_frames, values.shape[1], RAIL)
    start = 0
    while start < len(values):
        end = start + data.draw(st.integers(1, len(values)))
        counter.put(values[start:end])
        start = end
    counter.finish()
    expected = np.zeros(-(-len(values) // bin_frames), int)
    for place in brute_force(values):
        expected[place // bin_frames] += 1
    assert counter.counts.tolist() == expected.tolist()


@pytest.mark.parametrize("declared", [1, 99, 100, 101])
def test_a_file_longer_than_it_declares_is_counted_to_its_declared_end(declared: int) -> None:
    counter = ClippedCounter(declared, 10, 1, RAIL)
    counter.put(np.ones((200, 1), np.float32))
    counter.finish()
    assert counter.counts.sum() == declared


class TestShare:
    def test_a_bin_that_a_boundary_cuts_counts_in_proportion(self) -> None:
        clipped = ClippedFrames(counts=np.array([0, 8, 0, 2], np.int16), bin_frames=10, frames=35)
        assert clipped.share(0, 35) == pytest.approx(10 / 35)
        assert clipped.share(0, 10) == 0
        assert clipped.share(10, 20) == pytest.approx(0.8)
        assert clipped.share(0, 15) == pytest.approx(4 / 15)
        assert clipped.share(12.5, 17.5) == pytest.approx(0.8)
        assert clipped.share(30, 40) == pytest.approx(2 / 5)  # the last bin has five frames, and no more follow

    def test_counts_that_cannot_be_stay_a_share(self) -> None:
        clipped = ClippedFrames(counts=np.array([32_767, -32_768, 10], np.int16), bin_frames=10, frames=25)
        assert [clipped.share(start, start + 10) for start in (0, 10, 20)] == [1, 0, 1]

    @given(st.integers(4_000, 384_000), st.integers(1, 10_000_000))
    def test_bins_cover_a_recording(self, rate_hz: int, frames: int) -> None:
        bins, length = bin_count(frames, rate_hz), bin_length(rate_hz)
        assert (bins - 1) * length < frames <= bins * length
        assert length <= 32_767
