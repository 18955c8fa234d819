"""`recompute_decisions`: what it says after a change of policy."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from curation.domain.policy import Policy
from curation.services.datasets import set_policy
from tests.factories.rows import make_dataset, make_participant, make_submission
from validate.services.votes import record_vote

pytestmark = pytest.mark.django_db


def test_a_new_policy_settles_what_waited(capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make_dataset("city")
    record_vote(
        submission=make_submission(dataset),
        voter=make_participant(dataset),
        gain=True,
        privacy=True,
        acoustic_cue=True,
        source="web",
    )
    set_policy(dataset=dataset, policy=Policy(votes_min=1, votes_max=1))
    call_command("recompute_decisions", "--dataset", "city")
    assert "1 submissions with votes, 1 newly decided, 0 decided otherwise" in capsys.readouterr().out
    call_command("recompute_decisions", "--dataset", "city")
    assert "1 submissions with votes, 0 newly decided, 0 decided otherwise" in capsys.readouterr().out


def test_an_unknown_dataset_exits_2() -> None:
    with pytest.raises(CommandError, match="no dataset") as stopped:
        call_command("recompute_decisions", "--dataset", "nowhere")
    assert stopped.value.returncode == 2
