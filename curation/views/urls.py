"""Addresses of the pages."""

from __future__ import annotations

from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from curation.views import clip, dataset, home, jobs, lists, media, submission, token


class Icon(RedirectView):
    """The icon where browsers and the operator's pages look for it unasked."""

    def get_redirect_url(self, *args: object, **kwargs: object) -> str:  # noqa: ARG002 -- Django's signature
        """Return the address of the one icon."""
        return static("favicon.svg")


urlpatterns = [
    path("favicon.ico", Icon.as_view()),
    path("", home.home, name="home"),
    path("token/", token.token, name="token"),
    path("d/<slug:slug>/", dataset.overview, name="dataset"),
    path("d/<slug:slug>/summary/", dataset.refresh, name="dataset-summary"),
    path("d/<slug:slug>/submissions/", lists.submissions, name="submissions"),
    path("d/<slug:slug>/submissions/<int:pk>/", submission.submission_page, name="submission"),
    path("d/<slug:slug>/clips/", lists.clips, name="clips"),
    path("d/<slug:slug>/clips/<int:pk>/", clip.clip_page, name="clip"),
    path("d/<slug:slug>/jobs/", jobs.jobs, name="jobs"),
    path("d/<slug:slug>/jobs/running.json", jobs.running, name="running-jobs"),
    path("media/clips/<int:pk>.flac", media.clip_audio, name="clip-audio"),
    path("media/clips/<int:pk>.webp", media.clip_picture, name="clip-picture"),
    path("media/clips/<int:pk>.json", media.clip_peaks, name="clip-peaks"),
    path("media/submissions/<int:pk>.flac", media.submission_audio, name="submission-audio"),
    path("media/submissions/<int:pk>.webp", media.submission_picture, name="submission-picture"),
    path("media/submissions/<int:pk>.json", media.submission_peaks, name="submission-peaks"),
]
