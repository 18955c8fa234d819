"""The whole Nguyen verification of a set the size of FSDKaggle2018, from stored features to the last decision.

Three networks are trained anew in each of four rounds by recipe `nguyen`, as `verify_labels` runs it; what is left out
is audio. Features are synthetic: 9,473 clips of together 18 hours in 41 classes, 3,710 of them verified, and of the
others 40 % with a wrong label (Nguyen, section 1; how many are wrong, nobody knows). Each class has a spectrum of its
own under much noise, so that labels are admitted in every round.

Time runs from the start of the processes to the last decision; writing the synthetic features to the disk is not
counted. On a processor the recipe's networks compute in the arithmetic of the benchmark, on a GPU as every run does.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from train_machine import Machine

from ml.features.store import FeatureStore
from ml.recipes.candidates import CandidateSet
from ml.recipes.catalogue import RECIPES
from ml.recipes.local import LocalRun, run_all
from ml.recipes.plan import Member, Plan

RATE_HZ = 44_100
CLASSES = 41
CLIPS, HOURS = 9_473, 18.0
VERIFIED_SHARE = 3_710 / CLIPS
WRONG_SHARE = 0.4
SHORTEST_S, LONGEST_S = 0.3, 30.0
SPREAD = 1.2  # of the logarithm of the lengths


@dataclass(frozen=True)
class Verification:
    """What a verification took.

    Attributes
    ----------
    clips, epochs : int
        Size of the set, and epochs of each training.
    set_up_s, seconds : float
        Time to make the features, and of the verification.
    rows : tuple of dict
        What each round did.
    """

    clips: int
    epochs: int
    set_up_s: float
    seconds: float
    rows: tuple[dict[str, Any], ...]


def measure_verification(
    machine: Machine, *, clips: int, epochs: int | None, processes: int, folder: Path | None
) -> Verification:
    """Run the verification.

    Parameters
    ----------
    machine : Machine
        Where.
    clips : int
        Clips of the set; the hours shrink with them.
    epochs : int, optional
        Epochs of each training; without, the recipe's.
    processes : int
        Networks that are trained at the same time.
    folder : Path, optional
        Where about 2.5 GB fit; without, a temporary folder.
    """
    start = perf_counter()
    candidates, true_N = _candidates(clips)
    plan = RECIPES["nguyen"].plan(candidates, sample_rate_hz=RATE_HZ)
    members = tuple(_changed(member, machine, epochs) for member in plan.members)
    plan = replace(plan, members=members)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=folder, prefix="earmark-verification-") as name:
        stores, run = Path(name) / "features", Path(name) / "run"
        _write_features(stores, candidates, true_N, plan, machine.device)
        local = LocalRun(
            folder=run, stores=stores, plan=plan, candidates=candidates, seed=0, device=machine.device.type
        )
        made = perf_counter()
        run_all(local, processes=processes, on_epoch=lambda *_: None, on_iteration=rows.append)
        ended = perf_counter()
    return Verification(clips, members[0].training.epochs, made - start, ended - made, tuple(rows))


def _changed(member: Member, machine: Machine, epochs: int | None) -> Member:
    training = replace(member.training, precision=machine.precision, epochs=epochs or member.training.epochs)
    return replace(member, training=training)


def _candidates(clips: int) -> tuple[CandidateSet, NDArray[np.int64]]:
    """Draw clips and return them with their true classes."""
    random = np.random.default_rng(2018)
    true_N = random.integers(CLASSES, size=clips)
    verified_N = random.random(clips) < VERIFIED_SHARE
    wrong_N = ~verified_N & (random.random(clips) < WRONG_SHARE)
    label_N = np.where(wrong_N, (true_N + random.integers(1, CLASSES, size=clips)) % CLASSES, true_N)
    length_N = np.exp(SPREAD * random.standard_normal(clips)).clip(0.1, 10)
    length_N = (length_N * (HOURS * 3600 / CLIPS / length_N.mean())).clip(SHORTEST_S, LONGEST_S)
    candidates = CandidateSet(
        key_N=tuple(hashlib.sha256(str(number).encode()).hexdigest() for number in range(clips)),
        classes=tuple(f"class {number:02d}" for number in range(CLASSES)),
        label_N=label_N,
        verified_N=verified_N,
        test_N=np.zeros(clips, dtype=np.bool_),
        group_N=np.arange(clips),
        duration_s_N=length_N,
    )
    return candidates, true_N


def _write_features(
    stores: Path, candidates: CandidateSet, true_N: NDArray[np.int64], plan: Plan, device: torch.device
) -> None:
    configs = {member.features.digest(): member.features for member in plan.members}
    for config in configs.values():
        drawn = torch.Generator(device).manual_seed(3)
        spectrum_KM = torch.randn(CLASSES, config.n_bands, device=device, generator=drawn)
        with FeatureStore(stores, config) as store:
            for key, label, length_s in zip(candidates.key_N, true_N, candidates.duration_s_N, strict=True):
                frames = config.n_frames(round(length_s * config.sample_rate_hz))
                x_TM = torch.randn(frames, config.n_bands, device=device, generator=drawn)
                store.add(key, (10 * (2 * x_TM + spectrum_KM[label]) - 40)[None])
