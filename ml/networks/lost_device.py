"""Whether an accelerator still answers.

After some errors (the device fell off the bus, an illegal access) every further call of the process fails. What was
computed then says nothing of the network or the file that computed it. The error's text does not tell: TorchScript
wraps it in words of its own, so that the device is asked.
"""

from __future__ import annotations

import torch


def is_lost(device: torch.device | str) -> bool:
    """Tell whether a device answers no more; a processor always does."""
    if torch.device(device).type == "cpu":
        return False
    try:
        torch.zeros(1, device=device).item()
    except RuntimeError:
        return True
    return False
