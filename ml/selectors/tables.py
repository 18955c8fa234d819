"""Predictions and acceptances as tables of an export; both are there only if there is something in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef

from curation.domain.exported_names import exported_name
from curation.exports.cells import listed
from curation.models import Category, Dataset
from curation.selectors.code_points import CodePoints
from ml.models import AcceptanceEvent, Prediction
from ml.selectors.acceptances import acceptances_in_force
from ml.selectors.run_in_force import run_in_force

VERIFICATION_HEADER = (
    "clip",
    "category",
    "basis",
    "p_label_correct",
    "predicted_label",
    "top3",
    "disagreement",
    "category_need",
    "unreliability",
    "change_per_minute",
    "priority",
    "would_accept",
    "accepted",
)
ACCEPTANCE_HEADER = ("clip", "category", "run", "event", "by", "at")
TOP_SEPARATOR = ";"  # as in the file that `verify_labels --manifest` writes
CHUNK_ROWS = 5_000
_NAMES = ("annotation__clip__name", "annotation__category__name")


def has_verification(dataset: Dataset) -> bool:
    """Tell whether a run of the dataset is finished."""
    return run_in_force(dataset) is not None


def verification_rows(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    """Yield the predictions of the run in force, by clip and category.

    Parameters
    ----------
    dataset : Dataset
        Whose predictions.

    Yields
    ------
    tuple of str
        One row of `VERIFICATION_HEADER`; clips by the name that they are exported under.
    """
    run = run_in_force(dataset)
    if run is None:
        return
    names = dict(Category.objects.filter(dataset=dataset).values_list("pk", "name"))
    rows = (
        Prediction.objects.filter(run=run)
        .annotate(accepted=Exists(acceptances_in_force().filter(annotation=OuterRef("annotation"))))
        .order_by(*(CodePoints(column) for column in _NAMES))
        .values("annotation__clip__name", *_COLUMNS)
    )
    for row in rows.iterator(chunk_size=CHUNK_ROWS):
        yield _verification_row(row, names)


def has_acceptances(dataset: Dataset) -> bool:
    """Tell whether a curator accepted a label of the dataset, be it taken back since."""
    return AcceptanceEvent.objects.filter(run__dataset=dataset).exists()


def acceptance_rows(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    """Yield every acceptance and every one that was taken back, by clip, category and order of events.

    Parameters
    ----------
    dataset : Dataset
        Whose labels.

    Yields
    ------
    tuple of str
        One row of `ACCEPTANCE_HEADER`; people by pseudonym, times in UTC.
    """
    rows = (
        AcceptanceEvent.objects.filter(run__dataset=dataset)
        .order_by(*(CodePoints(column) for column in _NAMES), "pk")
        .values_list(*_NAMES, "run__number", "kind", "by__code", "created_at")
    )
    for clip, category, run, kind, code, at in rows.iterator(chunk_size=CHUNK_ROWS):
        yield exported_name(clip), category, str(run), kind, code, f"{at:%Y-%m-%dT%H:%M:%SZ}"


_SHARES = (
    "p_correct",
    "disagreement",
    "category_need",
    "unreliability",
    "change_per_minute",
    "priority",
)
_COLUMNS = ("category_id", "basis", "predicted_id", "top", *_SHARES, "would_accept", "accepted")


def _verification_row(row: dict[str, Any], names: dict[int, str]) -> tuple[str, ...]:
    p_correct, *parts = (f"{row[column]:.6f}" for column in _SHARES)
    return (
        exported_name(row["annotation__clip__name"]),
        names[row["category_id"]],
        row["basis"],
        p_correct,
        names[row["predicted_id"]],
        listed((names[int(category)] for category, _ in row["top"]), TOP_SEPARATOR),
        *parts,
        str(int(row["would_accept"])),
        str(int(row["accepted"])),
    )
