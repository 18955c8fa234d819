from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ml.features.embedding import EmbeddingConfig, clip_excerpts
from ml.features.store import FeatureStore

CONFIG = EmbeddingConfig(
    file="panns.pt", trunk_digest="ab" * 32, sample_rate_hz=8_000, window_length=10, hop_length=4, n_bands=3
)


@pytest.mark.parametrize(("samples", "begins"), [(10, [0]), (11, [0, 1]), (14, [0, 4]), (23, [0, 4, 8, 12, 13])])
def test_the_last_excerpt_ends_with_the_clip(samples: int, begins: list[int]) -> None:
    excerpt_WL = clip_excerpts(torch.arange(float(samples)), CONFIG)
    assert excerpt_WL[:, 0].tolist() == begins
    assert excerpt_WL[-1, -1] == samples - 1
    assert tuple(excerpt_WL.shape) == (CONFIG.n_frames(samples), 10)


def test_a_short_clip_is_repeated() -> None:
    assert clip_excerpts(torch.tensor([1.0, 2.0, 3.0]), CONFIG).tolist() == [[1, 2, 3, 1, 2, 3, 1, 2, 3, 1]]
    with pytest.raises(ValueError, match="the clip has no samples"):
        clip_excerpts(torch.zeros(0), CONFIG)


@pytest.mark.parametrize(
    "change", [{"trunk_digest": "cd" * 32}, {"sample_rate_hz": 16_000}, {"window_length": 12}, {"hop_length": 5}]
)
def test_trunk_rate_and_excerpts_decide_where_embeddings_lie(tmp_path: Path, change: dict[str, Any]) -> None:
    assert replace(CONFIG, **change).digest() != CONFIG.digest()
    with FeatureStore(tmp_path, CONFIG) as store:
        store.add("0" * 8, torch.ones(1, 2, 3))
    assert FeatureStore(tmp_path, replace(CONFIG, **change)).missing(["0" * 8]) == ["0" * 8]


def test_the_files_name_decides_nothing(tmp_path: Path) -> None:
    with FeatureStore(tmp_path, CONFIG) as store:
        store.add("0" * 8, torch.ones(1, 2, 3))
    assert "0" * 8 in FeatureStore(tmp_path, replace(CONFIG, file="renamed.pt"))


def test_embeddings_are_stored_in_single_precision(tmp_path: Path) -> None:
    embedding = torch.tensor([[[1e-9, 1e9, 1 / 3]]])  # half precision has none of these
    with FeatureStore(tmp_path, CONFIG) as store:
        store.add("0" * 8, embedding)
        assert torch.equal(store.get("0" * 8), embedding)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hop_length": 11}, "hop_length = 11: expected at most 10"),
        ({"n_bands": 0}, "n_bands = 0: expected at least 1"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=f"panns.pt: {told}"):
        EmbeddingConfig(**{**asdict(CONFIG), **change})
