"""A verdict on clips, brought to annotations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml.recipes.plan import Verdict
from ml.services.candidate_snapshot import Snapshot
from ml.services.judged_labels import JudgedLabels, judged_labels
from tests.ml.services.seven_labels import SNAPSHOT, claim

P_NK = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.1, 0.9], [0.9, 0.1]])


def judge(*, admits: list[bool], p_correct: list[float]) -> JudgedLabels:
    verdict = Verdict(
        p_NK=P_NK,
        p_MNK=P_NK[None],
        p_correct_N=np.array(p_correct),
        label_N=P_NK.argmax(axis=1),
        accept_N=np.zeros(5, dtype=np.bool_),
    )

    def at(precision: float) -> Verdict:
        accepts = np.array(admits) if precision == 0 else np.array(admits) & (np.array(p_correct) > precision)
        return Verdict(**{**vars(verdict), "accept_N": accepts})

    engine: Any = SimpleNamespace(candidates=SNAPSHOT.candidates, verdict=lambda *, precision: at(precision))
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


def test_what_no_model_could_judge_is_left_out() -> None:
    labels = judge(admits=[False] * 5, p_correct=[NAN, NAN, 0.5, 0.5, NAN])
    assert SNAPSHOT.annotation_A[labels.place_A].tolist() == [30, 40, 50, 51]


def test_a_rejected_label_is_wrong_and_its_probability_goes_to_the_others() -> None:
    names = {1: "Bus", 2: "Tone", 3: "Zug"}
    snapshot = Snapshot.of(
        [
            claim(10, 1, 1, 7, confirmed=True),
            claim(20, 2, 2, 8, confirmed=True),
            claim(30, 3, 3, 7, confirmed=True),
            claim(40, 4, 2, 8),
            claim(50, 5, 1, 7, rejected=True),
            claim(60, 6, 1, 7),
            claim(61, 6, 2, 7),
            claim(62, 6, 3, 7, rejected=True),
            *(claim(70 + k, 7, k, 8, rejected=True) for k in names),
        ],
        names,
    )
    p_NK = np.array([[0.5, 0.25, 0.25]] * 7)
    found = Verdict(
        p_NK=p_NK,
        p_MNK=p_NK[None],
        p_correct_N=np.array([0.9, 0.9, 0.9, 0.7, 0.0, NAN, 0.0]),
        label_N=np.array([0, 1, 2, 1, 1, 0, -1]),
        accept_N=np.zeros(7, dtype=np.bool_),
    )
    engine: Any = SimpleNamespace(candidates=snapshot.candidates, verdict=lambda **_: found)

    labels = judged_labels(engine, snapshot, precision=0.95)

    annotations = snapshot.annotation_A[labels.place_A].tolist()
    told = dict(zip(annotations, zip(labels.basis_A, labels.p_correct_A.tolist(), strict=True), strict=True))
    assert told[50] == ("rejected", 0)
    assert told[60] == ("other", pytest.approx(2 / 3))  # 0.5 of the 0.75 that are left
    assert told[61] == ("other", pytest.approx(1 / 3))
    assert told[62] == ("rejected", 0)
    assert not {70, 71, 72} & set(annotations)  # nothing is left to propose
    assert not labels.admitted_A[[annotations.index(pk) for pk in (50, 62)]].any()
