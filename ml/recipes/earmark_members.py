"""The ensemble of recipe `earmark`, fitted to the clips at hand.

What suits half a second of speech at 8 kHz does not suit ten seconds of a street at 44.1 kHz. Excerpts are as long as
most clips, up to 128 frames; where clips are longer than those, frames stand twice as far apart. The number of epochs
makes up for the number of clips, so that small sets are heard more often and large ones are not trained for ever.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from ml.features.config import FeatureConfig
from ml.features.configurations import CONFIGURATIONS
from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Member
from ml.training.augmentation import AugmentationConfig
from ml.training.config import TrainingConfig
from ml.training.losses import LossConfig
from ml.training.schedule import ScheduleConfig
from ml.training.windows import WindowConfig

BANDS = 32
HIGHEST_RATE_HZ = 32_000
GRANULE = 16  # frames; excerpts are a multiple
SHORTEST, LONGEST = 32, 128  # frames of an excerpt
TYPICAL_PERCENTILE = 90  # of the clips' durations
BATCH = 64
LEARNING_RATE = 4e-3
FINE_RATE = 2.8e-3
HEARINGS = 24_000  # excerpts of 64 frames heard in the first iteration of a fold, within the limits below
USUAL = 64  # frames
FEWEST_EPOCHS, MOST_EPOCHS = 5, 24
FINE_SHARE = 0.75  # of those epochs in each further iteration, that of all groups included
AUGMENTATION = AugmentationConfig(
    mixup_alpha=0.3,
    mixup_shared=True,
    mask_frames=0.15,
    mask_bands=0.15,
    tone=0.3,
    stretch_frames=0.2,
    stretch_bands=0.12,
    move_frames=0.05,
    move_bands=0.02,
)


def members(candidates: CandidateSet, *, sample_rate_hz: int) -> tuple[Member, ...]:
    """Return the ensemble for some clips.

    Parameters
    ----------
    candidates : CandidateSet
        The clips.
    sample_rate_hz : int
        Rate of the recordings; higher ones than 32 kHz are brought down to that.

    Returns
    -------
    tuple of Member
        One network.
    """
    typical_s = float(np.percentile(candidates.duration_s_N, TYPICAL_PERCENTILE))
    features = _features(min(sample_rate_hz, HIGHEST_RATE_HZ), typical_s)
    frames = math.ceil(typical_s * features.sample_rate_hz / features.hop_length / GRANULE) * GRANULE
    frames = min(max(frames, SHORTEST), LONGEST)
    # Longer excerpts cost more and teach more: half of the difference is made up for by hearing fewer.
    hearings = HEARINGS * math.sqrt(USUAL / frames)
    taught = int((candidates.trained_N | candidates.narrowed_N).sum())
    epochs = min(max(round(hearings / taught), FEWEST_EPOCHS), MOST_EPOCHS)
    training = TrainingConfig(
        epochs=epochs,
        batch_size=BATCH,
        crop_frames=frames,
        learning_rate=LEARNING_RATE,
        schedule=ScheduleConfig(kind="one_cycle", rise=0.2),
        augmentation=AUGMENTATION,
        loss=LossConfig(smoothing_verified=0.05, smoothing_nonverified=(0.05, 0.05)),
    )
    return (
        Member(
            name="cnn",
            network="earmark",
            options={"n_bands": BANDS},
            features=features,
            training=training,
            fine_tuning=replace(training, epochs=math.ceil(FINE_SHARE * epochs), learning_rate=FINE_RATE),
            windows=WindowConfig(kind="sliding", frames=frames, hop=frames // 2, reduction="geometric"),
            padded=True,
        ),
    )


def _features(sample_rate_hz: int, typical_s: float) -> FeatureConfig:
    features = replace(
        CONFIGURATIONS["earmark"].at_rate(sample_rate_hz), n_bands=BANDS, reference="clip_maximum", trim_db=40.0
    )
    if typical_s > LONGEST * features.hop_length / sample_rate_hz:
        features = replace(features, hop_length=2 * features.hop_length)
    return features
