"""Which device a run takes, and what becomes of a job whose device is lost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from curation.services.jobs import JobFailedError
from ml.services import accelerator


@pytest.mark.parametrize(
    ("asked", "present", "taken"), [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu")]
)
def test_the_device_is_the_one_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: str, taken: str, *, present: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    assert accelerator.device_for(asked) == taken


def test_a_worker_without_the_device_leaves_the_job_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="no accelerator"):
        accelerator.device_for("cuda")


def test_a_processor_is_never_lost_and_a_device_that_raises_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch, "zeros", broken)
    assert not accelerator.is_lost("cpu")
    assert accelerator.is_lost("cuda")


def test_losses_end_the_process_and_the_third_the_job() -> None:
    stored: dict[str, Any] = {"losses": [0.5]}

    def checkpoint(document: dict[str, Any]) -> None:
        stored.clear()
        stored.update(document)

    for count in (1, 2):
        context: Any = SimpleNamespace(job=SimpleNamespace(checkpoint=dict(stored)), checkpoint=checkpoint)
        with pytest.raises(SystemExit):
            accelerator.give_up(context, RuntimeError("CUDA error"))
        assert stored == {"losses": [0.5], "accelerator_lost": count}
    context = SimpleNamespace(job=SimpleNamespace(checkpoint=dict(stored)), checkpoint=checkpoint)
    with pytest.raises(JobFailedError, match=r"3 times: CUDA error\. Look after the machine"):
        accelerator.give_up(context, RuntimeError("CUDA error"))


def test_an_error_of_a_block_ends_the_process_only_if_the_device_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: dict[str, Any] = {}
    context: Any = SimpleNamespace(job=SimpleNamespace(checkpoint={}), checkpoint=stored.update)
    with pytest.raises(RuntimeError, match="shape"), accelerator.surviving("cpu", context):
        raise RuntimeError("another shape was expected")
    assert stored == {}
    monkeypatch.setattr(accelerator, "is_lost", lambda device: device == "cuda")
    with pytest.raises(SystemExit), accelerator.surviving("cuda", context):
        raise RuntimeError("CUDA error")
    assert stored == {"accelerator_lost": 1}
