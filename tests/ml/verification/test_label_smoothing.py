import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.label_smoothing import draw_epsilons, smoothed_labels


def test_equation_2_by_hand() -> None:
    # k = 4, epsilon = 0.2: others 0.2/4 = 0.05, target 1 - 3/4 * 0.2 = 0.85; epsilon = 0 leaves one-hot
    targets = smoothed_labels(np.array([2, 0]), np.array([0.2, 0.0]), n_classes=4)
    np.testing.assert_allclose(targets, [[0.05, 0.05, 0.85, 0.05], [1, 0, 0, 0]])


@given(st.integers(1, 50), st.floats(0, 1))
def test_rows_sum_to_one(n_classes: int, epsilon: float) -> None:
    assert smoothed_labels(np.array([0]), np.array([epsilon]), n_classes=n_classes).sum() == pytest.approx(1)


def test_epsilons_lie_between_a_tenth_and_three_tenths_and_repeat_with_their_seed() -> None:
    drawn = draw_epsilons(1000, generator=np.random.default_rng(3))
    assert 0.1 <= drawn.min() < 0.11
    assert 0.29 < drawn.max() <= 0.3
    assert np.array_equal(drawn, draw_epsilons(1000, generator=np.random.default_rng(3)))


def test_an_epsilon_outside_its_range_or_a_missing_label_is_refused() -> None:
    with pytest.raises(ValueError, match=r"epsilon_N holds 1\.5"):
        smoothed_labels(np.array([0]), np.array([1.5]), n_classes=2)
    with pytest.raises(ValueError, match="label_N holds -1"):
        smoothed_labels(np.array([-1]), np.array([0.1]), n_classes=2)
