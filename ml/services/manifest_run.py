"""A verification run from a manifest, without a database: read, compute features, train, judge, write.

All that a run makes lies in a working folder under the name of what it depends on (the manifest's rows, the recipe and
its plan, the seed, the code), so that the same command goes on with it, and another never mixes with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from ml.features.config import FeatureConfig
from ml.features.embedding import EmbeddingConfig
from ml.recipes.budget import fitted, seconds_needed
from ml.recipes.candidates import CandidateSet
from ml.recipes.catalogue import RECIPES
from ml.recipes.local import LocalRun, run_all
from ml.recipes.plan import Plan, Step
from ml.recipes.run_folder import RunFolder
from ml.recipes.trunk_members import with_trunks
from ml.services.audio_features import content_key, store_embeddings, store_features
from ml.services.code_version import code_version
from ml.services.manifest import LONGEST_S, ManifestClip, candidate_set, common_rate_hz, read_manifest, unusable_rows
from ml.services.predictions_file import write_predictions
from ml.services.trunk_embeddings import given_trunks

DIGEST_CHARS = 16
SECONDS_PER_MINUTE = 60


class PhaseProgress(Protocol):
    """Told how far each phase of a run is."""

    def __call__(self, label: str, done: int, total: int) -> None:
        """Take the phase's name, the units done and the units in all."""


def verify_manifest(
    *,
    manifest: Path,
    audio_root: Path,
    recipe: str,
    out: Path,
    budget_minutes: float | None,
    device: str,
    seed: int,
    precision: float,
    processes: int | None,
    work_dir: Path | None,
    say: Callable[[str], None],
    progress: PhaseProgress,
    trunks: Sequence[Path] = (),
) -> str:
    """Judge the labels of a manifest and write the predictions.

    Parameters
    ----------
    manifest, audio_root : Path
        See `ml.services.manifest`.
    recipe : str
        Name in `ml.recipes.catalogue.RECIPES`.
    out : Path
        File to write.
    budget_minutes : float, optional
        Wall-clock time that training should take; without, the recipe's own lengths.
    device : {"auto", "cpu", "cuda"}
        Where to compute.
    seed : int
        Seed of everything that chance decides.
    precision : float
        Share of the labels accepted unheard that is to be right.
    processes : int, optional
        Steps done at the same time; without, as many as the machine has cores.
    work_dir : Path, optional
        Folder for features and runs; without, one beside `out`.
    say : callable
        Told lines for people.
    progress : PhaseProgress
        Told how far each phase is.
    trunks : sequence of Path
        Files of pretrained trunks, each of which adds a member to the recipe's ensemble (see
        `ml.services.trunk_files`).

    Returns
    -------
    str
        What was done, for people.

    Raises
    ------
    UnusableFileError
        If the manifest or recordings that it names cannot be used.
    ValueError
        If a parameter or a trunk cannot be used, or the clips leave nothing to learn from.
    OSError
        If nothing can be written.
    """
    _check(recipe, precision, seed, budget_minutes, processes)
    _check_place(out, manifest)
    device = _device(device)
    cores = len(os.sched_getaffinity(0))
    if device == "cpu":
        torch.set_num_threads(1)  # as in the processes of a pool: the numbers must not depend on how many there are
    heard_by = given_trunks(trunks)
    clips = read_manifest(manifest, audio_root=audio_root)
    keys = []
    for clip in clips:
        keys.append(content_key(clip.path))
        progress("reading", len(keys), len(clips))
    candidates = candidate_set(clips, keys)
    work_dir = work_dir or out.with_name(f"{out.name}.work")
    plan = RECIPES[recipe].plan(candidates, sample_rate_hz=common_rate_hz(clips))
    plan = with_trunks(plan, list(heard_by), candidates)
    folder = work_dir / _run_name(plan, candidates, seed, budget_minutes)
    _hear(
        clips,
        keys,
        plan,
        heard_by,
        manifest=manifest,
        stores=work_dir / "features",
        device=device,
        processes=processes or cores,
        progress=progress,
    )
    processes = processes or (cores if device == "cpu" else 1)
    if budget_minutes is not None:
        plan = _within_budget(plan, candidates, folder, budget_minutes, device, processes, say)
    local = LocalRun(
        folder=folder, stores=work_dir / "features", plan=plan, candidates=candidates, seed=seed, device=device
    )
    counted = _EpochCounter(plan, RunFolder(folder), progress)
    run = run_all(local, processes=processes, on_epoch=counted.told, on_iteration=lambda row: say(_line(row)))
    verdict = run.verdict(precision=precision)
    write_predictions(out, names=[clip.name for clip in clips], candidates=candidates, verdict=verdict)
    return _summary(out, candidates, accepted=int(verdict.accept_N.sum()), precision=precision)


def _hear(
    clips: Sequence[ManifestClip],
    keys: Sequence[str],
    plan: Plan,
    trunks: Mapping[EmbeddingConfig, Path],
    *,
    manifest: Path,
    stores: Path,
    device: str,
    processes: int,
    progress: PhaseProgress,
) -> None:
    """Store features and embeddings of all clips, and refuse the manifest if some cannot be decoded."""
    paths = [clip.path for clip in clips]
    refused = store_features(
        paths,
        keys,
        configs=[member.features for member in plan.members if isinstance(member.features, FeatureConfig)],
        stores=stores,
        longest_s=LONGEST_S,
        processes=processes,
        device=device,
        progress=lambda done, total: progress("features", done, total or 0),
    )
    if not refused:
        refused = store_embeddings(
            paths,
            keys,
            trunks=trunks,
            stores=stores,
            longest_s=LONGEST_S,
            processes=processes,
            device=device,
            progress=lambda done, total: progress("embeddings", done, total or 0),
        )
    if refused:
        rows = [(clip, refused[key]) for clip, key in zip(clips, keys, strict=True) if key in refused]
        raise unusable_rows(manifest, {clip.line: f"clip {clip.name!r}: {error.detail}" for clip, error in rows})


def _check(recipe: str, precision: float, seed: int, budget_minutes: float | None, processes: int | None) -> None:
    if recipe not in RECIPES:
        message = f"There is no recipe {recipe!r}. Known: {', '.join(RECIPES)}."
        raise ValueError(message)
    if not 0 < precision <= 1:
        message = f"--precision is {precision}: expected above 0 and at most 1."
        raise ValueError(message)
    if seed < 0:
        message = f"--seed is {seed}: expected 0 or more."
        raise ValueError(message)
    if budget_minutes is not None and not budget_minutes > 0:
        message = f"--budget-minutes is {budget_minutes}: expected more than 0."
        raise ValueError(message)
    if processes is not None and processes < 1:
        message = f"--processes is {processes}: expected 1 or more."
        raise ValueError(message)


def _check_place(out: Path, manifest: Path) -> None:
    """See that the file can be written before hours are spent on what goes into it."""
    if not out.parent.is_dir():
        message = f"{out.parent}: there is no such folder. Make it, or name another file."
        raise ValueError(message)
    if out.is_dir():
        message = f"{out} is a folder. Name a file for the predictions."
        raise ValueError(message)
    if out.exists() and manifest.exists() and out.samefile(manifest):
        message = f"{out} is the manifest itself. Name another file for the predictions."
        raise ValueError(message)
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        message = f"{out.parent}: no file can be written there ({error.strerror}). Mend this, or name another folder."
        raise ValueError(message) from error


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device that PyTorch can use. Take --device cpu, or auto.")
    return wanted


def _run_name(plan: Plan, candidates: CandidateSet, seed: int, budget_minutes: float | None) -> str:
    described = json.dumps([code_version(), asdict(plan), candidates.digest(), seed, budget_minutes], sort_keys=True)
    return f"{plan.recipe}-{hashlib.sha256(described.encode()).hexdigest()[:DIGEST_CHARS]}"


def _within_budget(
    plan: Plan,
    candidates: CandidateSet,
    folder: Path,
    budget_minutes: float,
    device: str,
    processes: int,
    say: Callable[[str], None],
) -> Plan:
    """Shorten a plan; a run that was begun keeps the lengths that were found then."""
    run_folder = RunFolder(folder)
    granted = run_folder.granted()
    if granted is not None:
        return fitted(plan, granted)
    needed = seconds_needed(plan, candidates, device=device, processes=processes)
    share = min(1.0, budget_minutes * SECONDS_PER_MINUTE / needed)
    run_folder.grant(share)
    say(f"Training would take about {needed / SECONDS_PER_MINUTE:.1f} min; taking {share:.0%} of its epochs.")
    return fitted(plan, share)


class _EpochCounter:
    """Turns the epochs of all steps into one number."""

    def __init__(self, plan: Plan, folder: RunFolder, progress: PhaseProgress) -> None:
        self._progress = progress
        steps = [step for i in range(plan.iterations) for step in plan.steps(i)]
        self._total = sum(plan.training(step).epochs for step in steps)
        self._reached = {step: plan.training(step).epochs for step in steps if folder.is_done(step)}

    def told(self, step: Step, epoch: int, loss: float) -> None:  # noqa: ARG002 -- the loss is for others
        """Take the epoch that a step has done."""
        self._reached[step] = epoch
        self._progress("training", sum(self._reached.values()), self._total)


def _summary(out: Path, candidates: CandidateSet, *, accepted: int, precision: float) -> str:
    judged = int(candidates.candidate_N.sum())
    unheard = (
        f"{accepted} ({accepted / judged:.0%}) would be accepted unheard, at least {100 * precision:g} % of them right"
        if accepted
        else f"none is so sure that it would be accepted unheard ({100 * precision:g} % were to be right)"
    )
    return (
        f"{out}: {len(candidates)} clips. Of {judged} labels that nobody verified {unheard}; "
        "review the others from the highest priority down."
    )


def _line(row: dict[str, Any]) -> str:
    """Return the row of an iteration as a line (Nguyen's table 2)."""
    if "strangers" in row:
        return (
            f"iteration {row['iteration']}: networks that heard all groups judged {row['strangers']} test clips of "
            "groups that nobody heard"
        )
    total = row["correct_1st"] + row["correct_2nd"] + row["correct_3rd"] + row["incorrect"]
    if not total:
        return f"iteration {row['iteration']}: no label was left to judge"
    text = (
        f"iteration {row['iteration']}: label predicted 1st {row['correct_1st']}, 2nd {row['correct_2nd']}, "
        f"3rd {row['correct_3rd']}, not among three {row['incorrect']} of {total}; mAP@3 {row['map_at_3']:.3f}"
    )
    return text + (f"; {row['expected_wrong']:.1%} probably wrong" if "expected_wrong" in row else "")
