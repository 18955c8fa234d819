"""Labels drawn from honest probabilities and known noise."""

from dataclasses import dataclass

import numpy as np

from ml.verification.probabilities import Floats, Ints


@dataclass(frozen=True, eq=False)
class DrawnLabels:
    """Probabilities (N, K), the truth drawn from them and labels drawn from P(given | true)."""

    p_NK: Floats
    true_N: Ints
    given_N: Ints
    transition_KK: Floats


def draw_classes(p_NK: Floats, generator: np.random.Generator) -> Ints:
    """Draw one class of each row."""
    drawn_N: Ints = (np.cumsum(p_NK, axis=1) < generator.uniform(size=(len(p_NK), 1))).sum(axis=1)
    return np.minimum(drawn_N, p_NK.shape[1] - 1)


def drawn_labels(generator: np.random.Generator, *, clips: int, classes: int) -> DrawnLabels:
    """Draw clips of which 68 % of the labels are right and each class is most often taken for the next."""
    transition_KK = np.full((classes, classes), 0.04) + 0.64 * np.eye(classes)
    transition_KK += (1 - transition_KK.sum(axis=1, keepdims=True)) * np.roll(np.eye(classes), 1, axis=1)
    p_NK = generator.dirichlet(np.full(classes, 0.3), size=clips)
    true_N = draw_classes(p_NK, generator)
    return DrawnLabels(p_NK, true_N, draw_classes(transition_KK[true_N], generator), transition_KK)
