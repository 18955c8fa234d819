"""What people fill in: a new run, and a word on labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from curation.views.judging import MOST_PK
from ml.models import RecipeName, RunDevice
from ml.services.runs import LARGEST_SEED
from ml.services.trunk_files import ListedTrunk

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LEAST_PRECISION, PRECISION_STEP = 0.8, 0.001  # of the slider
USUAL_PRECISION = 0.99

# What each recipe does, in one sentence.
RECIPE_TEXTS: dict[str, StrOrPromise] = {
    RecipeName.EARMARK: _(
        "Networks judge people whom they did not hear; the pattern of mistakes is estimated and fed back. Needs labels "
        "of at least two people. The one to begin with."
    ),
    RecipeName.NGUYEN: _(
        "Three networks that hear excerpts of different lengths admit labels in four iterations. Begins with the "
        "verified clips alone."
    ),
    RecipeName.DORFER: _(
        "A large fully convolutional network; four folds verify themselves in ten iterations. Wants a GPU."
    ),
    RecipeName.IQBAL: _("Eight networks, joined by a regression, promote labels. Wants a GPU."),
    RecipeName.ICME2024: _("One network learns from the labels that it gave itself."),
}


class StartForm(forms.Form):
    """A new run."""

    recipe = forms.ChoiceField(
        label=_("Recipe"), choices=RecipeName.choices, initial=RecipeName.EARMARK, widget=forms.RadioSelect
    )
    precision = forms.FloatField(
        label=_("Precision"),
        min_value=0.5,
        max_value=1,
        initial=USUAL_PRECISION,
        help_text=_("Share of the labels accepted unheard that is to be right, 0.5 to 1. It can be moved afterwards."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    budget_minutes = forms.FloatField(
        label=_("Minutes of training"),
        required=False,
        min_value=0.01,
        help_text=_(
            "For one worker, about: fewer minutes train less, and little is known then. Empty: as long as the recipe "
            "takes."
        ),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    trunks = forms.MultipleChoiceField(
        label=_("Pretrained trunks"), required=False, widget=forms.CheckboxSelectMultiple
    )
    device = forms.ChoiceField(label=_("Device"), choices=RunDevice.choices, initial=RunDevice.AUTO)
    seed = forms.IntegerField(
        label=_("Seed"),
        min_value=0,
        max_value=LARGEST_SEED,
        initial=0,
        help_text=_(
            "The same seed, labels and code give the same answers on the same kind of machine, if minutes are not "
            "limited."
        ),
    )

    def __init__(self, *args: Any, listed: Sequence[ListedTrunk] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        trunks = cast("forms.MultipleChoiceField", self.fields["trunks"])
        trunks.choices = [(trunk.name, trunk.name) for trunk in listed if not trunk.fault]


class LabelsForm(forms.Form):
    """A word on some labels of a run, or on all above a precision."""

    annotation = forms.IntegerField(min_value=1, max_value=MOST_PK, required=False)
    precision = forms.FloatField(min_value=0, max_value=1, required=False)
    everything = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        """Ask for exactly one of the three."""
        cleaned = super().clean() or self.cleaned_data
        given = [name for name in ("annotation", "precision") if cleaned.get(name) is not None]
        if len(given) + bool(cleaned.get("everything")) != 1:
            raise forms.ValidationError(_("Say which labels: one, all above a precision, or all of the run."))
        return cleaned
