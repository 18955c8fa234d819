"""Which policy is in force. A policy is never edited: the highest version counts."""

from __future__ import annotations

from curation.models import Dataset, DatasetPolicy


def current_policy(dataset: Dataset) -> DatasetPolicy:
    """Return the policy that is in force.

    Parameters
    ----------
    dataset : Dataset
        Whose policy.

    Returns
    -------
    DatasetPolicy
        The row of the highest version; its `policy` is the checked dataclass.

    Raises
    ------
    DatasetPolicy.DoesNotExist
        If the dataset was not made by `curation.services.datasets.create_dataset`.
    """
    return DatasetPolicy.objects.filter(dataset=dataset).order_by("-version")[:1].get()
