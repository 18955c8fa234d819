"""What goes into an export, gathered before a byte of it is written.

The tables are made in one pass over the clips and one consistent state of the rows. The audio is only
listed: it is read later, clip by clip.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from curation import registry
from curation.audio.wav import HEADER, SAMPLE_BYTES
from curation.domain.naming import folded_name, folders_of
from curation.domain.policy import Policy
from curation.domain.progress import Progress, no_progress
from curation.exports import layout
from curation.exports.cells import Document, Table
from curation.exports.counts import Counts
from curation.exports.errors import ExportError
from curation.exports.readme import ReadmeFacts, SplitFacts, readme
from curation.exports.safe_path import safe_path
from curation.models import Dataset, Subset
from curation.selectors.exports import ExportClip, export_categories, export_clips

FORMAT = 1
MARKER = "earmark_export"
POLICY = "policy.json"
README = "README.md"


@dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """What is to be exported."""

    dataset: Dataset
    policy: Policy
    policy_version: int
    split: SplitFacts
    subsets: dict[int, str]  # part by participant's primary key
    version: str = ""  # of the release; empty for a working export


@dataclass(frozen=True, order=True, slots=True)
class AudioFile:
    """A clip's audio: where it goes, where it is stored, its length in samples and its rate."""

    path: str
    key: str
    frames: int
    sample_rate_hz: int

    @property
    def bytes(self) -> int:
        """Length of the file."""
        return HEADER.size + SAMPLE_BYTES * self.frames


@dataclass
class ExportContents:
    """Documents and audio of one export; a context manager, since documents may lie in temporary files."""

    documents: dict[str, Document] = field(default_factory=dict)
    audio: list[AudioFile] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    excluded: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    used: set[int] = field(default_factory=set)
    manifest_sha256: str = ""  # of the rows that a split made now would divide

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:
            for document in self.documents.values():
                stack.callback(document.close)

    def table(self, name: str, header: tuple[str, ...]) -> Table:
        """Begin a table."""
        table = Table(header)
        self._put(name, table)
        return table

    def text(self, name: str, text: str) -> None:
        """Add a document that is known whole."""
        document = Document()
        document.write(text)
        self._put(name, document)

    def _put(self, name: str, document: Document) -> None:
        if name in self.documents:
            message = f"Two tables of the export are named {name!r}."
            raise ValueError(message)
        self.documents[safe_path(name)] = document


def gather(plan: ExportPlan, *, progress: Progress = no_progress) -> ExportContents:
    """Make the documents of an export and list its audio.

    Parameters
    ----------
    plan : ExportPlan
        What is to be exported.
    progress : Progress
        Told the clips read.

    Returns
    -------
    ExportContents
        To be used as a context manager.

    Raises
    ------
    ExportError
        If no clip can be exported.
    """
    contents = ExportContents()
    with ExitStack() as stack:
        stack.push(contents)
        _add_clips(contents, plan, progress)
        if not contents.audio:
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(contents.excluded.items()))
            message = f"{plan.dataset}: no clip can be exported ({reasons or 'there is none'})."
            raise ExportError(message)
        categories = contents.table("categories.csv", layout.CATEGORIES_HEADER)
        for category in export_categories(plan.dataset, contents.used):
            categories.add(layout.category_row(category))
        for entry in registry.export_tables:
            if entry.wanted is not None and not entry.wanted(plan.dataset):
                continue
            table = contents.table(entry.name, tuple(entry.header))
            for row in entry.rows(plan.dataset):
                table.add(row)
        contents.text(POLICY, _policy_json(plan))
        contents.text(README, readme(_facts(contents, plan)))
        stack.pop_all()
    contents.audio.sort()
    return contents


def _add_clips(contents: ExportContents, plan: ExportPlan, progress: Progress) -> None:
    metadata = contents.table(layout.METADATA, layout.METADATA_HEADER)
    parts = {
        str(subset.value): contents.table(f"{subset.value}/{layout.METADATA}", layout.METADATA_HEADER)
        for subset in Subset
    }
    splits = contents.table("splits.csv", layout.SPLITS_HEADER)
    annotations = contents.table("annotations.csv", layout.ANNOTATIONS_HEADER)
    attribution = contents.table("attribution.csv", layout.ATTRIBUTION_HEADER)
    excluded = contents.table("excluded.csv", layout.EXCLUDED_HEADER)
    manifest = hashlib.sha256()
    taken = set[str]()
    for done, clip in enumerate(export_clips(plan.dataset, plan.subsets), start=1):
        progress(done, None)
        contents.used |= {annotation.category_pk for annotation in clip.annotations}
        for annotation in clip.released:
            manifest.update(f"{clip.name}\x1f{annotation.category}\x1f{clip.participant}\n".encode())
        reason = layout.exclusion(clip) or _name_taken(clip, taken)
        if reason:
            contents.excluded[reason] += 1
            excluded.add(layout.excluded_row(clip, reason))
            continue
        metadata.add(layout.metadata_row(clip, layout.audio_path(clip)))
        parts[clip.subset].add(layout.metadata_row(clip, layout.file_name(clip)))
        attribution.add(layout.attribution_row(clip))
        for row in layout.splits_rows(clip):
            splits.add(row)
        for row in layout.annotations_rows(clip):
            annotations.add(row)
        _count(contents, clip)
    contents.manifest_sha256 = manifest.hexdigest()


def _name_taken(clip: ExportClip, taken: set[str]) -> str:
    """Let the first clip of a name have it.

    The others would be the same file where upper and lower case are one, or lie in a folder that is a file.
    """
    if not clip.name_shared:
        return ""
    path = folded_name(layout.audio_path(clip))
    folders = folders_of(path)
    if path in taken or f"{path}/" in taken or not taken.isdisjoint(folders):
        return "name_taken"
    taken.add(path)
    taken.update(f"{folder}/" for folder in folders)
    return ""


def _count(contents: ExportContents, clip: ExportClip) -> None:
    contents.counts.add(clip)
    contents.licences[clip.licence] += 1
    contents.audio.append(AudioFile(layout.audio_path(clip), clip.audio_key, clip.frames, clip.sample_rate_hz))


def _policy_json(plan: ExportPlan) -> str:
    document: dict[str, Any] = {
        MARKER: FORMAT,
        "dataset": plan.dataset.slug,
        "release": plan.version,
        "policy_version": plan.policy_version,
        "policy": plan.policy.to_document(),
        "split": {
            "number": plan.split.number,
            "method": plan.split.method,
            "parameters": plan.split.parameters,
            "manifest_sha256": plan.split.manifest_sha256,
        },
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _facts(contents: ExportContents, plan: ExportPlan) -> ReadmeFacts:
    return ReadmeFacts(
        title=plan.dataset.title,
        slug=plan.dataset.slug,
        description=plan.dataset.description,
        version=plan.version,
        policy=plan.policy,
        policy_version=plan.policy_version,
        split=plan.split,
        counts=contents.counts,
        excluded=contents.excluded,
        licences=contents.licences,
        tables=[
            (entry.name, entry.description) for entry in registry.export_tables if entry.name in contents.documents
        ],
    )
