"""Line by line as a lab does it, by HTTP and worker processes: import, run, people rate in that order, second run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.factories.audio import noise, tone, write_audio

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).resolve().parents[2]
RATE_HZ = 8_000
PEOPLE = ("anna", "ben", "cleo", "dan")  # the first two are verified
RATERS = ("rita", "rolf", "ruth")
SHORT = {"budget_minutes": 1e-9, "device": "cpu", "seed": 1}  # each step is trained for one epoch


@pytest.fixture(scope="module")
def outside() -> ModuleType:
    """Return the benchmark's client, which knows the product by its addresses alone."""
    spec = importlib.util.spec_from_file_location("outside", PROJECT / "benchmarks" / "label_effort_server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["outside"] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def write_clips(folder: Path) -> dict[str, bool]:
    """Write tones and noise with all that describes them; return of each clip to judge whether its label is right."""
    rows, right = ["path,label,verified,group"], {}
    for number, person in enumerate(PEOPLE):
        for place in range(6):
            seed, is_tone, wrong = 10 * number + place, bool(place % 2), number >= 2 and place == number
            sound = tone(900 + 7 * seed, 0.3, rate_hz=RATE_HZ) if is_tone else noise(RATE_HZ * 3 // 10, seed=seed)
            name = f"{person}_{place}.wav"
            write_audio(folder / name, sound, RATE_HZ)
            rows.append(f"{name},{'Tone' if is_tone != wrong else 'Noise'},{int(number < 2)},{person}")
            if number >= 2:
                right[name] = not wrong
    (folder / "clips.csv").write_text("\n".join(rows), encoding="utf-8")
    (folder / "taxonomy.csv").write_text("id,name,parents,description\nn,Noise,,\nt,Tone,,\n", encoding="utf-8")
    (folder / "policy.toml").write_text(f"sample_rate_hz = {RATE_HZ}\n", encoding="utf-8")
    return right


def test_people_rate_in_the_order_of_a_run_and_the_next_run_learns_from_them(
    outside: ModuleType, tmp_path: Path
) -> None:
    server = outside.Server(tmp_path / "data")
    (server.imports / "in").mkdir(parents=True)
    right = write_clips(server.imports / "in")
    server.manage("migrate", "--verbosity", "0")
    server.manage("create_dataset", "sounds", "--policy", server.imports / "in" / "policy.toml")
    emails = {name: f"{name}@example.org" for name in ("cora", *RATERS)}
    words = {
        name: server.add_member("sounds", email, "curator" if name == "cora" else "annotator")
        for name, email in emails.items()
    }
    with server.serving() as address:
        people = {name: outside.Person(address, emails[name], words[name]) for name in words}
        curator = outside.Program(address, people["cora"].draw_token())
        curator.job("import-taxonomy", "sounds", file="in/taxonomy.csv")
        imported = curator.job("import-clips", "sounds", manifest="in/clips.csv")
        assert (imported["result"]["stored"], imported["result"]["refused"]) == (24, 0)
        first = curator.run("sounds", **SHORT)
        assert (first["totals"]["verified"], first["totals"]["judged"]) == (12, 12)
        order = [row for row in curator.predictions("sounds", 1) if row["basis"] == "candidate"]
        assert [row["priority"] for row in order] == sorted((row["priority"] for row in order), reverse=True)
        assert {row["clip"] for row in order} == set(right)
        _accept_and_take_back(curator)
        raters = [outside.Rater(people[name], "sounds") for name in RATERS]
        heard = [_settle(row, right, raters[at % 3], raters[(at + 1) % 3]) for at, row in enumerate(order[:8])]
        second = curator.run("sounds", **SHORT)
        present = sum(heard)
        assert (second["totals"]["verified"], second["totals"]["judged"]) == (12 + present, 4)
        assert second["candidates_digest"] != first["candidates_digest"]
        rest = [row["annotation"] for row in curator.predictions("sounds", 2) if row["basis"] == "candidate"]
        assert raters[0].next_claim() == rest[0]
        assert set(rest) == {row["annotation"] for row in order[8:]}
        assert all(job["state"] == "done" for job in curator.rows("jobs/"))
    assert "Stopped." in (server.folder / "serve.log").read_text()


def _settle(row: dict[str, Any], right: dict[str, bool], *raters: Any) -> bool:
    """Let two people rate; each must be asked about the very claim that the run puts next."""
    present = right[row["clip"]]
    for rater in raters:
        assert rater.next_claim() == row["annotation"]
        rater.rate(row["annotation"], "PP" if present else "NP")
    return present


def _accept_and_take_back(curator: Any) -> None:
    run = "datasets/sounds/verification-runs/1/"
    accepted = curator.post(f"{run}accept/", {"threshold": 0})
    undone = curator.post(f"{run}undo/", {"all": True})
    assert accepted["stored"] == undone["stored"]
