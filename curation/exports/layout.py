"""Where things lie in an export, and what the columns of its tables are.

Audio lies in ``train/``, ``val/`` and ``test/``, flat or in the subfolders that imported clips came in,
each with a ``metadata.csv`` of its own: what loaders of audio folders expect. The ``metadata.csv`` at the
root holds all rows once more with the split as a column; ``splits.csv`` is the division alone, in the
columns that ``split --manifest`` reads.

The classes of a clip stand in the tables and not in its folder, because a clip may have several and
people may find that the class it was recorded for is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from curation.domain.email_addresses import holds_email
from curation.domain.exported_names import exported_name
from curation.exports.cells import Cell, listed
from curation.exports.errors import ExportError
from curation.exports.safe_path import safe_path
from curation.selectors.exports import ExportCategory, ExportClip

METADATA = "metadata.csv"
METADATA_HEADER = (
    "file_name",
    "split",
    "category",
    "category_id",
    "state",
    "consensus",
    "verified",
    "participant",
    "submission",
    "segment",
    "duration_s",
    "sample_rate_hz",
    "loudness_lufs",
    "true_peak_dbtp",
    "clipped_share",
    "silent_share",
    "licence",
    "source_url",
    "title",
    "tags",
)
SPLITS_HEADER = ("clip", "category", "participant", "split")
ANNOTATIONS_HEADER = (
    "clip",
    "category",
    "category_id",
    "source",
    "came_verified",
    "state",
    "consensus",
    "released",
)
EXCLUDED_HEADER = ("clip", "participant", "category", "reason")
ATTRIBUTION_HEADER = ("fname", "title", "uploader", "source_url", "license_id", "license_url", "changes")
CATEGORIES_HEADER = ("id", "name", "parents", "description", "file_label", "restrictions")

EXCLUSIONS = {
    "no_annotation": "nobody claims that a category is in the clip",
    "not_present": "every claimed category was settled as not present (NP)",
    "no_split": "the split was made before its participant had clips",
    "email_in_name": "its file name holds an e-mail address",
    "unsafe_name": (
        "its file name cannot be stored on every system: a part of it has more than 255 bytes, ends with a dot or a "
        "space, holds a backslash or an unprintable character, or is a device on Windows (CON, NUL, COM1 and others)"
    ),
    "name_taken": "a file or folder has its name already, upper and lower case being one",
}

PARENT_SEPARATOR = ";"  # as `import_taxonomy` reads it

# Deeds of Creative Commons by SPDX identifier.
_LICENCE_URLS: Mapping[str, str] = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    **{
        f"cc-{kind}-{version}": f"https://creativecommons.org/licenses/{kind}/{version}/"
        for kind in ("by", "by-sa", "by-nc", "by-nc-sa", "by-nd", "by-nc-nd")
        for version in ("2.0", "2.5", "3.0", "4.0")
    },
}


def exclusion(clip: ExportClip) -> str:
    """Return why a clip stays out by itself: a key of `EXCLUSIONS`, or nothing."""
    if not clip.annotations:
        return "no_annotation"
    if not clip.released:
        return "not_present"
    if not clip.subset:
        return "no_split"
    if holds_email(file_name(clip)):
        return "email_in_name"
    try:
        safe_path(audio_path(clip))
    except ExportError:
        return "unsafe_name"
    return ""


def file_name(clip: ExportClip) -> str:
    """Return the clip's name within its part and in the tables."""
    return exported_name(clip.name)


def audio_path(clip: ExportClip) -> str:
    """Return where the clip's audio lies."""
    return f"{clip.subset}/{file_name(clip)}"


def metadata_row(clip: ExportClip, name: str) -> tuple[Cell, ...]:
    """Return the row of `METADATA_HEADER`; `name` is the file's path as seen from the table."""
    released = clip.released
    return (
        name,
        clip.subset,
        listed(annotation.category for annotation in released),
        listed(annotation.category_id for annotation in released),
        listed(annotation.state for annotation in released),
        listed(annotation.consensus for annotation in released),
        listed("1" if annotation.verified else "0" for annotation in released),
        clip.participant,
        clip.submission,
        clip.segment,
        clip.duration_s,
        clip.sample_rate_hz,
        clip.loudness_lufs,
        clip.true_peak_dbtp,
        clip.clipped_share,
        clip.silent_share,
        clip.licence,
        clip.source_url,
        clip.title,
        listed(clip.tags),
    )


def splits_rows(clip: ExportClip) -> list[tuple[Cell, ...]]:
    """Return the rows of `SPLITS_HEADER`, one per class of the clip."""
    return [(file_name(clip), annotation.category, clip.participant, clip.subset) for annotation in clip.released]


def annotations_rows(clip: ExportClip) -> list[tuple[Cell, ...]]:
    """Return the rows of `ANNOTATIONS_HEADER`, those settled as not present too."""
    return [
        (
            file_name(clip),
            annotation.category,
            annotation.category_id,
            annotation.source,
            annotation.came_verified,
            annotation.state,
            annotation.consensus,
            annotation.releasable,
        )
        for annotation in clip.annotations
    ]


def excluded_row(clip: ExportClip, reason: str) -> tuple[Cell, ...]:
    """Return the row of `EXCLUDED_HEADER`."""
    return (file_name(clip), clip.participant, listed(annotation.category for annotation in clip.annotations), reason)


def attribution_row(clip: ExportClip) -> tuple[Cell, ...]:
    """Return the row of `ATTRIBUTION_HEADER`: whose work it is, under which licence, and what was changed."""
    licence = clip.licence
    url = licence if licence.startswith("https://") else _LICENCE_URLS.get(licence.lower(), "")
    cut = f"segment {clip.segment:03d} of the recording; " if clip.segment is not None else ""
    return (
        audio_path(clip),
        clip.title,
        clip.uploader or clip.participant,
        clip.source_url,
        licence,
        url,
        f"{cut}WAV, {clip.sample_rate_hz} Hz, mono, 16 bit, without the original's metadata",
    )


def category_row(category: ExportCategory) -> tuple[Cell, ...]:
    """Return the row of `CATEGORIES_HEADER`."""
    return (
        category.external_id,
        category.name,
        PARENT_SEPARATOR.join(category.parents),
        category.description,
        category.file_label,
        listed(category.restrictions),
    )
