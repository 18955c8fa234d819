from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import gmean, rankdata

from ml.verification.fusion import arithmetic_mean, geometric_mean, rank_mean

RULES = [arithmetic_mean, geometric_mean, rank_mean]
seeds = st.integers(0, 10_000)


def ensemble(seed: int, *, members: int = 3, clips: int = 6, classes: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), size=(members, clips))


def test_the_means_by_hand() -> None:
    p = np.array([[[0.8, 0.2]], [[0.5, 0.5]]])
    np.testing.assert_allclose(arithmetic_mean(p), [[0.65, 0.35]])
    # sqrt(0.8 * 0.5) = sqrt(0.4), sqrt(0.2 * 0.5) = sqrt(0.1): two to one
    np.testing.assert_allclose(geometric_mean(p), [[2 / 3, 1 / 3]])
    np.testing.assert_allclose(rank_mean(p), [[0.75, 0.25]])  # 1 and 1/2 point against 0 and 1/2


def test_weights_by_hand() -> None:
    p = np.array([[[0.8, 0.2]], [[0.5, 0.5]]])
    np.testing.assert_allclose(arithmetic_mean(p, weight_E=np.array([3.0, 1.0])), [[0.725, 0.275]])
    # Jeong's exponents are not divided by their sum: 0.8 * 0.5 against 0.2 * 0.5 with 1 and 1, four to one
    np.testing.assert_allclose(geometric_mean(p, weight_E=np.array([1.0, 1.0])), [[0.8, 0.2]])
    np.testing.assert_allclose(rank_mean(p, weight_E=np.array([3.0, 1.0])), [[0.875, 0.125]])


def test_jeongs_weights_of_one_and_a_half_and_one() -> None:
    p = ensemble(1, members=2)
    powers = p[0] ** 1.5 * p[1]
    np.testing.assert_allclose(
        geometric_mean(p, weight_E=np.array([1.5, 1.0])), powers / powers.sum(axis=1, keepdims=True)
    )


def test_the_geometric_mean_is_scipys_divided_by_its_sum() -> None:
    mean = gmean(ensemble(2), axis=0)
    np.testing.assert_allclose(geometric_mean(ensemble(2)), mean / mean.sum(axis=1, keepdims=True))


def test_points_are_scipys_average_ranks() -> None:
    p = np.random.default_rng(3).integers(1, 4, size=(3, 5, 4)).astype(float)  # with ties
    p /= p.sum(axis=2, keepdims=True)
    points = (rankdata(p, axis=2) - 1).mean(axis=0)
    np.testing.assert_allclose(rank_mean(p), points / 6)


def test_a_zero_does_not_forbid_a_class_that_all_others_see() -> None:
    p = np.array([[[0.0, 1.0]], [[1.0, 0.0]]])
    np.testing.assert_allclose(geometric_mean(p), [[0.5, 0.5]])


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds)
def test_rows_sum_to_one_and_members_may_come_in_any_order(rule: Callable[..., np.ndarray], seed: int) -> None:
    p = ensemble(seed)
    np.testing.assert_allclose(rule(p).sum(axis=1), 1)
    np.testing.assert_allclose(rule(p[::-1]), rule(p))


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds, classes=st.permutations(range(4)))
def test_classes_may_be_renumbered(rule: Callable[..., np.ndarray], seed: int, classes: list[int]) -> None:
    p = ensemble(seed)
    np.testing.assert_allclose(rule(p[..., classes]), rule(p)[:, classes])


@pytest.mark.parametrize("rule", [arithmetic_mean, geometric_mean])
@given(seed=seeds)
def test_members_that_agree_are_left_as_they_are(rule: Callable[..., np.ndarray], seed: int) -> None:
    p = ensemble(seed, members=1)
    np.testing.assert_allclose(rule(np.repeat(p, 4, axis=0)), p[0], atol=1e-9)


@given(seed=seeds, power=st.floats(0.2, 3))
def test_ranks_ignore_how_sure_a_member_is(seed: int, power: float) -> None:
    p = np.maximum(ensemble(seed), 1e-3)
    p /= p.sum(axis=2, keepdims=True)
    bent = p.copy()
    bent[0] = p[0] ** power / (p[0] ** power).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(rank_mean(bent), rank_mean(p))


def test_a_single_class_is_certain() -> None:
    assert rank_mean(np.ones((2, 3, 1))).tolist() == [[1.0]] * 3


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("weights", [[1.0], [1.0, 1.0, -0.5], [0.0, 0.0, 0.0], [1.0, 1.0, np.nan]])
def test_weights_that_mean_nothing_are_refused(rule: Callable[..., np.ndarray], weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weight_E"):
        rule(ensemble(1), weight_E=np.array(weights))


def test_an_empty_ensemble_is_refused() -> None:
    with pytest.raises(ValueError, match="no member"):
        arithmetic_mean(np.zeros((0, 2, 3)))
