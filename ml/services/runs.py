"""Starting, stopping and resuming runs: what a curator or an engineer asks for."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from curation.domain.sentences import parts_of
from curation.models import ACTIVE_STATES, Dataset, Role, User
from curation.selectors.access import roles_in
from curation.selectors.words import in_words
from curation.services.jobs import cancel
from ml.models import RecipeName, RunDevice, VerificationRun
from ml.selectors.candidates import FEWEST_CLASSES, confirmed_categories, has_open_claims, imports_clips
from ml.selectors.estimates import active_estimates
from ml.selectors.runs import RunState, jobs_of, run_view, run_views
from ml.services.run_jobs import ask_features
from ml.services.trunk_files import TrunkDescription, TrunkFileError, described_trunks

LARGEST_SEED = 2**63 - 1
WAIT_FOR_IMPORT = "Clips are being imported: wait until that job is done, and start the run then."
RUNS_VERIFICATION = (Role.CURATOR, Role.ENGINEER)


class RunRefusedError(ValueError):
    """A run that cannot be started, stopped or resumed; `reason` is a code, `detail` says what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def start_run(
    *,
    dataset: Dataset,
    recipe: str,
    created_by: User,
    seed: int = 0,
    budget_minutes: float | None = None,
    precision: float = 0.99,
    device: str = RunDevice.AUTO,
    trunks: Sequence[str] = (),
) -> VerificationRun:
    """Have an ensemble judge the labels of a dataset that nobody has verified.

    Parameters
    ----------
    dataset : Dataset
        Whose labels.
    recipe : str
        A value of `RecipeName`.
    created_by : User
        Who asks: a curator or an engineer of the dataset.
    seed : int
        Seed of everything that chance decides.
    budget_minutes : float, optional
        Time that training should take one worker, reached by training less; without, the recipe's own length.
    precision : float
        Share of the labels accepted unheard that is to be right.
    device : str
        A value of `RunDevice`.
    trunks : sequence of str
        Names of pretrained trunks in the operator's folder, each of which adds a member to the recipe's ensemble.

    Returns
    -------
    VerificationRun
        The new row; its first job is queued on commit.

    Raises
    ------
    RunRefusedError
        `not_allowed`, `unknown_recipe`, `bad_precision`, `bad_seed`, `bad_budget`, `unknown_device`,
        `unusable_trunk`, `too_few_verified`, `nothing_to_judge`, `import_running` or `already_running`.
    """
    check_role(dataset, created_by)
    _check_values(recipe, precision, seed, budget_minutes, device)
    _check_labels(dataset)
    described = _described(trunks)  # before the lock: files are read
    with transaction.atomic():
        _lock_dataset(dataset)
        _check_alone(dataset)
        runs = VerificationRun.objects.filter(dataset=dataset)
        run = VerificationRun.objects.create(
            dataset=dataset,
            number=(runs.aggregate(last=Max("number"))["last"] or 0) + 1,
            recipe=recipe,
            precision=precision,
            seed=seed,
            device=device,
            budget_minutes=budget_minutes,
            trunks=[trunk.stored() for trunk in described],
            created_by=created_by,
        )
        for estimate in active_estimates(dataset):  # what was to be known before is being done now
            cancel(job=estimate)
        ask_features(run)
    return run


def cancel_run(*, run: VerificationRun, by: User) -> bool:
    """Stop a run: waiting jobs end at once, running ones at their next step. What is done stays, for `resume_run`.

    Parameters
    ----------
    run : VerificationRun
        The run.
    by : User
        A curator or an engineer of the dataset.

    Returns
    -------
    bool
        Whether there was something to stop.

    Raises
    ------
    RunRefusedError
        `not_allowed`.
    """
    check_role(run.dataset, by)
    with transaction.atomic():
        locked = _locked(run)
        if locked.finished_at is not None or locked.cancelled_at is not None:
            return False
        locked.cancelled_at = timezone.now()
        locked.save(update_fields=["cancelled_at"])
        _stop_jobs(locked)
    return True


def resume_run(*, run: VerificationRun, by: User) -> VerificationRun:
    """Let a failed or cancelled run go on; no step that is done is done again.

    Parameters
    ----------
    run : VerificationRun
        The run.
    by : User
        A curator or an engineer of the dataset.

    Returns
    -------
    VerificationRun
        The row as it is now.

    Raises
    ------
    RunRefusedError
        `not_allowed`, `not_stopped` if it is done or goes on by itself, or `already_running` if another one does.
    """
    check_role(run.dataset, by)
    with transaction.atomic():
        _lock_dataset(run.dataset)  # before the run's row, as a run that ends does
        locked = _locked(run)
        state = run_view(locked).state
        if state not in {RunState.FAILED, RunState.CANCELLED}:
            detail = f"Run {run.number} is {state}: only a run that failed or was cancelled can be resumed."
            raise RunRefusedError("not_stopped", detail)
        _check_alone(run.dataset, besides=run)
        _stop_jobs(locked)  # of a run of which one step failed, others may go on
        locked.cancelled_at = None
        locked.attempt += 1
        locked.save(update_fields=["cancelled_at", "attempt"])
        ask_features(locked)
    return locked


def _lock_dataset(dataset: Dataset) -> None:
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)


def _check_alone(dataset: Dataset, *, besides: VerificationRun | None = None) -> None:
    """Refuse a second run beside one that goes on, or of which some step still does; the dataset's row is locked."""
    others = VerificationRun.objects.filter(dataset=dataset, finished_at__isnull=True).select_related("dataset")
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    if busy := [view.run for view in run_views(list(others)) if view.can_be_cancelled]:
        detail = f"Run {busy[0].number} of this dataset goes on. Wait for it, or cancel it first."
        raise RunRefusedError("already_running", detail)


def _locked(run: VerificationRun) -> VerificationRun:
    return VerificationRun.objects.select_for_update(no_key=True, of=("self",)).select_related("dataset").get(pk=run.pk)


def _stop_jobs(run: VerificationRun) -> None:
    for job in jobs_of(run).filter(state__in=ACTIVE_STATES):
        cancel(job=job)


def check_role(dataset: Dataset, user: User) -> None:
    """Refuse an account that runs no verification in the dataset.

    Raises
    ------
    RunRefusedError
        `not_allowed`.
    """
    if not {str(role) for role in RUNS_VERIFICATION} & roles_in(user, dataset):
        detail = f"Label verification needs the role curator or engineer in {dataset.slug}. Ask a curator."
        raise RunRefusedError("not_allowed", detail)


def _check_values(recipe: str, precision: float, seed: int, budget_minutes: float | None, device: str) -> None:
    if recipe not in RecipeName.values:
        detail = f"recipe is {recipe!r}: expected one of {', '.join(RecipeName.values)}."
        raise RunRefusedError("unknown_recipe", detail)
    if not 0 < precision <= 1:
        raise RunRefusedError("bad_precision", f"precision is {precision}: expected above 0 and at most 1.")
    if not 0 <= seed <= LARGEST_SEED:
        raise RunRefusedError("bad_seed", f"seed is {seed}: expected 0 to {LARGEST_SEED}.")
    if budget_minutes is not None and not 0 < budget_minutes < float("inf"):
        raise RunRefusedError("bad_budget", f"budget_minutes is {budget_minutes}: expected more than 0, or none.")
    if device not in RunDevice.values:
        raise RunRefusedError("unknown_device", f"device is {device!r}: expected one of {', '.join(RunDevice.values)}.")


def _described(trunks: Sequence[str]) -> list[TrunkDescription]:
    try:
        return described_trunks(trunks)
    except (TrunkFileError, OSError) as error:
        raise RunRefusedError("unusable_trunk", in_words(parts_of(error))) from error


def _check_labels(dataset: Dataset) -> None:
    """Refuse at once what the first job would refuse later; it looks more closely."""
    if confirmed_categories(dataset) < FEWEST_CLASSES:
        lacks = f"Fewer than {FEWEST_CLASSES} categories have labels that people confirmed."
        _check_imports(dataset, lacks)
        raise RunRefusedError("too_few_verified", f"{lacks} Have some clips of each rated.")
    if not has_open_claims(dataset):
        lacks = "People have confirmed every label: there is nothing to judge."
        _check_imports(dataset, lacks)
        raise RunRefusedError("nothing_to_judge", lacks)


def _check_imports(dataset: Dataset, lacks: str) -> None:
    """Refuse with another remedy where what labels lack may still come."""
    if imports_clips(dataset):
        raise RunRefusedError("import_running", f"{lacks} {WAIT_FOR_IMPORT}")
