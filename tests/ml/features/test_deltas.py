from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from ml.features.deltas import delta, with_deltas, with_padded_deltas


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(("width", "frames"), [(9, 9), (9, 40), (5, 6), (3, 11)])
def test_deltas_are_librosas(order: int, width: int, frames: int) -> None:
    features = np.random.default_rng(2).standard_normal((2, frames, 5))
    expected = librosa.feature.delta(features, width=width, order=order, axis=1)
    np.testing.assert_allclose(delta(torch.tensor(features), width=width, order=order).numpy(), expected, atol=1e-9)


def test_a_parabola_has_slope_and_curvature_everywhere() -> None:
    time = torch.arange(20.0, dtype=torch.float64)
    parabola = (3.0 * time.square())[None, :, None]
    inner = slice(4, -4)
    assert torch.allclose(delta(parabola, order=1)[0, inner, 0], 6.0 * time[inner])
    assert torch.allclose(delta(parabola, order=2), torch.full_like(parabola, 6.0))


def test_deltas_without_padding_lose_eight_frames() -> None:
    # 431 frames become 423, the shape of the paper; a cube's slope of slopes is its second derivative, 6 t.
    time = torch.arange(431.0, dtype=torch.float64)
    x = (time**3)[None, None, :, None].expand(2, 1, -1, 3)
    stacked = with_deltas(x)
    assert stacked.shape == (2, 3, 423, 3)
    assert torch.equal(stacked[0, 0, :, 0], x[0, 0, 4:-4, 0])
    assert torch.allclose(stacked[0, 2, :, 0], 6.0 * time[4:-4])


def test_slopes_without_padding_are_the_inner_ones() -> None:
    x = torch.randn(1, 30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = delta(x, width=5)
    assert torch.allclose(with_deltas(x)[1:2], expected[:, 4:-4])
    assert torch.allclose(with_deltas(x)[2:3], delta(expected, width=5)[:, 4:-4])


def test_padded_deltas_keep_all_frames() -> None:
    x = torch.randn(1, 12, 4, generator=torch.Generator().manual_seed(0))
    stacked = with_padded_deltas(x)
    assert stacked.shape == (3, 12, 4)
    assert torch.equal(stacked[2:], delta(x, order=2))


@pytest.mark.parametrize(
    ("frames", "width", "order", "told"),
    [(8, 9, 1, "8 frames"), (9, 4, 1, "width = 4"), (9, 1, 1, "width = 1"), (9, 9, 3, "order = 3")],
)
def test_what_has_no_derivative_is_refused(frames: int, width: int, order: int, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        delta(torch.zeros(1, frames, 2), width=width, order=order)
