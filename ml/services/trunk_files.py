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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from django.core.cache import cache

from curation.domain.sentences import SaidError, Sentence, gettext_noop, sentence
from curation.selectors.words import in_words
from ml.env import TRUNK_FOLDER, read_env

TRUNK_ENDINGS = (".pt", ".pth", ".ts", ".torchscript", ".onnx")
DESCRIPTION_ENDINGS = (".toml", ".json")
WRITE_IT = gettext_noop("Write sample_rate_hz = 32000, window_s = 10.0 and, where excerpts overlap, hop_s = 5.0.")
WRITE_ONE = gettext_noop(
    "Write one file %(first)s or %(second)s with sample_rate_hz = 32000, window_s = 10.0 and, where excerpts overlap, "
    "hop_s = 5.0."
)
RATES_HZ = (1_000, 384_000)
LONGEST_WINDOW_S = 600
MOST_TRUNKS = 8  # of a run
KEPT_DIGESTS = 64
KEPT_S = 30 * 24 * 3600  # in the cache of all processes


class TrunkFileError(SaidError):
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
    def of(cls, path: Path, *, digest: Callable[[Path], str] | None = None) -> Self:
        """Read what stands beside a trunk, and compute the digest of its file.

        Parameters
        ----------
        path : Path
            The trunk.
        digest : callable, optional
            `folder_digest` for a trunk of the operator's folder; `file_digest` without.

        Raises
        ------
        TrunkFileError
            If there is no such file, or nothing usable stands beside it.
        """
        if not path.is_file():
            text = gettext_noop("%(path)s: there is no such file. Give a trunk as TorchScript or ONNX.")
            raise TrunkFileError(sentence(text, path=str(path)))
        said = _read_description(path)
        return cls(name=path.name, digest=(digest or file_digest)(path), **asdict(said))

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
        text = gettext_noop("Trunk %(name)s: there are %(found)s. Give one with its ending.")
        raise TrunkFileError(sentence(text, name=repr(name), found=", ".join(path.name for path in alike)))
    if not alike:
        text = gettext_noop(
            "There is no trunk %(name)s in the operator's folder (known: %(known)s). Ask the operator to put it there, "
            "with a description beside it, or to set %(setting)s."
        )
        known = ", ".join(found) or "–"  # noqa: RUF001 -- a dash is meant
        raise TrunkFileError(sentence(text, name=repr(name), known=known, setting=TRUNK_FOLDER))
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
    return distinct([TrunkDescription.of(folder_trunk(name), digest=folder_digest) for name in names])


def distinct(trunks: Sequence[TrunkDescription]) -> list[TrunkDescription]:
    """Refuse a trunk that is given twice, which would be heard more and know no more, and too many of them."""
    if len(trunks) > MOST_TRUNKS:
        text = gettext_noop("%(found)d trunks: expected at most %(most)d.")
        raise TrunkFileError(sentence(text, found=len(trunks), most=MOST_TRUNKS))
    found: dict[str, TrunkDescription] = {}
    for trunk in trunks:
        if trunk.digest in found:
            text = gettext_noop("Trunks %(first)s and %(second)s are the same file: leave one out.")
            raise TrunkFileError(sentence(text, first=found[trunk.digest].name, second=trunk.name))
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
    remedy = sentence(
        gettext_noop("Put the file there that the run began with (SHA-256 %(digest)s), and resume the run."),
        digest=trunk.digest,
    )
    if not path.is_file():
        text = gettext_noop("%(name)s: this worker has no such trunk.")
        raise TrunkFileError(sentence(text, name=trunk.name), " ", remedy)
    if (found := folder_digest(path)) != trunk.digest:
        text = gettext_noop("%(name)s is another file (SHA-256 %(found)s) than the run began with.")
        anew = sentence(gettext_noop("Or start a new run."))
        raise TrunkFileError(sentence(text, name=trunk.name, found=found), " ", remedy, " ", anew)
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
        text = gettext_noop("%(name)s cannot be read: %(reason)s. Let the account that runs Earmark read it.")
        raise TrunkFileError(sentence(text, name=path.name, reason=str(error.strerror))) from error


def folder_digest(path: Path) -> str:
    """Return the SHA-256 of a file of the operator's folder, from the cache if any process has computed it before.

    A file of gigabytes takes seconds, and whoever starts a run waits for its digest. The estimate that the page asks
    for beforehand leaves it there, as long as others do not need the room. What tells one content from the next is all
    that a machine knows of a file without reading it, so that machines with folders of their own do not take each
    other's.

    Raises
    ------
    TrunkFileError
        If it cannot be read.
    """
    try:
        about = path.stat()
    except OSError:
        return file_digest(path)  # which says why not
    identity = (str(path), about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    key = f"trunk-digest-{hashlib.sha256(repr(identity).encode()).hexdigest()}"
    kept: str | None = cache.get(key)
    if kept is None:
        kept = file_digest(path)
        if path.stat() == about:  # it was not written to meanwhile
            cache.set(key, kept, timeout=KEPT_S)
    return kept


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
        return ListedTrunk(name=path.name, hearing=None, fault=in_words(error.parts))


def _read_description(path: Path) -> Hearing:
    beside = [each for ending in DESCRIPTION_ENDINGS if (each := path.with_suffix(ending)).is_file()]
    if len(beside) != 1:
        first, second = (path.with_suffix(ending).name for ending in DESCRIPTION_ENDINGS)
        text = gettext_noop("Trunk %(name)s: none stands beside it.")
        if beside:
            text = gettext_noop("Trunk %(name)s: both of them stand beside it.")
        remedy = sentence(WRITE_ONE, first=first, second=second)
        raise TrunkFileError(sentence(text, name=path.name), " ", remedy)
    try:
        text = beside[0].read_text(encoding="utf-8")
        said = tomllib.loads(text) if beside[0].suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:  # both formats' errors are ValueErrors
        reason = error.strerror if isinstance(error, OSError) else error  # which would name the folder
        text = gettext_noop("%(name)s cannot be read: %(reason)s.")
        said = sentence(text, name=beside[0].name, reason=str(reason))
        raise TrunkFileError(said, " ", Sentence(WRITE_IT)) from error
    return _checked(said, beside[0].name)


def _checked(said: object, file: str) -> Hearing:
    known = ("sample_rate_hz", "window_s", "hop_s")
    if not isinstance(said, dict) or (unknown := sorted(set(said) - set(known))):
        text = gettext_noop("%(name)s holds no table: expected %(known)s alone.")
        values = {"name": file, "known": ", ".join(known)}
        if isinstance(said, dict):
            text = gettext_noop("%(name)s holds %(found)s: expected %(known)s alone.")
            values["found"] = repr(unknown[0])
        raise TrunkFileError(Sentence(text, values), " ", Sentence(WRITE_IT))
    rate = said.get("sample_rate_hz")
    if not isinstance(rate, int) or isinstance(rate, bool) or not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        text = gettext_noop(
            "%(name)s: sample_rate_hz is %(found)s: expected a whole number from %(least)d to %(most)d."
        )
        raise TrunkFileError(sentence(text, name=file, found=repr(rate), least=RATES_HZ[0], most=RATES_HZ[1]))
    window_s = _seconds(said.get("window_s"), "window_s", file, most=LONGEST_WINDOW_S)
    hop_s = _seconds(said.get("hop_s", window_s), "hop_s", file, most=window_s)
    if round(hop_s * rate) < 1:
        text = gettext_noop("%(name)s: hop_s is %(found)s: expected at least one sample of %(rate)d Hz.")
        raise TrunkFileError(sentence(text, name=file, found=str(hop_s), rate=rate))
    return Hearing(sample_rate_hz=rate, window_s=window_s, hop_s=hop_s)


def _seconds(value: object, name: str, file: str, *, most: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= most:
        text = gettext_noop("%(name)s: %(field)s is %(found)s: expected seconds above 0, at most %(most)s.")
        raise TrunkFileError(sentence(text, name=file, field=name, found=repr(value), most=f"{most:g}"))
    return float(value)
