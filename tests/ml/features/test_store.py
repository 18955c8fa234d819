from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.features.configurations import CONFIGURATIONS
from ml.features.store import FeatureStore, StoreLockedError

CONFIG = CONFIGURATIONS["earmark"]
ROOT = Path(__file__).parents[3]


def _key(number: int) -> str:
    return f"{number:064x}"


def _features(number: int, frames: int = 5) -> torch.Tensor:
    return torch.randn(1, frames, 3, generator=torch.Generator().manual_seed(number)).half().float()


def _fill(folder: Path, numbers: range, dtype: torch.dtype = torch.float16) -> FeatureStore:
    store = FeatureStore(folder, CONFIG, dtype=dtype)
    with store:
        for number in numbers:
            store.add(_key(number), _features(number, frames=4 + number))
    return store


def _holds(store: FeatureStore, numbers: range) -> None:
    assert list(store) == [_key(number) for number in numbers]
    for number in numbers:
        assert torch.equal(store.get(_key(number)).float(), _features(number, frames=4 + number))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_features_come_back_as_they_were(tmp_path: Path, dtype: torch.dtype) -> None:
    _fill(tmp_path, range(4), dtype=dtype)
    again = FeatureStore(tmp_path, CONFIG, dtype=dtype)
    _holds(again, range(4))
    assert again.get(_key(0)).dtype == dtype
    assert len(again) == 4


def test_half_precision_rounds(tmp_path: Path) -> None:
    with FeatureStore(tmp_path, CONFIG) as store:
        store.add(_key(0), torch.full((1, 1, 1), -100.01))
        assert store.get(_key(0)).item() == -100.0  # steps of 2^-4 between 64 and 128


def test_a_writer_sees_what_it_adds_at_once(tmp_path: Path) -> None:
    with FeatureStore(tmp_path, CONFIG) as store:
        for number in range(3):
            assert _key(number) not in store
            store.add(_key(number), _features(number, frames=4 + number))
            _holds(store, range(number + 1))


def test_missing_keys_are_told_once_and_in_order(tmp_path: Path) -> None:
    store = _fill(tmp_path, range(2))
    assert store.missing([_key(5), _key(1), _key(3), _key(5)]) == [_key(5), _key(3)]
    with pytest.raises(KeyError):
        store.get(_key(5))


def test_a_key_that_is_there_is_not_added_again(tmp_path: Path) -> None:
    _fill(tmp_path, range(2))
    size = sum(file.stat().st_size for file in tmp_path.glob("*/features.bin"))
    with FeatureStore(tmp_path, CONFIG) as store:
        store.add(_key(1), torch.zeros(1, 9, 3))
    assert sum(file.stat().st_size for file in tmp_path.glob("*/features.bin")) == size
    _holds(FeatureStore(tmp_path, CONFIG), range(2))


def test_configurations_and_types_do_not_mix(tmp_path: Path) -> None:
    _fill(tmp_path, range(2))
    assert len(FeatureStore(tmp_path, replace(CONFIG, top_db=70.0))) == 0
    assert len(FeatureStore(tmp_path, CONFIG, dtype=torch.float32)) == 0
    assert len(FeatureStore(tmp_path, replace(CONFIG, source="said otherwise"))) == 2


def test_writing_into_a_view_changes_no_file(tmp_path: Path) -> None:
    store = _fill(tmp_path, range(1))
    store.get(_key(0)).zero_()
    _holds(FeatureStore(tmp_path, CONFIG), range(1))


def test_features_go_to_the_device_if_they_fit(tmp_path: Path) -> None:
    store = _fill(tmp_path, range(3))
    keys = [_key(2), _key(0), _key(2)]
    needed = (6 + 4) * 3 * 2  # frames, bands, bytes
    assert store.n_bytes(keys) == needed
    assert store.to_device(keys, device=torch.device("cpu"), budget_bytes=needed - 1) is None
    held = store.to_device(keys, device=torch.device("cpu"), budget_bytes=needed)
    assert list(held) == [_key(2), _key(0)]
    assert torch.equal(held[_key(0)].float(), _features(0, frames=4))
    assert held[_key(0)].untyped_storage().data_ptr() == held[_key(2)].untyped_storage().data_ptr()


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    first = FeatureStore(tmp_path, CONFIG)
    first.add(_key(0), _features(0, frames=4))
    second = FeatureStore(tmp_path, CONFIG)
    _holds(second, range(1))
    with pytest.raises(StoreLockedError, match=f"being written by process {os.getpid()}: expected one writer"):
        second.add(_key(1), _features(1, frames=5))
    first.close()
    with second:
        second.add(_key(1), _features(1, frames=5))
    _holds(FeatureStore(tmp_path, CONFIG), range(2))


def test_a_writer_goes_on_behind_what_another_wrote_meanwhile(tmp_path: Path) -> None:
    early = FeatureStore(tmp_path, CONFIG)
    _fill(tmp_path, range(2))
    with early:
        early.add(_key(2), _features(2, frames=6))
    _holds(FeatureStore(tmp_path, CONFIG), range(3))


def _paths(folder: Path) -> tuple[Path, Path]:
    store = FeatureStore(folder, CONFIG).folder
    return store / "features.bin", store / "index.jsonl"


@settings(max_examples=40, deadline=None)
@given(which=st.sampled_from([0, 1]), share=st.floats(0.0, 1.0))
def test_a_truncated_file_leaves_the_whole_beginning(
    tmp_path_factory: pytest.TempPathFactory, which: int, share: float
) -> None:
    folder = tmp_path_factory.mktemp("store")
    _fill(folder, range(4))
    path = _paths(folder)[which]
    os.truncate(path, int(share * path.stat().st_size))

    left = len(FeatureStore(folder, CONFIG))
    assert left <= 4
    if share < 0.9:
        assert left < 4
    _holds(FeatureStore(folder, CONFIG), range(left))
    _fill(folder, range(4))
    _holds(FeatureStore(folder, CONFIG), range(4))


@pytest.mark.parametrize(
    "tail",
    [b"{", b'{"key": "00"}\n', b"\x00" * 40 + b"\n", b"\xff\xfe\n", b"[]\n", b"{}\n" * 200],
    ids=["torn", "half an entry", "zeros", "no text", "no entry", "long"],
)
def test_garbage_behind_the_index_is_written_over(tmp_path: Path, tail: bytes) -> None:
    _fill(tmp_path, range(2))
    data, index = _paths(tmp_path)
    index.write_bytes(index.read_bytes() + tail)
    data.write_bytes(data.read_bytes() + b"half a clip" * 50)
    _holds(FeatureStore(tmp_path, CONFIG), range(2))
    _fill(tmp_path, range(3))
    _holds(FeatureStore(tmp_path, CONFIG), range(3))
    assert data.stat().st_size == (4 + 5 + 6) * 3 * 2  # frames, bands, bytes
    assert index.read_bytes().endswith(b'{"synced": true}\n')


def test_an_unsynced_entry_whose_data_were_lost_is_dropped(tmp_path: Path) -> None:
    # After a loss of power the index may have reached the disk and the data, which read as zeros, not.
    _fill(tmp_path, range(3))
    data, index = _paths(tmp_path)
    index.write_bytes(index.read_bytes().removesuffix(b'{"synced": true}\n'))
    last = _features(2, frames=6).numel() * 2
    data.write_bytes(data.read_bytes()[:-last] + bytes(last))
    _holds(FeatureStore(tmp_path, CONFIG), range(2))


def test_synced_entries_are_not_read_on_opening(tmp_path: Path) -> None:
    # Checking them would read the whole file: changed data therefore come back as they are.
    _fill(tmp_path, range(2))
    data, _ = _paths(tmp_path)
    data.write_bytes(bytes(data.stat().st_size))
    assert FeatureStore(tmp_path, CONFIG).get(_key(1)).unique().tolist() == [0.0]


def test_a_killed_writer_leaves_a_store_that_can_be_read_and_written(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, torch\n"
        "from ml.features.configurations import CONFIGURATIONS\n"
        "from ml.features.store import FeatureStore\n"
        "store = FeatureStore(pathlib.Path(sys.argv[1]), CONFIGURATIONS['earmark'])\n"
        "for number in range(1_000_000):\n"
        "    store.add(f'{number:064x}', torch.full((1, 4, 3), float(number % 1000)))\n"
        "    print(number, flush=True)\n"
    )
    with subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as writer:
        for line in writer.stdout:
            if int(line) == 300:
                break
        with pytest.raises(StoreLockedError, match=str(writer.pid)):
            FeatureStore(tmp_path, CONFIG).add(_key(0), torch.zeros(1, 1, 1))
        writer.send_signal(signal.SIGKILL)

    store = FeatureStore(tmp_path, CONFIG)
    left = len(store)
    assert left > 300
    assert store.get(_key(300)).unique().tolist() == [300.0]
    with store:
        store.add(_key(left + 5), torch.ones(1, 1, 1))
    assert len(FeatureStore(tmp_path, CONFIG)) == left + 1


@pytest.mark.parametrize("start", [b"", b"{"], ids=["data", "index"])
def test_a_failed_write_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    store = _fill(tmp_path, range(1))
    sizes = [path.stat().st_size for path in _paths(tmp_path)]
    written = os.pwrite

    def half_then_full(file: int, content: memoryview, offset: int) -> int:
        if offset and bytes(content).startswith(start):
            written(file, content[:20], offset)
            raise OSError(28, "No space left on device")
        return written(file, content, offset)

    with store:
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", half_then_full)
            with pytest.raises(OSError, match="No space left"):
                store.add(_key(1), _features(1, frames=50))
        assert _key(1) not in store
        assert [path.stat().st_size for path in _paths(tmp_path)] == sizes
        store.add(_key(1), _features(1, frames=5))
    _holds(FeatureStore(tmp_path, CONFIG), range(2))


@pytest.mark.parametrize("key", ["", "abc", "0123456G", "ABCDEF0123", "0" * 129, "../../etc"])
def test_keys_that_are_no_hash_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="expected 8 to 128 lower-case hexadecimal digits"):
        FeatureStore(tmp_path, CONFIG).add(key, _features(0))


@pytest.mark.parametrize(
    "features",
    [torch.zeros(5, 3), torch.zeros(1, 0, 3), torch.full((1, 1, 1), float("nan")), torch.full((1, 1, 1), 1e6)],
)
def test_features_that_cannot_be_stored_are_refused(tmp_path: Path, features: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"channels by frames by bands, finite in torch\.float16"):
        FeatureStore(tmp_path, CONFIG).add(_key(0), features)


def test_other_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected torch\.float16 or torch\.float32"):
        FeatureStore(tmp_path, CONFIG, dtype=torch.float64)


def test_opening_a_store_writes_nothing(tmp_path: Path) -> None:
    assert list(FeatureStore(tmp_path / "none", CONFIG)) == []
    assert list(tmp_path.iterdir()) == []
