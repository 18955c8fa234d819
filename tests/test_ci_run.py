"""What `.ci/run` starts, it stops. (Its programs are stand-ins here: it would install and test everything.)"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PORT = 20_000 + os.getpid() % 10_000
REDIS = """#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in --port) port=$2 ;; --pidfile) pidfile=$2 ;; esac
  shift
done
python3 -m http.server "$port" --bind 127.0.0.1 >"$STARTED.log" 2>&1 &
echo $! >"$STARTED"
[ -z "$pidfile" ] || echo $! >"$pidfile"
"""


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _runs(pid: int) -> bool:
    """Return whether it does; one that ended, but that nobody has asked about, has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def test_the_redis_that_it_started_is_stopped_and_its_folder_removed(tmp_path: Path) -> None:
    script = (PROJECT / ".ci" / "run").read_text().replace("6379", str(PORT))
    _program(tmp_path / ".ci" / "run", script)
    _program(tmp_path / ".venv" / "bin" / "python", "#!/bin/sh\n")  # the database answers
    _program(tmp_path / "bin" / "chromium", "#!/bin/sh\n")
    _program(tmp_path / "bin" / "make", '#!/bin/sh\ncase "$*" in *check*) exit 3 ;; esac\n')
    _program(tmp_path / "bin" / "redis-server", REDIS)
    (tmp_path / "work").mkdir()
    started = tmp_path / "redis.started"
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path / "work"),
        "STARTED": str(started),
        "CI_DATABASE_URL": "postgres://nobody@127.0.0.1/none",
    }
    run = subprocess.run([tmp_path / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)  # noqa: S603 -- the script under test
    assert run.returncode == 3, run.stderr
    pid = int(started.read_text())
    try:
        assert not _runs(pid)
    finally:
        if _runs(pid):
            os.kill(pid, 9)
    assert list((tmp_path / "work").iterdir()) == []
