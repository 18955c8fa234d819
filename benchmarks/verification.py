"""Finding wrong labels: our recipe against plain Nguyen, cleanlab and chance, on the same cores in one run.

Real speech (FSDD: 3,000 recordings, six speakers), with class-dependent wrong labels among the clips that nobody
verified; speakers are groups, so that nobody is judged by a model that heard them. Each line is the mean of the seeds:

* AUROC of "the label is wrong", and the share of the wrong labels found in the first 10, 20, 30 and 50 % of a review
  in the order of priority;
* the share of labels that would be accepted unheard, and how many of these are right;
* "at 99 %": the share that could be, down to the place in the order where 99 % are right, if the truth were known: what
  the ranking is worth, wherever a system puts its threshold;
* the share of the wrong labels for which the right one is proposed;
* accuracy and mAP@3 on a speaker of whom nothing was heard;
* CPU seconds, all processes together, reading the audio included; and their ratio to Nguyen's.

cleanlab (the named peer) scores labels by their self-confidence in a CNN's out-of-fold probabilities, prunes what it
takes for wrong, and the CNN is trained again on the rest, as its documentation advises. It proposes no threshold.

    python benchmarks/verification.py [--seeds 3] [--nguyen-examples N] [--audio DIR] [--hard] [--only NAME …]
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
sys.path.insert(0, str(PROJECT / "benchmarks"))

from verification_data import Scenario, write_scenario  # noqa: E402 -- the path comes first

from ml.metrics import auroc, map_at_k, recall_at_share  # noqa: E402 -- as above

AUDIO = PROJECT.parent / "shared" / "data" / "fsdd" / "recordings"
REVIEWED = (0.1, 0.2, 0.3, 0.5)
RIGHT = 0.99
SCENARIOS = {"2 speakers verified, 30 % wrong": (2, 0.3), "1 speaker verified, 40 % wrong": (1, 0.4)}


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """What a system says; nan or None where it says nothing."""

    p_wrong_N: NDArray[np.float64]
    priority_N: NDArray[np.float64]
    accepted_N: NDArray[np.bool_] | None
    label_N: NDArray[np.int64]
    top3_N3: NDArray[np.int64] | None


def by_command(recipe: str, scenario: Scenario, folder: Path, audio: Path, seed: int) -> Found:
    """Run `verify_labels` and read what it wrote."""
    out = folder / f"{recipe}-{scenario.manifest.name}"
    with tempfile.TemporaryDirectory(dir=folder) as work:
        command = [sys.executable, "manage.py", "verify_labels", "--recipe", recipe, "--seed", str(seed)]
        command += ["--manifest", str(scenario.manifest), "--audio-root", str(audio), "--out", str(out)]
        subprocess.run([*command, "--work-dir", work], cwd=PROJECT, check=True, stdout=subprocess.DEVNULL)
    return read_found(out)


def read_found(out: Path) -> Found:
    """Read what a run wrote."""
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Found(
        p_wrong_N=1 - np.array([float(row["p_label_correct"] or "nan") for row in rows]),
        priority_N=np.array([float(row["priority"]) for row in rows]),
        accepted_N=np.array([row["auto_accept"] == "1" for row in rows]),
        label_N=np.array([int(row["predicted_label"]) for row in rows]),
        top3_N3=np.array([[int(label) for label in row["top3"].split(";")] for row in rows]),
    )


def by_chance(scenario: Scenario, seed: int) -> Found:
    """Review in random order, believe every label."""
    p_wrong_N = np.random.default_rng(seed).uniform(size=len(scenario.true_N))
    return Found(
        p_wrong_N=p_wrong_N,
        priority_N=p_wrong_N,
        accepted_N=None,
        label_N=scenario.candidate_N,
        top3_N3=None,
    )


def figures(found: Found, scenario: Scenario, cpu_s: float) -> dict[str, float]:
    """Compute the line of one run."""
    judged, test, wrong_N = scenario.judged_N, scenario.test_N, scenario.wrong_N
    line = {"AUROC": auroc(found.p_wrong_N[judged], wrong_N[judged])}
    for share in REVIEWED:
        line[f"@{share:.0%}"] = recall_at_share(found.priority_N[judged], wrong_N[judged], share=share)
    none = float("nan")
    accepted = judged & found.accepted_N if found.accepted_N is not None else np.zeros_like(judged)
    line["accepted"] = accepted.sum() / judged.sum() if found.accepted_N is not None else none
    line["right"] = float((~wrong_N[accepted]).mean()) if accepted.any() else none
    line["at 99 %"] = coverage(found.p_wrong_N[judged], wrong_N[judged])
    line["relabelled"] = float((found.label_N == scenario.true_N)[judged & wrong_N].mean())
    line["test"] = none
    line["mAP@3"] = none
    if found.top3_N3 is not None:
        rank_NK = np.full((int(test.sum()), 10), 0.0)
        np.put_along_axis(rank_NK, found.top3_N3[test], np.array([3.0, 2.0, 1.0]), axis=1)
        line["test"] = float((found.label_N == scenario.true_N)[test].mean())
        line["mAP@3"] = map_at_k(rank_NK / rank_NK.sum(axis=1, keepdims=True), scenario.true_N[test])
    line["CPU s"] = cpu_s
    return line


def coverage(p_wrong_N: NDArray[np.float64], wrong_N: NDArray[np.bool_]) -> float:
    """Return the largest share of the labels, the likeliest to be right first, of which enough are right."""
    right_N = np.cumsum(~wrong_N[np.argsort(p_wrong_N, kind="stable")]) / np.arange(1, len(wrong_N) + 1)
    enough = np.flatnonzero(right_N >= RIGHT)
    return float(enough[-1] + 1) / len(wrong_N) if len(enough) else 0.0


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def print_table(title: str, lines: dict[str, list[dict[str, float]]]) -> None:
    """Print the means of the seeds."""
    print(f"\n{title}; means of {len(next(iter(lines.values())))} seeds")
    names = list(next(iter(lines.values()))[0])
    print(f"{'':10}" + "".join(f"{name:>11}" for name in names) + f"{'CPU ratio':>11}")
    mean = {
        system: {name: float(np.mean([run[name] for run in runs])) for name in names} for system, runs in lines.items()
    }
    peer = mean.get("nguyen", {}).get("CPU s", float("nan"))
    for system, row in mean.items():
        cells = "".join(f"{'-' if np.isnan(row[name]) else f'{row[name]:.3f}':>11}" for name in names)
        print(f"{system:10}{cells}{row['CPU s'] / peer:11.2f}")
    for system, runs in lines.items():
        print(f"  {system}: AUROC by seed " + ", ".join(f"{run['AUROC']:.3f}" for run in runs))


def main() -> None:
    """Run all systems on all seeds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--nguyen-examples", type=int, default=10_240, help="heard in each of its trainings")
    parser.add_argument("--audio", type=Path, default=AUDIO)
    parser.add_argument("--hard", action="store_true", help="only the scenario with one verified speaker")
    parser.add_argument("--only", nargs="*", choices=("random", "cleanlab", "nguyen", "earmark"))
    options = parser.parse_args()
    if not options.audio.is_dir():
        sys.exit(f"{options.audio}: no recordings there. Name the folder with --audio.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, (speakers, wrong) in SCENARIOS.items():
            if options.hard and speakers != 1:
                continue
            lines: dict[str, list[dict[str, float]]] = {}
            for seed in range(options.seeds):
                scenario = write_scenario(options.audio, folder, seed=seed, verified_speakers=speakers, wrong=wrong)
                for system, run in systems(scenario, folder, options, seed).items():
                    if options.only and system not in options.only:
                        continue
                    before = cpu_seconds()
                    found = run()
                    line = figures(found, scenario, cpu_seconds() - before)
                    lines.setdefault(system, []).append(line)
                    print(f"  seed {seed} {system}: " + ", ".join(f"{k} {v:.3f}" for k, v in line.items()), flush=True)
            print_table(title, lines)


def systems(scenario: Scenario, folder: Path, options: Any, seed: int) -> dict[str, Callable[[], Found]]:
    """Return the systems in the order in which they run."""
    from verification_cleanlab import by_cleanlab  # noqa: PLC0415 -- needs packages that the others do not
    from verification_nguyen import by_nguyen  # noqa: PLC0415 -- as that, needs what is here

    audio = options.audio
    return {
        "random": lambda: by_chance(scenario, seed),
        "cleanlab": lambda: by_cleanlab(scenario, audio, folder, seed),
        "nguyen": lambda: by_nguyen(scenario, folder, audio, seed, options.nguyen_examples),
        "earmark": lambda: by_command("earmark", scenario, folder, audio, seed),
    }


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
