from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.models import Dataset, Job, Role, User
from ml.models import VerificationRun
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset, make_member, make_user
from tests.factories.trunks import Levels, write_trunk
from tests.factories.verification_rows import settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> tuple[Dataset, User]:
    dataset = make_dataset()
    for name in ("Noise", "Tone"):
        category = make_category(dataset, name)
        settle(make_annotation(make_clip(dataset), category))
        make_annotation(make_clip(dataset), category)
    return dataset, make_member(dataset, Role.ENGINEER)


def test_a_run_is_queued_for_workers(world: tuple[Dataset, User]) -> None:
    dataset, user = world
    out = StringIO()
    call_command("verify_labels", dataset=dataset.slug, account=user.email.upper(), seed=3, precision=0.95, stdout=out)
    run = VerificationRun.objects.get()
    assert (run.dataset, run.created_by, run.recipe, run.seed, run.precision) == (dataset, user, "earmark", 3, 0.95)
    assert Job.objects.get().queue == "gpu"
    assert out.getvalue().startswith(f"Run 1 of {dataset.slug} is queued. Workers of the queue gpu do it:")


def test_trunks_are_given_by_name_or_as_files_of_the_operators_folder(
    world: tuple[Dataset, User], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, user = world
    folder = tmp_path / "trunks"
    monkeypatch.setenv("EARMARK_TRUNK_DIR", str(folder))
    levels = write_trunk(folder / "levels.pt", Levels())
    write_trunk(folder / "knowing.pt")
    elsewhere = write_trunk(tmp_path / "elsewhere.pt")
    asked = ["verify_labels", "--dataset", dataset.slug, "--account", user.email, "--trunk"]
    for given, told in ((str(elsewhere), "elsewhere.pt is not in .*trunks, where workers look"), ("x", "no trunk 'x'")):
        with pytest.raises(CommandError, match=told) as refused:
            call_command(*asked, given)
        assert refused.value.returncode == 2
    call_command(*asked, str(levels), "--trunk", "knowing", stdout=StringIO())
    assert [trunk["name"] for trunk in VerificationRun.objects.get().trunks] == ["levels.pt", "knowing.pt"]


def test_what_cannot_be_started_is_told_with_the_remedy(world: tuple[Dataset, User]) -> None:
    dataset, user = world
    stranger = make_user()
    for options, told in (
        ({"dataset": "nowhere", "account": user.email}, rf"no dataset 'nowhere' \(known: {dataset.slug}\)"),
        ({"dataset": dataset.slug, "account": "a@b.c"}, "There is no account a@b.c. Add it"),
        ({"dataset": dataset.slug, "account": stranger.email}, "needs the role curator or engineer"),
        ({"dataset": dataset.slug, "account": user.email, "recipe": "magic"}, "expected one of earmark"),
        ({"dataset": dataset.slug}, "--dataset needs --account"),
        ({"dataset": dataset.slug, "account": user.email, "out": Path("p.csv")}, "--dataset does not take --out"),
        ({"manifest": Path("m.csv"), "out": Path("p.csv")}, "--manifest needs --audio-root"),
        (
            {"manifest": Path("m.csv"), "out": Path("p.csv"), "audio_root": Path(), "account": "a@b.c"},
            "--manifest does not take --account",
        ),
    ):
        with pytest.raises(CommandError, match=told) as refused:
            call_command("verify_labels", **options)
        assert refused.value.returncode == 2
    assert not VerificationRun.objects.exists()


def test_dataset_and_manifest_exclude_each_other() -> None:
    with pytest.raises(CommandError, match="not allowed with argument"):
        call_command("verify_labels", "--dataset", "a", "--manifest", "m.csv")
    with pytest.raises(CommandError, match="one of the arguments --manifest --dataset is required"):
        call_command("verify_labels")
