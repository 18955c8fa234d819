"""Trunks as members: every recipe takes them, with its own members untouched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.features.embedding import EmbeddingConfig
from ml.features.store import FeatureStore
from ml.networks.registry import build
from ml.recipes.budget import fitted
from ml.recipes.catalogue import RECIPES
from ml.recipes.plan import Plan
from ml.recipes.trunk_members import MOST_EXCERPTS, with_trunks
from tests.ml.recipes.small_run import finish_run, make_candidates, make_plan, open_run, store_spectrograms

TRUNK = EmbeddingConfig(
    file="panns.pt", trunk_digest="ab" * 32, sample_rate_hz=8_000, window_length=800, hop_length=800, n_bands=5
)
CANDIDATES = make_candidates(48, n_groups=8)


def small_plan(recipe: str) -> Plan:
    """Return a recipe's plan with one small network in place of its own, so that only joining is the recipe's."""
    planned = RECIPES[recipe].plan(CANDIDATES, sample_rate_hz=8_000)
    network = replace(make_plan(epochs=1).members[0], fine_tuning=None)
    return replace(planned, members=(network,), iterations=min(2, planned.iterations))


def store_embeddings(stores: Path) -> None:
    """Store embeddings that tell the class."""
    rng = np.random.default_rng(0)
    with FeatureStore(stores, TRUNK) as store:
        for number, key in enumerate(CANDIDATES.key_N):
            x_1TE = rng.normal(0, 0.1, size=(1, 3, 5)).astype(np.float32)
            x_1TE[:, :, number % 3] += 1
            store.add(key, torch.from_numpy(x_1TE))


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_takes_a_trunk_and_is_better_for_it(tmp_path: Path, recipe: str) -> None:
    plan = fitted(with_trunks(small_plan(recipe), [TRUNK], CANDIDATES), 0.6)  # of 100 epochs
    store_spectrograms(tmp_path / "features", CANDIDATES)
    store_embeddings(tmp_path / "features")
    run = open_run(tmp_path, CANDIDATES, plan, recipe=RECIPES[recipe])

    finish_run(run)
    verdict = run.verdict(precision=0.9)

    judged = CANDIDATES.candidate_N
    true_N = np.arange(len(CANDIDATES)) % 3
    assert verdict.p_MNK.shape == (2, len(CANDIDATES), 3)
    by_network, by_trunk = (
        verdict.p_MNK[member, judged, true_N[judged]].mean()  # of the right class
        for member in (0, 1)
    )
    assert by_trunk > 0.8
    assert by_trunk > by_network
    assert verdict.p_NK[judged, true_N[judged]].mean() > by_network


def test_a_recipes_own_members_stay_as_they_are() -> None:
    plan = make_plan(members=2)
    other = replace(TRUNK, file="vggish.onnx", trunk_digest="cd" * 32)
    joined = with_trunks(plan, [TRUNK, other], CANDIDATES)
    assert with_trunks(plan, [], CANDIDATES) == plan
    assert joined.members[:2] == plan.members
    assert [member.name for member in joined.members[2:]] == ["trunk panns.pt", "trunk vggish.onnx"]
    assert replace(joined, members=()) == replace(plan, members=())


def test_long_clips_are_heard_by_some_of_their_excerpts_and_judged_by_all() -> None:
    def crop(seconds: float) -> int:
        clips = replace(CANDIDATES, duration_s_N=np.full(len(CANDIDATES), seconds))
        (member,) = with_trunks(replace(make_plan(), members=()), [TRUNK], clips).members
        assert (member.windows.kind, member.windows.frames, member.windows.granule) == ("whole", 1, 1)
        return member.training.crop_frames

    assert (crop(0.05), crop(0.1), crop(0.35), crop(60)) == (1, 1, 4, MOST_EXCERPTS)


def test_a_head_takes_what_its_trunk_gives() -> None:
    (member,) = with_trunks(replace(make_plan(), members=()), [TRUNK], CANDIDATES).members
    network = build(member.network, 3, **dict(member.options))
    assert tuple(network(torch.zeros(4, TRUNK.n_channels, member.training.crop_frames, TRUNK.n_bands)).shape) == (4, 3)
