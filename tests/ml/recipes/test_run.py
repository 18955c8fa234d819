from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ml.networks.registry import build
from ml.recipes import run as run_module
from ml.recipes.candidates import CandidateSet
from ml.recipes.earmark import EarmarkRecipe
from ml.recipes.plan import Plan, State, Step, Work
from ml.recipes.run import StoppedError, VerificationRun
from ml.training.clips import ClipFeatures
from ml.training.config import TrainingConfig
from ml.training.prediction import predict
from tests.ml.recipes.small_run import BANDS, finish_run, make_candidates, make_plan, open_run

CANDIDATES = make_candidates()
PLAN = make_plan(epochs=3)


@dataclass
class Training:
    clips: ClipFeatures
    seed: int
    validation: ClipFeatures | None
    weights: dict[str, torch.Tensor]


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """Note what is trained, and with which first weights."""
    noted: list[Training] = []
    original = run_module.train

    def noting(network: torch.nn.Module, clips: ClipFeatures, config: object, **options: Any) -> object:
        weights = {name: value.clone() for name, value in network.state_dict().items()}
        noted.append(Training(clips, options["seed"], options["validation"], weights))
        return original(network, clips, config, **options)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(run_module, "train", noting)
    return noted


class Altered(EarmarkRecipe):
    """Ours with other work for each step."""

    def __init__(self, change: Callable[[Work], Work]) -> None:
        self._change = change

    def work(self, candidates: CandidateSet, plan: Plan, state: State, step: Step) -> Work:
        return self._change(super().work(candidates, plan, state, step))


def test_a_run_goes_from_steps_to_rows_to_a_verdict(tmp_path: Path) -> None:
    run = open_run(tmp_path, CANDIDATES, PLAN)
    rows = []
    for iteration in range(2):
        assert run.iteration() == iteration
        assert run.open_steps() == [Step(iteration, 0, 0), Step(iteration, 0, 1)]
        assert run.join() is None
        for step in run.open_steps():
            run.do(step)
        assert run.open_steps() == []
        rows.append(run.join())

    assert run.iteration() == 2
    assert run.open_steps() == []
    assert run.join() is None
    assert [row["iteration"] for row in rows if row] == [1, 2]
    assert run.folder.read_row(1) == rows[1]
    verdict = run.verdict(precision=0.9)
    np.testing.assert_allclose(verdict.p_NK.sum(axis=1), 1)
    # The tones are told apart with ease, and all labels are right.
    judged = CANDIDATES.candidate_N
    assert (verdict.label_N == CANDIDATES.label_N)[judged].mean() > 0.9
    assert not verdict.accept_N[~judged].any()


def test_there_is_no_verdict_before_the_end(tmp_path: Path) -> None:
    run = open_run(tmp_path, CANDIDATES, PLAN)
    run.do(Step(0, 0, 1))

    with pytest.raises(ValueError, match="1 steps of iteration 0 are not done"):
        run.verdict(precision=0.9)


def test_a_step_that_is_done_is_not_done_again(tmp_path: Path, trainings: list[Training]) -> None:
    run = open_run(tmp_path, CANDIDATES, PLAN)
    run.do(Step(0, 0, 0))
    run.do(Step(0, 0, 0))
    open_run(tmp_path, CANDIDATES, PLAN).do(Step(0, 0, 0))

    assert len(trainings) == 1


def test_a_finished_step_leaves_its_network_and_its_losses(tmp_path: Path) -> None:
    told = []
    run = open_run(tmp_path, CANDIDATES, PLAN)

    run.do(Step(0, 0, 1), on_epoch=lambda step, record: told.append((step, record.epoch, record.loss)))

    rows = run.folder.read_epochs(Step(0, 0, 1))
    assert [(Step(0, 0, 1), row["epoch"], row["loss"]) for row in rows] == told
    assert sorted(path.name for path in (run.folder.path / "iteration-0-member-0-fold-1").iterdir()) == [
        "epochs.json",
        "output.safetensors",
        "weights.safetensors",
    ]


def test_a_warm_step_goes_on_from_its_own_weights_and_a_cold_one_anew(
    tmp_path: Path, trainings: list[Training]
) -> None:
    warm = open_run(tmp_path / "warm", CANDIDATES, PLAN)
    finish_run(warm)
    finish_run(open_run(tmp_path / "cold", CANDIDATES, make_plan(epochs=3, warm=False)))

    first, second, third, fourth, *cold = trainings
    for fold, training in enumerate((third, fourth)):
        weights = warm.folder.read_weights(Step(0, 0, fold))
        assert all(torch.equal(value, weights[name]) for name, value in training.weights.items())
    # The same seed for the same step, another for any other.
    name = "layers.0.weight"
    assert torch.equal(cold[0].weights[name], first.weights[name])
    assert len({float(each.weights[name].sum()) for each in (first, second, *cold)}) == 4
    assert len({training.seed for training in trainings}) == 4


def test_a_whole_step_goes_on_from_a_fold_and_judges_test_clips_only(tmp_path: Path, trainings: list[Training]) -> None:
    test_N = CANDIDATES.group_N == 3
    candidates = make_candidates(test_N=test_N, label_N=np.where(test_N, -1, CANDIDATES.label_N))
    run = open_run(tmp_path, candidates, make_plan(n_whole=1))
    finish_run(run)

    assert len(trainings) == 2 + 1
    whole = trainings[-1]
    assert len(whole.clips) == 18
    fold = run.folder.read_weights(Step(0, 0, 0))
    assert torch.equal(whole.weights["layers.0.weight"], fold["layers.0.weight"])
    assert run.folder.read_output(Step(1, 0, 0)).clip_J.tolist() == np.flatnonzero(test_N).tolist()


def test_nobody_learns_from_the_clips_that_they_judge(tmp_path: Path, trainings: list[Training]) -> None:
    run = open_run(tmp_path, CANDIDATES, PLAN)
    finish_run(run)

    for training, step in zip(trainings, (*PLAN.steps(0), *PLAN.steps(1)), strict=True):
        judged = run.folder.read_output(step).clip_J
        assert len(judged) + len(training.clips) == len(CANDIDATES)
        held = run.frames.clips(PLAN.members[0].features, n_classes=3, padded=True)
        assert not set(training.clips.start_N.tolist()) & set(held.start_N[judged].tolist())


def test_a_copy_of_a_judged_recording_teaches_nobody(tmp_path: Path, trainings: list[Training]) -> None:
    # Clip 9, of the last group, has the bytes of clip 0, of the first: verified, and with the same label.
    key_N = tuple(f"{0 if n == 9 else n:064x}" for n in range(24))
    candidates = make_candidates(key_N=key_N)

    run = open_run(tmp_path, candidates, make_plan(epochs=1, iterations=1, n_folds=4))
    finish_run(run)

    held = run.frames.clips(run.plan.members[0].features, n_classes=3, padded=True)
    folds = run.folder.read_state(0)["fold"]
    assert folds[0] != folds[9]
    for fold, training in enumerate(trainings):
        learned = {n for n in range(24) if int(held.start_N[n]) in set(training.clips.start_N.tolist())}
        assert (0 in learned) == (fold not in {folds[0], folds[9]})
        assert (9 in learned) == (fold not in {folds[0], folds[9]})
        assert {1, 10} & learned == {n for n in (1, 10) if folds[n] != fold}


def test_a_copy_of_a_test_clip_goes_on_teaching(tmp_path: Path, trainings: list[Training]) -> None:
    test_N = np.arange(24) == 9
    candidates = make_candidates(
        key_N=tuple(f"{0 if n == 9 else n:064x}" for n in range(24)),
        test_N=test_N,
        label_N=np.where(test_N, -1, np.arange(24) % 3),
    )

    run = open_run(tmp_path, candidates, make_plan(epochs=1, iterations=1, n_folds=2))
    finish_run(run)

    # 23 clips with a label, of which each of two folds learns what the other judges.
    assert sum(len(training.clips) for training in trainings) == 23


def test_validation_clips_have_their_own_labels(tmp_path: Path, trainings: list[Training]) -> None:
    verified = np.flatnonzero(CANDIDATES.verified_N)
    recipe = Altered(lambda work: replace(work, validated=verified[:5]))

    open_run(tmp_path, CANDIDATES, PLAN, recipe=recipe).do(Step(0, 0, 0))

    validation = trainings[0].validation
    assert validation is not None
    assert validation.label_N.tolist() == CANDIDATES.label_N[verified[:5]].tolist()
    assert bool(validation.verified_N.all())


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_clips_to_learn_from_are_told(tmp_path: Path, count: int) -> None:
    def few(work: Work) -> Work:
        names = ("trained_S", "target_SK", "weight_S", "verified_S")
        return replace(work, **{name: getattr(work, name)[:count] for name in names})

    run = open_run(tmp_path, CANDIDATES, PLAN, recipe=Altered(few))

    with pytest.raises(ValueError, match=f"of which there are {count}: expected at least 2. Add clips of other"):
        run.do(Step(0, 0, 0))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"seed": 1}, "seed"),
        ({"plan": make_plan(epochs=4)}, "plan"),
        ({"candidates": make_candidates(label_N=(np.arange(24) + 1) % 3)}, "candidates"),
    ],
)
def test_a_folder_of_another_run_is_refused(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    open_run(tmp_path, CANDIDATES, PLAN)
    arguments = {"candidates": CANDIDATES, "plan": PLAN, "seed": 0, **changes}

    with pytest.raises(ValueError, match=f"holds a run with another {what}"):
        open_run(tmp_path, **arguments)


def test_other_seeds_give_other_verdicts(tmp_path: Path) -> None:
    found = []
    for seed in range(2):
        run = open_run(tmp_path / str(seed), CANDIDATES, make_plan(epochs=1, iterations=1), seed=seed)
        finish_run(run)
        found.append(run.verdict(precision=0.9).p_NK)

    assert not np.array_equal(*found)


def test_the_callers_random_numbers_go_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)

    run: VerificationRun = open_run(tmp_path, CANDIDATES, PLAN)
    run.do(Step(0, 0, 0))

    assert torch.equal(torch.rand(2), expected)


def in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute steps as an accelerator does."""
    monkeypatch.setattr(run_module, "fitted_to", lambda _, training, **__: replace(training, precision="bf16"))


def test_a_step_that_an_accelerator_began_goes_on_with_a_processor(tmp_path: Path) -> None:
    step, asked = Step(0, 0, 0), iter(range(100))
    steps = -(-len(CANDIDATES) // 2 // 8)  # of an epoch of half of the clips
    with pytest.MonkeyPatch.context() as accelerated:
        in_bfloat16(accelerated)
        with pytest.raises(StoppedError):
            open_run(tmp_path, CANDIDATES, PLAN).do(step, should_stop=lambda: next(asked) == steps)

    run = open_run(tmp_path, CANDIDATES, PLAN)
    assert len(run.folder.read_epochs(step)) == 1
    run.do(step)

    assert run.folder.is_done(step)
    assert [row["notes"] for row in run.folder.read_epochs(step)] == [
        [],
        ["Goes on after epoch 1 with other arithmetic: precision was bf16, is fp32."],
        [],
    ]


def test_a_step_trains_and_judges_in_the_arithmetic_of_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, int, int]] = []

    def fitted(device: torch.device, training: TrainingConfig, **shape: Any) -> TrainingConfig:
        asked.append((device.type, shape["channels"], shape["bands"], shape["steps"]))
        return replace(training, precision="bf16")

    step = Step(0, 0, 0)
    plain = open_run(tmp_path / "plain", CANDIDATES, PLAN)
    plain.do(step)
    monkeypatch.setattr(run_module, "fitted_to", fitted)
    run = open_run(tmp_path, CANDIDATES, PLAN)
    run.do(step)

    trained = len(CANDIDATES) - len(run.folder.read_output(step).clip_J)
    assert asked == [("cpu", 1, BANDS, -(-trained // 8) * 3)]
    exact, found = (each.folder.read_output(step).p_JK for each in (plain, run))
    assert not np.array_equal(exact, found)
    # Nine steps of eight bits; how much a single clip moves depends on the processor's own arithmetic.
    assert np.abs(found - exact).mean() < 0.07
    losses = [[row["loss"] for row in each.folder.read_epochs(step)] for each in (plain, run)]
    assert losses[0] != losses[1]
    # What was learned is judged in the same arithmetic, too: the weights alone give other probabilities.
    frames = run.frames.clips(PLAN.members[0].features, n_classes=3, padded=True)
    network = build("earmark", 3, **dict(PLAN.members[0].options))
    network.load_state_dict(run.folder.read_weights(step))
    again = {
        precision: predict(
            network,
            frames.subset(run.folder.read_output(step).clip_J),
            PLAN.members[0].windows,
            device="cpu",
            precision=precision,
        )
        for precision in ("fp32", "bf16")
    }
    np.testing.assert_array_equal(found, again["bf16"])
    assert not np.array_equal(found, again["fp32"])
