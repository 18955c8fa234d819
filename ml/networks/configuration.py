"""Checks that the configurations and inputs of all networks share.

A network is described by a frozen dataclass that stands beside it. It refuses values that no network can be
built from, in words that name the field, what was found and what is expected, because a configuration comes
from a person's file; and a network refuses an input that its configuration does not describe before a layer
deep inside does so in words about matrices.

Shape legend: B batch, C channel, T frame, M mel band.
"""

from __future__ import annotations

from torch import Tensor


def require_at_least(config: object, least: int, *fields: str) -> None:
    """Refuse fields of a configuration that are below a number.

    Parameters
    ----------
    config : object
        The configuration.
    least : int
        Smallest number allowed.
    *fields : str
        Names of the fields, each a number or a tuple of numbers.

    Raises
    ------
    ValueError
        If a number is smaller, or a tuple is empty.
    """
    for field in fields:
        value = getattr(config, field)
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or min(numbers) < least:
            message = f"{field} = {value}: expected at least {least}."
            raise ValueError(message)


def require_rates(config: object, *fields: str) -> None:
    """Refuse rates of dropout outside [0, 1).

    Parameters
    ----------
    config : object
        The configuration.
    *fields : str
        Names of the fields.

    Raises
    ------
    ValueError
        If a rate is negative, 1 or more.
    """
    for field in fields:
        value = getattr(config, field)
        if not 0 <= value < 1:
            message = f"{field} = {value}: expected a rate of at least 0 and below 1."
            raise ValueError(message)


def require_input(
    x_BCTM: Tensor, *, channels: int, bands: int, frames: int | None = None, least_frames: int = 1
) -> None:
    """Refuse an input of another shape than the configuration describes.

    Parameters
    ----------
    x_BCTM : float Tensor [shape=(batch, channels, frames, bands)]
        The input of a network.
    channels, bands : int
        Channels and bands that it must have.
    frames : int, optional
        Frames that it must have, where the network is not fully convolutional.
    least_frames : int
        Frames that it must at least have, where the network is.

    Raises
    ------
    ValueError
        If the shape differs.
    """
    shape = tuple(x_BCTM.shape)
    wanted = f"{frames}" if frames is not None else f"at least {least_frames}"
    fits = len(shape) == 4 and shape[1] == channels and shape[3] == bands  # noqa: PLR2004 - the four letters of the name
    if not fits or (shape[2] != frames if frames is not None else shape[2] < least_frames):
        message = f"input of shape {shape}: expected (batch, {channels} channels, {wanted} frames, {bands} bands)."
        raise ValueError(message)
