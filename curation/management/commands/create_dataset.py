"""``manage.py create_dataset SLUG [--title T] [--policy FILE.toml] [--curator EMAIL]``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from curation.domain.policy import Policy, PolicyError
from curation.management.row_command import DatasetCommand
from curation.models import Dataset, Role
from curation.services.datasets import DatasetRefusedError, create_dataset, set_policy
from curation.services.members import MemberRefusedError, add_member


class Command(DatasetCommand):
    help = "Make a dataset, or give an existing one a changed policy; what is the same already stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--title", default="", help="name for people")
        parser.add_argument("--policy", type=Path, metavar="FILE.toml", help="fields of the policy; others by default")
        parser.add_argument("--curator", metavar="EMAIL", help="who runs it; an account is made where there is none")

    def handle(self, *, slug: str, title: str, policy: Path | None, curator: str | None, **_: Any) -> None:
        parameters = self._read(policy) if policy else None
        try:
            with transaction.atomic():  # no dataset for a curator's address that is none
                dataset, summary = self._ensure(slug, title, parameters)
                member = add_member(dataset=dataset, email=curator, role=Role.CURATOR) if curator else None
        except (DatasetRefusedError, MemberRefusedError) as error:
            self.stop(error.detail)
        self.stdout.write(summary)
        if member:
            self.say_password(member)
            self.stdout.write(f"{member.user.email} is curator in {slug}.")
        self.say_if_nobody_works_in(dataset)

    def _ensure(self, slug: str, title: str, policy: Policy | None) -> tuple[Dataset, str]:
        dataset = Dataset.objects.filter(slug=slug).first()
        if dataset is None:
            dataset = create_dataset(slug=slug, title=title, policy=policy)
            return dataset, f"Dataset {slug} made, policy version 1."
        if policy is None:
            return dataset, f"Dataset {slug} exists already; nothing changed."
        version = set_policy(dataset=dataset, policy=policy).version
        return dataset, f"Dataset {slug} exists already; policy version {version} is in force."

    def _read(self, path: Path) -> Policy:
        try:
            return Policy.from_document(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            self.stop(f"{path}: {error.strerror}. Mend the path, or let the file be read.")
        except UnicodeDecodeError as error:
            self.stop(f"{path}: byte {error.start} is not UTF-8. Save the file as UTF-8.")
        except tomllib.TOMLDecodeError as error:
            self.stop(f"{path}: not TOML: {error}. Mend that line; it looks like: segment_s = 10.0")
        except PolicyError as error:
            self.stop(f"{path}: {error}")
