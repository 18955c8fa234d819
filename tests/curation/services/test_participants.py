from __future__ import annotations

import unicodedata

import pytest

from curation.models import Participant
from curation.services.participants import check_code, ensure_participants, participant_for_user
from curation.services.row_import import RowRefusedError
from tests.factories.rows import make_dataset, make_user

pytestmark = pytest.mark.django_db


def _numbers(*codes: str) -> dict[str, int]:
    dataset = make_dataset()
    return {code: person.number for code, person in ensure_participants(dataset=dataset, codes=codes).items()}


@pytest.mark.parametrize("code", ["a@b.org", "@home", "a\uff20b.org"])
def test_an_email_is_no_code(code: str) -> None:
    with pytest.raises(RowRefusedError) as caught:
        check_code(code)
    assert caught.value.refused.reason == "participant_is_email"


@pytest.mark.parametrize(
    "code", ["", "x" * 65, " a", "a ", "a\tb", "a\u202eb", "=1+1", "+a", "-a", "\uff1d1", "a\u200fb"]
)
def test_a_code_that_files_could_not_carry_is_refused(code: str) -> None:
    with pytest.raises(RowRefusedError) as caught:
        check_code(code)
    assert caught.value.refused.reason == "bad_participant"


@pytest.mark.parametrize("name", ["Zoé", "한글"])
def test_one_person_cannot_become_two_by_the_way_letters_are_stored(name: str) -> None:
    check_code(unicodedata.normalize("NFC", name))
    with pytest.raises(RowRefusedError, match="NFC") as caught:
        check_code(unicodedata.normalize("NFD", name))
    assert caught.value.refused.reason == "bad_participant"


def test_one_bad_code_stores_none() -> None:
    with pytest.raises(RowRefusedError):
        ensure_participants(dataset=make_dataset(), codes=["good", "a@b.org"])
    assert not Participant.objects.exists()


def test_a_numbered_code_keeps_its_number_whatever_the_order() -> None:
    assert _numbers("alice", "user0017", "user0001", "bob") == {"alice": 18, "user0017": 17, "user0001": 1, "bob": 19}


def test_two_codes_with_one_number_get_two_numbers() -> None:
    assert _numbers("user17", "user0017", "user0000") == {"user17": 18, "user0017": 17, "user0000": 19}


def test_other_codes_leave_the_numbers_free_that_codes_to_come_name() -> None:
    dataset = make_dataset()
    first = ensure_participants(dataset=dataset, codes=["alice", "user0003"], above=5)
    then = ensure_participants(dataset=dataset, codes=["bob", "user0004", "user0005", "user0001"], above=5)
    numbers = {code: person.number for code, person in (first | then).items()}
    assert numbers == {"alice": 6, "user0003": 3, "bob": 7, "user0004": 4, "user0005": 5, "user0001": 1}


def test_a_number_that_somebody_has_is_not_given_again() -> None:
    dataset = make_dataset()
    ensure_participants(dataset=dataset, codes=["alice"])
    assert ensure_participants(dataset=dataset, codes=["user0001"])["user0001"].number == 2


def test_a_code_is_one_person_each_time() -> None:
    dataset = make_dataset()
    first = ensure_participants(dataset=dataset, codes=["a", "b", "a"])
    assert ensure_participants(dataset=dataset, codes=["b", "a", "c"])["a"] == first["a"]
    assert Participant.objects.count() == 3


def test_datasets_do_not_share_people() -> None:
    first = ensure_participants(dataset=make_dataset(), codes=["a"])["a"]
    assert ensure_participants(dataset=make_dataset(), codes=["a"])["a"] != first


def test_more_codes_than_one_query_takes_are_found_again() -> None:
    dataset = make_dataset()
    codes = [f"p{number}" for number in range(1_200)]
    first = ensure_participants(dataset=dataset, codes=codes)
    assert ensure_participants(dataset=dataset, codes=codes) == first
    assert {person.number for person in first.values()} == set(range(1, 1_201))


def test_an_account_is_one_person_with_a_code_that_is_not_its_email() -> None:
    dataset, user = make_dataset(), make_user("someone@example.org")
    person = participant_for_user(dataset=dataset, user=user)
    assert participant_for_user(dataset=dataset, user=user) == person
    assert person.code == f"user{person.number:04d}"
