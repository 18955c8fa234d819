from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from ml.training.augmentation import AugmentationConfig, Draws, beta_shares, blanked, draw, shifted_bands


def drawn(config: AugmentationConfig, *, size: int = 4000, frames: int = 40, bands: int = 20, seed: int = 0) -> Draws:
    return draw(config, size=size, frames=frames, bands=bands, generator=torch.Generator().manual_seed(seed))


def areas(blank_BR4: Tensor) -> Tensor:
    t0, t1, m0, m1 = blank_BR4.unbind(2)
    return (t1 - t0) * (m1 - m0)


def test_nothing_is_drawn_unless_asked() -> None:
    assert all(part is None for part in drawn(AugmentationConfig()))


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
def test_lambda_follows_the_beta_distribution(alpha: float) -> None:
    share_B = beta_shares(alpha, 4000, generator=torch.Generator().manual_seed(3))

    assert stats.kstest(share_B.double().numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_a_tiny_alpha_gives_shares_all_the_same() -> None:
    share_B = beta_shares(0.001, 1000, generator=torch.Generator().manual_seed(3))

    assert bool(share_B.isfinite().all())


def test_partners_are_the_batch_in_another_order() -> None:
    partner_B, share_B, *_ = drawn(AugmentationConfig(mixup_alpha=0.4), size=9)

    assert partner_B is not None
    assert sorted(partner_B.tolist()) == list(range(9))
    assert share_B is not None
    assert len(set(share_B.tolist())) == 9


def test_one_lambda_may_serve_the_whole_batch() -> None:
    share_B = drawn(AugmentationConfig(mixup_alpha=0.4, mixup_shared=True), size=9).share_B

    assert share_B is not None
    assert share_B.shape == (9,)
    assert len(set(share_B.tolist())) == 1


def test_the_predominant_share_is_the_larger_of_the_two() -> None:
    plain = drawn(AugmentationConfig(mixup_alpha=0.4), size=50).share_B
    larger = drawn(AugmentationConfig(mixup_alpha=0.4, mixup_predominant=True), size=50).share_B

    assert plain is not None
    assert larger is not None
    assert bool((plain < 0.5).any())
    assert torch.equal(larger, torch.where(plain < 0.5, 1 - plain, plain))


def test_stripes_cover_an_axis_and_are_at_most_as_wide_as_their_share() -> None:
    blank_BR4 = drawn(AugmentationConfig(mask_frames=0.1, mask_bands=0.25)).blank_BR4

    assert blank_BR4 is not None
    in_time, in_bands = blank_BR4.unbind(1)
    assert bool((in_time[:, 2:] == torch.tensor([0, 20])).all())
    assert bool((in_bands[:, :2] == torch.tensor([0, 40])).all())
    assert set((in_time[:, 1] - in_time[:, 0]).tolist()) == set(range(5))  # 10 % of 40 frames
    assert set((in_bands[:, 3] - in_bands[:, 2]).tolist()) == set(range(6))  # 25 % of 20 bands
    assert int(in_time[:, 0].min()) == 0
    assert int(in_time[:, 1].max()) == 40


def test_erased_rectangles_have_the_area_and_the_frequency_asked_for() -> None:
    blank_BR4 = drawn(AugmentationConfig(erasing=0.25)).blank_BR4

    assert blank_BR4 is not None
    share_B = areas(blank_BR4)[:, 0] / 800
    hit_B = share_B > 0
    assert 0.22 < float(hit_B.double().mean()) < 0.28
    assert float(share_B.max()) <= 0.4
    # Uniform from 2 % to 40 % has the mean 21 %; rounding down and the edges of the axes take a little.
    assert 0.17 < float(share_B[hit_B].mean()) < 0.21
    assert int(blank_BR4[:, 0, 1].max()) <= 40
    assert int(blank_BR4[:, 0, 3].max()) <= 20


def test_blanking_sets_just_the_rectangles_to_zero() -> None:
    x_BCTM = torch.arange(1, 2 * 2 * 3 * 4 + 1).view(2, 2, 3, 4).float()
    expected = x_BCTM.clone()
    expected[0, :, 1:3, 0:2] = 0
    expected[0, :, 2:3, 1:4] = 0  # overlaps the first
    expected[1, :, 0:1, :] = 0
    blank_BR4 = torch.tensor([[[1, 3, 0, 2], [2, 3, 1, 4]], [[0, 1, 0, 4], [1, 1, 0, 4]]])

    found = blanked(x_BCTM, blank_BR4)

    assert found is x_BCTM
    assert torch.equal(found, expected)


def test_bands_move_up_or_down_and_the_edge_is_repeated() -> None:
    x_BCTM = torch.tensor([[1.0, 2.0, 3.0, 4.0]]).expand(3, 1, 1, 4)

    found = shifted_bands(x_BCTM, torch.tensor([1, -2, 0]))

    assert found[:, 0, 0].tolist() == [[1, 1, 2, 3], [3, 4, 4, 4], [1, 2, 3, 4]]


def test_gain_and_shift_go_both_ways_up_to_their_limits() -> None:
    draws = drawn(AugmentationConfig(gain=0.5, shift_bands=2))

    assert draws.gain_B is not None
    assert draws.shift_B is not None
    assert -0.5 <= float(draws.gain_B.min()) < -0.49
    assert 0.49 < float(draws.gain_B.max()) <= 0.5
    assert set(draws.shift_B.tolist()) == {-2, -1, 0, 1, 2}


def test_the_same_seed_draws_the_same_augmentation() -> None:
    config = AugmentationConfig(mixup_alpha=0.4, mask_frames=0.1, erasing=0.5, gain=0.1)
    first, second, other = (drawn(config, size=5, seed=seed) for seed in (1, 1, 2))

    for name in ("partner_B", "share_B", "gain_B", "blank_BR4"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert not torch.equal(first.gain_B, other.gain_B)  # type: ignore[arg-type]  # both are drawn


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("mixup_alpha", -0.1, "at least 0"),
        ("mixup_alpha", float("nan"), "at least 0"),
        ("gain", -1, "at least 0"),
        ("shift_bands", -1, "at least 0"),
        ("mask_frames", 1.1, "0 to 1"),
        ("mask_bands", -0.1, "0 to 1"),
        ("erasing", 2, "0 to 1"),
    ],
)
def test_fields_out_of_range_are_refused(field: str, value: float, expected: str) -> None:
    with pytest.raises(ValueError, match=f"{field} = {value}: expected {expected}"):
        AugmentationConfig(**{field: value})  # type: ignore[arg-type]  # wrong on purpose
