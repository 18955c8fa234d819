"""Which excerpts of a clip a network looks at when it predicts, and how their probabilities are joined.

The papers differ: excerpts at a fixed hop with the mean of their probabilities [1]_, the whole clip in one pass, or
25 random excerpts when labels are verified [2]_, fixed chunks with the last one moved back to the clip's end and the
geometric mean, which is less sensitive to outliers [3]_. All of them are lists of (clip, beginning, length), planned
here for all clips at once with index arithmetic.

A whole clip is padded by its own beginning to a multiple of `granule` frames, so that clips of nearly equal length
share a batch, and to at least `frames`. How a clip is padded depends on nothing but its length: predictions do not
change with the company of a clip.

Shapes: N clips, W windows.

References
----------
.. [1] Nguyen et al., DCASE 2018, section 2.5.
.. [2] Dorfer and Widmer, DCASE 2018, sections 3.2 and 4.2.
.. [3] T. Iqbal et al., "General-purpose audio tagging from noisy labels using convolutional neural networks",
   DCASE 2018, sections 3.2 and 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ml.training.ranges import at_least, one_of


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Excerpts of a clip for prediction.

    Attributes
    ----------
    kind : {"whole", "sliding", "random"}
        The whole clip at once, excerpts at a fixed hop, or random excerpts.
    frames : int
        Frames of an excerpt; of a whole clip, the fewest that the network accepts.
    hop : int, optional
        Frames from one sliding excerpt to the next; the last one ends with the clip. Default: `frames`.
    count : int
        Random excerpts of each clip (Dorfer 4.2: 25).
    clip_frames : int, optional
        Frames to which every clip is repeated or cut before anything else (Dorfer 2: 3,000).
    granule : int
        Whole clips are padded to a multiple of it.
    reduction : {"mean", "geometric"}
        How the probabilities of the excerpts become those of the clip.
    """

    kind: Literal["whole", "sliding", "random"] = "whole"
    frames: int = 128
    hop: int | None = None
    count: int = 25
    clip_frames: int | None = None
    granule: int = 32
    reduction: Literal["mean", "geometric"] = "mean"

    def __post_init__(self) -> None:
        one_of("kind", self.kind, ("whole", "sliding", "random"))
        one_of("reduction", self.reduction, ("mean", "geometric"))
        for name in ("frames", "hop", "count", "granule"):
            at_least(name, getattr(self, name), 1)
        at_least("clip_frames", self.clip_frames, self.frames)


class Windows(NamedTuple):
    """Excerpts of clips, in the order of the clips."""

    clip_W: Tensor
    begin_W: Tensor
    frames_W: Tensor


def plan_windows(length_N: Tensor, config: WindowConfig, *, generator: torch.Generator) -> Windows:
    """List the excerpts of clips.

    Parameters
    ----------
    length_N : int64 Tensor [shape=(N,)]
        Frames of each clip.
    config : WindowConfig
        Kind and lengths of the excerpts.
    generator : torch.Generator
        Source of the beginnings of random excerpts; unused otherwise.

    Returns
    -------
    Windows
        Clip, beginning and length of each excerpt; every clip has at least one.
    """
    clip_N = torch.arange(len(length_N))
    if config.kind == "whole":
        frames_N = whole_frames(length_N, config)
        return Windows(clip_N, torch.zeros_like(clip_N), frames_N)
    room_N = spare_frames(length_N, config.frames, config.clip_frames)
    if config.kind == "random":
        clip_W = clip_N.repeat_interleave(config.count)
        begin_W = random_begins(room_N[clip_W], generator=generator)
    else:
        hop = config.hop or config.frames
        count_N = 1 + (room_N + hop - 1) // hop
        clip_W = clip_N.repeat_interleave(count_N)
        first_N = count_N.cumsum(0) - count_N
        place_W = torch.arange(len(clip_W)) - first_N[clip_W]
        begin_W = torch.minimum(place_W * hop, room_N[clip_W])
    return Windows(clip_W, begin_W, torch.full_like(clip_W, config.frames))


def whole_frames(length_N: Tensor, config: WindowConfig) -> Tensor:
    """Return the frames that a pass over each whole clip has, padding included."""
    if config.clip_frames is not None:
        return torch.full_like(length_N, config.clip_frames)
    return ((length_N.clamp(min=config.frames) + config.granule - 1) // config.granule) * config.granule


def spare_frames(length_N: Tensor, frames: int, clip_frames: int | None) -> Tensor:
    """Return the last frame at which an excerpt of each clip may begin; 0 for clips shorter than the excerpt."""
    if clip_frames is not None:
        return torch.full_like(length_N, clip_frames - frames)
    return (length_N - frames).clamp(min=0)


def random_begins(room_B: Tensor, *, generator: torch.Generator) -> Tensor:
    """Draw the beginning of each excerpt uniformly from 0 to `room_B`, both included."""
    # Doubles: a float32 below 1 times a large number of frames may round up to that number.
    share_B = torch.rand(len(room_B), generator=generator, dtype=torch.float64)
    return (share_B * (room_B + 1)).long()
