import numpy as np
import pytest

from ml.verification.iqbal import IqbalConfig, loss_weights, verify_iqbal

P = np.array(
    [
        [0.75, 0.15, 0.10],  # label 0, confirmed above 0.7: promoted
        [0.70, 0.20, 0.10],  # label 0, confirmed, not above 0.7: stays
        [0.75, 0.15, 0.10],  # label 1, contradicted: relabelled 0
        [0.40, 0.40, 0.20],  # label 2, the best is tied: stays
        [0.10, 0.20, 0.70],  # no label: gets 2
    ]
)
CANDIDATE = np.array([0, 0, 1, 2, -1])


def test_confirmed_labels_are_promoted_and_contradicted_ones_replaced() -> None:
    decision = verify_iqbal(P, CANDIDATE, iteration=1, verified=3, config=IqbalConfig())
    assert decision.accepted_N.tolist() == [True, False, False, False, False]
    assert decision.relabelled_N.tolist() == [False, False, True, False, True]
    assert decision.label_N.tolist() == [0, 0, 0, 2, 2]
    assert (decision.row.verified, decision.row.added, decision.row.correct_1st) == (3, 1, 2)


def test_without_relabelling_only_promotion_remains() -> None:
    decision = verify_iqbal(P, CANDIDATE, iteration=1, verified=3, config=IqbalConfig(relabel=False))
    assert decision.accepted_N.tolist() == [True, False, False, False, False]
    assert not decision.relabelled_N.any()
    assert decision.label_N.tolist() == CANDIDATE.tolist()


def test_unverified_clips_weigh_seven_tenths_and_nine_tenths_with_predicted_labels() -> None:
    verified = np.array([True, False])
    assert loss_weights(verified, pseudo_labelled=False, config=IqbalConfig()).tolist() == [1.0, 0.7]
    assert loss_weights(verified, pseudo_labelled=True, config=IqbalConfig()).tolist() == [1.0, 0.9]


@pytest.mark.parametrize("field", ["promotion_threshold", "given_weight", "pseudo_weight"])
def test_impossible_settings_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=rf"{field} = 1\.2"):
        IqbalConfig(**{field: 1.2})
