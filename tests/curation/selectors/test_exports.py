from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.exported_names import exported_name
from curation.domain.naming import folded_name, folders_of
from curation.selectors import exports

NAMES = st.sets(
    st.lists(st.sampled_from(["a", "A", "b", "/", "-", ".", ":", "%3A", "_", "="]), min_size=1).map("".join)
)


def _folded(name: str) -> str:
    return folded_name(exported_name(name))


@given(NAMES)
def test_shared_are_names_that_several_clips_have_or_that_are_folders_of_others(names: set[str]) -> None:
    held = Counter(map(_folded, names))
    folders = {_folded(folder) for name in names for folder in folders_of(name)}
    expected = {name for name, clips in held.items() if clips > 1 or name in folders}
    shared = exports._shared_names([(name, 0) for name in sorted(names)])
    assert shared == set(map(hash, expected))
    for name in names:
        assert exports._shares_name(name, shared) == any(
            _folded(part) in expected for part in (name, *folders_of(name))
        )


def _hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    seen = Counter[str]()
    real = exports._name_hash

    def counted(name: str) -> int:
        seen[name] += 1
        return real(name)

    monkeypatch.setattr(exports, "_name_hash", counted)
    return seen


def test_a_folder_is_looked_at_once_however_many_clips_lie_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _hashed(monkeypatch)
    names = [f"sounds/{folder}/{number}.wav" for folder in ("a", "a-1", "a/b", "c") for number in range(20)]
    assert exports._shared_names([(name, 0) for name in sorted([*names, "sounds.wav"])]) == set()
    assert max(seen.values()) == 1
    assert {"sounds", "sounds/a", "sounds/a/b"} <= set(seen)


def test_no_name_is_looked_at_where_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _hashed(monkeypatch)
    assert not exports._shares_name("sounds/a/1.wav", set())
    assert not seen
