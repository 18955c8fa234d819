"""Features on disk, computed once for each clip and configuration.

A hundred epochs read each clip a hundred times, and computing its features takes longer than reading them. The store
keeps them in one flat file that is mapped into memory: reading touches only the pages that are asked for, and the
operating system keeps them while there is room. FSDKaggle2018 takes about 1.2 GB in half precision, CochlScene 14.6 GB:
on an accelerator with room all of it can lie there for the whole training (`FeatureStore.to_device`).

The key is the hash of the clip's content, so that the same audio under two names is computed once. The folder is named
after the configuration's digest, so that a changed configuration begins a folder of its own. `config.json` in it is for
people.

Any number of processes may read; one at a time may write, which a lock on the folder sees to. The lock falls with its
process, however that ends. What a killed writer leaves is described in `ml.features.store_index`.

Shapes: C channel, T frame, M band.
"""

from __future__ import annotations

import json
import mmap
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from torch import Tensor

from ml.features.embedding import EmbeddingConfig, InputConfig
from ml.features.store_index import Index, read_index
from ml.features.store_writer import StoreLockedError, StoreWriter

__all__ = ["FeatureStore", "StoreLockedError"]

_KEY = re.compile(r"[0-9a-f]{8,128}")
_DTYPES = (torch.float16, torch.float32)
_DIMENSIONS = 3
# Sets no memory aside for copies, so that a file larger than the memory can be mapped. Python 3.11 has no name for it.
_MAP_NORESERVE = 0x4000 if sys.platform == "linux" else 0


class FeatureStore:
    """Features of clips under one configuration.

    Parameters
    ----------
    folder : Path
        Folder of all stores; this one takes a folder in it.
    config : FeatureConfig or EmbeddingConfig
        The configuration.
    dtype : {torch.float16, torch.float32}, optional
        Type of the numbers on disk. Default: half precision for spectrograms, which resolves 0.06 dB at -100 dB, and
        single precision for embeddings, whose range is their trunk's affair.

    Raises
    ------
    ValueError
        If `dtype` is neither.

    Notes
    -----
    Use it in a ``with`` block, or call `close`, where something is added. One object is for one thread.
    """

    def __init__(self, folder: Path, config: InputConfig, *, dtype: torch.dtype | None = None) -> None:
        if dtype is None:
            dtype = torch.float32 if isinstance(config, EmbeddingConfig) else torch.float16
        if dtype not in _DTYPES:
            message = f"dtype = {dtype}: expected torch.float16 or torch.float32."
            raise ValueError(message)
        self.config = config
        self.dtype = dtype
        self.folder = folder / f"{config.name}-{config.digest()}-{str(dtype).removeprefix('torch.')}"
        self._data_path, self._index_path = self.folder / "features.bin", self.folder / "index.jsonl"
        self._index = self._read_index()
        self._mapped: Tensor | None = None
        self._writer: StoreWriter | None = None

    def __contains__(self, key: object) -> bool:
        return key in self._index.entries

    def __len__(self) -> int:
        return len(self._index.entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index.entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def missing(self, keys: Iterable[str]) -> list[str]:
        """List the keys that have no features yet.

        Parameters
        ----------
        keys : iterable of str
            Content hashes.

        Returns
        -------
        list of str
            Those to be computed, each once, in order.
        """
        return [key for key in dict.fromkeys(keys) if key not in self._index.entries]

    def get(self, key: str) -> Tensor:
        """Look at a clip's features in the mapped file.

        Parameters
        ----------
        key : str
            Content hash.

        Returns
        -------
        Tensor [shape=(channels, frames, bands)]
            View of the file on the CPU, in the store's type. Writing into it changes no file.

        Raises
        ------
        KeyError
            If the clip has no features.
        """
        entry = self._index.entries[key]
        first = entry.offset // self.dtype.itemsize
        end = first + entry.n_bytes(1)
        if self._mapped is None or len(self._mapped) < end:
            self._mapped = self._map()
        return self._mapped[first:end].view(entry.shape)

    def n_bytes(self, keys: Iterable[str]) -> int:
        """Count the bytes of features.

        Parameters
        ----------
        keys : iterable of str
            Content hashes; each counts once.

        Returns
        -------
        int
            Bytes on disk and on a device.

        Raises
        ------
        KeyError
            If a clip has no features.
        """
        return sum(self._index.entries[key].n_bytes(self.dtype.itemsize) for key in dict.fromkeys(keys))

    def to_device(self, keys: Iterable[str], *, device: torch.device, budget_bytes: int) -> dict[str, Tensor] | None:
        """Copy features to a device if they fit.

        Parameters
        ----------
        keys : iterable of str
            Content hashes.
        device : torch.device
            Where to.
        budget_bytes : int
            Most that may be taken there.

        Returns
        -------
        dict of str to Tensor [shape=(channels, frames, bands)], or None
            Views of one piece of memory there, in the order of the keys; None if they take more than the budget.

        Raises
        ------
        KeyError
            If a clip has no features.
        """
        wanted = list(dict.fromkeys(keys))
        total = self.n_bytes(wanted)
        if total > budget_bytes:
            return None
        memory = torch.empty(total // self.dtype.itemsize, dtype=self.dtype, device=device)
        views = {}
        first = 0
        for key in sorted(wanted, key=lambda key: self._index.entries[key].offset):
            source = self.get(key)
            views[key] = memory[first : first + source.numel()].view(source.shape)
            views[key].copy_(source)
            first += source.numel()
        return {key: views[key] for key in wanted}

    def add(self, key: str, features_CTM: Tensor) -> None:
        """Append a clip's features; nothing happens if the store has them.

        Parameters
        ----------
        key : str
            Content hash, 8 to 128 lower-case hexadecimal digits.
        features_CTM : Tensor [shape=(channels, frames, bands)]
            Features on any device, finite in the store's type.

        Raises
        ------
        StoreLockedError
            If another writer is at work.
        ValueError
            If the key or the features are none.
        """
        if not _KEY.fullmatch(key):
            message = f"key = {key!r}: expected 8 to 128 lower-case hexadecimal digits."
            raise ValueError(message)
        stored_CTM = features_CTM.detach().to(device="cpu", dtype=self.dtype).contiguous()
        if stored_CTM.ndim != _DIMENSIONS or not stored_CTM.numel() or not bool(torch.isfinite(stored_CTM).all()):
            shape = tuple(features_CTM.shape)
            message = f"features of {key}, shape {shape}: expected channels by frames by bands, finite in {self.dtype}."
            raise ValueError(message)
        writer = self._locked()
        if key not in self._index.entries:
            writer.append(key, tuple(stored_CTM.shape), stored_CTM.numpy().tobytes(), self._index)

    def close(self) -> None:
        """Put everything added on the disk and let other writers in; reading goes on."""
        if self._writer is not None:
            self._writer.close(self._index)
            self._writer = None

    def _locked(self) -> StoreWriter:
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = StoreWriter(self.folder, self._data_path, self._index_path)
            # Another writer may have been here since the index was read.
            self._index, self._mapped = self._read_index(), None
            self._writer.cut_to(self._index)
            description = self.folder / "config.json"
            if not description.exists():
                description.write_text(json.dumps(asdict(self.config), indent=2) + "\n", encoding="utf-8")
        return self._writer

    def _read_index(self) -> Index:
        return read_index(self._index_path, self._data_path, itemsize=self.dtype.itemsize)

    def _map(self) -> Tensor:
        # Private and writable: torch wants memory that may be written, the file is to stay what it is.
        with self._data_path.open("rb") as data:
            mapped = mmap.mmap(
                data.fileno(),
                self._index.data_end,
                flags=mmap.MAP_PRIVATE | _MAP_NORESERVE,
                prot=mmap.PROT_READ | mmap.PROT_WRITE,
            )
        return torch.frombuffer(mapped, dtype=self.dtype)
