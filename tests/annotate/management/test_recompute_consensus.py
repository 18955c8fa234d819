"""`recompute_consensus`: what it says after a change of policy."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from annotate.services.ratings import record_rating
from curation.domain.policy import Policy
from curation.services.datasets import set_policy
from tests.factories.rows import make_annotation, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db


def test_a_new_policy_settles_what_waited(capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make_dataset("zoo")
    annotation = make_annotation(make_clip(dataset))
    record_rating(annotation=annotation, annotator=make_participant(dataset), presence="PP", source="web")
    call_command("recompute_consensus", "--dataset", "zoo")
    assert "1 rated candidate annotations, 0 of them settled" in capsys.readouterr().out
    set_policy(dataset=dataset, policy=Policy(agreement=1))
    call_command("recompute_consensus", "--dataset", "zoo")
    assert "1 rated candidate annotations, 1 of them settled" in capsys.readouterr().out
