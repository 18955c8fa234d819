"""Rows of annotation: ratings."""

from annotate.models.rating import Rating

__all__ = ["Rating"]
