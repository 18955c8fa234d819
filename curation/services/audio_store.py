"""Audio in the storages: originals as they came, clips cut from them, and what is made from both.

Originals lie in the storage ``audio`` under their own SHA-256, so that the same recording is kept once and
nothing in its name reaches the disk. Clips lie beside them under the original's checksum and the
parameters that made them. FLAC, spectrogram pictures and waveforms lie in ``derived`` and can be deleted at
any time: the next request makes them again.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.core.files.storage import storages
from numpy.typing import NDArray

from curation.audio.decoder import Decoder
from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileIdentity, open_regular
from curation.audio.flac import encode_flac
from curation.audio.peaks import peaks
from curation.audio.spectrogram import mel_picture
from curation.audio.wav import decode_wav, wav_header
from curation.models import Clip, Submission
from curation.services.stored_files import (
    BLOCK_BYTES,
    incoming_file,
    keep_incoming,
    local_file,
    make_durable,
    read_file,
    stored_size,
    write_all,
    write_file,
)

AUDIO, DERIVED = "audio", "derived"
DERIVED_VERSION = "v1"  # part of every derived key: a changed picture or encoder gets a new one
Encode = Callable[[NDArray[np.int16], int], bytes]
# A page asks for sound, picture and waveform at once, and two hours are 700 MB of samples.
_ONE_RECORDING = threading.Lock()
LISTENING_RATE_HZ = 48_000  # a whole recording is played at no higher rate than browsers' own


@dataclass(frozen=True, kw_only=True)
class StoredOriginal:
    """An original in the storage.

    Attributes
    ----------
    key : str
        Its name in the storage ``audio``.
    sha256 : str
        Hexadecimal SHA-256 of its bytes.
    bytes : int
        Its size.
    """

    key: str
    sha256: str
    bytes: int


def original_key(sha256: str) -> str:
    """Return where an original with this SHA-256 lies."""
    return f"originals/{sha256[:2]}/{sha256}"


def clip_key(
    *, original_sha256: str, sample_rate_hz: int, dither: str, segment_frames: int | None = None, index: int = 0
) -> str:
    """Return where a clip lies.

    Parameters
    ----------
    original_sha256 : str
        SHA-256 of the original it comes from.
    sample_rate_hz : int
        The clip's rate in hertz.
    dither : str
        How it was rounded.
    segment_frames : int, optional
        Length of the segments that the original was cut into; None for a clip that was imported whole.
    index : int
        The segment's place, from 0.

    Returns
    -------
    str
        A key of the storage ``audio``.
    """
    made = f"{sample_rate_hz}-{dither}" + ("" if segment_frames is None else f"-{segment_frames}")
    return f"clips/{original_sha256[:2]}/{original_sha256}/{made}/{index:03d}.wav"


def store_original(path: Path, *, identity: FileIdentity | None = None) -> StoredOriginal:
    """Copy a file into the storage and hash it in the same pass.

    Storing the same bytes again keeps the first copy.

    Parameters
    ----------
    path : Path
        The file as it came.
    identity : FileIdentity, optional
        What the file was when it was checked; a file that has changed since is refused.

    Returns
    -------
    StoredOriginal
        Key, checksum and size.

    Raises
    ------
    AudioRefusedError
        If the file cannot be read, or somebody writes to it meanwhile; nothing is stored then.
    """
    storage = storages[AUDIO]
    with open_regular(path) as source, incoming_file(storage) as (descriptor, incoming):
        before = FileIdentity.of(source)
        sha256, size = _copy_and_hash(path, source, descriptor)
        if FileIdentity.of(source) != before or size != before.size or (identity or before) != before:
            detail = f"{path.name} changed while it was read. Import it again when nobody writes to it."
            raise AudioRefusedError("changed_while_read", detail)
        key = original_key(sha256)
        if stored_size(storage, key) != size:
            keep_incoming(storage, key, descriptor, incoming)
    return StoredOriginal(key=key, sha256=sha256, bytes=size)


def _copy_and_hash(path: Path, source: int, target: int) -> tuple[str, int]:
    sha256 = hashlib.sha256()
    buffer = memoryview(bytearray(BLOCK_BYTES))
    size = 0
    try:
        while count := os.readv(source, [buffer]):
            sha256.update(buffer[:count])
            write_all(target, buffer[:count])
            size += count
    except OSError as error:
        detail = f"copying {path.name} failed after {size} bytes: {error.strerror}. Check both disks and import again."
        raise AudioRefusedError("unreadable", detail) from error
    return sha256.hexdigest(), size


def store_clip_samples(key: str, samples: NDArray[np.int16], sample_rate_hz: int) -> None:
    """Store samples as a clip's WAV file without building the file in memory first.

    Parameters
    ----------
    key : str
        As `clip_key` gives it.
    samples : ndarray of int16 [shape=(n,)]
        Mono samples.
    sample_rate_hz : int
        Rate in hertz.
    """
    data = np.ascontiguousarray(samples, dtype="<i2").data.cast("B")
    write_file(storages[AUDIO], key, [wav_header(len(samples), sample_rate_hz), data])


def make_audio_durable() -> None:
    """Wait until originals and clips survive a power cut; call it before the transaction whose rows name them."""
    make_durable(storages[AUDIO])


def local_copy(key: str) -> AbstractContextManager[Path]:
    """Give a file of the storage ``audio`` a path; a local storage needs no copy.

    Parameters
    ----------
    key : str
        Key of an original or clip.

    Returns
    -------
    context manager of Path
        A file to read and not to touch; entering raises FileNotFoundError if the storage does not have it.
    """
    return local_file(storages[AUDIO], key)


def read_clip_samples(key: str) -> tuple[NDArray[np.int16], int]:
    """Return a stored clip's samples.

    Parameters
    ----------
    key : str
        `Clip.audio_key`.

    Returns
    -------
    samples : ndarray of int16 [shape=(n,)]
        Mono samples.
    sample_rate_hz : int
        Rate in hertz.

    Raises
    ------
    FileNotFoundError
        If the storage does not have it.
    curation.audio.wav.WavError
        If it is no clip that this project stored.
    """
    return decode_wav(read_file(storages[AUDIO], key))


def derived_flac(clip: Clip) -> str:
    """Return the key, in ``derived``, of a clip as FLAC; it is made when it is first asked for.

    Raises
    ------
    FileNotFoundError
        If the clip's audio is missing.
    """
    return _derived_clip(clip, "flac")


def derived_picture(clip: Clip) -> str:
    """Return the key, in ``derived``, of a clip's mel spectrogram (WebP); see `derived_flac`."""
    return _derived_clip(clip, "webp")


def derived_peaks(clip: Clip) -> str:
    """Return the key, in ``derived``, of a clip's waveform (JSON); see `derived_flac`."""
    return _derived_clip(clip, "json")


def derived_submission_flac(submission: Submission) -> str:
    """Return the key, in ``derived``, of a whole recording as mono FLAC at up to 48 kHz.

    Raises
    ------
    FileNotFoundError
        If the original is missing.
    AudioRefusedError
        If the original cannot be decoded any more.
    """
    return _derived_recording(submission, "flac")


def derived_submission_picture(submission: Submission) -> str:
    """Return the key, in ``derived``, of a recording's mel spectrogram (WebP); see `derived_submission_flac`."""
    return _derived_recording(submission, "webp")


def derived_submission_peaks(submission: Submission) -> str:
    """Return the key, in ``derived``, of a recording's waveform (JSON); see `derived_submission_flac`."""
    return _derived_recording(submission, "json")


def encode_peaks(samples: NDArray[np.int16], sample_rate_hz: int) -> bytes:
    """Return a waveform as JSON: ``{"duration_s", "bits": 8, "peaks": [[lowest, highest], ...]}``."""
    document = {"duration_s": len(samples) / sample_rate_hz, "bits": 8, "peaks": peaks(samples).tolist()}
    return json.dumps(document, separators=(",", ":")).encode()


# What is made from a sound, by the ending of its name; the waveform first, since it takes no time.
_ENCODERS: dict[str, Encode] = {"json": encode_peaks, "webp": mel_picture, "flac": encode_flac}


def _recording(submission: Submission) -> tuple[NDArray[np.int16], int]:
    rate = min(submission.sample_rate_hz, LISTENING_RATE_HZ)
    with local_copy(submission.original_key) as path, Decoder() as decoder:
        samples = decoder.samples(path, sample_rate_hz=rate, max_duration_s=submission.duration_s)
    return samples, rate


def _derived_clip(clip: Clip, suffix: str) -> str:
    key = _derived_key(clip.audio_key, suffix)
    if not storages[DERIVED].exists(key):
        _make({key: _ENCODERS[suffix]}, *read_clip_samples(clip.audio_key))
    return key


def _derived_recording(submission: Submission, suffix: str) -> str:
    """Make all that is missing from one decode: a page asks for all of it, and those that wait find theirs."""
    storage = storages[DERIVED]
    wanted = _derived_key(submission.original_key, suffix)
    if storage.exists(wanted):
        return wanted
    with _ONE_RECORDING:
        if not storage.exists(wanted):  # whoever had the turn before may have made it
            keys = {_derived_key(submission.original_key, each): encode for each, encode in _ENCODERS.items()}
            missing = {key: encode for key, encode in keys.items() if not storage.exists(key)}
            _make(missing, *_recording(submission))
    return wanted


def _derived_key(source_key: str, suffix: str) -> str:
    return f"{source_key.removesuffix('.wav')}.{DERIVED_VERSION}.{suffix}"


def _make(files: Mapping[str, Encode], samples: NDArray[np.int16], sample_rate_hz: int) -> None:
    """Encode and store one file after the other, so that no more than one lies in memory beside the samples."""
    for key, encode in files.items():
        write_file(storages[DERIVED], key, [encode(samples, sample_rate_hz)])
