from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import Http404, HttpResponseBase
from django.test import RequestFactory
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from storages.backends.s3 import S3Storage

from curation.views import file_response as module
from curation.views.file_response import file_response

CONTENT = bytes(range(256)) * 1000  # four blocks of 65,536 bytes, the last one short
SIZE = len(CONTENT)
KEY = "flac/ab/clip.flac"


@pytest.fixture(scope="module", params=["local", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    if request.param == "local":
        local = FileSystemStorage(tmp_path_factory.mktemp("stored"))
        local.save(KEY, ContentFile(CONTENT))
        yield local
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    remote = S3Storage(
        bucket_name="audio",
        location="derived",
        endpoint_url=f"http://{host}:{port}",
        access_key="test",
        secret_key="test",
        region_name="us-east-1",
    )
    remote.connection.create_bucket(Bucket="audio")
    remote.save(KEY, ContentFile(CONTENT))
    yield remote
    server.stop()


_sent: list[HttpResponseBase] = []


@pytest.fixture(autouse=True)
def _close_what_was_sent() -> Iterator[None]:
    """Close responses after each test, but not the database connections of other tests with them."""
    request_finished.disconnect(close_old_connections)
    yield
    while _sent:
        _sent.pop().close()
    request_finished.connect(close_old_connections)


def _send(storage: Storage, method: str = "GET", key: str = KEY, **headers: str) -> HttpResponseBase:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = RequestFactory().generic(method, "/media/clips/1.flac", headers=names)
    response = file_response(
        request, storage=storage, key=key, content_type="audio/flac", filename='a "b"\n/Bus_user0017.flac'
    )
    _sent.append(response)
    return response


def _body(response: HttpResponseBase) -> bytes:
    body = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    response.close()
    assert len(body) == int(response.get("Content-Length", len(body)))
    return body


def test_the_whole_file_comes_privately_and_unguessed(storage: Storage) -> None:
    response = _send(storage)
    assert response.status_code == 200
    assert _body(response) == CONTENT
    assert response["Accept-Ranges"] == "bytes"
    assert response["Cache-Control"] == "private, no-cache, no-transform"
    assert response["Content-Type"] == "audio/flac"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == 'inline; filename="a _b___Bus_user0017.flac"'
    assert response["ETag"].startswith('"')


def test_a_missing_file_is_not_found(storage: Storage) -> None:
    with pytest.raises(Http404):
        _send(storage, key="flac/none.flac")


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=0-0", 0, 1),
        ("bytes=65535-65537", 65_535, 65_538),
        ("bytes=100000-", 100_000, SIZE),
        ("bytes=-5", SIZE - 5, SIZE),
        ("bytes=255999-999999", SIZE - 1, SIZE),
    ],
)
def test_a_part_is_sent_with_its_place(storage: Storage, header: str, start: int, stop: int) -> None:
    response = _send(storage, Range=header)
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert _body(response) == CONTENT[start:stop]


def test_a_part_beyond_the_end_is_refused_with_the_size(storage: Storage) -> None:
    response = _send(storage, Range=f"bytes={SIZE}-")
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{SIZE}"
    assert _body(response) == b""


def test_several_parts_are_answered_with_the_whole_file(storage: Storage) -> None:
    response = _send(storage, Range="bytes=0-1,5-6")
    assert response.status_code == 200
    assert "Content-Range" not in response
    assert _body(response) == CONTENT


def test_head_tells_the_size_and_ignores_range(storage: Storage) -> None:
    response = _send(storage, "HEAD", Range="bytes=0-1")
    assert response.status_code == 200
    assert response["Content-Length"] == str(SIZE)
    assert response["Accept-Ranges"] == "bytes"
    assert b"".join(response) == b""  # type: ignore[call-overload]


def test_a_known_file_is_not_sent_again(storage: Storage) -> None:
    etag = _send(storage)["ETag"]
    for header in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = _send(storage, If_None_Match=header, Range="bytes=0-1")
        assert response.status_code == 304
        assert response["ETag"] == etag
        assert response["Cache-Control"] == "private, no-cache, no-transform"
        assert _body(response) == b""
    assert _send(storage, If_None_Match='"other"').status_code == 200


def test_a_part_of_another_version_becomes_the_whole_file(storage: Storage) -> None:
    etag = _send(storage)["ETag"]
    assert _send(storage, Range="bytes=5-6", If_Range=etag).status_code == 206
    for other in ('"other"', f"W/{etag}", "Sat, 21 Nov 2026 03:00:00 GMT"):
        response = _send(storage, Range="bytes=5-6", If_Range=other)
        assert response.status_code == 200
        assert _body(response) == CONTENT
    assert _send(storage, Range=f"bytes={SIZE}-", If_Range='"other"').status_code == 200


def test_if_match_of_another_version_fails(storage: Storage) -> None:
    assert _send(storage, If_Match='"other"').status_code == 412


def test_other_bytes_get_another_tag(storage: Storage) -> None:
    storage.save("flac/other.flac", ContentFile(CONTENT[:-1]))
    assert _send(storage)["ETag"] != _send(storage, key="flac/other.flac")["ETag"]


def test_a_file_is_read_in_blocks_and_closed_when_the_listener_leaves(storage: Storage) -> None:
    response = _send(storage)
    blocks = iter(response)  # type: ignore[call-overload]
    assert 0 < len(next(blocks)) <= module.BLOCK_BYTES
    response.close()


@hypothesis_settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_parts_put_together_are_the_file(storage: Storage, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, SIZE - 1), max_size=4)))
    parts = [
        _body(_send(storage, Range=f"bytes={start}-{stop - 1}"))
        for start, stop in zip([0, *cuts], [*cuts, SIZE], strict=True)
    ]
    assert b"".join(parts) == CONTENT
