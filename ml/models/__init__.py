"""Rows of label verification: runs, predictions, and what curators accepted. None of them imports torch."""

from ml.models.acceptance import AcceptanceEvent, AcceptanceKind
from ml.models.choice import ChoiceEvent, ChoiceKind
from ml.models.prediction import Prediction, PredictionBasis
from ml.models.run import RecipeName, RunDevice, VerificationRun

__all__ = [
    "AcceptanceEvent",
    "AcceptanceKind",
    "ChoiceEvent",
    "ChoiceKind",
    "Prediction",
    "PredictionBasis",
    "RecipeName",
    "RunDevice",
    "VerificationRun",
]
