"""Sounds of the demonstration, made from noise and sines: five scenes one can tell apart, and four short sounds.

They are no models of anything; they are clear enough that a person who votes or rates has something to
decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Signal = NDArray[np.float64]
SAMPLE_RATE_HZ = 44_100
_LEVEL_DBFS = -24.0  # of an ordinary recording, root mean square


def _noise(rng: np.random.Generator, seconds: float, low_hz: float, high_hz: float) -> Signal:
    """Return noise between two frequencies, shape (samples,), root mean square 1."""
    sos = signal.butter(2, (low_hz, high_hz), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    noise = signal.sosfilt(sos, rng.standard_normal(round(seconds * SAMPLE_RATE_HZ)))
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _place(canvas: Signal, sound: Signal, at_s: float, gain: float) -> None:
    start = round(at_s * SAMPLE_RATE_HZ)
    part = sound[: max(0, canvas.size - start)]
    canvas[start : start + part.size] += gain * part


def _ring(frequencies_hz: tuple[float, ...], seconds: float, decay_s: float) -> Signal:
    """Return sines that die away, as struck metal does."""
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tones = sum((np.sin(2 * np.pi * frequency * time_s) for frequency in frequencies_hz), np.zeros_like(time_s))
    return np.asarray(tones * np.exp(-time_s / decay_s) / len(frequencies_hz))


def bus(rng: np.random.Generator, seconds: float) -> Signal:
    """Return an engine: a hum whose speed drifts, over low rumble."""
    samples = round(seconds * SAMPLE_RATE_HZ)
    drift = np.interp(np.arange(samples), np.linspace(0, samples, 9), rng.uniform(38, 62, 9))
    phase = 2 * np.pi * np.cumsum(drift) / SAMPLE_RATE_HZ
    hum = sum((np.sin(harmonic * phase) / harmonic for harmonic in (1, 2, 3, 4, 6)), np.zeros(samples))
    return np.asarray(hum + 0.5 * _noise(rng, seconds, 30, 250) + 0.05 * _noise(rng, seconds, 400, 3000))


def park(rng: np.random.Generator, seconds: float) -> Signal:
    """Return birds: short falling and rising whistles over a light wind."""
    canvas = 0.15 * _noise(rng, seconds, 150, 900)
    for _ in range(round(seconds * 1.5)):
        length_s, low, high = rng.uniform(0.08, 0.25), rng.uniform(2200, 3500), rng.uniform(3600, 5500)
        time_s = np.arange(round(length_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        chirp = signal.chirp(time_s, low, length_s, high) * np.hanning(time_s.size)
        begin_s = rng.uniform(0, seconds - 1)
        for repeat in range(int(rng.integers(1, 4))):
            _place(canvas, chirp, begin_s + repeat * 1.3 * length_s, rng.uniform(0.5, 2.0))
    return canvas


def street(rng: np.random.Generator, seconds: float) -> Signal:
    """Return footsteps at a walking pace, with far traffic."""
    canvas = 0.3 * _noise(rng, seconds, 60, 500)
    step = _noise(rng, 0.09, 150, 2500) * np.exp(-np.linspace(0, 6, round(0.09 * SAMPLE_RATE_HZ)))
    at_s = rng.uniform(0.1, 0.5)
    while at_s < seconds - 0.2:
        _place(canvas, step, at_s, rng.uniform(2.0, 3.0))
        at_s += rng.uniform(0.5, 0.62)
    return canvas


def kitchen(rng: np.random.Generator, seconds: float) -> Signal:
    """Return clanks of dishes over the hum of a refrigerator."""
    canvas = 0.12 * _noise(rng, seconds, 90, 400)
    for _ in range(round(seconds * 0.9)):
        base = rng.uniform(1400, 3200)
        clank = _ring((base, base * 1.51, base * 2.27, base * 3.1), 0.5, rng.uniform(0.04, 0.15))
        _place(canvas, clank, rng.uniform(0, seconds - 0.6), rng.uniform(1.5, 4.0))
    return canvas


def restroom(rng: np.random.Generator, seconds: float) -> Signal:
    """Return running water: bright noise that wavers, with drops."""
    samples = round(seconds * SAMPLE_RATE_HZ)
    waver = np.interp(
        np.arange(samples), np.linspace(0, samples, round(4 * seconds)), rng.uniform(0.5, 1.0, round(4 * seconds))
    )
    canvas = waver * _noise(rng, seconds, 900, 9000)
    for _ in range(round(seconds * 2)):
        _place(canvas, _ring((rng.uniform(700, 1500),), 0.08, 0.02), rng.uniform(0, seconds - 0.2), 3.0)
    return np.asarray(canvas)


def babble(rng: np.random.Generator, seconds: float) -> Signal:
    """Return voices: pulses of a wandering pitch through formants that change with each syllable."""
    canvas = np.zeros(round(seconds * SAMPLE_RATE_HZ))
    at_s = 0.2
    while at_s < seconds - 0.5:
        length_s, pitch_hz = rng.uniform(0.12, 0.3), rng.uniform(110, 220)
        pulses = signal.square(2 * np.pi * pitch_hz * np.arange(round(length_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ, 0.1)
        for formant_hz in (rng.uniform(300, 800), rng.uniform(900, 2400)):
            b, a = signal.iirpeak(formant_hz, 6.0, fs=SAMPLE_RATE_HZ)
            _place(canvas, signal.lfilter(b, a, pulses) * np.hanning(pulses.size), at_s, 1.0)
        at_s += length_s + rng.uniform(0.0, 0.15)
    return canvas


def bell(rng: np.random.Generator, seconds: float) -> Signal:
    """Return one stroke of a bell."""
    base = rng.uniform(500, 900)
    return _ring((base, base * 2.0, base * 2.76, base * 5.4), seconds, seconds / 4)


def whistle(rng: np.random.Generator, seconds: float) -> Signal:
    """Return a whistle with vibrato."""
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    wave = np.sin(2 * np.pi * rng.uniform(1200, 2200) * time_s + 6 * np.sin(2 * np.pi * 6 * time_s))
    return np.asarray(wave * np.hanning(time_s.size))


def drum(rng: np.random.Generator, seconds: float) -> Signal:
    """Return beats of a drum."""
    canvas = np.zeros(round(seconds * SAMPLE_RATE_HZ))
    beat = _ring((rng.uniform(60, 110), rng.uniform(140, 200)), 0.4, 0.08)
    for at_s in np.arange(0.0, seconds - 0.1, rng.uniform(0.25, 0.5)):
        _place(canvas, beat, float(at_s), rng.uniform(0.7, 1.0))
    return canvas


def hiss(rng: np.random.Generator, seconds: float) -> Signal:
    """Return escaping steam."""
    return _noise(rng, seconds, 3000, 12000) * np.exp(-np.linspace(0, 2, round(seconds * SAMPLE_RATE_HZ)))


Synthesiser = Callable[[np.random.Generator, float], Signal]
SCENES: Mapping[str, Synthesiser] = {
    "Bus": bus,
    "Kitchen": kitchen,
    "Park": park,
    "Restroom": restroom,
    "Street": street,
}
SHORT_SOUNDS: Mapping[str, Synthesiser] = {"Bell": bell, "Drum": drum, "Steam": hiss, "Whistle": whistle}


def as_recorded(sound: Signal, *, gain_db: float = 0.0) -> NDArray[np.int16]:
    """Bring a sound to the level of a recording and round it to 16 bit.

    Parameters
    ----------
    sound : ndarray [shape=(samples,)]
        Any level.
    gain_db : float
        Above or below an ordinary recording, in dB; far above, it clips.

    Returns
    -------
    ndarray of int16 [shape=(samples,)]
        With fades of 5 ms at both ends.
    """
    fade = np.minimum(1.0, np.arange(sound.size) / (0.005 * SAMPLE_RATE_HZ))
    level = 10 ** ((_LEVEL_DBFS + gain_db) / 20) / np.sqrt(np.mean(sound**2))
    steps = np.rint(sound * fade * fade[::-1] * level * 32_767)
    return np.asarray(np.clip(steps, -32_768, 32_767), dtype=np.int16)
