"""Rows that are judgements: written once, never edited.

Python refuses first, with a message; a trigger (see the migrations) refuses raw UPDATE too. Raw DELETE stays
possible for whoever has the database's password: a person may have to be forgotten by law.
"""

from __future__ import annotations

from typing import Any, Never, TypeVar

from django.db import models

_Row_co = TypeVar("_Row_co", bound=models.Model, covariant=True)


class AppendOnlyError(TypeError):
    """An attempt to edit or delete a judgement."""


class AppendOnlyQuerySet(models.QuerySet[_Row_co]):
    """A queryset that adds and reads."""

    def _refuse(self) -> Never:
        message = f"{self.model._meta.verbose_name_plural} are append-only: add a row instead."
        raise AppendOnlyError(message)

    def update(self, **kwargs: Any) -> Never:  # noqa: ARG002 -- the signature is Django's
        """Refuse."""
        self._refuse()

    def bulk_update(self, *args: Any, **kwargs: Any) -> Never:  # noqa: ARG002 -- the signature is Django's
        """Refuse."""
        self._refuse()

    def delete(self) -> Never:
        """Refuse."""
        self._refuse()


class AppendOnlyModel(models.Model):
    """A row that is inserted once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; refuse to write over a stored row."""
        if not self._state.adding:
            message = f"{self._meta.verbose_name_plural} are append-only: add a row instead."
            raise AppendOnlyError(message)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:  # noqa: ARG002 -- the signature is Django's
        """Refuse."""
        message = f"{self._meta.verbose_name_plural} are append-only: they cannot be deleted."
        raise AppendOnlyError(message)
