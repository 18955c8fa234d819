"""Minimising a smooth convex function of many parameters, with numpy alone.

Stacking eight models of 41 classes has 13,489 parameters: too many for the matrix of second derivatives that Newton's
method inverts, few enough for L-BFGS, which guesses its effect from the last few steps. The floor that verifies
labels imports neither scipy nor scikit-learn, hence these lines; they are tested against both.

References
----------
.. [1] J. Nocedal and S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 3.1, 7.4 and 7.5.

Shapes: P parameters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.verification.probabilities import Floats

ValueAndSlope = Callable[[Floats], tuple[float, Floats]]
Steps = deque[tuple[Floats, Floats]]  # pairs of a step and the change of slope along it, oldest first

_MEMORY = 10  # steps kept; Nocedal and Wright find 3 to 20 enough
_ARMIJO = 1e-4  # share of the promised decrease that a step must keep
_SHORTEST = 1e-12  # a shorter step only moves rounding errors


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Attributes
    ----------
    at_P : float64 array [shape=(P,)]
        Parameters.
    value : float
        The function there.
    iterations : int
        Steps taken.
    converged : bool
        Whether the steepest slope there is within the tolerance.
    """

    at_P: Floats
    value: float
    iterations: int
    converged: bool


def minimise(function: ValueAndSlope, start_P: Floats, *, tolerance: float, max_iterations: int) -> Minimum:
    """Minimise a convex function by L-BFGS with backtracking.

    Parameters
    ----------
    function : callable
        Maps parameters to the function's value and its gradient.
    start_P : float64 array [shape=(P,)]
        Where to begin.
    tolerance : float
        The search ends where no component of the gradient is larger.
    max_iterations : int
        The search ends after as many steps in any case.

    Returns
    -------
    Minimum
        The best parameters found.
    """
    at_P, (value, slope_P) = start_P, function(start_P)
    steps: Steps = deque(maxlen=_MEMORY)
    for iteration in range(max_iterations):
        if np.abs(slope_P).max(initial=0.0) <= tolerance:
            return Minimum(at_P, value, iteration, converged=True)
        direction_P = -_unbent(slope_P, steps)
        length = 1.0 if steps else 1.0 / max(1.0, float(np.abs(slope_P).sum()))
        promised = float(slope_P @ direction_P)
        while length > _SHORTEST:
            next_P = at_P + length * direction_P
            next_value, next_slope_P = function(next_P)
            if next_value <= value + _ARMIJO * length * promised:
                break
            length /= 2
        else:  # the value no longer falls within the precision of its sum
            return Minimum(at_P, value, iteration, converged=False)
        change_P = next_slope_P - slope_P
        if float(change_P @ (next_P - at_P)) > 0:
            steps.append((next_P - at_P, change_P))
        at_P, value, slope_P = next_P, next_value, next_slope_P
    converged = bool(np.abs(slope_P).max(initial=0.0) <= tolerance)
    return Minimum(at_P, value, max_iterations, converged=converged)


def _unbent(slope_P: Floats, steps: Steps) -> Floats:
    """Multiply the slope by the inverse curvature that the last steps showed (algorithm 7.4)."""
    result_P = slope_P.copy()
    shares = []
    for step_P, change_P in reversed(steps):
        share = float(step_P @ result_P) / float(step_P @ change_P)
        result_P -= share * change_P
        shares.append(share)
    if steps:
        step_P, change_P = steps[-1]
        result_P *= float(step_P @ change_P) / float(change_P @ change_P)
    for (step_P, change_P), share in zip(steps, reversed(shares), strict=True):
        result_P += (share - float(change_P @ result_P) / float(step_P @ change_P)) * step_P
    return result_P
