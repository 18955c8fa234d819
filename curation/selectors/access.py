"""Who may see and hear what: the one place that says so.

Pages, the API and the audio views start from these querysets and never from ``Model.objects``, so that what a
person may not hear does not exist for them (404, not 403: an address must not tell whether a row is there).

===========  ======================================  ==========================================
role         submissions                             clips
===========  ======================================  ==========================================
operator     all                                     all
curator      all of the dataset                      all of the dataset
engineer     all of the dataset                      all of the dataset
annotator    undecided ones of other people (votes)  all of the dataset (ratings)
participant  their own                               their own
no role      none                                    none
===========  ======================================  ==========================================

The operator is the account with ``is_superuser``; every other role is a `Membership`. Each queryset is one query.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from curation.models import Clip, Dataset, Membership, Participant, Role, Submission, SubmissionState, User

OPERATOR = "operator"
SEES_ALL = (Role.CURATOR, Role.ENGINEER)


def roles_in(user: User | AnonymousUser, dataset: Dataset) -> set[str]:
    """Return what a person may act as in a dataset.

    Parameters
    ----------
    user : User or AnonymousUser
        Who asks.
    dataset : Dataset
        Where.

    Returns
    -------
    set of str
        Values of `Role`; for the operator all of them and ``operator``. Empty: the dataset does not exist for them.
    """
    if not user.is_active or not isinstance(user, User):
        return set()
    if user.is_superuser:
        return {OPERATOR, *Role.values}
    return set(Membership.objects.filter(user=user, dataset=dataset).values_list("role", flat=True))


def may_judge(roles: AbstractSet[str]) -> bool:
    """Tell whether roles of `roles_in` allow voting on submissions and rating clips."""
    return Role.ANNOTATOR in roles


def may_curate(roles: AbstractSet[str]) -> bool:
    """Tell whether roles of `roles_in` see everything in the dataset."""
    return any(role in roles for role in SEES_ALL)


def visible_datasets(user: User | AnonymousUser) -> QuerySet[Dataset]:
    """Return the datasets in which a person has a role."""
    if not user.is_active or not isinstance(user, User):
        return Dataset.objects.none()
    return Dataset.objects.visible_to(user)


def curated_datasets(user: User | AnonymousUser) -> QuerySet[Dataset]:
    """Return the datasets in which a person sees everything, judgements under way included."""
    if not user.is_active or not isinstance(user, User):
        return Dataset.objects.none()
    if user.is_superuser:
        return Dataset.objects.all()
    return Dataset.objects.filter(pk__in=_datasets(user, *SEES_ALL))


def participant_of(user: User | AnonymousUser, dataset: Dataset) -> Participant | None:
    """Return who an account is in a dataset, or None if it has done nothing there yet."""
    if not isinstance(user, User):
        return None
    return Participant.objects.filter(dataset=dataset, user=user).first()


def audible_submissions(user: User | AnonymousUser) -> QuerySet[Submission]:
    """Return the submissions that a person may see and hear.

    Parameters
    ----------
    user : User or AnonymousUser
        Who asks.

    Returns
    -------
    QuerySet of Submission
        Over all datasets; narrow it by dataset or key.
    """
    if not user.is_active or not isinstance(user, User):
        return Submission.objects.none()
    if user.is_superuser:
        return Submission.objects.all()
    own = Q(participant__user=user)
    return Submission.objects.filter(
        Q(dataset__in=_datasets(user, *SEES_ALL))
        | (Q(dataset__in=_datasets(user, Role.ANNOTATOR), state=SubmissionState.UNDECIDED) & ~own)
        | (Q(dataset__in=_datasets(user, Role.PARTICIPANT)) & own)
    )


def audible_clips(user: User | AnonymousUser) -> QuerySet[Clip]:
    """Return the clips that a person may see and hear.

    Parameters
    ----------
    user : User or AnonymousUser
        Who asks.

    Returns
    -------
    QuerySet of Clip
        Over all datasets; narrow it by dataset or key.
    """
    if not user.is_active or not isinstance(user, User):
        return Clip.objects.none()
    if user.is_superuser:
        return Clip.objects.all()
    return Clip.objects.filter(
        Q(dataset__in=_datasets(user, *SEES_ALL, Role.ANNOTATOR))
        | Q(dataset__in=_datasets(user, Role.PARTICIPANT), participant__user=user)
    )


def audible_submissions_in(
    user: User | AnonymousUser, dataset: Dataset, roles: AbstractSet[str]
) -> QuerySet[Submission]:
    """Return the submissions of one dataset that a person may see and hear, when their roles are known.

    The same rows as `audible_submissions` gives for the dataset, by a condition that databases can answer from an
    index: among a million rows, the few of one participant are found without looking at the others.

    Parameters
    ----------
    user : User or AnonymousUser
        Who asks.
    dataset : Dataset
        Where.
    roles : set of str
        What `roles_in` says of both.
    """
    rows = Submission.objects.filter(dataset=dataset)
    if may_curate(roles):
        return rows
    own = Q(participant=participant_of(user, dataset))
    undecided = Q(state=SubmissionState.UNDECIDED)
    if Role.ANNOTATOR in roles:
        return rows.filter(undecided | own) if Role.PARTICIPANT in roles else rows.filter(undecided & ~own)
    # A participant is of one dataset; naming that too would lead SQLite to an index of all of its rows.
    return Submission.objects.filter(own) if Role.PARTICIPANT in roles else rows.none()


def audible_clips_in(user: User | AnonymousUser, dataset: Dataset, roles: AbstractSet[str]) -> QuerySet[Clip]:
    """Return the clips of one dataset that a person may see and hear; see `audible_submissions_in`."""
    rows = Clip.objects.filter(dataset=dataset)
    if may_curate(roles) or may_judge(roles):
        return rows
    own = Q(participant=participant_of(user, dataset))
    return Clip.objects.filter(own) if Role.PARTICIPANT in roles else rows.none()


def _datasets(user: User, *roles: Role) -> QuerySet[Membership, int]:
    return Membership.objects.filter(user=user, role__in=roles).values_list("dataset_id", flat=True)
