"""FLAC headers: the STREAMINFO block.

References
----------
RFC 9639, "Free Lossless Audio Codec (FLAC)", 2024, sections 8.1 and 8.2.
"""

from __future__ import annotations

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileBytes
from curation.audio.info import AudioInfo

STREAMINFO_BYTES = 34
ENCODINGS = {8: "PCM_S8", 16: "PCM_16", 24: "PCM_24"}  # what libsndfile decodes
AGAIN = "Encode it again: `ffmpeg -i FILE NEW.flac`."


def read_flac_header(file: FileBytes) -> AudioInfo:
    """Read the STREAMINFO block.

    Parameters
    ----------
    file : FileBytes
        A file that begins with ``fLaC``.

    Returns
    -------
    AudioInfo
        What is declared; not yet checked against the limits.

    Raises
    ------
    AudioRefusedError
        ``inconsistent_header``, ``unsupported_encoding``, ``unknown_length`` or ``truncated``.
    """
    block = file.at(4, 4)
    if block[0] & 0x7F or int.from_bytes(block[1:]) != STREAMINFO_BYTES:
        raise AudioRefusedError("inconsistent_header", f"the first metadata block is not STREAMINFO. {AGAIN}")
    # 20 bits rate, 3 bits channels - 1, 5 bits sample size - 1, 36 bits length (RFC 9639, 8.2)
    packed = int.from_bytes(file.at(8 + 10, 8))
    rate, channels, bits, frames = packed >> 44, (packed >> 41 & 7) + 1, (packed >> 36 & 31) + 1, packed & (1 << 36) - 1
    encoding = ENCODINGS.get(bits)
    if encoding is None:
        raise AudioRefusedError("unsupported_encoding", f"FLAC of {bits} bits; 8, 16 and 24 are taken. {AGAIN}")
    if frames == 0:
        detail = "the header does not say how many samples there are, so that a cut file could not be told. "
        raise AudioRefusedError("unknown_length", detail + AGAIN)
    return AudioInfo(container="FLAC", encoding=encoding, sample_rate_hz=rate, channels=channels, frames=frames)
