"""Reading a taxonomy from AudioSet's ``ontology.json`` or from a plain CSV, without storing anything.

A taxonomy is small (AudioSet: 632 categories) and its rows point at each other, so it is read whole.

References
----------
J. F. Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", ICASSP 2017:
``id, name, description, citation_uri, positive_examples, child_ids, restrictions`` per entry.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.domain.naming import NamingError, file_label
from curation.domain.sentences import gettext_noop, sentence
from curation.models import Restriction
from curation.services.row_import import (
    Refused,
    Row,
    RowRefusedError,
    UnusableFileError,
    check_field_lengths,
    read_rows,
    scan_file,
)

CSV_COLUMNS = ("id", "name", "parents", "description")
PARENT_SEPARATOR = ";"
MAX_FILE_BYTES = 64 << 20
LENGTHS = {"id": 64, "name": 200}
MAX_LABEL_BYTES = 120  # with the rest of a segment's name it stays within the 255 that file systems take
MAX_URI_CHARS = 500
LISTED_CHARS = 100  # of a text that is refused


@dataclass(frozen=True, kw_only=True)
class TaxonomyEntry:
    """One category as a file has it.

    Attributes
    ----------
    row : Row
        Its place and text, for the list of refused rows.
    external_id, name, label, description : str
        As stored.
    parents : tuple of str
        Ids of the categories right above.
    details : dict
        Columns that only the ontology has (`citation_uri`, `restrictions`, `examples`); what is absent stays
        as it is stored.
    """

    row: Row
    external_id: str
    name: str
    label: str
    description: str
    parents: tuple[str, ...]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaxonomyFile:
    """A file's categories, and those of its rows that are none."""

    path: Path
    sha256: str
    place: str  # what `Row.line` counts: "line" of a CSV, "entry" of an ontology
    items: list[TaxonomyEntry | tuple[Row, Refused]]


def read_taxonomy(path: Path) -> TaxonomyFile:
    """Read a taxonomy file.

    Parameters
    ----------
    path : Path
        ``*.json`` in the form of AudioSet's ontology, anything else as CSV with the columns id, name, parents
        (ids, separated by ``;``) and description.

    Returns
    -------
    TaxonomyFile
        Every row, with the reason where it is no category.

    Raises
    ------
    UnusableFileError
        If the file is not UTF-8, too large, no JSON list, or lacks a column.
    """
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        text = gettext_noop("%(path)s: more than %(most)d MiB; this is no taxonomy.")
        raise UnusableFileError(sentence(text, path=str(path), most=MAX_FILE_BYTES >> 20))
    sha256, _ = scan_file(path)
    is_json = path.suffix.lower() == ".json"
    items = list(_json_items(path) if is_json else _csv_items(path))
    return TaxonomyFile(path=path, sha256=sha256, place="entry" if is_json else "line", items=items)


def _csv_items(path: Path) -> Iterator[TaxonomyEntry | tuple[Row, Refused]]:
    for item in read_rows(path, required=CSV_COLUMNS, optional=()):
        if isinstance(item, tuple):
            yield item
            continue
        parents = [part.strip() for part in item["parents"].split(PARENT_SEPARATOR)]
        yield _entry(item, [part for part in parents if part], {})


def _json_items(path: Path) -> Iterator[TaxonomyEntry | tuple[Row, Refused]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        text = gettext_noop(
            "%(path)s: line %(line)d, column %(column)d: %(reason)s. Mend the JSON and import it again."
        )
        values = {"line": error.lineno, "column": error.colno}
        raise UnusableFileError(sentence(text, path=str(path), reason=error.msg, **values)) from error
    except RecursionError as error:
        text = gettext_noop("%(path)s: nested too deeply; an ontology is a list of categories.")
        raise UnusableFileError(sentence(text, path=str(path))) from error
    if not isinstance(document, list):
        text = gettext_noop("%(path)s: an ontology is a list of categories, this is a %(found)s.")
        raise UnusableFileError(sentence(text, path=str(path), found=type(document).__name__))
    rows = [_json_row(index, raw) for index, raw in enumerate(document, start=1)]
    parents: dict[str, list[str]] = {}
    for row, raw in zip(rows, document, strict=True):
        for child in _strings(raw, "child_ids") or ():
            parents.setdefault(child, []).append(row["id"])
    known = {row["id"] for row in rows}
    for row, raw in zip(rows, document, strict=True):
        try:
            details = _details(raw, known)
        except RowRefusedError as error:
            yield row, error.refused
            continue
        yield _entry(row, list(dict.fromkeys(parents.get(row["id"], ()))), details)


def _json_row(index: int, raw: Any) -> Row:
    values = dict.fromkeys(CSV_COLUMNS, "")
    if isinstance(raw, dict):
        for column in ("id", "name", "description"):
            value = raw.get(column)
            values[column] = value.strip() if isinstance(value, str) else ""
    return Row(index, values)


def _strings(raw: Any, key: str) -> list[str] | None:
    """Return a list of strings; an absent key is an empty one, another type nothing."""
    value = raw.get(key, []) if isinstance(raw, dict) else None
    return value if isinstance(value, list) and all(isinstance(part, str) for part in value) else None


def _details(raw: Any, known: set[str]) -> dict[str, Any]:
    lists: dict[str, list[str]] = {}
    for key in ("child_ids", "restrictions", "positive_examples"):
        found = _strings(raw, key)
        if found is None:
            raise RowRefusedError("bad_entry", f"{key} must be a list of texts, and the entry an object.")
        lists[key] = found
    unknown = [child for child in lists["child_ids"] if child not in known]
    if unknown:
        raise RowRefusedError("unknown_child", f"The child {unknown[0]!r} has no entry in the file. Add or remove it.")
    odd = [word for word in lists["restrictions"] if word not in Restriction.values]
    if odd:
        allowed = ", ".join(Restriction.values)
        raise RowRefusedError("unknown_restriction", f"{odd[0]!r} is unknown. Known restrictions: {allowed}.")
    uri = raw.get("citation_uri", "")
    if not isinstance(uri, str) or len(uri) > MAX_URI_CHARS:
        raise RowRefusedError("bad_entry", f"citation_uri must be a text of at most {MAX_URI_CHARS} characters.")
    for key, texts in (("citation_uri", [uri]), ("positive_examples", lists["positive_examples"])):
        _check_storable(key, *texts)
    return {
        "citation_uri": uri,
        "restrictions": sorted(set(lists["restrictions"])),
        "examples": lists["positive_examples"],
    }


def _entry(row: Row, parents: list[str], details: dict[str, Any]) -> TaxonomyEntry | tuple[Row, Refused]:
    try:
        label = _check(row)
    except RowRefusedError as error:
        return row, error.refused
    return TaxonomyEntry(
        row=row,
        external_id=row["id"],
        name=row["name"],
        label=label,
        description=row["description"],
        parents=tuple(dict.fromkeys(parents)),
        details=details,
    )


def _check_storable(column: str, *texts: str) -> None:
    """Refuse what a database or a file cannot keep: control characters but line ends and tabs, halves of characters."""
    for text in texts:
        if any(unicodedata.category(sign) in {"Cc", "Cs"} and not sign.isspace() for sign in text):
            detail = f"{column} holds control characters or halves of characters: {text[:LISTED_CHARS]!r}. Remove them."
            raise RowRefusedError("bad_text", detail)


def _check(row: Row) -> str:
    check_field_lengths(row, LENGTHS)
    for column in ("id", "name", "description"):
        _check_storable(column, row[column])
    for column in LENGTHS:
        if not row[column] or not row[column].isprintable():
            reason = f"bad_{column}"
            raise RowRefusedError(reason, f"A category needs a printable {column}; found {row[column]!r}.")
    if PARENT_SEPARATOR in row["id"]:
        raise RowRefusedError(
            "bad_id", f"{row['id']!r}: an id must not hold {PARENT_SEPARATOR!r}, which parts parents."
        )
    try:
        label = file_label(row["name"])
    except NamingError as error:
        raise RowRefusedError("bad_name", str(error)) from error
    if len(label.encode()) > MAX_LABEL_BYTES:
        detail = (
            f"The name gives {len(label.encode())} bytes of letters and digits for file names; "
            f"at most {MAX_LABEL_BYTES} fit (40 Korean syllables). Give a shorter name."
        )
        raise RowRefusedError("bad_name", detail)
    return label
