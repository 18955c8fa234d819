"""Waiting for something inside a page.

Playwright's own ``wait_for_function`` evaluates text inside the page again and again, which the pages' content
security policy forbids; asking from outside does not.
"""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

STEP_MS = 20
PATIENCE_S = 15.0


def wait_until(page: Page, expression: str, argument: Any = None) -> None:
    """Wait until an expression (or a function of one argument) is true in the page."""
    patience = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression, argument):
        assert time.monotonic() < patience, f"never came true: {expression}"
        page.wait_for_timeout(STEP_MS)
