"""A verdict on clips, brought to annotations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml.recipes.plan import Output, Step, Verdict
from ml.services.judged_labels import JudgedLabels, judged_labels
from tests.ml.services.seven_labels import SNAPSHOT

P_NK = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]])
# The step that judges person 7's fold heard person 8 alone, and the other way round.
HEARD = {0: np.array([1, 3]), 1: np.array([0, 2])}
P_TEST = {0: [0.9, 0.1], 1: [0.2, 0.8]}


def judge(*, admits: list[bool], p_correct: list[float]) -> JudgedLabels:
    verdict = Verdict(
        p_NK=P_NK,
        p_MNK=P_NK[None],
        p_correct_N=np.array(p_correct),
        label_N=P_NK.argmax(axis=1),
        accept_N=np.zeros(5, dtype=np.bool_),
    )
    folds = [Step(1, 0, 0), Step(1, 0, 1)]

    def at(precision: float) -> Verdict:
        accepts = np.array(admits) if precision == 0 else np.array(admits) & (np.array(p_correct) > precision)
        return Verdict(**{**vars(verdict), "accept_N": accepts})

    engine: Any = SimpleNamespace(
        candidates=SNAPSHOT.candidates,
        plan=SimpleNamespace(iterations=2, steps=lambda _: folds),
        recipe=SimpleNamespace(work=lambda *_: SimpleNamespace(trained_S=HEARD[_[3].fold])),
        folder=SimpleNamespace(
            read_state=lambda _: {},
            read_output=lambda step: Output(step=step, clip_J=np.array([4]), p_JK=np.array([P_TEST[step.fold]])),
        ),
        verdict=lambda *, precision: at(precision),
    )
    return judged_labels(engine, SNAPSHOT, precision=0.95)


NAN = float("nan")


def test_each_label_is_judged_by_what_is_known_of_it() -> None:
    labels = judge(admits=[False, False, True, True, False], p_correct=[0.85, 0.75, 0.94, 0.96, NAN])
    annotations = SNAPSHOT.annotation_A[labels.place_A].tolist()
    found = dict(zip(annotations, labels.p_correct_A.tolist(), strict=True))
    # A clip's own label has the recipe's word; 21 has the probability of its category in clip 2.
    assert found == pytest.approx({10: 0.85, 20: 0.75, 21: 0.3, 30: 0.94, 40: 0.96, 50: 0.9, 51: 0.1})
    assert labels.basis_A == ["verified", "verified", "other", "candidate", "candidate", "other", "other"]
    assert dict(zip(annotations, labels.admitted_A.tolist(), strict=True)) == {
        **dict.fromkeys((10, 20, 21, 50, 51), False),
        **dict.fromkeys((30, 40), True),
    }
    assert [pk for pk, accepted in zip(annotations, labels.would_accept_A, strict=True) if accepted] == [40]


def test_a_clip_with_several_labels_is_judged_by_who_did_not_hear_its_person() -> None:
    labels = judge(admits=[False] * 5, p_correct=[0.85, 0.75, 0.5, 0.5, NAN])
    # Only the step of fold 0 heard nobody of person 7's; the even mean of both is not taken.
    assert labels.verdict.p_NK[4] == pytest.approx([0.9, 0.1])
    assert labels.verdict.p_NK[:4] == pytest.approx(P_NK[:4])


def test_what_no_model_could_judge_is_left_out() -> None:
    labels = judge(admits=[False] * 5, p_correct=[NAN, NAN, 0.5, 0.5, NAN])
    assert SNAPSHOT.annotation_A[labels.place_A].tolist() == [30, 40, 50, 51]
