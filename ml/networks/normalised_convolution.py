"""A convolution, its batch normalisation and its rectifier: the brick of most networks here.

The convolution has no bias where its paper's parameter count has none: the normalisation behind it subtracts
any constant again.

References
----------
.. [1] S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015, section 3.2.
"""

from __future__ import annotations

from torch import nn


def normalised_convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int | tuple[int, int] = 1,
    padded: bool = True,
    bias: bool = False,
) -> nn.Sequential:
    """Build convolution, batch normalisation and rectifier.

    Parameters
    ----------
    inputs, outputs : int
        Channels before and after.
    kernel : int
        Side of the square kernel, odd.
    stride : int or pair of int
        Step along frames and bands.
    padded : bool
        Whether zeros around the input keep frames and bands as many as they are (divided by the stride).
    bias : bool
        Whether the convolution has a bias.

    Returns
    -------
    nn.Sequential
        Three layers.
    """
    padding = kernel // 2 if padded else 0
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, bias=bias),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
