"""``manage.py add_member SLUG EMAIL --role ROLE [--participant CODE] [--name NAME]``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from curation.management.row_command import DatasetCommand
from curation.models import Role
from curation.services.members import MemberRefusedError, add_member


class Command(DatasetCommand):
    help = "Give an account a role in a dataset; an account that does not exist is made and its password shown once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="the dataset's short name")
        parser.add_argument("email", metavar="EMAIL", help="the account's address")
        parser.add_argument("--role", required=True, choices=Role.values, help="run again for a further role")
        parser.add_argument(
            "--participant", default="", metavar="CODE", help="who the account is in the dataset's files"
        )
        parser.add_argument("--name", default="", help="name that a new account shows")

    def handle(self, *, slug: str, email: str, role: str, participant: str, name: str, **_: Any) -> None:
        dataset = self.dataset(slug)
        try:
            member = add_member(dataset=dataset, email=email, role=Role(role), code=participant, name=name)
        except MemberRefusedError as error:
            self.stop(error.detail)
        self.say_password(member)
        self.stdout.write(f"{member.user.email} is {role} in {slug}.")
        if member.participant:
            self.stdout.write(f"{member.user.email} is {member.participant.code} in the files of {slug}.")
        if member.new_code and member.participant:
            self.stdout.write(
                f"Mind: nobody has recorded or judged as {member.participant.code} yet. If the code is mistyped, take "
                "the account off it (/operator/, Participants) and run this again: codes are never merged."
            )
