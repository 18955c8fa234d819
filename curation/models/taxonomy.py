"""Categories: a directed acyclic graph, as in the AudioSet ontology (a category may have several parents)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from curation.models.dataset import Dataset


class Restriction(models.TextChoices):
    """AudioSet's restrictions on the use of a category."""

    ABSTRACT = "abstract", _("Abstract")  # groups others, not itself a label
    BLACKLIST = "blacklist", _("Blacklisted")  # too obscure or confusing to be a label


class Category(models.Model):
    """One kind of sound, or one acoustic scene."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="categories")
    external_id = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    # The name in file names: letters and digits alone ("CrowdedIndoor"), unique within the dataset.
    file_label = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    citation_uri = models.CharField(max_length=500, blank=True)
    restrictions: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    examples: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    parents: models.ManyToManyField[Category, CategoryParent] = models.ManyToManyField(
        "self",
        through="CategoryParent",
        through_fields=("child", "parent"),
        symmetrical=False,
        related_name="children",
    )

    class Meta:
        ordering = ("name", "id")
        verbose_name_plural = "categories"
        constraints = (
            models.UniqueConstraint(fields=["dataset", "external_id"], name="category_id_unique"),
            models.UniqueConstraint(fields=["dataset", "name"], name="category_name_unique"),
            models.UniqueConstraint(fields=["dataset", "file_label"], name="category_file_label_unique"),
            models.CheckConstraint(
                condition=~models.Q(name="") & ~models.Q(external_id="") & ~models.Q(file_label=""),
                name="category_named",
            ),
        )

    def __str__(self) -> str:
        return self.name


class CategoryParent(models.Model):
    """An edge of the graph; that it has no cycle is checked by the service that writes it."""

    child = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="parent_edges")
    parent = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="child_edges")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["child", "parent"], name="category_parent_unique"),
            models.CheckConstraint(condition=~models.Q(child=models.F("parent")), name="category_not_own_parent"),
        )

    def __str__(self) -> str:
        return f"{self.child_id} in {self.parent_id}"
