"""Golden values: ITU-R BS.1770-4 and EBU Tech 3341 test signals, as far as mono has them.

EBU Tech 3341's cases 1 to 5 are stereo tones that are the same in both channels; one channel of them measures
10 log10(2) = 3.01 LU less, which is what these tests expect.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from curation.audio.measures import measure
from tests.factories.audio import noise, tone

ONE_OF_TWO_CHANNELS = -10 * np.log10(2)
TOLERANCE_LU = 0.1  # EBU Tech 3341, table 1


def levels(*steps: tuple[float, float], rate_hz: int) -> np.ndarray:
    """Return tones of 1 kHz with (level in dBFS, length in seconds), one after another."""
    return np.concatenate([tone(1_000, seconds, rate_hz=rate_hz, peak_dbfs=level) for level, seconds in steps])


@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
@pytest.mark.parametrize(
    ("steps", "stereo_lufs"),
    [
        (((-23, 20),), -23),  # case 1
        (((-33, 20),), -33),  # case 2
        (((-36, 10), (-23, 60), (-36, 10)), -23),  # case 3: the relative gate
        (((-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)), -23),  # case 4: the absolute gate
        (((-26, 20), (-20, 20.1), (-26, 20)), -23),  # case 5
    ],
)
def test_loudness_of_ebu_tech_3341(steps: tuple[tuple[float, float], ...], stereo_lufs: float, rate_hz: int) -> None:
    loudness = measure(levels(*steps, rate_hz=rate_hz), rate_hz).loudness_lufs
    assert loudness == pytest.approx(stereo_lufs + ONE_OF_TWO_CHANNELS, abs=TOLERANCE_LU)


def test_loudness_of_a_full_scale_tone_of_997_hz_is_bs_1770s() -> None:
    # BS.1770-4, annex 1: a 0 dBFS sine of 997 Hz in one front channel reads -3.01 LKFS
    # (pyloudnorm's filters read 0.04 LU less)
    loudness = measure(tone(997, 10, rate_hz=48_000, peak_dbfs=0), 48_000).loudness_lufs
    assert loudness == pytest.approx(-3.01, abs=TOLERANCE_LU)


@pytest.mark.parametrize("samples", [np.zeros(44_100, np.int16), noise(17_639), noise(44_100, level=1e-5)])
def test_silence_and_what_is_shorter_than_a_gating_block_have_no_loudness(samples: np.ndarray) -> None:
    assert measure(samples, 44_100).loudness_lufs is None


def test_one_gating_block_is_enough() -> None:
    assert measure(noise(17_640), 44_100).loudness_lufs is not None


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("steps", [4, 5, 8, 9, 13, 100, 103])
def test_what_follows_the_last_whole_gating_block_does_not_count(rate_hz: int, steps: int) -> None:
    whole, short_of_a_step = -(-steps * rate_hz // 10), rate_hz // 10 - 2
    quiet, burst = noise(whole, level=10 ** (-50 / 20)), noise(short_of_a_step, level=0.3)
    alone = measure(quiet, rate_hz).loudness_lufs
    assert alone is not None
    for tail in (1, short_of_a_step // 2, short_of_a_step):
        assert measure(np.concatenate([quiet, burst[:tail]]), rate_hz).loudness_lufs == alone
    assert measure(np.concatenate([quiet, burst, burst[:2], burst[:2]]), rate_hz).loudness_lufs > alone + 10  # type: ignore[operator]


def loudness_by_the_book(samples: np.ndarray) -> float:
    """Return the gated loudness of 48 kHz mono by BS.1770-4, annex 1: its coefficients, equations 1 to 7."""
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0], [1, -1.99004745483398, 0.99007225036621]
    weighted = lfilter(*high_pass, lfilter(*shelf, samples / 32_768))
    starts = range(0, len(weighted) - 19_200 + 1, 4_800)
    power = np.array([np.mean(weighted[start : start + 19_200] ** 2) for start in starts])
    power = power[-0.691 + 10 * np.log10(power) > -70]
    power = power[10 * np.log10(power) > 10 * np.log10(power.mean()) - 10]
    return float(-0.691 + 10 * np.log10(power.mean()))


@pytest.mark.parametrize("seconds", [0.4, 0.43, 0.46, 0.86, 1.36, 2.37, 10.0, 10.06])
@pytest.mark.parametrize("seed", range(4))
def test_loudness_of_any_length_is_that_of_an_independent_meter(seconds: float, seed: int) -> None:
    samples = noise(round(seconds * 48_000), seed=seed)
    swell_db = np.random.default_rng(seed).uniform(-50, 0, 1 + len(samples) // 9_600).repeat(9_600)[: len(samples)]
    samples = np.rint(samples * 10 ** (swell_db / 20)).astype(np.int16)
    assert measure(samples, 48_000).loudness_lufs == pytest.approx(loudness_by_the_book(samples), abs=TOLERANCE_LU)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(("divisor", "phase_deg", "peak_dbfs"), [(4, 0, -6), (4, 45, -6), (6, 60, -6), (8, 67.5, -6)])
def test_true_peak_between_samples_is_found(rate_hz: int, divisor: int, phase_deg: float, peak_dbfs: float) -> None:
    # EBU Tech 3341, cases 15 to 18: tones of fs/4, fs/6, fs/8 whose samples miss the crest; +0.2, -0.4 dB
    samples = tone(rate_hz / divisor, 1, rate_hz=rate_hz, peak_dbfs=peak_dbfs, phase=np.deg2rad(phase_deg))
    fade = np.minimum(1, np.arange(len(samples)) / 1_000)
    faded = np.rint(samples * fade * fade[::-1]).astype(np.int16)
    peak = measure(faded, rate_hz).true_peak_dbtp
    assert peak is not None
    assert peak_dbfs - 0.4 <= peak <= peak_dbfs + 0.2


def test_true_peak_is_never_below_the_sample_peak() -> None:
    samples = np.zeros(1_000, np.int16)
    samples[500] = -32_768
    peak = measure(samples, 44_100).true_peak_dbtp
    assert peak is not None
    assert peak >= 0


def test_digital_silence_has_no_peak_and_is_silent() -> None:
    measures = measure(np.zeros(44_100, np.int16), 44_100)
    assert (measures.true_peak_dbtp, measures.silent_share, measures.clipped_share) == (None, 1.0, 0.0)


def test_runs_at_full_scale_are_clipped_and_single_samples_are_not() -> None:
    samples = noise(1_000)
    samples[10:13] = 32_767
    samples[100:104] = -32_768
    samples[200:202] = 32_767
    samples[300] = -32_768
    assert measure(samples, 44_100).clipped_share == pytest.approx(7 / 1_000)


def test_a_run_needs_one_end_of_the_scale() -> None:
    assert measure(np.array([32_767, -32_768] * 50, np.int16), 44_100).clipped_share == 0


def test_half_silent_is_half() -> None:
    samples = np.concatenate([tone(1_000, 1, peak_dbfs=-63), tone(1_000, 1, peak_dbfs=-50)])
    assert measure(samples, 44_100).silent_share == pytest.approx(0.5)


@pytest.mark.parametrize(("rms_dbfs", "share"), [(-60.2, 1.0), (-59.8, 0.0)])
def test_silence_begins_at_60_db_below_full_scale(rms_dbfs: float, share: float) -> None:
    samples = tone(1_000, 1, peak_dbfs=rms_dbfs + 10 * np.log10(2))
    assert measure(samples, 44_100).silent_share == share


def test_a_single_sample_can_be_measured() -> None:
    assert measure(np.array([1_000], np.int16), 4_000).silent_share == 0.0


def test_measuring_changes_nothing() -> None:
    samples = noise(44_100)
    samples.flags.writeable = False
    measure(samples, 44_100)
    assert np.array_equal(samples, noise(44_100))


@pytest.mark.parametrize("samples", [np.zeros(0, np.int16), np.zeros((4, 2), np.int16), np.zeros(4, np.float32)])
def test_what_is_no_mono_16_bit_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected mono int16"):
        measure(samples, 44_100)
