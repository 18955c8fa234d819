import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.noise_transitions import (
    NoiseConfig,
    p_label_correct,
    transition_matrix,
    true_class_posterior,
)
from tests.ml.verification.drawn_labels import draw_classes

TRANSITION = np.array([[0.9, 0.1, 0.0], [0.3, 0.6, 0.1], [0.0, 0.0, 1.0]])  # true class as row


def test_transitions_by_hand() -> None:
    # Counts have given labels as rows: of 10 clips truly 0, 8 are labelled 0 and 2 are labelled 1. The prior adds ten
    # clips, 7 on the diagonal and 1.5 on each of two other classes: 15/20, 3.5/20, 1.5/20. Of class 2 nothing is seen.
    counts = np.array([[8, 0, 0], [2, 5, 0], [0, 0, 0]])
    transition = transition_matrix(counts, config=NoiseConfig(prior_clips=10, prior_correct=0.7))
    np.testing.assert_allclose(transition[0], [0.75, 0.175, 0.075])
    np.testing.assert_allclose(transition[1], [1.5 / 15, 12 / 15, 1.5 / 15])
    np.testing.assert_allclose(transition[2], [0.15, 0.15, 0.7])


def test_a_single_class_is_always_given() -> None:
    assert transition_matrix(np.array([[4]]), config=NoiseConfig()).tolist() == [[1.0]]


@given(st.integers(0, 10_000), st.floats(0.1, 100), st.floats(0, 1))
def test_rows_of_transitions_sum_to_one_and_more_clips_outweigh_the_prior(
    seed: int, clips: float, correct: float
) -> None:
    counts = np.random.default_rng(seed).integers(1, 9, size=(4, 4))
    config = NoiseConfig(prior_clips=clips, prior_correct=correct)
    np.testing.assert_allclose(transition_matrix(counts, config=config).sum(axis=1), 1)
    seen = counts.T / counts.sum(axis=0)[:, None]
    np.testing.assert_allclose(transition_matrix(counts * 10**6, config=config), seen, atol=1e-3)


def test_the_posterior_by_hand() -> None:
    # Label 0, p = (0.5, 0.5, 0): 0.5 * 0.9 against 0.5 * 0.3, so 3/4. Label 1: 0.5 * 0.1 against 0.5 * 0.6, so 6/7.
    p = np.array([[0.5, 0.5, 0.0]] * 3)
    posterior = true_class_posterior(p, np.array([0, 1, -1]), TRANSITION)
    np.testing.assert_allclose(posterior, [[3 / 4, 1 / 4, 0], [1 / 7, 6 / 7, 0], [0.5, 0.5, 0]])
    np.testing.assert_allclose(p_label_correct(p, np.array([0, 1, -1]), TRANSITION), [3 / 4, 6 / 7, 0])
    np.testing.assert_allclose(p, [[0.5, 0.5, 0.0]] * 3)  # what was given stays as it was


def test_an_impossible_label_leaves_the_prediction_as_it_is() -> None:
    p = np.array([[1.0, 0.0, 0.0]])
    assert true_class_posterior(p, np.array([2]), TRANSITION).tolist() == p.tolist()
    assert p_label_correct(p, np.array([2]), TRANSITION).tolist() == [0.0]


def test_the_posterior_is_calibrated_if_prediction_and_noise_are() -> None:
    generator = np.random.default_rng(8)
    p = generator.dirichlet(np.ones(3), size=20_000)
    true = (np.cumsum(p, axis=1) < generator.uniform(size=(len(p), 1))).sum(axis=1)
    labels = draw_classes(TRANSITION[true], generator)
    chance = p_label_correct(p, labels, TRANSITION)
    for low in (0.3, 0.5, 0.7, 0.9):
        inside = (chance >= low) & (chance < low + 0.1)
        assert np.mean(labels[inside] == true[inside]) == pytest.approx(chance[inside].mean(), abs=0.03)


def test_what_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="prior_clips = 0"):
        NoiseConfig(prior_clips=0)
    with pytest.raises(ValueError, match=r"prior_correct = 1\.5"):
        NoiseConfig(prior_correct=1.5)
