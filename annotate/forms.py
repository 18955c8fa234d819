"""The answer of the rating page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from curation.models import Presence
from curation.views.judging import MOST_PK

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Answer:
    """One of the four answers as people are shown it: letters, a shape and a colour (FSDKaggle2018 table 1)."""

    value: str
    key: str
    shape: str
    title: StrOrPromise
    text: StrOrPromise
    brief: StrOrPromise  # the text in a few words, for a phone


ANSWERS = (
    Answer(
        Presence.PP,
        "1",
        "●",
        _("Predominant"),
        _("Clearly there and in front; nothing else but low or mild background noise."),
        _("In front, little else"),
    ),
    Answer(
        Presence.PNP,
        "2",
        "◐",
        _("Present, not predominant"),
        _("There, but with other salient sounds or strong background noise."),
        _("Among other sounds"),
    ),
    Answer(Presence.NP, "3", "○", _("Not present"), _("Not in this clip."), _("Not in this clip")),
    Answer(Presence.U, "4", "?", _("Unsure"), _("I cannot tell whether it is there."), _("I cannot tell")),
)


class RatingForm(forms.Form):
    """One of the four answers, for one candidate annotation."""

    annotation = forms.IntegerField(min_value=1, max_value=MOST_PK)
    presence = forms.ChoiceField(
        choices=Presence.choices, error_messages={"required": _("Choose one of the four answers, then send it.")}
    )
