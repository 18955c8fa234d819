import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.verification.nguyen import NguyenConfig, verify_nguyen

CONFIG = NguyenConfig()

# Five classes. By hand, with candidate:                        1 to 3                       last
P = np.array(
    [
        [0.60, 0.10, 0.10, 0.10, 0.10],  # 0: best, 0.60         admitted                     admitted
        [0.50, 0.20, 0.10, 0.10, 0.10],  # 0: best, 0.50 exactly not above 0.5                admitted, above 0.1
        [0.30, 0.25, 0.20, 0.15, 0.10],  # 1: second             no                           no, in the top three
        [0.60, 0.20, 0.10, 0.06, 0.04],  # 4: fifth, best 0.60   no                           relabelled 0
        [0.50, 0.25, 0.12, 0.08, 0.05],  # 4: fifth, best 0.50   no                           no, not above 0.5
        [0.60, 0.20, 0.10, 0.06, 0.04],  # 2: third, best 0.60   no                           no, in the top three
        [0.60, 0.20, 0.10, 0.06, 0.04],  # none                  no                           no
    ]
)
CANDIDATE = np.array([0, 0, 1, 4, 4, 2, -1])


@pytest.mark.parametrize("iteration", [1, 2, 3])
def test_before_the_last_iteration_agreement_above_one_half_is_admitted(iteration: int) -> None:
    decision = verify_nguyen(P, CANDIDATE, iteration=iteration, verified=10, config=CONFIG)
    assert decision.accepted_N.tolist() == [True, False, False, False, False, False, False]
    assert not decision.relabelled_N.any()
    assert decision.label_N.tolist() == CANDIDATE.tolist()
    assert (decision.row.verified, decision.row.added, decision.row.verified_after) == (10, 1, 11)


def test_the_last_iteration_admits_above_a_tenth_and_relabels_what_is_outside_the_top_three() -> None:
    decision = verify_nguyen(P, CANDIDATE, iteration=4, verified=10, config=CONFIG)
    assert decision.accepted_N.tolist() == [True, True, False, False, False, False, False]
    assert decision.relabelled_N.tolist() == [False, False, False, True, False, False, False]
    assert decision.label_N.tolist() == [0, 0, 1, 0, 4, 2, -1]
    assert (decision.row.added, decision.row.incorrect, decision.row.without_label) == (2, 2, 1)


def test_a_tenth_itself_is_not_above_a_tenth() -> None:
    p = np.array([[0.1] + [0.09] * 10, [0.11] + [0.089] * 10])  # eleven classes, the first best
    decision = verify_nguyen(p, np.array([0, 0]), iteration=4, verified=0, config=CONFIG)
    assert decision.accepted_N.tolist() == [False, True]


def test_a_tied_best_class_confirms_nothing() -> None:
    decision = verify_nguyen(
        np.array([[0.4, 0.4, 0.1, 0.1]] * 3), np.array([0, 1, 3]), iteration=4, verified=0, config=CONFIG
    )
    assert not decision.accepted_N.any()
    assert not decision.relabelled_N.any()


def test_no_clips_left_is_no_error() -> None:
    decision = verify_nguyen(np.zeros((0, 3)), np.zeros(0, dtype=int), iteration=1, verified=3, config=CONFIG)
    assert decision.row.verified_after == 3
    assert decision.row.map_at_3 is None


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_admits_a_subset(seed: int, one: float, other: float) -> None:
    generator = np.random.default_rng(seed)
    p, candidate = generator.dirichlet(np.full(4, 0.3), size=20), generator.integers(0, 4, size=20)
    low, high = (
        verify_nguyen(p, candidate, iteration=1, verified=0, config=NguyenConfig(threshold=threshold)).accepted_N
        for threshold in sorted((one, other))
    )
    assert not np.any(high & ~low)


@given(st.integers(0, 10_000), st.permutations(range(20)), st.permutations(range(5)))
def test_the_order_of_clips_and_classes_does_not_matter(seed: int, clips: list[int], classes: list[int]) -> None:
    generator = np.random.default_rng(seed)
    p, candidate = generator.dirichlet(np.full(5, 0.3), size=20), generator.integers(-1, 5, size=20)
    number = np.array([*classes, -1])  # the last stands for -1
    moved = np.empty_like(p)
    moved[:, classes] = p
    before = verify_nguyen(p, candidate, iteration=4, verified=0, config=CONFIG)
    after = verify_nguyen(moved[clips], number[candidate][clips], iteration=4, verified=0, config=CONFIG)
    assert np.array_equal(after.accepted_N, before.accepted_N[clips])
    assert np.array_equal(after.label_N, number[before.label_N][clips])
    assert after.row == before.row


@pytest.mark.parametrize(
    ("field", "value"), [("iterations", 0), ("threshold", 1.1), ("last_threshold", -0.1), ("relabel_threshold", 2.0)]
)
def test_impossible_settings_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} = {value}"):
        NguyenConfig(**{field: value})


def test_an_iteration_after_the_last_is_refused() -> None:
    with pytest.raises(ValueError, match="iteration = 5: expected 1 to 4"):
        verify_nguyen(P, CANDIDATE, iteration=5, verified=0, config=CONFIG)
