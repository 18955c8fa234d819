"""Fail if CI skipped a test that it should have run: a skipped test shows nothing.

Three reasons are accepted, since CI cannot mend them: a machine without an accelerator, a clone without the
real input beside it, and SQLite's query plans on PostgreSQL (CI runs them on SQLite). All are printed.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ACCEPTED = ("no real input beside the project", "no accelerator", "plans are SQLite's")


def main(path: Path) -> None:
    """Read a JUnit file; exit 1 if a test was skipped for another reason, or if no browser test ran."""
    refused, browser_tests = [], 0
    for case in ET.parse(path).getroot().iter("testcase"):  # noqa: S314 -- pytest wrote it just now
        name = f"{case.get('classname')}::{case.get('name')}"
        skipped = case.find("skipped")
        if skipped is None:
            browser_tests += ".e2e." in name
            continue
        reason = skipped.get("message") or ""
        print(f"skipped: {name}: {reason}")
        if not any(accepted in reason for accepted in ACCEPTED):
            refused.append(name)
    if refused:
        sys.exit(f"{len(refused)} tests were skipped that CI must run.")
    if not browser_tests and "rabbitmq" not in path.name:
        sys.exit("No browser test ran.")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
