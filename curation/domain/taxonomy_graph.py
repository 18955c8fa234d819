"""The shape of a taxonomy: a directed acyclic graph in which a category may have several parents.

AudioSet's ontology is such a graph. A cycle would make "all that lies below X" mean nothing, so a cycle is
found and named before anything is stored.

References
----------
R. E. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput. 1(2), 1972 (strong components;
scipy's implementation is used here).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def find_cycles(parents: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Find one cycle in each part of a graph that has any.

    Parameters
    ----------
    parents : mapping of str to collection of str
        The parents of each category; a parent need not be a key itself.

    Returns
    -------
    list of list of str
        Cycles that share no category, each from its smallest member by way of its parents and back to it
        (``["a", "b", "a"]``: b is a parent of a, and a of b). Empty for a taxonomy.
    """
    cycles: list[list[str]] = []
    for tangle in find_tangles(parents):
        start = min(tangle)
        cycles.append(_walk(start, parents, tangle))
    return sorted(cycles)


def find_tangles(parents: Mapping[str, Collection[str]]) -> list[set[str]]:
    """Find the groups of categories each of which is above and below every other of its group.

    Parameters
    ----------
    parents : mapping of str to collection of str
        The parents of each category.

    Returns
    -------
    list of set of str
        Every category that lies on a cycle is in exactly one group.
    """
    names = sorted(set(parents).union(*parents.values())) if parents else []
    places = {name: place for place, name in enumerate(names)}
    edges = [(places[child], places[parent]) for child, above in parents.items() for parent in above]
    if not edges:
        return []
    children, tops = np.array(edges, dtype=np.int64).T
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (children, tops)), shape=(len(names), len(names)))
    _, groups = connected_components(graph, directed=True, connection="strong")
    members: defaultdict[int, set[str]] = defaultdict(set)
    for name, group in zip(names, groups.tolist(), strict=True):
        members[group].add(name)
    own_parents = {child for child, above in parents.items() if child in above}
    return [group for group in members.values() if len(group) > 1 or group <= own_parents]


def _walk(start: str, parents: Mapping[str, Collection[str]], tangle: set[str]) -> list[str]:
    """Return a shortest way from `start` through parents back to it, within its strong component."""
    came_from: dict[str, str] = {}
    front = [start]
    while front:
        following: list[str] = []
        for name in front:
            for parent in sorted(parents.get(name, ())):
                if parent == start:
                    return [*_way_back(name, start, came_from), start]
                if parent in tangle and parent not in came_from:
                    came_from[parent] = name
                    following.append(parent)
        front = following
    message = f"{start!r} is on no cycle"
    raise AssertionError(message)


def _way_back(name: str, start: str, came_from: Mapping[str, str]) -> list[str]:
    way = [name]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
