"""A verification manifest: clips in a folder, what is claimed of each, and who vouches for it.

Columns: ``clip`` (path under the audio root), ``split`` (train, test), ``verified`` (1, 0), ``group`` (participant or
source recording), ``candidate`` (label; may be wrong where ``verified`` is 0, empty for test). What people said since
an earlier run may stand in two further ones: ``rejected`` (labels that they found absent, joined by ``;``;
``candidate`` is empty where none is left) and ``reviewed`` (1 where ``verified`` is 1 because they confirmed a
candidate). Every row must be usable, since a run on a part of a dataset would answer another question than the one
asked: all faults of the file are told at once, each with its line and what to do.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_high

import numpy as np

from curation.audio.errors import AudioRefusedError
from curation.audio.file_bytes import open_regular
from curation.audio.header import read_header
from curation.audio.info import AudioInfo
from curation.services.csv_rows import Refused, Row, UnusableFileError, read_rows, scan_file
from ml.recipes.candidates import CandidateSet
from ml.verification.probabilities import NONE

COLUMNS = ("clip", "split", "verified", "group", "candidate")
FEEDBACK = ("rejected", "reviewed")
SPLITS = ("train", "test")
FLAGS = ("0", "1")
FEWEST_GROUPS = 2  # one that judges and one that is judged
TOLD_FAULTS = 20  # of a file; the rest are counted
LONGEST_S = 6 * 3600.0
SEPARATOR = ";"  # of labels in the predictions and among the rejected


@dataclass(frozen=True, kw_only=True)
class ManifestClip:
    """One row.

    Attributes
    ----------
    line : int
        Line on which the row begins.
    name : str
        Path as the file has it.
    path : Path
        Where the audio lies.
    test, verified : bool
        Whether it is to be predicted only, and whether people confirmed its label.
    group : str
        Participant or source.
    candidate : str
        Label; empty for test, and where people rejected it.
    rejected : tuple of str
        Labels that people found absent; none for test.
    reviewed : bool
        Whether the label was a candidate that people confirmed.
    info : AudioInfo
        What the audio's header says.
    """

    line: int
    name: str
    path: Path
    test: bool
    verified: bool
    group: str
    candidate: str
    rejected: tuple[str, ...]
    reviewed: bool
    info: AudioInfo


def read_manifest(path: Path, *, audio_root: Path) -> list[ManifestClip]:
    """Read a manifest and the header of every recording that it names.

    Parameters
    ----------
    path : Path
        The CSV file.
    audio_root : Path
        Folder under which the clips lie.

    Returns
    -------
    list of ManifestClip
        The rows in their order.

    Raises
    ------
    UnusableFileError
        With all that is wrong, line by line.
    """
    if not audio_root.is_dir():
        message = f"{audio_root}: there is no such folder. Name the one that the clips' paths start from."
        raise UnusableFileError(message)
    scan_file(path)
    clips: list[ManifestClip] = []
    faults: dict[int, str] = {}
    lines: dict[str, int] = {}
    labels: set[str] = set()  # of rows with faults too, so that each fault is told alone
    for item in read_rows(path, required=COLUMNS, optional=FEEDBACK):
        row, refused = item if isinstance(item, tuple) else (item, None)
        clip, fault = (None, refused.detail) if isinstance(refused, Refused) else _clip(row, audio_root)
        if fault is None and clip is not None:
            place = os.path.normpath(clip.path)  # the same file under another spelling
            if place in lines:
                fault = f"clip {clip.name!r} stands in line {lines[place]} already; remove one of the two."
            else:
                lines[place] = row.line
                clips.append(clip)
        if fault is not None:
            faults[row.line] = fault
        labels.add("" if row["split"] == "test" else row["candidate"])
    faults |= _unknown_labels(clips, labels)
    if faults:
        raise unusable_rows(path, dict(sorted(faults.items())))
    if not clips:
        message = f"{path}: no rows below the header."
        raise UnusableFileError(message)
    return clips


def unusable_rows(path: Path, faults: Mapping[int, str]) -> UnusableFileError:
    """Return the error that tells what is wrong with some rows.

    Parameters
    ----------
    path : Path
        The manifest.
    faults : mapping of int to str
        Line of each row, and what is wrong with it and what to do.
    """
    told = "\n  ".join(f"line {line}: {fault}" for line, fault in list(faults.items())[:TOLD_FAULTS])
    more = f"\n  and {len(faults) - TOLD_FAULTS} more" if len(faults) > TOLD_FAULTS else ""
    message = f"{path}: {len(faults)} {'row' if len(faults) == 1 else 'rows'} cannot be used.\n  {told}{more}"
    return UnusableFileError(message)


def candidate_set(clips: Sequence[ManifestClip], keys: Sequence[str]) -> CandidateSet:
    """Bring rows into the form of a run.

    Parameters
    ----------
    clips : sequence of ManifestClip
        The rows.
    keys : sequence of str
        Digest of each clip's audio.

    Raises
    ------
    ValueError
        If the clips leave nothing to learn from, or nothing to judge.
    """
    train = [clip for clip in clips if clip.candidate]
    if all(clip.verified for clip in train):
        message = (
            "No train clip has verified = 0: there is no label to judge. Add clips whose candidate nobody answered."
        )
        raise ValueError(message)
    if len({clip.group for clip in train}) < FEWEST_GROUPS:
        message = (
            f"All train clips are of group {train[0].group!r}, and a clip is judged by other groups alone. "
            "Give each participant, or each source recording, a group of its own."
        )
        raise ValueError(message)
    classes = sorted({clip.candidate for clip in clips if clip.candidate})
    number = {name: index for index, name in enumerate(classes)}
    groups = {name: index for index, name in enumerate(sorted({clip.group for clip in clips}))}
    ruled_out_NK = np.zeros((len(clips), len(classes)), dtype=np.bool_)
    for row, clip in enumerate(clips):
        ruled_out_NK[row, [number[label] for label in clip.rejected]] = True
    return CandidateSet(
        key_N=tuple(keys),
        classes=tuple(classes),
        label_N=np.array([_label(clip, number) for clip in clips], dtype=np.int64),
        verified_N=np.array([clip.verified and not clip.test for clip in clips], dtype=np.bool_),
        test_N=np.array([clip.test for clip in clips], dtype=np.bool_),
        group_N=np.array([groups[clip.group] for clip in clips], dtype=np.int64),
        duration_s_N=np.array([clip.info.duration_s for clip in clips], dtype=np.float64),
        ruled_out_NK=ruled_out_NK,
        reviewed_N=np.array([clip.reviewed for clip in clips], dtype=np.bool_),
    )


def common_rate_hz(clips: Sequence[ManifestClip]) -> int:
    """Return the median sample rate, to which all clips are brought; it is that of a clip, not between two."""
    return median_high(clip.info.sample_rate_hz for clip in clips)


def _unknown_labels(clips: Sequence[ManifestClip], labels: Collection[str]) -> dict[int, str]:
    """Find the rows that reject a label which is no row's candidate: nothing could be learned from that.

    It may be misspelled, or people rejected it wherever it was claimed: only they know, so that both are told.
    """
    faults: dict[int, str] = {}
    for clip in clips:
        unknown = [label for label in clip.rejected if label not in labels]
        if not unknown:
            continue
        remedy = "it."
        if not clip.candidate and len(unknown) == len(clip.rejected):
            remedy = "the row, since nothing else is known of the clip; with split test it is predicted alone."
        faults[clip.line] = (
            f"rejected names {unknown[0]!r}, which no train row has as candidate; mend the label or remove {remedy}"
        )
    return faults


def _label(clip: ManifestClip, number: Mapping[str, int]) -> int:
    """Return the label that a clip came with, which a rejected one is too if it is the only one."""
    if clip.candidate:
        return number[clip.candidate]
    return number[clip.rejected[0]] if len(clip.rejected) == 1 else NONE


def _clip(row: Row, audio_root: Path) -> tuple[ManifestClip | None, str | None]:
    """Return a row's clip, or what is wrong with it."""
    fault = _fault(row)
    if fault is not None:
        return None, fault
    path = audio_root / row["clip"]
    try:
        inside = path.resolve().is_relative_to(audio_root.resolve())
    except RuntimeError:  # pathlib's word for links in a circle
        return None, f"clip {row['clip']!r} is a link that leads back to itself; name the recording."
    if not inside:
        return None, f"clip {row['clip']!r} lies outside the audio root; give a path under it."
    try:
        with open_regular(path) as source:
            info = read_header(source, max_duration_s=LONGEST_S)
    except AudioRefusedError as error:
        return None, f"clip {row['clip']!r}: {error.detail}"
    test = row["split"] == "test"
    return (
        ManifestClip(
            line=row.line,
            name=row["clip"],
            path=path,
            test=test,
            verified=row["verified"] == "1",
            group=row["group"],
            candidate="" if test else row["candidate"],
            rejected=() if test else _rejected(row),
            reviewed=row["reviewed"] == "1" and not test,
            info=info,
        ),
        None,
    )


def _fault(row: Row) -> str | None:
    test, candidate, verified = row["split"] == "test", row["candidate"], row["verified"]
    rejected, reviewed = _rejected(row), row["reviewed"]
    faults = (
        (not row["clip"], "clip is empty; give the path under the audio root."),
        (row["split"] not in SPLITS, f"split is {row['split']!r}; expected train or test."),
        (
            verified not in FLAGS and not (test and not verified),
            f"verified is {verified!r}; expected 1 or 0.",
        ),
        (not test and not candidate and not rejected, "candidate is empty; a train clip needs a label."),
        (
            not test and not candidate and verified == "1",
            "candidate is empty where verified is 1; write the label that people confirmed, or 0.",
        ),
        (
            not test and candidate in rejected,
            f"rejected names the candidate {candidate!r}; leave candidate empty, or remove it from rejected.",
        ),
        (
            not test and reviewed not in ("", *FLAGS),
            f"reviewed is {reviewed!r}; expected 1 or 0, or nothing.",
        ),
        (
            not test and reviewed == "1" and verified != "1",
            "reviewed is 1 where verified is not; write verified 1 if people confirmed the candidate.",
        ),
        (
            SEPARATOR in candidate,
            f"candidate is {candidate!r}; a semicolon stands between the labels of top3, so write it without.",
        ),
        (
            not row["group"],
            "group is empty; give the participant or the source recording, or the clip's own name.",
        ),
    )
    return next((fault for wrong, fault in faults if wrong), None)


def _rejected(row: Row) -> tuple[str, ...]:
    """Return the labels that people found absent, each once."""
    named = (label.strip() for label in row["rejected"].split(SEPARATOR))
    return tuple(dict.fromkeys(label for label in named if label))
