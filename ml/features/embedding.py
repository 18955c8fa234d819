"""Embeddings of a pretrained trunk as features: a row of numbers for each excerpt of a clip.

A trunk takes samples of one rate in excerpts of one length. Its embeddings are kept in the same store as spectrograms,
one "frame" for each excerpt and one "band" for each number, so that whatever reads features reads them too, and no clip
goes through a trunk twice. The folder of the store is named after the digest of the trunk's file and the excerpts.

A clip that is shorter than an excerpt is repeated, as for all networks here. The last excerpt ends with the clip, so
that nothing of it is left out.

Shapes: N samples, W excerpts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor

from ml.features.config import FeatureConfig

EMBEDDING_VERSION = 1  # to be raised whenever the same trunk and excerpts would give other numbers


@dataclass(frozen=True, kw_only=True)
class EmbeddingConfig:
    """A trunk and the excerpts that it hears.

    Attributes
    ----------
    file : str
        Name of the trunk's file, for people.
    trunk_digest : str
        SHA-256 of the file, in hexadecimal digits.
    sample_rate_hz : int
        Rate that clips are brought to before.
    window_length, hop_length : int
        Samples of an excerpt, and from the beginning of one to that of the next.
    n_bands : int
        Numbers of an embedding.
    """

    file: str
    trunk_digest: str
    sample_rate_hz: int
    window_length: int
    hop_length: int
    n_bands: int

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises
        ------
        ValueError
            If a number is below 1, or a part of each clip would be left out.
        """
        for field in ("sample_rate_hz", "window_length", "hop_length", "n_bands"):
            if getattr(self, field) < 1:
                message = f"{self.file}: {field} = {getattr(self, field)}: expected at least 1."
                raise ValueError(message)
        if self.hop_length > self.window_length:
            message = f"{self.file}: hop_length = {self.hop_length}: expected at most {self.window_length}, an excerpt."
            raise ValueError(message)

    @property
    def name(self) -> str:
        """Name of the store: none of the file's own, which may be called otherwise tomorrow."""
        return "trunk"

    @property
    def n_channels(self) -> int:
        """Channels, as spectrograms have them."""
        return 1

    def n_frames(self, n_samples: int) -> int:
        """Count the excerpts of a clip.

        Parameters
        ----------
        n_samples : int
            Length of the clip.

        Returns
        -------
        int
            Excerpts, at least 1.
        """
        return 1 + -(-max(0, n_samples - self.window_length) // self.hop_length)

    def digest(self) -> str:
        """Name the embeddings that this trunk gives of these excerpts.

        Returns
        -------
        str
            16 hexadecimal digits.
        """
        decisive = [EMBEDDING_VERSION, self.trunk_digest, self.sample_rate_hz, self.window_length, self.hop_length]
        return sha256(json.dumps(decisive).encode()).hexdigest()[:16]


InputConfig = FeatureConfig | EmbeddingConfig


def clip_excerpts(samples_N: Tensor, config: EmbeddingConfig) -> Tensor:
    """Cut a clip into the excerpts that a trunk hears.

    Parameters
    ----------
    samples_N : float Tensor [shape=(N,)]
        Samples at the configuration's rate, at least one.
    config : EmbeddingConfig
        Lengths of the excerpts.

    Returns
    -------
    float Tensor [shape=(W, window_length)]
        Excerpts, copied out of the clip.

    Raises
    ------
    ValueError
        If the clip is empty.
    """
    if not len(samples_N):
        raise ValueError("the clip has no samples: expected at least one.")
    room = max(0, len(samples_N) - config.window_length)
    begin_W = (torch.arange(config.n_frames(len(samples_N))) * config.hop_length).clamp_(max=room)
    return samples_N[(begin_W[:, None] + torch.arange(config.window_length)) % len(samples_N)]
