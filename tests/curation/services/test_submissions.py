from __future__ import annotations

import pytest

from curation.models import SubmissionState
from curation.services.submissions import SubmissionDecision, settle_submissions
from tests.factories.rows import make_dataset, make_submission

pytestmark = pytest.mark.django_db

ACCEPTED = SubmissionDecision(
    state=SubmissionState.ACCEPTED, by="votes", policy_version=1, votes=3, reasons={"gain": 1}
)
REJECTED = SubmissionDecision(state=SubmissionState.REJECTED, by="import", policy_version=1)


def test_decisions_are_stored_with_their_reasons() -> None:
    dataset = make_dataset()
    one, two = make_submission(dataset), make_submission(dataset)
    assert settle_submissions(dataset=dataset, decisions={one.pk: ACCEPTED, two.pk: REJECTED}) == 2
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.state, one.decision) == (
        SubmissionState.ACCEPTED,
        {"policy": 1, "by": "votes", "votes": 3, "reasons": {"gain": 1}},
    )
    assert (two.state, two.decision) == (SubmissionState.REJECTED, {"policy": 1, "by": "import"})
    assert one.decided_at is not None


def test_a_decided_submission_stays_decided() -> None:
    dataset = make_dataset()
    submission = make_submission(dataset, state=SubmissionState.REJECTED)
    assert settle_submissions(dataset=dataset, decisions={submission.pk: ACCEPTED}) == 0
    submission.refresh_from_db()
    assert submission.state == SubmissionState.REJECTED


def test_submissions_of_another_dataset_are_left_alone() -> None:
    submission = make_submission(make_dataset())
    assert settle_submissions(dataset=make_dataset(), decisions={submission.pk: ACCEPTED}) == 0


def test_an_undecided_decision_is_an_error() -> None:
    with pytest.raises(ValueError, match="leave undecided"):
        SubmissionDecision(state=SubmissionState.UNDECIDED, by="votes", policy_version=1)
