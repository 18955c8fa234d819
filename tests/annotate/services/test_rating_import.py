"""Whatever ratings a file holds, in whatever order and batches, the consensus is the rule's."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate.domain.consensus import SETTLING, settle
from annotate.services.rating_import import RatingImporter
from curation.services.row_import import Accepted, Row
from tests.factories.rows import make_annotation, make_category, make_clip, make_dataset


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    ratings=st.lists(st.sampled_from(["PP", "PNP", "NP", "U"]), min_size=1, max_size=9),
    batch_rows=st.integers(1, 9),
    agreement=st.integers(1, 4),
    data=st.data(),
)
@pytest.mark.django_db
def test_the_consensus_is_the_rules_in_any_order(
    ratings: list[str], batch_rows: int, agreement: int, data: st.DataObject
) -> None:
    dataset = make_dataset(agreement=agreement)
    annotation = make_annotation(make_clip(dataset, name="one.wav"), make_category(dataset, "Dog"))
    rows = [
        Row(line, {"clip": "one", "category": "Dog", "annotator": f"a{line}", "rating": presence})
        for line, presence in enumerate(ratings, start=2)
    ]
    shuffled = data.draw(st.permutations(rows))
    importer = RatingImporter(dataset=dataset)
    for start in range(0, len(rows), batch_rows):
        assert set(importer.take(shuffled[start : start + batch_rows])) == {Accepted()}
    annotation.refresh_from_db()
    expected = settle(ratings, agreement=agreement)
    assert (annotation.state, annotation.consensus) == (expected.state, expected.value)
    assert annotation.rating_count == len(ratings)
    assert annotation.agreeing_count == max(ratings.count(value) for value in SETTLING)
