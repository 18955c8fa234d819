"""What differs between machines in label verification, read from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

TRUNK_FOLDER = "EARMARK_TRUNK_DIR"


@dataclass(frozen=True, kw_only=True)
class VerificationEnv:
    """Settings of one machine.

    Attributes
    ----------
    trunk_dir : Path
        Folder of the pretrained trunks that runs of datasets may use. It need not be there.
    """

    trunk_dir: Path


def read_env() -> VerificationEnv:
    """Read the environment; ``trunks`` in the data folder where ``EARMARK_TRUNK_DIR`` is not set."""
    data_dir: Path = settings.ENV.data_dir
    given = os.environ.get(TRUNK_FOLDER, "")
    return VerificationEnv(trunk_dir=Path(given).expanduser().resolve() if given else data_dir / "trunks")
