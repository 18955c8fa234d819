"""Clips, predictions and runs for the tests of the published recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ml.features.config import FeatureConfig
from ml.features.mel import mel_filterbank
from ml.networks.registry import build
from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Member, Output, Plan, Recipe, State, Step, Verdict
from ml.recipes.run import VerificationRun
from ml.training.clips import ClipFeatures

SMALL_NETWORKS: dict[str, dict[str, Any]] = {
    "nguyen": {"widths": (2, 2, 2, 2), "hidden": 4},
    "dorfer": {"width": 2},
    "iqbal": {"widths": (2, 2, 2, 2, 2), "units": 2},
    "se-trans": {"widths": (4, 8), "reduction": 2, "attention_heads": 2, "feed_forward": 4},
}
RECORDINGS = [(8_000, 0.4), (44_100, 10.0)]  # rate and length of spoken digits and of scenes


def clip_set(
    labels: Sequence[int],
    *,
    verified: Sequence[int],
    test: Sequence[int] = (),
    groups: Sequence[int] | None = None,
    classes: int = 5,
    duration_s: float = 1.0,
) -> CandidateSet:
    """Make clips of which some, given by number, are verified or for test; each is a group unless groups are given."""
    count = len(labels)
    test_N = np.isin(np.arange(count), test)
    return CandidateSet(
        key_N=tuple(f"{n:08x}" for n in range(count)),
        classes=tuple(f"class {k}" for k in range(classes)),
        label_N=np.where(test_N, -1, np.array(labels)),
        verified_N=np.isin(np.arange(count), verified),
        test_N=test_N,
        group_N=np.arange(count) if groups is None else np.array(groups),
        duration_s_N=np.full(count, duration_s),
    )


def many_clips(*, duration_s: float = 1.0) -> CandidateSet:
    """Make 24 clips of 4 classes by 6 people, a third of them verified, 2 of another person for test."""
    number = np.arange(26)
    return clip_set(
        number % 4,
        verified=number[:24:3],
        test=[24, 25],
        groups=np.where(number < 24, number // 4, 9),
        classes=4,
        duration_s=duration_s,
    )


def begun(recipe: Recipe, candidates: CandidateSet) -> tuple[Plan, State]:
    """Plan a run and return its first state."""
    plan = recipe.plan(candidates, sample_rate_hz=8_000)
    return plan, recipe.begin(candidates, plan, seed=3)


def after(
    recipe: Recipe, candidates: CandidateSet, plan: Plan, state: State, p_NK: NDArray[np.float64], *, iteration: int
) -> tuple[State, dict[str, Any]]:
    """Fuse an iteration in which all members and folds predict the same."""
    outputs = []
    for step in plan.steps(iteration):
        judged = recipe.work(candidates, plan, state, step).judged
        outputs.append(Output(step=step, clip_J=judged, p_JK=p_NK[judged]))
    return recipe.fuse(candidates, plan, state, outputs, iteration=iteration)


def sure_of(label_N: Sequence[int] | NDArray[np.int64], share: float, *, classes: int = 5) -> NDArray[np.float64]:
    """Return probabilities that have this share for one class of each clip and the rest evenly for the others."""
    rest = (1 - share) / (classes - 1)
    return np.eye(classes)[np.asarray(label_N)] * (share - rest) + rest


def check_member(member: Member, *, classes: int) -> None:
    """Check that a network takes the member's excerpts and that each of its mel bands hears something."""
    features = member.features
    assert mel_bands_heard(features) == features.n_bands
    with torch.device("meta"):
        network = build(member.network, classes, **dict(member.options))
        x_BCTM = torch.zeros(2, features.n_channels, member.training.crop_frames, features.n_bands)
        assert network(x_BCTM).shape == (2, classes)
    assert member.windows.frames == member.training.crop_frames == member.training.evaluation.frames


def mel_bands_heard(features: FeatureConfig) -> int:
    """Count the bands of a mel filterbank that are not empty."""
    bank_FM = mel_filterbank(
        sample_rate_hz=features.sample_rate_hz,
        n_fft=features.n_fft,
        n_bands=features.n_bands,
        fmin_hz=features.fmin_hz,
        fmax_hz=features.fmax_hz,
        scale=features.scale,
        norm=features.mel_norm,
    )
    return int((bank_FM.sum(dim=0) > 0).sum())


class LoudBands:
    """Features of clips whose class is the band that is loud; stands for the stores of a run."""

    def __init__(self, class_N: Sequence[int] | NDArray[np.int64], *, frames: int = 40) -> None:
        self._class_N, self._frames = np.asarray(class_N), frames

    def clips(self, config: FeatureConfig, *, n_classes: int, padded: bool) -> ClipFeatures:
        """Make the clips' features, which a run would read."""
        drawn = np.random.default_rng(5)
        blocks = []
        for label in self._class_N:
            x_CTM = drawn.normal(size=(1, self._frames, config.n_bands)).astype(np.float32)
            x_CTM[:, :, 4 * label : 4 * label + 4] += 3
            blocks.append(x_CTM)
        clips = ClipFeatures.join(blocks, label_N=np.full(len(blocks), -1), n_classes=n_classes)
        return replace(clips, padding_value=-3.0 if padded else None)


def finished(
    recipe: Recipe, candidates: CandidateSet, folder: Path, *, iterations: int, folds: int, every: int = 1
) -> Verdict:
    """Run a recipe to its verdict with every so many of its networks, tiny ones, and one epoch a step."""
    plan = recipe.plan(candidates, sample_rate_hz=8_000)
    plan = replace(
        plan, iterations=iterations, n_folds=folds, members=tuple(_small(member) for member in plan.members[::every])
    )
    run = VerificationRun(
        folder,
        recipe=recipe,
        plan=plan,
        candidates=candidates,
        frames=LoudBands(np.maximum(candidates.label_N, 0)),
        seed=1,
        device="cpu",
    )
    while run.iteration() < plan.iterations:
        for step in run.open_steps():
            run.do(step)
        row = run.join()
        assert row is not None
        assert row["iteration"] == run.iteration()
    return run.verdict(precision=0.9)


def check_verdict(verdict: Verdict, candidates: CandidateSet) -> None:
    """Check what holds for the verdict of any recipe."""
    candidate_N = candidates.candidate_N
    np.testing.assert_allclose(verdict.p_NK.sum(axis=1), 1)
    np.testing.assert_allclose(verdict.p_MNK.sum(axis=2), 1)
    assert np.isfinite(verdict.p_correct_N[candidate_N]).all()
    assert np.isnan(verdict.p_correct_N[candidates.test_N]).all()
    assert not verdict.accept_N[~candidate_N].any()
    even_N = np.isclose(verdict.p_NK, 1 / candidates.n_classes).all(axis=1)
    assert not even_N[candidate_N | candidates.test_N].any()


def _small(member: Member) -> Member:
    options = next(options for name, options in SMALL_NETWORKS.items() if member.network.startswith(name))
    return replace(
        member,
        options={**member.options, **options},
        training=replace(member.training, epochs=1),
        fine_tuning=member.fine_tuning and replace(member.fine_tuning, epochs=1),
    )


def first_step(iteration: int) -> Step:
    """Return the first member's first fold."""
    return Step(iteration, 0, 0)
