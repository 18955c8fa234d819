"""Dividing a dataset's participants: rows in, one stored split out.

A split is stored with all that it was computed from: its parameters, and the SHA-256 of the rows that were
divided, one a line, sorted, as clip name, category name and participant code between unit separators
(U+001F). Where neither has changed since the latest split, that one is the answer.
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray
from scipy import sparse

from curation.domain.exported_names import exported_name
from curation.domain.greedy_split import PARTS, class_table, greedy_split
from curation.domain.progress import Progress, no_progress
from curation.domain.shares import Shares
from curation.domain.split_gaps import helpful_shares
from curation.exports.cells import cell
from curation.models import Category, Dataset, Participant, Split, SplitAssignment
from curation.selectors.policies import current_policy
from curation.selectors.splits import (
    FETCHED_ROWS,
    latest_split,
    releasable_annotations,
    releasable_rows,
    split_clips,
)

METHODS = ("greedy",)
STORED_ROWS = 5_000


class SplitError(ValueError):
    """A split that cannot be made; the message says why and what helps."""


@dataclass(frozen=True)
class _Manifest:
    """What is divided: counts by participant and class, and the checksum of the rows behind them."""

    sha256: str
    participants: list[int]
    codes: list[str]
    categories: list[str]
    counts: sparse.csr_array
    sizes: NDArray[np.int64]


def make_split(
    *,
    dataset: Dataset,
    method: str = "greedy",
    train: float | str | None = None,
    val: float | str | None = None,
    progress: Progress = no_progress,
) -> Split:
    """Divide the participants of a dataset's releasable clips.

    Parameters
    ----------
    dataset : Dataset
        Its candidate annotations count, except those settled as not present.
    method : {"greedy"}
        How to divide; greedy is CochlScene's.
    train, val : float or str, optional
        Most that training and validation may hold of each class; the policy's shares where absent.
    progress : Progress
        Told the annotations read.

    Returns
    -------
    Split
        A new split, or the latest if its parameters and its rows are the same.

    Raises
    ------
    SplitError
        If the method is unknown, the shares are no parts of a whole or there is nothing to divide.

    References
    ----------
    CochlScene, section III.B; see `curation.domain.greedy_split`.
    """
    if method not in METHODS:
        message = f"The method {method!r} is unknown. Known: {', '.join(METHODS)}."
        raise SplitError(message)
    policy = current_policy(dataset).policy
    try:
        shares = Shares.parse(policy.train_share if train is None else train, policy.val_share if val is None else val)
    except ValueError as error:
        raise SplitError(str(error)) from error
    manifest = _read(dataset, progress)
    if not manifest.participants:
        message = f"The dataset {dataset} has no clip to split. Import clips, or segment accepted submissions, first."
        raise SplitError(message)
    part = greedy_split(manifest.counts, sizes=manifest.sizes, codes=manifest.codes, shares=shares)
    return _store(dataset, method, shares.to_document(), manifest, part)


def shares_that_help(split: Split) -> Shares | None:
    """Return shares that leave fewer gaps than the split's; the dataset's rows are read again, as they are now."""
    manifest = _read(split.dataset, no_progress)
    if manifest.sha256 != split.manifest_sha256:
        return None
    shares = Shares.parse(split.parameters["train"], split.parameters["val"])
    return helpful_shares(manifest.counts, sizes=manifest.sizes, codes=manifest.codes, shares=shares)


def write_split(*, split: Split, path: Path) -> int:
    """Write a split as CSV: clip (as an export names it) and split, by clip name; the file appears whole or not at all.

    Parameters
    ----------
    split : Split
        Which split.
    path : Path
        The file.

    Returns
    -------
    int
        Clips written.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    clips = 0
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        unfinished = Path(folder) / path.name
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["clip", "split"])
            for clip, subset in split_clips(split):
                writer.writerow([cell(exported_name(clip)), subset])
                clips += 1
        unfinished.replace(path)
    return clips


def _read(dataset: Dataset, progress: Progress) -> _Manifest:
    people = dict(Participant.objects.filter(dataset=dataset).order_by("id").values_list("id", "code"))
    classes = dict(Category.objects.filter(dataset=dataset).order_by("id").values_list("id", "name"))
    row_of = {key: row for row, key in enumerate(people)}
    column_of = {key: column for column, key in enumerate(classes)}
    counts = sparse.csr_array((len(people), len(classes)), dtype=np.int64)
    sizes = np.zeros(len(people), dtype=np.int64)
    sha256 = hashlib.sha256()
    total, done, last_clip = releasable_annotations(dataset).count(), 0, None
    for fetched in _batches(releasable_rows(dataset)):
        # Who came after the names were read is for the next split.
        batch = [row for row in fetched if row[1] in column_of and row[2] in row_of]
        sha256.update("".join(f"{clip}\x1f{classes[c]}\x1f{people[p]}\n" for clip, c, p in batch).encode())
        rows = np.fromiter((row_of[participant] for _, _, participant in batch), np.int64, len(batch))
        columns = np.fromiter((column_of[category] for _, category, _ in batch), np.int64, len(batch))
        clips = [clip for clip, _, _ in batch]
        begins = [clip != before for clip, before in zip(clips, [last_clip, *clips], strict=False)]
        last_clip = clips[-1] if clips else last_clip
        ones = np.ones(len(batch), dtype=np.int64)
        counts = counts + sparse.coo_array((ones, (rows, columns)), shape=counts.shape).tocsr()
        sizes += np.bincount(rows[begins], minlength=len(people))
        done += len(fetched)
        progress(done, max(done, total))
    present = np.flatnonzero(sizes)
    keys, codes = list(people), list(people.values())
    return _Manifest(
        sha256=sha256.hexdigest(),
        participants=[keys[row] for row in present],
        codes=[codes[row] for row in present],
        categories=list(classes.values()),
        counts=counts[present],
        sizes=sizes[present],
    )


def _batches(rows: Iterator[tuple[str, int, int]]) -> Iterator[list[tuple[str, int, int]]]:
    while batch := list(islice(rows, FETCHED_ROWS)):
        yield batch


def _store(
    dataset: Dataset, method: str, parameters: dict[str, Any], manifest: _Manifest, part: NDArray[np.int8]
) -> Split:
    table = {
        name: dict(zip(PARTS, clips, strict=True))
        for name, clips in sorted(zip(manifest.categories, class_table(manifest.counts, part).tolist(), strict=True))
        if sum(clips)
    }
    with transaction.atomic():
        Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)  # two at once would draw the same number
        latest = latest_split(dataset)
        same = (method, parameters, manifest.sha256)
        if latest and (latest.method, latest.parameters, latest.manifest_sha256) == same:
            return latest
        split = Split.objects.create(
            dataset=dataset,
            number=latest.number + 1 if latest else 1,
            method=method,
            parameters=parameters,
            manifest_sha256=manifest.sha256,
            table=table,
        )
        SplitAssignment.objects.bulk_create(
            (
                SplitAssignment(split=split, participant_id=key, subset=PARTS[number])
                for key, number in zip(manifest.participants, part.tolist(), strict=True)
            ),
            batch_size=STORED_ROWS,
        )
    return split
