import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from ml.verification.disagreement import disagreement


def test_members_that_agree_do_not_disagree_however_unsure() -> None:
    assert disagreement(np.array([[[0.5, 0.5]], [[0.5, 0.5]]])).tolist() == [0.0]


@pytest.mark.parametrize(("members", "classes"), [(2, 2), (2, 5), (4, 4), (4, 2)])
def test_certain_members_on_as_many_classes_as_can_be_disagree_wholly(members: int, classes: int) -> None:
    p = np.eye(classes)[np.arange(members) % classes][:, None]
    np.testing.assert_allclose(disagreement(p), [1.0])


def test_two_members_have_scipys_divergence() -> None:
    p = np.random.default_rng(12).dirichlet(np.ones(4), size=(2, 10))
    np.testing.assert_allclose(disagreement(p), jensenshannon(p[0], p[1], axis=1, base=2) ** 2)


@given(st.integers(0, 10_000), st.permutations(range(3)), st.permutations(range(4)))
def test_members_and_classes_may_come_in_any_order(seed: int, members: list[int], classes: list[int]) -> None:
    p = np.random.default_rng(seed).dirichlet(np.full(4, 0.3), size=(3, 5))
    measured = disagreement(p)
    np.testing.assert_allclose(disagreement(p[members][..., classes]), measured)
    assert measured.min() >= 0
    assert measured.max() <= 1


def test_one_member_or_one_class_cannot_disagree() -> None:
    assert disagreement(np.array([[[0.9, 0.1]]])).tolist() == [0.0]
    assert disagreement(np.ones((3, 2, 1))).tolist() == [0.0, 0.0]


def test_no_member_is_refused() -> None:
    with pytest.raises(ValueError, match="no member"):
        disagreement(np.zeros((0, 2, 3)))
