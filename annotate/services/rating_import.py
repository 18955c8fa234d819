"""Importing ratings from a file: the same rules as rating in the browser, a batch at a time.

Ratings of settled annotations are stored too; consensus is a function of all ratings in whatever order
they came. A batch costs the same few queries whatever its rows are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction

from annotate.models import Rating
from annotate.models.rating import RatingSource
from annotate.selectors.clips import clips_by_key
from annotate.services.ratings import store_consensus
from curation.models import CandidateAnnotation, Clip, Dataset, Participant, Presence
from curation.selectors.categories import CategoryIndex
from curation.selectors.policies import current_policy
from curation.services.csv_rows import check_filled
from curation.services.participants import check_code, ensure_participants, numbered
from curation.services.row_import import Accepted, Outcome, Row, RowRefusedError, Unchanged


class RatingImporter:
    """Takes rows of ``clip,category,annotator,rating``.

    Parameters
    ----------
    dataset : Dataset
        Where the clips are.
    known_participants : bool
        Refuse annotators that the dataset does not know yet, to catch slips of the pen.
    """

    kind = "ratings"
    required: Sequence[str] = ("clip", "category", "annotator", "rating")
    optional: Sequence[str] = ()

    def __init__(self, *, dataset: Dataset, known_participants: bool = False) -> None:
        self._dataset = dataset
        self._known_participants = known_participants
        self._highest_number = 0
        self._categories = CategoryIndex(dataset)
        self._agreement = current_policy(dataset).policy.agreement

    def identity(self, row: Row) -> tuple[str, ...]:
        """Return clip, category and annotator: one rating each."""
        return row["clip"], row["category"], row["annotator"]

    def look(self, row: Row) -> None:
        """Keep the numbers that codes name from being drawn for others."""
        self._highest_number = max(self._highest_number, numbered(row["annotator"]))

    @transaction.atomic
    def take(self, rows: Sequence[Row]) -> Sequence[Outcome]:
        """Store the ratings that can be taken and the consensus that follows."""
        batch = _Batch(dataset=self._dataset, categories=self._categories)
        batch.load(rows)
        outcomes: list[Outcome] = []
        for row in rows:
            try:
                outcomes.append(batch.judge(row, known_participants=self._known_participants))
            except RowRefusedError as error:
                outcomes.append(error.refused)
        people = ensure_participants(
            dataset=self._dataset,
            codes=dict.fromkeys(code for _, code, _ in batch.new),
            above=self._highest_number,
        )
        Rating.objects.bulk_create(
            Rating(annotation_id=pk, annotator=people[code], presence=presence, source=RatingSource.IMPORT)
            for pk, code, presence in batch.new
        )
        store_consensus(annotation_ids={pk for pk, _, _ in batch.new}, agreement=self._agreement)
        return outcomes


@dataclass
class _Batch:
    """The rows of the database that a batch of ratings needs, read in few queries."""

    dataset: Dataset
    categories: CategoryIndex
    clips: dict[str, Clip] = field(default_factory=dict)
    people: dict[str, Participant] = field(default_factory=dict)
    annotations: dict[tuple[int, int], int] = field(default_factory=dict)
    given: defaultdict[int, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    new: list[tuple[int, str, str]] = field(default_factory=list)

    def load(self, rows: Sequence[Row]) -> None:
        """Lock the candidate annotations that the rows name and read their ratings."""
        codes = {row["annotator"] for row in rows}
        self._find_people(codes)
        if len(self.people) < len(codes):
            # New people take the dataset's lock; it comes before the annotations' everywhere, or two
            # writers could wait for each other.
            Dataset.objects.select_for_update(no_key=True).get(pk=self.dataset.pk)
            self._find_people(codes)  # who came in while this waited
        self.clips = clips_by_key(self.dataset, {row["clip"] for row in rows})
        named = (self.categories.find(row["category"]) for row in rows)
        locked = (
            CandidateAnnotation.objects.filter(
                clip__in={clip.pk for clip in self.clips.values()},
                category__in={category.pk for category in named if category},
            )
            .order_by("pk")
            .select_for_update(no_key=True)
        )
        self.annotations = {
            (clip, category): pk for pk, clip, category in locked.values_list("pk", "clip_id", "category_id")
        }
        stored = Rating.objects.filter(annotation__in=self.annotations.values()).order_by()
        for pk, code, presence in stored.values_list("annotation_id", "annotator__code", "presence"):
            self.given[pk][code] = presence

    def _find_people(self, codes: set[str]) -> None:
        known = Participant.objects.filter(dataset=self.dataset, code__in=codes).only("pk", "code")
        self.people = {person.code: person for person in known}

    def judge(self, row: Row, *, known_participants: bool) -> Accepted | Unchanged:
        """Take a rating, or raise why it is refused."""
        check_filled(row, ("clip", "category", "annotator"))
        presence, annotator = row["rating"].upper(), row["annotator"]
        if presence not in Presence.values:
            detail = f"The rating is {row['rating']!r}. Write {', '.join(Presence.values)}."
            raise RowRefusedError("bad_rating", detail)
        check_code(annotator)
        annotation = self._annotation(row)
        if annotator not in self.people and known_participants:
            detail = f"Nobody here has the code {annotator!r}. Correct it, or import without --known-participants."
            raise RowRefusedError("unknown_participant", detail)
        given = self.given[annotation]
        if annotator in given:
            if given[annotator] == presence:
                return Unchanged()
            detail = f"{annotator} rated this {given[annotator]} before. A rating stays as it was given."
            raise RowRefusedError("conflicting_rating", detail)
        given[annotator] = presence
        self.new.append((annotation, annotator, presence))
        return Accepted()

    def _annotation(self, row: Row) -> int:
        clip = self.clips.get(row["clip"])
        if clip is None:
            detail = f"There is no clip {row['clip']!r} in this dataset. Import or segment it first."
            raise RowRefusedError("unknown_clip", detail)
        category = self.categories.find(row["category"])
        if category is None:
            detail = f"The taxonomy has no category of the name or id {row['category']!r}."
            raise RowRefusedError("unknown_category", detail)
        annotation = self.annotations.get((clip.pk, category.pk))
        if annotation is None:
            detail = f"Nobody claims that {row['category']} is in {row['clip']}; only candidate annotations are rated."
            raise RowRefusedError("no_candidate_annotation", detail)
        return annotation
