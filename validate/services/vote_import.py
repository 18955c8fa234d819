"""Importing votes from a file: the same rules as voting in the browser, a batch at a time.

Votes that came in after a submission was decided are judgements all the same: up to the policy's most
they are stored, and the decision stays. A batch costs the same few queries whatever its rows are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from curation.models import Dataset, Participant, Submission, SubmissionState
from curation.selectors.policies import current_policy
from curation.services.csv_rows import check_filled
from curation.services.participants import check_code, ensure_participants, numbered
from curation.services.row_import import Accepted, Outcome, Row, RowRefusedError, Unchanged
from curation.services.vote_counts import set_vote_counts
from validate.domain.majority import CRITERIA, Ballot
from validate.models import Vote
from validate.models.vote import VoteSource
from validate.services.votes import settle_by_votes

_ANSWERS = {"yes": True, "no": False}


class VoteImporter:
    """Takes rows of ``submission,voter,gain,privacy,acoustic_cue``.

    Parameters
    ----------
    dataset : Dataset
        Where the submissions are.
    known_participants : bool
        Refuse voters that the dataset does not know yet, to catch slips of the pen.
    """

    kind = "votes"
    required: Sequence[str] = ("submission", "voter", *CRITERIA)
    optional: Sequence[str] = ()

    def __init__(self, *, dataset: Dataset, known_participants: bool = False) -> None:
        self._dataset = dataset
        self._known_participants = known_participants
        self._highest_number = 0
        self._policy = current_policy(dataset)

    def identity(self, row: Row) -> tuple[str, ...]:
        """Return submission and voter: one vote each."""
        return row["submission"], row["voter"]

    def look(self, row: Row) -> None:
        """Keep the numbers that codes name from being drawn for others."""
        self._highest_number = max(self._highest_number, numbered(row["voter"]))

    @transaction.atomic
    def take(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        """Store the votes that can be taken and settle what they decide."""
        batch = _Batch(dataset=self._dataset, votes_max=self._policy.policy.votes_max)
        batch.load(rows)
        outcomes: list[Outcome] = []
        for row in rows:
            try:
                outcomes.append(batch.judge(row, known_participants=self._known_participants))
            except RowRefusedError as error:
                outcomes.append(error.refused)
        people = ensure_participants(
            dataset=self._dataset,
            codes=dict.fromkeys(vote.voter for vote in batch.new),
            above=self._highest_number,
        )
        Vote.objects.bulk_create(
            Vote(
                submission_id=vote.submission,
                voter=people[vote.voter],
                gain=vote.ballot.gain,
                privacy=vote.ballot.privacy,
                acoustic_cue=vote.ballot.acoustic_cue,
                position=vote.position,
                source=VoteSource.IMPORT,
            )
            for vote in batch.new
        )
        touched = {vote.submission: list(batch.given[vote.submission].values()) for vote in batch.new}
        set_vote_counts(counts={pk: len(ballots) for pk, ballots in touched.items()})
        undecided = {pk: ballots for pk, ballots in touched.items() if pk in batch.undecided}
        settle_by_votes(dataset=self._dataset, policy=self._policy, ballots=undecided)
        return outcomes


@dataclass(frozen=True)
class _NewVote:
    submission: int
    voter: str
    ballot: Ballot
    position: int


@dataclass
class _Batch:
    """The rows of the database that a batch of votes needs, read in few queries."""

    dataset: Dataset
    votes_max: int
    submissions: dict[str, Submission] = field(default_factory=dict)
    undecided: set[int] = field(default_factory=set)
    people: dict[str, Participant] = field(default_factory=dict)
    given: defaultdict[int, dict[str, Ballot]] = field(default_factory=lambda: defaultdict(dict))
    new: list[_NewVote] = field(default_factory=list)

    def load(self, rows: Sequence[Row]) -> None:
        """Lock the submissions that the rows name and read their votes."""
        codes = {row["voter"] for row in rows}
        self._find_people(codes)
        if len(self.people) < len(codes):
            # New people take the dataset's lock; it comes before the submissions' everywhere, or two
            # writers could wait for each other.
            Dataset.objects.select_for_update(no_key=True).get(pk=self.dataset.pk)
            self._find_people(codes)  # who came in while this waited
        locked = (
            Submission.objects.filter(dataset=self.dataset, external_id__in={row["submission"] for row in rows})
            .only("pk", "external_id", "participant_id", "state")
            .order_by("pk")
            .select_for_update(no_key=True)
        )
        self.submissions = {submission.external_id: submission for submission in locked}
        self.undecided = {each.pk for each in self.submissions.values() if each.state == SubmissionState.UNDECIDED}
        stored = (
            Vote.objects.filter(submission__in=list(self.submissions.values()))
            .order_by("submission_id", "position")
            .values_list("submission_id", "voter__code", *CRITERIA)
        )
        for submission, code, gain, privacy, acoustic_cue in stored:
            self.given[submission][code] = Ballot(gain=gain, privacy=privacy, acoustic_cue=acoustic_cue)

    def _find_people(self, codes: set[str]) -> None:
        known = Participant.objects.filter(dataset=self.dataset, code__in=codes).only("pk", "code")
        self.people = {person.code: person for person in known}

    def judge(self, row: Row, *, known_participants: bool) -> Accepted | Unchanged:
        """Take a vote, or raise why it is refused."""
        check_filled(row, ("submission", "voter"))
        ballot = _ballot(row)
        voter = row["voter"]
        check_code(voter)
        submission = self.submissions.get(row["submission"])
        if submission is None:
            detail = f"There is no submission {row['submission']!r} in this dataset. Import its recording first."
            raise RowRefusedError("unknown_submission", detail)
        person = self.people.get(voter)
        if person is None and known_participants:
            detail = f"Nobody here has the code {voter!r}. Correct it, or import without --known-participants."
            raise RowRefusedError("unknown_participant", detail)
        if person is not None and person.pk == submission.participant_id:
            raise RowRefusedError("own_submission", f"{voter} recorded this submission; nobody votes on an own one.")
        given = self.given[submission.pk]
        if voter in given:
            if given[voter] == ballot:
                return Unchanged()
            detail = f"{voter} voted otherwise before ({_words(given[voter])}). A vote stays as it was given."
            raise RowRefusedError("conflicting_vote", detail)
        if len(given) >= self.votes_max:
            detail = f"The submission has {len(given)} votes; the policy's votes_max is {self.votes_max}."
            raise RowRefusedError("too_many_votes", detail)
        given[voter] = ballot
        self.new.append(_NewVote(submission=submission.pk, voter=voter, ballot=ballot, position=len(given)))
        return Accepted()


def _ballot(row: Row) -> Ballot:
    for criterion in CRITERIA:
        if row[criterion].lower() not in _ANSWERS:
            raise RowRefusedError("not_yes_or_no", f"{criterion} is {row[criterion]!r}. Write yes or no.")
    gain, privacy, acoustic_cue = (_ANSWERS[row[criterion].lower()] for criterion in CRITERIA)
    return Ballot(gain=gain, privacy=privacy, acoustic_cue=acoustic_cue)


def _words(ballot: Ballot) -> str:
    return ", ".join(f"{criterion} {'yes' if getattr(ballot, criterion) else 'no'}" for criterion in CRITERIA)
