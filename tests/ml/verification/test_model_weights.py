import numpy as np
import pytest
from scipy.optimize import minimize

from ml.verification.model_weights import PENALTY, fit_model_weights


def ensemble(*qualities: float, clips: int = 150, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    label = generator.integers(0, classes, size=clips)
    score = generator.normal(size=(len(qualities), clips, classes))
    score += np.array(qualities)[:, None, None] * np.eye(classes)[label]
    power = np.exp(score)
    return power / power.sum(axis=2, keepdims=True), label


def test_there_is_one_weight_for_each_model_and_the_loss_is_at_its_minimum() -> None:
    p, label = ensemble(2.0, 1.0, 0.0)
    fitted = fit_model_weights(p, label)
    z = np.log(p)
    z = (z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True)

    def loss(weight: np.ndarray) -> float:
        score = np.tensordot(weight, z, axes=1)
        log_p = score - np.log(np.exp(score).sum(axis=1, keepdims=True))
        return float(-log_p[np.arange(len(label)), label].mean() + PENALTY * weight @ weight)

    reference = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12})
    np.testing.assert_allclose(fitted.weight_E, reference.x, atol=1e-5)


def test_better_models_weigh_more_and_a_misleading_one_negatively() -> None:
    weight = fit_model_weights(*ensemble(2.0, 1.0, -1.0)).weight_E
    assert weight[0] > weight[1] > 0 > weight[2]


def test_the_result_is_the_softmax_of_the_weighted_standardised_logarithms() -> None:
    p, label = ensemble(2.0, 1.0)
    fitted = fit_model_weights(p, label)
    assert fitted.mean_EK.size + fitted.deviation_EK.size == 2 * 2 * 5  # for five models of 41 classes: table 6's 410
    score = sum(
        weight * (np.log(member) - np.log(member).mean(axis=0)) / np.log(member).std(axis=0)
        for weight, member in zip(fitted.weight_E, p, strict=True)
    )
    np.testing.assert_allclose(fitted.fuse(p), np.exp(score) / np.exp(score).sum(axis=1, keepdims=True))


def test_fusion_beats_each_model_on_new_clips() -> None:
    p, label = ensemble(1.5, 1.5, 1.0, clips=600)
    fused = fit_model_weights(p[:, :300], label[:300]).fuse(p[:, 300:])
    hits = [np.mean(each[-300:].argmax(axis=1) == label[300:]) for each in (fused, *p)]
    assert hits[0] > max(hits[1:])


def test_separable_clips_still_have_a_minimum() -> None:
    label = np.arange(40) % 4
    p = np.where(np.eye(4)[label] == 1, 1.0, 0.0)[None]
    assert 0 < fit_model_weights(p, label).weight_E[0] < 50


def test_a_model_that_never_varies_has_no_weight() -> None:
    p, label = ensemble(2.0)
    p = np.concatenate((p, np.full_like(p, 1 / 5)))
    fitted = fit_model_weights(p, label)
    assert fitted.weight_E[1] == pytest.approx(0, abs=1e-9)
    assert (fitted.deviation_EK[1] == 1).all()


def test_data_that_do_not_fit_are_refused() -> None:
    p, label = ensemble(2.0, 1.0)
    with pytest.raises(ValueError, match="penalty = 0"):
        fit_model_weights(p, label, penalty=0)
    with pytest.raises(ValueError, match="0 clips"):
        fit_model_weights(p[:, :0], label[:0])
    with pytest.raises(ValueError, match="expected models and classes"):
        fit_model_weights(p, label).fuse(p[:1])
