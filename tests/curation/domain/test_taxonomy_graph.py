from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from curation.domain.taxonomy_graph import find_cycles, find_tangles

NAMES = st.sampled_from("abcdefgh")
GRAPHS = st.dictionaries(NAMES, st.sets(NAMES, max_size=4))


def test_a_diamond_is_no_cycle() -> None:
    assert find_cycles({"d": {"b", "c"}, "b": {"a"}, "c": {"a"}}) == []


def test_an_empty_graph_has_no_cycle() -> None:
    assert find_cycles({}) == []
    assert find_cycles({"a": set()}) == []


def test_a_cycle_is_named_from_its_smallest_member() -> None:
    assert find_cycles({"c": {"b"}, "b": {"a"}, "a": {"c"}, "d": {"a"}}) == [["a", "c", "b", "a"]]


def test_a_category_that_is_its_own_parent_is_a_cycle() -> None:
    assert find_cycles({"a": {"a"}}) == [["a", "a"]]


@given(GRAPHS)
def test_what_is_named_is_a_cycle(graph: dict[str, set[str]]) -> None:
    for cycle in find_cycles(graph):
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(parent in graph[child] for child, parent in pairwise(cycle))


@given(GRAPHS)
def test_every_category_that_lies_above_itself_is_found(graph: dict[str, set[str]]) -> None:
    def above(name: str) -> set[str]:
        seen: set[str] = set()
        front = list(graph.get(name, ()))
        while front:
            top = front.pop()
            if top not in seen:
                seen.add(top)
                front += graph.get(top, ())
        return seen

    assert set().union(*find_tangles(graph)) == {name for name in graph if name in above(name)}
