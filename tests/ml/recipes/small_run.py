"""Verification runs so small that a step takes a moment: candidates, a plan and features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml.features.configurations import CONFIGURATIONS
from ml.features.store import FeatureStore
from ml.recipes.candidates import CandidateSet
from ml.recipes.clip_frames import FrameSource
from ml.recipes.earmark import EarmarkRecipe
from ml.recipes.plan import Member, Plan
from ml.recipes.run import VerificationRun
from ml.training.config import TrainingConfig
from ml.training.windows import WindowConfig

BANDS = 8
FEATURES = replace(CONFIGURATIONS["earmark"].at_rate(8_000), n_bands=BANDS)


def make_candidates(count: int = 24, *, n_classes: int = 3, n_groups: int = 4, **columns: Any) -> CandidateSet:
    """Return clips of which each group has all classes; people verified the first half of the groups."""
    number_N = np.arange(count)
    group_N = number_N // n_classes % n_groups
    values = {
        "key_N": tuple(f"{number:064x}" for number in number_N),
        "classes": tuple(f"class {k}" for k in range(n_classes)),
        "label_N": number_N % n_classes,
        "verified_N": group_N < n_groups // 2,
        "test_N": np.zeros(count, dtype=np.bool_),
        "group_N": group_N,
        "duration_s_N": np.full(count, 0.3),
        **columns,
    }
    return CandidateSet(**values)


def make_plan(
    *, epochs: int = 2, iterations: int = 2, n_folds: int = 2, n_whole: int = 0, members: int = 1, warm: bool = True
) -> Plan:
    """Return a plan of recipe `earmark` whose networks have a few hundred weights."""
    training = TrainingConfig(epochs=epochs, batch_size=8, crop_frames=16, learning_rate=1e-2)
    member = Member(
        name="small",
        network="earmark",
        options={"n_bands": BANDS, "stem": 4, "widths": (4, 6)},
        features=FEATURES,
        training=training,
        fine_tuning=replace(training, learning_rate=5e-3) if warm else None,
        windows=WindowConfig(kind="sliding", frames=16, hop=8),
        padded=True,
    )
    return Plan(recipe="earmark", members=(member,) * members, iterations=iterations, n_folds=n_folds, n_whole=n_whole)


def store_spectrograms(stores: Path, candidates: CandidateSet, *, seed: int = 0) -> None:
    """Store features of 5 to 30 frames in which the clip's class is a loud band."""
    rng = np.random.default_rng(seed)
    with FeatureStore(stores, FEATURES) as store:
        for number, key in enumerate(candidates.key_N):
            x_CTM = rng.normal(-40, 10, size=(1, int(rng.integers(5, 31)), BANDS)).astype(np.float32)
            x_CTM[:, :, 2 * (number % candidates.n_classes)] += 30
            store.add(key, torch.from_numpy(x_CTM))


def open_run(folder: Path, candidates: CandidateSet, plan: Plan, *, seed: int = 0, **changes: Any) -> VerificationRun:
    """Open a run whose features lie in ``folder/features``; they are made if they are not there."""
    stores = folder / "features"
    if not stores.exists():
        store_spectrograms(stores, candidates)
    values = {
        "recipe": EarmarkRecipe(),
        "plan": plan,
        "candidates": candidates,
        "frames": FrameSource(stores, candidates.key_N, scratch=folder),
        "seed": seed,
        "device": "cpu",
        **changes,
    }
    return VerificationRun(folder / "run", **values)


def finish_run(run: VerificationRun) -> None:
    """Do all steps of a run in this process."""
    while run.iteration() < run.plan.iterations:
        for step in run.open_steps():
            run.do(step)
        run.join()
