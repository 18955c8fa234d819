# ruff: noqa: INP001 -- a script
"""Gather what is to be translated, from templates and Python, into the Korean catalogue.

Run it after changing a text (``.venv/bin/python frontend/scripts/messages.py``): new texts are added
with an empty translation, texts that are gone are dropped, translations are kept. A test fails while a
translation is missing. Texts of scripts come from templates, so TypeScript has none of its own.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import django
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

PROJECT = Path(__file__).resolve().parents[2]
CATALOGUE = PROJECT / "frontend" / "locale" / "ko" / "LC_MESSAGES" / "django.po"
KEYWORDS = {
    "_": None, "_lazy": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None,
    "ngettext": (1, 2), "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2),
}  # fmt: skip
Message = tuple[str | tuple[str, ...], str | None]


def messages() -> dict[Message, list[str]]:
    """Return every text with the files it stands in; a plural is a pair, a context comes second."""
    found: dict[Message, list[str]] = {}
    for path, source in _sources():
        for _line, text, _comments, context in extract("python", BytesIO(source.encode()), KEYWORDS):
            key = (tuple(part for part in text) if isinstance(text, tuple) else text, context)
            places = found.setdefault(key, [])
            if path not in places:
                places.append(path)
    return found


def _sources() -> Iterator[tuple[str, str]]:
    for path in sorted((PROJECT / "frontend" / "templates").rglob("*.html")):
        name = path.relative_to(PROJECT).as_posix()
        # Only calls matter; what stands between them is no Python, so each goes on a line of its own.
        calls = re.findall(
            r"n?p?gettext\((?:[^()\"']|\"\"\".*?\"\"\"|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')*\)|_\(.*?\)\s",
            templatize(path.read_text(encoding="utf-8")),
            flags=re.DOTALL,
        )
        yield name, "\n".join(calls) + "\n"
    for app in ("curation", "validate", "annotate", "ml"):
        for path in sorted((PROJECT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(PROJECT).as_posix(), path.read_text(encoding="utf-8")


def update() -> list[str]:
    """Write the catalogue anew; return the texts that lack a translation."""
    old = read_po(BytesIO(CATALOGUE.read_bytes()), locale="ko") if CATALOGUE.is_file() else Catalog(locale="ko")
    new = Catalog(locale="ko", project="Earmark", version="", charset="utf-8", fuzzy=False)
    new.creation_date = new.revision_date = old.creation_date
    missing = []
    for (text, context), places in sorted(messages().items(), key=lambda item: (item[1][0], str(item[0]))):
        known = old.get(text if isinstance(text, str) else text[0], context)
        translation = known.string if known is not None else ""
        new.add(text, translation, locations=[(place, 0) for place in places], context=context)
        if not translation or not any(translation):
            missing.append(text if isinstance(text, str) else text[0])
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    write_po(buffer, new, width=110, include_lineno=False, omit_header=False)
    CATALOGUE.write_bytes(buffer.getvalue())
    return missing


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")
    django.setup()
    lacking = update()
    sys.stdout.write("".join(f"{text}\n" for text in lacking))
    sys.exit(1 if lacking else 0)
