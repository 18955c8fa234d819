import numpy as np
import pytest

from ml.verification.probabilities import (
    NONE,
    TIED,
    best_classes,
    checked_labels,
    checked_probabilities,
    log_probabilities,
    probability_of,
    softmax,
)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, 0.5], "expected 2 axes NK"),
        (np.zeros((3, 0)), "the last not empty"),
        ([[0.5, 0.6]], r"sums to 1\.1"),
        ([[1.5, -0.5]], "holds -0.5"),
        ([[np.nan, 1.0]], "not finite"),
        ([[2.0, -3.0], [0.0, 1.0]], "expected probabilities"),
    ],
)
def test_what_is_not_a_probability_is_refused(p: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_probabilities("p_NK", p, axes="NK")


def test_single_precision_softmax_passes_as_it_is() -> None:
    p = np.full((2, 41), 1 / 41, dtype=np.float32)
    assert np.array_equal(checked_probabilities("p_NK", p, axes="NK"), p.astype(np.float64))


def test_no_clips_are_fine() -> None:
    assert checked_probabilities("p_NK", np.zeros((0, 3)), axes="NK").shape == (0, 3)
    assert checked_labels("label_N", np.zeros(0), n_clips=0, n_classes=3).dtype == np.int64


@pytest.mark.parametrize(
    ("label", "lowest", "message"),
    [
        ([0, 1], NONE, "expected 3 integers"),
        ([0.0, 1.0, 2.0], NONE, "expected 3 integers"),
        ([0, 1, 3], NONE, "holds 0 to 3: expected -1 to 2"),
        ([-2, 1, 2], NONE, "holds -2 to 2: expected -1 to 2"),
        ([-1, 1, 2], 0, "holds -1 to 2: expected 0 to 2"),
    ],
)
def test_labels_outside_the_classes_are_refused(label: list[float], lowest: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_labels("label_N", np.array(label), n_clips=3, n_classes=3, lowest=lowest)


def test_a_tied_best_class_is_no_class() -> None:
    best, p = best_classes(np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]]))
    assert best.tolist() == [1, TIED]
    assert p.tolist() == [0.5, 0.4]


def test_a_missing_label_has_no_probability() -> None:
    assert probability_of(np.array([[0.2, 0.8], [0.2, 0.8]]), np.array([1, NONE])).tolist() == [0.8, 0.0]


def test_logarithms_of_zero_are_finite_and_softmax_does_not_overflow() -> None:
    assert log_probabilities(np.array([[0.0, 1.0]])).tolist() == [[pytest.approx(np.log(1e-12)), 0.0]]
    assert softmax(np.array([[1000.0, 1000.0]])).tolist() == [[0.5, 0.5]]
