"""Which code a run was made by.

A version number says little between releases, and a container has no repository. The digest of the sources that decide
about a run's numbers says it everywhere: two runs with the same digest were made by the same code.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings

DIGEST_CHARS = 12
FOLDERS = ("features", "networks", "training", "verification", "recipes", "services")


@cache
def code_version() -> str:
    """Return the product's version and the digest of label verification's sources, such as ``0.1.0+3f2a…``."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for folder in FOLDERS for path in (root / folder).glob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return f"{settings.SPECTACULAR_SETTINGS['VERSION']}+{digest.hexdigest()[:DIGEST_CHARS]}"
