"""Ogg streams whose time stamps begin late, and Opus headers that tell another rate or none."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from tests.factories.audio import noise

LONG = 7_200.0
POLYNOMIAL = 0x04C11DB7  # RFC 3533, section 6


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(base_s=20) as decoder:
        yield decoder


def encoded(subtype: str, frames: int = 96_017, rate_hz: int = 48_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, noise(frames), rate_hz, format="OGG", subtype=subtype)
    return file.getvalue()


def checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (POLYNOMIAL if value >> 31 else 0)) & 0xFFFFFFFF
    return value


def pages_of(data: bytes) -> list[bytearray]:
    pages, place = [], 0
    while place < len(data):
        end = place + 27 + data[place + 26] + sum(data[place + 27 : place + 27 + data[place + 26]])
        pages.append(bytearray(data[place:end]))
        place = end
    return pages


def joined(pages: list[bytearray]) -> bytes:
    """Put pages together with new numbers and checksums."""
    for number, page in enumerate(pages):
        struct.pack_into("<II", page, 18, number, 0)
        struct.pack_into("<I", page, 22, checksum(page))
    return b"".join(pages)


def begun_late(data: bytes, samples: int) -> bytes:
    """Add to every time stamp, as a stream has them that was captured after it began."""
    pages = pages_of(data)
    for page in pages:
        granule = struct.unpack_from("<q", page, 6)[0]
        if granule > 0:
            struct.pack_into("<q", page, 6, granule + samples)
    return joined(pages)


def with_input_rate(data: bytes, rate_hz: int) -> bytes:
    pages = pages_of(data)
    struct.pack_into("<I", pages[0], 28 + 12, rate_hz)
    return joined(pages)


def refusal(decoder: Decoder, path: Path, data: bytes) -> AudioRefusedError:
    path.write_bytes(data)
    with pytest.raises(AudioRefusedError) as refused:
        decoder.probe(path, max_duration_s=LONG)
    return refused.value


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("samples", [0, 1, 312, 5_000, 96_000, 1 << 40])
def test_opus_that_was_captured_live_is_taken_whole(
    decoder: Decoder, tmp_path: Path, rate_hz: int, samples: int
) -> None:
    data = encoded("OPUS", 2 * rate_hz + 17, rate_hz)
    path, plain = tmp_path / "late.opus", tmp_path / "plain.opus"
    path.write_bytes(begun_late(data, samples))
    plain.write_bytes(data)
    late = decoder.decode(path, sample_rate_hz=44_100, max_duration_s=LONG)
    assert late.info.frames == 2 * rate_hz + 17
    expected = decoder.samples(plain, sample_rate_hz=44_100, max_duration_s=LONG)
    assert np.array_equal(late.samples, expected)


@pytest.mark.parametrize("late", [0, 5_000, 96_000])
def test_opus_with_a_page_cut_out_is_refused_even_if_its_pages_are_numbered_anew(
    decoder: Decoder, tmp_path: Path, late: int
) -> None:
    pages = pages_of(begun_late(encoded("OPUS", 480_000), late))
    assert len(pages) > 6
    refused = refusal(decoder, tmp_path / "a.opus", joined(pages[:4] + pages[5:]))
    assert refused.reason == "truncated"


@pytest.mark.parametrize("frames", [1, 100, 3_000, 96_017])
@pytest.mark.parametrize("subtype", ["OPUS", "VORBIS"])
def test_short_streams_that_begin_at_0_are_taken(decoder: Decoder, tmp_path: Path, subtype: str, frames: int) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(encoded(subtype, frames))
    assert decoder.probe(path, max_duration_s=LONG).frames == frames


@pytest.mark.parametrize("samples", [96_000, 1 << 40])
def test_vorbis_that_was_captured_live_is_refused_for_what_it_is(
    decoder: Decoder, tmp_path: Path, samples: int
) -> None:
    refused = refusal(decoder, tmp_path / "a.ogg", begun_late(encoded("VORBIS"), samples))
    assert refused.reason == "unknown_length"
    assert "do not start at 0" in refused.detail
    assert "ffmpeg -i FILE FILE.flac" in refused.detail


def test_vorbis_that_begins_slightly_late_is_not_only_said_to_be_cut(decoder: Decoder, tmp_path: Path) -> None:
    refused = refusal(decoder, tmp_path / "a.ogg", begun_late(encoded("VORBIS"), 100))
    assert refused.reason == "truncated"
    assert "if its time stamps do not start at 0" in refused.detail


def test_opus_of_an_unspecified_input_rate_is_refused_for_what_it_is(decoder: Decoder, tmp_path: Path) -> None:
    refused = refusal(decoder, tmp_path / "a.opus", with_input_rate(encoded("OPUS"), 0))
    assert refused.reason == "unsupported_encoding"
    assert "8 kHz" in refused.detail
    assert "ffmpeg -i FILE FILE.flac" in refused.detail


@pytest.mark.parametrize(
    ("told_hz", "decoded_hz"),
    [(4_000, 8_000), (11_025, 12_000), (16_000, 16_000), (22_050, 24_000), (44_100, 48_000), (96_000, 48_000)],
)
def test_opus_is_decoded_at_the_rate_its_header_tells(
    decoder: Decoder, tmp_path: Path, told_hz: int, decoded_hz: int
) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(with_input_rate(encoded("OPUS", 96_000), told_hz))
    info = decoder.probe(path, max_duration_s=LONG)
    assert (info.sample_rate_hz, info.frames) == (decoded_hz, 2 * decoded_hz)
