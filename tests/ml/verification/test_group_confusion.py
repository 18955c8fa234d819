from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from ml.verification.group_confusion import ConfusionConfig, estimate_group_confusion
from ml.verification.noise_transitions import NoiseConfig
from ml.verification.probabilities import Floats, Ints

SURE = 0.97


def _heard_as(heard_N: Ints, n_classes: int) -> Floats:
    p_NK = np.full((len(heard_N), n_classes), (1 - SURE) / (n_classes - 1))
    p_NK[np.arange(len(heard_N)), heard_N] = SURE
    return p_NK


def _world(seed: int = 0) -> tuple[Ints, Ints, Ints, Ints]:
    """Five groups with 40 clips of each of four classes; 20 % of the labels are wrong, evenly."""
    rng = np.random.default_rng(seed)
    true_N = np.tile(np.repeat(np.arange(4), 40), 5)
    group_N = np.repeat(np.arange(5), 160)
    wrong_N = rng.uniform(size=len(true_N)) < 0.2
    given_N = np.where(wrong_N, (true_N + rng.integers(1, 4, len(true_N))) % 4, true_N)
    return true_N, given_N, group_N, true_N.copy()


def test_one_round_equals_the_example_by_hand() -> None:
    # Label 0 of 2, heard as 0 with 0.8. T = [[0.7, 0.3], [0.3, 0.7]], networks right with 0.9:
    # P(heard | 0) = 0.9 * 0.8 + 0.1 * 0.2 = 0.74, P(heard | 1) = 0.26; 0.7 * 0.74 = 0.518, 0.3 * 0.26 = 0.078.
    config = ConfusionConfig(
        prior_correct=0.9, fewest_clips=1, rounds=1, noise=NoiseConfig(prior_clips=2.0, prior_correct=0.7)
    )
    found = estimate_group_confusion(np.array([[0.8, 0.2]]), np.array([0]), np.array([0]), config=config)
    np.testing.assert_allclose(found.posterior_NK, [[0.518 / 0.596, 0.078 / 0.596]])


def test_labels_of_a_group_that_networks_mishear_are_believed() -> None:
    true_N, given_N, group_N, heard_N = _world()
    misheard = (group_N == 2) & (true_N == 0)
    heard_N[misheard] = 3
    found = estimate_group_confusion(_heard_as(heard_N, 4), given_N, group_N, config=ConfusionConfig())
    right = misheard & (given_N == 0)
    assert found.posterior_NK[right, 0].mean() > 0.8
    assert found.heard_GKK[2][0, 3] > 0.3
    assert found.heard_GKK[1][0, 3] < 0.1


def test_labels_that_go_wrong_alike_everywhere_are_not_believed() -> None:
    true_N, given_N, group_N, heard_N = _world()
    given_N = np.where((true_N == 3) & (np.arange(len(true_N)) % 2 == 0), 0, given_N)  # half of the 3s are called 0
    found = estimate_group_confusion(_heard_as(heard_N, 4), given_N, group_N, config=ConfusionConfig())
    wrong = (true_N == 3) & (given_N == 0)
    assert found.posterior_NK[wrong, 3].mean() > 0.9
    assert found.transition_KK[3, 0] == pytest.approx(np.mean(given_N[true_N == 3] == 0), abs=0.05)


def test_wrong_labels_are_still_found_where_networks_mishear() -> None:
    true_N, given_N, group_N, heard_N = _world()
    heard_N[(group_N == 2) & (true_N == 0)] = 3
    found = estimate_group_confusion(_heard_as(heard_N, 4), given_N, group_N, config=ConfusionConfig())
    elsewhere = (given_N != true_N) & ~((group_N == 2) & (true_N == 0))
    believed = found.posterior_NK[np.arange(len(true_N)), given_N]
    assert believed[elsewhere].mean() < 0.2
    assert believed[given_N == true_N].mean() > 0.9


def test_a_groups_matrix_is_the_exponential_of_the_expected_logarithm() -> None:
    # One clip, heard as 0 with 0.8 and labelled 0: expected counts after round 1 are 0.7 * 0.9 * 0.8 / 0.596 of
    # (true 0, heard 0) and so on; the prior is 20 clips with 0.9 on the diagonal.
    config = ConfusionConfig(prior_correct=0.9, fewest_clips=1, rounds=1, noise=NoiseConfig(prior_clips=2.0))
    found = estimate_group_confusion(np.array([[0.8, 0.2]]), np.array([0]), np.array([0]), config=config)
    counts = np.array([[0.504, 0.014], [0.024, 0.054]]) / 0.596 + 20 * np.array([[0.9, 0.1], [0.1, 0.9]])
    np.testing.assert_allclose(
        found.heard_GKK[0], np.exp(special.digamma(counts) - special.digamma(counts.sum(axis=1, keepdims=True)))
    )


def test_small_groups_have_no_matrix_of_their_own() -> None:
    _, given_N, group_N, heard_N = _world()
    group_N = np.where(np.arange(len(group_N)) < 19, 99, group_N)
    found = estimate_group_confusion(_heard_as(heard_N, 4), given_N, group_N, config=ConfusionConfig(fewest_clips=20))
    assert 99 not in found.heard_GKK
    assert sorted(found.heard_GKK) == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(found.posterior_NK.sum(axis=1), 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_order_of_clips_and_names_of_classes_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_clips, n_classes = 60, 3
    p_NK = rng.dirichlet(np.ones(n_classes), n_clips)
    given_N, group_N = rng.integers(0, n_classes, n_clips), rng.integers(0, 3, n_clips)
    config = ConfusionConfig(fewest_clips=5, rounds=10)
    found = estimate_group_confusion(p_NK, given_N, group_N, config=config)
    order, names = rng.permutation(n_clips), rng.permutation(n_classes)
    other = estimate_group_confusion(
        p_NK[order][:, names], np.argsort(names)[given_N[order]], group_N[order], config=config
    )
    np.testing.assert_allclose(other.posterior_NK, found.posterior_NK[order][:, names], atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prior_clips": 0.0}, "prior_clips"),
        ({"prior_correct": 1.0}, "prior_correct"),
        ({"fewest_clips": 0}, "fewest_clips"),
        ({"rounds": 0}, "rounds"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ConfusionConfig(**change)  # type: ignore[arg-type]  # the wrong values are the point


def test_clips_without_a_label_are_refused() -> None:
    with pytest.raises(ValueError, match="label and a group"):
        estimate_group_confusion(np.array([[0.5, 0.5]]), np.array([-1]), np.array([0]), config=ConfusionConfig())
