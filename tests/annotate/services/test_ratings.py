"""One rating at a time: what is taken, what is refused, and the consensus that follows."""

from __future__ import annotations

import pytest

from annotate.models import Rating
from annotate.services.ratings import RatingRefusedError, recompute_consensus, record_rating
from curation.domain.policy import Policy
from curation.models import CandidateAnnotation, Dataset, Participant
from curation.services.datasets import set_policy
from tests.factories.rows import make_annotation, make_clip, make_dataset, make_participant

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def annotation(dataset: Dataset) -> CandidateAnnotation:
    return make_annotation(make_clip(dataset))


def rate(annotation: CandidateAnnotation, presence: str, annotator: Participant | None = None) -> tuple[str, str]:
    """Rate; return where the annotation stands afterwards."""
    record_rating(
        annotation=annotation,
        annotator=annotator or make_participant(annotation.dataset),
        presence=presence,
        source="web",
    )
    annotation.refresh_from_db()
    return annotation.state, annotation.consensus


def test_two_equal_ratings_settle(annotation: CandidateAnnotation) -> None:
    assert rate(annotation, "PNP") == ("undecided", "")
    assert (annotation.rating_count, annotation.agreeing_count) == (1, 1)
    assert rate(annotation, "PNP") == ("settled", "PNP")
    assert annotation.settled_at is not None
    assert (annotation.rating_count, annotation.agreeing_count) == (2, 2)


def test_pp_and_pnp_do_not_agree_and_u_settles_nothing(annotation: CandidateAnnotation) -> None:
    assert rate(annotation, "U") == ("undecided", "")
    assert rate(annotation, "U") == ("undecided", "")
    assert (annotation.rating_count, annotation.agreeing_count) == (2, 0)
    assert rate(annotation, "PP") == ("undecided", "")
    assert rate(annotation, "PNP") == ("undecided", "")
    assert rate(annotation, "PP") == ("settled", "PP")


def test_late_ratings_count_and_a_tie_is_undecided_again(annotation: CandidateAnnotation) -> None:
    rate(annotation, "PP")
    rate(annotation, "PP")
    settled_at = annotation.settled_at
    assert rate(annotation, "NP") == ("settled", "PP")
    assert annotation.settled_at == settled_at
    assert rate(annotation, "NP") == ("undecided", "")
    assert annotation.settled_at is None
    assert rate(annotation, "NP") == ("settled", "NP")


def test_refusals(dataset: Dataset, annotation: CandidateAnnotation) -> None:
    person = make_participant(dataset)
    rate(annotation, "PP", person)
    with pytest.raises(RatingRefusedError) as refused:
        rate(annotation, "NP", person)
    assert refused.value.reason == "already_rated"
    with pytest.raises(RatingRefusedError) as refused:
        rate(annotation, "NP", make_participant(make_dataset()))
    assert refused.value.reason == "other_dataset"
    assert Rating.objects.count() == 1


def test_the_policys_agreement_decides() -> None:
    annotation = make_annotation(make_clip(make_dataset(agreement=3)))
    assert rate(annotation, "PP") == ("undecided", "")
    assert rate(annotation, "PP") == ("undecided", "")
    assert rate(annotation, "PP") == ("settled", "PP")


def test_recomputing_gives_the_same_rows(dataset: Dataset, annotation: CandidateAnnotation) -> None:
    rate(annotation, "PP")
    rate(annotation, "PP")
    rate(make_annotation(make_clip(dataset)), "NP")
    make_annotation(make_clip(dataset))
    before = list(CandidateAnnotation.objects.order_by("pk").values())
    assert recompute_consensus(dataset=dataset) == (2, 1)
    assert list(CandidateAnnotation.objects.order_by("pk").values()) == before


def test_recomputing_follows_a_new_policy(dataset: Dataset, annotation: CandidateAnnotation) -> None:
    rate(annotation, "PP")
    rate(annotation, "PP")
    set_policy(dataset=dataset, policy=Policy(agreement=3))
    assert recompute_consensus(dataset=dataset) == (1, 0)
    annotation.refresh_from_db()
    assert (annotation.state, annotation.consensus, annotation.settled_at) == ("undecided", "", None)
