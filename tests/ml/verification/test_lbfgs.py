import numpy as np
import pytest
from scipy.optimize import minimize

from ml.verification.lbfgs import minimise


def test_a_bent_bowl_is_minimised_where_its_slope_vanishes() -> None:
    # f(x) = sum(a (x - c)^2) / 2 has its minimum at c, whatever its curvatures
    curvature, centre = np.logspace(-2, 3, 12), np.arange(12.0)
    found = minimise(
        lambda x: (float(np.sum(curvature * (x - centre) ** 2) / 2), curvature * (x - centre)),
        np.zeros(12),
        tolerance=1e-9,
        max_iterations=500,
    )
    assert found.converged
    assert found.value == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found.at_P, centre, atol=1e-6)


def test_it_ends_where_scipys_does() -> None:
    matrix = np.random.default_rng(1).normal(size=(40, 6))

    def softened(x: np.ndarray) -> tuple[float, np.ndarray]:
        score = matrix @ x + 0.3
        value = np.sum(np.logaddexp(0, score)) + 0.05 * x @ x
        return float(value), matrix.T @ (1 / (1 + np.exp(-score))) + 0.1 * x

    found = minimise(softened, np.zeros(6), tolerance=1e-8, max_iterations=200)
    reference = minimize(softened, np.zeros(6), jac=True, method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(found.at_P, reference.x, atol=1e-6)


def test_it_says_so_when_its_steps_run_out() -> None:
    found = minimise(lambda x: (float(np.sum(x**4)), 4 * x**3), np.ones(3), tolerance=1e-12, max_iterations=3)
    assert (found.converged, found.iterations) == (False, 3)


def test_it_says_so_when_the_value_no_longer_falls() -> None:
    found = minimise(lambda _: (1.0, np.ones(1)), np.zeros(1), tolerance=1e-9, max_iterations=10)  # a lying slope
    assert (found.converged, found.iterations) == (False, 0)


def test_a_start_at_the_minimum_takes_no_step() -> None:
    found = minimise(lambda x: (float(x @ x), 2 * x), np.zeros(3), tolerance=1e-9, max_iterations=10)
    assert (found.converged, found.iterations) == (True, 0)
