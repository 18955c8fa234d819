from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from curation.audio.wav import WavError, decode_wav, encode_wav, wav_header
from tests.factories.audio import noise


@given(arrays(np.int16, st.integers(0, 300)), st.integers(4_000, 384_000))
def test_what_is_written_reads_back_sample_for_sample(samples: np.ndarray, rate_hz: int) -> None:
    again, rate = decode_wav(encode_wav(samples, rate_hz))
    assert rate == rate_hz
    assert np.array_equal(again, samples)


def test_libsndfile_writes_and_reads_the_same_file() -> None:
    samples = noise(1_000)
    peer = io.BytesIO()
    soundfile.write(peer, samples, 44_100, format="WAV", subtype="PCM_16")
    assert encode_wav(samples, 44_100) == peer.getvalue()


def test_strided_samples_are_written_in_order() -> None:
    samples = noise(1_000)
    assert encode_wav(samples[::2], 8_000) == encode_wav(samples[::2].copy(), 8_000)


@pytest.mark.parametrize("samples", [np.zeros((4, 2), np.int16), np.zeros(4, np.float32)])
def test_other_samples_than_mono_16_bit_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(WavError, match="expected mono int16"):
        encode_wav(samples, 8_000)


def test_more_than_four_gibibytes_are_refused() -> None:
    with pytest.raises(WavError, match="4 GiB"):
        wav_header(1 << 31, 44_100)


@pytest.mark.parametrize("spoil", [lambda data: data[:20], lambda data: data[:-1], lambda data: b"X" + data[1:]])
def test_a_spoilt_clip_is_not_read(spoil: object) -> None:
    with pytest.raises(WavError):
        decode_wav(spoil(encode_wav(noise(100), 8_000)))  # type: ignore[operator]
