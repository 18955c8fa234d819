"""The counts of a dataset, kept so that its page is quick at a million clips. Everything here can be made again."""

from __future__ import annotations

from typing import Any

from django.db import models

from curation.models.dataset import Dataset


class DatasetSummary(models.Model):
    """What `curation.selectors.summaries` counted last, and when."""

    dataset = models.OneToOneField(Dataset, on_delete=models.CASCADE, related_name="summary")
    # {"stages": {name: [passed, [[note, n], …]]}, "categories": [{…}], "parts": {name: {…}},
    # "cost_s": seconds that counting took}
    document: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "dataset summaries"

    def __str__(self) -> str:
        return f"{self.dataset} at {self.computed_at:%Y-%m-%d %H:%M}"
