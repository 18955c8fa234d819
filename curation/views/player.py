"""What the player element is given: addresses, length, gain and words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from curation.domain.level import TARGET_LUFS, matching_gain_db
from curation.models import Clip, Submission

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The element's own words; `%s` stands where it puts a number.
WORDS: dict[str, StrOrPromise] = {
    "play": _("Play"),
    "pause": _("Pause"),
    "loop": _("Loop"),
    "speed": _("Speed"),
    "position": _("Position"),
    "positionOf": _("%1 of %2"),
    "matched": _("Level matched"),
    "loading": _("Loading the audio"),
    "failed": _("The audio could not be loaded. Check the connection, then press play to try again."),
}


@dataclass(frozen=True, kw_only=True)
class Player:
    """One thing to listen to.

    Attributes
    ----------
    label : str
        What it is, for screen readers.
    audio_url, picture_url, peaks_url : str
        FLAC, mel spectrogram and waveform.
    duration_s : float
        Length in seconds.
    gain_db : float or None
        Gain towards the target level; None where audio must be heard as recorded.
    """

    label: str
    audio_url: str
    picture_url: str
    peaks_url: str
    duration_s: float
    gain_db: float | None

    @property
    def target_lufs(self) -> float:
        """The level that the gain leads towards."""
        return TARGET_LUFS

    @property
    def words(self) -> dict[str, StrOrPromise]:
        """The element's words in the reader's language."""
        return WORDS

    def preload(self) -> dict[str, Any]:
        """Return what a page loads ahead, as JSON values."""
        values = asdict(self)
        return {name: values[name] for name in ("audio_url", "picture_url", "peaks_url")}


def clip_player(clip: Clip, label: str = "") -> Player:
    """Return the player of a clip; a page that must not give the clip's name away gives a label."""
    return Player(
        label=label or clip.name,
        audio_url=reverse("clip-audio", args=(clip.pk,)),
        picture_url=reverse("clip-picture", args=(clip.pk,)),
        peaks_url=reverse("clip-peaks", args=(clip.pk,)),
        duration_s=clip.duration_s,
        gain_db=matching_gain_db(clip.loudness_lufs, clip.true_peak_dbtp),
    )


def submission_player(submission: Submission) -> Player:
    """Return the player of a recording: as recorded, because its level is among what people judge."""
    return Player(
        label=submission.external_id,
        audio_url=reverse("submission-audio", args=(submission.pk,)),
        picture_url=reverse("submission-picture", args=(submission.pk,)),
        peaks_url=reverse("submission-peaks", args=(submission.pk,)),
        duration_s=submission.duration_s,
        gain_db=None,
    )
