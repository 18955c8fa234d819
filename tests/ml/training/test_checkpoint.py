from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.training.checkpoint import CheckpointError, read_tensors, write_tensors

# By hand from the format's description: the length of the header, the header, and one float32 1.0 (00 00 80 3f).
HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"__metadata__":{"made":"by hand"}}'
BY_HAND = len(HEADER).to_bytes(8, "little") + HEADER + b"\x00\x00\x80\x3f"


def test_a_file_made_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(BY_HAND)

    tensors, metadata = read_tensors(path)

    assert tensors["w"].tolist() == [1.0]
    assert tensors["w"].dtype == torch.float32
    assert metadata == {"made": "by hand"}


def test_a_written_file_has_the_bytes_that_the_format_asks_for(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"

    write_tensors(path, {"b": torch.tensor([[True, False]]), "a": torch.tensor([1, -1])}, {"epoch": "3"})

    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert length % 8 == 0
    assert header["a"] == {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}
    assert header["b"] == {"dtype": "BOOL", "shape": [1, 2], "data_offsets": [16, 18]}
    assert header["__metadata__"]["epoch"] == "3"
    assert raw[8 + length :] == b"\x01" + b"\x00" * 7 + b"\xff" * 8 + b"\x01\x00"


DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    shapes=st.dictionaries(
        st.text(min_size=1, max_size=6).filter(lambda name: name != "__metadata__"),
        st.tuples(st.lists(st.integers(0, 3), max_size=3), st.sampled_from(DTYPES)),
        max_size=5,
    ),
    metadata=st.dictionaries(st.text(max_size=4), st.text(max_size=9), max_size=2),
)
def test_what_is_written_is_read(
    tmp_path: Path, shapes: dict[str, tuple[list[int], torch.dtype]], metadata: dict[str, str]
) -> None:
    path = tmp_path / "all.safetensors"
    tensors = {name: (torch.rand(shape) * 9).to(dtype) for name, (shape, dtype) in shapes.items()}

    write_tensors(path, tensors, metadata)
    found, found_metadata = read_tensors(path)

    assert found_metadata == metadata
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_tensors_in_another_order_of_memory_keep_their_values(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    tensor = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)

    write_tensors(path, {"w": tensor, "t": tensor.transpose(0, 2)}, {})

    assert torch.equal(read_tensors(path)[0]["w"], tensor)
    assert torch.equal(read_tensors(path)[0]["t"], tensor.transpose(0, 2))


def with_header(header: bytes, data: bytes = b"\x00\x00\x80\x3f") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "0 bytes are too few for a header of 0"),
        (BY_HAND[:-1], "claims bytes 0 to 4 of 3"),
        (BY_HAND[:20], "20 bytes are too few for a header of 88"),
        (BY_HAND + b"\x00", "1 bytes belong to no tensor"),
        (b"\xff" * 8 + HEADER, "are too few for a header of 18446744073709551615"),
        (with_header(b"not json"), "the header is not that of a safetensors file"),
        (with_header(b"[1]"), "the header is not that of a safetensors file"),
        (with_header(b'{"w":4}'), "the header is not that of a safetensors file"),
        (with_header(HEADER.replace(b"[1]", b"[true]")), "the header is not that of a safetensors file"),
        (with_header(HEADER.replace(b'"by hand"', b"7")), "the header is not that of a safetensors file"),
        (with_header(HEADER.replace(b"__metadata__", b"w")), "the header is not that of a safetensors file"),
        (with_header(HEADER.replace(b"[1]", b"[2]")), "claims bytes 0 to 4 of 4"),
        (with_header(HEADER.replace(b"[0,4]", b"[4,0]")), "claims bytes 4 to 0 of 4"),
        (with_header(HEADER.replace(b"F32", b"F31")), "has the type 'F31': expected one of F64"),
        (with_header(b"{}"), "4 bytes belong to no tensor"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(raw)

    with pytest.raises(CheckpointError, match=message):
        read_tensors(path)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_tensors(path, {"w": torch.rand(100)}, {})
    raw = bytearray(path.read_bytes())
    raw[-50] ^= 1
    path.write_bytes(raw)

    with pytest.raises(CheckpointError, match="the checksum is not"):
        read_tensors(path)


def test_types_outside_of_the_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tensor 'w' is of torch.complex64: expected one of F64, F32"):
        write_tensors(tmp_path / "w", {"w": torch.zeros(2, dtype=torch.complex64)}, {})


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.safetensors"
    write_tensors(path, {"w": torch.tensor([1.0])}, {})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_tensors(path, {"w": torch.tensor([2.0])}, {})

    assert read_tensors(path)[0]["w"].tolist() == [1.0]
    assert list(tmp_path.iterdir()) == [path]
