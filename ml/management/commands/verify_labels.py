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
from ml.management.dataset_run import UNUSABLE, start_dataset_run

INTERRUPTED = 130  # as a shell says of Ctrl-C
GOES_ON = "Run the command again; it goes on where it was."


class Command(BaseCommand):
    help = (
        "Judge the candidate labels of clips by an ensemble that hears other people's clips only. "
        "With --manifest, --audio-root and --out it needs no database and writes one row for each clip; "
        "a run that is killed goes on where it was when it is started again. "
        "With --dataset and --account it starts a run that workers of the queue gpu do. "
        "Exits 0 when done, 2 if nothing could be written or started."
    )
    requires_system_checks = ()  # nothing of the web application takes part

    def add_arguments(self, parser: CommandParser) -> None:
        labels = parser.add_mutually_exclusive_group(required=True)
        labels.add_argument("--manifest", type=Path, metavar="M.csv", help="clips and their candidates")
        labels.add_argument("--dataset", metavar="SLUG", help="a dataset's short name")
        parser.add_argument("--account", metavar="EMAIL", help="a curator or engineer of the dataset, who asks for it")
        parser.add_argument("--audio-root", type=Path, metavar="DIR", help="where the manifest's paths start")
        parser.add_argument("--recipe", default="earmark", metavar="R", help="how to judge (default: earmark)")
        parser.add_argument(
            "--trunk",
            action="append",
            default=[],
            metavar="FILE",
            help="a pretrained trunk (TorchScript or ONNX, its description beside it) that joins the ensemble; with "
            "--dataset the name of one in the operator's folder; may be given several times",
        )
        parser.add_argument("--out", type=Path, metavar="P.csv", help="the predictions to write")
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
        if options["dataset"] is not None:
            self._check_options(options, needed=["account"], unused=["audio_root", "out", "work_dir", "processes"])
            self.stdout.write(start_dataset_run(options))
            return
        self._check_options(options, needed=["audio_root", "out"], unused=["account"])
        self._verify_manifest(options)

    @staticmethod
    def _check_options(options: dict[str, Any], *, needed: list[str], unused: list[str]) -> None:
        """Refuse what is missing, or would be passed over, beside --manifest or --dataset."""
        which = "--manifest" if options["dataset"] is None else "--dataset"
        wrong = [f"needs --{name}" for name in needed if options[name] is None]
        wrong += [f"does not take --{name}" for name in unused if options[name] is not None]
        if wrong:
            message = f"{which} {wrong[0].replace('_', '-')}."
            raise CommandError(message, returncode=UNUSABLE)

    def _verify_manifest(self, options: dict[str, Any]) -> None:
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
                    trunks=[Path(name) for name in options["trunk"]],
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
