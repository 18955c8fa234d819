"""What the published recipes say of clips, in one form.

The papers decide which clips to train on next. People want to know how probable it is that a label is right, and which
labels need not be heard. The probability is the ensemble's of the label. It is made honest by one temperature, found on
verified clips that the models did not hear. Where there are fewer than `ml.verification.calibration.FEWEST` of them,
nothing is accepted unheard, since nobody knows how far the probabilities can be trusted. Rules keep asking the plain
probabilities that their thresholds were made for. A label is accepted unheard if the paper's rule admits it and, of all
that it admits, those accepted are right as often as was asked for (`ml.verification.auto_accept`, by probabilities
alone: the papers estimate no noise, without which verified clips witness nothing). A rule that suits a training set,
such as Nguyen's last one, lets more mistakes pass than a published label may have.

Shapes: N clips, M members, K classes.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.recipes.candidates import Bools, CandidateSet, Floats, Ints
from ml.recipes.plan import State, Verdict
from ml.verification.auto_accept import accept_threshold
from ml.verification.calibration import fit_temperature
from ml.verification.probabilities import NONE, probability_of
from ml.verification.progress_row import IterationRow
from ml.verification.ruled_out import without_ruled_out


def unjudged(candidates: CandidateSet, *, members: int) -> State:
    """Return the part of a state that says of every clip that nothing is known."""
    even = 1 / candidates.n_classes
    return {
        "p": np.full((len(candidates), candidates.n_classes), even),
        "p_members": np.full((members, len(candidates), candidates.n_classes), even),
        "judged": np.zeros(len(candidates), dtype=np.bool_),
        "calibrated": np.zeros(1, dtype=np.bool_),
    }


def judged(
    candidates: CandidateSet, state: State, *, clip_J: Ints, p_NK: Floats, p_MNK: NDArray[np.float64]
) -> tuple[State, float]:
    """Write what an iteration found of its clips into the state; other clips keep what they had.

    Parameters
    ----------
    candidates : CandidateSet
        The clips.
    state : State
        With the entries of `unjudged`.
    clip_J : int64 array
        Clips that the iteration judged.
    p_NK, p_MNK : float64 array
        Probabilities of the ensemble and of its members.

    Returns
    -------
    state : State
        A new one.
    temperature : float
        By which the ensemble's probabilities were made honest; 1 where too few verified clips were judged.
    """
    heard_J = clip_J[candidates.verified_N[clip_J]]
    temperature = fit_temperature(p_NK[heard_J], candidates.label_N[heard_J])
    kept_NK, kept_MNK, known_N = state["p"].copy(), state["p_members"].copy(), state["judged"].copy()
    kept_NK[clip_J] = temperature.apply(p_NK[clip_J])
    kept_MNK[:, clip_J] = p_MNK[:, clip_J]
    known_N[clip_J] = True
    calibrated = state["calibrated"] | temperature.is_fitted
    return {
        **state,
        "p": kept_NK,
        "p_members": kept_MNK,
        "judged": known_N,
        "calibrated": calibrated,
    }, temperature.value


def told(row: IterationRow, **further: float) -> dict[str, Any]:
    """Return an iteration's row as people see it."""
    return {**asdict(row), "map_at_3": row.map_at_3, **further}


def verdict(candidates: CandidateSet, state: State, *, admitted_N: Bools, precision: float) -> Verdict:
    """Say of every clip what the run found.

    Parameters
    ----------
    candidates : CandidateSet
        The clips.
    state : State
        With the entries of `unjudged`.
    admitted_N : bool array [shape=(N,)]
        Non-verified clips whose label the paper's rule admits.
    precision : float
        Share of the labels accepted unheard that is to be right.

    Returns
    -------
    Verdict
        Verified and admitted clips have their label, all others the most probable class of those that people have not
        found absent. Rejected clips, of which the papers know nothing, have none.
    """
    known_N = state["judged"] & candidates.trained_N
    p_correct_N = np.full(len(candidates), np.nan)
    p_correct_N[known_N] = probability_of(state["p"][known_N], candidates.label_N[known_N])
    own_N = admitted_N | candidates.verified_N
    none_N = candidates.rejected_N | candidates.excluded_NK.all(axis=1)
    likeliest_N = without_ruled_out(state["p"], candidates.excluded_NK).argmax(axis=1)
    threshold = accept_threshold(p_correct_N[admitted_N], precision=precision)
    accept_N = admitted_N & state["calibrated"]
    accept_N[admitted_N] &= threshold.accepts(p_correct_N[admitted_N])
    return Verdict(
        p_NK=state["p"],
        p_MNK=state["p_members"],
        p_correct_N=p_correct_N,
        label_N=np.where(none_N, NONE, np.where(own_N, candidates.label_N, likeliest_N)),
        accept_N=accept_N,
    )


def hard_targets(label_S: Ints, n_classes: int) -> Floats:
    """Return labels as distributions that are sure of them."""
    return np.eye(n_classes)[label_S]
