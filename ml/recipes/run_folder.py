"""The files of a run. What is in its folder is done; what is not is still to do.

A run may be killed at any moment and on any machine. Every file is therefore written under another name and renamed
when it is whole, carries the digest of the run it belongs to, and is never changed afterwards:

    share.json                              share of its epochs that a recipe was granted, where time was short
    run.json                                what is run: recipe, plan, seed, digest of the candidates
    iteration-0.safetensors                 state before iteration 0, and so on
    iteration-0.json                        the row that people see of iteration 0
    iteration-0-member-0-fold-0/
        checkpoint.safetensors              training under way; gone when it is done
        weights.safetensors                 the network
        output.safetensors                  what it predicts; the step is done when this is there
        epochs.json                         losses and seconds, for people
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ml.recipes.plan import Output, State, Step
from ml.training.checkpoint import read_tensors, write_tensors

RUN, SHARE = "run.json", "share.json"


class RunFolder:
    """Reads and writes the files of a run.

    Parameters
    ----------
    path : Path
        The folder; it is made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def describe(self, document: Mapping[str, Any]) -> None:
        """Store what is run, or check that it is what the folder holds already.

        Raises
        ------
        ValueError
            If the folder belongs to another run.
        """
        target = self.path / RUN
        if not target.exists():
            _write_text(target, json.dumps(document, indent=1, sort_keys=True))
            return
        stored = json.loads(target.read_text(encoding="utf-8"))
        wanted = json.loads(json.dumps(document))
        different = sorted(key for key in {*stored, *wanted} if stored.get(key) != wanted.get(key))
        if different:
            message = (
                f"{self.path} holds a run with another {different[0]}: found {str(stored.get(different[0]))[:80]}, "
                f"expected {str(wanted.get(different[0]))[:80]}. Take another folder, or remove this one."
            )
            raise ValueError(message)

    def described(self) -> dict[str, Any] | None:
        """Return what is run, if the folder holds a run."""
        target = self.path / RUN
        return json.loads(target.read_text(encoding="utf-8")) if target.exists() else None

    def grant(self, share: float) -> None:
        """Store the share of its epochs that a recipe is granted."""
        _write_text(self.path / SHARE, json.dumps({"share": share}))

    def granted(self) -> float | None:
        """Return the share of its epochs that a recipe was granted, if it was decided."""
        target = self.path / SHARE
        return float(json.loads(target.read_text(encoding="utf-8"))["share"]) if target.exists() else None

    def step_folder(self, step: Step) -> Path:
        """Return the folder of a step's files."""
        folder = self.path / str(step)
        folder.mkdir(exist_ok=True)
        return folder

    def has_state(self, iteration: int) -> bool:
        """Say whether the state before an iteration is known."""
        return self._state(iteration).exists()

    def write_state(self, iteration: int, state: State) -> None:
        """Store the state before an iteration."""
        write_tensors(self._state(iteration), {name: torch.from_numpy(array) for name, array in state.items()}, {})

    def read_state(self, iteration: int) -> State:
        """Read the state before an iteration."""
        return {name: tensor.numpy() for name, tensor in read_tensors(self._state(iteration))[0].items()}

    def write_row(self, iteration: int, row: Mapping[str, Any]) -> None:
        """Store what people see of an iteration."""
        _write_text(self.path / f"iteration-{iteration}.json", json.dumps(row))

    def read_row(self, iteration: int) -> dict[str, Any]:
        """Read what people see of an iteration."""
        row: dict[str, Any] = json.loads((self.path / f"iteration-{iteration}.json").read_text(encoding="utf-8"))
        return row

    def is_done(self, step: Step) -> bool:
        """Say whether a step's predictions are there."""
        return (self.path / str(step) / "output.safetensors").exists()

    def write_weights(self, step: Step, weights: Mapping[str, Tensor]) -> None:
        """Store a step's network."""
        write_tensors(self.step_folder(step) / "weights.safetensors", weights, {})

    def read_weights(self, step: Step) -> dict[str, Tensor]:
        """Read a step's network."""
        return read_tensors(self.step_folder(step) / "weights.safetensors")[0]

    def write_output(self, output: Output) -> None:
        """Store a step's predictions; the step is done then."""
        tensors = {"clip": torch.from_numpy(output.clip_J), "p": torch.from_numpy(output.p_JK)}
        write_tensors(self.step_folder(output.step) / "output.safetensors", tensors, {})

    def read_output(self, step: Step) -> Output:
        """Read a step's predictions."""
        tensors, _ = read_tensors(self.step_folder(step) / "output.safetensors")
        return Output(step=step, clip_J=tensors["clip"].numpy(), p_JK=tensors["p"].numpy())

    def write_epochs(self, step: Step, epochs: list[dict[str, Any]]) -> None:
        """Store the losses of a step."""
        _write_text(self.step_folder(step) / "epochs.json", json.dumps(epochs))

    def read_epochs(self, step: Step) -> list[dict[str, Any]]:
        """Read the losses of a step; none if it has not begun."""
        path = self.path / str(step) / "epochs.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def _state(self, iteration: int) -> Path:
        return self.path / f"iteration-{iteration}.safetensors"


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
