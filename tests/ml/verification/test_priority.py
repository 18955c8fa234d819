import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.priority import PriorityConfig, PriorityWeights, category_need, priorities, review_order

# Two members, three clips, two classes.
ARGUMENTS = {
    "p_correct_N": np.array([0.2, 0.9, 0.0]),
    "p_ENK": np.array([[[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5], [0.5, 0.5]]]),
    "candidate_N": np.array([0, 1, -1]),
    "duration_s_N": np.array([10.0, 5.0, 0.0]),
    "need_K": np.array([0.5, 1.0]),
    "quality_K": np.array([0.75, 0.25]),
    "config": PriorityConfig(overhead_s=5.0),
}


def test_parts_by_hand() -> None:
    parts = priorities(**ARGUMENTS)
    np.testing.assert_allclose(parts.p_wrong_N, [0.8, 0.1, 1.0])
    np.testing.assert_allclose(parts.disagreement_N, [1.0, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(parts.category_need_N, [0.5, 1.0, 1.0])  # without a label: all
    np.testing.assert_allclose(parts.unreliability_N, [0.25, 0.75, 1.0])
    # a minute has four ratings of 15 s, each a useful change with 0.8 * 0.5; six of 10 s with 0.1; twelve of 5 s
    np.testing.assert_allclose(parts.change_per_minute_N, [1.6, 0.6, 12.0])


def test_the_score_is_the_weighted_mean_of_the_parts() -> None:
    # 0.4 * 0.8 + 0.1 * 1 + 0.1 * 0.5 + 0.1 * 0.25 + 0.3 * 1.6/12; then 0.04 + 0 + 0.1 + 0.075 + 0.3 * 0.05;
    # then 0.4 + 0 + 0.1 + 0.1 + 0.3
    np.testing.assert_allclose(priorities(**ARGUMENTS).score_N, [0.535, 0.23, 0.9])


def test_only_the_proportions_of_weights_count() -> None:
    weights = PriorityWeights(p_wrong=8, disagreement=2, category_need=2, unreliability=2, change_per_minute=6)
    doubled = priorities(**{**ARGUMENTS, "config": PriorityConfig(weights=weights)})
    np.testing.assert_allclose(doubled.score_N, priorities(**ARGUMENTS).score_N)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("p_wrong", "p_wrong_N"),
        ("disagreement", "disagreement_N"),
        ("category_need", "category_need_N"),
        ("unreliability", "unreliability_N"),
    ],
)
def test_a_weight_alone_gives_its_part(name: str, part: str) -> None:
    nothing = dict.fromkeys(("p_wrong", "disagreement", "category_need", "unreliability", "change_per_minute"), 0.0)
    alone = priorities(**{**ARGUMENTS, "config": PriorityConfig(weights=PriorityWeights(**{**nothing, name: 3.0}))})
    np.testing.assert_allclose(alone.score_N, getattr(alone, part))


@given(st.integers(0, 10_000))
def test_scores_lie_between_0_and_1_and_rise_with_doubt(seed: int) -> None:
    generator = np.random.default_rng(seed)
    arguments = {
        "p_ENK": generator.dirichlet(np.full(3, 0.3), size=(4, 8)),
        "candidate_N": generator.integers(-1, 3, size=8),
        "duration_s_N": generator.uniform(0, 30, size=8),
        "need_K": generator.uniform(size=3),
        "quality_K": generator.uniform(size=3),
        "config": PriorityConfig(),
    }
    correct = generator.uniform(size=8)
    score = priorities(p_correct_N=correct, **arguments).score_N
    assert score.min() >= 0
    assert score.max() <= 1
    assert np.all(priorities(p_correct_N=correct / 2, **arguments).score_N >= score)


def test_equal_scores_keep_their_order() -> None:
    assert review_order(np.array([0.2, 0.7, 0.2, 0.7])).tolist() == [1, 3, 0, 2]


def test_need_is_the_share_that_is_lacking() -> None:
    assert category_need(np.array([0, 30, 50, 3]), np.array([40, 40, 40, 0])).tolist() == [1.0, 0.25, 0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p_correct_N": np.array([0.2, 0.9, 1.1])}, "p_correct_N"),
        ({"p_correct_N": np.array([0.2, 0.9])}, "p_correct_N"),
        ({"duration_s_N": np.array([10.0, -1.0, 5.0])}, "duration_s_N"),
        ({"duration_s_N": np.array([10.0, np.inf, 5.0])}, "duration_s_N"),
        ({"need_K": np.array([0.5, 2.0])}, "need_K"),
        ({"quality_K": np.array([0.5, np.nan])}, "quality_K"),
        ({"candidate_N": np.array([0, 1, 2])}, "candidate_N"),
    ],
)
def test_numbers_outside_their_range_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        priorities(**{**ARGUMENTS, **change})


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="disagreement = -1"):
        PriorityWeights(disagreement=-1)
    with pytest.raises(ValueError, match="All weights are 0"):
        PriorityWeights(p_wrong=0, disagreement=0, category_need=0, unreliability=0, change_per_minute=0)
    with pytest.raises(ValueError, match="overhead_s = 0"):
        PriorityConfig(overhead_s=0)
