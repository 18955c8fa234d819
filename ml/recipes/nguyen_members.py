"""Nguyen's ensemble, fitted to the clips at hand.

The paper's excerpts of 1.5, 2 and 3 s were cut from clips of up to 30 s. Of a spoken digit they would be mostly
repetition: the longest would hold it six times, at six times the cost. What the paper gives is kept in proportion:

excerpts
    The longest is as long as the typical clip (the 90th percentile of the durations), where that is shorter than 3 s,
    and the three keep the paper's ratios. Each is a multiple of 8 frames and at least the 16 that four poolings need.
transform
    1024 points at 44.1 kHz are the first power of two that is at least 23 ms long. That, and half overlap, is what
    lower rates get: 256 points at 8 kHz.
bands
    As wide as published (`ml.recipes.excerpts`), but never more than the longest excerpt has frames.
erasing
    Blanks a share of the excerpt. Where the longest excerpt is a whole clip, there is nothing beside it to go by, so
    that the probability falls with its length.

What the paper leaves open was chosen with short trainings in mind: dropout of a quarter and one cycle of the learning
rate instead of a constant one; where there are few clips, batches of 32, and in all rounds as many steps as in the
first, so that time goes where most labels are judged. All of this together made the first round on spoken digits rank
wrong labels with an AUROC of 0.96 in 51 CPU seconds, where excerpts of 48 to 96 frames of 48 bands had taken 214 for
0.90 (one draw).

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, sections 2 and 3.
"""

from __future__ import annotations

import math
from dataclasses import replace

from ml.features.config import FeatureConfig
from ml.features.configurations import CONFIGURATIONS
from ml.recipes.candidates import CandidateSet
from ml.recipes.excerpts import GRANULE, features_for, typical_frames
from ml.recipes.plan import Member
from ml.training.config import TRAINING, TrainingConfig
from ml.training.schedule import ScheduleConfig
from ml.training.windows import WindowConfig

NETWORKS = (("nguyen", "nguyen", 128), ("nguyen-257", "nguyen", 257), ("nguyen-171", "nguyen-background", 171))
LONGEST = 257  # frames
SHORTEST_LONGEST = 32  # frames of the longest excerpt of any clips
FEWEST_FRAMES, FRAME_GRANULE = 16, 8  # of each excerpt: four poolings
FINEST_HOP = 8  # frames between excerpts that are judged (2.5)
STRETCH = math.log(1.1)  # 2.4: ratios of 0.9 to 1.1
PITCH = 2 / 12 * math.log(2)  # 2.4: two semitones
DROPOUT = 0.25
LEARNING_RATE = 3e-3
FEW_VERIFIED, SMALL_BATCH = 2_000, 32  # the paper has 3,710; few clips give few steps


def members(candidates: CandidateSet, *, sample_rate_hz: int) -> tuple[Member, ...]:
    """Return the three networks for some clips.

    Parameters
    ----------
    candidates : CandidateSet
        The clips.
    sample_rate_hz : int
        Rate of the recordings; higher ones than 44.1 kHz are brought down to that.

    Returns
    -------
    tuple of Member
        Networks, their excerpts in the paper's ratios.
    """
    typical = typical_frames(candidates, _features("nguyen", sample_rate_hz))
    longest = LONGEST if typical >= LONGEST else max(SHORTEST_LONGEST, typical // GRANULE * GRANULE)
    training = _training(longest, verified=int(candidates.verified_N.sum()))
    found = []
    for network, spectrogram, published in NETWORKS:
        frames = published if longest == LONGEST else _frames(longest * published / LONGEST)
        features = _features(spectrogram, sample_rate_hz)
        features = replace(features, n_bands=min(features.n_bands, longest // GRANULE * GRANULE))
        found.append(_member(network, features, frames, training))
    return tuple(found)


def _features(name: str, sample_rate_hz: int) -> FeatureConfig:
    published = CONFIGURATIONS[name]
    if sample_rate_hz >= published.sample_rate_hz:
        return published
    fitted = features_for(name, sample_rate_hz)
    window = 2 ** math.ceil(math.log2(published.win_length * sample_rate_hz / published.sample_rate_hz))
    return replace(fitted, n_fft=window, win_length=window, hop_length=window // 2)


def _frames(wanted: float) -> int:
    return max(FEWEST_FRAMES, round(wanted / FRAME_GRANULE) * FRAME_GRANULE)


def _training(longest: int, *, verified: int) -> TrainingConfig:
    published = TRAINING["nguyen"]
    few = verified < FEW_VERIFIED
    return replace(
        published,
        batch_size=SMALL_BATCH if few else published.batch_size,
        steps_per_epoch=math.ceil(verified / SMALL_BATCH) if few else None,
        learning_rate=LEARNING_RATE,
        schedule=ScheduleConfig(kind="one_cycle"),
        augmentation=replace(
            published.augmentation,
            erasing=published.augmentation.erasing * longest / LONGEST,
            stretch_frames=STRETCH,
            stretch_bands=PITCH,
        ),
    )


def _member(network: str, features: FeatureConfig, frames: int, training: TrainingConfig) -> Member:
    return Member(
        name=network,
        network=network,
        options={"n_frames": frames, "n_bands": features.n_bands, "dropout": DROPOUT},
        features=features,
        training=replace(
            training, crop_frames=frames, evaluation=WindowConfig(kind="sliding", frames=frames, hop=frames)
        ),
        fine_tuning=None,
        windows=WindowConfig(kind="sliding", frames=frames, hop=max(FINEST_HOP, frames // 4)),
    )
