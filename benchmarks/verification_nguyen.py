"""Recipe `nguyen` with as many of its epochs as two cores do in about three CPU minutes.

The published lengths are meant for GPUs. `verify_labels --budget-minutes` cuts them to what a clock allows, so that the
peer would learn less where the machine has other things to do. Here it is said how many examples each of the trainings
hears, and CPU seconds tell what that took. All else is as the command does it.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from verification import Found, read_found
from verification_data import Scenario

from ml.recipes.budget import fitted
from ml.recipes.local import LocalRun, run_all
from ml.recipes.nguyen import NguyenRecipe
from ml.services.audio_features import content_key, store_features
from ml.services.manifest import LONGEST_S, candidate_set, common_rate_hz, read_manifest
from ml.services.predictions_file import write_predictions

PRECISION = 0.99


def by_nguyen(scenario: Scenario, folder: Path, audio: Path, seed: int, examples: int) -> Found:
    """Run the recipe with a share of its epochs."""
    clips = read_manifest(scenario.manifest, audio_root=audio)
    keys = [content_key(clip.path) for clip in clips]
    candidates = candidate_set(clips, keys)
    plan = NguyenRecipe().plan(candidates, sample_rate_hz=common_rate_hz(clips))
    training = plan.members[0].training
    of_epoch = (training.steps_per_epoch or 0) * training.batch_size or int(candidates.verified_N.sum())
    plan = fitted(plan, min(1.0, examples / (training.epochs * of_epoch)))
    cores = len(os.sched_getaffinity(0))
    out = folder / f"nguyen-{scenario.manifest.name}"
    with tempfile.TemporaryDirectory(dir=folder) as work:
        stores = Path(work) / "features"
        store_features(
            [clip.path for clip in clips],
            keys,
            configs=[member.features for member in plan.members],
            stores=stores,
            longest_s=LONGEST_S,
            processes=cores,
        )
        local = LocalRun(
            folder=Path(work) / "run", stores=stores, plan=plan, candidates=candidates, seed=seed, device="cpu"
        )
        run = run_all(local, processes=cores, on_epoch=lambda *_: None, on_iteration=lambda _: None)
        verdict = run.verdict(precision=PRECISION)
    write_predictions(out, names=[clip.name for clip in clips], candidates=candidates, verdict=verdict)
    return read_found(out)
