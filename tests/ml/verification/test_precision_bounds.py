import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from ml.verification.precision_bounds import chance_of_at_least, clopper_pearson_lower, wilson_lower

counts = st.integers(1, 400).flatmap(lambda clips: st.tuples(st.integers(0, clips), st.just(clips)))


@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_bounds_are_those_of_scipy(count: tuple[int, int], confidence: float) -> None:
    test = binomtest(*count, alternative="greater")
    wilson = test.proportion_ci(confidence, method="wilson").low
    exact = test.proportion_ci(confidence, method="exact").low
    assert wilson_lower(*count, confidence=confidence) == pytest.approx(wilson, abs=1e-9)
    assert clopper_pearson_lower(*count, confidence=confidence) == pytest.approx(exact, abs=1e-9)


@given(counts, st.floats(0, 1))
def test_tails_are_those_of_scipy(count: tuple[int, int], proportion: float) -> None:
    assert chance_of_at_least(*count, proportion) == pytest.approx(
        binom.sf(count[0] - 1, count[1], proportion), abs=1e-9
    )


def test_tails_of_many_clips_converge() -> None:
    assert chance_of_at_least(95_100, 100_000, 0.95) == pytest.approx(binom.sf(95_099, 100_000, 0.95), abs=1e-8)


def test_twenty_of_twenty_by_hand() -> None:
    # The chance of 20 right ones is p^20, at most 0.05 up to p = 0.05^(1/20)
    assert clopper_pearson_lower(20, 20, confidence=0.95) == pytest.approx(0.05 ** (1 / 20))


@pytest.mark.parametrize(("correct", "clips", "confidence"), [(1, 0, 0.9), (3, 2, 0.9), (-1, 2, 0.9), (1, 2, 1.0)])
def test_impossible_counts_are_refused(correct: int, clips: int, confidence: float) -> None:
    for bound in (wilson_lower, clopper_pearson_lower):
        with pytest.raises(ValueError, match=f"{correct} of {clips} with confidence {confidence}"):
            bound(correct, clips, confidence=confidence)
