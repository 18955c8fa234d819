"""Runs that are killed again and again, as a power cut or a full memory would."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from ml.recipes.earmark import EarmarkRecipe
from ml.services.manifest import candidate_set, read_manifest
from tests.factories.trunks import Levels, write_trunk
from tests.factories.verification import make_dataset, read_predictions

PROJECT = Path(__file__).resolve().parents[3]
KILLS = 10
EARLY_KILLS = 4  # at any time after the start; the others hit while a network is trained, or features are computed
ENOUGH_S = 120  # to start, on a busy machine
MARK = "EARMARK_KILLED_RUN"


@pytest.fixture
def dataset(tmp_path: Path) -> tuple[Path, Path]:
    """Write 45 recordings of 3 classes in 5 groups, of which people verified two; one is for test."""
    manifest, audio_root, rows = make_dataset(tmp_path, each=3, n_groups=5, test_groups=1)
    assert len(rows) == 45
    return manifest, audio_root


class Killed:
    """One command, started again after each kill."""

    def __init__(self, folder: Path, dataset: tuple[Path, Path], *further: str) -> None:
        folder.mkdir()
        self.out, self.work = folder / "p.csv", folder / "work"
        manifest, audio_root = dataset
        self.words = ["verify_labels", "--manifest", str(manifest), "--audio-root", str(audio_root)]
        self.words += ["--out", str(self.out), "--work-dir", str(self.work), "--device", "cpu", *further]
        self._environment = {
            **os.environ,
            MARK: str(folder),
            "EARMARK_DATA_DIR": str(folder / "data"),
            "OMP_NUM_THREADS": "1",
        }

    def start(self, *, processes: int) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", *self.words, "--processes", str(processes)]
        return subprocess.Popen(  # noqa: S603 -- our own command
            command, cwd=PROJECT, env=self._environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def kill_at(self, reached: Callable[[], bool], *, delay_s: float, processes: int = 1) -> None:
        """Start the command, wait until something is reached and a little longer, and kill what was started."""
        with self.start(processes=processes) as process:
            limit = time.monotonic() + ENOUGH_S
            while not reached():
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < limit
                time.sleep(0.005)
            time.sleep(delay_s)
            process.kill()
        assert process.returncode == -signal.SIGKILL, "the command was done before it was killed"

    def has_features(self) -> bool:
        """Say whether features of a recording are stored."""
        return any(self.work.glob("features/*/index.jsonl"))

    def has_embeddings(self) -> bool:
        """Say whether embeddings of a recording are stored."""
        return any(self.work.glob("features/trunk-*/index.jsonl"))

    def head_epochs(self) -> int:
        """Count the epochs of heads that are done."""
        found = self.work.glob("earmark-*/iteration-*-member-1-*/epochs.json")
        return sum(len(json.loads(path.read_text())) for path in found)

    def epochs(self) -> int:
        """Count the epochs that are done."""
        return sum(len(json.loads(path.read_text())) for path in self.work.glob("earmark-*/*/epochs.json"))

    def left(self) -> Iterator[str]:
        """Yield the processes that were started and have not ended."""
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"{MARK}={self.out.parent}".encode() in path.read_bytes().split(b"\0"):
                    yield path.parent.name
            except OSError:  # gone meanwhile, or somebody else's
                continue


def all_epochs(dataset: tuple[Path, Path]) -> int:
    """Count the epochs of an undisturbed run."""
    manifest, audio_root = dataset
    clips = read_manifest(manifest, audio_root=audio_root)
    plan = EarmarkRecipe().plan(candidate_set(clips, [clip.name for clip in clips]), sample_rate_hz=8_000)
    return sum(plan.training(step).epochs for i in range(plan.iterations) for step in plan.steps(i))


@pytest.mark.slow
def test_a_run_killed_ten_times_at_random_ends_with_the_predictions_of_an_undisturbed_one(
    tmp_path: Path, dataset: tuple[Path, Path]
) -> None:
    chance = random.Random(20)  # noqa: S311 -- any moments will do
    killed, undisturbed = Killed(tmp_path / "killed", dataset), Killed(tmp_path / "undisturbed", dataset)
    killed.kill_at(killed.has_features, delay_s=chance.uniform(0, 0.05))
    late_kills = KILLS - 1 - EARLY_KILLS
    most = all_epochs(dataset) // (late_kills + 2)  # between two of them, so that something is left for the last start
    late = [False] * EARLY_KILLS + [True] * late_kills
    chance.shuffle(late)
    for number, is_late in enumerate(late):
        goal = killed.epochs() + chance.randint(1, most) if is_late else 0
        killed.kill_at(
            lambda goal=goal: killed.epochs() >= goal,  # type: ignore[misc]  # bound for this round
            delay_s=chance.uniform(0, 0.05 if is_late else 2.0),
            # Only what was started is killed: what that started itself must neither go on nor disturb the next.
            processes=2 if number == late.index(True) else 1,
        )
        assert killed.epochs() >= goal
        assert not killed.out.exists()

    assert late_kills <= killed.epochs() < all_epochs(dataset)
    with killed.start(processes=1) as process:
        out, error = process.communicate()
    assert process.returncode == 0, error
    assert "iteration 3: " in out
    call_command(*undisturbed.words, "--processes", "1")
    assert len(read_predictions(undisturbed.out)) == 45
    assert killed.out.read_bytes() == undisturbed.out.read_bytes()
    limit = time.monotonic() + 20
    while list(killed.left()):
        assert time.monotonic() < limit, "processes outlive the command that started them"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_run_with_a_trunk_that_is_killed_while_clips_are_heard_and_heads_train_ends_with_the_same_predictions(
    tmp_path: Path, dataset: tuple[Path, Path]
) -> None:
    trunk = str(write_trunk(tmp_path / "levels.pt", Levels()))
    killed = Killed(tmp_path / "killed", dataset, "--trunk", trunk)
    undisturbed = Killed(tmp_path / "undisturbed", dataset, "--trunk", trunk)
    killed.kill_at(killed.has_embeddings, delay_s=0.02)
    killed.kill_at(lambda: killed.head_epochs() >= 20, delay_s=0.01)
    assert not killed.out.exists()
    with killed.start(processes=1) as process:
        _, error = process.communicate()
    assert process.returncode == 0, error
    call_command(*undisturbed.words, "--processes", "1")
    assert killed.out.read_bytes() == undisturbed.out.read_bytes()
