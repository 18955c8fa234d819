"""Ratings as a table of an export, in the columns that `import_ratings` reads."""

from __future__ import annotations

from collections.abc import Iterator

from annotate.models import Rating
from curation.domain.exported_names import exported_name
from curation.models import Dataset
from curation.selectors.code_points import CodePoints

HEADER = ("clip", "category", "annotator", "rating")
CHUNK_ROWS = 5_000


def rating_rows(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    """Yield every rating, by clip, category and annotator, whatever order they came in.

    Parameters
    ----------
    dataset : Dataset
        Whose ratings.

    Yields
    ------
    tuple of str
        One row of `HEADER`; clips by the name that they are exported under, people by pseudonym.
    """
    columns = ("annotation__clip__name", "annotation__category__name", "annotator__code")
    rows = (
        Rating.objects.filter(annotation__dataset=dataset)
        .order_by(*(CodePoints(column) for column in columns))
        .values_list(*columns, "presence")
    )
    for clip, *rest in rows.iterator(chunk_size=CHUNK_ROWS):
        yield exported_name(clip), *rest
