"""Every way of being no recording, with the reason it gets; none hangs, grows or kills more than the child."""

from __future__ import annotations

import io
import os
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from tests.factories.audio import flac_claiming, noise, wav_bytes, write_audio

LONG = 7_200.0


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(base_s=20) as decoder:
        yield decoder


def reason_of(decoder: Decoder, path: Path) -> str:
    """Return why a file is refused; probing and reading must agree on it."""
    with pytest.raises(AudioRefusedError) as probed:
        decoder.probe(path, max_duration_s=LONG)
    assert len(probed.value.detail) > 20
    if probed.value.reason != "wrong_extension":
        with pytest.raises(AudioRefusedError) as read:
            decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG)
        assert read.value.reason == probed.value.reason
    return probed.value.reason


def encoded(kind: str, subtype: str, seconds: float = 1.0, seed: int = 0) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, noise(round(seconds * 16_000), seed=seed), 16_000, format=kind, subtype=subtype)
    return file.getvalue()


def zip_bytes() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("take.wav", wav_bytes())
    return file.getvalue()


def floats(value: float, code: str) -> bytes:
    return struct.pack(f"<{1_000}{code}", *([0.1] * 700 + [value] + [0.1] * 299))


def extensible(guid: bytes) -> bytes:
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8_000, 16_000, 2, 16, 22, 16, 4) + guid
    body = b"WAVE" + struct.pack("<4sI", b"fmt ", len(fmt)) + fmt + struct.pack("<4sI", b"data", 4) + bytes(4)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def ogg_pages(data: bytes) -> list[bytes]:
    starts = [place for place in range(len(data)) if data.startswith(b"OggS\0", place)]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=True)]


def without_page(data: bytes, index: int) -> bytes:
    pages = ogg_pages(data)
    del pages[index]
    return b"".join(pages)


def flipped(data: bytes, place: int, count: int = 8) -> bytes:
    return data[:place] + bytes(byte ^ 0xFF for byte in data[place : place + count]) + data[place + count :]


WAV, FLAC = encoded("WAV", "PCM_16"), encoded("FLAC", "PCM_16")
LONG_FLAC = encoded("FLAC", "PCM_16", 10)
VORBIS, OPUS = encoded("OGG", "VORBIS", 8), encoded("OGG", "OPUS", 8)

FILES: list[tuple[str, str, bytes, str]] = [
    ("empty", "a.wav", b"", "empty_file"),
    ("text", "a.wav", b"This is no sound.", "unsupported_container"),
    ("one byte", "a.wav", b"R", "unsupported_container"),
    ("zip", "a.wav", zip_bytes(), "unsupported_container"),
    ("zip before wav", "a.wav", zip_bytes() + WAV, "unsupported_container"),
    ("id3 before flac", "a.flac", b"ID3\x04\0\0\0\0\0\0" + FLAC, "unsupported_container"),
    ("mp3", "a.mp3", encoded("MP3", "MPEG_LAYER_III"), "unsupported_container"),
    ("aiff", "a.wav", encoded("AIFF", "PCM_16"), "unsupported_container"),
    ("au", "a.wav", encoded("AU", "PCM_16"), "unsupported_container"),
    ("wave64", "a.wav", encoded("W64", "PCM_16"), "unsupported_container"),
    ("caf", "a.wav", encoded("CAF", "ALAC_16"), "unsupported_container"),
    ("big-endian wav", "a.wav", b"RIFX" + WAV[4:], "unsupported_container"),
    ("riff, not wave", "a.wav", WAV[:8] + b"AVI " + WAV[12:], "unsupported_container"),
    ("a-law", "a.wav", encoded("WAV", "ALAW"), "unsupported_encoding"),
    ("ms adpcm", "a.wav", encoded("WAV", "MS_ADPCM"), "unsupported_encoding"),
    ("12 bit", "a.wav", wav_bytes(bits=12), "unsupported_encoding"),
    ("0 bit", "a.wav", wav_bytes(bits=0), "unsupported_encoding"),
    ("extensible of unknown kind", "a.wav", extensible(bytes(16)), "unsupported_encoding"),
    ("ogg flac", "a.ogg", VORBIS.replace(b"\x01vorbis", b"\x7fFLAC\x01\0", 1), "unsupported_encoding"),
    ("wav named flac", "a.flac", WAV, "wrong_extension"),
    ("wav without suffix", "a", WAV, "wrong_extension"),
    ("vorbis named opus", "a.opus", VORBIS, "wrong_extension"),
    ("flac named ogg", "a.ogg", FLAC, "wrong_extension"),
    ("no channel", "a.wav", wav_bytes(channels=0), "zero_channels"),
    ("1,024 channels", "a.wav", wav_bytes(bytes(2_048 * 10), channels=1_024), "too_many_channels"),
    ("17 channels", "a.wav", wav_bytes(bytes(34 * 10), channels=17), "too_many_channels"),
    ("1 Hz", "a.wav", wav_bytes(rate_hz=1), "sample_rate_out_of_range"),
    ("0 Hz", "a.wav", wav_bytes(rate_hz=0), "sample_rate_out_of_range"),
    ("2 GHz", "a.wav", wav_bytes(rate_hz=2_000_000_000), "sample_rate_out_of_range"),
    ("no samples", "a.wav", wav_bytes(b""), "no_samples"),
    ("no samples in vorbis", "a.ogg", encoded("OGG", "VORBIS", 0), "no_samples"),
    ("block align", "a.wav", wav_bytes(block_align=3), "inconsistent_header"),
    ("data before format", "a.wav", WAV[:12] + WAV[36:44] + WAV[12:36], "inconsistent_header"),
    ("two formats", "a.wav", WAV[:36] + WAV[12:], "inconsistent_header"),
    ("short format", "a.wav", WAV[:16] + b"\x04\0\0\0" + WAV[20:24] + WAV[36:], "inconsistent_header"),
    ("thousands of chunks", "a.wav", WAV[:12] + b"junk\0\0\0\0" * 2_000 + WAV[12:], "inconsistent_header"),
    ("streamed, length unknown", "a.wav", wav_bytes(data_size=0xFFFFFFFF), "truncated"),
    ("rf64 cut", "a.wav", encoded("RF64", "PCM_16")[:-100], "truncated"),
    ("half a frame", "a.wav", wav_bytes(bytes(101)), "truncated"),
    ("nan", "a.wav", wav_bytes(floats(float("nan"), "f"), tag=3, bits=32), "not_finite"),
    ("infinite", "a.wav", wav_bytes(floats(float("inf"), "f"), tag=3, bits=32), "not_finite"),
    ("minus infinite, double", "a.wav", wav_bytes(floats(float("-inf"), "d"), tag=3, bits=64), "not_finite"),
    ("beyond single precision", "a.wav", wav_bytes(floats(1e300, "d"), tag=3, bits=64), "not_finite"),
    ("huge", "a.wav", wav_bytes(floats(3e38, "f"), tag=3, bits=32), "undecodable"),
    ("huge and negative", "a.wav", wav_bytes(floats(-3e38, "f"), tag=3, bits=32), "undecodable"),
    ("just too large, double", "a.wav", wav_bytes(floats(1.001e6, "d"), tag=3, bits=64), "undecodable"),
    ("flac without streaminfo", "a.flac", FLAC[:4] + b"\x04" + FLAC[5:], "inconsistent_header"),
    ("flac of unknown length", "a.flac", flac_claiming(FLAC, 0), "unknown_length"),
    ("flac claiming weeks", "a.flac", flac_claiming(FLAC, (1 << 36) - 1), "too_long"),
    ("flac claiming an hour", "a.flac", flac_claiming(FLAC, 16_000 * 3_600), "truncated"),
    ("flac claiming one more", "a.flac", flac_claiming(FLAC, 16_001), "truncated"),
    ("second stream", "a.ogg", VORBIS + encoded("OGG", "VORBIS", 1), "inconsistent_header"),
    ("bytes after the stream", "a.ogg", VORBIS + zip_bytes(), "inconsistent_header"),
    ("ogg without its first page", "a.ogg", without_page(VORBIS, 0), "truncated"),
    ("ogg without a middle page", "a.ogg", without_page(VORBIS, 3), "truncated"),
    ("ogg without its last page", "a.ogg", without_page(VORBIS, -1), "truncated"),
    ("opus without its last page", "a.opus", without_page(OPUS, -1), "truncated"),
    ("damaged flac frame", "a.flac", flipped(LONG_FLAC, len(LONG_FLAC) // 2), "undecodable"),
    ("damaged ogg page", "a.ogg", flipped(VORBIS, len(VORBIS) // 2), "truncated"),
    ("damaged opus page", "a.opus", flipped(OPUS, len(OPUS) // 2), "truncated"),
    *(
        (f"{name} cut at {place}", f"a.{name}", data[:place], "truncated")
        for name, data in (("wav", WAV), ("flac", FLAC), ("ogg", VORBIS), ("opus", OPUS))
        for place in (12, 13, 20, 27, 35, 43, 44, 45, 60, len(data) // 2, len(data) - 1)
    ),
]


@pytest.mark.parametrize(("name", "data", "reason"), [pytest.param(*case[1:], id=case[0]) for case in FILES])
def test_a_broken_file_is_refused_with_its_reason(
    decoder: Decoder, tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert reason_of(decoder, path) == reason


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((3e38, -3e38), r"undecodable: sample 500 is 3e\+38 times full scale: .*scale it to ±1\."),
        ((-3e38, -3e38), r"undecodable: sample 500 is 3e\+38 times full scale"),
        ((0.1, np.nan), "not_finite: sample 500"),
        ((np.inf, 3e38), "not_finite: sample 500"),
    ],
)
@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_absurd_floats_are_refused_by_their_place_and_without_a_warning(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], values: tuple[float, float], says: str, rate_hz: int
) -> None:
    samples = np.zeros((1_000, 2), np.float32)
    samples[500:] = values
    path = write_audio(tmp_path / "a.wav", samples, rate_hz, subtype="FLOAT")
    with Decoder(base_s=20) as decoder, pytest.raises(AudioRefusedError, match=says):
        decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG)
    assert capfd.readouterr().err == ""


def test_floats_in_steps_of_16_bit_are_clipped_and_taken(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", np.array([32_768.0, -1e6, 0.5]), subtype="FLOAT")
    assert decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG).tolist() == [32_767, -32_768, 16_384]


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def unix_socket(path: Path) -> None:
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: None, "not_found"),
        (lambda path: path.symlink_to("nowhere.wav"), "not_found"),
        (lambda path: path.symlink_to(path.name), "unreadable"),
        (Path.mkdir, "not_a_file"),
        (pipe, "not_a_file"),
        (device, "not_a_file"),
        (unix_socket, "unreadable"),
    ],
    ids=["missing", "dangling link", "link to itself", "folder", "pipe", "device", "socket"],
)
def test_what_is_no_file_is_refused_without_waiting(
    decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    path = tmp_path / "a.wav"
    make(path)
    assert reason_of(decoder, path) == reason


def test_a_file_that_may_not_be_read_is_refused(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", noise(100))
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65_534)  # to the superuser nothing is unreadable
        assert reason_of(decoder, path) == "unreadable"
    finally:
        os.seteuid(user)


def test_a_null_byte_in_the_name_is_refused(decoder: Decoder) -> None:
    assert reason_of(decoder, Path("a\0b.wav")) == "unreadable"


def test_a_link_to_a_recording_is_followed(decoder: Decoder, tmp_path: Path) -> None:
    target = write_audio(tmp_path / "target.wav", noise(100))
    link = tmp_path / "link.wav"
    link.symlink_to(target)
    assert decoder.probe(link, max_duration_s=LONG).frames == 100


def test_longer_than_allowed_is_refused_before_decoding(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", noise(44_101))
    with pytest.raises(AudioRefusedError, match=r"too_long: 1\.0 s are declared; at most 1 s"):
        decoder.probe(path, max_duration_s=1.0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=st.sampled_from(["wav", "flac", "ogg", "opus"]),
    place=st.floats(0, 1),
    spoilt=st.binary(min_size=1, max_size=16),
)
def test_any_damage_is_refused_or_decodes_to_the_declared_length(
    decoder: Decoder, tmp_path: Path, source: str, place: float, spoilt: bytes
) -> None:
    data = {"wav": WAV, "flac": FLAC, "ogg": VORBIS, "opus": OPUS}[source]
    # Mostly headers, since that is where damage does most.
    at = int(place**4 * (len(data) - len(spoilt)))
    path = tmp_path / f"a.{source}"
    path.write_bytes(data[:at] + spoilt + data[at + len(spoilt) :])
    try:
        info = decoder.probe(path, max_duration_s=LONG)
        samples = decoder.samples(path, sample_rate_hz=16_000, max_duration_s=LONG)
    except AudioRefusedError:
        return
    assert len(samples) == -(-info.frames * 16_000 // info.sample_rate_hz)
    assert samples.dtype == np.int16
