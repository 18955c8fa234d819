"""The README of an export: what it holds, how it was divided, and how to read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.domain.policy import Policy
from curation.domain.split_gaps import split_gaps
from curation.exports.cells import plain_text
from curation.exports.counts import TOTAL, Counts
from curation.exports.layout import EXCLUSIONS

METHODS = {
    "greedy": (
        "People are taken by number of clips, most first (ties by code). A person goes to train if no class would "
        "then hold more than its share of clips there; otherwise to val by the same rule; otherwise to test "
        "(CochlScene, section III.B)."
    ),
}


@dataclass(frozen=True, kw_only=True)
class SplitFacts:
    """The split of an export."""

    number: int
    method: str
    parameters: Mapping[str, Any]
    manifest_sha256: str


@dataclass(frozen=True, kw_only=True)
class ReadmeFacts:
    """What a README is written from."""

    title: str
    slug: str
    description: str
    version: str
    policy: Policy
    policy_version: int
    split: SplitFacts
    counts: Counts
    excluded: Counter[str]
    licences: Counter[str]
    tables: Sequence[tuple[str, str]]  # file and description, from the registry


def readme(facts: ReadmeFacts) -> str:
    """Return the README as Markdown."""
    sections = [_head(facts), _table(facts), _split(facts), _files(facts), _rules(facts), _licences(facts)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _head(facts: ReadmeFacts) -> str:
    counts = facts.counts
    version = f"Release {facts.version}." if facts.version else "Not a release: made to work with, not to cite."
    hours = counts.duration_s() / 3600
    summary = (
        f"{counts.clips():,} clips ({hours:.2f} hours) of {counts.participants():,} participants in "
        f"{len(counts.classes):,} classes."
    )
    lines = [f"# {plain_text(facts.title)}", f"{version} Dataset `{facts.slug}`. {summary}"]
    description = "\n".join(plain_text(line) for line in facts.description.splitlines()).strip()
    return "\n\n".join([*lines, description] if description else lines)


def _table(facts: ReadmeFacts) -> str:
    note = "Files, in brackets the submissions they were cut from." if facts.counts.submissions() else "Files."
    several = sum(facts.counts.clips(row) for row in facts.counts.classes) > facts.counts.clips(TOTAL)
    more = " A file of several classes counts in each and once in the total." if several else ""
    return f"## Classes and splits\n\n{note}{more}\n\n{plain_text_lines(facts.counts.markdown())}"


def _split(facts: ReadmeFacts) -> str:
    split = facts.split
    rule = METHODS.get(split.method, "")
    parameters = ", ".join(f"{name} {value}" for name, value in sorted(split.parameters.items()))
    gaps = "".join(f"- Mind: {gap}\n" for gap in split_gaps(facts.counts.table(), split.parameters))
    gaps = f"{plain_text_lines(gaps)}\n" if gaps else ""
    return (
        f"## The split\n\nSplit {split.number}, method `{split.method}`"
        f"{f' ({parameters})' if parameters else ''}. No person is in two parts. {rule}\n\n{gaps}"
        f"SHA-256 of the rows that were divided: `{split.manifest_sha256}`."
    )


def _files(facts: ReadmeFacts) -> str:
    rows = [
        ("`train/`, `val/`, `test/`", "the audio, each with a `metadata.csv` whose `file_name` is relative to it"),
        ("`metadata.csv`", "all clips: file, split, classes with ids, participant, submission, measures, licence"),
        ("`splits.csv`", "one row per clip and class with its participant and split"),
        ("`annotations.csv`", "every claim that a class is in a clip, also those found wrong (`released` 0)"),
        ("`categories.csv`", "the classes and what stands above them, with ids"),
        *((f"`{name}`", description) for name, description in facts.tables),
        ("`attribution.csv`", "title, uploader, source and licence of each file"),
        ("`excluded.csv`", "the clips that were left out, with the reason"),
        ("`policy.json`", "the parameters of every decision, and of the split"),
        ("`checksums.sha256`", "`sha256sum --check checksums.sha256` verifies the files"),
    ]
    listed = "\n".join(f"- {name}: {description}" for name, description in rows)
    return (
        f"## Files\n\n{listed}\n\n"
        "Tables are UTF-8 with commas. Several values in one cell are joined by `|`, in the same order in each "
        "column. Tables join by the clip: `file_name` in the `metadata.csv` of all clips, which is its folder "
        "and name, `fname` in `attribution.csv` and `clip` elsewhere. `state` and `consensus` are the crowd's "
        "answer to whether the class is in the clip: present and "
        "predominant (PP), present but not predominant (PNP); `verified` is 1 where people settled it or a person "
        "had verified it where it came from. Texts that a spreadsheet would run as a formula have an apostrophe in "
        "front; a clip of such a name has an underscore in front, as a file and in every table. A clip whose name "
        'holds a character that Windows cannot store (`< > : " | ? *`) has its code instead, as a file and in every '
        "table: `12%3A30.wav` is 12:30.wav, and `%25` a percent sign that would read as such a code. E-mail addresses "
        "are never exported."
    )


def _rules(facts: ReadmeFacts) -> str:
    policy = facts.policy
    left_out = "\n".join(
        f"- {count:,} {reason}: {EXCLUSIONS[reason]}" for reason, count in sorted(facts.excluded.items())
    )
    return (
        f"## How it was made\n\nPolicy version {facts.policy_version}. Audio is WAV, {policy.sample_rate_hz} Hz, mono, "
        f"16 bit. {_origin(facts)}{_consensus(policy)}"
        + (f"\n\nLeft out (`excluded.csv`):\n\n{left_out}" if left_out else "")
    )


def _consensus(policy: Policy) -> str:
    people = "1 annotator" if policy.agreement == 1 else f"{policy.agreement} annotators"
    return (
        f"A label is settled by the answer, of PP, PNP and not present (NP), that at least {people} gave, and more "
        "than gave any other. Where two answers lead equally it is undecided; unsure (U) settles nothing."
    )


def _origin(facts: ReadmeFacts) -> str:
    """Say where clips come from, as far as there are any from there."""
    policy, parts = facts.policy, []
    if facts.counts.submissions():
        parts.append(
            f"Recordings were judged by {policy.votes_min} to {policy.votes_max} voters on gain, privacy and acoustic "
            f"cue, and those accepted were cut into segments of {policy.segment_s:g} s, the remainder discarded. "
        )
    if facts.counts.imported():
        parts.append(f"{facts.counts.imported():,} clips came ready-cut and were converted to this form. ")
    return "".join(parts)


def _licences(facts: ReadmeFacts) -> str:
    rows = "\n".join(
        f"- {plain_text(licence) or 'no licence given'}: {count:,} clips"
        for licence, count in sorted(facts.licences.items())
    )
    return f"## Licences\n\nEach file has its own (`attribution.csv`).\n\n{rows}" if rows else ""


def plain_text_lines(text: str) -> str:
    """Return `text` without e-mail addresses, line by line."""
    return "\n".join(plain_text(line) for line in text.split("\n"))
