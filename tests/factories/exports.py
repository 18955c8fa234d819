"""Datasets whose clips have stored audio, for tests of exports."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from django.core.files.base import File
from django.core.files.storage import storages

from curation.audio.wav import encode_wav
from curation.models import CandidateAnnotation, Category, Clip, Dataset, Participant
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_participant

RATE_HZ = 8_000


def make_stored_clip(
    dataset: Dataset, name: str, *, participant: Participant, categories: Sequence[Category] = (), **fields: Any
) -> Clip:
    """Store a clip of a tenth of a second whose samples follow from its name, with a candidate annotation each."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    samples = np.random.default_rng(seed).integers(-3000, 3000, RATE_HZ // 10).astype(np.int16)
    key = f"clips/{hashlib.sha256(name.encode()).hexdigest()}.wav"
    storages["audio"].save(key, File(BytesIO(encode_wav(samples, RATE_HZ))))
    values: dict[str, Any] = {
        "audio_key": key,
        "sample_rate_hz": RATE_HZ,
        "frames": samples.size,
        "duration_s": samples.size / RATE_HZ,
        "loudness_lufs": -30.25,
        "clipped_share": 0.0,
        **fields,
    }
    clip = make_clip(dataset, participant=participant, name=name, **values)
    for category in categories:
        make_annotation(clip, category)
    return clip


def settle(annotation: CandidateAnnotation, presence: str) -> None:
    """Settle a candidate annotation as ratings would."""
    CandidateAnnotation.objects.filter(pk=annotation.pk).update(
        state="settled", consensus=presence, settled_at=annotation.created_at
    )


def make_exportable(slug: str = "tiny", people: int = 4) -> Dataset:
    """Store a dataset of two classes: each person recorded one clip of each, person 1 a third of both."""
    dataset = make_dataset(slug, sample_rate_hz=RATE_HZ, train_share=0.5, val_share=0.25)
    dataset.description = "Write to owner@example.org."
    dataset.save()
    bell, drum = make_category(dataset, "Bell"), make_category(dataset, "Snare drum")
    for number in range(1, people + 1):
        person = make_participant(dataset, f"user{number:04d}")
        fields = {"licence": "cc-by-4.0", "title": "=sum(a) by me@example.org", "tags": ["metal", "x@y.org"]}
        make_stored_clip(dataset, f"bell/{number}.wav", participant=person, categories=[bell], **fields)
        make_stored_clip(dataset, f"drum/{number}.wav", participant=person, categories=[drum])
        if number == 1:
            make_stored_clip(dataset, "both.wav", participant=person, categories=[drum, bell])
    return dataset
