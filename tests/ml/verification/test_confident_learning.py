import numpy as np
import pytest

from ml.verification.confident_learning import (
    calibrated_joint,
    class_thresholds,
    confident_joint,
    estimate_noise,
)
from ml.verification.noise_transitions import NoiseConfig

# Thresholds by hand: class 0 (0.9 + 0.6 + 0.3)/3 = 0.6; class 1 (0.8 + 0.4)/2 = 0.6; class 2 has no label.
P = np.array(
    [
        [0.90, 0.05, 0.05],  # given 0: confidently 0
        [0.60, 0.40, 0.00],  # given 0: 0.6 reaches 0.6: confidently 0
        [0.30, 0.70, 0.00],  # given 0: confidently 1
        [0.10, 0.80, 0.10],  # given 1: confidently 1
        [0.50, 0.40, 0.10],  # given 1: reaches no threshold
        [0.00, 0.95, 0.05],  # no label
    ]
)
GIVEN = np.array([0, 0, 0, 1, 1, -1])


def noisy(n: int = 6000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw true classes from calibrated probabilities, and labels from the classes."""
    generator = np.random.default_rng(6)
    transition = np.array([[0.8, 0.2, 0.0], [0.0, 0.9, 0.1], [0.3, 0.0, 0.7]])
    p = generator.dirichlet(np.full(3, 0.05), size=n)
    true = np.array([generator.choice(3, p=row) for row in p])
    given = np.array([generator.choice(3, p=transition[label]) for label in true])
    return p, true, given, transition


def test_thresholds_are_mean_self_confidences() -> None:
    np.testing.assert_allclose(class_thresholds(P, GIVEN), [0.6, 0.6, np.inf])


def test_the_confident_joint_by_hand() -> None:
    assert confident_joint(P, GIVEN, class_thresholds(P, GIVEN)).tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_of_several_classes_above_their_thresholds_the_most_probable_counts() -> None:
    thresholds = np.array([0.3, 0.3, 0.3])
    p = np.array([[0.35, 0.45, 0.20], [0.40, 0.40, 0.20]])  # the second is tied and counts for none
    assert confident_joint(p, np.array([0, 0]), thresholds).tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]


def test_equal_probabilities_reach_their_mean_despite_rounding() -> None:
    p = np.tile([0.1, 0.9], (3, 1))
    assert np.mean(p[:, 0]) > 0.1  # in binary
    assert confident_joint(p, np.zeros(3, dtype=int), class_thresholds(p, np.zeros(3, dtype=int)))[0, 0] == 3


def test_the_joint_is_scaled_to_the_given_labels() -> None:
    # Row 0: 3 of 5 clips, split 2 to 1; row 1: 2 of 5 clips, all confidently 1.
    joint = calibrated_joint(np.array([[2, 1, 0], [0, 1, 0], [0, 0, 0]]), np.array([3, 2, 0]))
    np.testing.assert_allclose(joint, [[0.4, 0.2, 0], [0, 0.4, 0], [0, 0, 0]])


def test_a_label_without_confident_clips_is_taken_to_be_right() -> None:
    joint = calibrated_joint(np.array([[3, 1], [0, 0]]), np.array([6, 2]))
    np.testing.assert_allclose(joint, [[0.5625, 0.1875], [0, 0.25]])


def test_the_noise_of_labels_is_recovered() -> None:
    p, _, given, transition = noisy()
    noise = estimate_noise(p, given, config=NoiseConfig(prior_clips=1))
    assert noise.joint_KK.sum() == pytest.approx(1)
    np.testing.assert_allclose(noise.joint_KK.sum(axis=1), np.bincount(given) / len(given))
    np.testing.assert_allclose(noise.transition_KK, transition, atol=0.06)


def test_classes_may_be_renumbered() -> None:
    p, _, given, _ = noisy(500)
    classes = np.array([2, 0, 1])
    moved = np.empty_like(p)
    moved[:, classes] = p
    before = estimate_noise(p, given, config=NoiseConfig()).transition_KK
    after = estimate_noise(moved, classes[given], config=NoiseConfig()).transition_KK
    np.testing.assert_allclose(after[np.ix_(classes, classes)], before)


def test_data_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="no clip has a given label"):
        estimate_noise(P, np.full(6, -1), config=NoiseConfig())
