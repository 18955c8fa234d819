"""``split``: divide participants into training, validation and test."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from curation.domain.greedy_split import PARTS
from curation.domain.policy import Policy
from curation.domain.shares import Shares
from curation.domain.split_gaps import remedy, split_gaps
from curation.management.row_command import SOME_REFUSED, DatasetCommand
from curation.models import Split
from curation.selectors.splits import participants_by_subset
from curation.services.split_manifest import split_manifest
from curation.services.splits import METHODS, SplitError, make_split, shares_that_help, write_split


class Command(DatasetCommand):
    help = (
        "Divide participants into training, validation and test so that no class is over its share: "
        "of a dataset (--dataset), or of a CSV file with the columns clip, category and participant (--manifest)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--dataset", metavar="SLUG", help="the dataset's short name")
        source.add_argument("--manifest", type=Path, metavar="FILE.csv", help="a manifest; no database is needed")
        parser.add_argument("--method", choices=METHODS, default=METHODS[0], help="how to divide (default: greedy)")
        parser.add_argument("--train", metavar="SHARE", help="most of each class in training (default: the policy's)")
        parser.add_argument("--val", metavar="SHARE", help="most of each class in validation (default: the policy's)")
        parser.add_argument("--out", type=Path, metavar="FILE.csv", help="where to write clip and split")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 -- the signature is Django's
        out = options["out"]
        if out and not out.parent.is_dir():
            self.stop(f"{out}: the folder {out.parent} does not exist. Make it first.")
        try:
            if options["manifest"]:
                self._split_manifest(options["manifest"], out, options["train"], options["val"])
            else:
                self._split_dataset(**{name: options[name] for name in ("dataset", "method", "train", "val", "out")})
        except (SplitError, OSError) as error:
            self.stop(str(error))

    def _split_dataset(
        self, *, dataset: str, method: str, train: str | None, val: str | None, out: Path | None
    ) -> None:
        with self.progress("split", "annotation") as progress:
            split = make_split(dataset=self.dataset(dataset), method=method, train=train, val=val, progress=progress)
        self._show(split.table, participants_by_subset(split))
        self.stdout.write(f"Split {split.number} of {dataset}: {_terms(split)}.")
        self._warn(split_gaps(split.table, split.parameters), lambda: shares_that_help(split))
        if out:
            self.stdout.write(f"{out}: {write_split(split=split, path=out)} clips.")

    def _split_manifest(self, manifest: Path, out: Path | None, train: str | None, val: str | None) -> None:
        if out is None:
            self.stop("--manifest needs --out FILE.csv, the file to write.")
        policy = Policy()
        try:
            shares = Shares.parse(
                policy.train_share if train is None else train, policy.val_share if val is None else val
            )
        except ValueError as error:
            self.stop(str(error))
        with self.progress("split", "B") as progress:
            result = split_manifest(manifest=manifest, out=out, shares=shares, progress=progress)
        self._show(result.table, result.participants)
        self.stdout.write(f"{out}: {result.clips} clips.")
        self._warn(split_gaps(result.table, shares.to_document()), lambda: result.helpful)
        if result.refused_path:
            for reason, count in result.refusals_by_reason.most_common():
                self.stdout.write(f"  {reason}: {count}")
            self.stdout.write(f"The refused rows stand in {result.refused_path}.")
            sys.exit(SOME_REFUSED)

    def _show(self, table: dict[str, dict[str, int]], participants: dict[str, int]) -> None:
        """Print clips and shares by class and part, and participants by part."""
        width = max(len(name) for name in (*table, "participants"))
        self.stdout.write(f"{'class':<{width}} {'clips':>10}" + "".join(f" {part:>18}" for part in PARTS))
        for name, clips in (*sorted(table.items()), ("participants", participants)):
            total = sum(clips.values())
            cells = "".join(f" {clips[part]:>10} {clips[part] / total:>7.2%}" for part in PARTS)
            self.stdout.write(f"{name:<{width}} {total:>10}{cells}")

    def _warn(self, gaps: list[str], helpful: Callable[[], Shares | None]) -> None:
        for gap in gaps:
            self.stdout.write(f"Mind: {gap}")
        if gaps:
            self.stdout.write(remedy(helpful()))


def _terms(split: Split) -> str:
    shares = ", ".join(f"{part} at most {split.parameters[part]}" for part in PARTS if part in split.parameters)
    return f"{split.method}, {shares} of each class"
