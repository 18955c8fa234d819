"""Whether a manifest's row is a clip and label that are stored already, adds a label, contradicts them, or is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.domain.naming import folded_name, name_key
from curation.models import CandidateAnnotation, Category, Clip, Dataset
from curation.services.audio_intake import Known, StoredClip
from curation.services.row_import import Accepted, Outcome, Refused, Unchanged


@dataclass(frozen=True, kw_only=True)
class CheckedClip:
    """A row whose fields are good, before its audio is read.

    Attributes
    ----------
    path : Path
        Its file.
    name : str
        The clip's name: the file's place under the audio root, ending in ``.wav``.
    category : Category
        The label.
    came_verified : bool
        Whether the manifest says that a person verified the label.
    code : str
        The participant (the manifest's group).
    values : dict
        What else describes the clip, by column.
    """

    path: Path
    name: str
    category: Category
    came_verified: bool
    code: str
    values: dict[str, Any]


class StoredClips:
    """The clips and labels that a batch of rows could be, collide with, or add to.

    Parameters
    ----------
    dataset : Dataset
        Whose clips.
    read : mapping of str to StoredClip or Known
        Audio of the batch by clip name.
    """

    def __init__(self, dataset: Dataset, read: Mapping[str, StoredClip | Known]) -> None:
        checksums = [one.sha256 if isinstance(one, Known) else one.original.sha256 for one in read.values()]
        stored = Clip.objects.filter(dataset=dataset)
        alike = stored.filter(name_key__in=list(map(name_key, read)))
        by_name = alike.order_by().select_related("participant")  # ordered, SQLite would scan the dataset
        self._clips = {clip.name: clip for clip in by_name}
        self._spellings = {folded_name(name): name for name in self._clips}
        self._codes = {clip.name: clip.participant.code for clip in self._clips.values()}
        same_audio = stored.filter(original_sha256__in=checksums)
        self._names: dict[str, str] = dict(same_audio.values_list("original_sha256", "name"))
        annotations = CandidateAnnotation.objects.filter(clip__in=list(self._clips.values()))
        rows = annotations.values_list("clip__name", "category_id", "came_verified")
        self._labels = {(name, category): verified for name, category, verified in rows}
        self.new_clips: list[tuple[CheckedClip, Clip]] = []
        self.new_annotations: list[tuple[CheckedClip, Clip]] = []

    def add_clip(self, item: CheckedClip, clip: Clip) -> None:
        """Count a clip that is about to be stored as stored."""
        self._clips[item.name] = clip
        self._spellings[folded_name(item.name)] = item.name
        self._codes[item.name] = item.code
        self._names[clip.original_sha256] = item.name
        self.new_clips.append((item, clip))
        self._add_label(item, clip)

    def _add_label(self, item: CheckedClip, clip: Clip) -> None:
        self._labels[item.name, item.category.pk] = item.came_verified
        self.new_annotations.append((item, clip))

    def match(self, item: CheckedClip, sha256: str) -> Outcome | None:
        """Compare a row with what is stored.

        Parameters
        ----------
        item : CheckedClip
            The row.
        sha256 : str
            Checksum of its file.

        Returns
        -------
        Outcome or None
            What becomes of the row, a further label of a known clip being counted as stored; or nothing if the
            clip is new.
        """
        clip = self._clips.get(item.name)
        if clip is None:
            return self._collision(item, sha256)
        conflict = self._conflict(item, clip, sha256)
        if conflict:
            return conflict
        verified = self._labels.get((item.name, item.category.pk))
        if verified is None:
            self._add_label(item, clip)
            return Accepted()
        if verified != item.came_verified:
            detail = f"{item.name} is stored with the other answer to `verified`. Mend the row."
            return Refused("conflicting_annotation", detail)
        return Unchanged()

    def _collision(self, item: CheckedClip, sha256: str) -> Refused | None:
        name = self._names.get(sha256)
        if name is not None:
            return Refused("duplicate_audio", f"The clip {name} has the very same bytes. Remove one of the two.")
        spelling = self._spellings.get(folded_name(item.name))
        if spelling is not None:
            detail = f"The clip {spelling} differs only in the case of letters, or how they are composed. Rename one."
            return Refused("name_taken", detail)
        return None

    def _conflict(self, item: CheckedClip, clip: Clip, sha256: str) -> Refused | None:
        if clip.source_path != item.values["source_path"]:
            detail = f"{clip.source_path or 'A segment'} is stored as {item.name} already. Rename one of the two."
            return Refused("name_taken", detail)
        if clip.original_sha256 != sha256:
            detail = f"{item.name} is stored with other audio. Give the new audio another name."
            return Refused("conflicting_audio", detail)
        if self._codes[item.name] != item.code:
            detail = f"{item.name} is stored with the group {self._codes[item.name]!r}. One clip has one group."
            return Refused("conflicting_group", detail)
        differing = next((name for name, value in item.values.items() if getattr(clip, name) != value), "")
        if differing:
            detail = f"{item.name} is stored with another {differing}. Rows of one clip must agree on it."
            return Refused("conflicting_clip", detail)
        return None
