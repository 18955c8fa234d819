import numpy as np
import pytest

from ml.verification.icme2024 import Icme2024Config, verify_icme2024

P = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.4, 0.2], [0.6, 0.3, 0.1]])
CANDIDATE = np.array([-1, -1, -1, 1])


def test_every_clip_gets_its_most_probable_class() -> None:
    decision = verify_icme2024(P, CANDIDATE, iteration=1, verified=9, config=Icme2024Config())
    assert decision.label_N.tolist() == [0, 2, -1, 0]  # the third is tied
    assert decision.accepted_N.tolist() == [True, True, False, True]
    assert decision.relabelled_N.tolist() == [True, True, False, True]
    assert (decision.row.verified, decision.row.added, decision.row.without_label) == (9, 3, 3)
    assert decision.row.correct_2nd == 1  # the one clip with a label


def test_a_threshold_leaves_unsure_clips_as_they_were() -> None:
    decision = verify_icme2024(P, CANDIDATE, iteration=1, verified=9, config=Icme2024Config(threshold=0.6))
    assert decision.label_N.tolist() == [-1, 2, -1, 1]
    assert decision.accepted_N.tolist() == [False, True, False, False]  # 0.6 does not exceed 0.6
    assert decision.relabelled_N.tolist() == [False, True, False, False]


def test_a_confirmed_label_is_accepted_without_being_replaced() -> None:
    decision = verify_icme2024(P[3:], np.array([0]), iteration=1, verified=9, config=Icme2024Config())
    assert (decision.accepted_N.tolist(), decision.relabelled_N.tolist()) == ([True], [False])


def test_an_impossible_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"threshold = -0\.5"):
        Icme2024Config(threshold=-0.5)
