"""The first weights of a network.

Convolutions are followed by rectifiers, so they get He's normal weights, which keep the size of the signal
from layer to layer; the linear layers get Glorot's uniform weights; biases begin at zero. The systems that
Dorfer and Hu published do so for convolutions; the other papers say nothing of it.

Nothing is drawn here from a generator of its own: `ml.networks.registry.build` seeds a forked generator around
the construction, so that the same seed gives the same network and nobody else's random numbers move.

References
----------
.. [1] K. He et al., "Delving deep into rectifiers", ICCV 2015, section 2.2.
.. [2] X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
   AISTATS 2010, equation 16.
"""

from __future__ import annotations

from torch import nn


def initialise(network: nn.Module) -> None:
    """Draw the weights of all convolutions and linear layers anew, in place.

    Parameters
    ----------
    network : nn.Module
        The network, or the part of it that is to be trained; batch normalisation, recurrent and attention
        layers keep what they were built with.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
