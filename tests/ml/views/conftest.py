"""A finished run of thirty labels, and its curator."""

from __future__ import annotations

import pytest

from curation.models import CandidateAnnotation, Role, User
from ml.models import VerificationRun
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member
from tests.factories.verification_rows import make_finished_run


@pytest.fixture
def labels() -> list[CandidateAnnotation]:
    dataset = make_dataset("streets")
    category = make_category(dataset, "Cafe")
    return [make_annotation(make_clip(dataset), category) for _ in range(30)]


@pytest.fixture
def run(labels: list[CandidateAnnotation]) -> VerificationRun:
    """Thirty labels, the first right with 0.70, each further one with one hundredth more."""
    found = {label: round(0.70 + 0.01 * place, 2) for place, label in enumerate(labels)}
    run = make_finished_run(labels[0].dataset, found)
    run.summary = {
        "totals": {"verified": 4, "judged": 30, "probably_wrong": 0, "would_accept": 3},
        "assured": [[0.70, 30, 0.845], [0.80, 20, 0.895], [0.90, 10, 0.945], [0.97, 3, 0.98]],
        "histogram": [0] * 14 + [5] * 6,
        "classes": [],
        "reliability": [],
    }
    run.save()
    return run


@pytest.fixture
def curator(run: VerificationRun) -> User:
    return make_member(run.dataset, Role.CURATOR)
