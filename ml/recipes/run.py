"""A verification run: which steps are to do, doing one, and joining an iteration.

The run itself holds nothing but its folder. Whoever calls it, a command with some processes or jobs on many machines
that share the folder, asks for the steps of an iteration, does those that are not done, and joins the iteration when
all are; doing anything twice changes nothing.

The plan, which names a run, says nothing of the device. What suits an accelerator is settled where a step is done
(`ml.training.fitting`), so that accelerators and processors may take steps of the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ml.networks.registry import build
from ml.recipes.candidates import CandidateSet
from ml.recipes.clip_frames import FrameSource
from ml.recipes.plan import Output, Plan, Recipe, Step, Verdict, Work
from ml.recipes.run_folder import RunFolder
from ml.training.batches import BatchSource
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.fitting import fitted_to
from ml.training.loop import train
from ml.training.prediction import predict_average
from ml.training.records import EpochRecord
from ml.training.seeds import Purpose, derived_seed

OnEpoch = Callable[[Step, EpochRecord], None]

FEWEST_TAUGHT = 2  # clips of a batch, over which networks normalise


class StoppedError(Exception):
    """The caller asked a step to stop; what it had done is kept."""


class VerificationRun:
    """A run of a recipe on some candidates.

    Parameters
    ----------
    folder : Path
        Where the run is kept; a folder that holds it already lets it go on.
    recipe : Recipe
        What is run.
    plan : Plan
        The recipe fitted to the candidates.
    candidates : CandidateSet
        The clips.
    frames : FrameSource
        Their features.
    seed : int
        Seed of everything that chance decides.
    device : str
        Where to compute.

    Raises
    ------
    ValueError
        If the folder belongs to another run.
    """

    def __init__(
        self,
        folder: Path,
        *,
        recipe: Recipe,
        plan: Plan,
        candidates: CandidateSet,
        frames: FrameSource,
        seed: int,
        device: str,
    ) -> None:
        self.folder = RunFolder(folder)
        self.recipe, self.plan, self.candidates, self.frames = recipe, plan, candidates, frames
        self.seed, self.device = seed, device
        self.folder.describe({"plan": asdict(plan), "seed": seed, "candidates": candidates.digest()})
        if not self.folder.has_state(0):
            self.folder.write_state(0, recipe.begin(candidates, plan, seed=seed))

    def iteration(self) -> int:
        """Return the iteration that is under way; `plan.iterations` when all are done."""
        return max(i for i in range(self.plan.iterations + 1) if self.folder.has_state(i))

    def open_steps(self) -> list[Step]:
        """List the steps of the present iteration that are not done."""
        iteration = self.iteration()
        if iteration == self.plan.iterations:
            return []
        return [step for step in self.plan.steps(iteration) if not self.folder.is_done(step)]

    def do(
        self,
        step: Step,
        *,
        on_epoch: OnEpoch | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Train and predict one step, or what an earlier attempt left of it.

        Raises
        ------
        StoppedError
            If `should_stop` said so.
        ValueError
            If the step has too few clips to learn from.
        """
        if self.folder.is_done(step):
            return
        member = self.plan.members[step.member]
        work = self._work(step)
        frames = self.frames.clips(member.features, n_classes=self.candidates.n_classes, padded=member.padded)
        place = (step.iteration, step.member, step.fold)
        options = dict(member.options)
        network = build(
            member.network, self.candidates.n_classes, seed=derived_seed(self.seed, Purpose.NETWORK, *place), **options
        )
        if (origin := self.plan.origin(step)) is not None:
            network.load_state_dict(self.folder.read_weights(origin))
        epochs = self.folder.read_epochs(step)

        def told(record: EpochRecord) -> None:
            epochs.append(_epoch_row(record))
            self.folder.write_epochs(step, epochs)
            if on_epoch is not None:
                on_epoch(step, record)

        checkpoint = self.folder.step_folder(step) / "checkpoint.safetensors"
        clips = _training_clips(frames, work)
        training = _fitted(network, clips, self.plan.training(step), torch.device(self.device))
        result = train(
            network,
            clips,
            training,
            seed=derived_seed(self.seed, Purpose.BATCHES, *place),
            device=self.device,
            validation=_validation_clips(frames, work, self.candidates) if len(work.validated) else None,
            checkpoint=checkpoint,
            on_epoch=told,
            should_stop=should_stop,
        )
        if result.ended == "asked":
            message = f"{step} was asked to stop after epoch {len(result.records)}."
            raise StoppedError(message)
        # A kill between a checkpoint and its row has left a row out.
        self.folder.write_epochs(step, [_epoch_row(record) for record in result.records])
        self._judge(step, training, network, [kept.weights for kept in result.kept], frames, work)
        checkpoint.unlink(missing_ok=True)

    def join(self) -> dict[str, Any] | None:
        """Join the present iteration if all its steps are done.

        Returns
        -------
        dict or None
            The iteration's row; None if steps are open, or nothing is left to do.
        """
        iteration = self.iteration()
        if iteration == self.plan.iterations or self.open_steps():
            return None
        outputs = [self.folder.read_output(step) for step in self.plan.steps(iteration)]
        state, row = self.recipe.fuse(
            self.candidates, self.plan, self.folder.read_state(iteration), outputs, iteration=iteration
        )
        self.folder.write_row(iteration, row)
        self.folder.write_state(iteration + 1, state)
        return row

    def verdict(self, *, precision: float) -> Verdict:
        """Return what the run says of every clip.

        Parameters
        ----------
        precision : float
            Share of the labels accepted unheard that is to be right.

        Raises
        ------
        ValueError
            If the run is not done.
        """
        if self.iteration() < self.plan.iterations:
            message = f"{len(self.open_steps())} steps of iteration {self.iteration()} are not done."
            raise ValueError(message)
        state = self.folder.read_state(self.plan.iterations)
        return self.recipe.verdict(self.candidates, self.plan, state, precision=precision)

    def _work(self, step: Step) -> Work:
        work = self.recipe.work(self.candidates, self.plan, self.folder.read_state(step.iteration), step)
        if self.plan.n_folds > 1:  # without folds nobody else would judge them
            work = _without_heard(work, self.candidates)
        work = _without_copies(work, self.candidates)
        if len(work.trained_S) < FEWEST_TAUGHT:
            message = (
                f"{len(work.judged)} clips are to be judged by others, of which there are {len(work.trained_S)}: "
                f"expected at least {FEWEST_TAUGHT}. Add clips of other participants or sources."
            )
            raise ValueError(message)
        return work

    def _judge(
        self,
        step: Step,
        training: TrainingConfig,
        network: torch.nn.Module,
        kept: Sequence[Mapping[str, torch.Tensor]],
        frames: ClipFeatures,
        work: Work,
    ) -> None:
        p_JK = predict_average(
            network,
            kept,
            frames.subset(work.judged).near(torch.device(self.device)),
            self.plan.members[step.member].windows,
            device=self.device,
            seed=derived_seed(self.seed, Purpose.WINDOWS, step.iteration, step.member, step.fold),
            precision=training.precision,
        )
        self.folder.write_weights(step, network.state_dict())
        self.folder.write_output(Output(step=step, clip_J=work.judged, p_JK=p_JK))


def _without_heard(work: Work, candidates: CandidateSet) -> Work:
    """Leave test clips of people who teach here to the fold in which these are held out."""
    taught = candidates.group_N[work.trained_S]
    heard_J = candidates.test_N[work.judged] & np.isin(candidates.group_N[work.judged], taught)
    return replace(work, judged=work.judged[~heard_J])


def _without_copies(work: Work, candidates: CandidateSet) -> Work:
    """Leave out of the training what is to be judged, where the same recording stands in several groups."""
    judged = {candidates.key_N[n] for n in work.judged if not candidates.test_N[n]}
    kept_S = np.array([candidates.key_N[n] not in judged for n in work.trained_S], dtype=np.bool_)
    return replace(
        work,
        trained_S=work.trained_S[kept_S],
        target_SK=work.target_SK[kept_S],
        weight_S=work.weight_S[kept_S],
        verified_S=work.verified_S[kept_S],
    )


def _fitted(
    network: torch.nn.Module, clips: ClipFeatures, training: TrainingConfig, device: torch.device
) -> TrainingConfig:
    _, bands, channels = clips.x_TMC.shape
    steps = BatchSource.of(clips, training).steps_per_epoch * training.epochs
    return fitted_to(device, training, network=network, channels=channels, bands=bands, steps=steps)


def _training_clips(frames: ClipFeatures, work: Work) -> ClipFeatures:
    return frames.subset(work.trained_S).labelled(
        target_NK=work.target_SK.astype(np.float32), weight_N=work.weight_S, verified_N=work.verified_S
    )


def _validation_clips(frames: ClipFeatures, work: Work, candidates: CandidateSet) -> ClipFeatures:
    label_N = candidates.label_N[work.validated]
    return frames.subset(work.validated).labelled(
        target_NK=np.eye(candidates.n_classes, dtype=np.float32)[label_N],
        weight_N=np.ones(len(label_N)),
        verified_N=np.ones(len(label_N), dtype=np.bool_),
    )


def _epoch_row(record: EpochRecord) -> dict[str, Any]:
    return {
        "epoch": record.epoch,
        "loss": record.loss,
        "seconds": record.seconds,
        "validation": dict(record.validation),
        "notes": list(record.notes),
    }
