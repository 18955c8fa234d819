"""Cutting accepted submissions into clips of one length, the remainder discarded.

Each submission is one transaction: its clips, their candidate annotations and `segmented_at` are stored together
or not at all. A run that is killed is completed by the next, and two runs at once never cut one submission twice.

References
----------
Jeong and Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing", 2022, section II.D.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from curation.domain.naming import folded_name, name_key, segment_name
from curation.domain.policy import Policy
from curation.domain.progress import Progress, no_progress
from curation.models import AnnotationSource, CandidateAnnotation, Clip, Dataset, Submission, SubmissionState
from curation.selectors.policies import current_policy
from curation.services.audio_intake import ClipAudio, CutRequest, cut_recording
from curation.services.audio_store import make_audio_durable
from curation.services.row_import import Refused
from curation.services.worker_pool import AudioWorkers

BATCH = 100  # submissions handed to the workers at a time
STORED_TOGETHER = 10  # submissions whose files are made durable in one go; what a crash makes cut again


@dataclass(kw_only=True)
class SegmentReport:
    """What a run of segmentation did.

    Attributes
    ----------
    submissions : int
        Submissions that were cut.
    clips : int
        Clips that were stored.
    refused : list of (str, Refused)
        Submissions, by id, that gave no clip, and why. Those shorter than a segment are not tried again.
    """

    submissions: int = 0
    clips: int = 0
    refused: list[tuple[str, Refused]] = field(default_factory=list)


def segment_dataset(
    *,
    dataset: Dataset,
    submission_ids: Collection[int] | None = None,
    progress: Progress = no_progress,
    workers: int = 1,
) -> SegmentReport:
    """Cut the accepted submissions that are not cut yet.

    Parameters
    ----------
    dataset : Dataset
        Whose submissions.
    submission_ids : collection of int, optional
        Primary keys of the only ones to cut.
    progress : Progress
        Told the submissions done.
    workers : int
        Processes that read audio.

    Returns
    -------
    SegmentReport
        What was cut, and what could not be.
    """
    policy = current_policy(dataset).policy
    waiting = Submission.objects.filter(
        dataset=dataset, state=SubmissionState.ACCEPTED, segmented_at__isnull=True
    ).order_by("pk")
    if submission_ids is not None:
        waiting = waiting.filter(pk__in=list(submission_ids))
    total = waiting.count()
    report = SegmentReport()
    progress(0, total)
    done, last = 0, 0
    with AudioWorkers(workers) as pool:
        while batch := list(waiting.filter(pk__gt=last).select_related("task__category", "participant")[:BATCH]):
            last = batch[-1].pk
            requests = [_request(submission, policy) for submission in batch]
            cuts = zip(batch, pool.map(cut_recording, requests), strict=True)
            while part := list(islice(cuts, STORED_TOGETHER)):
                make_audio_durable()
                for submission, cut in part:
                    _record(submission, cut, policy, report)
                    done += 1
                    progress(done, max(total, done))
    return report


def submissions_without_clips(*, dataset: Dataset, report: SegmentReport) -> list[tuple[str, Refused]]:
    """Return what a run refused, and what earlier ones found too short, by submission id.

    Parameters
    ----------
    dataset : Dataset
        Whose submissions.
    report : SegmentReport
        Of the last run.

    Returns
    -------
    list of (str, Refused)
        The same after a further run that changes nothing.
    """
    policy = current_policy(dataset).policy
    cut = Submission.objects.filter(dataset=dataset, segmented_at__isnull=False)
    short = cut.filter(~Exists(Clip.objects.filter(submission=OuterRef("pk")))).order_by()
    rows = short.values_list("external_id", "frames", "sample_rate_hz")
    found = {name: _too_short(frames, rate_hz, policy) for name, frames, rate_hz in rows}
    return sorted((found | dict(report.refused)).items())


def _too_short(frames: int, sample_rate_hz: int, policy: Policy) -> Refused:
    """Say why a recording gives no segment, in its own samples: rounded seconds of 440,999 of them would be 10."""
    needed = -(-policy.segment_frames * sample_rate_hz // policy.sample_rate_hz)
    less = f"are less than a segment of {policy.segment_s:g} s, which takes {needed}"
    if frames >= needed:
        less = "were less than a segment of the policy that was in force when it was cut"
    return Refused("shorter_than_segment", f"{frames} samples at {sample_rate_hz} Hz {less}. It gives no clip.")


def _request(submission: Submission, policy: Policy) -> CutRequest:
    return CutRequest(
        submission_id=submission.pk,
        original_key=submission.original_key,
        original_sha256=submission.original_sha256,
        sample_rate_hz=policy.sample_rate_hz,
        segment_frames=policy.segment_frames,
        dither=policy.dither,
        max_duration_s=max(policy.max_recording_s, submission.duration_s),
    )


def _record(submission: Submission, cut: list[ClipAudio] | Refused, policy: Policy, report: SegmentReport) -> None:
    """Store one submission's clips and count them."""
    if isinstance(cut, Refused):
        report.refused.append((submission.external_id, cut))
        return
    stored = _store(submission, cut, policy)
    if isinstance(stored, Refused):
        report.refused.append((submission.external_id, stored))
    elif stored:
        report.submissions += 1
        report.clips += len(cut)
        if not cut:
            report.refused.append(
                (submission.external_id, _too_short(submission.frames, submission.sample_rate_hz, policy))
            )


@transaction.atomic
def _store(submission: Submission, cut: list[ClipAudio], policy: Policy) -> bool | Refused:
    """Store clips and annotations; answer False where another run was faster."""
    names = list(_names(submission, len(cut)))
    alike = Clip.objects.filter(dataset=submission.dataset_id, name_key__in=list(map(name_key, names)))
    wanted = set(map(folded_name, names))
    for holder in alike.exclude(submission=submission).order_by().values_list("name", flat=True):
        if folded_name(holder) in wanted:
            return Refused("name_taken", f"The clip {holder} has this name already, upper and lower case being one.")
    claimed = Submission.objects.filter(
        pk=submission.pk, state=SubmissionState.ACCEPTED, segmented_at__isnull=True
    ).update(segmented_at=timezone.now())
    if not claimed:
        return False
    clips = Clip.objects.bulk_create(
        Clip(
            dataset_id=submission.dataset_id,
            participant_id=submission.participant_id,
            submission=submission,
            segment_index=index,
            name=name,
            audio_key=audio.key,
            sample_rate_hz=policy.sample_rate_hz,
            frames=audio.frames,
            duration_s=audio.frames / policy.sample_rate_hz,
            title=submission.title,
            licence=submission.licence,
            source_url=submission.source_url,
            **audio.measures,
        )
        for index, (name, audio) in enumerate(zip(names, cut, strict=True))
    )
    CandidateAnnotation.objects.bulk_create(
        CandidateAnnotation(
            dataset_id=submission.dataset_id,
            clip=clip,
            category_id=submission.task.category_id,
            source=AnnotationSource.SUBMISSION,
        )
        for clip in clips
    )
    return True


def _names(submission: Submission, count: int) -> Iterator[str]:
    for index in range(count):
        yield segment_name(
            file_label=submission.task.category.file_label,
            participant_number=submission.participant.number,
            submission_id=submission.external_id,
            index=index,
        )
