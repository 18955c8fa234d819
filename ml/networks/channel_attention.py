"""Gates that weigh the channels of a feature map by what the whole map holds.

Squeeze and excitation averages each channel over frames and bands, passes the averages through two linear
layers and multiplies each channel by the result, a number between 0 and 1. Channel attention (the first half
of CBAM) passes the maxima through the same two layers as well and adds both before the sigmoid. Jeong and
SE-Trans use the former, the FCNNs of DCASE 2020 the latter.

Shape legend: B batch, C channel, T frame, M mel band.

References
----------
.. [1] J. Hu, L. Shen and G. Sun, "Squeeze-and-excitation networks", CVPR 2018, section 3.
.. [2] S. Woo et al., "CBAM: Convolutional block attention module", ECCV 2018, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Gate channels by their means.

    Parameters
    ----------
    channels : int
        Channels of the feature map.
    reduction : int
        Divides the channels into the units of the hidden layer, of which there is at least one.
    bias : bool
        Whether the linear layers have biases.
    """

    def __init__(self, channels: int, *, reduction: int, bias: bool = True) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.gate = nn.Sequential(
            nn.Linear(channels, hidden, bias=bias), nn.ReLU(), nn.Linear(hidden, channels, bias=bias)
        )

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the feature map, gated."""
        gate_BC = torch.sigmoid(self.gate(x_BCTM.mean(dim=(2, 3))))
        return x_BCTM * gate_BC[:, :, None, None]


class ChannelAttention(SqueezeExcitation):
    """Gate channels by their means and maxima; the same layers see both."""

    def forward(self, x_BCTM: Tensor) -> Tensor:
        """Return the feature map, gated."""
        gate_BC = torch.sigmoid(self.gate(x_BCTM.mean(dim=(2, 3))) + self.gate(x_BCTM.amax(dim=(2, 3))))
        return x_BCTM * gate_BC[:, :, None, None]
