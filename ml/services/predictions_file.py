"""The predictions of a run as a CSV file, one row for each clip of the manifest, in its order."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.recipes.candidates import CandidateSet
from ml.recipes.plan import Verdict
from ml.services.manifest import SEPARATOR
from ml.verification.priority import PriorityConfig, priorities
from ml.verification.probabilities import NONE

HEADER = ("clip", "predicted_label", "top3", "p_label_correct", "priority", "auto_accept")
TOP = 3


def write_predictions(path: Path, *, names: Sequence[str], candidates: CandidateSet, verdict: Verdict) -> None:
    """Write the file; it appears whole or not at all.

    Parameters
    ----------
    path : Path
        The file; one of the same name is replaced.
    names : sequence of str
        Names of the clips.
    candidates : CandidateSet
        The clips.
    verdict : Verdict
        What the run says of them.

    Notes
    -----
    ``p_label_correct`` is empty where there is no candidate label, or nobody could judge it, and 0 where people
    rejected the label. ``priority`` and ``auto_accept`` are those of non-verified clips; elsewhere there is nothing to
    review and both are 0. Classes that people ruled out are not among ``top3``. A clip that a run gives no class has no
    labels.
    """
    judged = candidates.candidate_N
    score_N = np.zeros(len(candidates))
    score_N[judged] = priorities(
        p_correct_N=verdict.p_correct_N[judged],
        p_ENK=verdict.p_MNK[:, judged],
        candidate_N=candidates.label_N[judged],
        duration_s_N=candidates.duration_s_N[judged],
        need_K=np.ones(candidates.n_classes),
        quality_K=np.ones(candidates.n_classes),
        config=PriorityConfig(),
    ).score_N
    order_NK = np.argsort(-verdict.p_NK, axis=1, kind="stable")
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            for n, name in enumerate(names):
                first = int(verdict.label_N[n])
                others = [int(k) for k in order_NK[n] if k != first and not candidates.excluded_NK[n, k]]
                top = [] if first == NONE else [candidates.classes[k] for k in [first, *others][:TOP]]
                p_correct = verdict.p_correct_N[n]
                writer.writerow(
                    [
                        name,
                        top[0] if top else "",
                        SEPARATOR.join(top),
                        "" if np.isnan(p_correct) else f"{p_correct:.6g}",
                        f"{score_N[n]:.6g}",
                        int(verdict.accept_N[n]),
                    ]
                )
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
