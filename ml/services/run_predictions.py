"""Writing down what a run says of each annotation, and why people should hear it early or late.

Rows are added in blocks, each in a transaction with the job's checkpoint, so that a worker that lost the job adds
nothing; a block that is there already is passed over, since the same run always says the same.

Classes that people ruled out for a clip are left out of all that is said of it: of members, of their disagreement and
of what the ensemble hears.

Shapes: A annotations, B annotations of a block, M members, K classes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from django.db import transaction

from ml.models import Prediction, PredictionBasis, VerificationRun
from ml.recipes.candidates import Floats, Ints
from ml.selectors.needs import CategoryNeeds
from ml.services.judged_labels import JudgedLabels
from ml.services.label_standing import refresh_standing
from ml.verification.priority import Priorities, PriorityConfig, priorities
from ml.verification.ruled_out import without_ruled_out

BLOCK_ROWS = 1_000
TOP = 3
DECIMALS = 6  # of probabilities in lists
ANSWERED = (PredictionBasis.VERIFIED.value, PredictionBasis.REJECTED.value)


def write_predictions(
    *,
    run: VerificationRun,
    labels: JudgedLabels,
    needs: CategoryNeeds,
    written: int,
    on_block: Callable[[int], None],
) -> None:
    """Add a row for each annotation.

    Parameters
    ----------
    run : VerificationRun
        The run.
    labels : JudgedLabels
        What it says.
    needs : CategoryNeeds
        Need and quality of each class.
    written : int
        Annotations whose rows are there already.
    on_block : callable
        Told how many are, inside the transaction that adds them, so that an error undoes the block.
    """
    for start in range(written, len(labels.place_A), BLOCK_ROWS):
        block_B = np.arange(start, min(start + BLOCK_ROWS, len(labels.place_A)))
        rows = _rows(run, labels, needs, block_B)
        with transaction.atomic():
            Prediction.objects.bulk_create(rows, ignore_conflicts=True)
            # People have settled and curators accepted labels while the run went on.
            refresh_standing(annotation_ids=[row.annotation_id for row in rows])
            on_block(start + len(rows))


def _rows(run: VerificationRun, labels: JudgedLabels, needs: CategoryNeeds, block_B: Ints) -> list[Prediction]:
    row_B, class_B, verdict = labels.row_A[block_B], labels.class_A[block_B], labels.verdict
    category_K = labels.snapshot.category_K
    annotation_B = labels.snapshot.annotation_A[labels.place_A[block_B]]
    excluded_BK = labels.snapshot.candidates.excluded_NK[row_B]
    p_BK = without_ruled_out(verdict.p_NK[row_B], excluded_BK)
    p_MBK = np.stack([without_ruled_out(p_NK[row_B], excluded_BK) for p_NK in verdict.p_MNK])
    found = _priorities(labels, needs, block_B, p_MBK)
    top_BK = np.argsort(-p_BK, axis=1, kind="stable")[:, :TOP]
    return [
        Prediction(
            run=run,
            annotation_id=int(annotation_B[b]),
            category_id=int(category_K[class_B[b]]),
            basis=labels.basis_A[place],
            p_correct=float(labels.p_correct_A[place]),
            p_members=_rounded(p_MBK[:, b, class_B[b]]),
            predicted_id=int(category_K[verdict.label_N[row_B[b]]]),
            top=[[int(category_K[k]), round(float(p_BK[b, k]), DECIMALS)] for k in top_BK[b] if not excluded_BK[b, k]],
            disagreement=float(found.disagreement_N[b]),
            category_need=float(found.category_need_N[b]),
            unreliability=float(found.unreliability_N[b]),
            change_per_minute=float(found.change_per_minute_N[b]),
            # What people have answered is not to be heard again.
            priority=0.0 if labels.basis_A[place] in ANSWERED else min(1.0, float(found.score_N[b])),
            admitted=bool(labels.admitted_A[place]),
            would_accept=bool(labels.would_accept_A[place]),
        )
        for b, place in enumerate(block_B.tolist())
    ]


def _priorities(labels: JudgedLabels, needs: CategoryNeeds, block_B: Ints, p_MBK: Floats) -> Priorities:
    row_B = labels.row_A[block_B]
    return priorities(
        p_correct_N=labels.p_correct_A[block_B],
        p_ENK=p_MBK,
        candidate_N=labels.class_A[block_B],
        duration_s_N=labels.snapshot.candidates.duration_s_N[row_B],
        need_K=needs.need_K,
        quality_K=needs.quality_K,
        config=PriorityConfig(),
    )


def _rounded(p_M: Floats) -> list[float]:
    return [round(float(p), DECIMALS) for p in p_M]
