"""Clips of varying length, held so that a batch of excerpts costs almost nothing.

Clips of Freesound last from 0.3 s to 30 s, networks are trained on excerpts of one length. Holding each clip as an
array of its own would mean a Python loop over the clips of every batch; on two CPU cores that takes as long as a
small network's forward pass. Here all clips stand one after the other in *one* tensor of frames, a clip is a start
and a length in it, and a batch of excerpts is one gather of rows whose numbers come from index arithmetic. Several
sets of clips (folds, verified ones, a validation set) share that tensor without a copy.

A clip shorter than the excerpt is repeated, as often as needed: this scored better than zeros [1]_, and the rows of
a repeated clip are the same rows modulo its length. Dorfer and Widmer repeat *and* cut every clip to 3,000 frames
before excerpts are drawn [2]_; that is the same arithmetic with a limit on the length.

Where the frames lie decides how training reads: on the accelerator if they fit (`ClipFeatures.near`), else in main
memory or in a file that the system maps into it, from which batches are then streamed.

Shapes: B excerpts of a batch, C channels, T frames, M mel bands, N clips. In the flat tensor T is the frames of all
clips and the channels come last, so that a gathered batch already has the channels-last layout of a convolution.

References
----------
.. [1] T. N. T. Nguyen et al., "DCASE 2018 task 2: iterative training, label smoothing, and background noise
   normalization for audio event tagging", DCASE 2018, section 2.1.
.. [2] M. Dorfer and G. Widmer, "Training general-purpose audio tagging networks with noisy labels and iterative
   self-verification", DCASE 2018, section 2.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ml.training.frame_file import frames_first

NEAR_SHARE = 0.5  # of the accelerator's free memory that frames may take; activations need the rest


@dataclass(frozen=True, eq=False, kw_only=True)
class ClipFeatures:
    """Log-mel features of clips with their labels.

    Attributes
    ----------
    x_TMC : Tensor [shape=(frames of all clips, bands, channels)]
        Normalised log-mel frames, float32, or float16 to halve the room; on any device.
    start_N, length_N : int64 Tensor [shape=(N,)]
        First frame of each clip in `x_TMC` and its number of frames, at least 1.
    label_N : int64 Tensor [shape=(N,)]
        Class of each clip, or -1 for none (such clips can be predicted, not trained on).
    weight_N : float32 Tensor [shape=(N,)]
        Weight of each clip in the loss, at least 0.
    verified_N : bool Tensor [shape=(N,)]
        Whether people confirmed the label.
    n_classes : int
        Number of classes.
    target_NK : float32 Tensor [shape=(N, K)], optional
        Label of each clip as a distribution over classes, where it is not certain; `label_N` is its mode then.
    padding_value : float, optional
        What stands before and after a clip that is shorter than an excerpt; without, it is repeated.

    Raises
    ------
    ValueError
        If shapes do not fit each other or a number is out of its range.
    """

    x_TMC: Tensor
    start_N: Tensor
    length_N: Tensor
    label_N: Tensor
    weight_N: Tensor
    verified_N: Tensor
    n_classes: int
    target_NK: Tensor | None = None
    padding_value: float | None = None

    def __post_init__(self) -> None:
        if self.x_TMC.ndim != 3:  # noqa: PLR2004 -- frames, bands, channels
            message = f"x_TMC has the shape {tuple(self.x_TMC.shape)}: expected (frames, bands, channels)."
            raise ValueError(message)
        for name in ("length_N", "label_N", "weight_N", "verified_N"):
            found = tuple(getattr(self, name).shape)
            if found != tuple(self.start_N.shape):
                message = f"{name} has the shape {found}: expected one number for each of {len(self)} clips."
                raise ValueError(message)
        if self.target_NK is not None and tuple(self.target_NK.shape) != (len(self), self.n_classes):
            message = f"target_NK has the shape {tuple(self.target_NK.shape)}: expected {(len(self), self.n_classes)}."
            raise ValueError(message)
        if not len(self):
            return
        if self.length_N.min() < 1:
            message = f"length_N holds {int(self.length_N.min())}: expected at least 1 frame in a clip."
            raise ValueError(message)
        if self.start_N.min() < 0 or int((self.start_N + self.length_N).max()) > len(self.x_TMC):
            message = f"start_N and length_N reach beyond the {len(self.x_TMC)} frames of x_TMC."
            raise ValueError(message)
        if self.label_N.min() < -1 or int(self.label_N.max()) >= self.n_classes:
            message = (
                f"label_N holds {int(self.label_N.min())} to {int(self.label_N.max())}: "
                f"expected -1 to {self.n_classes - 1}."
            )
            raise ValueError(message)
        if not bool((self.weight_N >= 0).all() and self.weight_N.isfinite().all()):
            raise ValueError("weight_N holds a negative number or none: expected weights of at least 0.")

    def __len__(self) -> int:
        return len(self.start_N)

    @classmethod
    def join(
        cls,
        spectrograms: Sequence[NDArray[Any]],
        *,
        label_N: ArrayLike,
        n_classes: int,
        weight_N: ArrayLike | None = None,
        verified_N: ArrayLike | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """Copy clips into one tensor in main memory.

        Parameters
        ----------
        spectrograms : sequence of float array [shape=(channels, frames, bands) or (frames, bands)]
            Features of each clip, with as many channels and bands as those of any other.
        label_N, weight_N, verified_N : array_like [shape=(N,)]
            See the class; weights default to 1 and all clips count as verified.
        n_classes : int
            Number of classes.
        dtype : torch.dtype
            Type in which frames are held.

        Returns
        -------
        ClipFeatures
            The clips, in the order given.

        Raises
        ------
        ValueError
            If there is no clip, or one has other channels or bands than the first.
        """
        if not spectrograms:
            raise ValueError("spectrograms is empty: expected at least one clip.")
        blocks = [frames_first(x) for x in spectrograms]
        lengths = [len(block) for block in blocks]
        x_TMC = torch.empty((sum(lengths), *blocks[0].shape[1:]), dtype=dtype)
        end = 0
        for number, block in enumerate(blocks):
            if block.shape[1:] != blocks[0].shape[1:]:
                message = f"clip {number} has (bands, channels) {block.shape[1:]}: expected {blocks[0].shape[1:]}."
                raise ValueError(message)
            x_TMC[end : end + len(block)] = torch.as_tensor(block)
            end += len(block)
        return cls.of_frames(
            x_TMC, lengths, label_N=label_N, n_classes=n_classes, weight_N=weight_N, verified_N=verified_N
        )

    @classmethod
    def mapped(
        cls,
        path: Path,
        length_N: ArrayLike,
        *,
        label_N: ArrayLike,
        n_classes: int,
        weight_N: ArrayLike | None = None,
        verified_N: ArrayLike | None = None,
    ) -> Self:
        """Map the frames of a ``.npy`` file written by `frame_file.write_frames`, without reading it.

        Parameters
        ----------
        path : Path
            File with the frames of all clips, one after the other.
        length_N : array_like of int [shape=(N,)]
            Frames of each clip, in the order of the file.
        label_N, n_classes, weight_N, verified_N
            As in `join`.

        Returns
        -------
        ClipFeatures
            The clips; nothing can be written to the file through them.
        """
        # Read-only: the system counts a private copy as memory that may be needed, and refuses one that is larger than
        # it has. Torch warns of memory that it must not write to; nothing here writes.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            x_TMC = torch.from_numpy(np.load(path, mmap_mode="r"))
        return cls.of_frames(
            x_TMC, length_N, label_N=label_N, n_classes=n_classes, weight_N=weight_N, verified_N=verified_N
        )

    @classmethod
    def of_frames(
        cls,
        x_TMC: Tensor,
        length_N: ArrayLike,
        *,
        label_N: ArrayLike,
        n_classes: int,
        weight_N: ArrayLike | None = None,
        verified_N: ArrayLike | None = None,
    ) -> Self:
        """Wrap frames that already stand one after the other; the parameters are those of `join` and `mapped`."""
        lengths = torch.as_tensor(np.asarray(length_N, dtype=np.int64))
        return cls(
            x_TMC=x_TMC,
            start_N=lengths.cumsum(0) - lengths,
            length_N=lengths,
            label_N=torch.as_tensor(np.array(label_N, dtype=np.int64)),
            weight_N=torch.ones(len(lengths)) if weight_N is None else torch.as_tensor(np.array(weight_N, np.float32)),
            verified_N=torch.ones(len(lengths), dtype=torch.bool)
            if verified_N is None
            else torch.as_tensor(np.array(verified_N, dtype=np.bool_)),
            n_classes=n_classes,
        )

    def subset(self, chosen: ArrayLike) -> Self:
        """Return some of the clips, given by number or by a mask over all; frames are shared, not copied."""
        numbers = np.asarray(chosen)
        rows = torch.as_tensor(numbers if numbers.size else np.zeros(0, dtype=np.int64))  # an empty list is of floats
        names = ["start_N", "length_N", "label_N", "weight_N", "verified_N"]
        if self.target_NK is not None:
            names.append("target_NK")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def labelled(self, *, target_NK: ArrayLike, weight_N: ArrayLike, verified_N: ArrayLike) -> Self:
        """Return the same clips with other labels; frames are shared, not copied.

        Parameters
        ----------
        target_NK : array_like of float [shape=(N, K)]
            Label of each clip as a distribution over classes.
        weight_N, verified_N
            See the class.
        """
        target = torch.as_tensor(np.array(target_NK, dtype=np.float32))
        return replace(
            self,
            label_N=target.argmax(dim=1),
            weight_N=torch.as_tensor(np.array(weight_N, np.float32)),
            verified_N=torch.as_tensor(np.array(verified_N, dtype=np.bool_)),
            target_NK=target,
        )

    def near(self, device: torch.device) -> Self:
        """Return the clips with their frames on `device` if they fit there, else as they are.

        Frames fit if they take at most half of the memory that is free on the accelerator.
        """
        if device.type != "cuda" or self.x_TMC.device == device:
            return self
        free, _ = torch.cuda.mem_get_info(device)
        return replace(self, x_TMC=self.x_TMC.to(device)) if self.x_TMC.nbytes <= NEAR_SHARE * free else self

    def crop(self, clip_B: Tensor, begin_B: Tensor, frames: int, *, clip_frames: int | None = None) -> Tensor:
        """Gather excerpts of one length.

        Parameters
        ----------
        clip_B, begin_B : int64 Tensor [shape=(B,)]
            Number of the clip and frame in it at which each excerpt begins.
        frames : int
            Length of an excerpt; where a clip ends before, it begins anew.
        clip_frames : int, optional
            Length to which every clip is cut beforehand.

        Returns
        -------
        float32 Tensor [shape=(B, channels, frames, bands)]
            The excerpts, on the device of the frames; a new tensor that may be written to.
        """
        device = self.x_TMC.device
        length_B1 = self.length_N[clip_B, None]
        if clip_frames is not None:
            length_B1 = length_B1.clamp(max=clip_frames)
        length_B1 = length_B1.to(device)
        row_BT = begin_B[:, None].to(device) + torch.arange(frames, device=device)
        beyond_BT = None
        if self.padding_value is not None:
            row_BT -= (frames - length_B1).clamp_(min=0) // 2  # a short clip stands in the middle
            beyond_BT = (row_BT < 0) | (row_BT >= length_B1)
        row_BT.remainder_(length_B1).add_(self.start_N[clip_B, None].to(device))
        x_BTMC = self.x_TMC.index_select(0, row_BT.view(-1)).view(len(clip_B), frames, *self.x_TMC.shape[1:]).float()
        if beyond_BT is not None and self.padding_value is not None:
            x_BTMC.masked_fill_(beyond_BT[:, :, None, None], self.padding_value)
        return x_BTMC.permute(0, 3, 1, 2)

    def fingerprint(self) -> str:
        """Compute a digest of lengths, labels, weights and flags, by which a resumed training knows its clips."""
        digest = hashlib.sha256(str((self.n_classes, self.padding_value, *self.x_TMC.shape[1:])).encode())
        for column in (self.length_N, self.label_N, self.weight_N, self.verified_N, self.target_NK):
            if column is not None:
                digest.update(column.contiguous().numpy().tobytes())
        return digest.hexdigest()
