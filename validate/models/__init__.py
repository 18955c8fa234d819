"""Rows of validation: votes."""

from validate.models.vote import Vote

__all__ = ["Vote"]
