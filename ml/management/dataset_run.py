"""Starting a run of a dataset from the terminal: find the dataset and the account, ask, say who does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from curation.models import Dataset, User
from ml.env import read_env
from ml.services.runs import RunRefusedError, start_run

UNUSABLE = 2


def _trunk_name(given: str) -> str:
    """Return the name of a trunk that is given by name, or as a file of the operator's folder.

    Raises
    ------
    CommandError
        If it is a file elsewhere, which workers would not find.
    """
    path, folder = Path(given).expanduser(), read_env().trunk_dir
    if path.name == given or path.resolve().parent == folder.resolve():
        return path.name
    message = (
        f"{given} is not in {folder}, where workers look for trunks. Have the operator put it there with its "
        "description, and give its name."
    )
    raise CommandError(message, returncode=UNUSABLE)


def start_dataset_run(options: dict[str, Any]) -> str:
    """Start a run as a command's options say.

    Parameters
    ----------
    options : dict
        With `dataset`, `account`, `recipe`, `seed`, `budget_minutes`, `precision`, `device` and `trunk`.

    Returns
    -------
    str
        What was started, for people.

    Raises
    ------
    CommandError
        If it cannot be started; the message has the remedy.
    """
    slug, email = options["dataset"], options["account"]
    try:
        dataset = Dataset.objects.filter(slug=slug).first()
        user = User.objects.filter(email__iexact=email).first()
        if dataset is None:
            known = ", ".join(Dataset.objects.values_list("slug", flat=True)[:10]) or "none yet"
            message = f"There is no dataset {slug!r} (known: {known})."
            raise CommandError(message, returncode=UNUSABLE)
        if user is None:
            message = f"There is no account {email}. Add it: manage.py add_member {slug} {email} --role engineer"
            raise CommandError(message, returncode=UNUSABLE)
        run = start_run(
            dataset=dataset,
            created_by=user,
            recipe=options["recipe"],
            seed=options["seed"],
            budget_minutes=options["budget_minutes"],
            precision=options["precision"],
            device=options["device"],
            trunks=[_trunk_name(given) for given in options["trunk"]],
        )
    except RunRefusedError as error:
        raise CommandError(str(error), returncode=UNUSABLE) from error
    except DatabaseError as error:
        message = f"The database says: {error}. Run `manage.py migrate` if it is new or of an older version."
        raise CommandError(message, returncode=UNUSABLE) from error
    return (
        f"Run {run.number} of {slug} is queued. Workers of the queue gpu do it: "
        "manage.py worker --queues gpu --concurrency 1"
    )
