"""Checks of configuration fields: each names the field, what was found and what is expected."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite


def at_least(name: str, value: float | None, least: float) -> None:
    """Refuse a number below `least`; None stands for "not set" and passes.

    Raises
    ------
    ValueError
        If the number is smaller, or not finite.
    """
    if value is not None and not (isfinite(value) and value >= least):
        message = f"{name} = {value}: expected at least {least}."
        raise ValueError(message)


def within(name: str, value: float | None, least: float, most: float) -> None:
    """Refuse a number outside of a closed range; None passes.

    Raises
    ------
    ValueError
        If the number is outside, or not finite.
    """
    if value is not None and not (isfinite(value) and least <= value <= most):
        message = f"{name} = {value}: expected {least} to {most}."
        raise ValueError(message)


def above_zero(name: str, value: float | None) -> None:
    """Refuse a number that is not above 0; None passes.

    Raises
    ------
    ValueError
        If the number is 0, negative or not finite.
    """
    if value is not None and not (isfinite(value) and value > 0):
        message = f"{name} = {value}: expected a number above 0."
        raise ValueError(message)


def one_of(name: str, value: str, accepted: Iterable[str]) -> None:
    """Refuse a word that is not among those accepted.

    Raises
    ------
    ValueError
        If it is not.
    """
    accepted = tuple(accepted)
    if value not in accepted:
        message = f"{name} = {value!r}: expected one of {', '.join(accepted)}."
        raise ValueError(message)
