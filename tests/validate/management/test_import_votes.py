"""`import_votes`: each reason for a refusal, repetition, and the cost of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curation.models import Dataset, Participant, Submission, SubmissionState
from curation.services import row_import
from curation.services.row_import import import_rows
from tests.factories.judgements import read_csv, write_csv
from tests.factories.rows import make_category, make_dataset, make_participant, make_submission
from validate.models import Vote
from validate.services.vote_import import VoteImporter

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("dataset")]

HEADER = "submission,voter,gain,privacy,acoustic_cue"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset("city")
    category = make_category(dataset, "Bus")
    for number in (1, 2):
        speaker = make_participant(dataset, f"speaker{number}")
        make_submission(dataset, external_id=f"s{number}", category=category, participant=speaker)
    return dataset


def run(path: Path, *options: str) -> int:
    """Run the command; return its exit status."""
    try:
        call_command("import_votes", str(path), "--dataset", "city", *options)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def reasons(path: Path) -> dict[str, str]:
    return {row["line"]: row["reason"] for row in read_csv(path.with_name(f"{path.stem}.refused.csv"))}


def test_good_votes_settle_and_a_second_run_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_csv(
        tmp_path / "votes.csv",
        HEADER,
        ["s1,a,yes,yes,yes", "s2,a,no,YES,yes", "s1,b,Yes,yes,yes", "s2,b,yes,No,yes", "s1,c,yes,yes,yes"],
    )
    assert run(path) == 0
    assert "5 votes stored, 0 known already, 0 refused" in capsys.readouterr().out
    votes = list(Vote.objects.values())
    submissions = list(Submission.objects.order_by("external_id").values())
    assert [row["state"] for row in submissions] == ["accepted", "undecided"]
    assert [row["vote_count"] for row in submissions] == [3, 2]
    assert submissions[0]["decision"]["votes"] == 3
    assert run(path) == 0
    assert "0 votes stored, 5 known already, 0 refused" in capsys.readouterr().out
    assert list(Vote.objects.values()) == votes
    assert list(Submission.objects.order_by("external_id").values()) == submissions


def test_every_bad_row_is_refused_with_its_reason_and_the_rest_stored(tmp_path: Path) -> None:
    run(write_csv(tmp_path / "first.csv", HEADER, ["s1,a,yes,yes,yes"]))
    path = write_csv(
        tmp_path / "votes.csv",
        HEADER,
        [
            "s1,a,yes,yes,no",
            "s9,a,yes,yes,yes",
            "s1,speaker1,yes,yes,yes",
            "s1,b,maybe,yes,yes",
            "s1,b,1,yes,yes",
            "s1,someone@example.org,yes,yes,yes",
            "s1,=cmd,yes,yes,yes",
            "s1,,yes,yes,yes",
            "s1,c,yes,yes",
            "s2,speaker1,yes,yes,yes",
            "s2,speaker1,no,yes,yes",
        ],
    )
    assert run(path) == 1
    assert reasons(path) == {
        "2": "conflicting_vote",
        "3": "unknown_submission",
        "4": "own_submission",
        "5": "not_yes_or_no",
        "6": "not_yes_or_no",
        "7": "participant_is_email",
        "8": "bad_participant",
        "9": "empty_field",
        "10": "field_count",
        "12": "contradicting_row",
    }
    assert sorted(Vote.objects.values_list("submission__external_id", "voter__code", "gain")) == [
        ("s1", "a", True),
        ("s2", "speaker1", True),
    ]
    assert not Participant.objects.filter(code__in=["b", "c"]).exists()


def test_voters_leave_the_numbers_free_that_later_ones_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_import, "BATCH_ROWS", 1)
    assert run(write_csv(tmp_path / "votes.csv", HEADER, ["s1,alice,yes,yes,yes", "s1,user471100,yes,yes,yes"])) == 0
    numbers = Participant.objects.filter(code__in=["alice", "user471100"]).values_list("code", "number")
    assert dict(numbers) == {"alice": 471101, "user471100": 471100}


def test_votes_after_the_decision_are_kept_up_to_the_most(tmp_path: Path) -> None:
    voters = "abcdefg"
    path = write_csv(
        tmp_path / "votes.csv", HEADER, [f"s1,{voter},{'yes' if voter < 'd' else 'no'},yes,yes" for voter in voters]
    )
    assert run(path) == 1
    assert reasons(path) == {"7": "too_many_votes", "8": "too_many_votes"}
    submission = Submission.objects.get(external_id="s1")
    assert submission.state == SubmissionState.ACCEPTED
    assert submission.vote_count == Vote.objects.filter(submission=submission).count() == 5


def test_the_decision_stays_when_more_votes_come_in_another_file(tmp_path: Path) -> None:
    run(write_csv(tmp_path / "first.csv", HEADER, [f"s1,{voter},yes,yes,yes" for voter in "abc"]))
    before = Submission.objects.get(external_id="s1")
    assert run(write_csv(tmp_path / "second.csv", HEADER, [f"s1,{voter},no,yes,yes" for voter in "de"])) == 0
    after = Submission.objects.get(external_id="s1")
    assert after.vote_count == 5
    assert (after.state, after.decision, after.decided_at) == (before.state, before.decision, before.decided_at)


def test_a_submission_that_came_accepted_keeps_its_votes_and_its_state(dataset: Dataset, tmp_path: Path) -> None:
    make_submission(dataset, external_id="s3", state=SubmissionState.ACCEPTED, decision={"policy": 1, "by": "import"})
    assert run(write_csv(tmp_path / "votes.csv", HEADER, [f"s3,{voter},no,yes,yes" for voter in "abc"])) == 0
    submission = Submission.objects.get(external_id="s3")
    assert (submission.state, submission.vote_count) == (SubmissionState.ACCEPTED, 3)
    assert submission.decision["by"] == "import"


def test_votes_that_are_all_refused_exit_2(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "votes.csv", HEADER, ["none,a,yes,yes,yes"])
    assert run(path) == 2
    assert reasons(path) == {"2": "unknown_submission"}


def test_known_participants_catches_slips(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "votes.csv", HEADER, ["s1,speaker2,yes,yes,yes", "s1,speakre2,yes,yes,yes"])
    assert run(path, "--known-participants") == 1
    assert reasons(path) == {"3": "unknown_participant"}
    assert not Participant.objects.filter(code="speakre2").exists()


def test_an_unusable_file_exits_2_and_stores_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "votes.csv", "submission,voter,gain,privacy", ["s1,a,yes,yes"])
    with pytest.raises(CommandError, match="acoustic_cue") as stopped:
        run(path)
    assert stopped.value.returncode == 2
    assert not Vote.objects.exists()


def queries_for(dataset: Dataset, path: Path) -> int:
    with CaptureQueriesContext(connection) as queries:
        import_rows(dataset=dataset, path=path, importer=VoteImporter(dataset=dataset))
    return len(queries)


def test_a_batch_costs_the_same_queries_whatever_its_rows(dataset: Dataset, tmp_path: Path) -> None:
    for number in range(10, 40):
        make_submission(dataset, external_id=f"s{number}")
    few = write_csv(tmp_path / "few.csv", HEADER, ["s1,a,yes,yes,yes"])
    many = write_csv(
        tmp_path / "many.csv",
        HEADER,
        [f"s{number},{voter},yes,yes,yes" for number in range(10, 40) for voter in "bcd"],
    )
    one = queries_for(dataset, few)
    # 90 votes settle 30 submissions alike: one update more, between a savepoint and its release.
    assert queries_for(dataset, many) <= one + 3
