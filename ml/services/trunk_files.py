"""Files of pretrained trunks: which there are, and what stands beside them.

A trunk is a TorchScript or ONNX file and, beside it under the same name, a small file that says at what rate and in
which excerpts it hears: ``panns.pt`` and ``panns.toml`` (or ``panns.json``). Both kinds of trunks are programs, so that
the folder for runs of datasets is the operator's alone and nothing is ever uploaded into it.

Pages list the folder: nothing here opens a trunk or imports torch. What they show names files and never the operator's
folder.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from ml.env import TRUNK_FOLDER, read_env

TRUNK_ENDINGS = (".pt", ".pth", ".ts", ".torchscript", ".onnx")
DESCRIPTION_ENDINGS = (".toml", ".json")
EXAMPLE = "sample_rate_hz = 32000, window_s = 10.0 and, where excerpts overlap, hop_s = 5.0"
RATES_HZ = (1_000, 384_000)
LONGEST_WINDOW_S = 600
MOST_TRUNKS = 8  # of a run
KEPT_DIGESTS = 64


class TrunkFileError(ValueError):
    """A trunk that cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True, kw_only=True)
class TrunkDescription:
    """A trunk and how it hears, as a run keeps it.

    Attributes
    ----------
    name : str
        Name of the file, with its ending.
    digest : str
        SHA-256 of the file, in hexadecimal digits.
    sample_rate_hz : int
        Rate of its samples.
    window_s, hop_s : float
        Seconds of an excerpt, and from the beginning of one to that of the next.
    numbers : int
        Of an embedding; 0 until a worker has tried the trunk.
    """

    name: str
    digest: str
    sample_rate_hz: int
    window_s: float
    hop_s: float
    numbers: int = 0

    @classmethod
    def of(cls, path: Path) -> Self:
        """Read what stands beside a trunk, and compute the digest of its file.

        Raises
        ------
        TrunkFileError
            If there is no such file, or nothing usable stands beside it.
        """
        if not path.is_file():
            message = f"{path}: there is no such file. Give a trunk as TorchScript or ONNX."
            raise TrunkFileError(message)
        said = _read_description(path)
        return cls(name=path.name, digest=file_digest(path), **asdict(said))

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Self:
        """Build a description from what `stored` gave."""
        return cls(**stored)

    def stored(self) -> dict[str, Any]:
        """Return it as a run's row has it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """What stands beside a trunk: at what rate, and in which excerpts, it hears."""

    sample_rate_hz: int
    window_s: float
    hop_s: float


@dataclass(frozen=True, kw_only=True)
class ListedTrunk:
    """A file of the operator's folder.

    Attributes
    ----------
    name : str
        Name of the file.
    hearing : Hearing or None
        What stands beside it; None if that cannot be used.
    fault : str
        Why not, and what to do; else empty.
    """

    name: str
    hearing: Hearing | None
    fault: str


def listed_trunks() -> list[ListedTrunk]:
    """List the trunks of the operator's folder, by name; none where there is no folder."""
    return [_listed(path) for path in _paths()]


def folder_trunk(name: str) -> Path:
    """Return the file of a trunk of the operator's folder.

    Parameters
    ----------
    name : str
        Name of the file, or that name without its ending.

    Raises
    ------
    TrunkFileError
        If there is none, or several of that name.
    """
    found = {path.name: path for path in _paths()}
    if name in found:
        return found[name]
    alike = [path for path in found.values() if path.stem == name]
    if len(alike) > 1:
        message = f"Trunk {name!r}: there are {', '.join(path.name for path in alike)}. Give one with its ending."
        raise TrunkFileError(message)
    if not alike:
        message = (
            f"There is no trunk {name!r} in the operator's folder (known: {', '.join(found) or 'none'}). Ask the "
            f"operator to put it there, with a description beside it, or to set {TRUNK_FOLDER}."
        )
        raise TrunkFileError(message)
    return alike[0]


def described_trunks(names: Sequence[str]) -> list[TrunkDescription]:
    """Describe trunks of the operator's folder.

    Parameters
    ----------
    names : sequence of str
        As of `folder_trunk`.

    Raises
    ------
    TrunkFileError
        If one cannot be used, one is given twice, or there are too many.
    """
    return distinct([TrunkDescription.of(folder_trunk(name)) for name in names])


def distinct(trunks: Sequence[TrunkDescription]) -> list[TrunkDescription]:
    """Refuse a trunk that is given twice, which would be heard more and know no more, and too many of them."""
    if len(trunks) > MOST_TRUNKS:
        message = f"{len(trunks)} trunks: expected at most {MOST_TRUNKS}."
        raise TrunkFileError(message)
    found: dict[str, TrunkDescription] = {}
    for trunk in trunks:
        if trunk.digest in found:
            message = f"Trunks {found[trunk.digest].name} and {trunk.name} are the same file: leave one out."
            raise TrunkFileError(message)
        found[trunk.digest] = trunk
    return list(trunks)


def trunk_of_run(trunk: TrunkDescription) -> Path:
    """Return the file of a trunk that a run began with, on the machine at hand.

    Raises
    ------
    TrunkFileError
        If it is not there, or another file is.
    """
    path = read_env().trunk_dir / trunk.name
    remedy = f"Put the file there that the run began with (SHA-256 {trunk.digest}), and resume the run."
    if not path.is_file():
        message = f"{trunk.name}: this worker has no such trunk. {remedy}"
        raise TrunkFileError(message)
    if (found := file_digest(path)) != trunk.digest:
        message = (
            f"{trunk.name} is another file (SHA-256 {found}) than the run began with. {remedy} Or start a new run."
        )
        raise TrunkFileError(message)
    return path


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, computed again only if the file has changed.

    Raises
    ------
    TrunkFileError
        If it cannot be read.
    """
    try:
        about = path.stat()
        return _digest(path, about.st_size, about.st_mtime_ns)
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}. Let the account that runs Earmark read it."
        raise TrunkFileError(message) from error


@lru_cache(maxsize=KEPT_DIGESTS)
def _digest(path: Path, size: int, changed_ns: int) -> str:  # noqa: ARG001 -- they tell one content from the next
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _paths() -> Iterator[Path]:
    folder = read_env().trunk_dir
    if folder.is_dir():
        yield from sorted(each for each in folder.iterdir() if each.suffix.lower() in TRUNK_ENDINGS and each.is_file())


def _listed(path: Path) -> ListedTrunk:
    try:
        return ListedTrunk(name=path.name, hearing=_read_description(path), fault="")
    except TrunkFileError as error:
        return ListedTrunk(name=path.name, hearing=None, fault=str(error))


def _read_description(path: Path) -> Hearing:
    beside = [each for ending in DESCRIPTION_ENDINGS if (each := path.with_suffix(ending)).is_file()]
    if len(beside) != 1:
        wanted = " or ".join(path.with_suffix(ending).name for ending in DESCRIPTION_ENDINGS)
        found = "both of them stand" if beside else "none stands"
        message = f"Trunk {path.name}: {found} beside it. Write one file {wanted} with {EXAMPLE}."
        raise TrunkFileError(message)
    try:
        text = beside[0].read_text(encoding="utf-8")
        said = tomllib.loads(text) if beside[0].suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:  # both formats' errors are ValueErrors
        reason = error.strerror if isinstance(error, OSError) else error  # which would name the folder
        message = f"{beside[0].name} cannot be read: {reason}. Write {EXAMPLE}."
        raise TrunkFileError(message) from error
    return _checked(said, beside[0].name)


def _checked(said: object, file: str) -> Hearing:
    known = ("sample_rate_hz", "window_s", "hop_s")
    if not isinstance(said, dict) or (unknown := sorted(set(said) - set(known))):
        found = repr(unknown[0]) if isinstance(said, dict) else "no table"
        message = f"{file} holds {found}: expected {', '.join(known)} alone. Write {EXAMPLE}."
        raise TrunkFileError(message)
    rate = said.get("sample_rate_hz")
    if not isinstance(rate, int) or isinstance(rate, bool) or not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        message = f"{file}: sample_rate_hz is {rate!r}: expected a whole number from {RATES_HZ[0]} to {RATES_HZ[1]}."
        raise TrunkFileError(message)
    window_s = _seconds(said.get("window_s"), "window_s", file, most=LONGEST_WINDOW_S)
    hop_s = _seconds(said.get("hop_s", window_s), "hop_s", file, most=window_s)
    if round(hop_s * rate) < 1:
        message = f"{file}: hop_s is {hop_s}: expected at least one sample of {rate} Hz."
        raise TrunkFileError(message)
    return Hearing(sample_rate_hz=rate, window_s=window_s, hop_s=hop_s)


def _seconds(value: object, name: str, file: str, *, most: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= most:
        message = f"{file}: {name} is {value!r}: expected seconds above 0, at most {most:g}."
        raise TrunkFileError(message)
    return float(value)
