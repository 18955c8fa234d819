"""Ogg headers: one logical stream of Vorbis or Opus, walked page by page to its end.

Ogg has no length in its header. The length is the last page's granule position (its time stamp), and only the
end-of-stream flag on that page tells a whole file from one that was cut; a page missing in the middle shows in
the page numbers. The time stamps of a captured live stream begin somewhere: those of the first page with sound,
less the samples on it, are the beginning. An Opus packet says in its first two bytes how many samples it holds; a
Vorbis packet says it only to a decoder, so that such a Vorbis stream is refused.

Opus itself has no rate. libsndfile decodes it at the rate that the encoder was given, as its header tells it
(rounded up to 8, 12, 16, 24 or 48 kHz): what a stream of full bandwidth with a header of 16 kHz holds above 8 kHz is
lost. A header may say 0, "unspecified", and would get 8 kHz whatever the sound: that is refused.

References
----------
RFC 3533, "The Ogg encapsulation format version 0", section 6; RFC 7845, "Ogg encapsulation for the Opus
audio codec", sections 4 and 5.1; RFC 6716, "Definition of the Opus audio codec", sections 3.1 and 3.2;
Xiph.Org, "Vorbis I specification", sections 4.2.2 and 4.3.8.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileBytes
from curation.audio.info import AudioInfo

CONTINUED, BEGIN_OF_STREAM, END_OF_STREAM = 1, 2, 4
FULL_SEGMENT = 255  # a packet goes on in the next segment
PAGE_HEADER = struct.Struct("<4sBBqIIIB")
MAX_PAGES = 500_000  # two hours of 20 ms packets, one per page; a walk of a second or two
OPUS_RATE_HZ = 48_000
OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, OPUS_RATE_HZ)  # at which libsndfile decodes Opus
OPUS_MS = (
    *((10, 20, 40, 60) * 3),  # SILK, configurations 0 to 11
    *((10, 20) * 2),  # hybrid
    *((2.5, 5, 10, 20) * 4),  # CELT
)
HEADER_PACKETS = {b"OpusHead": 2}
VORBIS_HEADER_PACKETS = 3
CONVERT = "Convert it: `ffmpeg -i FILE FILE.flac`."
AGAIN = "Encode it again: `ffmpeg -i FILE NEW.ogg`."


@dataclass(frozen=True)
class _Page:
    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes
    body: int
    end: int


class _Opening:
    """The first page on which sound ends: its time stamp, and where the packets begin that end on it."""

    def __init__(self, header_packets: int) -> None:
        self._headers = header_packets
        self._begun = 0
        self.page: _Page | None = None
        self.packets: list[int] = []

    def add(self, page: _Page) -> None:
        """Look at the next page."""
        if self.page is not None:
            return
        if self._headers > 0:  # sound begins on a page of its own
            self._headers -= sum(size < FULL_SEGMENT for size in page.lacing)
            return
        packets, place = [], page.body
        start = self._begun if page.flags & CONTINUED else page.body
        for size in page.lacing:
            place += size
            if size < FULL_SEGMENT:
                packets.append(start)
                start = place
        self._begun = start
        if page.granule >= 0:
            self.page, self.packets = page, packets


def read_ogg_header(file: FileBytes) -> AudioInfo:
    """Read the identification header and walk the pages to the last.

    Parameters
    ----------
    file : FileBytes
        A file that begins with ``OggS``.

    Returns
    -------
    AudioInfo
        What is declared; not yet checked against the limits. The rate of Opus is the one at which libsndfile
        decodes it: the lowest of 8, 12, 16, 24 and 48 kHz that is not below the input rate in its header. A stream of
        full bandwidth whose header names a lower input rate is band-limited by that.

    Raises
    ------
    AudioRefusedError
        ``unsupported_encoding``, ``inconsistent_header``, ``unknown_length`` or ``truncated``.
    """
    first = _page(file, 0)
    packet = file.at(first.body, min(first.end - first.body, 64))
    opening = _Opening(HEADER_PACKETS.get(packet[:8], VORBIS_HEADER_PACKETS))
    last = _last_page(file, first, opening)
    if packet.startswith(b"\x01vorbis") and len(packet) >= 30:  # noqa: PLR2004 -- Vorbis I, 4.2.2
        channels, rate = struct.unpack_from("<BI", packet, 11)
        _check_vorbis_start(opening, longest_block=1 << (packet[28] >> 4))
        return _info("VORBIS", rate, channels, last.granule)
    if packet.startswith(b"OpusHead") and len(packet) >= 19:  # noqa: PLR2004 -- RFC 7845, 5.1
        channels, pre_skip, source_rate = struct.unpack_from("<BHI", packet, 9)
        if not source_rate:
            detail = "an Opus stream that does not say the rate of its input would be decoded at 8 kHz, and lose sound"
            raise AudioRefusedError("unsupported_encoding", f"{detail}. {CONVERT}")
        rate = next((known for known in OPUS_RATES_HZ if source_rate <= known), OPUS_RATE_HZ)
        samples = last.granule - _opus_start(file, opening) - pre_skip
        return _info("OPUS", rate, channels, samples // (OPUS_RATE_HZ // rate))
    raise AudioRefusedError("unsupported_encoding", f"an Ogg stream that is neither Vorbis nor Opus. {AGAIN}")


def _opus_start(file: FileBytes, opening: _Opening) -> int:
    """Return the granule position at which a stream begins; 0 unless it was captured live (RFC 7845, 4.5)."""
    if opening.page is None:
        return 0
    samples = sum(_opus_samples(file.at(place, min(2, opening.page.end - place))) for place in opening.packets)
    return max(0, opening.page.granule - samples)  # end trimming makes the only page of a short stream end earlier


def _opus_samples(packet: bytes) -> int:
    """Return the samples at 48 kHz of a packet by its first bytes (RFC 6716, 3.1 and 3.2); 0 if it is empty."""
    if not packet:
        return 0
    frames = (1, 2, 2, packet[-1] & 63)[packet[0] & 3]
    return int(frames * OPUS_MS[packet[0] >> 3] * OPUS_RATE_HZ / 1000)


def _check_vorbis_start(opening: _Opening, longest_block: int) -> None:
    """Refuse time stamps that are later than any stream's that starts at 0 (Vorbis I, 4.3.8).

    The first packet gives no sample, each other at most half of the longest block.
    """
    if opening.page is None:
        return
    most = max(0, len(opening.packets) - 1) * longest_block // 2
    if opening.page.granule > most:
        detail = (
            f"its time stamps do not start at 0: the first page with sound ends at sample {opening.page.granule} and "
            f"holds at most {most}. How long the stream is, is unknown"
        )
        raise AudioRefusedError("unknown_length", f"{detail}. {CONVERT}")


def _info(encoding: str, rate: int, channels: int, frames: int) -> AudioInfo:
    return AudioInfo(container="OGG", encoding=encoding, sample_rate_hz=rate, channels=channels, frames=max(0, frames))


def _page(file: FileBytes, offset: int) -> _Page:
    magic, version, flags, granule, serial, number, _, segments = PAGE_HEADER.unpack(file.at(offset, PAGE_HEADER.size))
    if magic != b"OggS" or version:
        raise AudioRefusedError("inconsistent_header", f"no Ogg page where one should begin, at byte {offset}. {AGAIN}")
    lacing = file.at(offset + PAGE_HEADER.size, segments)
    body = offset + PAGE_HEADER.size + segments
    return _Page(flags, granule, serial, number, lacing, body, body + sum(lacing))


def _last_page(file: FileBytes, first: _Page, opening: _Opening) -> _Page:
    if not first.flags & BEGIN_OF_STREAM:
        raise AudioRefusedError("truncated", f"the stream's beginning is missing. {AGAIN}")
    page, timed = first, first
    for _ in range(MAX_PAGES):
        if page.end > file.size:
            detail = f"the file ends at byte {file.size}, inside an Ogg page that goes on to {page.end}."
            raise AudioRefusedError("truncated", f"{detail} Copy or record it again.")
        opening.add(page)
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
