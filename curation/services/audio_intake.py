"""What happens to an audio file when it comes in, apart from its row: check, convert, measure, copy.

These functions run in worker processes (`curation.services.worker_pool`) and touch no database. Every file they
leave lies under a key made from its content: if a run dies between file and row, the next run finds the
file in its place and only adds the row. A file that is refused here leaves nothing. One whose row is refused
afterwards, because another import was quicker by moments, stays without a row: rows of other datasets may name the
same content, so nothing is removed; it costs its space and is found again by the next import of the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation.audio.decoder import Decoded, Decoder
from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileIdentity, open_regular
from curation.audio.info import AudioInfo
from curation.audio.measures import measure
from curation.audio.segments import segment_bounds
from curation.services.audio_store import StoredOriginal, clip_key, local_copy, store_clip_samples, store_original
from curation.services.row_import import Refused


@dataclass(frozen=True, kw_only=True)
class Known:
    """The file is read already: only its checksum is given."""

    sha256: str


@dataclass(frozen=True, kw_only=True)
class RecordingRequest:
    """A recording that may be new.

    Attributes
    ----------
    path : Path
        The file.
    max_duration_s : float
        Longest length that is decoded, in seconds.
    known : collection of str
        Checksums that need no second look; None where the checksum alone is asked for.
    """

    path: Path
    max_duration_s: float
    known: Collection[str] | None


@dataclass(frozen=True, kw_only=True)
class StoredRecording:
    """A recording that was checked to its last sample and stored as it came."""

    original: StoredOriginal
    info: AudioInfo


@dataclass(frozen=True, kw_only=True)
class ClipRequest:
    """A ready-cut clip that may be new; `known` as in `RecordingRequest`."""

    path: Path
    sample_rate_hz: int
    dither: str
    min_duration_s: float
    max_duration_s: float
    known: Collection[str] | None


@dataclass(frozen=True, kw_only=True)
class ClipAudio:
    """A clip's audio in the storage: its key, length in samples, and measures by column."""

    key: str
    frames: int
    measures: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StoredClip:
    """An imported clip in the policy's format, and its original."""

    original: StoredOriginal
    audio: ClipAudio


@dataclass(frozen=True, kw_only=True)
class CutRequest:
    """An accepted submission to be cut."""

    submission_id: int
    original_key: str
    original_sha256: str
    sample_rate_hz: int
    segment_frames: int
    dither: str
    max_duration_s: float


def take_recording(decoder: Decoder, request: RecordingRequest) -> StoredRecording | Known | Refused:
    """Check a recording and store the original.

    Parameters
    ----------
    decoder : Decoder
        Decodes it.
    request : RecordingRequest
        What to take.

    Returns
    -------
    StoredRecording or Known or Refused
        What was stored, the checksum of what need not be, or why nothing was.
    """
    try:
        known, identity = _look(request.path, request.known)
        if known:
            return known
        info = decoder.probe(request.path, max_duration_s=request.max_duration_s)
        return StoredRecording(original=store_original(request.path, identity=identity), info=info)
    except AudioRefusedError as error:
        return Refused(error.reason, error.detail)


def take_clip(decoder: Decoder, request: ClipRequest) -> StoredClip | Known | Refused:
    """Check a ready-cut clip, convert it to the policy's format, measure it and store both forms.

    Parameters
    ----------
    decoder : Decoder
        Decodes it.
    request : ClipRequest
        What to take.

    Returns
    -------
    StoredClip or Known or Refused
        What was stored, the checksum of what need not be, or why nothing was.
    """
    try:
        known, identity = _look(request.path, request.known)
        if known:
            return known
        seed = b"" if request.dither == "none" else bytes.fromhex(_sha256(request.path))
        decoded = decoder.decode(
            request.path,
            sample_rate_hz=request.sample_rate_hz,
            dither=request.dither,
            seed=seed,
            max_duration_s=request.max_duration_s,
            named_rightly=True,
        )
        if decoded.info.duration_s < request.min_duration_s:
            detail = (
                f"{decoded.info.duration_s:.3f} s; a clip has at least {request.min_duration_s:g} s. "
                "Leave it out, or lower the length in the dataset's policy."
            )
            return Refused("too_short", detail)
        original = store_original(request.path, identity=identity)
    except AudioRefusedError as error:
        return Refused(error.reason, error.detail)
    key = clip_key(original_sha256=original.sha256, sample_rate_hz=request.sample_rate_hz, dither=request.dither)
    return StoredClip(original=original, audio=_store(key, decoded, slice(None), request.sample_rate_hz))


def cut_recording(decoder: Decoder, request: CutRequest) -> list[ClipAudio] | Refused:
    """Cut a stored original into segments, measure and store them (CochlScene II.D).

    Parameters
    ----------
    decoder : Decoder
        Decodes it.
    request : CutRequest
        What to cut, and how.

    Returns
    -------
    list of ClipAudio or Refused
        The segments in order; none of a recording shorter than one. Or why it cannot be cut.
    """
    try:
        with local_copy(request.original_key) as path:
            decoded = decoder.decode(
                path,
                sample_rate_hz=request.sample_rate_hz,
                dither=request.dither,
                seed=bytes.fromhex(request.original_sha256),
                max_duration_s=request.max_duration_s,
            )
    except FileNotFoundError:
        return Refused("original_missing", f"{request.original_key} is not in the storage. Restore it and cut again.")
    except AudioRefusedError as error:
        return Refused(error.reason, error.detail)
    # Converted samples are rounded up, and a segment may not come out of less time than it lasts.
    frames = decoded.info.frames * request.sample_rate_hz // decoded.info.sample_rate_hz
    return [
        _store(
            clip_key(
                original_sha256=request.original_sha256,
                sample_rate_hz=request.sample_rate_hz,
                dither=request.dither,
                segment_frames=request.segment_frames,
                index=index,
            ),
            decoded,
            slice(start, end),
            request.sample_rate_hz,
        )
        for index, (start, end) in enumerate(segment_bounds(frames, request.segment_frames))
    ]


def _look(path: Path, known: Collection[str] | None) -> tuple[Known | None, FileIdentity | None]:
    """Return the file's checksum if that is all that is needed, else what the file is now."""
    if known is None or known:
        sha256 = _sha256(path)
        if known is None or sha256 in known:
            return Known(sha256=sha256), None
    with open_regular(path) as descriptor:
        return None, FileIdentity.of(descriptor)


def _sha256(path: Path) -> str:
    with open_regular(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise AudioRefusedError("unreadable", f"{path.name}: {error.strerror}. Check the disk.") from error


def _store(key: str, decoded: Decoded, part: slice, sample_rate_hz: int) -> ClipAudio:
    """Store a part of a recording and measure it."""
    samples = decoded.samples[part]
    store_clip_samples(key, samples, sample_rate_hz)
    measures = measure(samples, sample_rate_hz, clipped=_clipped_share(decoded, part, sample_rate_hz))
    return ClipAudio(key=key, frames=len(samples), measures=asdict(measures))


def _clipped_share(decoded: Decoded, part: slice, sample_rate_hz: int) -> float | None:
    """Return the clipped share of a part in the source; None where its samples are the source's own."""
    if decoded.clipped is None:
        return None
    start, end, _ = part.indices(len(decoded.samples))
    source_frames = decoded.info.sample_rate_hz / sample_rate_hz
    return decoded.clipped.share(start * source_frames, end * source_frames)
