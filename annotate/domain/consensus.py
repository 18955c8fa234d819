"""Consensus on one candidate annotation.

Each candidate annotation is shown to several people until two of them agree on a response type
(FSDKaggle2018 3.2). The four types are PP (present and predominant), PNP (present, not predominant), NP
(not present) and U (unsure). The paper leaves open what becomes of ratings that keep coming in after the
agreement, and of two types that both reach it; here the state is a function of the counts alone, so it
does not depend on who was first, and equal top counts are `State.UNDECIDED`. A later rating may therefore
unsettle what was settled.

In one point the rule departs from the paper: table 1 lists U as a response type like the others, on which two
annotators could agree. Here U settles nothing, since "nobody knows" is no answer to whether the sound is there.

References
----------
.. [1] E. Fonseca et al., "General-purpose tagging of Freesound audio with AudioSet labels: Task
   description, dataset, and baseline", DCASE 2018, section 3.2 and table 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

SETTLING = ("PP", "PNP", "NP")  # U is an answer that settles nothing
RESPONSES = (*SETTLING, "U")


class State(StrEnum):
    """Where a candidate annotation stands; the values are the row's states."""

    UNRATED = "unrated"
    UNDECIDED = "undecided"  # rated, but no type has agreement, or two have it equally
    SETTLED = "settled"


@dataclass(frozen=True)
class Consensus:
    """What the ratings say.

    Attributes
    ----------
    state : State
        Where the annotation stands.
    value : str
        ``PP``, ``PNP`` or ``NP`` where settled, else empty.
    counts : dict of str to int
        Ratings by response type, all four of them.
    """

    state: State
    value: str
    counts: dict[str, int]


def settle(ratings: Mapping[str, int] | Sequence[str], *, agreement: int) -> Consensus:
    """Find the response type on which enough annotators agree.

    Parameters
    ----------
    ratings : mapping of str to int, or sequence of str
        Counts by response type, or the ratings themselves, one per annotator, in any order.
    agreement : int
        Different annotators who must give the same type (FSDKaggle2018 3.2: 2).

    Returns
    -------
    Consensus
        Settled if one of PP, PNP and NP was given by at least `agreement` annotators and by more than any
        other of the three. PP and PNP do not agree with each other; U neither settles nor outvotes.

    Raises
    ------
    ValueError
        If a response type is unknown, a count is negative or `agreement` is below 1.

    References
    ----------
    FSDKaggle2018, section 3.2.
    """
    if agreement < 1:
        message = f"agreement = {agreement}: expected at least 1 annotator."
        raise ValueError(message)
    given = dict(ratings) if isinstance(ratings, Mapping) else Counter(ratings)
    unknown = sorted(set(given) - set(RESPONSES))
    if unknown:
        message = f"rating {unknown[0]!r}: expected one of {', '.join(RESPONSES)}."
        raise ValueError(message)
    counts = {response: given.get(response, 0) for response in RESPONSES}
    if min(counts.values()) < 0:
        message = f"counts = {counts}: expected no negative number."
        raise ValueError(message)
    if not any(counts.values()):
        return Consensus(State.UNRATED, "", counts)
    most = max(counts[response] for response in SETTLING)
    leaders = [response for response in SETTLING if counts[response] == most]
    if most >= agreement and len(leaders) == 1:
        return Consensus(State.SETTLED, leaders[0], counts)
    return Consensus(State.UNDECIDED, "", counts)
