"""The program that runs in the decoder's child process: libsndfile, numpy and soxr, and nothing of ours.

It is started by path in a fresh, isolated interpreter without the parent's environment, gets open files over a
socket, and can afterwards neither write files nor take more memory, descriptors or processor time than it
was given. Samples go into shared memory; the socket carries only short JSON messages.

Requests ``{"rate_hz", "in_frames", "out_frames", "bin_frames", "dither", "seed", "cpu_s"}`` come with one
descriptor (check only) or two (the second is the memory to fill). The answer is
``{"frames", "rate_hz", "channels", "encoding"}`` or ``{"reason", "detail"}``.

Clipping is counted here where samples are converted, since afterwards it cannot be seen any more. The counts, one
int16 for each `bin_frames` of the source, lie behind the samples in the shared memory.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import resource
import socket
import sys
from typing import Any

import numpy as np
import soundfile
import soxr

MEMORY_BYTES = 512 << 20  # above what the libraries take
OPEN_FILES = 16
BLOCK_SAMPLES = 1 << 18  # of all channels together; a block stays in the processor's cache
WINDOW_FRAMES = 1 << 21  # samples of shared memory that are mapped at a time
FULL_SCALE = 32_768
MAX_MAGNITUDE = 1e6  # of full scale; floats in steps of 16 bit stay below, what is left of damaged bytes does not
CLIPPED_RUN = 3  # as in curation.audio.measures
RAIL = 1 - 2.0**-15  # of full scale: 32,767, at which symmetric limiters stop, and all beyond
RAIL_8_BIT = 1 - 2.0**-7
POPULATED = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)  # pages in one go, not fault by fault
DITHER_HALF_BITS = 32


class RefusedError(Exception):
    """The file is not what its header declares."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason)
        self.answer = {"reason": reason, "detail": detail}


class Sink:
    """Shared memory that is filled from front to back, a window of it mapped at a time."""

    def __init__(self, descriptor: int, frames: int, bins: int) -> None:
        self._descriptor = descriptor
        self._end = frames
        self._total = frames + bins
        self._start = -WINDOW_FRAMES
        self._window: np.ndarray[Any, np.dtype[np.int16]] = np.empty(0, dtype=np.int16)
        self.filled = 0

    def room(self) -> np.ndarray[Any, np.dtype[np.int16]]:
        """Return the part that is free and mapped; empty when all is filled."""
        used = self.filled - self._start
        if used >= len(self._window) and self.filled < self._end:
            self._start = self.filled  # a whole number of windows, and so of pages
            frames = min(WINDOW_FRAMES, self._total - self._start)
            view = mmap.mmap(self._descriptor, 2 * frames, offset=2 * self._start, flags=POPULATED)
            self._window = np.frombuffer(view, dtype=np.int16)
            used = 0
        return self._window[used : self._end - self._start]

    def put(self, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        """Append samples; those beyond the end are dropped (a resampler's last fraction of a sample)."""
        while len(samples):
            room = self.room()
            count = min(len(room), len(samples))
            if not count:
                return
            room[:count] = samples[:count]
            self.filled += count
            samples = samples[count:]

    def put_counts(self, counts: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        """Write counts behind the samples, which must be complete."""
        self._end = self._total
        self.put(counts)


class ClippedCounter:
    """Counts the frames at which a channel stands at one of its rails in a run of at least `CLIPPED_RUN`.

    A frame is decided when the two after it are known: the last two of each block wait for the next.
    """

    def __init__(self, in_frames: int, bin_frames: int, channels: int, rail: float) -> None:
        self._in_frames = in_frames
        self._bin_frames = bin_frames
        self._rail = np.float32(rail)
        self._decided = 1 - CLIPPED_RUN  # the first two to be decided lie before the recording
        self._open = np.zeros((2 * (CLIPPED_RUN - 1), channels), dtype=np.int8)  # two decided, two waiting
        self.counts = np.zeros(-(-in_frames // bin_frames), dtype=np.int16)

    def put(self, block: np.ndarray[Any, np.dtype[np.float32]]) -> None:
        """Look at the next frames, of shape (frames, channels)."""
        if block.max() < self._rail and block.min() > -self._rail and not self._open.any():
            self._decided += len(block)
            return
        upper, lower = block >= self._rail, block <= -self._rail
        self._decide(upper.view(np.int8) - lower.view(np.int8))

    def finish(self) -> None:
        """Decide the frames that still wait."""
        self._decide(np.zeros((CLIPPED_RUN - 1, self._open.shape[1]), dtype=np.int8))

    def _decide(self, ends: np.ndarray[Any, np.dtype[np.int8]]) -> None:
        """Go on by frames whose channels stand at their upper (1), lower (-1) or no rail (0)."""
        ends = np.concatenate([self._open, ends])
        self._open = ends[-len(self._open) :].copy()
        begins = np.zeros(len(ends) - 2, dtype=bool)  # a run of three, in any channel
        for end in ends.T:
            begins |= (end[:-2] != 0) & (end[:-2] == end[1:-1]) & (end[1:-1] == end[2:])
        places = np.flatnonzero(begins[2:] | begins[1:-1] | begins[:-2]) + self._decided
        self._decided += len(ends) - len(self._open)
        places = places[places < self._in_frames]  # a file may hold more than it declares; it is refused later
        if len(places):
            first = places[0] // self._bin_frames
            counts = np.bincount(places // self._bin_frames - first)
            self.counts[first : first + len(counts)] += counts.astype(np.int16)


class Converter:
    """Mean of the channels, soxr HQ, dither and rounding, block by block."""

    def __init__(self, request: dict[str, Any], source_rate_hz: int, sink: Sink) -> None:
        self._sink = sink
        self._resampler = None
        if source_rate_hz != request["rate_hz"]:
            self._resampler = soxr.ResampleStream(source_rate_hz, request["rate_hz"], 1, dtype="float32", quality="HQ")
        self._noise = None
        if request["dither"] == "tpdf":
            seed = hashlib.sha256(bytes.fromhex(request["seed"])).digest()
            self._noise = np.random.PCG64(int.from_bytes(seed))

    def put(self, block: np.ndarray[Any, np.dtype[np.float32]], *, last: bool) -> None:
        """Convert a block of shape (frames, channels)."""
        mono = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        if self._resampler is not None:
            mono = self._resampler.resample_chunk(np.ascontiguousarray(mono), last=last)
        scaled = mono * np.float32(FULL_SCALE)
        if self._noise is not None:
            raw = self._noise.random_raw(len(scaled))  # two uniform draws of 32 bits: their difference is a triangle
            halves = (raw >> DITHER_HALF_BITS).astype(np.float64) - (raw & 0xFFFFFFFF).astype(np.float64)
            scaled = scaled + halves / 2.0**DITHER_HALF_BITS
        np.rint(scaled, out=scaled)
        np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled)
        self._sink.put(scaled.astype(np.int16))


def decode(request: dict[str, Any], source: int, target: int | None) -> dict[str, Any]:
    """Decode a whole file, into `target` where one is given, and check what it holds."""
    try:
        sound = soundfile.SoundFile(source, closefd=False)
    except soundfile.LibsndfileError as error:
        raise _fault(source, error) from error
    with sound:
        if sound.subtype == "OPUS":
            # Else libsndfile keeps the pre-skip of a stream that begins late (its pull request 556), and loses as
            # much at the end.
            sound.seek(0)
        # soundfile seeks after every read of a seekable file; lossy decoders do not come back sample for sample.
        sound._info.seekable = 0
        try:
            frames = _check(sound) if target is None else _fill(sound, target, request)
        except soundfile.LibsndfileError as error:
            raise _fault(source, error) from error
        return {"frames": frames, "rate_hz": sound.samplerate, "channels": sound.channels, "encoding": sound.subtype}


def _fault(source: int, error: soundfile.LibsndfileError) -> RefusedError:
    """Tell a cut FLAC from a damaged file: libFLAC gives the same error, but has read to the end of the one."""
    what = error.error_string.strip().rstrip(".")
    place = os.lseek(source, 0, os.SEEK_CUR)
    if os.pread(source, 4, 0) == b"fLaC" and place == os.fstat(source).st_size:
        return RefusedError("truncated", f"the file ends in the middle of the sound, or is damaged there ({what})")
    return RefusedError("undecodable", f"the file is damaged ({what})")


def _fill(sound: Any, target: int, request: dict[str, Any]) -> int:
    """Put the whole file's samples into the shared memory, and the counts of clipped frames if they change."""
    if sound.subtype == "PCM_16" and sound.channels == 1 and sound.samplerate == request["rate_hz"]:
        return _copy(sound, Sink(target, request["out_frames"], 0))
    bins = -(-request["in_frames"] // request["bin_frames"])
    sink = Sink(target, request["out_frames"], bins)
    converter = Converter(request, sound.samplerate, sink)  # first: C that is short of memory ends less kindly
    rail = RAIL_8_BIT if sound.subtype in {"PCM_U8", "PCM_S8"} else RAIL
    clipped = ClippedCounter(request["in_frames"], request["bin_frames"], sound.channels, rail)
    frames = _convert(sound, converter, clipped)
    if frames == request["in_frames"]:
        sink.put(np.zeros(request["out_frames"] - sink.filled, dtype=np.int16))  # a resampler's last fraction
        sink.put_counts(clipped.counts)
    return frames


def _copy(sound: Any, sink: Sink) -> int:
    """Read 16 bit mono straight into the shared memory; not one sample changes."""
    while len(room := sink.room()):
        count = len(sound.read(out=room))
        sink.filled += count
        if not count:
            break
    return sink.filled


def _blocks(sound: Any, dtype: str) -> Any:
    """Yield blocks of shape (frames, channels); they share one buffer."""
    buffer = np.empty((max(1, BLOCK_SAMPLES // sound.channels), sound.channels), dtype=dtype)
    is_float = sound.subtype not in {"PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32"}
    done = 0
    while len(block := sound.read(out=buffer)):
        # Extremes are not numbers if one sample is not, and cost a fraction of a test of each.
        if is_float and not (block.max() <= MAX_MAGNITUDE and block.min() >= -MAX_MAGNITUDE):
            raise _unusable(block, done)
        done += len(block)
        yield block


def _unusable(block: np.ndarray[Any, np.dtype[Any]], done: int) -> RefusedError:
    """Say which sample of a block after `done` others is no number or too large to be one of a sound."""
    fit = (np.abs(block) <= MAX_MAGNITUDE).all(axis=1)
    place = int(np.argmin(fit))
    values = block[place]
    if not np.isfinite(values).all():
        return RefusedError("not_finite", f"sample {done + place} is not a number or infinite")
    largest = float(np.abs(values).max())
    detail = f"sample {done + place} is {largest:.3g} times full scale: damaged, or in another unit; scale it to ±1"
    return RefusedError("undecodable", detail)


def _convert(sound: Any, converter: Converter, clipped: ClippedCounter) -> int:
    frames = 0
    for block in _blocks(sound, "float32"):
        frames += len(block)
        clipped.put(block)
        converter.put(block, last=False)
    clipped.finish()
    converter.put(np.zeros((0, sound.channels), dtype=np.float32), last=True)
    return frames


def _check(sound: Any) -> int:
    dtype = "int16" if sound.subtype in {"PCM_U8", "PCM_S8", "PCM_16"} else "float32"
    return sum(len(block) for block in _blocks(sound, dtype))


def confine() -> None:
    """Give up the right to write files, start programs or grow."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 -- no more modules than are needed
        pages = int(file.read().split()[0])
    memory = pages * mmap.PAGESIZE + MEMORY_BYTES
    limits = (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
    )
    for kind, limit in limits:
        resource.setrlimit(kind, (limit, limit))


def allow_processor_time(seconds: float) -> None:
    """Let the process run for `seconds` more before the kernel ends it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime + seconds) + 1, hard))


def answer(message: bytes, descriptors: list[int]) -> dict[str, Any]:
    """Carry out one request."""
    request = json.loads(message)
    allow_processor_time(request["cpu_s"])
    try:
        os.lseek(descriptors[0], 0, os.SEEK_SET)
        return decode(request, descriptors[0], descriptors[1] if len(descriptors) > 1 else None)
    except RefusedError as error:
        return error.answer
    except MemoryError:
        return {"reason": "out_of_memory", "detail": "decoding it takes more memory than a recording may"}
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def main() -> None:
    """Answer requests until the parent closes its end."""
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        confine()
        channel.send(b'{"ready": true}')
        while True:
            message, descriptors, _, _ = socket.recv_fds(channel, 4096, 2)
            if not message:
                return
            channel.send(json.dumps(answer(message, descriptors)).encode())


if __name__ == "__main__":
    main()
