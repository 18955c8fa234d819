from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ml.networks.registry import build
from ml.recipes import earmark_members
from ml.recipes.earmark import EarmarkRecipe
from ml.recipes.earmark_members import members
from ml.recipes.plan import Member, Step
from tests.ml.recipes.small_run import make_candidates


def member(seconds: float = 0.5, rate_hz: int = 8_000, count: int = 24, **columns: Any) -> Member:
    candidates = make_candidates(count, **{"duration_s_N": np.full(count, seconds), **columns})
    (found, *_) = members(candidates, sample_rate_hz=rate_hz)
    return found


def seconds_of_excerpt(found: Member) -> float:
    return found.training.crop_frames * found.features.hop_length / found.features.sample_rate_hz


@pytest.mark.parametrize("rate_hz", [4_000, 8_000, 22_050, 32_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("seconds", [0.01, 0.5, 2.0, 10.0, 600.0])
def test_every_member_takes_its_own_excerpts_at_any_rate_and_length(rate_hz: int, seconds: float) -> None:
    for found in members(make_candidates(duration_s_N=np.full(24, seconds)), sample_rate_hz=rate_hz):
        frames, features = found.training.crop_frames, found.features
        assert features.sample_rate_hz == min(rate_hz, earmark_members.HIGHEST_RATE_HZ)
        assert features.fmax_hz <= features.sample_rate_hz / 2
        assert found.windows.frames == frames
        with torch.device("meta"):
            network = build(found.network, 3, **dict(found.options))
            x_BCTM = torch.zeros(2, features.n_channels, frames, features.n_bands)
            assert network(x_BCTM).shape == (2, 3)


def test_excerpts_are_as_long_as_most_clips_within_bounds() -> None:
    frames = [member(seconds).training.crop_frames for seconds in (0.01, 0.4, 0.6, 0.9, 60)]

    assert frames == sorted(frames)
    assert frames[0] == earmark_members.SHORTEST
    assert frames[-1] == earmark_members.LONGEST
    assert all(count % earmark_members.GRANULE == 0 for count in frames)
    # 0.6 s are whole in an excerpt, and fill most of it.
    assert 0.6 <= seconds_of_excerpt(member(0.6)) <= 0.6 + earmark_members.GRANULE * 0.0101


def test_one_long_clip_does_not_make_all_excerpts_long() -> None:
    duration_s_N = np.where(np.arange(24) == 3, 60.0, 0.5)

    assert member(duration_s_N=duration_s_N) == member()


def test_frames_of_long_clips_stand_further_apart() -> None:
    short, long = member(1.0), member(10.0)

    assert long.features.hop_length == 2 * short.features.hop_length
    assert seconds_of_excerpt(long) > seconds_of_excerpt(short)


def test_few_clips_are_heard_more_often_and_many_not_for_ever() -> None:
    epochs = [member(count=count).training.epochs for count in (12, 240, 2_400, 24_000, 240_000)]

    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] == earmark_members.MOST_EPOCHS
    assert epochs[-1] == earmark_members.FEWEST_EPOCHS


def test_further_iterations_are_shorter_and_gentler() -> None:
    found = member(count=240)

    assert found.fine_tuning is not None
    assert 1 <= found.fine_tuning.epochs <= found.training.epochs
    assert found.fine_tuning.learning_rate < found.training.learning_rate
    assert found.fine_tuning.crop_frames == found.training.crop_frames


def test_steps_of_all_groups_train_as_further_iterations_do() -> None:
    # Group 3 is for test alone, so that the last iteration learns from all others.
    test_N = np.arange(24) // 3 % 4 == 3
    candidates = make_candidates(test_N=test_N, label_N=np.where(test_N, -1, np.arange(24) % 3))
    plan = EarmarkRecipe().plan(candidates, sample_rate_hz=8_000)
    first, further, whole = (plan.training(Step(iteration, 0, 0)) for iteration in (0, 1, plan.judging))

    assert plan.whole(Step(plan.judging, 0, 0))
    assert whole == further == replace(first, epochs=math.ceil(0.75 * first.epochs), learning_rate=2.8e-3)


def test_test_clips_are_not_counted_as_heard() -> None:
    test_N = np.arange(24_000) >= 240
    label_N = np.where(test_N, -1, np.arange(24_000) % 3)
    found = member(count=24_000, test_N=test_N, label_N=label_N, verified_N=np.arange(24_000) < 120)

    assert found.training.epochs == member(count=240).training.epochs
