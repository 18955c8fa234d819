"""Which device a run takes, and what becomes of a job whose device is lost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from curation.services.jobs import JobFailedError
from ml.features.embedding import EmbeddingConfig
from ml.services import accelerator
from ml.services.audio_features import content_key, store_embeddings
from tests.factories.audio import noise, write_audio
from tests.factories.trunks import RATE_HZ, OneLength, write_trunk


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


def test_a_device_that_is_lost_while_a_trunk_hears_ends_the_process(tmp_path: Path) -> None:
    stored: dict[str, Any] = {}
    context: Any = SimpleNamespace(job=SimpleNamespace(checkpoint={}), checkpoint=stored.update)
    path = write_trunk(tmp_path / "one.pt", OneLength())
    config = EmbeddingConfig(
        file="one.pt",
        trunk_digest=content_key(path),
        sample_rate_hz=RATE_HZ,
        window_length=200,
        hop_length=200,
        n_bands=2,
    )
    write_audio(tmp_path / "clip.wav", noise(1_600), RATE_HZ)
    with pytest.raises(SystemExit), accelerator.surviving("meta", context):
        store_embeddings(
            [tmp_path / "clip.wav"],
            ["1" * 64],
            trunks={config: path},
            stores=tmp_path / "stores",
            longest_s=60,
            processes=1,
            device="meta",  # computes shapes and never gives a number, as a device does that fell off the bus
        )
    assert stored == {"accelerator_lost": 1}
