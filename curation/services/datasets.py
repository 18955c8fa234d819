"""Making datasets and giving them policies. A policy is stored by version, so that old decisions can be recomputed."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from curation.domain.policy import Policy
from curation.models import Dataset, DatasetPolicy
from curation.selectors.policies import current_policy

MAX_SLUG_CHARS = 64
MAX_TITLE_CHARS = 200


class DatasetRefusedError(ValueError):
    """A dataset that cannot be made; `reason` is a code, `detail` says what to do."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@transaction.atomic
def create_dataset(*, slug: str, title: str = "", description: str = "", policy: Policy | None = None) -> Dataset:
    """Make a dataset with version 1 of its policy.

    Parameters
    ----------
    slug : str
        Short name in addresses and commands: letters, digits, hyphens and underscores.
    title : str, optional
        Name for people; the slug where absent.
    description : str, optional
        What the dataset is.
    policy : Policy, optional
        The published defaults where absent.

    Returns
    -------
    Dataset
        The stored dataset.

    Raises
    ------
    DatasetRefusedError
        If the slug cannot be used (`bad_slug`) or is taken (`slug_taken`), or the title is too long (`too_long`).
    """
    _check_names(slug, title)
    dataset, made = Dataset.objects.get_or_create(
        slug=slug, defaults={"title": title or slug, "description": description}
    )
    if not made:
        raise DatasetRefusedError("slug_taken", f"There is a dataset {slug!r} already. Choose another short name.")
    DatasetPolicy.objects.create(dataset=dataset, version=1, document=(policy or Policy()).to_document())
    return dataset


@transaction.atomic
def ensure_dataset(*, slug: str, title: str = "") -> Dataset:
    """Return the dataset of that short name; make it with the published policy if it does not exist.

    Parameters
    ----------
    slug : str
        Short name.
    title : str, optional
        Name for people, used only where the dataset is made.

    Returns
    -------
    Dataset
        The dataset, old or new.

    Raises
    ------
    DatasetRefusedError
        If the slug cannot be used.
    """
    found = Dataset.objects.filter(slug=slug).first()
    if found:
        return found
    try:
        return create_dataset(slug=slug, title=title)
    except DatasetRefusedError as error:
        if error.reason != "slug_taken":
            raise
        return Dataset.objects.get(slug=slug)  # another process made it just now


@transaction.atomic
def set_policy(*, dataset: Dataset, policy: Policy) -> DatasetPolicy:
    """Put a policy in force; an unchanged policy stays the version it is.

    Parameters
    ----------
    dataset : Dataset
        Whose policy.
    policy : Policy
        The checked parameters.

    Returns
    -------
    DatasetPolicy
        The version in force from now on.
    """
    Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)  # two writers draw two versions
    latest = current_policy(dataset)
    if latest.policy == policy:
        return latest
    return DatasetPolicy.objects.create(dataset=dataset, version=latest.version + 1, document=policy.to_document())


def _check_names(slug: str, title: str) -> None:
    try:
        validate_slug(slug)
    except ValidationError as error:
        detail = f"{slug!r} is no short name. Use the letters A to Z and a to z, digits, hyphens and underscores."
        raise DatasetRefusedError("bad_slug", detail) from error
    if len(slug) > MAX_SLUG_CHARS:
        raise DatasetRefusedError(
            "bad_slug", f"The short name has {len(slug)} characters; at most {MAX_SLUG_CHARS} fit."
        )
    if len(title) > MAX_TITLE_CHARS:
        raise DatasetRefusedError("too_long", f"The title has {len(title)} characters; at most {MAX_TITLE_CHARS} fit.")
