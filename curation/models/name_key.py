"""The column by which a clip is found whatever the case of its name.

No database folds case as Python and file systems do (SQLite knows ASCII only, PostgreSQL what its locale says), so
that an index over an expression would miss names; see `curation.domain.naming.name_key`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from curation.domain.naming import name_key

if TYPE_CHECKING:
    _Base = models.BigIntegerField[int | None, int | None]
else:
    _Base = models.BigIntegerField


class NameKeyField(_Base):
    """Filled from the row's `name` whenever the row is written."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: ARG002, FBT001 -- Django's signature
        """Return the key of the name."""
        key = name_key(getattr(model_instance, "name"))  # noqa: B009 -- not every model has one
        setattr(model_instance, self.attname, key)
        return key
