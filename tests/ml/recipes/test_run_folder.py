from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.recipes.plan import Output, Step
from ml.recipes.run_folder import RunFolder
from ml.training.checkpoint import CheckpointError

STEP = Step(0, 1, 2)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "deep" / "run")


def test_a_run_is_described_once_and_recognised(folder: RunFolder) -> None:
    assert folder.described() is None
    document = {"seed": 1, "plan": {"members": ({"width": 3},)}}

    folder.describe(document)
    folder.describe(document)

    # Tuples come back as JSON's lists, which are no difference.
    assert folder.described() == {"seed": 1, "plan": {"members": [{"width": 3}]}}


@pytest.mark.parametrize("other", [{"seed": 2}, {"seed": 1, "plan": 1}, {}])
def test_another_run_is_refused_with_the_difference(folder: RunFolder, other: dict[str, int]) -> None:
    folder.describe({"seed": 1})

    with pytest.raises(ValueError, match=r"holds a run with another (seed|plan): .*Take another folder, or remove"):
        folder.describe(other)

    assert folder.described() == {"seed": 1}


def test_states_come_back_bit_for_bit(folder: RunFolder) -> None:
    state = {
        "fold": np.array([0, -1, 3]),
        "target": np.random.default_rng(0).random((3, 2)),
        "open": np.array([True, False, True]),
    }

    folder.write_state(2, state)
    found = folder.read_state(2)

    assert folder.has_state(2)
    assert not folder.has_state(1)
    assert found.keys() == state.keys()
    for name, array in state.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_step_is_done_when_its_predictions_are_there(folder: RunFolder) -> None:
    output = Output(step=STEP, clip_J=np.array([4, 2]), p_JK=np.array([[0.25, 0.75], [0.1, 0.9]]))
    assert not folder.is_done(STEP)

    folder.write_weights(STEP, {"w": torch.arange(3.0)})
    assert not folder.is_done(STEP)
    folder.write_output(output)

    assert folder.is_done(STEP)
    found = folder.read_output(STEP)
    assert found.step == STEP
    np.testing.assert_array_equal(found.clip_J, output.clip_J)
    np.testing.assert_array_equal(found.p_JK, output.p_JK)
    assert folder.read_weights(STEP)["w"].tolist() == [0, 1, 2]
    assert not folder.is_done(Step(0, 1, 3))


def test_rows_and_epochs_are_for_people(folder: RunFolder) -> None:
    assert folder.read_epochs(STEP) == []

    folder.write_epochs(STEP, [{"epoch": 1, "loss": 0.5}])
    folder.write_row(3, {"iteration": 4})

    assert folder.read_epochs(STEP) == [{"epoch": 1, "loss": 0.5}]
    assert folder.read_row(3) == {"iteration": 4}
    assert json.loads((folder.path / "iteration-3.json").read_text()) == {"iteration": 4}


def test_a_share_of_the_epochs_is_granted_once_for_all(folder: RunFolder) -> None:
    assert folder.granted() is None

    folder.grant(0.1 + 0.2)

    # A share that is rounded on its way would be another plan when the run goes on.
    assert RunFolder(folder.path).granted() == 0.1 + 0.2


def test_a_write_that_is_cut_off_leaves_the_file_as_it_was(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_row(0, {"iteration": 1})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            folder.write_row(0, {"iteration": 2})
        with pytest.raises(KeyboardInterrupt):
            folder.write_state(1, {"fold": np.zeros(3)})
        with pytest.raises(KeyboardInterrupt):
            folder.describe({"seed": 1})

    assert folder.read_row(0) == {"iteration": 1}
    assert not folder.has_state(1)
    assert folder.described() is None
    folder.write_row(0, {"iteration": 2})
    assert folder.read_row(0) == {"iteration": 2}


def test_a_damaged_state_is_refused(folder: RunFolder) -> None:
    folder.write_state(0, {"target": np.ones((4, 2))})
    path = folder.path / "iteration-0.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 1
    path.write_bytes(raw)

    with pytest.raises(CheckpointError, match="the file is damaged"):
        folder.read_state(0)
