from __future__ import annotations

import math

import pytest
import torch

from ml.training.losses import LossConfig, cross_entropy, kept_clips, smoothed_targets, smoothing_shares


def test_nguyen_spreads_epsilon_over_all_classes() -> None:
    # K = 4, epsilon = 0.2: 0.2 / 4 = 0.05 for the others, 1 - 3 / 4 * 0.2 = 0.85 for the label.
    target_BK = smoothed_targets(torch.tensor([1]), torch.tensor([0.2]), n_classes=4)

    torch.testing.assert_close(target_BK, torch.tensor([[0.05, 0.85, 0.05, 0.05]]))


def test_wilkinghoff_spreads_alpha_over_the_other_classes() -> None:
    # K = 4, alpha = 0.3: 0.3 / 3 = 0.1 for the others, 0.7 for the label.
    target_BK = smoothed_targets(torch.tensor([1]), torch.tensor([0.3]), n_classes=4, spread="others")

    torch.testing.assert_close(target_BK, torch.tensor([[0.1, 0.7, 0.1, 0.1]]))


def test_without_smoothing_a_target_is_its_label() -> None:
    assert smoothed_targets(torch.tensor([2, 0]), torch.zeros(2), n_classes=3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_smoothing_is_drawn_once_a_batch_and_for_non_verified_clips_only() -> None:
    config = LossConfig(smoothing_verified=0.05, smoothing_nonverified=(0.1, 0.3))
    verified_B = torch.tensor([True, False, False])
    generator = torch.Generator().manual_seed(0)

    shares = torch.stack([smoothing_shares(verified_B, config, generator=generator) for _ in range(500)])

    assert shares[:, 0].tolist() == pytest.approx([0.05] * 500)
    assert torch.equal(shares[:, 1], shares[:, 2])
    assert 0.1 <= float(shares[:, 1].min()) < 0.105
    assert 0.295 < float(shares[:, 1].max()) <= 0.3


def test_cross_entropy_of_soft_targets() -> None:
    # Scores (log 3, 0) are the probabilities 3/4 and 1/4.
    loss_B = cross_entropy(torch.tensor([[math.log(3), 0.0]]), torch.tensor([[0.8, 0.2]]))

    assert float(loss_B) == pytest.approx(-0.8 * math.log(0.75) - 0.2 * math.log(0.25))


def test_logarithms_of_probabilities_serve_as_scores() -> None:
    p = torch.tensor([[0.5, 0.3, 0.2]])

    assert float(cross_entropy(p.log(), torch.tensor([[0.0, 1.0, 0.0]]))) == pytest.approx(-math.log(0.3))


def test_masking_leaves_out_non_verified_clips_with_nearly_the_largest_loss() -> None:
    # The limit is 0.8 * 5 = 4, and 4 itself is not below it.
    loss_B = torch.tensor([1.0, 3.9, 4.0, 4.5, 5.0, 5.0])
    verified_B = torch.tensor([False, False, False, True, False, True])

    assert kept_clips(loss_B, verified_B, alpha=0.8).tolist() == [True, True, False, True, False, True]


def test_masking_of_a_part_looks_at_the_largest_loss_of_the_whole() -> None:
    kept_B = kept_clips(torch.tensor([1.0, 2.0]), torch.tensor([False, False]), alpha=0.8, largest=torch.tensor(10.0))

    assert kept_B.tolist() == [True, True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"smoothing_verified": 1.5}, "smoothing_verified = 1.5: expected 0 to 1"),
        ({"smoothing_nonverified": (0.3, 0.1)}, r"smoothing_nonverified\[1\] = 0.1: expected 0.3 to 1"),
        ({"smoothing_spread": "some"}, "smoothing_spread = 'some': expected one of all, others"),
        ({"nonverified_weight": -1}, "nonverified_weight = -1: expected at least 0"),
        ({"masking_alpha": 1.1}, "masking_alpha = 1.1: expected 0 to 1"),
    ],
)
def test_fields_out_of_range_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LossConfig(**changes)  # type: ignore[arg-type]  # wrong on purpose
