"""Sending a stored file: whole or the part a player seeks to, in blocks, privately.

The answer carries a strong entity tag made from the file's key and size: keys of stored audio are made from the
content, so a tag changes with the bytes. Browsers may keep the file but must ask again each time (``no-cache``,
answered with an empty 304): somebody whose role was withdrawn, or the next person at a shared computer, hears
nothing from the browser's store. ``no-transform`` keeps proxies from re-encoding what people rate.

References
----------
RFC 9110, sections 8.8.3, 13.2.2 (order of preconditions), 14.2, 15.3.7, 15.5.17; RFC 9111, section 5.2.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header

from curation.domain.byte_ranges import ByteRange, UnsatisfiableRangeError, if_range_holds, requested_range

BLOCK_BYTES = 65_536
_UNSAFE_IN_NAMES = re.compile(r"[^\w.() +-]")


def file_response(
    request: HttpRequest, *, storage: Storage, key: str, content_type: str, filename: str
) -> HttpResponseBase:
    """Answer GET or HEAD with a stored file.

    Parameters
    ----------
    request : HttpRequest
        Its conditional headers and ``Range`` are obeyed. ``Range`` is defined for GET alone (section 14.2).
    storage : Storage
        Any Django storage; a file on S3 is read by the range, never whole.
    key : str
        The file in the storage.
    content_type : str
        Media type; browsers are told not to guess another.
    filename : str
        Offered when a person saves the file; characters that are unsafe in names become ``_``.

    Returns
    -------
    HttpResponseBase
        200, 206, 304, 412 or 416.

    Raises
    ------
    Http404
        If the storage lacks the file.
    """
    try:
        file = storage.open(key)
        size = file.size
    except FileNotFoundError:
        message = f"the storage has no {key}"
        raise Http404(message) from None
    etag = f'"{blake2b(f"{key} {size}".encode(), digest_size=16).hexdigest()}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache, no-transform",
        "Content-Disposition": content_disposition_header(
            as_attachment=False, filename=_UNSAFE_IN_NAMES.sub("_", filename)
        ),
        "Content-Type": content_type,
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": etag,
        "X-Content-Type-Options": "nosniff",
    }
    without_body = HttpResponse(headers=headers | {"Content-Length": str(size)})
    answer = get_conditional_response(request, etag=etag, response=without_body) or without_body
    if answer is not without_body or request.method == "HEAD":
        file.close()
        return answer
    try:
        part = _requested_part(request, etag, size)
    except UnsatisfiableRangeError as error:
        file.close()
        return HttpResponse(
            status=416, headers={"Accept-Ranges": "bytes", "Content-Range": error.content_range, "ETag": etag}
        )
    if part is None:
        part, status = ByteRange(0, size, size), 200
    else:
        status = 206
        headers["Content-Range"] = part.content_range
    headers["Content-Length"] = str(part.length)
    return StreamingHttpResponse(_Blocks(file, part), status=status, headers=headers)


def _requested_part(request: HttpRequest, etag: str, size: int) -> ByteRange | None:
    """Return the part to send, None for the whole file."""
    if not if_range_holds(request.headers.get("If-Range", ""), etag):
        return None
    return requested_range(request.headers.get("Range", ""), size)


class _Blocks:
    """Reads one part of a file block by block; Django closes it when the client goes away."""

    def __init__(self, file: File[bytes], part: ByteRange) -> None:
        self._file = file
        self._blocks = self._read(part)

    def _read(self, part: ByteRange) -> Iterator[bytes]:
        remote: Any = getattr(self._file, "obj", None)
        if remote is not None:
            # django-storages' S3 file would first fetch the whole object; its boto3 object reads by the range.
            body = remote.get(Range=f"bytes={part.start}-{part.stop - 1}")["Body"]
            yield from body.iter_chunks(BLOCK_BYTES)
            return
        self._file.seek(part.start)
        left = part.length
        while left and (block := self._file.read(min(BLOCK_BYTES, left))):
            left -= len(block)
            yield block

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def close(self) -> None:
        """Release the file."""
        self._file.close()
