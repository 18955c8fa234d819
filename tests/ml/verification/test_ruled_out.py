from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.ruled_out import without_ruled_out


def test_the_others_share_what_a_class_had_in_proportion() -> None:
    # 0.6 is ruled out of (0.6, 0.3, 0.1): 0.3 / 0.4 and 0.1 / 0.4 are left; two ruled out leave one alone.
    p_NK = np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])
    ruled_out_NK = np.array([[True, False, False], [True, True, False], [False, False, False]])

    left_NK = without_ruled_out(p_NK, ruled_out_NK)

    np.testing.assert_allclose(left_NK, [[0, 0.75, 0.25], [0, 0, 1], [0.6, 0.3, 0.1]])


def test_of_two_classes_the_other_one_is_left() -> None:
    np.testing.assert_array_equal(without_ruled_out(np.array([[0.99, 0.01]]), np.array([[True, False]])), [[0, 1]])


def test_classes_that_had_nothing_share_evenly_and_none_left_have_nothing() -> None:
    p_NK = np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])

    left_NK = without_ruled_out(p_NK, np.array([[True, False, False], [True, True, True]]))

    np.testing.assert_array_equal(left_NK, [[0, 0.5, 0.5], [0, 0, 0]])


@given(st.integers(0, 10_000))
def test_what_is_left_sums_to_one_and_keeps_its_proportions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p_NK = rng.dirichlet(np.full(5, 0.3), 20)
    ruled_out_NK = rng.random((20, 5)) < rng.random()

    left_NK = without_ruled_out(p_NK, ruled_out_NK)

    assert (left_NK[ruled_out_NK] == 0).all()
    np.testing.assert_allclose(left_NK.sum(axis=1), (~ruled_out_NK).any(axis=1))
    np.testing.assert_array_equal(left_NK[~ruled_out_NK.any(axis=1)], p_NK[~ruled_out_NK.any(axis=1)])
    assert (left_NK >= np.where(ruled_out_NK, 0, p_NK) - 1e-12).all()
    # Whoever asks twice, or class by class, hears the same.
    np.testing.assert_allclose(without_ruled_out(left_NK, ruled_out_NK), left_NK, atol=1e-12)
