"""The report of a baseline: Markdown for a data card, JSON for programs, the confusion matrix as CSV, the weights.

The tables are CochlScene's table III (precision, recall and F-score by class with their averages) and figure 2 (the
confusion matrix) [1]_. The averages are plain means over classes, as theirs are: 0.655, the mean of thirteen F-scores.

Two things the paper need not say: the precision of a class that was never predicted counts as 0, since leaving it out
would reward a network that gives up on a class; a class without a test clip has no scores and no part in the averages.

Nothing in the report depends on the time or the place of the run, so that the same run gives the same files.

References
----------
.. [1] I.-Y. Jeong and J. Park, "CochlScene: Acquisition of acoustic scene data using crowdsourcing", 2022,
   section IV.B.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from curation.exports.cells import cell, plain_text
from ml.metrics import class_scores
from ml.networks.parameter_count import count_parameters
from ml.networks.registry import NETWORKS, build
from ml.services.baseline import Baseline
from ml.services.baseline_clips import PARTS
from ml.training.checkpoint import write_tensors

FORMAT = 1
MARKER = "earmark_baseline"
MARKDOWN, JSON, CSV, WEIGHTS = "baseline.md", "baseline.json", "confusion_matrix.csv", "weights.safetensors"
FILES = (MARKDOWN, JSON, CSV, WEIGHTS)
SCORES = ("precision", "recall", "f_score")


def check_folder(out: Path) -> None:
    """Refuse a folder that holds anything but an earlier report.

    Parameters
    ----------
    out : Path
        The folder; it may be missing, its parent may not.

    Raises
    ------
    ValueError
        If there is something else.
    """
    if not out.parent.is_dir():
        message = f"{out}: the folder {out.parent} does not exist. Make it first."
        raise ValueError(message)
    if not out.exists():
        return
    found = sorted(path.name for path in out.iterdir()) if out.is_dir() else [out.name]
    found = [name for name in found if not _is_unfinished(name)]
    others = [name for name in found if name not in FILES]
    if not others and found and not _is_report(out / JSON):
        others = found
    if others:
        message = f"{out} holds {others[0]!r}, which is no report of a baseline. Name a new folder."
        raise ValueError(message)


def write_report(out: Path, baseline: Baseline) -> None:
    """Write a baseline's files into a folder; each appears whole, the JSON file first, by which a report is known.

    Parameters
    ----------
    out : Path
        The folder; it is made, and an earlier report in it is replaced.
    baseline : Baseline
        What to report.

    Raises
    ------
    ValueError
        If the folder holds anything else.
    """
    check_folder(out)
    document = report_document(baseline)
    out.mkdir(exist_ok=True)
    _write(out / JSON, json.dumps(document, indent=1, sort_keys=True) + "\n")
    _write(out / CSV, _confusion_csv(document))
    _write(out / MARKDOWN, report_markdown(document))
    described = {
        "network": baseline.network,
        "options": json.dumps(dict(baseline.options)),
        "classes": json.dumps(list(baseline.clips.classes)),
        "mean": repr(baseline.normalisation.mean),
        "deviation": repr(baseline.normalisation.deviation),
    }
    write_tensors(out / WEIGHTS, baseline.weights, described)


def report_document(baseline: Baseline) -> dict[str, Any]:
    """Return all that is known of a baseline, as JSON has it.

    Scores of classes without a test clip are None.
    """
    confusion_KK = baseline.confusion_KK
    scores = class_scores(confusion_KK, zero_division=0.0)
    classes = [plain_text(name) for name in baseline.clips.classes]
    columns = np.stack([scores.precision_K, scores.recall_K, scores.f1_K])
    occurs_K = scores.support_K > 0
    with torch.device("meta"):
        network = build(baseline.network, len(classes), **baseline.options)
    return {
        MARKER: FORMAT,
        "network": {
            "name": baseline.network,
            "options": dict(baseline.options),
            "paper": NETWORKS[baseline.network].paper,
            "trainable_parameters": count_parameters(network).trainable,
        },
        "features": asdict(baseline.features),
        "training": asdict(baseline.training),
        "seed": baseline.seed,
        "device": baseline.device,
        **({"processes": baseline.processes} if baseline.processes > 1 else {}),
        "torch": torch.__version__,
        "normalisation": asdict(baseline.normalisation),
        "source": dict(baseline.clips.source),
        "left_out": dict(baseline.clips.left_out),
        "clips": {part: len(baseline.clips.numbers(part)) for part in PARTS},
        "epochs": len(baseline.result.records),
        "best_epoch": baseline.best.epoch,
        "validation_accuracy": baseline.best.validation["accuracy"],
        "accuracy": float(np.trace(confusion_KK) / confusion_KK.sum()),
        "classes": [
            {"label": name, "clips": int(scores.support_K[k])}
            | {score: float(columns[row, k]) if occurs_K[k] else None for row, score in enumerate(SCORES)}
            for k, name in enumerate(classes)
        ],
        "average": {score: float(columns[row, occurs_K].mean()) for row, score in enumerate(SCORES)},
        "confusion": confusion_KK.tolist(),
    }


def report_markdown(document: dict[str, Any]) -> str:
    """Return a section of a data card.

    Parameters
    ----------
    document : dict
        As `report_document` returns it.
    """
    clips, network = document["clips"], document["network"]
    labels = [_escaped(row["label"]) for row in document["classes"]]
    rows = [
        [label, *(_number(row[score]) for score in SCORES), f"{row['clips']:,}"]
        for label, row in zip(labels, document["classes"], strict=True)
    ]
    average = ["Average", *(_number(document["average"][score]) for score in SCORES), f"{clips['test']:,}"]
    confusion = [[label, *map(str, counts)] for label, counts in zip(labels, document["confusion"], strict=True)]
    left_out = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in document["left_out"].items())
    sections = [
        "## Baseline",
        f"Accuracy on the test part: **{_number(document['accuracy'])}** ({clips['test']:,} clips, {len(labels)} "
        f"classes).\n\nNetwork `{network['name']}` ({network['paper']}; {network['trainable_parameters']:,} trainable "
        f"parameters), trained on {clips['train']:,} clips. Of {document['epochs']} epochs, epoch "
        f"{document['best_epoch']} was the best on the validation part ({clips['val']:,} clips, accuracy "
        f"{_number(document['validation_accuracy'])}). {_source(document)} Seed {document['seed']}."
        + (f" Clips left out: {left_out}." if left_out else ""),
        _table(["Label", "Precision", "Recall", "F-score", "Clips"], [*rows, average]),
        "### Confusion matrix",
        "Rows: label. Columns: prediction.",
        _table(["", *labels], confusion),
    ]
    return "\n\n".join(sections) + "\n"


def _source(document: dict[str, Any]) -> str:
    source = document["source"]
    if "dataset" in source:
        return f"Parts: split {source['split']} of `{source['dataset']}`."
    return f"Parts: `{plain_text(source['manifest'])}`."


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _confusion_csv(document: dict[str, Any]) -> str:
    labels = [cell(row["label"]) for row in document["classes"]]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["label", *labels])
    writer.writerows([label, *counts] for label, counts in zip(labels, document["confusion"], strict=True))
    return text.getvalue()


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _is_unfinished(name: str) -> bool:
    """Tell what a killed run may have left of one of the files."""
    return name.endswith(".part") and any(name.startswith(f".{file}.") for file in FILES)


def _is_report(path: Path) -> bool:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and MARKER in document


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
