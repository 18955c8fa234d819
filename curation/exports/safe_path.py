"""Where a file may lie in an export: inside it, on every system."""

from __future__ import annotations

from curation.domain import exported_names
from curation.exports.errors import ExportError

MAX_PART_BYTES = 255
UNSTORABLE = frozenset(exported_names.UNSTORABLE + "\\")
# Windows takes them for devices in any folder, in any case and with any ending; the superscript digits too.
DEVICES = frozenset(
    {
        "CON",
        "PRN",
        "AUX",
        "NUL",
        *(f"{port}{digit}" for port in ("COM", "LPT") for digit in "123456789\u00b9\u00b2\u00b3"),
    }
)


def safe_path(path: str) -> str:
    """Return `path` if it can only lie inside the export, on every system.

    Parameters
    ----------
    path : str
        Relative, with forward slashes.

    Returns
    -------
    str
        The same.

    Raises
    ------
    ExportError
        If it is absolute, climbs, or holds what some system cannot store: a backslash, an unprintable character or
        one of ``<>:"|?*``, a part of more than 255 bytes of UTF-8, one that ends with a dot or a space, or the name of
        a device, with any ending.

    References
    ----------
    Microsoft, "Naming Files, Paths, and Namespaces"; NAME_MAX of Linux and macOS.
    """
    if path.isprintable() and UNSTORABLE.isdisjoint(path) and all(map(_storable, path.split("/"))):
        return path
    message = f"{path!r} cannot be a file of an export. Rename the clip and export again."
    raise ExportError(message)


def _storable(part: str) -> bool:
    device = part.split(".", 1)[0].rstrip(" ").upper() in DEVICES
    return bool(part) and not part.endswith((".", " ")) and not device and len(part.encode()) <= MAX_PART_BYTES
