from __future__ import annotations

import numpy as np
import pytest

from ml.recipes.held_out import development_groups, fold_count, folds
from tests.ml.recipes.published_cases import clip_set, many_clips


def test_folds_are_of_whole_groups_and_leave_test_clips_out() -> None:
    clips = many_clips()
    fold_N = folds(clips, n_folds=3, seed=1)
    assert fold_N[clips.test_N].tolist() == [-1, -1]
    assert sorted(np.bincount(fold_N[clips.trained_N])) == [8, 8, 8]
    for group in range(6):
        assert len(set(fold_N[clips.group_N == group])) == 1


def test_there_are_no_more_folds_than_groups() -> None:
    assert fold_count(many_clips(), wanted=5) == 5
    assert fold_count(many_clips(), wanted=10) == 6  # the seventh is that of the test clips


def test_the_development_set_is_a_fifth_of_the_verified_clips() -> None:
    labels = np.arange(50) % 2
    clips = clip_set(labels, verified=range(40), test=[49])
    chosen_N = development_groups(clips, seed=1)
    assert chosen_N.sum() == 8
    assert clips.verified_N[chosen_N].all()


def test_a_chosen_groups_non_verified_clips_are_kept_from_training_too_but_not_its_test_clips() -> None:
    clips = clip_set(
        np.arange(24) % 2, verified=np.arange(24)[np.arange(24) % 4 < 2], test=[3], groups=np.arange(24) // 4
    )
    chosen = [development_groups(clips, seed=seed) for seed in range(20)]
    assert any(chosen_N[0] for chosen_N in chosen)  # the group of the test clip is among those chosen
    for chosen_N in chosen:
        assert not chosen_N[3]
        for group in range(6):
            assert len(set(chosen_N[(clips.group_N == group) & clips.trained_N])) == 1


def test_four_groups_of_verified_clips_are_too_few_for_a_development_set() -> None:
    assert not development_groups(clip_set([0, 1, 0, 1], verified=range(4)), seed=1).any()
    assert development_groups(clip_set([0, 1, 0, 1, 0, 1], verified=range(6)), seed=1).any()


@pytest.mark.parametrize("seed", range(5))
def test_no_class_loses_its_last_verified_clip(seed: int) -> None:
    rare = development_groups(clip_set([0, 0, 0, 0, 0, 1], verified=range(6)), seed=seed)
    assert rare.any()
    assert not rare[5]
    only_rare = clip_set([0, 1, 2, 3, 4], verified=range(5))
    assert not development_groups(only_rare, seed=seed).any()
