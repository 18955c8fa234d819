"""Reading a recording's header in Python before any decoder written in C sees the file.

libsndfile accepts 1 Hz and 2 GHz, 1,024 channels, zero frames and files that end early, opens two dozen
containers and has had heap errors in several. Only WAV (format tags 1, 3 and 0xFFFE), FLAC and Ogg with
Vorbis or Opus get past this module, with the rate, channels and length that their headers declare; the
decoder must then agree with every one of them.
"""

from __future__ import annotations

from pathlib import PurePath

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import FileBytes
from curation.audio.flac_header import read_flac_header
from curation.audio.info import AudioInfo
from curation.audio.ogg_header import read_ogg_header
from curation.audio.riff_header import read_riff_header
from curation.domain.policy import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ

MAX_CHANNELS = 16  # third-order ambisonics; more is a damaged header far more often than an array

READERS = {b"RIFF": read_riff_header, b"RF64": read_riff_header, b"fLaC": read_flac_header, b"OggS": read_ogg_header}

CONVERT = "Convert it to WAV or FLAC, for example with `ffmpeg -i FILE FILE.flac`."


def read_header(descriptor: int, *, max_duration_s: float) -> AudioInfo:
    """Read what a file declares itself to be, and refuse what no dataset takes.

    Parameters
    ----------
    descriptor : int
        The open file; its position stays.
    max_duration_s : float
        Longest length that is decoded, in seconds.

    Returns
    -------
    AudioInfo
        The declared format and length, within every limit.

    Raises
    ------
    AudioRefusedError
        With one of the reasons of `curation.audio.errors`.
    """
    file = FileBytes(descriptor)
    magic = file.head(12)
    reader = READERS.get(magic[:4])
    if reader is None:
        detail = f"its first bytes are {magic.decode('latin-1')!a}: neither WAV, FLAC nor Ogg. {CONVERT}"
        raise AudioRefusedError("unsupported_container", detail)
    info = reader(file)
    _check_limits(info, max_duration_s)
    return info


def _check_limits(info: AudioInfo, max_duration_s: float) -> None:
    if info.channels == 0:
        raise AudioRefusedError("zero_channels", f"the header declares 0 channels. {CONVERT}")
    if info.channels > MAX_CHANNELS:
        detail = f"{info.channels} channels; at most {MAX_CHANNELS} are mixed down. Export fewer channels."
        raise AudioRefusedError("too_many_channels", detail)
    if not MIN_SAMPLE_RATE_HZ <= info.sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
        detail = (
            f"{info.sample_rate_hz} Hz; rates from {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz are taken. "
            "Mend the header or resample the file."
        )
        raise AudioRefusedError("sample_rate_out_of_range", detail)
    if info.frames == 0:
        raise AudioRefusedError("no_samples", "the header declares 0 samples. Record or export it again.")
    if info.duration_s > max_duration_s:
        detail = (
            f"{info.duration_s:.1f} s are declared; at most {max_duration_s:g} s are taken. "
            "Cut the file, or raise the length in the dataset's policy."
        )
        raise AudioRefusedError("too_long", detail)


SUFFIXES = {
    ".wav": {"WAV", "RF64"},
    ".flac": {"FLAC"},
    ".ogg": {"VORBIS", "OPUS"},
    ".oga": {"VORBIS", "OPUS"},
    ".opus": {"OPUS"},
}


def check_suffix(name: str, info: AudioInfo) -> None:
    """Refuse a file whose name promises something else than it holds.

    Parameters
    ----------
    name : str
        File name as it came.
    info : AudioInfo
        What the file holds.

    Raises
    ------
    AudioRefusedError
        ``wrong_extension``.
    """
    kind = info.encoding if info.container == "OGG" else info.container
    suffix = PurePath(name).suffix.lower()
    if kind not in SUFFIXES.get(suffix, ()):
        fitting = " or ".join(known for known, kinds in SUFFIXES.items() if kind in kinds)
        detail = f"the name ends in {suffix or 'no extension'!r}, the content is {kind}. Rename it to {fitting}."
        raise AudioRefusedError("wrong_extension", detail)
