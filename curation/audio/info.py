"""What a recording is, as its header declares and the decoder confirms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """Format and length of a recording.

    Attributes
    ----------
    container : {"WAV", "RF64", "FLAC", "OGG"}
        Kind of file.
    encoding : str
        Sample encoding in libsndfile's words: ``PCM_U8``, ``PCM_S8``, ``PCM_16``, ``PCM_24``, ``PCM_32``,
        ``FLOAT``, ``DOUBLE``, ``VORBIS``, ``OPUS``.
    sample_rate_hz : int
        Sampling rate in hertz.
    channels : int
        Number of channels.
    frames : int
        Samples per channel.
    """

    container: str
    encoding: str
    sample_rate_hz: int
    channels: int
    frames: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz
