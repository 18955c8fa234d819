from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from ml.networks.tensor_file import read_arrays, write_arrays

ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.sampled_from([np.dtype("int8"), np.dtype("float16"), np.dtype("float32")]).flatmap(
        lambda dtype: nps.arrays(dtype, nps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    max_size=4,
)


@settings(max_examples=12, deadline=None)
@given(arrays=ARRAYS)
def test_arrays_come_back_as_they_were(arrays: dict[str, np.ndarray]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "arrays"
        assert write_arrays(path, arrays) == path.stat().st_size
        back = read_arrays(path)
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array)


def test_equal_arrays_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_arrays(tmp_path / name, {"a": np.arange(5, dtype=np.float32), "b": np.ones((2, 3), np.int8)})
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_hundreds_of_small_arrays_cost_little_more_than_their_bytes(tmp_path: Path) -> None:
    arrays = {f"layers.{index}.weight": np.ones((16, 4), np.int8) for index in range(300)}
    assert write_arrays(tmp_path / "arrays", arrays) < 300 * 64 + 3000


def test_other_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a of float64: expected one of int8, float16, float32"):
        write_arrays(tmp_path / "arrays", {"a": np.zeros(2)})


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, {"a": np.arange(5, dtype=np.float32)})
    data = path.read_bytes()
    for damaged, message in (
        (b"something else", "begins with"),
        (b"", "begins with"),
        (data[:-1], "bytes: expected"),
        (data + b"!", "bytes: expected"),
        (data[:14], "no readable table"),
        (data[:12] + b"????" + data[16:], "no readable table"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=message):
            read_arrays(path)
