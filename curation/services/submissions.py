"""Settling submissions: from undecided to accepted or rejected, once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from curation.models import Dataset, Submission, SubmissionState

UPDATE_ROWS = 500


@dataclass(frozen=True, kw_only=True)
class SubmissionDecision:
    """Why a submission is accepted or rejected.

    Attributes
    ----------
    state : SubmissionState
        Accepted or rejected.
    by : {"votes", "import"}
        Whether people voted or a manifest said so.
    policy_version : int
        Version of the policy that was in force.
    votes : int
        Votes that were counted.
    reasons : mapping of str to int
        Objections by criterion.
    """

    state: SubmissionState
    by: Literal["votes", "import"]
    policy_version: int
    votes: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a decision that decides nothing."""
        if self.state == SubmissionState.UNDECIDED:
            message = "A decision accepts or rejects; leave undecided submissions out."
            raise ValueError(message)

    def to_document(self) -> dict[str, Any]:
        """Return what is stored beside the state."""
        document: dict[str, Any] = {"policy": self.policy_version, "by": self.by}
        if self.by == "votes":
            document |= {"votes": self.votes, "reasons": dict(sorted(self.reasons.items()))}
        return document


@transaction.atomic
def settle_submissions(*, dataset: Dataset, decisions: Mapping[int, SubmissionDecision]) -> int:
    """Store decisions; a submission that is decided already stays as it is.

    Parameters
    ----------
    dataset : Dataset
        Whose submissions; ids of another dataset are left alone.
    decisions : mapping of int to SubmissionDecision
        By the submission's primary key.

    Returns
    -------
    int
        Submissions that went from undecided to decided.
    """
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for pk, decision in decisions.items():
        alike[json.dumps([decision.state.value, decision.to_document()], sort_keys=True)].append(pk)
    now = timezone.now()
    settled = 0
    for pks in alike.values():
        decision = decisions[pks[0]]
        for start in range(0, len(pks), UPDATE_ROWS):
            settled += Submission.objects.filter(
                dataset=dataset, pk__in=pks[start : start + UPDATE_ROWS], state=SubmissionState.UNDECIDED
            ).update(state=decision.state, decision=decision.to_document(), decided_at=now)
    return settled
