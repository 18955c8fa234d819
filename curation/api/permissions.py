"""Who may do what through the API.

What a person may see is settled by querysets (`curation.selectors.access`), so that a thing that is not
theirs is not found rather than forbidden. What remains is who may write.
"""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.exceptions import PermissionDenied

from curation.models import Dataset, Role, User
from curation.selectors.access import roles_in

RUNS_DATASET = (Role.CURATOR, Role.ENGINEER)


def require_role(user: User, dataset: Dataset, roles: Iterable[Role]) -> None:
    """Let the operator and holders of one of the roles pass.

    Raises
    ------
    PermissionDenied
        Naming the roles that may.
    """
    allowed = {str(role) for role in roles}
    if user.is_superuser or allowed & roles_in(user, dataset):
        return
    message = f"This needs the role {' or '.join(sorted(allowed))} in {dataset.slug}. Ask a curator."
    raise PermissionDenied(message)
