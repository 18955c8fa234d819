"""Style and scripts, served by the web process; their folder is made when it begins, and by nothing else."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, which warns of a folder that is not there yet."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        super().__init__(*arguments, **named)
