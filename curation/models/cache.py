"""The table of Django's database cache, a model only so that migrations make it and tests empty it.

Sign-in is rate limited by counts in the cache. In memory each web process would count for itself; the database
is the one part that all processes share in every set-up.
"""

from __future__ import annotations

from django.db import models


class CacheEntry(models.Model):
    """One value; `django.core.cache.backends.db` alone reads and writes it."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "earmark_cache"
        verbose_name_plural = "cache entries"

    def __str__(self) -> str:
        return self.cache_key
