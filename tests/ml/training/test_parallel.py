from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

from ml.training import parallel
from ml.training.checkpoint import read_tensors
from tests.ml.training.small_training import ROOT, shared_training


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_two_processes_train_like_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together, alone = tmp_path / "two.safetensors", tmp_path / "one.safetensors"
    launched = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": "2",
        "GLOO_SOCKET_IFNAME": "lo",  # the machine's own name may lead nowhere
    }
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    one = shared_training(alone, parallel.LaunchInfo())
    command = [sys.executable, "-m", "tests.ml.training.small_training", str(together)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "RANK": "1", "LOCAL_RANK": "1"}) as other:  # noqa: S603 -- ours
        try:
            two = shared_training(together, parallel.LaunchInfo(world_size=2))
            assert other.wait(60) == 0
        finally:
            other.kill()

    # 24 clips in batches of 8, of which each computes 4; validation has 9 clips, so that one process predicts 5.
    for record, same in zip(one.records, two.records, strict=True):
        assert same.loss == pytest.approx(record.loss, rel=1e-5)
        assert same.validation == pytest.approx(record.validation, rel=1e-5)
    expected, found = read_tensors(alone)[0], read_tensors(together)[0]
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=1e-5, msg=name)


def test_torchrun_says_which_process_this_is() -> None:
    info = parallel.launch_info({"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "HOME": "/"})

    assert info == parallel.LaunchInfo(rank=5, local_rank=1, world_size=8)
    assert parallel.launch_info({}) == parallel.LaunchInfo(rank=0, local_rank=0, world_size=1)


def test_processes_of_one_host_are_known_to_be() -> None:
    launched = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}

    assert parallel.launch_info({**launched, "LOCAL_WORLD_SIZE": "2"}).one_host
    assert not parallel.launch_info({**launched, "LOCAL_WORLD_SIZE": "1"}).one_host
    assert not parallel.launch_info(launched).one_host


def test_more_processes_than_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    second = parallel.LaunchInfo(rank=1, local_rank=1, world_size=2)

    with (
        pytest.raises(ValueError, match="LOCAL_RANK = 1, but this host has 1 devices: start at most one process"),
        parallel.process_group(second, accelerated=True),
    ):
        pass


@pytest.mark.parametrize("accelerated", [True, False])
@pytest.mark.parametrize(("one_host", "expected"), [(True, "lo"), (False, None)])
def test_processes_of_one_host_meet_within_it(
    monkeypatch: pytest.MonkeyPatch,
    accelerated: bool,  # noqa: FBT001 -- a parameter of the test
    one_host: bool,  # noqa: FBT001 -- likewise
    expected: str | None,
) -> None:
    # Those with GPUs make a group of gloo too, in which one tells the others what it did alone.
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "")  # so that it is as before afterwards
    monkeypatch.delenv("GLOO_SOCKET_IFNAME")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda _: None)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: None)
    found: list[tuple[str, str | None]] = []
    monkeypatch.setattr(
        distributed,
        "init_process_group",
        lambda backend, **_: found.append((backend, os.environ.get("GLOO_SOCKET_IFNAME"))),
    )
    first = parallel.LaunchInfo(world_size=2, one_host=one_host)
    with parallel.process_group(first, accelerated=accelerated):
        pass
    assert found == [("nccl" if accelerated else "gloo", expected if sys.platform == "linux" else None)]


@pytest.mark.parametrize(
    "environment",
    [
        {"RANK": "2", "LOCAL_RANK": "0", "WORLD_SIZE": "2"},
        {"RANK": "-1", "LOCAL_RANK": "0", "WORLD_SIZE": "2"},
        {"RANK": "0", "LOCAL_RANK": "1", "WORLD_SIZE": "2"},
    ],
)
def test_places_that_cannot_be_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected a rank below the size"):
        parallel.launch_info(environment)


def test_a_lone_process_needs_no_group() -> None:
    network, value = nn.BatchNorm1d(2), torch.tensor(3.0)

    with parallel.process_group(parallel.LaunchInfo(), accelerated=False) as device:
        assert device == torch.device("cpu")
        assert parallel.rank_and_size() == (0, 1)
        assert parallel.wrapped(network, device) is network
        assert float(parallel.summed(value)) == 3.0
        assert float(parallel.largest(value)) == 3.0
        parallel.share_buffers(network)
        assert parallel.told_by_first(lambda: 7) == 7
