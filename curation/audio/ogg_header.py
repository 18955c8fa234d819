"""Ogg headers: one logical stream of Vorbis or Opus, walked page by page to its end.

Ogg has no length in its header. The length is the last page's granule position, and only the end-of-stream
flag on that page tells a whole file from one that was cut; a page missing in the middle shows in the
page numbers.

References
----------
RFC 3533, "The Ogg encapsulation format version 0", section 6; RFC 7845, "Ogg encapsulation for the Opus
audio codec", sections 4 and 5.1; Xiph.Org, "Vorbis I specification", section 4.2.2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileBytes
from curation.audio.info import AudioInfo

BEGIN_OF_STREAM, END_OF_STREAM = 2, 4
PAGE_HEADER = struct.Struct("<4sBBqIIIB")
MAX_PAGES = 500_000  # two hours of 20 ms packets, one per page; a walk of a second or two
OPUS_RATE_HZ = 48_000
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, OPUS_RATE_HZ)  # at which libsndfile decodes Opus
AGAIN = "Encode it again: `ffmpeg -i FILE NEW.ogg`."


@dataclass(frozen=True)
class _Page:
    flags: int
    granule: int
    serial: int
    number: int
    body: int
    end: int


def read_ogg_header(file: FileBytes) -> AudioInfo:
    """Read the identification header and walk the pages to the last.

    Parameters
    ----------
    file : FileBytes
        A file that begins with ``OggS``.

    Returns
    -------
    AudioInfo
        What is declared; not yet checked against the limits.

    Raises
    ------
    AudioRefusedError
        ``unsupported_encoding``, ``inconsistent_header`` or ``truncated``.
    """
    first = _page(file, 0)
    packet = file.at(first.body, min(first.end - first.body, 64))
    last = _last_page(file, first)
    if packet.startswith(b"\x01vorbis") and len(packet) >= 30:  # noqa: PLR2004 -- Vorbis I, 4.2.2
        channels, rate = struct.unpack_from("<BI", packet, 11)
        return _info("VORBIS", rate, channels, last.granule)
    if packet.startswith(b"OpusHead") and len(packet) >= 19:  # noqa: PLR2004 -- RFC 7845, 5.1
        channels, pre_skip, source_rate = struct.unpack_from("<BHI", packet, 9)
        rate = next((known for known in OPUS_RATES_HZ if source_rate and source_rate <= known), OPUS_RATE_HZ)
        return _info("OPUS", rate, channels, (last.granule - pre_skip) // (OPUS_RATE_HZ // rate))
    raise AudioRefusedError("unsupported_encoding", f"an Ogg stream that is neither Vorbis nor Opus. {AGAIN}")


def _info(encoding: str, rate: int, channels: int, frames: int) -> AudioInfo:
    return AudioInfo(container="OGG", encoding=encoding, sample_rate_hz=rate, channels=channels, frames=max(0, frames))


def _page(file: FileBytes, offset: int) -> _Page:
    magic, version, flags, granule, serial, number, _, segments = PAGE_HEADER.unpack(file.at(offset, PAGE_HEADER.size))
    if magic != b"OggS" or version:
        raise AudioRefusedError("inconsistent_header", f"no Ogg page where one should begin, at byte {offset}. {AGAIN}")
    body = offset + PAGE_HEADER.size + segments
    return _Page(flags, granule, serial, number, body, body + sum(file.at(offset + PAGE_HEADER.size, segments)))


def _last_page(file: FileBytes, first: _Page) -> _Page:
    if not first.flags & BEGIN_OF_STREAM:
        raise AudioRefusedError("truncated", f"the stream's beginning is missing. {AGAIN}")
    page, timed = first, first
    for _ in range(MAX_PAGES):
        if page.end > file.size:
            detail = f"the file ends at byte {file.size}, inside an Ogg page that goes on to {page.end}."
            raise AudioRefusedError("truncated", f"{detail} Copy or record it again.")
        if page.granule >= 0:  # -1: no packet ends on this page
            timed = page
        if page.flags & END_OF_STREAM:
            if page.end != file.size:
                detail = f"{file.size - page.end} bytes follow the end of the stream (a second stream?). {AGAIN}"
                raise AudioRefusedError("inconsistent_header", detail)
            return timed
        if page.end == file.size:
            raise AudioRefusedError("truncated", "no page is marked as the stream's end. Copy or record it again.")
        following = _page(file, page.end)
        if following.serial != first.serial:
            raise AudioRefusedError("inconsistent_header", f"several streams in one Ogg file. {AGAIN}")
        if following.number != page.number + 1:
            detail = f"page {following.number} follows page {page.number}; pages are missing. Copy or record it again."
            raise AudioRefusedError("truncated", detail)
        page = following
    raise AudioRefusedError("inconsistent_header", f"more than {MAX_PAGES} Ogg pages. {AGAIN}")
