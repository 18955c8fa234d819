"""Input files for the pipeline, made from the Free Spoken Digit Dataset: manifests, votes, ratings, configurations.

The audio is real (3,000 recordings of six speakers); the judgements are simulated, with a fixed seed:

- *Clips*: every recording, with its digit as label; 4 % get another digit's label, as careless tagging would.
- *Ratings*: eight annotators of unequal care. Each hears the truth with a probability of 0.80 to 0.98, is unsure
  in 3 % of cases and takes 6 % of the present digits for not predominant. A candidate annotation gets ratings
  until two agree, at most four, as the Freesound Datasets serve them.
- *Recordings*: for each speaker and digit one of all fifty joined; and for each speaker one of all five hundred.
  One in eight is made 60 dB quieter, one in eight is handed in for another digit.
- *Votes*: seven voters, each answer wrong with a probability of 0.05, three to five a recording, until a
  majority of five cannot change.

    python benchmarks/fsdd_files.py FOLDER [--fsdd DIR]
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

FSDD = Path(__file__).resolve().parents[2] / "shared" / "data" / "fsdd" / "recordings"
RATE_HZ = 8_000
SEED = 20_180_611
ANNOTATORS = {f"rater{number}": accuracy for number, accuracy in enumerate(np.linspace(0.80, 0.98, 8), start=1)}
VOTERS = [f"voter{number}" for number in range(1, 8)]
CRITERIA = ("gain", "privacy", "acoustic_cue")

# Six speakers hold about a sixth of each digit each. At the usual shares, 0.8 and 0.1, four fit into training and
# none into validation; at 0.7 and 0.2 four go to training, one to validation and one to test.
SHARES = "train = 0.7\nval = 0.2"

CONFIGS = {
    # The lab's own case: ready-cut clips and recordings at the rate that they have.
    "fsdd.toml": """
[dataset]
slug = "fsdd"
title = "Free Spoken Digit Dataset"
[dataset.policy]
sample_rate_hz = 8000
[taxonomy]
file = "taxonomy.csv"
[recordings]
manifest = "joined.csv"
[votes]
file = "votes.csv"
[segment]
[clips]
manifest = "clips.csv"
audio_root = "{fsdd}"
[ratings]
file = "ratings.csv"
[quality_estimates]
out = "quality.csv"
[split]
{shares}
[export]
out = "fsdd.zip"
release = "1.0"
""",
    # Long recordings at the published rate, 44,100 Hz.
    "long.toml": """
[dataset]
slug = "fsdd-long"
title = "Spoken digits, joined, at 44,100 Hz"
[taxonomy]
file = "taxonomy.csv"
[recordings]
manifest = "long.csv"
accepted = true
[segment]
[split]
{shares}
[export]
out = "long"
""",
}


@dataclass(frozen=True)
class Source:
    """One file of FSDD."""

    path: Path
    digit: str
    speaker: str
    take: int


def read_sources(folder: Path) -> list[Source]:
    """Return the recordings, by digit, speaker and take."""
    named = [(path, path.stem.split("_")) for path in folder.glob("*.wav")]
    sources = [Source(path, digit, speaker, int(take)) for path, (digit, speaker, take) in named]
    return sorted(sources, key=lambda source: (source.digit, source.speaker, source.take))


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_clips_and_ratings(folder: Path, sources: list[Source], random: np.random.Generator) -> None:
    """Write `clips.csv` and `ratings.csv`."""
    clips, ratings = [], []
    for source in sources:
        wrong = random.random() < 0.04
        label = str((int(source.digit) + random.integers(1, 10)) % 10) if wrong else source.digit
        url = f"https://github.com/Jakobovski/free-spoken-digit-dataset/blob/master/recordings/{source.path.name}"
        clips.append((source.path.name, label, "no", source.speaker, "cc-by-sa-4.0", url, source.speaker))
        given: Counter[str] = Counter()
        for annotator in random.permutation(sorted(ANNOTATORS))[:4]:
            answer = rate("NP" if wrong else "PP", ANNOTATORS[annotator], random)
            ratings.append((source.path.name, label, annotator, answer))
            given[answer] += answer != "U"
            if given[answer] == 2:
                break
    header = ("path", "label", "verified", "group", "licence", "source_url", "uploader")
    write_table(folder / "clips.csv", header, clips)
    write_table(folder / "ratings.csv", ("clip", "category", "annotator", "rating"), ratings)


def rate(truth: str, accuracy: float, random: np.random.Generator) -> str:
    """Return one annotator's answer."""
    if random.random() < 0.03:
        return "U"
    heard = truth if random.random() < accuracy else {"PP": "NP", "NP": "PP"}[truth]
    return "PNP" if heard == "PP" and random.random() < 0.06 else heard


def join(sources: list[Source], gain: float = 1.0) -> NDArray[np.int16]:
    """Return recordings one after the other, shape (samples,)."""
    samples = np.concatenate([soundfile.read(source.path, dtype="int16")[0] for source in sources])
    return samples if gain == 1.0 else np.asarray(np.rint(samples * gain), dtype=np.int16)


def write_recordings_and_votes(folder: Path, sources: list[Source], random: np.random.Generator) -> None:
    """Write the joined recordings with `joined.csv`, `votes.csv` and `long.csv`."""
    (folder / "joined").mkdir(exist_ok=True)
    joined, long, votes = [], [], []
    speakers = sorted({source.speaker for source in sources})
    for number, (speaker, digit) in enumerate((speaker, digit) for speaker in speakers for digit in "0123456789"):
        chosen = [source for source in sources if (source.speaker, source.digit) == (speaker, digit)]
        quiet, wrong = number % 8 == 3, number % 8 == 6
        path, submission = f"joined/{digit}_{speaker}.wav", f"{number:04d}"
        soundfile.write(folder / path, join(chosen, 0.001 if quiet else 1.0), RATE_HZ, subtype="PCM_16")
        category = str((int(digit) + 5) % 10) if wrong else digit
        joined.append((path, category, speaker, submission, "cc-by-sa-4.0"))
        truth = {"gain": not quiet, "privacy": True, "acoustic_cue": not (wrong or quiet)}
        votes += [(submission, *vote) for vote in vote_on(truth, random)]
        long.append((path, digit, speaker, f"D{number:04d}", "cc-by-sa-4.0"))
    for number, speaker in enumerate(speakers):
        path = f"joined/all_{speaker}.wav"
        soundfile.write(folder / path, join([source for source in sources if source.speaker == speaker]), RATE_HZ)
        long.append((path, "digit", speaker, f"L{number:04d}", "cc-by-sa-4.0"))
    header = ("path", "category", "participant", "submission", "licence")
    write_table(folder / "joined.csv", header, joined)
    write_table(folder / "long.csv", header, long)
    write_table(folder / "votes.csv", ("submission", "voter", *CRITERIA), votes)


def vote_on(truth: dict[str, bool], random: np.random.Generator) -> list[tuple[str, ...]]:
    """Return the votes on one recording: three to five, until three decisions are equal."""
    votes, decisions = [], Counter[bool]()
    for voter in random.permutation(VOTERS)[:5]:
        answers = [value != (random.random() < 0.05) for value in truth.values()]
        votes.append((str(voter), *("yes" if answer else "no" for answer in answers)))
        decisions[all(answers)] += 1
        if max(decisions.values()) == 3:
            break
    return votes


def write_files(folder: Path, fsdd: Path = FSDD) -> None:
    """Write everything that the pipeline needs into a folder.

    Raises
    ------
    SystemExit
        If FSDD is not there.
    """
    sources = read_sources(fsdd)
    if len(sources) != 3_000:
        message = f"{fsdd}: {len(sources)} recordings instead of 3,000. Name the folder of FSDD's recordings by --fsdd."
        raise SystemExit(message)
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    digits = [(f"d{digit}", digit, "digit", f"The digit {digit}, spoken in English.") for digit in "0123456789"]
    root = ("digit", "digit", "", "Spoken digits.")
    write_table(folder / "taxonomy.csv", ("id", "name", "parents", "description"), [root, *digits])
    write_clips_and_ratings(folder, sources, random)
    write_recordings_and_votes(folder, sources, random)
    for name, text in CONFIGS.items():
        (folder / name).write_text(text.format(fsdd=fsdd, shares=SHARES), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the files are written")
    parser.add_argument("--fsdd", type=Path, default=FSDD, help="folder of FSDD's recordings")
    arguments = parser.parse_args()
    write_files(arguments.folder, arguments.fsdd.resolve())
