import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml.verification.stacked_logistic import StackedLogisticConfig, fit_stacked_logistic

MEMBERS, CLIPS, CLASSES = 3, 120, 4


def ensemble(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make members of falling quality, labels of unequal frequency, and sample weights."""
    generator = np.random.default_rng(seed)
    label = generator.choice(CLASSES, size=CLIPS, p=[0.5, 0.3, 0.15, 0.05])
    score = generator.normal(size=(MEMBERS, CLIPS, CLASSES))
    score += np.array([2.0, 1.0, 0.0])[:, None, None] * np.eye(CLASSES)[label]
    power = np.exp(score)
    weight = np.where(generator.uniform(size=CLIPS) < 0.5, 0.65, 1.0)
    return power / power.sum(axis=2, keepdims=True), label, weight


@pytest.mark.parametrize("class_weight", ["balanced", None])
@pytest.mark.parametrize("inputs", ["probabilities", "log_probabilities"])
def test_weights_and_probabilities_are_those_of_scikit_learn(inputs: str, class_weight: str | None) -> None:
    p, label, weight = ensemble()
    config = StackedLogisticConfig(
        inputs=inputs, balanced=class_weight is not None, inverse_penalty=0.5, tolerance=1e-8
    )
    fitted = fit_stacked_logistic(p, label, sample_weight_N=weight, config=config)
    x = np.concatenate(list(p), axis=1)
    x = np.log(x) if inputs == "log_probabilities" else x
    reference = LogisticRegression(C=0.5, class_weight=class_weight, tol=1e-9, max_iter=5000)
    reference.fit(x, label, sample_weight=weight)
    assert fitted.converged
    np.testing.assert_allclose(fitted.weight_FS.T, reference.coef_, atol=1e-3)
    np.testing.assert_allclose(fitted.fuse(p), reference.predict_proba(x), atol=1e-3)


def test_two_classes_are_fitted_as_a_softmax() -> None:
    # With both rows of weights penalised, w and -w instead of one w: scikit-learn's penalty at half its C.
    p = ensemble()[0][..., :2]
    p /= p.sum(axis=2, keepdims=True)
    label = (np.arange(CLIPS) % 3 == 0).astype(int)
    config = StackedLogisticConfig(balanced=False, tolerance=1e-8)
    fitted = fit_stacked_logistic(p, label, config=config)
    x = np.concatenate(list(p), axis=1)
    reference = LogisticRegression(C=2.0, tol=1e-9, max_iter=5000).fit(x, label)
    np.testing.assert_allclose(fitted.fuse(p), reference.predict_proba(x), atol=1e-3)


def test_stacking_believes_the_better_member() -> None:
    p, label, _ = ensemble()
    fitted = fit_stacked_logistic(p, label, config=StackedLogisticConfig())
    share = [np.abs(fitted.weight_FS[member * CLASSES : (member + 1) * CLASSES]).sum() for member in range(MEMBERS)]
    assert share[0] > share[1] > share[2]


def test_a_class_that_never_occurs_has_no_probability() -> None:
    p, label, _ = ensemble()
    fitted = fit_stacked_logistic(p, np.where(label == 2, 3, label), config=StackedLogisticConfig())
    fused = fitted.fuse(p)
    assert fitted.class_S.tolist() == [0, 1, 3]
    assert not fused[:, 2].any()
    np.testing.assert_allclose(fused.sum(axis=1), 1)


def test_a_clip_of_weight_two_counts_like_two_clips() -> None:
    p, label, _ = ensemble()
    twice = np.r_[np.arange(CLIPS), np.arange(10)]
    weight = np.where(np.arange(CLIPS) < 10, 2.0, 1.0)
    config = StackedLogisticConfig(tolerance=1e-8)
    weighted = fit_stacked_logistic(p, label, sample_weight_N=weight, config=config)
    repeated = fit_stacked_logistic(p[:, twice], label[twice], config=config)
    np.testing.assert_allclose(weighted.weight_FS, repeated.weight_FS, atol=1e-4)


@pytest.mark.parametrize(
    ("field", "value"), [("inverse_penalty", 0.0), ("tolerance", -1.0), ("max_iterations", 0), ("inputs", "logits")]
)
def test_impossible_settings_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        StackedLogisticConfig(**{field: value})


def test_data_that_do_not_fit_are_refused() -> None:
    p, label, weight = ensemble()
    with pytest.raises(ValueError, match="expected one above 0"):
        fit_stacked_logistic(p, label, sample_weight_N=weight * 0, config=StackedLogisticConfig())
    with pytest.raises(ValueError, match="0 clips"):
        fit_stacked_logistic(p[:, :0], label[:0], config=StackedLogisticConfig())
    with pytest.raises(ValueError, match="expected 12 inputs"):
        fit_stacked_logistic(p, label, config=StackedLogisticConfig()).fuse(p[:2])
