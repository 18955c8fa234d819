from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from ml.verification.group_confusion import ConfusionConfig, GroupConfusion, estimate_group_confusion
from ml.verification.noise_transitions import NoiseConfig
from ml.verification.probabilities import Bools, Floats, Ints

SURE = 0.97
ONE_ROUND = ConfusionConfig(
    prior_correct=0.9, fewest_clips=1, rounds=1, noise=NoiseConfig(prior_clips=2.0, prior_correct=0.7)
)


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
    # Two clips labelled 0 and 1, heard as 0 with 0.8 and 0.75. Networks are right with 0.9: P(heard | 0) = 0.9 * 0.8 +
    # 0.1 * 0.2 = 0.74 and 0.7. By what is expected, T = [[0.7, 0.3], [0.3, 0.7]], the labels have the likelihoods
    # 0.7 * 0.74 + 0.3 * 0.26 = 0.518 + 0.078 and 0.3 * 0.7 + 0.7 * 0.3 = 0.21 + 0.21. Confident learning finds both
    # labels right, T = [[0.8, 0.2], [0.2, 0.8]]: 0.592 + 0.052 and 0.14 + 0.24, of which the product is less.
    p_NK = np.array([[0.8, 0.2], [0.75, 0.25]])
    found = estimate_group_confusion(p_NK, np.array([0, 1]), np.array([0, 0]), config=ONE_ROUND)
    np.testing.assert_allclose(found.posterior_NK, [[0.518 / 0.596, 0.078 / 0.596], [0.5, 0.5]])


def test_the_beginning_that_makes_the_labels_likelier_counts() -> None:
    # Of one clip labelled 0 and heard as 0 with 0.8 confident learning finds the label right, T = [[0.8, 0.2], [0.3,
    # 0.7]]: 0.8 * 0.74 = 0.592 and 0.3 * 0.26 = 0.078, together more than 0.518 + 0.078.
    found = estimate_group_confusion(np.array([[0.8, 0.2]]), np.array([0]), np.array([0]), config=ONE_ROUND)
    np.testing.assert_allclose(found.posterior_NK, [[0.592 / 0.67, 0.078 / 0.67]])


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
    # One clip, heard as 0 with 0.8 and labelled 0, as above: expected counts after round 1 are 0.8 * 0.9 * 0.8 / 0.67
    # of (true 0, heard 0) and so on; the prior is 20 clips with 0.9 on the diagonal.
    found = estimate_group_confusion(np.array([[0.8, 0.2]]), np.array([0]), np.array([0]), config=ONE_ROUND)
    counts = np.array([[0.576, 0.016], [0.024, 0.054]]) / 0.67 + 20 * np.array([[0.9, 0.1], [0.1, 0.9]])
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


def _one_round(given: int, left: list[bool]) -> GroupConfusion:
    """Return what one clip shows that is heard as (0.6, 0.3, 0.1); networks are taken to be right with 0.9."""
    config = ConfusionConfig(
        prior_correct=0.9, fewest_clips=1, rounds=1, noise=NoiseConfig(prior_clips=2.0, prior_correct=0.7)
    )
    return estimate_group_confusion(
        np.array([[0.6, 0.3, 0.1]]), np.array([given]), np.array([0]), config=config, left_NK=np.array([left])
    )


def test_a_rejected_label_equals_the_example_by_hand() -> None:
    # Label 0, found absent. L(1) = 0.05 * 0.6 + 0.9 * 0.3 + 0.05 * 0.1 = 0.305, L(2) = 0.03 + 0.015 + 0.09 = 0.135;
    # T(0 | 1) = T(0 | 2) = 0.15 falls out: 0.305 / 0.44 and 0.135 / 0.44.
    found = _one_round(0, [False, True, True])
    np.testing.assert_allclose(found.posterior_NK, [[0, 0.305 / 0.44, 0.135 / 0.44]])
    # The prior of each true class is (1.4, 0.3, 0.3) clips, 1.4 where right. The mistake is no clip of class 0; it is
    # 0.305 / 0.44 of one of class 1 and the rest of one of class 2, both labelled 0.
    one, two = 0.305 / 0.44, 0.135 / 0.44
    expected = [
        [1.4 / 2, 0.3 / 2, 0.3 / 2],
        [(0.3 + one) / (2 + one), 1.4 / (2 + one), 0.3 / (2 + one)],
        [(0.3 + two) / (2 + two), 0.3 / (2 + two), 1.4 / (2 + two)],
    ]
    np.testing.assert_allclose(found.transition_KK, expected)
    # Its group: 20 clips of prior, and the same shares, by what was heard: 0.9 * 0.3 / 0.44 of (true 1, heard 1).
    prior = 20 * (np.full((3, 3), 0.05) + 0.85 * np.eye(3))
    heard = np.array([[0, 0, 0], [0.03, 0.27, 0.005], [0.03, 0.015, 0.09]]) / 0.44 + prior
    np.testing.assert_allclose(
        found.heard_GKK[0], np.exp(special.digamma(heard) - special.digamma(heard.sum(axis=1, keepdims=True)))
    )


def test_a_confirmed_label_counts_as_right_whatever_was_heard() -> None:
    found = _one_round(2, [False, False, True])
    np.testing.assert_array_equal(found.posterior_NK, [[0, 0, 1]])
    np.testing.assert_allclose(found.transition_KK[2], [0.3 / 3, 0.3 / 3, 2.4 / 3])
    np.testing.assert_allclose(found.transition_KK[0], [0.7, 0.15, 0.15])


def test_of_several_rejected_labels_none_counts_as_given() -> None:
    found = _one_round(-1, [False, True, True])
    np.testing.assert_allclose(found.posterior_NK, [[0, 0.305 / 0.44, 0.135 / 0.44]])
    np.testing.assert_allclose(found.transition_KK, 0.15 + 0.55 * np.eye(3))


def _reviewed_world(seed: int) -> tuple[Ints, Ints, Ints, Floats, Bools]:
    """600 clips of three classes; 40 % of class 0 are called 1. People heard the fifth that looks most wrong."""
    rng = np.random.default_rng(seed)
    true_N, group_N = np.arange(600) % 3, np.arange(600) % 4
    given_N = np.where((true_N == 0) & (rng.random(600) < 0.4), 1, true_N)
    score_NK = rng.normal(size=(600, 3)) + 2.0 * np.eye(3)[true_N]
    p_NK = np.exp(2 * score_NK) / np.exp(2 * score_NK).sum(axis=1, keepdims=True)
    own_N = p_NK[np.arange(600), given_N]
    return true_N, given_N, group_N, p_NK, own_N <= np.sort(own_N)[119]


@pytest.mark.parametrize("seed", range(4))
def test_what_suspicion_chose_biases_nothing_if_all_answers_count(seed: int) -> None:
    true_N, given_N, group_N, p_NK, heard_N = _reviewed_world(seed)
    right_N = given_N == true_N
    left_NK = np.ones((600, 3), dtype=np.bool_)
    wrong, kept = np.flatnonzero(heard_N & ~right_N), np.flatnonzero(heard_N & right_N)
    left_NK[wrong, given_N[wrong]] = False
    left_NK[kept] = np.eye(3, dtype=np.bool_)[given_N[kept]]
    assert len(wrong) > 40
    assert len(kept) > 10

    def mistakes(clips: Bools) -> float:
        """Return the share of class 0 that is called 1, as estimated from some of the clips."""
        found = estimate_group_confusion(
            p_NK[clips], given_N[clips], group_N[clips], config=ConfusionConfig(), left_NK=left_NK[clips]
        )
        return float(found.transition_KK[0, 1])

    truth = float((given_N == 1)[true_N == 0].mean())
    everything = mistakes(np.ones(600, dtype=np.bool_))
    assert everything == pytest.approx(truth, abs=0.04)
    # Without the rejected ones labels look better than they are.
    assert mistakes(~(heard_N & ~right_N)) < truth - 0.1
    # Without the confirmed ones they look worse.
    assert mistakes(~(heard_N & right_N)) > everything


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_people_are_never_contradicted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p_NK = rng.dirichlet(np.full(4, 0.2), 80)
    given_N, group_N = rng.integers(0, 4, 80), rng.integers(0, 3, 80)
    left_NK = rng.random((80, 4)) < 0.7
    left_NK[np.arange(80), rng.integers(0, 4, 80)] = True
    config = ConfusionConfig(fewest_clips=5, rounds=10)

    found = estimate_group_confusion(p_NK, given_N, group_N, config=config, left_NK=left_NK)

    assert (found.posterior_NK[~left_NK] == 0).all()
    np.testing.assert_allclose(found.posterior_NK.sum(axis=1), 1)
    np.testing.assert_allclose(found.transition_KK.sum(axis=1), 1)
    silent = estimate_group_confusion(p_NK, given_N, group_N, config=config, left_NK=np.ones_like(left_NK))
    alone = estimate_group_confusion(p_NK, given_N, group_N, config=config)
    np.testing.assert_array_equal(silent.posterior_NK, alone.posterior_NK)


@pytest.mark.parametrize("left", [np.zeros((1, 2), dtype=np.bool_), np.ones((1, 3), dtype=np.bool_)])
def test_a_clip_needs_a_class_that_is_left(left: Bools) -> None:
    with pytest.raises(ValueError, match=r"left_NK of the shape .* a class that is left for each clip"):
        estimate_group_confusion(
            np.array([[0.5, 0.5]]), np.array([0]), np.array([0]), config=ConfusionConfig(), left_NK=left
        )
