"""What every command on a dataset does alike: find the dataset, show progress, exit 0, 1 or 2."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Never

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from tqdm import tqdm

from curation.audio.confined_child import ChildStartError
from curation.domain.progress import Progress
from curation.models import Dataset
from curation.services.jobs import LeaseLostError
from curation.services.members import Member
from curation.services.row_import import ImportReport, UnusableFileError
from curation.services.summaries import request_summary

DONE, SOME_REFUSED, UNUSABLE = 0, 1, 2
logger = logging.getLogger(__name__)

# Faults of the machine, and other processes: exit 1, as a traceback ends with, would say that rows were refused.
_BEYOND_THE_COMMAND = (BrokenProcessPool, ChildStartError, InterfaceError, LeaseLostError, OperationalError)
_MIGRATE = "The database lacks tables of this version. Run `manage.py migrate`, then this command again."


class DatasetCommand(BaseCommand):
    """A command with ``--dataset SLUG``; exits 0 when done, 1 if some rows were refused, 2 if nothing could be done."""

    _dataset: Dataset | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--dataset``."""
        parser.add_argument("--dataset", required=True, metavar="SLUG", help="the dataset's short name")

    def dataset(self, slug: str) -> Dataset:
        """Return the dataset, or stop with the remedy."""
        try:
            self._dataset = Dataset.objects.get(slug=slug)
        except Dataset.DoesNotExist:
            known = ", ".join(Dataset.objects.values_list("slug", flat=True)[:10]) or "none yet"
            self.stop(
                f"There is no dataset {slug!r} (known: {known}). "
                f"Make it with `manage.py create_dataset {slug}` or `manage.py import_taxonomy FILE --dataset {slug}`."
            )
        return self._dataset

    def recount(self) -> None:
        """Have the counts of the dataset's page made anew: at once where it is small, by a job where it is not."""
        if self._dataset is not None:
            request_summary(dataset=self._dataset)

    def say_password(self, member: Member) -> None:
        """Show the password of an account that was made or taken back just now: it is stored as a hash alone."""
        if member.taken_back:
            self.stdout.write(
                f"Somebody had signed up as {member.user.email}, and nobody has confirmed that the address is theirs. "
                f"The account has a new password, shown only now: {member.password}\n"
                "Its sessions, tokens and further addresses have ended. Hand the password to the person you mean."
            )
        elif member.password:
            self.stdout.write(f"Account {member.user.email} made. Its password, shown only now: {member.password}")

    def say_if_nobody_works_in(self, dataset: Dataset) -> None:
        """Say how people get into a dataset that nobody but the operator can open."""
        if not dataset.memberships.exists():
            self.stdout.write(
                f"Nobody has a role in {dataset.slug} yet: manage.py add_member {dataset.slug} EMAIL --role curator"
            )

    def stop(self, message: str) -> Never:
        """End the command as unusable."""
        raise CommandError(message, returncode=UNUSABLE)

    @contextmanager
    def progress(self, label: str, unit: str) -> Iterator[Progress]:
        """Show a bar on a terminal, nothing in a pipe."""
        with tqdm(desc=label, unit=unit, disable=not sys.stderr.isatty(), file=sys.stderr) as bar:

            def show(done: int, total: int | None) -> None:
                if total is not None:
                    bar.total = total
                bar.update(done - bar.n)

            yield show

    def finish(self, report: ImportReport, noun: str) -> None:
        """Print what became of the rows and have the dataset counted; exit 1 if some were refused, 2 if all were."""
        if report.accepted or report.refused:
            self.recount()
        self.stdout.write(report.describe(noun))
        if report.refused:
            sys.exit(UNUSABLE if report.nothing_usable else SOME_REFUSED)

    def _execute_on_tables(self, *args: Any, **options: Any) -> str | None:
        """Run the command; make the tables first where the embedded database is new and has none."""
        try:
            return super().execute(*args, **options)
        except OperationalError:
            if connection.vendor != "sqlite" or connection.introspection.table_names():
                raise
        call_command("migrate", verbosity=0)
        self.stderr.write(f"Made the database {connection.settings_dict['NAME']}.")
        return super().execute(*args, **options)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Turn what the command can do nothing about into exit 2 with one line; ``--traceback`` shows the rest."""
        try:
            return self._execute_on_tables(*args, **options)
        except UnusableFileError as error:
            self.stop(str(error))
        except BrokenPipeError:
            raise
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            self.stop(f"{place}{error.strerror or error}. What was stored stays; mend this and run the command again.")
        except ProgrammingError:
            if not _lacks_migrations():
                raise
            self.stop(_MIGRATE)
        except _BEYOND_THE_COMMAND as error:
            if isinstance(error, OperationalError) and _lacks_migrations():
                self.stop(_MIGRATE)
            logger.debug("The command ended with an error.", exc_info=True)
            self.stop(f"{_what_happened(error)}. What was stored stays; run the command again.")


def _lacks_migrations() -> bool:
    """Tell whether the database is of an older version, or new and empty; not if it cannot be asked."""
    try:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except (DatabaseError, InterfaceError):
        return False


def _what_happened(error: Exception) -> str:
    """Return one line without its full stop."""
    if isinstance(error, BrokenProcessPool):
        return "A process that reads audio was killed, perhaps for want of memory; fewer workers need less"
    said = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return f"The database says: {said}" if isinstance(error, InterfaceError | OperationalError) else said
