"""The ballot of the voting page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.utils.translation import gettext_lazy as _

from curation.views.judging import MOST_PK

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

YES_NO = (("yes", _("Yes")), ("no", _("No")))


@dataclass(frozen=True)
class Question:
    """One criterion of validation as people are asked it; yes is always good (CochlScene II.C)."""

    name: str
    title: StrOrPromise
    text: StrOrPromise


QUESTIONS = (
    Question(
        "gain",
        _("Gain"),
        _("Is it loud enough to make things out, and free of distortion from being too loud?"),
    ),
    Question(
        "privacy",
        _("Privacy"),
        _("Is it free of speech that tells who somebody is or what is private to them?"),
    ),
    Question(
        "acoustic_cue",
        _("Acoustic cue"),
        _("Is there anything to hear that points to this class? It may point to others as well."),
    ),
)


def _answer() -> forms.ChoiceField:
    return forms.ChoiceField(choices=YES_NO, error_messages={"required": _("Answer yes or no.")})


class BallotForm(forms.Form):
    """Yes or no on each criterion, for one submission."""

    submission = forms.IntegerField(min_value=1, max_value=MOST_PK)
    gain = _answer()
    privacy = _answer()
    acoustic_cue = _answer()
