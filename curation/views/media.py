"""Audio, spectrogram pictures and peaks for browsers, to people whose role may hear them.

Addresses carry row numbers and never storage keys. Somebody who is not signed in gets 403 for every address; what
a signed-in person may not hear is not found, exactly like what does not exist. Browsers get FLAC made from the
stored samples: lossless, so that ratings hear what a release will contain, and re-encoded, so that nothing
hidden in an uploaded file reaches anyone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.core.files.storage import storages
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from curation.audio.errors import AudioRefusedError
from curation.audio.wav import WavError
from curation.models import Clip, Submission, User
from curation.selectors.access import audible_clips, audible_submissions
from curation.services import audio_store
from curation.views.file_response import file_response

logger = logging.getLogger(__name__)
FLAC, WEBP, JSON = "audio/flac", "image/webp", "application/json"
_SUFFIXES = {FLAC: ".flac", WEBP: ".webp", JSON: ".json"}
Row = TypeVar("Row", bound=Model)


@require_safe
def clip_audio(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a clip as FLAC."""
    clip = _clip(request, pk)
    return _derived(request, clip, audio_store.derived_flac, FLAC, clip.name)


@require_safe
def clip_picture(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a clip's mel spectrogram as WebP."""
    clip = _clip(request, pk)
    return _derived(request, clip, audio_store.derived_picture, WEBP, clip.name)


@require_safe
def clip_peaks(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a clip's waveform as JSON."""
    clip = _clip(request, pk)
    return _derived(request, clip, audio_store.derived_peaks, JSON, clip.name)


@require_safe
def submission_audio(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a whole recording as FLAC."""
    submission = _submission(request, pk)
    return _derived(request, submission, audio_store.derived_submission_flac, FLAC, submission.external_id)


@require_safe
def submission_picture(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a recording's mel spectrogram as WebP."""
    submission = _submission(request, pk)
    return _derived(request, submission, audio_store.derived_submission_picture, WEBP, submission.external_id)


@require_safe
def submission_peaks(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a recording's waveform as JSON."""
    submission = _submission(request, pk)
    return _derived(request, submission, audio_store.derived_submission_peaks, JSON, submission.external_id)


def _clip(request: HttpRequest, pk: int) -> Clip:
    return _found(audible_clips(_listener(request)), pk)


def _submission(request: HttpRequest, pk: int) -> Submission:
    return _found(audible_submissions(_listener(request)), pk)


def _listener(request: HttpRequest) -> User:
    """Return who asks: somebody signed in, or a script with a token, since the API's rows name these addresses."""
    if isinstance(request.user, User):
        return request.user
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed as error:
        raise PermissionDenied(str(error)) from error
    if found is None:
        raise PermissionDenied
    return cast("User", found[0])


def _found(rows: QuerySet[Row], pk: int) -> Row:
    return get_object_or_404(rows, pk=pk)


def _derived(
    request: HttpRequest, row: Row, make: Callable[[Row], str], content_type: str, name: str
) -> HttpResponseBase:
    """Send what `make` derives from the row's audio, made on the first request."""
    try:
        key = make(row)
    except (FileNotFoundError, AudioRefusedError, WavError) as error:
        logger.error("The audio of %s cannot be served: %s", name, error)  # noqa: TRY400 -- the cause is in the line
        message = f"the audio of {name} is missing from the storage, or damaged there"
        raise Http404(message) from None
    return file_response(
        request,
        storage=storages["derived"],
        key=key,
        content_type=content_type,
        filename=PurePosixPath(name).with_suffix(_SUFFIXES[content_type]).name,
    )
