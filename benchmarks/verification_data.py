"""Spoken digits whose labels are wrong in part, as manifests for `verify_labels`; the truth stays here.

Digit is the class, speaker the group. One speaker is for test, some are verified, and the clips of the others keep
their audio but for a share of them the candidate is another digit. Mistakes depend on the class, as people's and tag
mappings' do: some digits are mislabelled up to five times as often as others, and each is taken for three others only,
one of them mostly.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

N_DIGITS = 10
RATE_SPREAD = (0.3, 1.7)  # of the class-dependent rates about their mean
CONFUSIONS = (3.0, 2.0, 1.0)  # Dirichlet weights of the three digits that one is taken for


@dataclass(frozen=True, eq=False, kw_only=True)
class Scenario:
    """One manifest and its truth.

    Attributes
    ----------
    manifest : Path
        File for `verify_labels`.
    true_N, candidate_N : int64 array [shape=(N,)]
        Digit spoken and digit claimed, in the order of the file.
    judged_N, verified_N, test_N : bool array [shape=(N,)]
        Non-verified clips, verified clips and clips of the unseen speaker.
    speaker_N : int64 array [shape=(N,)]
        Speaker of each clip.
    """

    manifest: Path
    true_N: NDArray[np.int64]
    candidate_N: NDArray[np.int64]
    judged_N: NDArray[np.bool_]
    verified_N: NDArray[np.bool_]
    test_N: NDArray[np.bool_]
    speaker_N: NDArray[np.int64]

    @property
    def wrong_N(self) -> NDArray[np.bool_]:
        """Whether each candidate is wrong."""
        return self.true_N != self.candidate_N


def write_scenario(recordings: Path, folder: Path, *, seed: int, verified_speakers: int, wrong: float) -> Scenario:
    """Write a manifest.

    Parameters
    ----------
    recordings : Path
        Folder of ``digit_speaker_number.wav``.
    folder : Path
        Where the manifest goes.
    seed : int
        Draws which labels are wrong, and moves on who is for test and who is verified.
    verified_speakers : int
        Speakers whose labels count as verified.
    wrong : float
        Share of the other speakers' labels that are wrong.

    Returns
    -------
    Scenario
        The manifest with its truth.
    """
    names = sorted(path.name for path in recordings.glob("*.wav"))
    parts = [name.split("_") for name in names]
    speakers = sorted({speaker for _, speaker, _ in parts})
    speaker_N = np.array([speakers.index(speaker) for _, speaker, _ in parts])
    true_N = np.array([int(digit) for digit, _, _ in parts])
    rng = np.random.default_rng(seed)
    # Three seeds have three speakers for test and verify all six; the next three have the other three for test.
    order = np.roll(np.arange(len(speakers)), -2 * seed - seed // (len(speakers) // 2))
    test_N = speaker_N == order[0]
    verified_N = np.isin(speaker_N, order[1 : 1 + verified_speakers])
    judged_N = ~test_N & ~verified_N
    candidate_N = true_N.copy()
    candidate_N[judged_N] = _mislabelled(true_N[judged_N], rng, wrong)
    manifest = folder / f"verified-{verified_speakers}-wrong-{wrong:g}-seed-{seed}.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "split", "verified", "group", "candidate"])
        for n, name in enumerate(names):
            split, candidate = ("test", "") if test_N[n] else ("train", str(candidate_N[n]))
            writer.writerow([name, split, int(verified_N[n]), speakers[speaker_N[n]], candidate])
    return Scenario(
        manifest=manifest,
        true_N=true_N,
        candidate_N=candidate_N,
        judged_N=judged_N,
        verified_N=verified_N,
        test_N=test_N,
        speaker_N=speaker_N,
    )


def _mislabelled(true_N: NDArray[np.int64], rng: np.random.Generator, wrong: float) -> NDArray[np.int64]:
    share_K = rng.uniform(*RATE_SPREAD, N_DIGITS)
    share_K = np.clip(share_K * wrong / share_K[true_N].mean(), 0, 1)
    given_N = true_N.copy()
    for digit in range(N_DIGITS):
        others = rng.permutation(np.delete(np.arange(N_DIGITS), digit))[: len(CONFUSIONS)]
        chance = rng.dirichlet(CONFUSIONS)
        clips = np.flatnonzero(true_N == digit)
        chosen = rng.permutation(clips)[: round(share_K[digit] * len(clips))]
        given_N[chosen] = rng.choice(others, len(chosen), p=chance)
    return given_N
