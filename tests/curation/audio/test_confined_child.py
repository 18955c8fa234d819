"""The decoder's child process: what it may do, and what happens when it misbehaves."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from curation.audio import confined_child
from curation.audio.confined_child import ChildStartError
from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from tests.factories.audio import noise, write_audio

LONG = 7_200.0
READY = """
import os, resource, socket, sys, time
channel = socket.socket(fileno=int(sys.argv[1]))
channel.send(b'{"ready": true}')
message, files, _, _ = socket.recv_fds(channel, 4096, 2)
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_audio(tmp_path / "take.wav", noise(44_100))


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder(base_s=20) as decoder:
        yield decoder


def child_of(decoder: Decoder, recording: Path) -> int:
    """Return the process id of a child that has decoded a file."""
    decoder.probe(recording, max_duration_s=LONG)
    process_id = decoder._child.process_id
    assert process_id is not None
    return process_id


def reason_with(program: str, tmp_path: Path, recording: Path, base_s: float = 20) -> str:
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    with Decoder(base_s=base_s, program=path) as decoder, pytest.raises(AudioRefusedError) as refused:
        decoder.probe(recording, max_duration_s=LONG)
    return refused.value.reason


def test_one_child_serves_many_files(decoder: Decoder, recording: Path) -> None:
    assert child_of(decoder, recording) == child_of(decoder, recording)


def test_a_child_is_replaced_after_its_share_of_files(
    decoder: Decoder, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined_child, "REQUESTS_PER_CHILD", 2)
    children = [child_of(decoder, recording) for _ in range(4)]
    assert children[0] == children[1] != children[2] == children[3]


def test_a_child_that_refused_a_file_is_replaced(decoder: Decoder, recording: Path, tmp_path: Path) -> None:
    first = child_of(decoder, recording)
    values = np.full(100, np.nan)
    with pytest.raises(AudioRefusedError, match="not_finite"):
        decoder.probe(write_audio(tmp_path / "nan.wav", values, subtype="FLOAT"), max_duration_s=LONG)
    assert child_of(decoder, recording) != first


def test_the_child_may_write_no_file_start_no_program_and_take_little_memory(decoder: Decoder, recording: Path) -> None:
    child = child_of(decoder, recording)
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NPROC):
        assert resource.prlimit(child, kind) == (0, 0)
    assert resource.prlimit(child, resource.RLIMIT_NOFILE)[1] == 16
    assert resource.prlimit(child, resource.RLIMIT_AS)[1] < 900 << 20
    assert 1 <= resource.prlimit(child, resource.RLIMIT_CPU)[0] < 10


def test_the_child_inherits_no_secret_and_no_open_file(
    decoder: Decoder, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARMARK_SECRET_KEY", "hush")
    child = child_of(decoder, recording)
    names = {entry.split(b"=")[0].decode() for entry in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")}
    assert names - {""} <= {"LANG", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LD_LIBRARY_PATH"}
    opened = {str(file.readlink()) for file in Path(f"/proc/{child}/fd").iterdir() if file.name != "2"}
    assert all(place == "/dev/null" or place.startswith("socket:") for place in opened)


def test_too_little_memory_refuses_the_file_and_not_the_next(decoder: Decoder, tmp_path: Path, recording: Path) -> None:
    child = child_of(decoder, recording)
    used = int(Path(f"/proc/{child}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(child, resource.RLIMIT_AS, (used + 4096, used + 4096))
    big = write_audio(tmp_path / "big.flac", noise(4_000_000, 2), 48_000)
    with pytest.raises(AudioRefusedError) as refused:
        decoder.samples(big, sample_rate_hz=44_100, max_duration_s=LONG)
    assert refused.value.reason == "out_of_memory"
    assert len(decoder.samples(big, sample_rate_hz=44_100, max_duration_s=LONG)) == 3_675_000


def test_long_recordings_take_no_more_memory_in_the_child(decoder: Decoder, tmp_path: Path) -> None:
    path = write_audio(tmp_path / "long.flac", np.zeros(1_800 * 48_000, np.int16), 48_000)  # half an hour, a bomb
    assert path.stat().st_size < 1 << 20
    samples = decoder.samples(path, sample_rate_hz=44_100, max_duration_s=LONG)
    assert len(samples) == 1_800 * 44_100
    status = Path(f"/proc/{decoder._child.process_id}/status").read_text()
    grown = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
    assert grown < 200 << 10  # KiB


def test_a_child_killed_between_files_is_replaced_without_a_refusal(decoder: Decoder, recording: Path) -> None:
    first = child_of(decoder, recording)
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert child_of(decoder, recording) != first


def test_a_child_killed_at_work_refuses_the_file_and_not_the_next(decoder: Decoder, recording: Path) -> None:
    child = child_of(decoder, recording)
    os.kill(child, signal.SIGSTOP)
    threading.Timer(0.3, os.kill, (child, signal.SIGKILL)).start()
    with pytest.raises(AudioRefusedError, match=r"decoder_crashed: .* ended with status -9"):
        decoder.probe(recording, max_duration_s=LONG)
    assert child_of(decoder, recording) != child


def test_a_child_that_hangs_is_killed_in_time(recording: Path) -> None:
    with Decoder(base_s=2) as decoder:
        child = child_of(decoder, recording)
        os.kill(child, signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(AudioRefusedError, match="decoding_timeout"):
            decoder.probe(recording, max_duration_s=LONG)
        assert time.monotonic() - start < 10
        assert not Path(f"/proc/{child}").exists()
        decoder.close()
    with Decoder(base_s=20) as decoder:
        assert child_of(decoder, recording) != child


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("channel.send(b'\\xff\\xfe no JSON')", "decoder_crashed"),
        ("channel.send(b'[1, 2]')", "decoder_crashed"),
        ("channel.send(b'')", "decoder_crashed"),
        ("sys.exit(3)", "decoder_crashed"),
        ("os.abort()", "decoder_crashed"),
        ("channel.send(b'{}'); time.sleep(60)", "inconsistent_header"),
        (
            'channel.send(b\'{"encoding": "PCM_16", "rate_hz": 44100, "channels": 1, "frames": "many"}\')',
            "truncated",
        ),
        ("resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass", "decoding_timeout"),
    ],
    ids=["no json", "list", "empty", "exit", "abort", "nothing in it", "wrong type", "processor time"],
)
def test_what_a_captured_child_says_is_not_believed(tmp_path: Path, recording: Path, does: str, reason: str) -> None:
    assert reason_with(READY + does, tmp_path, recording) == reason


def test_shared_memory_cannot_be_shrunk_under_the_parent(tmp_path: Path, recording: Path) -> None:
    program = READY + (
        "try:\n os.ftruncate(files[1], 0)\n"
        "except PermissionError:\n"
        ' channel.send(b\'{"reason": "sealed", "detail": "it cannot be shrunk"}\')\n'
    )
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    with Decoder(program=path) as decoder, pytest.raises(AudioRefusedError, match="sealed"):
        decoder.samples(recording, sample_rate_hz=44_100, max_duration_s=LONG)


@pytest.mark.parametrize("program", ["raise SystemExit(1)", READY.split("message", maxsplit=1)[0]])
def test_a_child_that_does_not_start_is_the_machines_fault(tmp_path: Path, recording: Path, program: str) -> None:
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    with Decoder(program=path) as decoder, pytest.raises((ChildStartError, AudioRefusedError)):
        decoder.probe(recording, max_duration_s=LONG)


def test_no_child_outlives_its_decoder(recording: Path) -> None:
    with Decoder(base_s=20) as decoder:
        child = child_of(decoder, recording)
    assert not Path(f"/proc/{child}").exists()


def test_a_child_whose_parent_has_gone_ends(recording: Path) -> None:
    with Decoder(base_s=20) as decoder:
        child = child_of(decoder, recording)
        channel = decoder._child._channel
        assert channel is not None
        channel.close()
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        assert ended.si_status == 0
