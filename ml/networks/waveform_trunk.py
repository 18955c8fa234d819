"""A pretrained embedding model from a file, as it hears samples.

What is asked of a file is as little as models have in common: it takes mono samples between -1 and 1, ``float32`` of
shape (batch, samples), and gives embeddings, one for each excerpt of the batch, or several that are averaged
(`ml.networks.frozen_trunk`). Everything else that may be wrong with it is said here, with the file's name, before a
run spends hours: it is tried on noise first.

Excerpts go through it in small batches of one clip alone, and TorchScript does not optimise what it has seen some
times: a clip's embedding depends on nothing but the clip, the trunk and the kind of device.

Shapes: W excerpts, L samples of an excerpt, E numbers of an embedding.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import torch
from torch import Tensor

from ml.networks.frozen_trunk import FrozenTrunk, load_trunk
from ml.networks.lost_device import is_lost

log = logging.getLogger(__name__)

MOST_NUMBERS = 16_384  # of an embedding; the largest published ones have 8,192
AT_ONCE = 16  # excerpts of a batch
TRIED = 2  # excerpts of noise, so that a batch of more than one is tried


class WaveformTrunk:
    """A trunk on a device.

    Parameters
    ----------
    path : Path
        TorchScript, or ONNX if it ends in ``.onnx``.
    digest : str, optional
        SHA-256 that the file is to have, in hexadecimal digits. It is computed again when the file has been loaded, so
        that one that was exchanged meanwhile is not taken for it.
    device : str
        Where to compute; ONNX stays on the processor.

    Raises
    ------
    ValueError
        If the file cannot be read, or is another one.
    """

    def __init__(self, path: Path, *, digest: str | None = None, device: str = "cpu") -> None:
        self.path, self._device = path, torch.device(device)
        self._trunk: FrozenTrunk = load_trunk(path).to(self._device)
        self._at_once = AT_ONCE
        if digest is not None:
            self._check(digest)

    def embeddings(self, excerpt_WL: Tensor) -> Tensor:
        """Compute the embeddings of excerpts.

        Parameters
        ----------
        excerpt_WL : float32 Tensor [shape=(W, L)]
            Excerpts of one clip, on the processor.

        Returns
        -------
        float32 Tensor [shape=(W, E)]
            Embeddings, on the processor.

        Raises
        ------
        ValueError
            If the trunk cannot hear such excerpts, or what it gives are no embeddings.
        RuntimeError
            If the device answers no more.
        """
        parts, done = [], 0
        while done < len(excerpt_WL):
            part_BL = excerpt_WL[done : done + self._at_once]
            try:
                parts.append(self._heard(part_BL))
                done += len(part_BL)
            except torch.OutOfMemoryError:
                if len(part_BL) == 1:
                    raise
                self._at_once = len(part_BL) // 2
                log.warning(
                    "Device memory did not suffice for %d excerpts at once in trunk %s; batches are halved.",
                    len(part_BL),
                    self.path.name,
                )
        return torch.cat(parts)

    def tried(self, window_length: int) -> int:
        """Try the trunk on noise.

        Parameters
        ----------
        window_length : int
            Samples of an excerpt.

        Returns
        -------
        int
            Numbers of an embedding.

        Raises
        ------
        ValueError, RuntimeError
            See `embeddings`.
        """
        noise_WL = 0.1 * torch.randn(TRIED, window_length, generator=torch.Generator().manual_seed(0))
        return self.embeddings(noise_WL.clamp_(-1, 1)).shape[1]

    def _check(self, digest: str) -> None:
        with self.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            message = (
                f"Trunk {self.path.name} is another file (SHA-256 {found}) than a moment ago. Put the file there that "
                f"has SHA-256 {digest} and go on, or begin anew with this one."
            )
            raise ValueError(message)

    def _heard(self, excerpt_BL: Tensor) -> Tensor:
        shape = tuple(excerpt_BL.shape)
        try:
            with torch.inference_mode(), torch.jit.optimized_execution(should_optimize=False):  # type: ignore[attr-defined]  # torch documents it there
                found = self._trunk(excerpt_BL.to(self._device))
        except torch.OutOfMemoryError:
            raise
        except ValueError as error:
            message = f"Trunk {self.path.name}: {error} Export it so."
            raise ValueError(message) from error
        except Exception as error:  # an exported program may raise anything
            if isinstance(error, RuntimeError) and is_lost(self._device):
                raise  # for whoever can go on with another device: the file did nothing wrong
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            message = (
                f"Trunk {self.path.name} cannot hear an input of shape {shape}: {reason[0]}. Expected a model of mono "
                "samples, float32 of shape (batch, samples), for any batch. Export it so, and mend window_s in the "
                "file beside it if it takes excerpts of one length alone."
            )
            raise ValueError(message) from error
        embedding_BE: Tensor = found.float().cpu()
        if len(embedding_BE) != len(excerpt_BL) or not 1 <= embedding_BE.shape[1] <= MOST_NUMBERS:
            message = (
                f"Trunk {self.path.name} gives {tuple(embedding_BE.shape)} for an input of shape {shape}: expected one "
                f"embedding of 1 to {MOST_NUMBERS} numbers for each of {len(excerpt_BL)} excerpts. Export the layer "
                "that gives it."
            )
            raise ValueError(message)
        if not bool(embedding_BE.isfinite().all()):
            message = (
                f"Trunk {self.path.name} gives numbers that are not finite. Look for a logarithm of silence or a "
                "division by it in the model, and export it anew."
            )
            raise ValueError(message)
        return embedding_BE
