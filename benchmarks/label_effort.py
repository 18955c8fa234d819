"""Label accuracy against ratings spent, done over HTTP on a served dataset: ours against random order and cleanlab.

Real speech (FSDD: six speakers, 500 recordings each) with class-dependent wrong labels, 30 % of those that nobody
verified, as `benchmarks/verification_data.py` draws them. Two speakers are verified, three are judged; the one that the
other benchmarks keep for test is left out: nobody claims anything of that speaker's clips.

In a temporary folder `manage.py serve` runs with its workers. A curator's token has taxonomy and clips imported by jobs
from the folder of imports, starts a verification run of recipe `earmark` and reads what it found; then four simulated
people rate over the rating page whatever it hands out: by agreement, then by review priority. Two who agree settle a
claim; each answer (PP or NP) is wrong with a probability of 3 %. After a tenth of the full effort the run is done
again, with what they said.

Random order and cleanlab's (label quality scores of a CNN's out-of-fold probabilities; fitted again after the same
tenth) are replayed with the same people and the same rules without a server. So is ours, to show that the replay hands
out what the server does; and ours without the second run.

The full effort is two ratings for each claim. What is counted as right says `label_effort_replay.Moment`, for all
orders alike.

    python benchmarks/label_effort.py [--seeds 0 1 2] [--error 0.03] [--verified 2] [--wrong 0.3] [--audio DIR]
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))
sys.path.insert(0, str(PROJECT / "benchmarks"))

from label_effort_replay import (  # noqa: E402 -- the path comes first
    ANSWERS,
    NONE,
    Moment,
    Review,
    Scores,
    draw_answers,
    judge,
    replay,
)
from label_effort_server import Person, Program, Rater, Server  # noqa: E402 -- as above
from verification_cleanlab import by_cleanlab  # noqa: E402 -- as above
from verification_data import N_DIGITS, Scenario, write_scenario  # noqa: E402 -- as above

AUDIO = PROJECT.parent / "shared" / "data" / "fsdd" / "recordings"
SHARES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)  # of the full effort
AGAIN = 0.1
EACH = 2  # ratings that settle a claim, if all agree
PEOPLE = 4
SLUG = "fsdd"
TAXONOMY, CLIPS, RECORDINGS = "taxonomy.csv", "clips.csv", "recordings"  # below the folder of imports
POLICY = "sample_rate_hz = 8000\n"


class Effort:
    """One draw of wrong labels and of people's answers, with all that is to be compared on it.

    Parameters
    ----------
    scenario : Scenario
        The clips.
    audio, folder : Path
        Recordings, and where to work.
    seed, error : int and float
        Of the answers.
    """

    def __init__(self, scenario: Scenario, audio: Path, folder: Path, *, seed: int, error: float) -> None:
        self.scenario, self.audio, self.folder, self.seed = scenario, audio, folder, seed
        with scenario.manifest.open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.row_N = np.flatnonzero(scenario.judged_N)  # of each claim
        self.true_N, self.candidate_N = scenario.true_N[self.row_N], scenario.candidate_N[self.row_N]
        self.answer_PN = draw_answers(self.true_N == self.candidate_N, people=PEOPLE, error=error, seed=seed)
        self.effort = EACH * len(self.row_N)
        self.moments = [round(share * self.effort) for share in SHARES]
        self.again_at = round(AGAIN * self.effort)

    def look(self, review: Review, scores: Scores) -> Moment:
        """Say how right the labels are now."""
        return judge(review, scores, candidate_N=self.candidate_N, true_N=self.true_N)

    def at_random(self) -> list[Moment]:
        """Rate in random order."""
        nothing_N = np.full(len(self.row_N), NONE)
        order_N = np.random.default_rng(self.seed).permutation(len(self.row_N)).astype(np.float64)
        scores = Scores(score_N=order_N, label_N=nothing_N, other_N=nothing_N)
        return replay(Review(self.answer_PN), scores, moments=self.moments, look=self.look)

    def with_cleanlab(self) -> list[Moment]:
        """Rate what cleanlab takes for worst; fit it again with what people said."""
        return replay(
            Review(self.answer_PN),
            self._cleanlab(self.scenario),
            moments=self.moments,
            look=self.look,
            again_at=self.again_at,
            again=self._cleanlab_again,
        )

    def _cleanlab_again(self, review: Review) -> Scores:
        verified_N, absent_N = self.scenario.verified_N.copy(), self.scenario.test_N.copy()
        verified_N[self.row_N[review.present_N]] = True
        absent_N[self.row_N[review.absent_N]] = True  # cleanlab knows labels alone, and theirs are wrong
        return self._cleanlab(replace(self.scenario, verified_N=verified_N, test_N=absent_N))

    def _cleanlab(self, scenario: Scenario) -> Scores:
        found = by_cleanlab(scenario, self.audio, self.folder, self.seed)
        assert found.top3_N3 is not None  # noqa: S101 -- for the type alone
        return Scores(
            score_N=found.priority_N[self.row_N],
            label_N=found.label_N[self.row_N],
            other_N=_first_other(found.top3_N3[self.row_N], self.candidate_N),
        )

    def served(self, gpu_workers: int) -> tuple[list[Moment], list[Moment]]:
        """Do all of it over HTTP; return what came of it, and what would without the second run."""
        server = Server(self.folder / f"data-{self.seed}")
        passwords = self._install(server)
        with server.serving(gpu_workers=gpu_workers) as address:
            people = {email: Person(address, email, word) for email, word in passwords.items()}
            curator, *raters = people.values()
            program = Program(address, curator.draw_token())
            self._import(program)
            runs = [self._run(program)]
            review = Review(self.answer_PN)
            found, served = [], [Rater(person, SLUG) for person in raters]
            claims = self._claims(program)
            for moment in self.moments:
                while len(review.ratings) < moment:
                    if len(review.ratings) == self.again_at and len(runs) == 1:
                        runs.append(self._run(program))
                    self._rate(served, review, claims)
                self._check_states(program, review, claims)
                found.append(self.look(review, runs[-1]))
        second = iter(runs[1:])
        same, alone = Review(self.answer_PN), Review(self.answer_PN)
        again = {"again_at": self.again_at, "again": lambda _: next(second)}
        replay(same, runs[0], moments=self.moments, look=self.look, **again)  # type: ignore[arg-type]
        print(f"  the replay hands out what the server did: {'yes' if same.ratings == review.ratings else 'NO'}")
        return found, replay(alone, runs[0], moments=self.moments, look=self.look)

    def _install(self, server: Server) -> dict[str, str]:
        """Make an empty dataset and its people, and put what it shall hold into the folder of imports."""
        server.folder.mkdir()
        digits = "".join(f"d{digit},{digit},,The digit {digit}.\n" for digit in range(N_DIGITS))
        taxonomy, clips, policy = (server.imports / TAXONOMY, server.imports / CLIPS, self.folder / "policy.toml")
        (server.imports / RECORDINGS).mkdir(parents=True)
        taxonomy.write_text(f"id,name,parents,description\n{digits}", encoding="utf-8")
        policy.write_text(POLICY, encoding="utf-8")
        with clips.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "label", "verified", "group"])
            for row in self._known_rows():
                writer.writerow([row["clip"], row["candidate"], row["verified"], row["group"]])
                shutil.copyfile(self.audio / row["clip"], server.imports / RECORDINGS / row["clip"])
        server.manage("migrate", "--verbosity", "0")
        server.manage("create_dataset", SLUG, "--policy", policy)
        roles = {"curator@example.org": "curator"}
        roles |= {f"rater{number}@example.org": "annotator" for number in range(PEOPLE)}
        return {email: server.add_member(SLUG, email, role) for email, role in roles.items()}

    def _known_rows(self) -> list[dict[str, str]]:
        return [row for row in self.rows if row["split"] == "train"]

    def _import(self, program: Program) -> None:
        """Have the files imported by jobs."""
        start = perf_counter()
        program.job("import-taxonomy", SLUG, file=TAXONOMY)
        result = program.job("import-clips", SLUG, manifest=CLIPS, audio_root=RECORDINGS)["result"]
        if result["stored"] != len(self._known_rows()):
            message = f"The job has stored {result['stored']} of {len(self._known_rows())} labels: {result['refusals']}"
            raise RuntimeError(message)
        print(f"  import: {perf_counter() - start:.0f} s, {result['stored']} labels", flush=True)

    def _run(self, program: Program) -> Scores:
        """Have a run done; return its order, and its proposals, for the claims."""
        start = perf_counter()
        run = program.run(SLUG, recipe="earmark", seed=self.seed, device="cpu")
        print(f"  run {run['number']}: {perf_counter() - start:.0f} s, {run['totals']}", flush=True)
        place = {self.rows[row]["clip"]: claim for claim, row in enumerate(self.row_N)}
        score_N, label_N = np.zeros(len(place)), self.candidate_N.copy()
        other_N = np.full(len(place), NONE)
        for row in program.predictions(SLUG, run["number"]):
            claim = place.get(row["clip"])
            if claim is not None:
                score_N[claim], label_N[claim] = row["priority"], int(row["predicted"])
                heard = [int(guess["category"]) for guess in row["top"]]
                beside = [label for label in (int(row["predicted"]), *heard) if label != self.candidate_N[claim]]
                other_N[claim] = beside[0] if beside else NONE
        return Scores(score_N=score_N, label_N=label_N, other_N=other_N)

    def _claims(self, program: Program) -> dict[int, int]:
        """Return which claim each candidate annotation is."""
        place = {self.rows[row]["clip"]: claim for claim, row in enumerate(self.row_N)}
        rows = program.rows(f"annotations/?dataset={SLUG}&page_size=1000")
        return {row["id"]: place[row["clip"]] for row in rows if row["clip"] in place}

    def _rate(self, raters: list[Rater], review: Review, claims: dict[int, int]) -> None:
        """Let the person whose turn it is answer what the page asks."""
        rater = raters[review.turn()]
        asked = rater.next_claim()
        if asked is None:
            raise RuntimeError("The page hands out nothing more.")
        rater.rate(asked, review.rate(claims[asked]))

    def _check_states(self, program: Program, review: Review, claims: dict[int, int]) -> None:
        """Let the server say what is settled: it must be what the rule gives here."""
        rows = program.rows(f"annotations/?dataset={SLUG}&page_size=1000&state=settled")
        settled = {claims[row["id"]]: row["consensus"] for row in rows if row["id"] in claims}
        expected = {int(claim): ANSWERS[int(review.present_N[claim])] for claim in np.flatnonzero(review.settled_N)}
        if settled != expected:
            message = f"The server has settled {len(settled)} claims, the rule here {len(expected)}, or otherwise."
            raise RuntimeError(message)


def _first_other(top_N3: np.ndarray, candidate_N: np.ndarray) -> np.ndarray:
    """Return the likeliest class beside the candidate."""
    return np.where(top_N3[:, 0] == candidate_N, top_N3[:, 1], top_N3[:, 0])


def print_table(title: str, found: dict[str, list[list[float]]]) -> None:
    """Print the means of the seeds, as Markdown."""
    print(f"\n{title}; means of {len(next(iter(found.values())))} draws\n")
    print("| order | " + " | ".join(f"{share:.0%}" for share in SHARES) + " |")
    print("|---" * (1 + len(SHARES)) + "|")
    for name, runs in found.items():
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in np.mean(runs, axis=0)) + " |")


def main() -> None:
    """Compare the orders on each draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--error", type=float, default=0.03, help="chance that an answer is wrong (0.03)")
    parser.add_argument("--verified", type=int, default=2, help="verified speakers (2)")
    parser.add_argument("--wrong", type=float, default=0.3, help="share of wrong labels of the others (0.3)")
    parser.add_argument("--audio", type=Path, default=AUDIO, help="folder of digit_speaker_number.wav")
    parser.add_argument("--gpu-workers", type=int, default=1, help="steps at the same time (1)")
    options = parser.parse_args()
    if not options.audio.is_dir():
        sys.exit(f"{options.audio}: no recordings there. Name the folder with --audio.")
    found: dict[str, list[list[Moment]]] = {}
    for seed in options.seeds:
        with tempfile.TemporaryDirectory(prefix="earmark-effort-") as name:
            folder = Path(name)
            scenario = write_scenario(
                options.audio, folder, seed=seed, verified_speakers=options.verified, wrong=options.wrong
            )
            effort = Effort(scenario, options.audio.resolve(), folder, seed=seed, error=options.error)
            share = scenario.wrong_N[effort.row_N].mean()
            print(f"seed {seed}: {len(effort.row_N)} claims, {share:.0%} wrong; full effort {effort.effort} ratings")
            both = effort.served(options.gpu_workers)
            lines = {
                "random": effort.at_random(),
                "cleanlab, fitted again": effort.with_cleanlab(),
                "Earmark, first run alone": both[1],
                "Earmark, second run": both[0],
            }
        for order, moments in lines.items():
            found.setdefault(order, []).append(moments)
            figures = (f"{each.people:.3f}/{each.machine:.3f}/{each.found:.3f}" for each in moments)
            print(f"  {order}: " + ", ".join(figures), flush=True)
    for title, figure in (
        ("Right labels among those that a release would carry, by ratings spent", "people"),
        ("Right labels among all clips if the models' proposals are taken too", "machine"),
        ("Wrong labels that people have found", "found"),
    ):
        print_table(
            title, {order: [[getattr(each, figure) for each in run] for run in runs] for order, runs in found.items()}
        )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
