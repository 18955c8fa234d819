"""Every page and every list of the API at a million clips, against the same page at a thousand.

The database is filled with two datasets of one shape, a large and a small one; see `pages_rows.py`. Then each
page and list is asked for through Django's test client, as each role: first, middle and last page, with each filter.
Printed a line: the median server time at both sizes, their ratio (the small one is the peer, in the same database and
the same run), and the queries. A line over budget is marked, and the exit code is 1:

- more than ten queries, or other queries than the small dataset needs in number by more than two,
- more than `--ratio` times the peer and more than 100 ms, or more than 200 ms.

    python benchmarks/pages.py [--clips 1000000] [--categories 200] [--repeat 5] [--folder DIR] [--only TEXT]

Rows go to SQLite in a folder of its own, or to DATABASE_URL, which must be empty. `--folder` keeps them for the next
run.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from urllib.parse import urlencode

import django

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

MOST_QUERIES = 10
NOTICED_MS = 100.0
BUDGET_MS = 200.0
SMALL_CLIPS = 1_000
PAGES_FOR = ("operator", "curator", "annotator", "participant")


@dataclass(frozen=True)
class Request:
    """One address of one dataset, named alike for both datasets."""

    name: str
    url: str


def requests_of(slug: str) -> list[Request]:
    """Return every page and list of one dataset."""
    from curation.models import Category, Clip, Dataset, Submission  # noqa: PLC0415 -- after django.setup

    dataset = Dataset.objects.get(slug=slug)
    kinds = list(Category.objects.filter(dataset=dataset).order_by("id"))
    frequent, rare = kinds[0], kinds[-1]
    found = [Request("home", "/"), Request("dataset", f"/d/{slug}/"), Request("dataset all", f"/d/{slug}/?all")]
    found += [Request(name, f"/d/{slug}/{name}/") for name in ("vote", "rate", "jobs")]
    found += [
        Request("jobs state=failed", f"/d/{slug}/jobs/?state=failed"),
        Request("jobs running", f"/d/{slug}/jobs/running.json"),
        Request("rate category=frequent", f"/d/{slug}/rate/?category={frequent.pk}"),
        Request("rate category=rare", f"/d/{slug}/rate/?category={rare.pk}"),
    ]
    for kind, model, states in (
        ("clips", Clip, ("unrated", "undecided", "settled")),
        ("submissions", Submission, ("undecided", "accepted", "rejected")),
    ):
        rows = model._default_manager.filter(dataset=dataset)
        first, last = rows.order_by("pk")[0], rows.order_by("-pk")[0]
        middle, own = rows.get(pk=(first.pk + last.pk) // 2), rows.filter(participant__user__isnull=False).last()
        name = "name" if kind == "clips" else "external_id"
        for place, row in (("first", first), ("middle", middle), ("last", last), ("own", own)):
            if row is not None:
                found.append(Request(f"{kind} one {place}", f"/d/{slug}/{kind}/{row.pk}/"))
                found.append(Request(f"api {kind} one {place}", f"/api/{kind}/{row.pk}/"))
        filters = {
            "": {},
            "middle": {"cursor": middle.pk},
            "last": {"cursor": last.pk - 30 if kind == "clips" else first.pk + 30},
            **{f"state={state}": {"state": state} for state in states},
            "category=frequent": {"category": frequent.pk},
            "category=frequent middle": {"category": frequent.pk, "cursor": middle.pk},
            "category=rare": {"category": rare.pk},
            "category=rare middle": {"category": rare.pk, "cursor": middle.pk},
            "category=rare state": {"category": rare.pk, "state": states[1]},
            "category=frequent state": {"category": frequent.pk, "state": states[1]},
            "q=full": {"q": getattr(middle, name)},
            "q=start": {"q": getattr(middle, name)[:12]},
            "q=nothing": {"q": "Zebra"},
            "q=person": {"q": middle.participant.code},
            "q=person state": {"q": middle.participant.code, "state": states[1]},
            "q=nothing state category": {"q": "Zebra", "state": states[1], "category": frequent.pk},
        }
        for what, query in filters.items():
            found.append(Request(f"{kind} {what}".strip(), f"/d/{slug}/{kind}/?{urlencode(query)}"))
    for which in ("suspicious", "border", "accepted"):
        for what, query in {
            "": {},
            "category=frequent": {"category": frequent.pk},
            "category=rare": {"category": rare.pk},
        }.items():
            address = f"/d/{slug}/verification/1/?{urlencode({'list': which, **query})}"
            found.append(Request(f"labels {which} {what}".strip(), address))
    predictions = f"/api/datasets/{slug}/verification-runs/1/predictions/"
    found += [
        Request("runs", f"/d/{slug}/verification/"),
        Request("api predictions", predictions),
        Request("api predictions category=rare", f"{predictions}?{urlencode({'category': rare.name})}"),
    ]
    return found + list(_api_of(slug, frequent.name, rare.name))


def _api_of(slug: str, frequent: str, rare: str) -> Iterator[Request]:
    from annotate.models import Rating  # noqa: PLC0415 -- after django.setup
    from curation.models import CandidateAnnotation, Clip, Participant, Submission  # noqa: PLC0415
    from validate.models import Vote  # noqa: PLC0415

    one = {"dataset__slug": slug}
    clip = Clip.objects.filter(**one).order_by("-pk")[40]
    submission = Submission.objects.filter(**one).order_by("pk")[20]
    person = Participant.objects.filter(**one).order_by("number")[1].code
    quiet = Participant.objects.filter(**one).order_by("-number")[1].code
    lists: dict[str, tuple[object, str, list[dict[str, str]]]] = {
        "datasets": (None, "", []),
        "categories": (None, "", [{"name": rare}]),
        "participants": (Participant, "dataset__slug", [{"code": person}]),
        "tasks": (None, "", []),
        "submissions": (
            Submission,
            "dataset__slug",
            [
                *({"state": state} for state in ("undecided", "accepted", "rejected")),
                *({"category": name} for name in (frequent, rare)),
                *({"participant": code} for code in (person, quiet)),
            ],
        ),
        "clips": (
            Clip,
            "dataset__slug",
            [
                *({"category": name} for name in (frequent, rare)),
                *({"participant": code} for code in (person, quiet)),
                {"submission": submission.external_id},
                {"category": rare, "participant": person},
            ],
        ),
        "annotations": (
            CandidateAnnotation,
            "dataset__slug",
            [
                *({"state": state} for state in ("unrated", "undecided", "settled")),
                *({"category": name} for name in (frequent, rare)),
                {"clip": clip.name},
                {"category": rare, "state": "undecided"},
            ],
        ),
        "votes": (
            Vote,
            "submission__dataset__slug",
            [{"submission": submission.external_id}, {"voter": person}, {"voter": quiet}],
        ),
        "ratings": (
            Rating,
            "annotation__dataset__slug",
            [
                *({"presence": value} for value in ("PP", "U")),
                *({"category": name} for name in (frequent, rare)),
                *({"annotator": code} for code in (person, quiet)),
                {"clip": clip.name},
                {"category": rare, "presence": "U"},
            ],
        ),
        "splits": (None, "", []),
        "split-assignments": (None, "", [{"split": "1"}, {"split": "1", "subset": "val"}]),
        "releases": (None, "", []),
        "jobs": (None, "", [{"state": "failed"}, {"kind": "segment"}, {"kind": "none"}]),
    }
    yield Request("api one dataset", f"/api/datasets/{slug}/")
    yield Request("api quality", f"/api/datasets/{slug}/quality/")
    for name, (model, path, filters) in lists.items():
        yield Request(f"api {name}", f"/api/{name}/" if name == "datasets" else f"/api/{name}/?dataset={slug}")
        if model is not None:
            keys = model._default_manager.filter(**{path: slug}).order_by("pk")  # type: ignore[attr-defined]
            first, last = keys.first().pk, keys.last().pk
            yield Request(f"api {name} middle", f"/api/{name}/?dataset={slug}&{_cursor((first + last) // 2)}")
            yield Request(f"api {name} last", f"/api/{name}/?dataset={slug}&{_cursor(last - 30)}")
            yield Request(f"api {name} back", f"/api/{name}/?dataset={slug}&{_cursor(last - 30, back=True)}")
        for query in filters:
            shown = " ".join(f"{key}={_kind_of(value, frequent, rare, quiet)}" for key, value in query.items())
            yield Request(f"api {name} {shown}", f"/api/{name}/?{urlencode({'dataset': slug, **query})}")


def _kind_of(value: str, frequent: str, rare: str, quiet: str) -> str:
    """Name a filter's value alike for both datasets."""
    kinds = {frequent: "frequent", rare: "rare", quiet: "quiet"}
    return kinds.get(value, value if value.isalpha() else "one")


def _cursor(key: int, *, back: bool = False) -> str:
    """Return REST framework's cursor that begins behind (or before) a primary key."""
    token = urlencode({"r": "1", "p": key} if back else {"p": key})
    return urlencode({"cursor": b64encode(token.encode()).decode()})


@dataclass(frozen=True)
class Figure:
    """What one request cost; `status` other than 200: the role does not have the page."""

    status: int
    queries: int
    ms: float


def measure(role: str, url: str, repeat: int) -> Figure:
    """Ask for one address as a role: once counting queries, then for the time.

    A first visit, before these, makes the person a participant where the page needs one: once in a lifetime.
    """
    from django.db import connection  # noqa: PLC0415 -- after django.setup
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from curation.models import User  # noqa: PLC0415

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.get(email=f"{role}@example.org"))
    client.get("/")  # the first of a session costs more
    if url.endswith("/vote/"):
        client.get(url)
    with CaptureQueriesContext(connection) as queries:
        start = perf_counter()
        status = client.get(url).status_code
        spent = perf_counter() - start
    count, times = len(queries), [spent]  # the next request forgets the queries
    if status == 200 and spent < 2.0:  # what takes seconds is over budget by once
        times = []
        for _ in range(repeat):
            start = perf_counter()
            client.get(url)
            times.append(perf_counter() - start)
    return Figure(status, count, 1000 * statistics.median(times))


def set_up(folder: Path, clips: int, categories: int) -> None:
    """Migrate and fill, unless the folder's (or DATABASE_URL's) rows are there from before."""
    os.environ["EARMARK_DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "curation.settings"
    os.environ["EARMARK_SECRET_KEY"] = "only-for-this-benchmark"  # noqa: S105 -- it guards nothing
    django.setup()
    logging.disable()  # pages that a role does not have
    from django.core.management import call_command  # noqa: PLC0415 -- after django.setup
    from django.db import connection  # noqa: PLC0415
    from pages_rows import make_dataset  # noqa: PLC0415

    from curation.models import Dataset  # noqa: PLC0415
    from curation.services.summaries import refresh_summary  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    known = set(Dataset.objects.values_list("slug", flat=True))
    if known - {"large", "small"}:
        sys.exit("The database has other datasets than this benchmark's. Name an empty one in DATABASE_URL.")
    if not known:
        start = perf_counter()
        make_dataset("large", clips=clips, categories=categories, participants=max(clips // 500, SMALL_PARTICIPANTS))
        make_dataset("small", clips=SMALL_CLIPS, categories=categories, participants=SMALL_PARTICIPANTS)
        print(f"filled in {perf_counter() - start:.0f} s")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # as its autovacuum does within a minute
            cursor.execute("ANALYZE")
    for slug in ("large", "small"):
        start = perf_counter()
        refresh_summary(dataset=Dataset.objects.get(slug=slug))
        print(f"summary of {slug}: {perf_counter() - start:.2f} s (in a job)")


SMALL_PARTICIPANTS = 200


def compare(role: str, large: Request, small: Request, repeat: int, most_ratio: float) -> bool:
    """Measure one page at both sizes and print the line; return whether it is within budget."""
    at_small, at_large = measure(role, small.url, repeat), measure(role, large.url, repeat)
    if at_large.status in {302, 403, 404}:
        return True  # not for this role
    ratio = at_large.ms / at_small.ms
    slow = ratio > most_ratio and at_large.ms > NOTICED_MS
    many = at_large.queries > MOST_QUERIES
    marks = " ".join(
        mark
        for mark, is_so in (
            ("SLOW", slow),
            ("QUERIES", many),
            (">200ms", at_large.ms > BUDGET_MS),
            (f"STATUS {at_large.status}", at_large.status != 200),
        )
        if is_so
    )
    print(
        f"{role:11} {large.name:38} {at_small.ms:7.1f} {at_large.ms:9.1f} {ratio:7.1f} {at_large.queries:3} {marks}",
        flush=True,
    )
    return not marks


def main() -> int:
    """Fill, measure, print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--categories", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--ratio", type=float, default=5.0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", default="", help="names that contain this text")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="earmark-pages-") as folder:
        set_up(arguments.folder or Path(folder), arguments.clips, arguments.categories)
        print(f"{'role':11} {'page':38} {'small':>7} {'large ms':>9} {'ratio':>7} queries")
        small = {request.name: request for request in requests_of("small")}
        over = 0
        for role in PAGES_FOR:
            for request in requests_of("large"):
                if arguments.only in request.name and request.name in small:
                    fits = compare(role, request, small[request.name], arguments.repeat, arguments.ratio)
                    over += not fits
    print(f"{over} over budget")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
