from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.domain.email_addresses import email_spans, holds_email, without_emails

# The rule as it is written down in the module; quadratic, so for short texts only.
RULE = re.compile(
    r"""[^\s@\uff20,;:<>()"'|/]+ (?:@|%40|\uff20) (?: [^\s@,;<>()"'|/]+ \. [^\s@,;<>()"'|/]+ | localhost )""",
    re.VERBOSE | re.IGNORECASE,
)
PIECES = ("a", "b", ".", "@", "%40", "\uff20", "%4", "0", ":", " ", "/", "|", ",", "localhost", "LocalHo\u017ft", "x.y")
LETTERS = 200_000
BOUND_S = 20  # a tenth of a second is usual; the rule's own walk needs minutes


@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join) | st.text(max_size=40))
@example("a%40b.c%40d")
@example("a@localhost%40b.c@d")
def test_the_spans_are_those_of_the_rule(text: str) -> None:
    assert list(email_spans(text)) == [match.span() for match in RULE.finditer(text)]
    assert without_emails(text, "-") == RULE.sub("-", text)


@given(
    before=st.text("ab, @%:", max_size=20),
    local=st.from_regex(r"[a-z0-9._+-]{1,80}", fullmatch=True),
    domain=st.from_regex(r"([a-z0-9-]{1,20}\.){1,4}[a-z]{2,10}", fullmatch=True),
    after=st.text("ab, @%:", max_size=20),
)
def test_an_address_is_removed_wherever_it_stands(before: str, local: str, domain: str, after: str) -> None:
    text = f"{before} {local}@{domain} {after}"
    assert holds_email(text)
    assert f"{local}@{domain}" not in without_emails(text, "-")


@pytest.mark.parametrize(
    "unit", ["a", "a@", "a%40", "%40", "a\uff20", ".", "a.@", "a%40localhost", "a@b.c ", "a\uff20localhost", "@:a"]
)
@pytest.mark.parametrize("ending", [" @", "@x.y"])
def test_a_long_text_takes_time_in_proportion_to_its_length(unit: str, ending: str) -> None:
    text = unit * (LETTERS // len(unit)) + ending
    begun = time.monotonic()
    without_emails(text, "-")
    assert time.monotonic() - begun < BOUND_S
