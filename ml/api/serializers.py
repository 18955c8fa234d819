"""Runs and predictions as JSON. Runs come as `ml.selectors.runs.RunView`, figures as their selectors' rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from ml.models import Prediction, RecipeName, RunDevice
from ml.selectors.confusions import Confusion, run_confusion
from ml.selectors.run_figures import class_table, iteration_table, probability_histogram, reliability
from ml.selectors.runs import RunState, RunView, StepView
from ml.services.trunk_files import ListedTrunk


class TotalsSerializer(serializers.Serializer[dict[str, int]]):
    """A finished run in four numbers; labels of clips with several are not among them."""

    verified = serializers.IntegerField()
    judged = serializers.IntegerField()
    probably_wrong = serializers.IntegerField()
    would_accept = serializers.IntegerField()


class RunTrunkSerializer(serializers.Serializer[dict[str, Any]]):
    """A pretrained trunk of a run."""

    name = serializers.CharField()
    digest = serializers.CharField(help_text="SHA-256 of its file.")
    sample_rate_hz = serializers.IntegerField()
    window_s = serializers.FloatField()
    hop_s = serializers.FloatField()
    numbers = serializers.IntegerField(help_text="Of an embedding; 0 until a worker has tried the trunk.")


class ListedTrunkSerializer(serializers.Serializer[ListedTrunk]):
    """A pretrained trunk that a run may be started with."""

    name = serializers.CharField()
    sample_rate_hz = serializers.IntegerField(source="hearing.sample_rate_hz", allow_null=True)
    window_s = serializers.FloatField(source="hearing.window_s", allow_null=True)
    hop_s = serializers.FloatField(source="hearing.hop_s", allow_null=True)
    fault = serializers.CharField(help_text="Why it cannot be taken, and what to do; else empty.")


class RunSerializer(serializers.Serializer[RunView]):
    """A run and where it stands."""

    number = serializers.IntegerField(source="run.number")
    dataset = serializers.CharField(source="run.dataset.slug")
    state = serializers.ChoiceField(choices=RunState.choices)
    share_done = serializers.FloatField(help_text="Share of the training that is done, 0 to 1.")
    phase = serializers.CharField(help_text="Kind of the job under way; empty if there is none.")
    error = serializers.CharField(help_text="What stopped it, else empty.")
    recipe = serializers.ChoiceField(source="run.recipe", choices=RecipeName.choices)
    precision = serializers.FloatField(source="run.precision")
    seed = serializers.IntegerField(source="run.seed")
    device = serializers.ChoiceField(source="run.device", choices=RunDevice.choices)
    budget_minutes = serializers.FloatField(source="run.budget_minutes", allow_null=True)
    epochs_share = serializers.FloatField(
        allow_null=True,
        help_text="Share of the recipe's epochs that it trains, 0 to 1: below 1 for want of time. Null until a worker "
        "has planned it.",
    )
    trunks = RunTrunkSerializer(source="run.trunks", many=True)
    totals = TotalsSerializer(source="run.totals", allow_null=True, help_text="Null until it is done.")
    code_version = serializers.CharField(source="run.code_version", help_text="Empty until a worker began.")
    candidates_digest = serializers.CharField(
        source="run.candidates_digest", help_text="SHA-256 of the clips, labels and groups that it works on."
    )
    in_force = serializers.SerializerMethodField(
        help_text="Whether people review by it: the run that a curator chose, else the newest finished one."
    )
    created_at = serializers.DateTimeField(source="run.created_at")
    finished_at = serializers.DateTimeField(source="run.finished_at", allow_null=True)

    def get_in_force(self, view: RunView) -> bool:
        """Compare it with the run in force, whose number comes with each run of a list."""
        number: int | None = getattr(view.run, "in_force", None)
        return number == view.run.number


class IterationSerializer(serializers.Serializer[dict[str, Any]]):
    """One column of Nguyen's table 2: where predictions name the given labels of clips not verified yet.

    What follows `map_at_3` depends on the recipe.
    """

    iteration = serializers.IntegerField()
    verified = serializers.IntegerField()
    added = serializers.IntegerField()
    correct_1st = serializers.IntegerField()
    correct_2nd = serializers.IntegerField()
    correct_3rd = serializers.IntegerField()
    incorrect = serializers.IntegerField()
    without_label = serializers.IntegerField()
    map_at_3 = serializers.FloatField(allow_null=True)
    temperature = serializers.FloatField(required=False)
    expected_wrong = serializers.FloatField(required=False, help_text="Share of the given labels.")
    relabelled = serializers.IntegerField(required=False)
    validation_loss = serializers.FloatField(required=False)
    strangers = serializers.IntegerField(
        required=False,
        help_text="Test clips of groups that no network heard, judged by networks that heard all others.",
    )


class StepSerializer(serializers.Serializer[StepView]):
    """One network of the ensemble, trained for one fold in one iteration; all three from 0."""

    iteration = serializers.IntegerField()
    member = serializers.IntegerField()
    fold = serializers.IntegerField()
    state = serializers.CharField(help_text="As of a job.")
    epochs = serializers.IntegerField()
    epochs_total = serializers.IntegerField()
    losses = serializers.ListField(child=serializers.FloatField(), help_text="Training loss of each epoch.")
    notes = serializers.ListField(child=serializers.CharField(), help_text="Such as a batch that was halved.")
    error = serializers.CharField()


class HistogramBinSerializer(serializers.Serializer[dict[str, Any]]):
    """Labels whose probability of being right lies in an interval."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    labels = serializers.IntegerField()


class ReliabilityBinSerializer(serializers.Serializer[dict[str, Any]]):
    """Verified clips of like sureness, and how often the ensemble was right about them."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    clips = serializers.IntegerField()
    confidence = serializers.FloatField(allow_null=True)
    accuracy = serializers.FloatField(allow_null=True)


class CategoryFiguresSerializer(serializers.Serializer[dict[str, Any]]):
    """What a run found of one category."""

    category = serializers.CharField(source="name")
    verified = serializers.IntegerField()
    judged = serializers.IntegerField()
    probably_wrong = serializers.IntegerField()
    expected_wrong = serializers.FloatField(allow_null=True, help_text="Share of the judged labels.")
    would_accept = serializers.IntegerField()
    need = serializers.FloatField()
    quality = serializers.FloatField()
    heard = serializers.IntegerField(help_text="Verified clips judged by networks that did not hear their group.")
    precision = serializers.FloatField(allow_null=True, help_text="Of these networks on these clips.")
    recall = serializers.FloatField(allow_null=True)
    f_score = serializers.FloatField(allow_null=True)


class AcceptancePointSerializer(serializers.Serializer[dict[str, Any]]):
    """What a threshold would accept when the run was done."""

    threshold = serializers.FloatField()
    accepted = serializers.IntegerField()
    assured_precision = serializers.FloatField()


class ConfusionCellSerializer(serializers.Serializer[dict[str, Any]]):
    """Labels of a category that are taken for one; the rarest of very many cells are left out."""

    category = serializers.CharField()
    predicted = serializers.CharField()
    labels = serializers.IntegerField()


class ConfusionSerializer(serializers.Serializer[dict[str, Any]]):
    """What is taken for what."""

    verified = ConfusionCellSerializer(
        many=True, help_text="Verified labels, by what networks hear that did not hear their group."
    )
    given = ConfusionCellSerializer(many=True, help_text="Judged labels, by those that the run would give.")


class FiguresSerializer(serializers.Serializer[dict[str, Any]]):
    """The figures of a finished run; empty before."""

    histogram = HistogramBinSerializer(many=True)
    reliability = ReliabilityBinSerializer(many=True)
    classes = CategoryFiguresSerializer(many=True)
    confusion = ConfusionSerializer(allow_null=True)
    acceptance = AcceptancePointSerializer(many=True)


class RunDetailSerializer(RunSerializer):
    """A run with its iterations, steps and figures."""

    iterations = serializers.SerializerMethodField()
    steps = StepSerializer(many=True)
    figures = serializers.SerializerMethodField()

    @extend_schema_field(IterationSerializer(many=True))
    def get_iterations(self, view: RunView) -> list[dict[str, Any]]:
        """Return the row of each iteration done."""
        return iteration_table(view.run)

    @extend_schema_field(FiguresSerializer)
    def get_figures(self, view: RunView) -> dict[str, Any]:
        """Return what was kept of the run when it finished."""
        curve: list[list[float]] = view.run.summary.get("assured", [])
        found = run_confusion(view.run)
        figures = {
            "histogram": [asdict(each) for each in probability_histogram(view.run)],
            "reliability": [asdict(each) for each in reliability(view.run)],
            "classes": [asdict(each) for each in class_table(view.run)],
            "confusion": found and {"verified": _cells(found.verified), "given": _cells(found.given)},
            "acceptance": [
                {"threshold": threshold, "accepted": int(accepted), "assured_precision": assured}
                for threshold, accepted, assured in curve
            ],
        }
        return dict(FiguresSerializer(figures).data)


def _cells(confusion: Confusion) -> list[dict[str, Any]]:
    names = confusion.classes
    return [
        {"category": names[row], "predicted": names[column], "labels": labels}
        for row, column, labels in confusion.cells
    ]


class GuessSerializer(serializers.Serializer[dict[str, Any]]):
    """A category that the ensemble hears."""

    category = serializers.CharField()
    probability = serializers.FloatField()


class PredictionSerializer(serializers.ModelSerializer[Prediction]):
    """What a run says of one candidate annotation, with the parts of its review priority.

    The context has ``categories``, the names of those that `top` names by their keys.
    """

    clip = serializers.CharField(source="annotation.clip.name", read_only=True)
    audio = serializers.SerializerMethodField()
    category = serializers.CharField(source="category.name", read_only=True)
    predicted = serializers.CharField(source="predicted.name", read_only=True)
    top = serializers.SerializerMethodField()
    accepted = serializers.BooleanField(read_only=True, help_text="Whether a curator has accepted the label unheard.")

    class Meta:
        model = Prediction
        fields = (
            "annotation",
            "clip",
            "audio",
            "category",
            "basis",
            "p_correct",
            "p_members",
            "predicted",
            "top",
            "disagreement",
            "category_need",
            "unreliability",
            "change_per_minute",
            "priority",
            "admitted",
            "would_accept",
            "accepted",
        )
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.URI)
    def get_audio(self, row: Prediction) -> str:
        """Return the absolute address of the clip as FLAC."""
        return reverse("clip-audio", args=[row.annotation.clip_id], request=self.context.get("request"))

    @extend_schema_field(GuessSerializer(many=True))
    def get_top(self, row: Prediction) -> list[dict[str, Any]]:
        """Return the three most probable categories by sound alone."""
        names = self.context["categories"]
        return [{"category": names[int(category)], "probability": probability} for category, probability in row.top]


class AcceptanceSerializer(serializers.Serializer[dict[str, Any]]):
    """What became of a word on some labels."""

    stored = serializers.IntegerField(help_text="Labels for which the word was stored.")
    passed_over = serializers.IntegerField(
        allow_null=True,
        help_text="Labels that stood so already, or that people have settled; null where none was named by its id.",
    )
    queued = serializers.BooleanField(help_text="They are so many that a job stores it; see /api/jobs/.")
    threshold = serializers.FloatField(allow_null=True, help_text="Least probability that was taken.")
