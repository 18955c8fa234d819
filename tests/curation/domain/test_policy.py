"""A policy takes what a rule can follow and stores as JSON, and names the field otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.domain.policy import Policy, PolicyError
from curation.domain.shares import Shares


def test_published_values_are_the_defaults() -> None:
    policy = Policy()
    assert (policy.segment_s, policy.sample_rate_hz, policy.segment_frames) == (10.0, 44_100, 441_000)
    assert (policy.votes_min, policy.votes_max, policy.agreement) == (3, 5, 2)
    assert (policy.train_share, policy.val_share) == (0.8, 0.1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("segment_s", 0.05),
        ("segment_s", float("nan")),
        ("segment_s", 0.123456),
        ("sample_rate_hz", 1),
        ("sample_rate_hz", 2_000_000_000),
        ("sample_rate_hz", 88_201),
        ("dither", "shaped"),
        ("votes_min", 0),
        ("votes_min", 6),
        ("votes_max", 100),
        ("vote_rule", "loudest"),
        ("agreement", 0),
        ("train_share", 1.1),
        ("train_share", float("nan")),
        ("val_share", 0.3),
        ("val_share", -0.1),
        ("val_share", 1e-25),
        ("train_share", 1e-25),
        ("min_clip_s", 0),
        ("max_clip_s", float("inf")),
        ("max_clip_s", 3_601),
        ("max_recording_s", float("inf")),
        ("max_recording_s", 1),
        ("votes_max", 5.0),
        ("votes_max", True),
        ("segment_s", "10"),
        pytest.param("segment_s", 10**400, id="segment_s-of-400-digits"),
        ("licences", "cc0-1.0"),
        ("licences", [1]),
        ("colour", "blue"),
    ],
)
def test_unusable_value_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(PolicyError, match=rf"policy\.{field}"):
        Policy.from_document({field: value})


@given(
    st.builds(
        dict,
        sample_rate_hz=st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 384_000]),
        segment_s=st.integers(1, 600),
        votes_min=st.integers(1, 5),
        votes_max=st.integers(5, 99),
        licences=st.lists(st.text(max_size=5)),
    )
)
def test_stored_policy_comes_back_the_same(values: dict[str, Any]) -> None:
    policy = Policy.from_document(values)
    stored = json.dumps(policy.to_document(), allow_nan=False)
    assert Policy.from_document(json.loads(stored)) == policy


def test_shares_that_no_split_takes_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"policy\.val_share = 0\.30000000000000004: .* 1 - train_share \(0\.7\)"):
        Policy(train_share=0.7, val_share=0.1 + 0.2)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_policys_shares_are_those_that_a_split_takes(train: float, val: float) -> None:
    try:
        Shares.parse(train, val)
    except ValueError:
        with pytest.raises(PolicyError, match="share"):
            Policy(train_share=train, val_share=val)
    else:
        assert Policy(train_share=train, val_share=val).val_share == val
