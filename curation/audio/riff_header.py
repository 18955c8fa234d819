"""WAV and RF64 headers.

Only integer PCM (tag 1), IEEE float (tag 3) and the extensible format (0xFFFE) of one of the two are read.
The data chunk must lie wholly inside the file: recorders that were switched off and streams that were cut
leave a size that is larger, 0 or 0xFFFFFFFF.

References
----------
IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991, chapter 3;
Microsoft, "Multiple channel audio data and WAVE files", 2001 (extensible); EBU Tech 3306, 2009 (RF64).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileBytes
from curation.audio.info import AudioInfo

PCM, IEEE_FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # GUID after its first two bytes
ENCODINGS = {
    (PCM, 8): "PCM_U8",
    (PCM, 16): "PCM_16",
    (PCM, 24): "PCM_24",
    (PCM, 32): "PCM_32",
    (IEEE_FLOAT, 32): "FLOAT",
    (IEEE_FLOAT, 64): "DOUBLE",
}
MAX_CHUNKS = 1_000
IN_DS64 = 0xFFFFFFFF
REPAIR = "Copy it again, or let a converter rewrite the header: `ffmpeg -i FILE -c copy NEW.wav`."


def read_riff_header(file: FileBytes) -> AudioInfo:
    """Read the format and data chunks of a WAV or RF64 file.

    Parameters
    ----------
    file : FileBytes
        A file that begins with ``RIFF`` or ``RF64``.

    Returns
    -------
    AudioInfo
        What is declared; not yet checked against the limits.

    Raises
    ------
    AudioRefusedError
        ``unsupported_container``, ``unsupported_encoding``, ``inconsistent_header`` or ``truncated``.
    """
    if file.at(8, 4) != b"WAVE":
        detail = f"a RIFF file of kind {file.at(8, 4).decode('latin-1')!a}, not WAVE. Export the audio as WAV or FLAC."
        raise AudioRefusedError("unsupported_container", detail)
    is_rf64 = file.at(0, 4) == b"RF64"
    fmt: bytes | None = None
    long_data_size = None
    for name, start, size in _chunks(file):
        if name == b"ds64" and is_rf64:
            long_data_size = struct.unpack_from("<Q", file.at(start, 24), 8)[0]
        elif name == b"fmt ":
            if fmt is not None:
                raise AudioRefusedError("inconsistent_header", f"two format chunks. {REPAIR}")
            fmt = file.at(start, min(size, 40))
        elif name == b"data":
            if fmt is None:
                raise AudioRefusedError("inconsistent_header", f"the data come before the format chunk. {REPAIR}")
            data_size = long_data_size if is_rf64 and size == IN_DS64 and long_data_size is not None else size
            return _info("RF64" if is_rf64 else "WAV", fmt, data_size, file.size - start)
    missing = "format" if fmt is None else "data"
    raise AudioRefusedError("truncated", f"the file ends at byte {file.size} without a {missing} chunk. {REPAIR}")


def _chunks(file: FileBytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, offset of the content and declared size of each chunk."""
    offset = 12
    for _ in range(MAX_CHUNKS):
        if offset >= file.size:
            return
        name, size = struct.unpack("<4sI", file.at(offset, 8))
        yield name, offset + 8, size
        offset += 8 + size + size % 2
    raise AudioRefusedError("inconsistent_header", f"more than {MAX_CHUNKS} chunks before the data. {REPAIR}")


def _info(container: str, fmt: bytes, data_size: int, available: int) -> AudioInfo:
    if len(fmt) < 16:  # noqa: PLR2004 -- the smallest format chunk, "Multimedia Programming Interface" 3
        raise AudioRefusedError("inconsistent_header", f"a format chunk of {len(fmt)} bytes, 16 are needed. {REPAIR}")
    tag, channels, rate, _, block_align, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == EXTENSIBLE:
        if len(fmt) < 40 or fmt[26:40] != SUBFORMAT_TAIL:  # noqa: PLR2004 -- the extensible format chunk
            raise AudioRefusedError("unsupported_encoding", "an extensible WAV of unknown kind. Export it as PCM.")
        tag = struct.unpack_from("<H", fmt, 24)[0]
    encoding = ENCODINGS.get((tag, bits))
    if encoding is None:
        detail = f"WAV format tag {tag} with {bits} bits; PCM of 8 to 32 bits and float are taken. Export it as PCM."
        raise AudioRefusedError("unsupported_encoding", detail)
    frame_bytes = channels * bits // 8
    if channels and block_align != frame_bytes:
        detail = f"{block_align} bytes per frame are declared, {channels} channels of {bits} bits need {frame_bytes}."
        raise AudioRefusedError("inconsistent_header", f"{detail} {REPAIR}")
    if data_size > available:
        detail = f"the header declares {data_size} bytes of samples, the file holds {available}. {REPAIR}"
        raise AudioRefusedError("truncated", detail)
    if channels and data_size % frame_bytes:
        detail = f"{data_size} bytes of samples are no whole number of frames of {frame_bytes} bytes. {REPAIR}"
        raise AudioRefusedError("truncated", detail)
    frames = data_size // frame_bytes if channels else 0
    return AudioInfo(container=container, encoding=encoding, sample_rate_hz=rate, channels=channels, frames=frames)
