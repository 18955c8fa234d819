"""`quantise`: a network's weights in 8 bits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from curation.audio.confined_child import ChildStartError
from curation.audio.errors import AudioRefusedError

UNUSABLE = 2


class Command(BaseCommand):
    help = (
        "Round a network's weights to 8 bits, a quarter of the size (DCASE 2020 task 1b allows 500 KB), and print the "
        "bytes before and after. With a manifest (clip, split, label) also the accuracy on its test part. Needs no "
        "database. Exits 0 when done, 2 if nothing could be written."
    )
    requires_system_checks = ()  # nothing of the web application takes part

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--weights", required=True, type=Path, metavar="W.safetensors", help="the trained network")
        parser.add_argument("--network", required=True, metavar="NAME", help="its name, such as dcase2020-mobilenet")
        parser.add_argument("--classes", required=True, type=int, metavar="N", help="its number of classes")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the network in 8 bits")
        parser.add_argument(
            "--manifest", type=Path, metavar="M.csv", help="clips; those with split = test are predicted"
        )
        parser.add_argument("--audio-root", type=Path, metavar="DIR", help="where the manifest's paths start")
        parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
        parser.add_argument("--processes", type=int, metavar="N", help="processes that decode (default: the cores)")
        parser.add_argument("--work-dir", type=Path, metavar="DIR", help="where features are kept (default: FILE.work)")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 -- Django's signature
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported; see `train_baseline`
        try:
            from ml.services.quantisation import (  # noqa: PLC0415 -- torch may be missing, with a remedy
                HeldOut,
                quantise_network,
            )
        except ModuleNotFoundError as error:
            message = f"{error.name} is not installed. Run `make worker-setup`, then this command again."
            raise CommandError(message, returncode=UNUSABLE) from error
        out, manifest, audio_root = options["out"], options["manifest"], options["audio_root"]
        if (manifest is None) != (audio_root is None):
            message = "--manifest and --audio-root belong together: give both, or neither."
            raise CommandError(message, returncode=UNUSABLE)
        held_out = manifest and HeldOut(
            manifest=manifest,
            audio_root=audio_root,
            work_dir=options["work_dir"] or out.with_name(f"{out.name}.work"),
            device=options["device"],
            processes=options["processes"],
        )
        try:
            quantised = quantise_network(
                weights=options["weights"],
                network=options["network"],
                n_classes=options["classes"],
                out=out,
                held_out=held_out,
            )
        except (AudioRefusedError, ChildStartError, ValueError) as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            message = f"{place}{error.strerror or error}. Mend this and run the command again."
            raise CommandError(message, returncode=UNUSABLE) from error
        self.stdout.write(quantised.summary())
