from __future__ import annotations

import io
import json
from itertools import product
from typing import Any

import numpy as np
import pytest
import soundfile
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import DjangoAssertNumQueries
from rest_framework.authtoken.models import Token

from curation.models import Role, SubmissionState, User
from tests.factories.rows import make_dataset, make_member, make_participant, make_user
from tests.factories.sounds import barks, make_sounding_clip, make_sounding_submission

pytestmark = pytest.mark.django_db

CLIP_MEDIA = ("clip-audio", "clip-picture", "clip-peaks")
SUBMISSION_MEDIA = ("submission-audio", "submission-picture", "submission-peaks")


def _client(user: User | None = None) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def _body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_browsers_get_a_clip_as_lossless_flac() -> None:
    dataset = make_dataset()
    clip = make_sounding_clip(dataset, seconds=1.0, seed=4, name="dogs/bark 1.wav")
    response = _client(make_member(dataset, Role.ANNOTATOR)).get(reverse("clip-audio", args=(clip.pk,)))
    assert response.status_code == 200
    assert response["Content-Type"] == "audio/flac"
    assert response["Content-Disposition"] == 'inline; filename="bark 1.flac"'
    samples, rate = soundfile.read(io.BytesIO(_body(response)), dtype="int16")
    assert rate == 44_100
    np.testing.assert_array_equal(samples, barks(1.0, seed=4))


def test_a_player_can_seek() -> None:
    dataset = make_dataset()
    clip = make_sounding_clip(dataset)
    client = _client(make_member(dataset, Role.ANNOTATOR))
    address = reverse("clip-audio", args=(clip.pk,))
    whole = _body(client.get(address))
    part = client.get(address, headers={"range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part["Content-Range"] == f"bytes 1000-1999/{len(whole)}"
    assert _body(part) == whole[1000:2000]
    beyond = client.get(address, headers={"range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(whole)}")


def test_pictures_and_peaks_come_with_their_types() -> None:
    dataset = make_dataset()
    clip, submission = make_sounding_clip(dataset), make_sounding_submission(dataset)
    client = _client(make_member(dataset, Role.CURATOR))
    for name, row in (("clip", clip), ("submission", submission)):
        picture = client.get(reverse(f"{name}-picture", args=(row.pk,)))
        assert picture["Content-Type"] == "image/webp"
        assert Image.open(io.BytesIO(_body(picture))).format == "WEBP"
        peaks = client.get(reverse(f"{name}-peaks", args=(row.pk,)))
        assert peaks["Content-Type"] == "application/json"
        assert len(json.loads(_body(peaks))["peaks"]) == 1000


def test_a_whole_recording_is_heard_as_flac() -> None:
    dataset = make_dataset()
    submission = make_sounding_submission(dataset, seconds=1.5, seed=2)
    response = _client(make_member(dataset, Role.ANNOTATOR)).get(reverse("submission-audio", args=(submission.pk,)))
    samples, _rate = soundfile.read(io.BytesIO(_body(response)), dtype="int16")
    np.testing.assert_array_equal(samples, barks(1.5, seed=2))


@pytest.mark.parametrize("name", [*CLIP_MEDIA, *SUBMISSION_MEDIA])
def test_strangers_learn_nothing_about_what_exists(name: str) -> None:
    dataset = make_dataset()
    clip, submission = make_sounding_clip(dataset), make_sounding_submission(dataset)
    pk = (clip if name in CLIP_MEDIA else submission).pk
    for number in (pk, 987_654, 10**30):
        assert _client().get(reverse(name, args=(number,))).status_code == 403
    answers = {_client(make_user()).get(reverse(name, args=(number,))).status_code for number in (pk, 987_654, 10**30)}
    assert answers == {404}


def test_each_role_hears_its_part() -> None:
    dataset, elsewhere = make_dataset(), make_dataset()
    for role, is_own, state in product(Role, (True, False), SubmissionState):
        person = make_member(dataset, role)
        make_member(elsewhere, Role.CURATOR, person)
        owner = make_participant(dataset, user=person if is_own else make_user())
        submission = make_sounding_submission(dataset, participant=owner, state=state, seconds=0.1, seed=owner.pk)
        clip = make_sounding_clip(dataset, participant=owner, seconds=0.1, seed=owner.pk)
        client = _client(person)
        runs = role in {Role.CURATOR, Role.ENGINEER}
        hears_clip = runs or role == Role.ANNOTATOR or is_own
        hears_submission = runs or (
            is_own if role == Role.PARTICIPANT else state == SubmissionState.UNDECIDED and not is_own
        )
        case = (role, is_own, state)
        assert client.head(reverse("clip-audio", args=(clip.pk,))).status_code == (200 if hears_clip else 404), case
        found = client.head(reverse("submission-audio", args=(submission.pk,))).status_code
        assert found == (200 if hears_submission else 404), case


def test_a_token_opens_what_its_person_may_hear() -> None:
    dataset = make_dataset()
    mine, other = make_sounding_clip(dataset), make_sounding_clip(make_dataset())
    token = Token.objects.create(user=make_member(dataset, Role.CURATOR))
    answers = [
        Client().head(reverse("clip-audio", args=[clip.pk]), headers={"Authorization": f"Token {word}"}).status_code
        for clip, word in ((mine, token.key), (other, token.key), (mine, "0" * 40))
    ]
    assert answers == [200, 404, 403]


def test_who_lost_the_role_is_not_told_that_the_file_is_unchanged() -> None:
    dataset = make_dataset()
    clip = make_sounding_clip(dataset)
    user = make_member(dataset, Role.ANNOTATOR)
    client, address = _client(user), reverse("clip-audio", args=(clip.pk,))
    etag = client.head(address)["ETag"]
    assert client.get(address, headers={"if-none-match": etag}).status_code == 304
    user.memberships.all().delete()
    assert client.get(address, headers={"if-none-match": etag}).status_code == 404


def test_audio_that_is_missing_from_the_storage_is_not_found(caplog: pytest.LogCaptureFixture) -> None:
    dataset = make_dataset()
    clip, submission = make_sounding_clip(dataset), make_sounding_submission(dataset)
    for row_key in (clip.audio_key, submission.original_key):
        storages["audio"].delete(row_key)
    client = _client(make_member(dataset, Role.CURATOR))
    assert client.get(reverse("clip-audio", args=(clip.pk,))).status_code == 404
    assert client.get(reverse("submission-audio", args=(submission.pk,))).status_code == 404
    assert clip.name in caplog.text


@pytest.mark.parametrize("name", CLIP_MEDIA)
@pytest.mark.parametrize("kept", [0, 30, 5000])
def test_a_clip_that_is_damaged_in_the_storage_is_not_found(
    name: str, kept: int, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = make_dataset()
    clip = make_sounding_clip(dataset)
    with storages["audio"].open(clip.audio_key) as stored:
        data = stored.read()
    storages["audio"].delete(clip.audio_key)
    storages["audio"].save(clip.audio_key, ContentFile(data[:kept]))
    client = _client(make_member(dataset, Role.CURATOR))
    assert client.get(reverse(name, args=(clip.pk,))).status_code == 404
    assert f"The audio of {clip.name} cannot be served" in caplog.text


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
def test_audio_is_read_only(method: str) -> None:
    assert getattr(_client(make_user(is_superuser=True)), method)("/media/clips/1.flac").status_code == 405


def test_a_request_takes_three_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    dataset = make_dataset()
    clip = make_sounding_clip(dataset)
    client = _client(make_member(dataset, Role.ANNOTATOR))
    with django_assert_num_queries(3):  # session, account, clip
        client.head(reverse("clip-audio", args=(clip.pk,)))
