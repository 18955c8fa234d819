"""A file of named arrays that is hardly larger than they are.

A network in 8 bits has hundreds of small arrays, and the usual formats spend hundreds of bytes on the name and
shape of each. Here one compressed table of contents precedes the arrays. The file holds no program, so that a
file from elsewhere can be opened, and equal arrays give equal bytes.

Layout: 8 bytes ``EARMARK1``; the length of the table in 4 bytes, lowest first; the table, JSON compressed by
zlib, a list of ``[name, type, shape]``; the arrays in that order, lowest byte first, without gaps.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = b"EARMARK1"
TYPES: dict[str, np.dtype[Any]] = {"int8": np.dtype("int8"), "float16": np.dtype("<f2"), "float32": np.dtype("<f4")}
LENGTH_BYTES = 4


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> int:
    """Write arrays to a file.

    Parameters
    ----------
    path : Path
        The file, which is replaced if it exists.
    arrays : mapping of str to array
        Arrays of int8, float16 or float32 by name.

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    ValueError
        If an array has another type.
    """
    for name, array in arrays.items():
        if str(array.dtype) not in TYPES:
            message = f"{name} of {array.dtype}: expected one of {', '.join(TYPES)}."
            raise ValueError(message)
    contents = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    table = zlib.compress(json.dumps(contents, separators=(",", ":")).encode(), 9)
    body = b"".join(array.astype(TYPES[str(array.dtype)]).tobytes() for array in arrays.values())
    return path.write_bytes(MAGIC + len(table).to_bytes(LENGTH_BYTES, "little") + table + body)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a file.

    Parameters
    ----------
    path : Path
        A file of `write_arrays`.

    Returns
    -------
    dict of str to array
        The arrays by name, in their order.

    Raises
    ------
    ValueError
        If the file is of another kind, damaged, or shorter or longer than its table says.
    """
    data = path.read_bytes()
    start = len(MAGIC) + LENGTH_BYTES
    if data[: len(MAGIC)] != MAGIC:
        message = f"{path.name} begins with {data[: len(MAGIC)]!r}: expected {MAGIC!r}."
        raise ValueError(message)
    length = int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        contents = json.loads(zlib.decompress(data[start : start + length]))
        entries = [(str(name), TYPES[kind], tuple(int(side) for side in shape)) for name, kind, shape in contents]
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        message = f"{path.name} has no readable table of contents: expected a complete file."
        raise ValueError(message) from error
    position = start + length
    wanted = position + sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in entries)
    if len(data) != wanted:
        message = f"{path.name} has {len(data)} bytes: expected {wanted}."
        raise ValueError(message)
    arrays: dict[str, NDArray[Any]] = {}
    for name, dtype, shape in entries:
        count = math.prod(shape)
        arrays[name] = np.frombuffer(data, dtype, count, position).reshape(shape)
        position += dtype.itemsize * count
    return arrays
