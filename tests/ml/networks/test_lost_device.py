from __future__ import annotations

from typing import Any

import pytest
import torch

from ml.networks.lost_device import is_lost


def test_a_processor_is_never_lost_and_a_device_that_raises_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(torch, "zeros", broken)
    assert not is_lost("cpu")
    assert is_lost("cuda")
    assert is_lost(torch.device("cuda", 1))


def test_a_device_that_answers_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "zeros", lambda *_, **__: torch.ones(1))
    assert not is_lost("cuda")
