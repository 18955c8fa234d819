from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ml.training.clips import ClipFeatures
from ml.training.prediction import predict, predict_average
from ml.training.windows import WindowConfig
from tests.ml.training.small_training import SmallNetwork, small_clips

SLIDING = WindowConfig(kind="sliding", frames=2, hop=2)


class FirstCell(nn.Module):
    """Gives the first cell of an excerpt to class 0, as a score against 0 for class 1."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.batches: list[tuple[int, ...]] = []

    def forward(self, x_BCTM: Tensor) -> Tensor:
        self.batches.append(tuple(x_BCTM.shape))
        return torch.stack([self.scale * x_BCTM[:, 0, 0, 0], torch.zeros(len(x_BCTM))], dim=1)


def scored(*scores: list[float]) -> ClipFeatures:
    """Make clips of one band in which the score of each pair of frames is the given one."""
    spectrograms = [np.repeat(np.array(clip, np.float32), 2)[:, None] for clip in scores]
    return ClipFeatures.join(spectrograms, label_N=[-1] * len(scores), n_classes=2)


def test_the_mean_is_that_of_the_probabilities() -> None:
    # Scores log 3 and log 1/3 are 3/4 and 1/4 for class 0, together 1/2; log 4 is 4/5.
    p_NK = predict(FirstCell(), scored([np.log(3), -np.log(3)], [np.log(4)]), SLIDING, device="cpu")

    assert p_NK.dtype == np.float64
    np.testing.assert_allclose(p_NK, [[0.5, 0.5], [0.8, 0.2]], atol=1e-6)


def test_the_geometric_mean_is_normalised() -> None:
    # 4/5 and 1/2 for class 0, 1/5 and 1/2 for class 1: the roots of 0.4 and 0.1, which are as 2 to 1.
    windows = WindowConfig(kind="sliding", frames=2, hop=2, reduction="geometric")

    p_NK = predict(FirstCell(), scored([np.log(4), 0.0]), windows, device="cpu")

    np.testing.assert_allclose(p_NK, [[2 / 3, 1 / 3]], atol=1e-6)


@pytest.mark.parametrize("kind", ["whole", "sliding", "random"])
def test_a_clip_is_predicted_alike_in_any_company(kind: str) -> None:
    network, clips = SmallNetwork(), small_clips(12)
    windows = WindowConfig(kind=kind, frames=8, hop=3, count=1, clip_frames=None)  # type: ignore[arg-type]  # drawn

    together = predict(network, clips, windows, device="cpu")
    in_small_batches = predict(network, clips, windows, device="cpu", batch_frames=20)

    np.testing.assert_allclose(together, in_small_batches, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-12)
    if kind != "random":
        alone = np.concatenate([predict(network, clips.subset([n]), windows, device="cpu") for n in range(12)])
        np.testing.assert_allclose(together, alone, atol=1e-6)


def test_whole_clips_of_like_length_share_a_batch() -> None:
    network = FirstCell()

    predict(network, scored([1.0] * 20, [2.0] * 30, [3.0] * 17), WindowConfig(kind="whole", frames=4), device="cpu")

    # 40, 60 and 34 frames are padded to 64.
    assert network.batches == [(3, 1, 64, 1)]


def test_random_windows_are_those_of_the_seed() -> None:
    network, clips = SmallNetwork(), small_clips(6)
    windows = WindowConfig(kind="random", frames=4, count=3)

    first, second, other = (predict(network, clips, windows, device="cpu", seed=seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 1e-4


def test_a_network_goes_back_to_the_mode_it_was_in() -> None:
    network = SmallNetwork().train()

    predict(network, small_clips(3), SLIDING, device="cpu")

    assert network.training
    assert network.body.training


def test_batches_are_halved_until_they_fit() -> None:
    class Cramped(FirstCell):
        def forward(self, x_BCTM: Tensor) -> Tensor:
            if len(x_BCTM) > 3:
                raise torch.OutOfMemoryError
            return super().forward(x_BCTM)

    cramped, clips = Cramped(), scored(*[[float(n)] for n in range(11)])

    p_NK = predict(cramped, clips, SLIDING, device="cpu")

    np.testing.assert_allclose(p_NK[:, 0], 1 / (1 + np.exp(-np.arange(11.0))), atol=1e-6)
    assert [shape[0] for shape in cramped.batches] == [2, 2, 2, 2, 2, 1]  # 11, 5, then 2


def test_the_average_of_epochs_is_that_of_their_clip_probabilities() -> None:
    network, clips = FirstCell(), scored([1.0], [-2.0])
    kept = [{"scale": torch.tensor(1.0)}, {"scale": torch.tensor(3.0)}]

    p_NK = predict_average(network, kept, clips, SLIDING, device="cpu")

    # Scores 1 and 3, and -2 and -6.
    expected = [(1 / (1 + np.exp(-a)) + 1 / (1 + np.exp(-b))) / 2 for a, b in ((1, 3), (-2, -6))]
    np.testing.assert_allclose(p_NK[:, 0], expected, atol=1e-6)
    assert float(network.scale.detach()) == 1.0


def test_an_average_of_no_epochs_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the weights of at least one epoch"):
        predict_average(FirstCell(), [], scored([1.0]), SLIDING, device="cpu")
