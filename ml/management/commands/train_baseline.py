"""`train_baseline`: what a plain network makes of a split, for a release's data card."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from curation.audio.errors import AudioRefusedError
from curation.management.row_command import DatasetCommand

if TYPE_CHECKING:
    from ml.services.baseline import Baseline


class Command(DatasetCommand):
    help = (
        "Train a network on the train part of a split, stop early on val, and report on test: accuracy, precision, "
        "recall and F-score by class, and the confusion matrix, as Markdown, JSON and CSV. Takes the latest split of a "
        "dataset (--dataset), or a CSV file with the columns clip, split and label (--manifest), which needs no "
        "database. A training that is killed goes on where it was when it is started again. Several processes "
        "that torchrun starts share a training: `torchrun --nproc-per-node N manage.py train_baseline …`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--dataset", metavar="SLUG", help="the dataset's short name")
        source.add_argument("--manifest", type=Path, metavar="M.csv", help="clip, split (train, val, test) and label")
        parser.add_argument("--audio-root", type=Path, metavar="DIR", help="where the manifest's paths start")
        parser.add_argument("--network", default="cochlscene", metavar="NAME", help="default: cochlscene")
        parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new folder, or an earlier report")
        parser.add_argument("--epochs", type=int, metavar="N", help="at most so many (default: those of the paper)")
        parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
        parser.add_argument("--seed", type=int, default=0, metavar="N")
        parser.add_argument("--processes", type=int, metavar="N", help="processes that decode (default: the cores)")
        parser.add_argument(
            "--work-dir", type=Path, metavar="DIR", help="where features and the training are kept (default: OUT.work)"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 -- Django's signature
        # Before torch is imported: its threads wait in loops for work that small networks do not give them.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            from ml.services import baseline, baseline_processes  # noqa: PLC0415 -- torch may be missing, with a remedy
        except ModuleNotFoundError as error:
            self.stop(f"{error.name} is not installed. Run `make worker-setup`, then this command again.")
        if options["manifest"] and not options["audio_root"]:
            self.stop("--manifest needs --audio-root DIR, the folder that the clips' paths start from.")
        try:
            with baseline_processes.joined(options["device"]) as is_first:
                if is_first:
                    self._report(options, baseline.train_baseline)
        except (AudioRefusedError, ArithmeticError, ValueError) as error:
            self.stop(str(error))
        baseline_processes.end_if_shared()

    def _report(self, options: dict[str, Any], train_baseline: Callable[..., Baseline]) -> None:
        from ml.services import baseline_clips, baseline_report  # noqa: PLC0415 -- they import torch

        out = options["out"]
        baseline_report.check_folder(out)
        clips = (
            baseline_clips.clips_of_manifest(options["manifest"], audio_root=options["audio_root"])
            if options["manifest"]
            else baseline_clips.clips_of_dataset(self.dataset(options["dataset"]))
        )
        with self.progress("features", "clip") as progress:
            found = train_baseline(
                clips=clips,
                network=options["network"],
                work_dir=options["work_dir"] or out.with_name(f"{out.name}.work"),
                epochs=options["epochs"],
                device=options["device"],
                seed=options["seed"],
                processes=options["processes"],
                say=self._say,
                progress=progress,
            )
        baseline_report.write_report(out, found)
        self.stdout.write((out / baseline_report.MARKDOWN).read_text(encoding="utf-8"))
        self.stdout.write(f"{out}: {', '.join(baseline_report.FILES)}.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
