import numpy as np
import pytest

from ml.verification.dorfer import DorferConfig, verify_dorfer

CONFIG = DorferConfig()


def constant(*own: float) -> np.ndarray:
    """Make 25 equal windows of three classes; class 0 has the given mean, the others share the rest."""
    p = np.array([[chance, (1 - chance) * 0.6, (1 - chance) * 0.4] for chance in own])
    return np.repeat(p[:, None], 25, axis=1)


def decide(p: np.ndarray, candidate: list[int], config: DorferConfig = CONFIG, **others: object) -> np.ndarray:
    return verify_dorfer(p, np.array(candidate), iteration=1, verified=7, config=config, **others).accepted_N


def test_the_mean_over_25_windows_decides() -> None:
    # 24 windows at 1 and one at 0: mean 24/25 = 0.96 is above 0.95; 23 at 1 and two at 0: 0.92 is not.
    p = np.zeros((2, 25, 2))
    p[0, :24, 0], p[0, 24:, 1] = 1, 1
    p[1, :23, 0], p[1, 23:, 1] = 1, 1
    decision = verify_dorfer(p, np.array([0, 0]), iteration=1, verified=7, config=CONFIG)
    assert decision.accepted_N.tolist() == [True, False]
    assert (decision.row.verified, decision.row.added, decision.row.correct_1st) == (7, 1, 2)
    assert decision.label_N.tolist() == [0, 0]
    assert not decision.relabelled_N.any()


def test_the_mean_must_exceed_the_threshold_and_name_the_label() -> None:
    half = constant(0.5)  # a mean of exactly 0.5, free of rounding
    assert not decide(half, [0], DorferConfig(threshold=0.5)).any()
    assert decide(half, [0], DorferConfig(threshold=0.49)).all()
    assert decide(constant(0.96, 0.96, 0.96), [0, 1, -1]).tolist() == [True, False, False]


def test_at_most_40_of_a_class_are_admitted_the_surest_first() -> None:
    chances = np.linspace(0.951, 0.999, 43)
    accepted = decide(constant(*chances), [0] * 43)
    assert np.flatnonzero(~accepted).tolist() == [0, 1, 2]
    assert accepted.sum() == 40


def test_the_limit_holds_for_each_class_alone() -> None:
    p = np.concatenate((constant(*[0.99] * 41), constant(*[0.99] * 2)[:, :, [1, 0, 2]]))
    accepted = decide(p, [0] * 41 + [1] * 2)
    assert accepted[:41].sum() == 40
    assert accepted[41:].all()


def test_equally_sure_clips_are_admitted_by_their_place() -> None:
    assert decide(constant(*[0.97] * 5), [0] * 5, DorferConfig(most_per_class=3)).tolist() == [True] * 3 + [False] * 2


def test_earlier_admissions_stay_and_count_towards_the_limit() -> None:
    p = constant(0.5, 0.96, 0.99, 0.97)
    admitted = np.array([True, False, False, False])
    decision = verify_dorfer(
        p, np.array([0] * 4), iteration=2, verified=7, admitted_N=admitted, config=DorferConfig(most_per_class=2)
    )
    assert decision.accepted_N.tolist() == [True, False, True, False]  # one place was left, for the surest
    assert (decision.row.verified, decision.row.added, decision.row.non_verified) == (8, 1, 3)


def test_without_accumulation_each_iteration_begins_anew() -> None:
    p = constant(0.5, 0.96, 0.99, 0.97)
    admitted = np.array([True, False, False, False])
    config = DorferConfig(most_per_class=2, cumulative=False)
    decision = verify_dorfer(p, np.array([0] * 4), iteration=2, verified=7, admitted_N=admitted, config=config)
    assert decision.accepted_N.tolist() == [False, False, True, True]
    assert (decision.row.verified, decision.row.added, decision.row.non_verified) == (7, 2, 4)


def test_a_full_class_admits_nobody_more() -> None:
    accepted = decide(
        constant(0.99, 0.99, 0.99), [0] * 3, DorferConfig(most_per_class=1), admitted_N=np.array([True, True, False])
    )
    assert accepted.tolist() == [True, True, False]


def test_without_a_threshold_agreement_alone_decides() -> None:
    assert decide(constant(0.4, 0.3), [0, 0], DorferConfig(threshold=None)).tolist() == [True, False]
    assert decide(constant(*[0.4] * 50), [0] * 50, DorferConfig(threshold=None, most_per_class=None)).all()


@pytest.mark.parametrize(("field", "value"), [("windows", 0), ("threshold", 1.5), ("most_per_class", 0)])
def test_impossible_settings_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} = {value}"):
        DorferConfig(**{field: value})


def test_another_number_of_windows_or_clips_is_refused() -> None:
    with pytest.raises(ValueError, match="25 windows: expected 10"):
        decide(constant(0.9), [0], DorferConfig(windows=10))
    with pytest.raises(ValueError, match="admitted_N has 2 clips: expected 1"):
        decide(constant(0.9), [0], admitted_N=np.array([True, False]))
