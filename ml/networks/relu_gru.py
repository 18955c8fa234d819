"""A bidirectional gated recurrent unit whose candidate state is rectified.

Iqbal's table 2 writes "Bi-GRU, 512, ReLU". The rectifier takes the place of the hyperbolic tangent inside the
unit, which the fused recurrent layers do not offer, so the recursion over frames is spelled out here:

    z = sigmoid(W_z x + U_z h + b_z)            update
    r = sigmoid(W_r x + U_r h + b_r)            reset
    c = max(0, W_c x + U_c (r h) + b_c)         candidate
    h = z h + (1 - z) c

The pooling before it leaves 4 frames of 128, so that the loop costs little. All products with the input are
one matrix product for all frames.

Shape legend: B batch, C channel, T frame, H hidden unit, G three gates of hidden units.

References
----------
.. [1] K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, section 2.3.
.. [2] T. Iqbal et al., "General-purpose audio tagging from noisy labels using convolutional neural networks",
   DCASE 2018, table 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ReluGru(nn.Module):
    """One direction of the recursion.

    Parameters
    ----------
    inputs : int
        Numbers of a frame.
    units : int
        Numbers of the state.
    backward : bool
        Whether the frames are read from the last to the first.
    """

    def __init__(self, inputs: int, units: int, *, backward: bool = False) -> None:
        super().__init__()
        self.units = units
        self.backward = backward
        self.inputs = nn.Linear(inputs, 3 * units)
        self.gates = nn.Linear(units, 2 * units, bias=False)
        self.candidate = nn.Linear(units, units, bias=False)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Return the states, ``h_BTH``, in the order of the frames."""
        inputs_BTG = self.inputs(x_BTC)
        # The state stays in single precision where products do not, so that rounding does not add up over frames.
        h_BH = torch.zeros(x_BTC.shape[0], self.units, dtype=self.gates.weight.dtype, device=x_BTC.device)
        states: list[Tensor] = []
        frames = range(x_BTC.shape[1])
        for frame in reversed(frames) if self.backward else frames:
            z_BH, r_BH, c_BH = inputs_BTG[:, frame].chunk(3, dim=1)
            for_z_BH, for_r_BH = self.gates(h_BH).chunk(2, dim=1)
            z_BH = torch.sigmoid(z_BH + for_z_BH)
            r_BH = torch.sigmoid(r_BH + for_r_BH)
            c_BH = torch.relu(c_BH + self.candidate(r_BH * h_BH))
            h_BH = z_BH * h_BH + (1 - z_BH) * c_BH
            states.append(h_BH)
        return torch.stack(states[::-1] if self.backward else states, dim=1)


class BidirectionalReluGru(nn.Module):
    """Both directions, side by side.

    Parameters
    ----------
    inputs : int
        Numbers of a frame.
    units : int
        Numbers of the state of each direction.
    """

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.ahead = ReluGru(inputs, units)
        self.back = ReluGru(inputs, units, backward=True)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Return the states of both directions; the last axis has twice the units."""
        return torch.cat([self.ahead(x_BTC), self.back(x_BTC)], dim=2)
