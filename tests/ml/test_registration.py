"""What label verification adds to jobs, export and dataset page; that pages do so without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curation import registry
from curation.models import CandidateAnnotation, Role
from curation.services.exports import export_dataset
from curation.services.jobs import JobFailedError
from ml.models import RecipeName, VerificationRun
from ml.recipes.catalogue import RECIPES
from ml.services import verification_jobs
from ml.services.acceptance import accept_labels, undo_acceptance
from tests.factories.exports import make_exportable
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member
from tests.factories.verification_rows import make_finished_run, make_prediction, make_run

PROJECT = Path(__file__).resolve().parents[2]
WEB = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "curation.settings"
import django
django.setup()
import curation.urls, curation.wsgi, ml.apps, ml.models, ml.registration
import ml.selectors.acceptances, ml.selectors.candidates, ml.selectors.needs, ml.selectors.predictions
import ml.selectors.run_figures, ml.selectors.runs, ml.selectors.tables
import ml.services.acceptance, ml.services.runs, ml.services.trunk_files, ml.services.verification_jobs
print(sorted(name for name in sys.modules if name.partition(".")[0] == "torch")[:1])
"""


def test_the_web_process_never_imports_torch() -> None:
    command = [sys.executable, "-c", WEB]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)  # noqa: S603 -- this interpreter
    assert done.stdout.strip() == "[]"


def test_a_worker_without_torch_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("ml.services.dataset_run", "ml.services.accelerator"):  # which other tests have imported
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(name, raising=False)
    for run in (verification_jobs.run_features, verification_jobs.run_step, verification_jobs.run_join):
        with pytest.raises(JobFailedError, match=r"torch is not installed on this worker\. Run `make worker-setup`"):
            run(None)  # type: ignore[arg-type]  # it does not come so far


def test_pages_know_the_recipes_of_the_catalogue() -> None:
    assert set(RecipeName.values) == set(RECIPES)


def test_jobs_run_where_accelerators_are_and_nobody_asks_for_them_alone() -> None:
    for name in ("verify-features", "verify-step", "verify-join"):
        kind = registry.job_kinds[name]
        assert (kind.queue, kind.requested_by) == ("gpu", ())


@pytest.fixture
def annotations() -> list[CandidateAnnotation]:
    dataset = make_dataset()
    dog, ant = make_category(dataset, "Dog"), make_category(dataset, "ant")
    clips = [make_clip(dataset, name=name) for name in ("é.wav", "Z.wav", "a.wav")]
    return [make_annotation(clip, category) for clip in clips for category in (dog, ant)]


@pytest.fixture
def run(annotations: list[CandidateAnnotation]) -> VerificationRun:
    run = make_run(annotations[0].dataset, finished=True)
    top = [[each.category_id, 0.5] for each in annotations[:2]]
    for number, each in enumerate(annotations):
        make_prediction(run, each, 0.9 - number / 10, top=top)
    return run


@pytest.mark.django_db
def test_the_exported_predictions_have_one_order_and_name_nobody(
    run: VerificationRun, annotations: list[CandidateAnnotation]
) -> None:
    curator = make_member(run.dataset, Role.CURATOR)
    accept_labels(run=run, annotations=[annotations[0].pk], by=curator)
    table = registry.export_tables["verification.csv"]
    rows = list(table.rows(run.dataset))
    assert [row[:2] for row in rows] == [
        ("Z.wav", "Dog"), ("Z.wav", "ant"), ("a.wav", "Dog"), ("a.wav", "ant"), ("é.wav", "Dog"), ("é.wav", "ant"),
    ]  # fmt: skip
    by_name = dict(zip(table.header, rows[4], strict=True))
    assert by_name == {
        "clip": "é.wav",
        "category": "Dog",
        "basis": "candidate",
        "p_label_correct": "0.900000",
        "predicted_label": "Dog",
        "top3": "Dog;ant",  # joined as in the file of `verify_labels --manifest`
        "disagreement": "0.100000",
        "category_need": "0.200000",
        "unreliability": "0.300000",
        "change_per_minute": "0.400000",
        "priority": "0.100000",
        "would_accept": "0",
        "accepted": "1",
    }


@pytest.mark.django_db
def test_the_exported_acceptances_are_every_word_in_its_order(
    run: VerificationRun, annotations: list[CandidateAnnotation]
) -> None:
    table = registry.export_tables["acceptances.csv"]
    assert table.wanted is not None
    assert not table.wanted(run.dataset)
    curator = make_member(run.dataset, Role.CURATOR)
    accept_labels(run=run, annotations=[annotations[0].pk, annotations[2].pk], by=curator)
    undo_acceptance(run=run, annotations=[annotations[0].pk], by=curator)
    assert table.wanted(run.dataset)
    rows = list(table.rows(run.dataset))
    assert [row[:4] for row in rows] == [
        ("Z.wav", "Dog", "1", "accept"), ("é.wav", "Dog", "1", "accept"), ("é.wav", "Dog", "1", "undo"),
    ]  # fmt: skip
    code = curator.participants.get().code
    assert {row[4] for row in rows} == {code}
    assert all(row[5].endswith("Z") for row in rows)


@pytest.mark.django_db
def test_only_a_verified_dataset_exports_the_tables(tmp_path: Path) -> None:
    dataset = make_exportable()
    export_dataset(dataset=dataset, target=tmp_path / "before")
    names = {path.name for path in (tmp_path / "before").iterdir()}
    assert {"ratings.csv", "verification.csv", "acceptances.csv"} & names == {"ratings.csv"}
    assert "verification.csv" not in (tmp_path / "before" / "README.md").read_text()
    run = make_finished_run(dataset, {})
    annotation = CandidateAnnotation.objects.filter(dataset=dataset).first()
    assert annotation is not None
    make_prediction(run, annotation, 0.99)
    export_dataset(dataset=dataset, target=tmp_path / "after")
    assert len((tmp_path / "after" / "verification.csv").read_text().splitlines()) == 2
    assert "verification.csv" in (tmp_path / "after" / "README.md").read_text()


@pytest.mark.django_db
def test_the_summary_holds_counts_alone(run: VerificationRun, annotations: list[CandidateAnnotation]) -> None:
    compute = registry.summary_parts["verification"].compute
    nothing: dict[str, int] = {}
    assert compute(make_dataset()) == nothing
    run.summary = {"totals": {"verified": 5, "judged": 6, "probably_wrong": 2, "would_accept": 1}}
    run.save()
    accept_labels(run=run, annotations=[annotations[0].pk], by=make_member(run.dataset, Role.CURATOR))
    counts = compute(run.dataset)
    assert json.loads(json.dumps(counts)) == counts
    assert counts == {"run": 1, "chosen": False, "judged": 6, "probably_wrong": 2, "would_accept": 1, "accepted": 1}
