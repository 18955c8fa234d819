"""Pretrained trunks as further members of a recipe's ensemble.

What a network heard in thousands of hours of other sound says more about a small set than the set itself can teach. A
trunk from a file joins the networks of any recipe as one member more: its embeddings are its features, and a small
head learns from them as the recipe's own networks learn, on the same folds, labels and weights. Every recipe here
joins its members by a mean or by a regression that takes any number of them, so that each takes trunks; the published
systems have none.

A head costs next to nothing beside a network. It starts anew in each iteration, also where the recipe's networks go on
from their weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml.features.embedding import EmbeddingConfig
from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Member, Plan
from ml.training.augmentation import AugmentationConfig
from ml.training.config import TrainingConfig
from ml.training.schedule import ScheduleConfig
from ml.training.windows import WindowConfig

TYPICAL_PERCENTILE = 90  # of the clips' durations
MOST_EXCERPTS = 32  # of a clip in a batch; all of them are heard when it is judged
BATCH = 32
LEARNING_RATE = 2e-3
HEARINGS = 40_000  # clips heard in a training, within the limits below
FEWEST_EPOCHS, MOST_EPOCHS = 10, 100
WHOLE = WindowConfig(kind="whole", frames=1, granule=1)


def with_trunks(plan: Plan, trunks: Sequence[EmbeddingConfig], candidates: CandidateSet) -> Plan:
    """Add a member for each trunk to a plan.

    Parameters
    ----------
    plan : Plan
        A recipe fitted to the clips.
    trunks : sequence of EmbeddingConfig
        Trunks, and the excerpts that they hear.
    candidates : CandidateSet
        The clips.

    Returns
    -------
    Plan
        The plan with further members; the same one where there is no trunk.
    """
    return replace(plan, members=(*plan.members, *(_member(trunk, candidates) for trunk in trunks)))


def _member(trunk: EmbeddingConfig, candidates: CandidateSet) -> Member:
    typical_s = float(np.percentile(candidates.duration_s_N, TYPICAL_PERCENTILE))
    epochs = round(HEARINGS / int(candidates.trained_N.sum()))
    return Member(
        name=f"trunk {trunk.file}",
        network="trunk-head",
        options={"n_bands": trunk.n_bands},
        features=trunk,
        training=TrainingConfig(
            epochs=min(max(epochs, FEWEST_EPOCHS), MOST_EPOCHS),
            batch_size=BATCH,
            crop_frames=min(trunk.n_frames(round(typical_s * trunk.sample_rate_hz)), MOST_EXCERPTS),
            learning_rate=LEARNING_RATE,
            schedule=ScheduleConfig(kind="one_cycle", rise=0.2),
            augmentation=AugmentationConfig(mixup_alpha=0.3, mixup_shared=True),
            evaluation=WHOLE,
        ),
        fine_tuning=None,
        windows=WHOLE,
    )
