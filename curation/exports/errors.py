"""What keeps an export from being made."""

from __future__ import annotations


class ExportError(RuntimeError):
    """An export that cannot be made; the message says why and what to do. Nothing was written."""
