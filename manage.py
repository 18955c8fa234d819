#!/usr/bin/env python
"""Run Earmark's command line."""

import os
import sys


def main() -> None:
    """Hand the arguments to Django with Earmark's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.settings")
    try:
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. Run `make setup` first, then `.venv/bin/python manage.py …`.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
