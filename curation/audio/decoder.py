"""Decoding recordings of strangers: a child process with bounded memory, time and rights.

libsndfile is C and reads what participants upload. It runs in a process of its own
(`curation.audio.decoding_child`) that holds no database connection, no secret and no file but the one it
decodes, and that is killed and replaced when it breaks a limit or refuses a file. Headers are read in Python
first (`curation.audio.header`), and the decoder must agree with them.

Every recording becomes mono, 16 bit, at the rate asked for:

* channels are mixed down by their mean;
* another rate is converted by soxr at quality HQ, which is what ``librosa.resample`` does by default
  (``res_type="soxr_hq"``), to ceil(frames x target / source) samples, and gives the same samples;
* samples are rounded to the nearest of 2**16 steps (halves to even) and clipped, with ``dither="tpdf"`` after
  adding triangular noise of ±1 step that depends on `seed` alone; "nearest" holds for sources of up to 24 bit and
  for 32 bit floats, while 32 bit integers and 64 bit floats become 32 bit floats first, so that what lies within
  2**-9 of the middle between two steps may fall to either;
* a recording that is 16 bit mono at that rate already passes untouched, bit for bit, dithered or not.

References
----------
Lipshitz, Wannamaker, Vanderkooy, "Quantization and dither: a theoretical survey", J. Audio Eng. Soc. 40(5),
1992, section 4 (triangular dither).
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from curation.audio.clipping import ClippedFrames, bin_count, bin_length
from curation.audio.confined_child import ChildDiedError, ConfinedChild
from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import open_regular
from curation.audio.header import check_suffix, read_header
from curation.audio.info import AudioInfo
from curation.audio.sample_memory import SampleMemoryPool

CHILD_PROGRAM = Path(__file__).with_name("decoding_child.py")
BASE_S = 5.0
CPU_BASE_S = 3.0
SECONDS_PER_CHANNEL_SECOND = 0.05  # 20 times real time per channel; the slowest, Opus with soxr, does over 200
CONVERT_AGAIN = "Convert it again, for example with `ffmpeg -i FILE FILE.flac`."


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A recording's format and its samples.

    Attributes
    ----------
    info : AudioInfo
        Format and length of the file as it came.
    samples : ndarray of int16 [shape=(n,)]
        Mono samples at the rate asked for.
    clipped : ClippedFrames or None
        Where the source was clipped; None where the samples are the source's own and show it themselves.
    """

    info: AudioInfo
    samples: NDArray[np.int16]
    clipped: ClippedFrames | None


class Decoder:
    """Decodes files one after the other in a confined child process; a context manager, not thread safe.

    Parameters
    ----------
    base_s : float
        Wall-clock seconds that any file may take; longer recordings get more in proportion.
    program : Path
        What the child runs; tests put programs there that misbehave.
    """

    def __init__(self, *, base_s: float = BASE_S, program: Path = CHILD_PROGRAM) -> None:
        self._base_s = base_s
        self._child = ConfinedChild(program)
        self._memory = SampleMemoryPool()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child process; the next file starts another."""
        self._child.close()

    def probe(self, path: Path, *, max_duration_s: float) -> AudioInfo:
        """Decode a file to its end and say what it is.

        Parameters
        ----------
        path : Path
            WAV, FLAC, Ogg Vorbis or Ogg Opus, named accordingly.
        max_duration_s : float
            Longest length that is decoded, in seconds.

        Returns
        -------
        AudioInfo
            Format and length; every sample was decoded and is finite.

        Raises
        ------
        AudioRefusedError
            With one of the reasons of `curation.audio.errors`.
        """
        with open_regular(path) as source:
            info = read_header(source, max_duration_s=max_duration_s)
            check_suffix(path.name, info)
            self._run(info, source, None, {"rate_hz": 0, "out_frames": 0, "dither": "none", "seed": ""})
        return info

    def samples(
        self, path: Path, *, sample_rate_hz: int, dither: str = "none", seed: bytes = b"", max_duration_s: float
    ) -> NDArray[np.int16]:
        """Decode a file to mono, 16 bit, at a rate; its name may be anything.

        Parameters
        ----------
        path : Path
            WAV, FLAC, Ogg Vorbis or Ogg Opus.
        sample_rate_hz : int
            Rate of the samples returned, in hertz.
        dither : {"none", "tpdf"}
            Noise added before rounding.
        seed : bytes
            What the noise depends on, for example the recording's SHA-256.
        max_duration_s : float
            Longest length that is decoded, in seconds.

        Returns
        -------
        ndarray of int16 [shape=(n,)]
            n = ceil(frames x sample_rate_hz / source rate). Its memory is used again when it has gone.

        Raises
        ------
        AudioRefusedError
            With one of the reasons of `curation.audio.errors`.
        """
        return self.decode(
            path, sample_rate_hz=sample_rate_hz, dither=dither, seed=seed, max_duration_s=max_duration_s
        ).samples

    def decode(
        self,
        path: Path,
        *,
        sample_rate_hz: int,
        dither: str = "none",
        seed: bytes = b"",
        max_duration_s: float,
        named_rightly: bool = False,
    ) -> Decoded:
        """Do the work of `probe` and `samples` in one pass.

        Parameters
        ----------
        path, sample_rate_hz, dither, seed, max_duration_s
            As for `samples`.
        named_rightly : bool
            Refuse a file whose extension does not fit its content, as `probe` does.

        Returns
        -------
        Decoded
            Format and samples.

        Raises
        ------
        AudioRefusedError
            With one of the reasons of `curation.audio.errors`.
        """
        with open_regular(path) as source:
            info = read_header(source, max_duration_s=max_duration_s)
            if named_rightly:
                check_suffix(path.name, info)
            frames = -(-info.frames * sample_rate_hz // info.sample_rate_hz)
            request = {"rate_hz": sample_rate_hz, "out_frames": frames, "dither": dither, "seed": seed.hex()}
            direct = (info.encoding, info.channels, info.sample_rate_hz) == ("PCM_16", 1, sample_rate_hz)
            bins = 0 if direct else bin_count(info.frames, info.sample_rate_hz)
            memory = self._memory.take(frames + bins)
            try:
                self._run(info, source, memory.descriptor, request)
            except BaseException:
                self._memory.give_back(memory)
                raise
        samples = self._memory.samples(memory, frames + bins)
        clipped = None
        if not direct:
            counts = samples[frames:].copy()  # few, and not to hold the samples when those have gone
            clipped = ClippedFrames(counts=counts, bin_frames=bin_length(info.sample_rate_hz), frames=info.frames)
        return Decoded(info=info, samples=samples[:frames], clipped=clipped)

    def _run(self, info: AudioInfo, source: int, memory: int | None, request: dict[str, Any]) -> None:
        allowed_s = info.duration_s * info.channels * SECONDS_PER_CHANNEL_SECOND
        bin_frames = bin_length(info.sample_rate_hz)
        request = {**request, "in_frames": info.frames, "bin_frames": bin_frames, "cpu_s": CPU_BASE_S + allowed_s}
        descriptors = [source] if memory is None else [source, memory]
        answer = self._exchange(request, descriptors, self._base_s + allowed_s)
        found = (answer.get("encoding"), answer.get("rate_hz"), answer.get("channels"))
        declared = (info.encoding, info.sample_rate_hz, info.channels)
        if found != declared:
            detail = f"the header says {declared}, the decoder finds {found} (encoding, Hz, channels). {CONVERT_AGAIN}"
            raise AudioRefusedError("inconsistent_header", detail)
        if answer.get("frames") != info.frames:
            late = "; if its time stamps do not start at 0, `ffmpeg -i FILE FILE.flac` helps"
            detail = (
                f"{info.frames} samples are declared, {answer.get('frames')} are there. Copy or record it again"
                f"{late if info.encoding == 'VORBIS' else ''}."  # see curation.audio.ogg_header
            )
            raise AudioRefusedError("truncated", detail)

    def _exchange(self, request: dict[str, Any], descriptors: list[int], timeout_s: float) -> dict[str, Any]:
        try:
            answer = self._child.ask(request, descriptors, timeout_s=timeout_s)
        except TimeoutError as error:
            detail = f"decoding took more than {timeout_s:.1f} s. {CONVERT_AGAIN}"
            raise AudioRefusedError("decoding_timeout", detail) from error
        except ChildDiedError as error:
            if error.status == -signal.SIGXCPU:
                detail = f"decoding used up its processor time of {request['cpu_s']:.0f} s. {CONVERT_AGAIN}"
                raise AudioRefusedError("decoding_timeout", detail) from error
            raise AudioRefusedError("decoder_crashed", f"{error} {CONVERT_AGAIN}") from error
        if "reason" in answer:
            self._child.close()  # what refused input has done to the decoder's memory, nobody knows
            raise AudioRefusedError(str(answer["reason"]), f"{answer.get('detail', '')}. {CONVERT_AGAIN}")
        return answer
