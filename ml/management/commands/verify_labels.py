"""`verify_labels`: have an ensemble judge candidate labels."""

from __future__ import annotations

import os
import sys
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from curation.audio.confined_child import ChildStartError

UNUSABLE = 2
INTERRUPTED = 130  # as a shell says of Ctrl-C
GOES_ON = "Run the command again; it goes on where it was."


class Command(BaseCommand):
    help = (
        "Judge the candidate labels of clips by an ensemble that hears other people's clips only. "
        "Takes a manifest and a folder; needs no database. Writes one row for each clip. "
        "A run that is killed goes on where it was when it is started again. "
        "Exits 0 when done, 2 if nothing could be written."
    )
    requires_system_checks = ()  # nothing of the web application takes part

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--manifest", required=True, type=Path, metavar="M.csv", help="clips and their candidates")
        parser.add_argument(
            "--audio-root", required=True, type=Path, metavar="DIR", help="where the clips' paths start"
        )
        parser.add_argument("--recipe", default="earmark", metavar="R", help="how to judge (default: earmark)")
        parser.add_argument("--out", required=True, type=Path, metavar="P.csv", help="the predictions to write")
        parser.add_argument(
            "--budget-minutes", type=float, metavar="N", help="train less so as to be done in about so long"
        )
        parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
        parser.add_argument("--seed", type=int, default=0, metavar="N")
        parser.add_argument(
            "--precision",
            type=float,
            default=0.99,
            metavar="P",
            help="share of accepted labels that is to be right (0.99)",
        )
        parser.add_argument("--processes", type=int, metavar="N", help="steps at the same time (default: the cores)")
        parser.add_argument(
            "--work-dir", type=Path, metavar="DIR", help="where the run and features are kept (default: beside P.csv)"
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 -- Django's signature
        # Before torch is imported: its threads wait in loops for work that small networks do not give them.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            from ml.features.store import StoreLockedError  # noqa: PLC0415 -- torch may be missing, with a remedy
            from ml.services import manifest_run  # noqa: PLC0415 -- torch may be missing, with a remedy
        except ModuleNotFoundError as error:
            message = f"{error.name} is not installed. Run `make worker-setup`, then this command again."
            raise CommandError(message, returncode=UNUSABLE) from error
        try:
            with ExitStack() as stack:
                bar = stack.enter_context(_Bar())
                summary = manifest_run.verify_manifest(
                    manifest=options["manifest"],
                    audio_root=options["audio_root"],
                    recipe=options["recipe"],
                    out=options["out"],
                    budget_minutes=options["budget_minutes"],
                    device=options["device"],
                    seed=options["seed"],
                    precision=options["precision"],
                    processes=options["processes"],
                    work_dir=options["work_dir"],
                    say=self._say,
                    progress=bar.show,
                )
        except (ValueError, ArithmeticError) as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        except (ChildStartError, StoreLockedError) as error:
            message = f"{error} {GOES_ON}"
            raise CommandError(message, returncode=UNUSABLE) from error
        except BrokenProcessPool as error:
            message = f"A process was killed, perhaps for want of memory; fewer --processes need less. {GOES_ON}"
            raise CommandError(message, returncode=UNUSABLE) from error
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            message = f"{place}{error.strerror or error}. Mend this. {GOES_ON}"
            raise CommandError(message, returncode=UNUSABLE) from error
        except KeyboardInterrupt as error:
            message = f"Stopped. {GOES_ON}"
            raise CommandError(message, returncode=INTERRUPTED) from error
        self.stdout.write(summary)


class _Bar:
    """A bar for each phase, on a terminal."""

    def __enter__(self) -> Self:
        self._bar: Any = None
        self._label = ""
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, label: str, done: int, total: int) -> None:
        """Move the bar of a phase."""
        if not sys.stderr.isatty():
            return
        if label != self._label:
            self.__exit__()
            self._bar, self._label = tqdm(desc=label, total=total, file=sys.stderr), label
        self._bar.update(done - self._bar.n)
