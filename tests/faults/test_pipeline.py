"""The pipeline is killed again and again, then finished; its export is that of a run nobody disturbed."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.factories.pipeline_files import write_pipeline_files

PROJECT = Path(__file__).resolve().parents[2]
LEAST_KILLS, MOST_KILLS = 3, 60

pytestmark = pytest.mark.faults


def _start(data_dir: Path, database_url: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "EARMARK_DATA_DIR": str(data_dir), "DATABASE_URL": database_url}
    return subprocess.Popen(  # noqa: S603 -- the project's own command
        [sys.executable, str(PROJECT / "manage.py"), *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def _run(data_dir: Path, database_url: str, *arguments: str) -> None:
    assert _start(data_dir, database_url, *arguments).wait() == 0


def _killed(process: subprocess.Popen[bytes], after_s: float) -> bool:
    """Kill the process and its children unless it ends by itself before; say whether it was killed."""
    try:
        assert process.wait(after_s) == 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_killed_pipeline_is_resumed_to_the_same_export(tmp_path: Path, database_url: str) -> None:
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    calm_url = f"sqlite:///{tmp_path / 'calm.sqlite3'}"
    _run(tmp_path / "calm", calm_url, "migrate", "--verbosity", "0")
    calm_config = write_pipeline_files(undisturbed, recordings=24)
    started = time.perf_counter()
    _run(tmp_path / "calm", calm_url, "pipeline", str(calm_config))
    calm_s = time.perf_counter() - started

    config = write_pipeline_files(disturbed, recordings=24)
    _run(tmp_path / "wild", database_url, "migrate", "--verbosity", "0")
    chance, kills = random.Random(20220101), 0  # noqa: S311 -- a repeatable storm
    # In parts of what the whole takes on this machine now: a busy one spends seconds on starting alone.
    while _killed(
        _start(tmp_path / "wild", database_url, "pipeline", str(config)),
        calm_s * (0.15 + 0.08 * kills + 0.2 * chance.random()),
    ):
        kills += 1
        assert kills < MOST_KILLS
    assert kills >= LEAST_KILLS
    assert _sha256(disturbed / "tiny.zip") == _sha256(undisturbed / "tiny.zip")
    assert not list(disturbed.glob(".tiny*"))
