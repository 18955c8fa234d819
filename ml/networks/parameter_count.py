"""How many numbers a network holds.

Papers print one number and mean different things by it. CochlScene and Kong print what is trained. Dorfer's
"trainable parameters" and Nguyen's table include the running means and variances of batch normalisation, which
no gradient reaches, because the tools that they used count all arrays of a layer. So the parts are told apart
here and each network's test adds the ones that its paper did.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, kw_only=True)
class ParameterCount:
    """Numbers that a network holds.

    Attributes
    ----------
    trainable : int
        Weights and biases that gradients change.
    frozen : int
        Weights and biases that they do not.
    statistics : int
        Running means and variances of batch normalisation.
    """

    trainable: int
    frozen: int
    statistics: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.trainable + self.frozen + self.statistics


def count_parameters(network: nn.Module) -> ParameterCount:
    """Count the numbers in a network.

    Parameters
    ----------
    network : nn.Module
        The network, on any device, ``meta`` too.

    Returns
    -------
    ParameterCount
        A parameter that several layers share counts once; the count of batches that a normalisation has seen
        is not a number of the network.
    """
    parameters = list(network.parameters())
    return ParameterCount(
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        frozen=sum(parameter.numel() for parameter in parameters if not parameter.requires_grad),
        statistics=sum(
            buffer.numel()
            for name, buffer in network.named_buffers()
            if name.rpartition(".")[2] in {"running_mean", "running_var"}
        ),
    )
