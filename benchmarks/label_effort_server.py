"""A server of one's own, and those who use it from outside: people by pages, programs by tokens.

Nothing here imports the application. `manage.py serve` runs in a folder that is thrown away, with its web processes and
its workers. The operator's commands make the empty dataset and its people, and files are copied into the folder of
imports; all else is HTTP.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

PROJECT = Path(__file__).resolve().parents[1]
ANSWER_S = 120.0  # for one request; a crowded machine may take long
LOOK_S = 0.5
ORDER = "verify-order"  # the job that puts the labels of a large dataset in the order that a run found


class Refused(Exception):  # noqa: N818 -- an answer of the server, not a fault of this program
    """An answer that is none of success."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body[:500]}")
        self.status = status


@dataclass(frozen=True)
class Server:
    """An installation in a folder.

    Attributes
    ----------
    folder : Path
        Its data folder.
    """

    folder: Path

    @property
    def imports(self) -> Path:
        """The folder of imports, below which jobs find their files."""
        return self.folder / "imports"

    @property
    def environment(self) -> dict[str, str]:
        """Settings of its processes, with nothing of the machine's own installation."""
        ours = ("DATABASE_URL", "BROKER_URL", "EARMARK_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "EARMARK_DATA_DIR": str(self.folder), "PYTHONWARNINGS": "ignore"}

    def manage(self, *arguments: str | Path) -> str:
        """Run a command; return what it says.

        Raises
        ------
        RuntimeError
            If it fails.
        """
        done = subprocess.run(
            [sys.executable, str(PROJECT / "manage.py"), *map(str, arguments)],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            message = f"manage.py {arguments[0]} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
            raise RuntimeError(message)
        return done.stdout

    def add_member(self, dataset: str, email: str, role: str) -> str:
        """Make an account with a role; return its password."""
        said = self.manage("add_member", dataset, email, "--role", role)
        found = re.search(r"shown only now: (\S+)", said)
        if found is None:
            raise RuntimeError(said)
        return found[1]

    @contextmanager
    def serving(self, *, gpu_workers: int = 1) -> Iterator[str]:
        """Serve pages and run jobs until the block ends; yield the address."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = (self.folder / "serve.log").open("ab")
        command = [sys.executable, str(PROJECT / "manage.py"), "serve", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--gpu-workers", str(gpu_workers)],
            env=self.environment,
            cwd=self.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while f"Earmark is at http://127.0.0.1:{port} " not in (self.folder / "serve.log").read_text():
                if process.poll() is not None:
                    raise RuntimeError((self.folder / "serve.log").read_text())
                time.sleep(LOOK_S / 5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            log.close()


class Person:
    """Somebody with a browser: cookies, and forms as pages show them."""

    def __init__(self, address: str, email: str, password: str) -> None:
        self._address = address
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        page = self.open("/accounts/login/")
        self.open("/accounts/login/", {"login": email, "password": password}, page=page)

    def open(self, path: str, form: dict[str, str] | None = None, *, page: str = "", in_place: bool = False) -> str:
        """Open a page, or send a form that stood on one.

        Raises
        ------
        Refused
            If the server does not take it.
        """
        headers = {"X-Earmark-Turn": "1"} if in_place else {}
        if form is None:
            return _read(self._opener, Request(f"{self._address}{path}", headers=headers))  # noqa: S310 -- our own
        token = re.search(r'name="csrfmiddlewaretoken"\s+value="([^"]+)"', page)
        sent = urlencode({**form, "csrfmiddlewaretoken": token[1] if token else ""}).encode()
        return _read(self._opener, Request(f"{self._address}{path}", sent, headers))  # noqa: S310 -- as above

    def draw_token(self) -> str:
        """Draw a token for scripts."""
        page = self.open("/token/", {"act": "draw"}, page=self.open("/token/"))
        found = re.search(r"Authorization: Token (\w+)", page)
        if found is None:
            raise RuntimeError("The page shows no token.")
        return found[1]


class Rater:
    """Somebody who rates whatever the page hands out."""

    def __init__(self, person: Person, dataset: str) -> None:
        self._person, self._path = person, f"/d/{dataset}/rate/"

    def next_claim(self) -> int | None:
        """Return the candidate annotation that the page asks about; None if there is nothing left."""
        self._page = self._person.open(self._path)
        found = re.search(r'name="annotation"\s+value="(\d+)"', self._page)
        return int(found[1]) if found else None

    def rate(self, claim: int, presence: str) -> None:
        """Answer, as the page's own script does."""
        form = {"annotation": str(claim), "presence": presence}
        self._person.open(self._path, form, page=self._page, in_place=True)


class Program:
    """A script with a token."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token, self._opener = address, token, build_opener()

    def get(self, path: str) -> Any:
        """Read an address below `/api/`, or a whole one."""
        return self._ask(Request(path if path.startswith("http") else f"{self._address}/api/{path}"))  # noqa: S310 -- our own

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a wish."""
        sent = json.dumps(body).encode()
        return self._ask(Request(f"{self._address}/api/{path}", sent, {"Content-Type": "application/json"}))  # noqa: S310 -- as above

    def rows(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, page after page."""
        following: str | None = path
        while following:
            page = self.get(following)
            yield from page["results"]
            following = page["next"]

    def job(self, kind: str, dataset: str, **wish: str) -> dict[str, Any]:
        """Have background work done; return the job with its result.

        Raises
        ------
        RuntimeError
            If it ends otherwise than done.
        """
        key = self.post("jobs/", {"kind": kind, "dataset": dataset, **wish})["id"]
        while (job := self.get(f"jobs/{key}/"))["state"] in {"queued", "running"}:
            time.sleep(LOOK_S)
        if job["state"] != "done":
            message = f"{kind} is {job['state']}: {job['error']}"
            raise RuntimeError(message)
        found: dict[str, Any] = job
        return found

    def run(self, dataset: str, **wish: Any) -> dict[str, Any]:
        """Have a verification run done; return it with its figures.

        Raises
        ------
        RuntimeError
            If it ends otherwise than done.
        """
        runs = f"datasets/{dataset}/verification-runs/"
        number = self.post(runs, wish)["number"]
        while (run := self.get(f"{runs}{number}/"))["state"] in {"queued", "running"}:
            time.sleep(LOOK_S)
        if run["state"] != "done":
            message = f"Run {number} is {run['state']}: {run['error']}"
            raise RuntimeError(message)
        while any(job["state"] in {"queued", "running"} for job in self.rows(f"jobs/?dataset={dataset}&kind={ORDER}")):
            time.sleep(LOOK_S)  # people rate in the order that it found once this is done
        found: dict[str, Any] = run
        return found

    def predictions(self, dataset: str, number: int) -> list[dict[str, Any]]:
        """Return what a run says, in the order in which people should hear it."""
        return list(self.rows(f"datasets/{dataset}/verification-runs/{number}/predictions/?page_size=1000"))

    def _ask(self, request: Request) -> Any:
        request.add_header("Authorization", f"Token {self._token}")
        return json.loads(_read(self._opener, request))


def _read(opener: OpenerDirector, request: Request) -> str:
    try:
        with opener.open(request, timeout=ANSWER_S) as answer:
            text: str = answer.read().decode()
            return text
    except HTTPError as error:
        raise Refused(error.code, error.read().decode(errors="replace")) from error
