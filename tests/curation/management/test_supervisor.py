from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curation.management.supervisor import Child, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def supervise(children: list[Child], *, rounds: int) -> list[str]:
    """Run the children until the supervisor has asked that many times whether they are ready."""
    said: list[str] = []
    asked = 0

    def ready() -> bool:
        nonlocal asked
        asked += 1
        if asked == rounds:
            os.kill(os.getpid(), signal.SIGTERM)
        return False

    Supervisor(children, said.append).run(ready=ready, when_ready=lambda: None)
    return said


def test_a_dead_child_starts_again_after_a_pause(tmp_path: Path) -> None:
    log = tmp_path / "starts"
    child = Child("short", [sys.executable, "-c", f"open({str(log)!r}, 'a').write('x')"], [])
    said = supervise([child], rounds=25)
    assert len(log.read_text()) >= 2
    assert said[0] == "The short process ended with 0; it starts again in 2 s."


def test_a_signal_stops_every_child() -> None:
    children = [Child(name, SLEEP, [(signal.SIGTERM, 5.0)]) for name in ("one", "two")]
    assert supervise(children, rounds=3) == ["Stopping …"]
    assert [child.process.poll() for child in children if child.process] == [-signal.SIGTERM] * 2


def test_a_child_that_ignores_every_signal_is_killed() -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    child = Child("stubborn", [sys.executable, "-c", stubborn], [(signal.SIGTERM, 0.5)])
    supervise([child], rounds=6)
    assert child.process is not None
    assert child.process.poll() == -signal.SIGKILL


def test_the_address_is_announced_once_it_answers() -> None:
    said: list[str] = []

    def announce() -> None:
        said.append("ready")
        os.kill(os.getpid(), signal.SIGTERM)

    Supervisor([Child("one", SLEEP, [(signal.SIGTERM, 5.0)])], said.append).run(ready=lambda: True, when_ready=announce)
    assert said == ["ready", "Stopping …"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "child"
    program = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from curation.management.supervisor import Child, Supervisor\n"
        "child = Child('one', [sys.executable, '-c', 'import time; time.sleep(60)'], [(signal.SIGTERM, 1)])\n"
        f"say = lambda: Path({str(note)!r}).write_text(str(child.process.pid))\n"
        "Supervisor([child], print).run(ready=lambda: True, when_ready=say)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program])  # noqa: S603 -- the program is above
    deadline = time.monotonic() + 20
    while not (note.exists() and note.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    while (stat := Path(f"/proc/{note.read_text()}/stat")).exists() and stat.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_port_in_use_is_named_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Port {port} of 127.0.0.1 cannot be used: .*make run PORT="):
            call_command("serve", port=port)
