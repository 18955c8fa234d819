import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from ml.metrics import (
    accuracy,
    auroc,
    average_precision,
    class_scores,
    confusion_matrix,
    label_positions,
    map_at_k,
    recall_at_share,
)

TRUE = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])  # nobody predicts 2; nothing is of class 3

scored_clips = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40).filter(
    lambda clips: len({positive for _, positive in clips}) == 2
)


def columns(clips: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    scores, positives = zip(*clips, strict=True)
    return np.array(scores, dtype=np.float64), np.array(positives)


def test_accuracy_is_the_share_of_hits() -> None:
    assert accuracy(TRUE, PREDICTED) == 4 / 6


def test_confusion_matrix_has_true_classes_as_rows() -> None:
    counts = confusion_matrix(TRUE, PREDICTED, n_classes=4)
    assert counts.tolist() == [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert np.array_equal(counts, reference.confusion_matrix(TRUE, PREDICTED, labels=range(4)))


def test_confusion_matrix_of_nothing_is_zero() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert confusion_matrix(nothing, nothing, n_classes=2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("zero_division", [0.0, 1.0, np.nan])
def test_class_scores_agree_with_scikit_learn(zero_division: float) -> None:
    scores = class_scores(confusion_matrix(TRUE, PREDICTED, n_classes=4), zero_division=zero_division)
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        TRUE, PREDICTED, labels=range(4), zero_division=zero_division
    )
    np.testing.assert_allclose(scores.precision_K, precision)
    np.testing.assert_allclose(scores.recall_K, recall)
    np.testing.assert_allclose(scores.f1_K, f1)
    assert scores.support_K.tolist() == support.tolist() == [3, 2, 1, 0]


def test_positions_count_from_the_most_probable_class() -> None:
    p = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    assert label_positions(p, np.array([0, 1, 2])).tolist() == [1, 2, 3]


def test_a_tie_counts_against_the_label_whatever_its_number() -> None:
    p = np.array([[0.4, 0.4, 0.2], [0.4, 0.4, 0.2]])
    assert label_positions(p, np.array([0, 1])).tolist() == [2, 2]


def test_map_at_3_gives_one_a_half_a_third_and_nothing() -> None:
    p = np.tile([0.4, 0.3, 0.2, 0.1], (4, 1))
    assert map_at_k(p, np.array([0, 1, 2, 3])) == pytest.approx((1 + 1 / 2 + 1 / 3 + 0) / 4)
    assert map_at_k(p, np.array([0, 1, 2, 3]), k=1) == 1 / 4


def test_map_at_all_positions_is_scikit_learns_label_ranking_average_precision() -> None:
    generator = np.random.default_rng(1)
    p, label = generator.dirichlet(np.ones(6), size=50), generator.integers(0, 6, size=50)
    expected = reference.label_ranking_average_precision_score(np.eye(6)[label], p)
    assert map_at_k(p, label, k=6) == pytest.approx(expected)


def test_renumbering_the_classes_leaves_map_as_it_is() -> None:
    generator = np.random.default_rng(2)
    p, label = generator.integers(0, 3, size=(30, 5)).astype(float), generator.integers(0, 5, size=30)
    renumbered = generator.permutation(5)
    moved = np.empty_like(p)
    moved[:, renumbered] = p
    assert map_at_k(moved, renumbered[label]) == map_at_k(p, label)


@given(scored_clips)
def test_auroc_and_average_precision_agree_with_scikit_learn(clips: list[tuple[int, bool]]) -> None:
    score, positive = columns(clips)
    assert auroc(score, positive) == pytest.approx(reference.roc_auc_score(positive, score))
    assert average_precision(score, positive) == pytest.approx(reference.average_precision_score(positive, score))


@given(scored_clips, st.floats(0, 1), st.randoms(use_true_random=False))
def test_recall_at_a_share_ignores_the_order_of_the_clips(
    clips: list[tuple[int, bool]], share: float, random: st.DataObject
) -> None:
    before = recall_at_share(*columns(clips), share=share)
    random.shuffle(clips)
    assert recall_at_share(*columns(clips), share=share) == pytest.approx(before)


def test_recall_at_a_share_counts_whole_clips() -> None:
    score, positive = np.arange(10.0)[::-1], np.arange(10) < 4
    assert [recall_at_share(score, positive, share=share) for share in (0, 0.1, 0.29, 0.4, 1)] == [0, 0.25, 0.5, 1, 1]
    hundred = np.arange(100.0)[::-1]  # 0.29 * 100 falls short of 29 in binary
    assert recall_at_share(hundred, hundred >= 0, share=0.29) == pytest.approx(0.29)


def test_recall_within_a_tie_is_what_a_random_order_finds_on_average() -> None:
    # 2 of 4 equal scores are reviewed; they hold 1 of the 2 positives on average, the third positive comes last.
    score = np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    assert recall_at_share(score, np.array([True, True, False, False, True]), share=0.4) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy(TRUE, TRUE[:2]), "6 true and 2 predicted"),
        (lambda: accuracy(TRUE[:0], TRUE[:0]), "at least one"),
        (lambda: confusion_matrix(TRUE, PREDICTED, n_classes=2), "true_N holds 0 to 2: expected 0 to 1"),
        (lambda: confusion_matrix(TRUE, TRUE[:2], n_classes=3), "expected as many"),
        (lambda: map_at_k(np.eye(2), np.array([0, 1]), k=0), "k = 0"),
        (lambda: map_at_k(np.eye(2)[:0], TRUE[:0]), "0 clips"),
        (lambda: auroc(np.ones(2), np.array([True, True])), "2 positive and 0 negative"),
        (lambda: average_precision(np.ones(2), np.array([False, False])), "no positive clip"),
        (lambda: average_precision(np.ones(3), np.array([False, True])), "3 scores of 2 clips"),
        (lambda: recall_at_share(np.ones(1), np.array([False]), share=1), "no positive clip"),
        (lambda: recall_at_share(np.ones(1), np.array([True]), share=1.5), "share = 1.5"),
    ],
)
def test_what_has_no_answer_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
