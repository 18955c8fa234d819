"""Candidates of which people have answered some, for tests of what the next run makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.recipes.candidates import Bools, CandidateSet, Ints


def answered(candidates: CandidateSet, true_N: Ints, answered_N: Bools) -> CandidateSet:
    """Let people answer candidates with the truth: right ones are confirmed, wrong ones rejected."""
    answered_N = answered_N & candidates.candidate_N
    right_N = candidates.label_N == true_N
    ruled_out_NK = np.zeros((len(candidates), candidates.n_classes), dtype=np.bool_)
    wrong = np.flatnonzero(answered_N & ~right_N)
    ruled_out_NK[wrong, candidates.label_N[wrong]] = True
    return replace(
        candidates,
        verified_N=candidates.verified_N | (answered_N & right_N),
        ruled_out_NK=ruled_out_NK,
        reviewed_N=answered_N & right_N,
    )


def rejecting(candidates: CandidateSet, clip: int, *classes: int, label: int | None = None) -> CandidateSet:
    """Let people find classes absent from one clip, which keeps its label or gets another, -1 for none."""
    ruled_out_NK = candidates.excluded_NK.copy()
    ruled_out_NK[clip, list(classes)] = True
    label_N = candidates.label_N.copy()
    label_N[clip] = label_N[clip] if label is None else label
    return replace(candidates, ruled_out_NK=ruled_out_NK, label_N=label_N)
