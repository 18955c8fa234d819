"""What an export says of clips and categories, read in an order that does not depend on the database.

Clips come by name, compared by code point: databases sort text by their own collations, and an export
must have the same bytes on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from django.db.models import Prefetch

from curation.domain.exported_names import exported_name
from curation.domain.naming import folded_name, folders_of
from curation.models import AnnotationState, CandidateAnnotation, Category, CategoryParent, Clip, Dataset, Presence

BATCH_CLIPS = 1_000


@dataclass(frozen=True, kw_only=True)
class ExportAnnotation:
    """A candidate annotation of a clip."""

    category_pk: int
    category: str
    category_id: str
    source: str
    came_verified: bool
    state: str
    consensus: str

    @property
    def releasable(self) -> bool:
        """Whether it may be released: all but those settled as not present."""
        return self.consensus != Presence.NP

    @property
    def verified(self) -> bool:
        """Whether people verified it: settled as present, or verified where it came from."""
        return self.releasable and (self.state == AnnotationState.SETTLED or self.came_verified)


@dataclass(frozen=True, kw_only=True)
class ExportClip:
    """A clip with all that an export says of it.

    Attributes
    ----------
    name_shared : bool
        Whether another clip may have the same exported name where upper and lower case are one.
    subset : str
        Part of the split that its participant is in; empty if the split does not know the participant.
    annotations : tuple of ExportAnnotation
        By category name.
    """

    name: str
    name_shared: bool
    audio_key: str
    frames: int
    sample_rate_hz: int
    duration_s: float
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    clipped_share: float | None
    silent_share: float | None
    participant: str
    subset: str
    submission: str
    segment: int | None
    title: str
    licence: str
    source_url: str
    uploader: str
    tags: tuple[str, ...]
    annotations: tuple[ExportAnnotation, ...] = field(default=())

    @property
    def released(self) -> tuple[ExportAnnotation, ...]:
        """The annotations that may be released."""
        return tuple(annotation for annotation in self.annotations if annotation.releasable)


def export_clips(dataset: Dataset, subsets: Mapping[int, str]) -> Iterator[ExportClip]:
    """Read the clips of a dataset by name.

    Parameters
    ----------
    dataset : Dataset
        Whose clips.
    subsets : mapping of int to str
        Part of the split by participant's primary key.

    Yields
    ------
    ExportClip
        In order of name; names and keys alone are held for all clips at once.
    """
    names = sorted(Clip.objects.filter(dataset=dataset).values_list("name", "pk").iterator())
    annotations = Prefetch(
        "annotations",
        queryset=CandidateAnnotation.objects.select_related("category").only(
            "clip",
            "category",
            "source",
            "came_verified",
            "state",
            "consensus",
            "category__name",
            "category__external_id",
        ),
    )
    shared = _shared_names(names)
    for start in range(0, len(names), BATCH_CLIPS):
        keys = [key for _, key in names[start : start + BATCH_CLIPS]]
        found = Clip.objects.select_related("participant", "submission").prefetch_related(annotations).in_bulk(keys)
        for key in keys:
            yield _clip(found[key], subsets, shared)


def _shared_names(names: Sequence[tuple[str, int]]) -> set[int]:
    """Return the hash of each exported name that several clips have, or that is a clip's and a folder of others.

    Beside the names, sorted, 8 bytes are held for each clip and a few times that for each folder.
    """
    hashes = np.fromiter((_name_hash(name) for name, _ in names), np.int64, len(names))
    hashes.sort()
    doubled = hashes[1:][hashes[1:] == hashes[:-1]]
    folders = np.fromiter((_name_hash(folder) for folder in _folders(names)), np.int64)
    # Both ends of a hash's place among the sorted ones: apart where it is there.
    there = np.searchsorted(hashes, folders, "left") < np.searchsorted(hashes, folders, "right")
    return set(doubled.tolist()) | set(folders[there].tolist())


def _folders(names: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Yield each folder of sorted names once: what lies in one follows each other."""
    before = "/"
    for name, _ in names:
        inside = name.rpartition("/")[0] + "/"
        if inside != before:
            yield from (folder for folder in folders_of(name) if not before.startswith(f"{folder}/"))
            before = inside


def _name_hash(name: str) -> int:
    return hash(folded_name(exported_name(name)))


_folder_hash = lru_cache(maxsize=64)(_name_hash)  # clips come by name: the next one mostly lies in the same folders


def _shares_name(name: str, shared: set[int]) -> bool:
    if not shared:
        return False
    return _name_hash(name) in shared or any(_folder_hash(folder) in shared for folder in folders_of(name))


def _clip(clip: Clip, subsets: Mapping[int, str], shared: set[int]) -> ExportClip:
    submission = clip.submission
    return ExportClip(
        name=clip.name,
        name_shared=_shares_name(clip.name, shared),
        audio_key=clip.audio_key,
        frames=clip.frames,
        sample_rate_hz=clip.sample_rate_hz,
        duration_s=clip.duration_s,
        loudness_lufs=clip.loudness_lufs,
        true_peak_dbtp=clip.true_peak_dbtp,
        clipped_share=clip.clipped_share,
        silent_share=clip.silent_share,
        participant=clip.participant.code,
        subset=subsets.get(clip.participant_id, ""),
        submission=submission.external_id if submission else "",
        segment=clip.segment_index,
        title=clip.title or (submission.title if submission else ""),
        licence=clip.licence or (submission.licence if submission else ""),
        source_url=clip.source_url or (submission.source_url if submission else ""),
        uploader=clip.uploader,
        tags=tuple(clip.tags),
        annotations=tuple(
            sorted(
                (_annotation(row) for row in clip.annotations.all()), key=lambda item: (item.category, item.category_pk)
            )
        ),
    )


def _annotation(row: CandidateAnnotation) -> ExportAnnotation:
    return ExportAnnotation(
        category_pk=row.category_id,
        category=row.category.name,
        category_id=row.category.external_id,
        source=row.source,
        came_verified=row.came_verified,
        state=row.state,
        consensus=row.consensus,
    )


@dataclass(frozen=True, kw_only=True)
class ExportCategory:
    """A category with the identifiers of its parents."""

    pk: int
    external_id: str
    name: str
    file_label: str
    description: str
    restrictions: tuple[str, ...]
    parents: tuple[str, ...]


def export_categories(dataset: Dataset, used: set[int]) -> list[ExportCategory]:
    """Read the categories in use and everything above them.

    Parameters
    ----------
    dataset : Dataset
        Whose taxonomy.
    used : set of int
        Primary keys of the categories in use.

    Returns
    -------
    list of ExportCategory
        By name.
    """
    rows = Category.objects.filter(dataset=dataset).in_bulk()
    parents: dict[int, list[int]] = {}
    for child, parent in CategoryParent.objects.filter(child__dataset=dataset).values_list("child", "parent"):
        parents.setdefault(child, []).append(parent)
    wanted, waiting = set[int](), list(used)
    while waiting:
        key = waiting.pop()
        if key not in wanted:
            wanted.add(key)
            waiting += parents.get(key, [])
    return [
        ExportCategory(
            pk=row.pk,
            external_id=row.external_id,
            name=row.name,
            file_label=row.file_label,
            description=row.description,
            restrictions=tuple(row.restrictions),
            parents=tuple(sorted(rows[parent].external_id for parent in parents.get(row.pk, []))),
        )
        for row in sorted((rows[key] for key in wanted), key=lambda row: row.name)
    ]
