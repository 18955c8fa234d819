"""Finding the clip that a file of ratings means."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate.selectors.clips import clips_by_key
from tests.factories.rows import make_clip, make_dataset

pytestmark = pytest.mark.django_db


def test_a_name_comes_before_a_path_and_a_path_before_a_stem() -> None:
    dataset = make_dataset()
    dotted = make_clip(dataset, name="a.flac.wav")
    imported = make_clip(dataset, name="a.wav", source_path="a.flac")
    named = make_clip(dataset, name="b.wav")
    make_clip(make_dataset(), name="c.wav")
    keys = ["a.flac", "a.wav", "a", "a.flac.wav", "b", "b.wav", "b.flac", "c.wav", "./a.flac"]
    with CaptureQueriesContext(connection) as queries:
        found = clips_by_key(dataset, keys)
    assert found == {
        "a.flac": imported,
        "./a.flac": imported,
        "a.wav": imported,
        "a": imported,
        "a.flac.wav": dotted,
        "b": named,
        "b.wav": named,
    }
    assert len(queries) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.text(max_size=20, alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
@pytest.mark.usefixtures("db")
def test_no_text_is_too_strange_to_be_unknown(key: str) -> None:
    assert clips_by_key(make_dataset(), [key]) == {}
