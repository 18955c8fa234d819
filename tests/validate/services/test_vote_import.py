"""Whatever votes a file holds and however it is cut into batches, the decision is the rule's."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.services.row_import import Accepted, Refused, Row
from tests.factories.rows import make_dataset, make_submission
from validate.domain.majority import Ballot, decide
from validate.selectors.votes import ballots_of
from validate.services.vote_import import VoteImporter

ballots = st.builds(Ballot, gain=st.booleans(), privacy=st.booleans(), acoustic_cue=st.booleans())


def row(line: int, voter: str, ballot: Ballot) -> Row:
    answers = {name: "yes" if getattr(ballot, name) else "no" for name in ("gain", "privacy", "acoustic_cue")}
    return Row(line, {"submission": "s1", "voter": voter, **answers})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    votes=st.lists(ballots, max_size=8),
    batch_rows=st.integers(1, 8),
    votes_min=st.integers(1, 4),
    more=st.integers(0, 3),
    rule=st.sampled_from(["decision", "criterion"]),
)
@pytest.mark.django_db
def test_the_decision_is_the_rules_on_the_votes_that_were_stored(
    votes: list[Ballot], batch_rows: int, votes_min: int, more: int, rule: str
) -> None:
    votes_max = votes_min + more
    dataset = make_dataset(votes_min=votes_min, votes_max=votes_max, vote_rule=rule)
    submission = make_submission(dataset, external_id="s1")
    importer = VoteImporter(dataset=dataset)
    rows = [row(line, f"v{line}", ballot) for line, ballot in enumerate(votes, start=2)]
    outcomes = [
        outcome
        for start in range(0, len(rows), batch_rows)
        for outcome in importer.take(rows[start : start + batch_rows])
    ]
    submission.refresh_from_db()
    stored = ballots_of([submission.pk])[submission.pk]
    assert stored == votes[:votes_max]
    assert [type(outcome) for outcome in outcomes] == [
        Accepted if place < votes_max else Refused for place in range(len(votes))
    ]
    assert submission.vote_count == len(stored)
    assert submission.state == decide(stored, votes_min=votes_min, votes_max=votes_max, rule=rule).outcome
