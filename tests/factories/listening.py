"""A small dataset that sounds: clips to rate, submissions to vote on, one clip with a whole history."""

from __future__ import annotations

from dataclasses import dataclass

from annotate.services.ratings import record_rating
from curation.models import Clip, Dataset, Role, Submission, SubmissionState, User
from tests.factories.rows import make_annotation, make_category, make_dataset, make_member, make_participant, make_user
from tests.factories.sounds import make_sounding_clip, make_sounding_submission
from validate.services.votes import record_vote

BARK = "A short, loud, explosive sound that a dog makes, often repeated."


@dataclass(frozen=True)
class Listening:
    """The rows that tests name."""

    dataset: Dataset
    annotator: User
    curator: User
    participant: User
    submissions: list[Submission]
    clips: list[Clip]
    told: Clip  # rated, voted on and cut


def make_listening(*, items: int = 3) -> Listening:
    dataset = make_dataset("dogs")
    dataset.title = "Dogs of the neighbourhood"
    dataset.save()
    bark = make_category(dataset, "Dog bark")
    bark.description = BARK
    bark.save()
    participant = make_member(dataset, Role.PARTICIPANT, make_user("pia@example.org", display_name="Pia"))
    owner = make_participant(dataset, "user0017", participant)
    others = [make_participant(dataset, f"user{number:04d}") for number in range(1, 4)]
    accepted = make_sounding_submission(
        dataset, category=bark, participant=owner, seconds=4.0, seed=99, external_id="14896147", city="Seoul"
    )
    for other in others:
        record_vote(submission=accepted, voter=other, gain=True, privacy=True, acoustic_cue=True, source="import")
    accepted.refresh_from_db()
    assert accepted.state == SubmissionState.ACCEPTED
    told = make_sounding_clip(
        dataset,
        seed=98,
        participant=owner,
        submission=accepted,
        segment_index=0,
        name="Dogbark_user0017_14896147_000.wav",
    )
    settled = make_annotation(told, bark)
    for other in others[:2]:
        record_rating(annotation=settled, annotator=other, presence="PP", source="import")
    submissions = [
        make_sounding_submission(dataset, category=bark, participant=others[0], seed=seed) for seed in range(items)
    ]
    clips = [make_sounding_clip(dataset, participant=others[0], seed=seed) for seed in range(10, 10 + items)]
    for clip in clips:
        make_annotation(clip, bark)
    return Listening(
        dataset=dataset,
        annotator=make_member(dataset, Role.ANNOTATOR, make_user("anna@example.org", display_name="Anna")),
        curator=make_member(dataset, Role.CURATOR, make_user("cora@example.org", display_name="Cora")),
        participant=participant,
        submissions=submissions,
        clips=clips,
        told=told,
    )
