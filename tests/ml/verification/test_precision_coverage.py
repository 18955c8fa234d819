import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from ml.verification.precision_coverage import precision_coverage


def test_the_curve_by_hand() -> None:
    curve = precision_coverage(np.array([0.9, 0.5, 0.9, 0.2]), np.array([True, False, False, True]))
    assert curve.threshold_M.tolist() == [0.2, 0.5, 0.9]
    assert curve.accepted_M.tolist() == [4, 3, 2]
    assert curve.correct_M.tolist() == [2, 1, 1]
    np.testing.assert_allclose(curve.precision_M, [2 / 4, 1 / 3, 1 / 2])
    np.testing.assert_allclose(curve.coverage_M, [1, 3 / 4, 2 / 4])


def test_its_precision_is_scikit_learns() -> None:
    generator = np.random.default_rng(10)
    chance, right = generator.integers(0, 20, size=200) / 20, generator.uniform(size=200) < 0.6
    precision, _, threshold = precision_recall_curve(right, chance)
    curve = precision_coverage(chance, right)
    np.testing.assert_allclose(curve.threshold_M, threshold)
    np.testing.assert_allclose(curve.precision_M, precision[:-1])


def test_nothing_has_an_empty_curve() -> None:
    assert precision_coverage(np.zeros(0), np.zeros(0, dtype=bool)).precision_M.tolist() == []


def test_chances_outside_their_range_or_without_outcome_are_refused() -> None:
    with pytest.raises(ValueError, match=r"p_correct_N holds 1\.5"):
        precision_coverage(np.array([1.5]), np.array([True]))
    with pytest.raises(ValueError, match="is_correct_N has 2 clips: expected 1"):
        precision_coverage(np.array([0.5]), np.array([True, False]))
