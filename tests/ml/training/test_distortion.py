from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.training.augmentation import AugmentationConfig, draw
from ml.training.distortion import coloured, draw_tone, draw_warp, warped

UNCHANGED = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_tone_is_linear_between_its_points_and_the_same_in_all_frames() -> None:
    x_BCTM = torch.zeros(2, 2, 3, 5)

    found = coloured(x_BCTM, torch.tensor([[0.0, 2.0, -2.0], [1.0, 1.0, 1.0]]))

    # Three points stand at bands 0, 2 and 4.
    expected = torch.tensor([[0.0, 1.0, 2.0, 0.0, -2.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    assert found is x_BCTM
    torch.testing.assert_close(found, expected[:, None, None, :].expand(2, 2, 3, 5))


def test_a_tone_is_added() -> None:
    x_BCTM = torch.rand(3, 1, 4, 6, generator=seeded())

    found = coloured(x_BCTM.clone(), torch.full((3, 2), 0.5))

    torch.testing.assert_close(found, x_BCTM + 0.5)


def test_tones_have_the_deviation_asked_for_and_differ_from_excerpt_to_excerpt() -> None:
    tone_BP = draw_tone(0.3, points=5, size=4_000, generator=seeded())

    assert tone_BP.shape == (4_000, 5)
    assert float(tone_BP.std()) == pytest.approx(0.3, rel=0.05)
    assert float(tone_BP.mean()) == pytest.approx(0, abs=0.01)
    correlation = np.corrcoef(tone_BP.numpy().T) - np.eye(5)
    assert np.abs(correlation).max() < 0.06


def test_a_map_that_changes_nothing_changes_nothing() -> None:
    x_BCTM = torch.rand(2, 3, 7, 5, generator=seeded())

    torch.testing.assert_close(warped(x_BCTM, UNCHANGED.expand(2, 2, 3)), x_BCTM)


def test_half_the_frames_stretched_over_all() -> None:
    x_BCTM = torch.arange(4.0)[None, None, :, None].expand(1, 1, 4, 2)
    map_B23 = UNCHANGED.clone()[None]
    map_B23[0, 1, 1] = 0.5

    found = warped(x_BCTM, map_B23)

    # Frames have their centres at -0.75, -0.25, 0.25 and 0.75; half of these places lie at frames 0.75, 1.25, ...
    torch.testing.assert_close(found[0, 0, :, 0], torch.tensor([0.75, 1.25, 1.75, 2.25]))
    torch.testing.assert_close(found[0, 0, :, 1], found[0, 0, :, 0])


def test_what_moves_in_from_beyond_the_edge_is_the_edge() -> None:
    x_BCTM = torch.arange(4.0).expand(2, 1, 3, 4)
    map_B23 = UNCHANGED.repeat(2, 1, 1)
    map_B23[0, 0, 2] = 0.5  # a quarter of the four bands, which are 2 long
    map_B23[1, 0, 2] = -1.0

    found = warped(x_BCTM, map_B23)

    torch.testing.assert_close(found[0, 0, 1], torch.tensor([1.0, 2.0, 3.0, 3.0]))
    torch.testing.assert_close(found[1, 0, 1], torch.tensor([0.0, 0.0, 0.0, 1.0]))


@given(
    stretch=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    move=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 2**32),
)
def test_warps_stay_within_their_limits(stretch: tuple[float, float], move: tuple[float, float], seed: int) -> None:
    map_B23 = draw_warp(stretch=stretch, move=move, size=50, generator=seeded(seed))

    slack = 1e-5
    assert float(map_B23[:, 1, 1].log().abs().max()) <= stretch[0] + slack
    assert float(map_B23[:, 0, 0].log().abs().max()) <= stretch[1] + slack
    assert float(map_B23[:, 1, 2].abs().max()) <= 2 * move[0] + slack
    assert float(map_B23[:, 0, 2].abs().max()) <= 2 * move[1] + slack
    # Nothing is turned or sheared.
    assert not map_B23[:, 0, 1].any()
    assert not map_B23[:, 1, 0].any()


def test_frames_and_bands_have_limits_of_their_own() -> None:
    map_B23 = draw_warp(stretch=(0.3, 0.0), move=(0.0, 0.2), size=2_000, generator=seeded())

    assert bool((map_B23[:, 0, 0] == 1).all())
    assert bool((map_B23[:, 1, 2] == 0).all())
    # Uniform draws come near both of their limits.
    assert float(map_B23[:, 1, 1].max()) == pytest.approx(math.exp(0.3), rel=0.01)
    assert float(map_B23[:, 1, 1].min()) == pytest.approx(math.exp(-0.3), rel=0.01)
    assert float(map_B23[:, 0, 2].max()) == pytest.approx(0.4, rel=0.01)
    assert float(map_B23[:, 0, 2].min()) == pytest.approx(-0.4, rel=0.01)


def test_distortions_are_drawn_where_they_are_asked_for_and_only_there() -> None:
    def drawn(config: AugmentationConfig, seed: int = 0) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        draws = draw(config, size=6, frames=10, bands=8, generator=seeded(seed))
        return draws.tone_BP, draws.warp_B23

    assert drawn(AugmentationConfig(gain=1.0)) == (None, None)
    tone_BP, warp_B23 = drawn(AugmentationConfig(tone=0.3, tone_points=7))
    assert tone_BP is not None
    assert tone_BP.shape == (6, 7)
    assert warp_B23 is None
    for name in ("stretch_frames", "stretch_bands", "move_frames", "move_bands"):
        tone_BP, warp_B23 = drawn(AugmentationConfig(**{name: 0.1}))  # type: ignore[arg-type]  # one share
        assert tone_BP is None
        assert warp_B23 is not None
        assert warp_B23.shape == (6, 2, 3)
        again = drawn(AugmentationConfig(**{name: 0.1}))[1]  # type: ignore[arg-type]  # one share
        assert again is not None
        assert torch.equal(warp_B23, again)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tone": -0.1}, "tone = -0.1"),
        ({"tone_points": 1}, "tone_points = 1"),
        ({"stretch_bands": -1.0}, "stretch_bands = -1"),
        ({"move_frames": 1.5}, "move_frames = 1.5"),
    ],
)
def test_distortions_that_cannot_be_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AugmentationConfig(**changes)  # type: ignore[arg-type]  # wrong on purpose
