"""Class probabilities of clips.

A network sees excerpts of each clip (`windows`); the probabilities of the excerpts become those of the clip by their
arithmetic mean (Nguyen 2.5, Dorfer eq. 1) or by their geometric mean, normalised (Iqbal 5.1). Where the weights of
several epochs were kept, their clip probabilities are averaged (Iqbal 5.1: the best four epochs).

Sums over excerpts are taken on the CPU in double precision and in the order of the excerpts, because sums on an
accelerator come in any order.

Shapes: N clips, W windows, B windows of a batch, K classes.

References
----------
.. [1] Nguyen et al., DCASE 2018; Dorfer and Widmer, DCASE 2018; Iqbal et al., DCASE 2018.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.training.clips import ClipFeatures
from ml.training.seeds import Purpose, generator
from ml.training.windows import WindowConfig, Windows, plan_windows

BATCH_FRAMES = 2**15  # as 64 excerpts of 512 frames: enough to keep a GPU busy, little enough for a CPU's memory


def predict(
    network: nn.Module,
    clips: ClipFeatures,
    windows: WindowConfig,
    *,
    device: torch.device | str,
    seed: int = 0,
    precision: Literal["fp32", "bf16"] = "fp32",
    batch_frames: int = BATCH_FRAMES,
) -> NDArray[np.float64]:
    """Compute the class probabilities of clips.

    Parameters
    ----------
    network : Module
        Network that gives scores before the softmax, or logarithms of probabilities. It is moved to `device` and
        switched to evaluation for the time of the call.
    clips : ClipFeatures
        Clips; their labels play no part. Their frames are read from where they lie (see `ClipFeatures.near`).
    windows : WindowConfig
        Excerpts and how they are joined.
    device : torch.device or str
        Where to compute.
    seed : int
        Seed of random excerpts.
    precision : {"fp32", "bf16"}
        Arithmetic of the network.
    batch_frames : int
        Most frames of a batch; halved as often as needed if the device's memory does not suffice.

    Returns
    -------
    float64 array [shape=(N, K)]
        Probabilities; rows sum to 1.
    """
    device = torch.device(device)
    plan = plan_windows(clips.length_N, windows, generator=generator(seed, Purpose.WINDOWS))
    was_training = network.training
    network.to(device).eval()
    try:
        with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            log_p_WK = _log_probabilities(network, clips, plan, windows.clip_frames, device, batch_frames)
    finally:
        network.train(was_training)
    return _joined(log_p_WK, plan.clip_W, n_clips=len(clips), reduction=windows.reduction)


def predict_average(
    network: nn.Module,
    kept: Sequence[Mapping[str, Tensor]],
    clips: ClipFeatures,
    windows: WindowConfig,
    *,
    device: torch.device | str,
    seed: int = 0,
    precision: Literal["fp32", "bf16"] = "fp32",
) -> NDArray[np.float64]:
    """Average the class probabilities that several weights of one network give.

    Parameters
    ----------
    network : Module
        Network; it ends with the first of the weights.
    kept : sequence of mapping of str to Tensor
        Weights by name, at least one.
    clips, windows, device, seed, precision
        As in `predict`.

    Returns
    -------
    float64 array [shape=(N, K)]
        Probabilities; rows sum to 1.

    Raises
    ------
    ValueError
        If there are no weights.
    """
    if not kept:
        raise ValueError("kept is empty: expected the weights of at least one epoch.")
    total: NDArray[np.float64] | float = 0.0
    for weights in reversed(kept):  # the first are loaded last
        network.load_state_dict(dict(weights))
        total = total + predict(network, clips, windows, device=device, seed=seed, precision=precision)
    return np.asarray(total / len(kept))


def _log_probabilities(
    network: nn.Module,
    clips: ClipFeatures,
    plan: Windows,
    clip_frames: int | None,
    device: torch.device,
    batch_frames: int,
) -> Tensor:
    log_p_WK = torch.zeros(len(plan.clip_W), clips.n_classes, dtype=torch.float64)
    for frames in sorted(set(plan.frames_W.tolist())):
        alike = (plan.frames_W == frames).nonzero().view(-1)
        done = 0
        while done < len(alike):
            row_B = alike[done : done + max(1, batch_frames // frames)]
            try:
                x_BCTM = clips.crop(plan.clip_W[row_B], plan.begin_W[row_B], frames, clip_frames=clip_frames)
                score_BK = network(x_BCTM.to(device))
                log_p_WK[row_B] = score_BK.float().log_softmax(dim=1).double().cpu()
                done += len(row_B)
            except torch.OutOfMemoryError:
                if len(row_B) == 1:
                    raise
                batch_frames = frames * (len(row_B) // 2)
    return log_p_WK


def _joined(
    log_p_WK: Tensor, clip_W: Tensor, *, n_clips: int, reduction: Literal["mean", "geometric"]
) -> NDArray[np.float64]:
    count_N1 = torch.bincount(clip_W, minlength=n_clips)[:, None]
    value_WK = log_p_WK if reduction == "geometric" else log_p_WK.exp()
    mean_NK = torch.zeros(n_clips, log_p_WK.shape[1], dtype=torch.float64).index_add_(0, clip_W, value_WK) / count_N1
    p_NK = mean_NK.softmax(dim=1) if reduction == "geometric" else mean_NK / mean_NK.sum(dim=1, keepdim=True)
    return p_NK.numpy()
