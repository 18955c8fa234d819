"""The labels of a dataset in the form that a run takes, kept as they were when it began.

People go on rating while a run goes on. What it learns from must not change under it, so that its first job writes down
what there is, and every later one reads that. `ml.selectors.candidates` says which annotations are taken.

A clip enters with the label that it teaches. One that teaches nothing, since it has several labels of which not just
one is confirmed, enters to be predicted only, and each of its labels is judged by the probability of its category.
A category that no clip teaches has no probability: its labels are not judged.

A label that people rejected rules its category out for the clip. A clip with no other label enters as a rejected one
(`ml.recipes.candidates`). Which label the source gave it is known if it is the clip's only one and did not come
verified; likewise only such labels, where people confirmed them, tell how the source errs.

Shapes: N clips, K classes, A annotations.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median_high
from typing import Self

import numpy as np

from ml.recipes.candidates import Bools, CandidateSet, Ints
from ml.selectors.candidates import Claim
from ml.verification.probabilities import NONE

_DIGEST_BYTES = 32
FEWEST_PEOPLE = 2  # one who teaches and one who is judged


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot:
    """What a run on a dataset works on.

    Attributes
    ----------
    candidates : CandidateSet
        The clips.
    clip_N : int64 array [shape=(N,)]
        Primary key of each clip.
    category_K : int64 array [shape=(K,)]
        Primary key of each class.
    annotation_A : int64 array [shape=(A,)]
        Primary key of each annotation that is judged.
    row_A, class_A : int64 array [shape=(A,)]
        Its clip as an index into the clips, and its class.
    confirmed_A, rejected_A : bool array [shape=(A,)]
        Whether people vouch for it, or found it absent.
    sample_rate_hz : int
        Median rate of the clips.
    """

    candidates: CandidateSet
    clip_N: Ints
    category_K: Ints
    annotation_A: Ints
    row_A: Ints
    class_A: Ints
    confirmed_A: Bools
    rejected_A: Bools
    sample_rate_hz: int

    @classmethod
    def of(cls, claims: Iterable[Claim], names: Mapping[int, str]) -> Self:
        """Sort out what teaches and what is judged.

        Parameters
        ----------
        claims : iterable of Claim
            As `ml.selectors.candidates.claims` yields them.
        names : mapping of int to str
            Name of each category by primary key.

        Raises
        ------
        ValueError
            If they leave nothing to learn from, or nothing to judge.
        """
        clips = [list(group) for _, group in groupby(claims, key=lambda claim: claim.clip)]
        labels = [_label(group) for group in clips]
        classes = sorted({label.category for label in labels if label}, key=lambda pk: (names[pk], pk))
        number = {category: place for place, category in enumerate(classes)}
        taken = [
            (label, known, _given(group))
            for label, group in zip(labels, clips, strict=True)
            if (known := [claim for claim in group if claim.category in number])
            and (label or not all(claim.confirmed or claim.rejected for claim in known) or _is_rejected(group))
        ]
        judged = [(row, claim) for row, (_, known, _) in enumerate(taken) for claim in known]
        people = {person: place for place, person in enumerate(sorted({known[0].participant for _, known, _ in taken}))}
        _check(taken)
        return cls(
            candidates=CandidateSet(
                key_N=tuple(content_key(known[0].audio_key) for _, known, _ in taken),
                classes=tuple(names[category] for category in classes),
                label_N=_ints(_number(label or given, number) for label, _, given in taken),
                verified_N=_bools(label is not None and label.confirmed for label, *_ in taken),
                test_N=_bools(label is None and not _is_rejected(known) for label, known, _ in taken),
                group_N=_ints(people[known[0].participant] for _, known, _ in taken),
                duration_s_N=np.array([known[0].duration_s for _, known, _ in taken], dtype=np.float64),
                ruled_out_NK=_ruled_out([known for _, known, _ in taken], number),
                reviewed_N=_bools(label is not None and given is label for label, _, given in taken),
            ),
            clip_N=_ints(known[0].clip for _, known, _ in taken),
            category_K=_ints(classes),
            annotation_A=_ints(claim.annotation for _, claim in judged),
            row_A=_ints(row for row, _ in judged),
            class_A=_ints(number[claim.category] for _, claim in judged),
            confirmed_A=_bools(claim.confirmed for _, claim in judged),
            rejected_A=_bools(claim.rejected for _, claim in judged),
            sample_rate_hz=median_high(known[0].sample_rate_hz for _, known, _ in taken),
        )

    def write(self, path: Path) -> None:
        """Store it; the file appears whole or not at all."""
        one = self.candidates
        packed = io.BytesIO()
        np.savez(
            packed,
            key=np.frombuffer(bytes.fromhex("".join(one.key_N)), dtype=np.uint8).reshape(-1, _DIGEST_BYTES),
            classes=np.frombuffer(json.dumps(one.classes).encode(), dtype=np.uint8),
            label=one.label_N,
            verified=one.verified_N,
            test=one.test_N,
            group=one.group_N,
            duration_s=one.duration_s_N,
            ruled_out=one.excluded_NK,
            reviewed=np.zeros(len(one), dtype=np.bool_) if one.reviewed_N is None else one.reviewed_N,
            clip=self.clip_N,
            category=self.category_K,
            annotation=self.annotation_A,
            row=self.row_A,
            class_=self.class_A,
            confirmed=self.confirmed_A,
            rejected=self.rejected_A,
            sample_rate_hz=np.array(self.sample_rate_hz),
        )
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        with temporary.open("wb") as file:
            file.write(packed.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what was stored.

        Raises
        ------
        FileNotFoundError
            If nothing was.
        """
        with np.load(path, allow_pickle=False) as stored:
            told = "ruled_out" in stored  # a run that began before rejections were fed back goes on without them
            return cls(
                candidates=CandidateSet(
                    key_N=tuple(row.tobytes().hex() for row in stored["key"]),
                    classes=tuple(json.loads(stored["classes"].tobytes())),
                    label_N=stored["label"],
                    verified_N=stored["verified"],
                    test_N=stored["test"],
                    group_N=stored["group"],
                    duration_s_N=stored["duration_s"],
                    ruled_out_NK=stored["ruled_out"] if told else None,
                    reviewed_N=stored["reviewed"] if told else None,
                ),
                clip_N=stored["clip"],
                category_K=stored["category"],
                annotation_A=stored["annotation"],
                row_A=stored["row"],
                class_A=stored["class_"],
                confirmed_A=stored["confirmed"],
                rejected_A=stored["rejected"] if told else np.zeros(len(stored["confirmed"]), dtype=np.bool_),
                sample_rate_hz=int(stored["sample_rate_hz"]),
            )


def content_key(audio_key: str) -> str:
    """Return the key of a clip's features.

    A clip's audio lies under a key made of its original's checksum and of all that was done to it, so that the key
    stands for the content; hashing the audio itself would mean to read all of it.
    """
    return hashlib.sha256(audio_key.encode()).hexdigest()


def _label(claims: list[Claim]) -> Claim | None:
    """Return the claim that a clip teaches: of those not rejected the only one, or the only one that is confirmed."""
    left = [claim for claim in claims if not claim.rejected]
    confirmed = [claim for claim in left if claim.confirmed]
    if len(left) == 1:
        return left[0]
    return confirmed[0] if len(confirmed) == 1 else None


def _is_rejected(claims: list[Claim]) -> bool:
    return all(claim.rejected for claim in claims)


def _given(claims: list[Claim]) -> Claim | None:
    """Return the claim that people answered and that the source alone gave the clip, if there is such a one.

    Of all claims on the clip, those of categories that no clip teaches too: beside one of these it was not alone.
    """
    (first, *others) = claims
    answered = first.confirmed or first.rejected
    return first if answered and not others and not first.came_verified else None


def _number(label: Claim | None, number: Mapping[int, int]) -> int:
    return NONE if label is None else number[label.category]


def _ruled_out(clips: list[list[Claim]], number: Mapping[int, int]) -> Bools:
    ruled_out_NK = np.zeros((len(clips), len(number)), dtype=np.bool_)
    for row, claims in enumerate(clips):
        ruled_out_NK[row, [number[claim.category] for claim in claims if claim.rejected]] = True
    return ruled_out_NK


def _check(taken: list[tuple[Claim | None, list[Claim], Claim | None]]) -> None:
    labels = [label for label, *_ in taken if label]
    if all(label.confirmed for label in labels):
        raise ValueError("No clip has a single label that nobody has confirmed yet: there is nothing to judge.")
    if len({label.participant for label in labels}) < FEWEST_PEOPLE:
        message = "All labelled clips are of one participant, and clips are judged by what others recorded alone."
        raise ValueError(message)


def _ints(numbers: Iterable[int]) -> Ints:
    return np.fromiter(numbers, dtype=np.int64)


def _bools(flags: Iterable[bool]) -> Bools:
    return np.fromiter(flags, dtype=np.bool_)
