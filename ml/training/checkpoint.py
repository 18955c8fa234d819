"""Tensors in a file: the safetensors format, written so that a power cut leaves the old file or the new one.

The format is eight bytes with the length of a JSON header (little-endian), the header, and the raw bytes of all tensors
without gaps. The header names each tensor's type, shape and first and last byte, and may hold a map of strings under
``__metadata__`` [1]_. Nothing in it can be executed, unlike in a pickle, and any tool reads it.

Beyond the format, the metadata gets a checksum of the raw bytes: a flipped bit would otherwise train on silently. A
file without that entry is read all the same, so that weights from elsewhere can be used.

References
----------
.. [1] Hugging Face, "Safetensors", the format's description.
"""

from __future__ import annotations

import json
import math
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

CHECKSUM = "crc32"
MAX_HEADER_BYTES = 100_000_000  # the format's own limit
_LENGTH_BYTES = 8
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


class CheckpointError(ValueError):
    """A file that is no whole safetensors file, or not the one that is needed."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors to a file, replacing it at once.

    Parameters
    ----------
    path : Path
        File to write. Until all bytes are on the disk it stays as it was.
    tensors : mapping of str to Tensor
        Tensors by name, on any device.
    metadata : mapping of str to str
        What else is to be known; the checksum is added.

    Raises
    ------
    ValueError
        If the format does not know a tensor's type.
    """
    assert sys.byteorder == "little"  # noqa: S101 -- the format's order; torch runs on no other machine
    header: dict[str, Any] = {}
    blocks: list[memoryview] = []
    end = 0
    # Wide types first keeps every tensor on a multiple of its own width.
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        if tensor.dtype not in _NAMES:
            message = f"tensor {name!r} is of {tensor.dtype}: expected one of {', '.join(_TYPES)}."
            raise ValueError(message)
        block = _raw(tensor)
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [end, end + block.nbytes],
        }
        end += block.nbytes
        blocks.append(block)
    checksum = 0
    for block in blocks:
        checksum = zlib.crc32(block, checksum)
    header["__metadata__"] = {**metadata, CHECKSUM: f"{checksum:08x}"}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    _replace(path, [memoryview(len(text).to_bytes(_LENGTH_BYTES, "little")), memoryview(text), *blocks])


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a file.

    Parameters
    ----------
    path : Path
        File in the safetensors format.

    Returns
    -------
    tensors : dict of str to Tensor
        Tensors by name, in main memory.
    metadata : dict of str to str
        The file's own metadata, without the checksum.

    Raises
    ------
    CheckpointError
        If the file is cut off, has gaps or too many bytes, is not in the format or fails its checksum.
    FileNotFoundError
        If there is no file.
    """
    raw = bytearray(path.read_bytes())
    header, data = _parted(path, raw)
    metadata = header.pop("__metadata__", {})
    end = 0
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        dtype, shape = _TYPES.get(entry["dtype"]), entry["shape"]
        if dtype is None:
            message = f"{path}: tensor {name!r} has the type {entry['dtype']!r}: expected one of {', '.join(_TYPES)}."
            raise CheckpointError(message)
        if begin != end or stop - begin != math.prod(shape) * dtype.itemsize or stop > len(data):
            message = f"{path}: tensor {name!r} claims bytes {begin} to {stop} of {len(data)}: the file is damaged."
            raise CheckpointError(message)
        block = data[begin:stop]
        tensors[name] = (torch.frombuffer(block, dtype=dtype) if block else torch.empty(0, dtype=dtype)).view(shape)
        end = stop
    if end != len(data):
        message = f"{path}: {len(data) - end} bytes belong to no tensor: the file is damaged."
        raise CheckpointError(message)
    checksum = metadata.pop(CHECKSUM, None)
    if checksum is not None and checksum != f"{zlib.crc32(data):08x}":
        message = f"{path}: the checksum is not {checksum}: the file is damaged."
        raise CheckpointError(message)
    return tensors, metadata


def _raw(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().view(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


def _parted(path: Path, raw: bytearray) -> tuple[dict[str, Any], bytearray]:
    """Return the header, looked at for its form, and the raw bytes after it."""
    length = int.from_bytes(raw[:_LENGTH_BYTES], "little")
    if len(raw) < _LENGTH_BYTES or length > min(MAX_HEADER_BYTES, len(raw) - _LENGTH_BYTES):
        message = f"{path}: {len(raw)} bytes are too few for a header of {length}: the file is damaged."
        raise CheckpointError(message)
    begin = _LENGTH_BYTES + length
    try:
        header = json.loads(raw[_LENGTH_BYTES:begin], object_pairs_hook=_without_doubles)
        for name, entry in header.items():
            numbers = [] if name == "__metadata__" else [*entry["data_offsets"], *entry["shape"]]
            if any(type(number) is not int or number < 0 for number in numbers):
                raise ValueError(name)  # noqa: TRY301 -- one answer for every malformed header
            if name != "__metadata__":
                _, _ = entry["data_offsets"]
                hash(entry["dtype"])
            elif any(type(value) is not str for value in entry.values()):
                raise ValueError(name)  # noqa: TRY301 -- as above
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{path}: the header is not that of a safetensors file: the file is damaged."
        raise CheckpointError(message) from error
    return header, raw[begin:]


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


def _replace(path: Path, blocks: list[memoryview]) -> None:
    """Write blocks to a file beside `path`, see them on the disk and give the file its name."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name is on the disk only now
    finally:
        os.close(folder)
