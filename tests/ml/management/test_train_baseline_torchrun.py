"""`train_baseline` as torchrun starts it: two real processes on the processor."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ml.services.small_baseline import COUNTS, LABELS, write_sounds

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sounds")
    write_sounds(found)
    return found


@pytest.fixture
def _sockets(socket_enabled: None) -> None:
    """Let the test find a free port."""


def started(folder: Path, out: Path, *changes: str) -> subprocess.Popen[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}"]
    command += ["manage.py", "train_baseline", "--manifest", str(folder / "split.csv"), "--out", str(out)]
    command += ["--audio-root", str(folder / "audio"), "--network", "earmark", "--device", "cpu", "--processes", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "EARMARK_DATA_DIR": str(out.parent / "data")}
    return subprocess.Popen(  # noqa: S603 -- ours
        [*command, *changes],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(folder: Path, out: Path, *changes: str) -> tuple[int, str, str]:
    with started(folder, out, *changes) as process:
        try:
            said, failed = process.communicate(timeout=300)
        finally:
            process.kill()
    return process.returncode, said, failed


@pytest.mark.usefixtures("_sockets")
def test_two_processes_give_one_report_and_the_same_again(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    status, said, failed = run(folder, out, "--epochs", "2")

    assert status == 0, failed
    assert [line.partition(":")[0] for line in said.splitlines() if line.startswith("epoch")] == [
        "epoch 1 of at most 2",
        "epoch 2 of at most 2",
    ]
    assert said.count("## Baseline") == 1
    document = json.loads((out / "baseline.json").read_text(encoding="utf-8"))
    assert document["processes"] == 2
    assert document["clips"] == {part: 2 * count for part, count in COUNTS.items()}
    assert [sum(row) for row in document["confusion"]] == [COUNTS["test"]] * 2
    assert [row["label"] for row in document["classes"]] == list(LABELS)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out", "out.work"}
    first = {path.name: path.read_bytes() for path in out.iterdir()}

    status, said, failed = run(folder, out, "--epochs", "2")

    assert status == 0, failed
    assert "epoch 1 of" not in said  # nothing was left to train
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


@pytest.mark.usefixtures("_sockets")
def test_what_cannot_be_used_ends_all_with_one_remedy(folder: Path, tmp_path: Path) -> None:
    status, said, failed = run(folder, tmp_path / "out", "--network", "resnet50")

    assert status == 1
    assert said == ""
    assert "CommandError: Rank 0 of 2 ends: network 'resnet50': expected one of cochlscene" in failed
    assert not (tmp_path / "out").exists()


@pytest.mark.faults
@pytest.mark.usefixtures("_sockets")
def test_a_process_that_is_killed_ends_all_and_the_training_goes_on_later(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with started(folder, out, "--epochs", "40") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("epoch 1 of")
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
            second = next(pid for pid in map(int, children) if b"\0RANK=1\0" in b"\0" + environment_of(pid))
            os.kill(second, signal.SIGKILL)
            _, failed = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "Signal 9 (SIGKILL)" in failed
    assert not out.exists()

    status, said, failed = run(folder, out, "--epochs", "40")

    assert status == 0, failed
    went_on = re.search(r"epoch (\d+) of", said)
    assert went_on is None or int(went_on[1]) > 1
    assert (out / "baseline.json").exists()


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()
