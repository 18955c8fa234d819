import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from ml.verification.calibration import (
    COLDEST,
    FEWEST,
    HOTTEST,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
)
from ml.verification.probabilities import softmax


def clips(temperature: float, n: int = 4000, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Make predictions that are as much too sure as the temperature says, with labels drawn from the true ones."""
    generator = np.random.default_rng(seed)
    true_p = generator.dirichlet(np.full(4, 0.5), size=n)
    label = np.array([generator.choice(4, p=row) for row in true_p])
    return softmax(np.log(np.maximum(true_p, 1e-9)) * temperature), label


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_spoilt_predictions_is_found(temperature: float) -> None:
    p, label = clips(temperature)
    assert fit_temperature(p, label).value == pytest.approx(temperature, rel=0.06)


def test_the_temperature_minimises_the_log_loss() -> None:
    p, label = clips(2.0, n=300)
    fitted = fit_temperature(p, label)
    reference = minimize_scalar(
        lambda t: log_loss(label, softmax(np.log(p) / t), labels=range(4)), bounds=(0.1, 10), method="bounded"
    )
    assert fitted.value == pytest.approx(reference.x, abs=1e-3)
    assert fitted.loss_before == pytest.approx(log_loss(label, p, labels=range(4)))
    assert fitted.loss_after == pytest.approx(reference.fun)
    assert fitted.loss_after < fitted.loss_before


def test_calibration_closes_the_gap_and_keeps_the_ranking() -> None:
    p, label = clips(2.5)
    calibrated = fit_temperature(p, label).apply(p)

    def error(q: np.ndarray) -> float:
        return expected_calibration_error(reliability_bins(q.max(axis=1), q.argmax(axis=1) == label))

    assert error(p) > 0.1
    assert error(calibrated) < 0.02
    assert np.array_equal(np.argsort(calibrated, axis=1), np.argsort(p, axis=1))


def test_few_clips_fit_nothing() -> None:
    p, label = clips(2.5, n=FEWEST - 1)
    fitted = fit_temperature(p, label)
    assert (fitted.value, fitted.clips) == (1.0, FEWEST - 1)
    assert fitted.apply(p) is p
    assert fit_temperature(p, label, fewest=FEWEST - 1).value > 1


def test_no_clips_have_no_loss() -> None:
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)).loss_before is None


def test_the_temperature_stays_within_its_bounds() -> None:
    p = np.tile([0.6, 0.4], (50, 1))
    assert fit_temperature(p, np.zeros(50, dtype=int)).value == pytest.approx(COLDEST)  # all right
    assert fit_temperature(p, np.ones(50, dtype=int)).value == pytest.approx(HOTTEST)  # all wrong


def test_bins_by_hand() -> None:
    # Halves: 0, 0.2 and 0.5 lie in the first, whose upper limit belongs to it; 0.9 and 1 in the second.
    low, high = reliability_bins(
        np.array([0.0, 0.2, 0.5, 0.9, 1.0]), np.array([False, True, False, True, True]), n_bins=2
    )
    assert (low.low, low.high, low.clips, high.clips) == (0.0, 0.5, 3, 2)
    assert (low.confidence, low.accuracy) == (pytest.approx(0.7 / 3), pytest.approx(1 / 3))
    assert (high.confidence, high.accuracy) == (pytest.approx(0.95), 1.0)
    # 3/5 * |1/3 - 0.7/3| + 2/5 * 0.05 = 0.06 + 0.02
    assert expected_calibration_error([low, high]) == pytest.approx(0.08)


def test_an_empty_bin_has_no_accuracy_and_does_not_count() -> None:
    bins = reliability_bins(np.array([0.9]), np.array([True]), n_bins=2)
    assert (bins[0].clips, bins[0].confidence, bins[0].accuracy) == (0, None, None)
    assert expected_calibration_error(bins) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("confidence", "n_bins"), [([0.5], 0), ([1.5], 2), ([-0.1], 2), ([0.5, 0.5], 2), ([np.nan], 2)]
)
def test_confidences_that_mean_nothing_are_refused(confidence: list[float], n_bins: int) -> None:
    with pytest.raises(ValueError, match="expected at least 1 bin"):
        reliability_bins(np.array(confidence), np.array([True]), n_bins=n_bins)


def test_the_error_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no clip"):
        expected_calibration_error(reliability_bins(np.zeros(0), np.zeros(0, dtype=bool)))
