"""What programs may ask of label verification, checked before any service is called."""

from __future__ import annotations

from math import isfinite
from typing import Any

from rest_framework import serializers

from curation.api.serializers import WishSerializer
from ml.models import RecipeName, RunDevice
from ml.services.runs import LARGEST_SEED
from ml.services.trunk_files import MOST_TRUNKS

MOST_LABELS = 10_000  # named one by one in a request
LARGEST_KEY = 2**63 - 1
DEFAULT_PRECISION = 0.99


class FiniteField(serializers.FloatField):
    """A number that can be compared: Python, and REST framework with it, also reads `"nan"` and `"inf"` as numbers."""

    def to_internal_value(self, data: Any) -> float:
        """Refuse what no limit holds back."""
        number: float = super().to_internal_value(data)
        if not isfinite(number):
            self.fail("invalid")
        return number


def named_choice(choices: list[tuple[str, Any]], **options: Any) -> serializers.ChoiceField:
    """Make a field of a few words; another one is told which."""
    words = ", ".join(word for word, _ in choices)
    message = f"{{input}} is none of the choices: {words}."
    return serializers.ChoiceField(choices=choices, error_messages={"invalid_choice": message}, **options)


class RunRequestSerializer(WishSerializer):
    """A run that is wished for."""

    recipe = named_choice(RecipeName.choices, default=RecipeName.EARMARK)
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=0)
    precision = FiniteField(
        min_value=0,
        max_value=1,
        default=DEFAULT_PRECISION,
        help_text="Share of the labels accepted unheard that is to be right, above 0.",
    )
    device = named_choice(RunDevice.choices, default=RunDevice.AUTO)
    budget_minutes = FiniteField(
        allow_null=True, default=None, help_text="Train less so as to be done in about so long; above 0."
    )

    trunks = serializers.ListField(
        child=serializers.CharField(max_length=255),
        max_length=MOST_TRUNKS,
        default=list,
        help_text="Names of pretrained trunks in the operator's folder, each of which adds a network.",
    )

    def validate_precision(self, value: float) -> float:
        """Refuse 0, which no run can miss."""
        return _above_zero(value)

    def validate_budget_minutes(self, value: float | None) -> float | None:
        """Refuse no time at all."""
        return value if value is None else _above_zero(value)


def _above_zero(value: float) -> float:
    if value <= 0:
        message = f"{value:g} is too small: expected more than 0."
        raise serializers.ValidationError(message)
    return value


class LabelsRequestSerializer(WishSerializer):
    """Which labels are meant: exactly one of the fields says so."""

    annotations = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_KEY),
        max_length=MOST_LABELS,
        allow_empty=False,
        required=False,
        help_text=f"Ids of candidate annotations, at most {MOST_LABELS:,}.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and several: what was meant is not guessed."""
        super().validate(attrs)
        if len(attrs) != 1:
            found = ", ".join(sorted(attrs)) or "none of them"
            message = f"Give exactly one of {', '.join(self.fields)}; found {found}."
            raise serializers.ValidationError(message)
        return attrs


class AcceptRequestSerializer(LabelsRequestSerializer):
    """Labels to accept unheard."""

    threshold = FiniteField(
        min_value=0, max_value=1, required=False, help_text="Least probability that the label is right."
    )
    precision = FiniteField(
        min_value=0,
        max_value=1,
        required=False,
        help_text="Share of the accepted labels that is to be right; the run's own figures say where that begins.",
    )


class UndoRequestSerializer(LabelsRequestSerializer):
    """Acceptances to take back."""

    all = serializers.BooleanField(required=False, help_text="true: every one on the word of this run.")

    def validate_all(self, value: bool) -> bool:  # noqa: FBT001 -- REST framework's signature
        """Refuse what would mean none."""
        if not value:
            raise serializers.ValidationError("Write true, or name the annotations.")
        return value
