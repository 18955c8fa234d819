"""Rows whose audio lies in the storage: synthesised, measured and small."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from numpy.typing import NDArray

from curation.audio.measures import measure
from curation.audio.wav import encode_wav
from curation.models import Clip, Dataset, Submission
from curation.services.audio_store import clip_key, original_key, store_clip_samples
from tests.factories.rows import make_clip, make_submission

RATE_HZ = 44_100


def barks(seconds: float, *, seed: int = 0, level: float = 0.3) -> NDArray[np.int16]:
    """Return bursts of falling harmonics over quiet noise: a picture that one can recognise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = 0.003 * random.standard_normal(len(time))
    for start in np.arange(0.3 + 0.2 * random.random(), seconds, 0.9 + 0.4 * random.random()):
        since = time - start
        envelope = np.where(since >= 0, np.exp(-9 * np.clip(since, 0, None)), 0)
        pitch = 420 + 380 * np.exp(-6 * np.clip(since, 0, None))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE_HZ
        sound += level * envelope * sum(np.sin(order * phase) / order for order in range(1, 9))
    return np.clip(np.round(sound * 20_000), -32_768, 32_767).astype(np.int16)


def make_sounding_clip(dataset: Dataset, *, seconds: float = 2.0, seed: int = 0, **fields: Any) -> Clip:
    """Store a clip's row and its audio, measured as an import measures it."""
    samples = barks(seconds, seed=seed)
    wav = encode_wav(samples, RATE_HZ)
    sha256 = hashlib.sha256(wav).hexdigest()
    key = clip_key(original_sha256=sha256, sample_rate_hz=RATE_HZ, dither="none")
    store_clip_samples(key, samples, RATE_HZ)
    measures = measure(samples, RATE_HZ)
    values = {
        "audio_key": key,
        "sample_rate_hz": RATE_HZ,
        "frames": len(samples),
        "duration_s": len(samples) / RATE_HZ,
        "loudness_lufs": measures.loudness_lufs,
        "true_peak_dbtp": measures.true_peak_dbtp,
        "clipped_share": measures.clipped_share,
        "silent_share": measures.silent_share,
        **fields,
    }
    return make_clip(dataset, **values)


def make_sounding_submission(dataset: Dataset, *, seconds: float = 3.0, seed: int = 0, **fields: Any) -> Submission:
    """Store a submission's row and its original."""
    samples = barks(seconds, seed=seed)
    wav = encode_wav(samples, RATE_HZ)
    sha256 = hashlib.sha256(wav).hexdigest()
    storages["audio"].save(original_key(sha256), ContentFile(wav))
    return make_submission(
        dataset,
        original_key=original_key(sha256),
        original_sha256=sha256,
        original_bytes=len(wav),
        frames=len(samples),
        duration_s=len(samples) / RATE_HZ,
        **fields,
    )
