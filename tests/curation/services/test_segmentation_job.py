from __future__ import annotations

import pytest

from curation.models import Dataset, Job, JobState, SubmissionState
from curation.services.jobs import enqueue_segmentation, run_job
from tests.factories.rows import make_dataset, make_submission

pytestmark = pytest.mark.django_db


def test_accepted_submissions_are_cut_by_one_job_of_each_dataset() -> None:
    first, second = make_dataset(), make_dataset()
    accepted = [make_submission(dataset, state=SubmissionState.ACCEPTED).pk for dataset in (first, first, second)]
    enqueue_segmentation(submission_ids=accepted)
    enqueue_segmentation(submission_ids=accepted)
    assert set(Job.objects.values_list("kind", "dataset")) == {("segment", first.pk), ("segment", second.pk)}
    assert Job.objects.count() == 2


def test_rejected_submissions_ask_for_nothing() -> None:
    rejected = make_submission(make_dataset(), state=SubmissionState.REJECTED)
    assert enqueue_segmentation(submission_ids=[rejected.pk]) == []


def test_a_submission_that_cannot_be_cut_is_named_in_the_result() -> None:
    dataset: Dataset = make_dataset()
    submission = make_submission(dataset, state=SubmissionState.ACCEPTED)  # its audio file is not there
    (job,) = enqueue_segmentation(submission_ids=[submission.pk])
    run_job(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["clips"], job.result["refused"]) == (JobState.DONE, 0, 1)
    assert job.result["refusals"][0]["submission"] == submission.external_id
