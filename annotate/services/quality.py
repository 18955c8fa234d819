"""Quality estimates as a table of text, for files and terminals, and as figures that are quick to have."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from annotate.selectors.quality import quality_rows, quality_table
from curation.exports.cells import cell
from curation.models import Dataset
from curation.selectors.summaries import is_small, stored_summary
from curation.services.summaries import SMALL_ROWS, request_summary

QUALITY_PART = "quality"
HEADER = ("category", "PP", "PNP", "NP", "U", "QE", "QE_low", "QE_high")
DECIMALS = 4


def quality_figures(*, dataset: Dataset) -> tuple[datetime, list[dict[str, Any]]]:
    """Return the quality estimates without keeping anybody waiting.

    A small dataset is counted at once. In a large one the figures are those of its summary, and a job counts
    anew where they are old; only a large dataset that nobody has ever counted is counted here.

    Parameters
    ----------
    dataset : Dataset
        Whose categories.

    Returns
    -------
    as_of : datetime
        When the ratings were counted.
    rows : list of dict
        As `annotate.selectors.quality.quality_rows` gives them.
    """
    now = timezone.now()
    if is_small(dataset, SMALL_ROWS):
        return now, quality_rows(dataset)
    summary = stored_summary(dataset)
    if summary is None or summary.stale_at < now:
        request_summary(dataset=dataset)
    if summary is None or QUALITY_PART not in summary.parts:
        return now, quality_rows(dataset)
    return summary.computed_at, summary.parts[QUALITY_PART]["categories"]


def quality_cells(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    """Yield one row of `HEADER` per category that has candidate annotations, by name.

    Parameters
    ----------
    dataset : Dataset
        Whose categories.

    Yields
    ------
    tuple of str
        QE and its interval have four decimals, and are empty where nobody rated.
    """
    for quality in quality_table(dataset):
        estimate = quality.estimate
        shares = ("", "", "") if estimate.qe is None else (estimate.qe, estimate.low, estimate.high)
        yield (
            quality.name,
            *(str(count) for count in (estimate.pp, estimate.pnp, estimate.np, estimate.u)),
            *(f"{share:.{DECIMALS}f}" if isinstance(share, float) else share for share in shares),
        )


def write_quality(*, table: Iterable[tuple[str, ...]], path: Path) -> None:
    """Write the table as CSV that spreadsheets do not execute, complete or not at all.

    Parameters
    ----------
    table : iterable of tuple of str
        Rows of `HEADER`.
    path : Path
        The file; an older one is replaced.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(map(cell, row) for row in table)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
