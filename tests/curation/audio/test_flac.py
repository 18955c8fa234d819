from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from curation.audio.flac import encode_flac
from tests.factories.audio import noise


@pytest.mark.parametrize("rate_hz", [4_000, 44_100, 48_000, 384_000])
def test_decoding_gives_the_same_samples_and_rate(rate_hz: int) -> None:
    samples = noise(10_000, level=0.5)
    again, rate = soundfile.read(io.BytesIO(encode_flac(samples, rate_hz)), dtype="int16")
    assert rate == rate_hz
    assert np.array_equal(again, samples)


def test_a_rate_that_flac_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="FLAC at 65537 Hz"):
        encode_flac(noise(100), 65_537)


def test_other_samples_than_mono_16_bit_are_refused() -> None:
    with pytest.raises(ValueError, match="expected mono int16"):
        encode_flac(np.zeros((10, 2), np.int16), 44_100)
