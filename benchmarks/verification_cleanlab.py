"""cleanlab as its documentation shows it: a CNN's out-of-fold probabilities, label quality scores, pruning, a last fit.

The CNN, its input and its training loop are those of our recipe without what is the recipe's own: plain cross entropy
on the labels as they are, masks and mixup, no soft labels, no estimate of the mistakes, no tone. Folds keep speakers
together, as for the other systems.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from verification import Found
from verification_data import Scenario

from ml.networks.registry import build
from ml.recipes.clip_frames import FrameSource
from ml.recipes.earmark_members import members
from ml.services.audio_features import content_key, store_features
from ml.services.manifest import LONGEST_S, candidate_set, common_rate_hz, read_manifest
from ml.training.augmentation import AugmentationConfig
from ml.training.clips import ClipFeatures
from ml.training.loop import train
from ml.training.prediction import predict

EPOCHS = 14
PLAIN = AugmentationConfig(mixup_alpha=0.3, mixup_shared=True, mask_frames=0.15, mask_bands=0.15)


def by_cleanlab(scenario: Scenario, audio: Path, folder: Path, seed: int) -> Found:
    """Score, prune and fit again."""
    clips = read_manifest(scenario.manifest, audio_root=audio)
    keys = [content_key(clip.path) for clip in clips]
    candidates = candidate_set(clips, keys)
    member = members(candidates, sample_rate_hz=common_rate_hz(clips))[0]
    training = replace(member.training, epochs=EPOCHS, augmentation=PLAIN)
    with tempfile.TemporaryDirectory(dir=folder) as stores:
        paths = [clip.path for clip in clips]
        store_features(
            paths,
            keys,
            configs=[member.features],
            stores=Path(stores),
            longest_s=LONGEST_S,
            processes=torch.get_num_threads(),
        )
        source = FrameSource(Path(stores), keys, scratch=folder)
        frames = source.clips(member.features, n_classes=candidates.n_classes, padded=member.padded)

        def fitted(trained: NDArray[np.int64], judged: NDArray[np.int64]) -> NDArray[np.float64]:
            label_N = scenario.candidate_N[trained]
            labelled: ClipFeatures = frames.subset(trained).labelled(
                target_NK=np.eye(candidates.n_classes)[label_N],
                weight_N=np.ones(len(trained)),
                verified_N=np.ones(len(trained), dtype=np.bool_),
            )
            network = build(member.network, candidates.n_classes, seed=seed, **dict(member.options))
            train(network, labelled, training, seed=seed, device="cpu")
            return predict(network, frames.subset(judged), member.windows, device="cpu")

        known = np.flatnonzero(~scenario.test_N)
        p_NK = np.zeros((len(clips), candidates.n_classes))
        for speaker in np.unique(scenario.speaker_N[known]):
            held_out = known[scenario.speaker_N[known] == speaker]
            p_NK[held_out] = fitted(np.setdiff1d(known, held_out), held_out)
        label_N = scenario.candidate_N
        quality_N = get_label_quality_scores(label_N[known], p_NK[known], method="self_confidence")
        issue_N = find_label_issues(label_N[known], p_NK[known], filter_by="prune_by_noise_rate")
        kept = known[~(issue_N & ~scenario.verified_N[known])]
        test = np.flatnonzero(scenario.test_N)
        p_NK[test] = fitted(kept, test)
    p_wrong_N = np.zeros(len(clips))
    p_wrong_N[known] = 1 - quality_N
    found_N = p_NK.argmax(axis=1)
    found_N[kept] = label_N[kept]
    return Found(
        p_wrong_N=p_wrong_N,
        priority_N=p_wrong_N,
        accepted_N=None,
        label_N=found_N,
        top3_N3=np.argsort(-p_NK, axis=1)[:, :3],
    )
