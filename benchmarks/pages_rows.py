"""Two datasets in one database for `pages.py`: a large one, and a small one of the same shape as its peer.

Rows are made inside the database, so that a million takes a minute. Their shape: a few participants and
categories have most of the rows; one category is rare; most submissions are decided; an annotator has rated
thousands of candidate annotations that nobody else has, and these stand first in everybody's queue. A verification run
judged every label; people have since settled those that it doubted most, and a curator accepted nearly all the others
that it thinks good enough, so that its lists begin behind hundreds of thousands of rows that are done with.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, models
from django.utils import timezone

from annotate.models import Rating
from curation.domain.policy import Policy
from curation.models import (
    CandidateAnnotation,
    Category,
    Clip,
    CollectionTask,
    Dataset,
    DatasetPolicy,
    ImportRun,
    Job,
    JobState,
    Membership,
    Participant,
    Release,
    Role,
    Split,
    SplitAssignment,
    Submission,
    User,
)
from ml.models import AcceptanceEvent, Prediction, RecipeName, VerificationRun
from validate.models import Vote

JUDGES = 100  # participants who vote and rate; the first is the account `annotator`
PRIME = 1_000_003
ROLES = (Role.CURATOR, Role.ANNOTATOR, Role.PARTICIPANT)


def skewed(count: int, factor: int) -> str:
    """Return SQL for a number from 0 to `count` - 1, small ones most often, drawn by the row number `i`."""
    draw = f"(i * {factor} % {PRIME})"
    return f"({draw} * {draw} / {PRIME} * {draw} / {PRIME} * {count} / {PRIME})"


def fill(model: type[models.Model], rows: int, joined: str = "", **values: Any) -> None:
    """Insert rows numbered by `i`; a text is SQL, another value itself, an absent field has its default."""
    columns, chosen, parameters = [], [], []
    for field in model._meta.concrete_fields:
        value = values.pop(field.attname, None)
        if value is None and (field.primary_key or (field.null and not field.has_default())):
            continue
        columns.append(field.column)
        if isinstance(value, str):
            chosen.append(value.replace("%", "%%"))
        else:
            chosen.append("%s")
            value = field.get_default() if value is None else value
            value = timezone.now() if getattr(field, "auto_now_add", False) else value
            parameters.append(field.get_db_prep_save("" if value is None else value, connection))
    if values:
        message = f"{model.__name__} has no {sorted(values)}"
        raise TypeError(message)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) "
            "WITH RECURSIVE numbers(i) AS (SELECT CAST(0 AS bigint) UNION ALL "
            f"SELECT i + 1 FROM numbers WHERE i + 1 < {rows}) "
            f"SELECT {', '.join(chosen)} FROM numbers {joined.replace('%', '%%')}",
            parameters,
        )


def last_key(model: type[models.Model]) -> int:
    """Return the highest primary key, 0 without rows; what is filled next follows it."""
    return model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0


def make_dataset(slug: str, *, clips: int, categories: int, participants: int) -> Dataset:
    """Fill one dataset: as many submissions as 15 % of `clips`, half as many votes, 1.5 times as many ratings."""
    dataset = Dataset.objects.create(slug=slug, title=f"{clips:,} clips")
    DatasetPolicy.objects.create(dataset=dataset, version=1, document=Policy().to_document())
    people = _people(dataset, participants)
    kinds = Category.objects.bulk_create(
        Category(dataset=dataset, external_id=f"c{number}", name=f"Class {number:03d}", file_label=f"Class{number:03d}")
        for number in range(categories)
    )
    CollectionTask.objects.bulk_create(
        CollectionTask(dataset=dataset, category=kind, title=f"Record {kind.name}") for kind in kinds
    )
    submissions = max(clips * 15 // 100, 40)
    decided = submissions * 85 // 100
    base = {"people": people, "categories": kinds[0].pk, "submissions": last_key(Submission), "clips": last_key(Clip)}
    _submissions(dataset, submissions, decided, base["people"], participants, categories)
    _votes(base, submissions, decided)
    _clips(dataset, clips, decided, base["submissions"])
    _annotations(dataset, clips, base, categories)
    _verification(dataset, clips, base)
    _rest(dataset, people, participants, [kind.name for kind in kinds])
    return dataset


def _people(dataset: Dataset, participants: int) -> int:
    """Store participants and accounts; return the first participant's key."""
    accounts = {
        role: User.objects.get_or_create(email=f"{role}@example.org", defaults={"is_superuser": role == "operator"})[0]
        for role in (*ROLES, "operator")
    }
    Membership.objects.bulk_create(Membership(dataset=dataset, user=accounts[role], role=role) for role in ROLES)
    # The account `participant` is one of the many who sent little.
    owner = {0: accounts[Role.ANNOTATOR], participants - 2: accounts[Role.PARTICIPANT]}
    people = Participant.objects.bulk_create(
        Participant(dataset=dataset, code=f"user{number:05d}", number=number, user=owner.get(number))
        for number in range(participants)
    )
    return people[0].pk


def _submissions(
    dataset: Dataset, submissions: int, decided: int, people: int, participants: int, categories: int
) -> None:
    task = last_key(CollectionTask) - categories + 1
    rare = f"CASE WHEN i % 3000 = 7 THEN {categories - 1} ELSE {skewed(categories - 1, 7919)} END"
    state = f"CASE WHEN i >= {decided} THEN 'undecided' WHEN i % 16 = 15 THEN 'rejected' ELSE 'accepted' END"
    now = timezone.now().strftime("'%Y-%m-%d %H:%M:%S+00:00'")
    moment = f"CAST({now} AS timestamptz)" if connection.vendor == "postgresql" else now
    fill(
        Submission,
        submissions,
        dataset_id=dataset.pk,
        task_id=f"{task} + {rare}",
        participant_id=f"{people} + {skewed(participants, 104_729)}",
        external_id="CAST(14000000 + i AS text)",
        original_sha256=f"'{dataset.pk}-' || i",
        original_bytes=5_292_044,
        sample_rate_hz=44_100,
        channels=1,
        frames=2_646_000,
        duration_s=60.0,
        state=state,
        vote_count=f"CASE WHEN i >= {decided} THEN 1 ELSE 4 END",
        decided_at=f"CASE WHEN i >= {decided} THEN NULL ELSE {moment} END",
        segmented_at=f"CASE WHEN i >= {decided} OR i % 16 = 15 THEN NULL ELSE {moment} END",
    )


def _votes(base: dict[str, int], submissions: int, decided: int) -> None:
    """Store four votes on what is decided and one on the rest, each fifth of these by the account `annotator`."""
    first, judge = base["submissions"] + 1, skewed(JUDGES - 8, 15_485_863)
    answers = {"gain": True, "privacy": True, "acoustic_cue": True, "source": "'web'"}
    for position in range(1, 5):
        voter = f"{base['people'] + position + 1} + {judge}"
        fill(Vote, decided, submission_id=f"{first} + i", voter_id=voter, position=position, **answers)
    voter = f"{base['people']} + CASE WHEN i % 5 = 0 THEN 0 ELSE 1 + {judge} END"
    fill(Vote, submissions - decided, submission_id=f"{first + decided} + i", voter_id=voter, position=1, **answers)


def _clips(dataset: Dataset, clips: int, decided: int, submissions: int) -> None:
    cut = f"(i * {decided} / {clips})"
    cut = f"({cut} - CASE WHEN {cut} % 16 = 15 THEN 1 ELSE 0 END)"  # rejected ones are not cut
    index = f"(i - ({cut} * {clips} + {decided - 1}) / {decided})"
    fill(
        Clip,
        clips,
        joined=(
            f"JOIN curation_submission s ON s.id = {submissions + 1} + {cut} "
            "JOIN curation_collectiontask t ON t.id = s.task_id JOIN curation_category c ON c.id = t.category_id "
            "JOIN curation_participant p ON p.id = s.participant_id ORDER BY i"
        ),
        dataset_id=dataset.pk,
        participant_id="s.participant_id",
        name=f"c.file_label || '_' || p.code || '_' || s.external_id || '_' || {index} || '.wav'",
        submission_id="s.id",
        segment_index=index,
        audio_key="'clips/' || i",
        sample_rate_hz=44_100,
        frames=441_000,
        duration_s=10.0,
        loudness_lufs=-23.0,
        tags="'[]'",
    )


def _annotations(dataset: Dataset, clips: int, base: dict[str, int], categories: int) -> None:
    """Store one candidate annotation a clip: 60 % settled by two, 10 % undecided, 30 % unrated; a tenth has another."""
    settled, rated = clips * 60 // 100, clips * 70 // 100
    now = timezone.now().strftime("'%Y-%m-%d %H:%M:%S+00:00'")
    moment = f"CAST({now} AS timestamptz)" if connection.vendor == "postgresql" else now
    lone = f"i >= {settled} AND i % 5 = 0"
    first = last_key(CandidateAnnotation) + 1
    join = (
        f"JOIN curation_clip k ON k.id = {base['clips'] + 1} + i JOIN curation_submission s ON s.id = k.submission_id "
        "JOIN curation_collectiontask t ON t.id = s.task_id"
    )
    values: dict[str, Any] = {"dataset_id": dataset.pk, "clip_id": "k.id"}
    fill(
        CandidateAnnotation,
        clips,
        joined=f"{join} ORDER BY i",
        category_id="t.category_id",
        source="'submission'",
        state=f"CASE WHEN i < {settled} THEN 'settled' WHEN i < {rated} THEN 'undecided' ELSE 'unrated' END",
        consensus=f"CASE WHEN i < {settled} THEN CASE WHEN i % 7 = 0 THEN 'NP' ELSE 'PP' END ELSE '' END",
        settled_at=f"CASE WHEN i < {settled} THEN {moment} ELSE NULL END",
        rating_count=f"CASE WHEN i < {settled} THEN 2 WHEN i >= {rated} THEN 0 WHEN {lone} THEN 1 ELSE 3 END",
        agreeing_count=f"CASE WHEN i < {settled} THEN 2 WHEN i >= {rated} THEN 0 ELSE 1 END",
        **values,
    )
    other = f"{base['categories']} + (t.category_id - {base['categories']} + 1) % {categories}"
    fill(CandidateAnnotation, clips, joined=f"{join} WHERE i % 10 = 3", category_id=other, source="'model'", **values)
    judge = skewed(JUDGES - 8, 15_485_863)
    for number in range(2):
        presence = "CASE WHEN i % 7 = 0 THEN 'NP' ELSE 'PP' END"
        _ratings(settled, first, f"{base['people'] + 1 + number} + {judge}", presence)
    for number, presence in enumerate(("PP", "PNP", "NP")):
        own = f"CASE WHEN i % 5 = 0 THEN {base['people']} ELSE {base['people'] + 1 + number} + {judge} END"
        where = "WHERE i % 5 > 0" if number else ""
        _ratings(rated - settled, first + settled, own, f"'{presence}'", where)


def _ratings(rows: int, first: int, annotator: str, presence: str, where: str = "") -> None:
    fill(
        Rating,
        rows,
        joined=where,
        annotation_id=f"{first} + i",
        annotator_id=annotator,
        presence=presence,
        source="'import'",
    )


def _verification(dataset: Dataset, clips: int, base: dict[str, int]) -> None:
    """Store a run: 30 % verified before it, 30 % settled since, of the rest nearly all good enough ones accepted."""
    first = CandidateAnnotation.objects.filter(dataset=dataset).order_by("pk").values_list("pk", flat=True)[0]
    verified, settled = clips * 30 // 100, clips * 60 // 100
    p_correct = f"((i * 7919 % {PRIME}) * 1.0 / {PRIME})"
    accepts = f"i >= {settled} AND {p_correct} >= 0.25 AND i % 1000 <> 7"
    run = VerificationRun.objects.create(
        dataset=dataset,
        number=1,
        recipe=RecipeName.EARMARK,
        precision=0.95,
        candidates_digest="0" * 64,
        code_version="benchmark",
        summary={"acceptance": [[0.25, clips * 52 // 100, 0.96], [0.75, clips * 17 // 100, 0.99]]},
        finished_at=timezone.now(),
    )
    fill(
        AcceptanceEvent,
        clips,
        joined=f"WHERE {accepts}",
        run_id=run.pk,
        annotation_id=f"{first} + i",
        kind="'accept'",
        by_id=base["people"],
    )
    most = f"CASE WHEN i < {settled} THEN 1.0 ELSE 0.5 END"
    doubt = f"CASE WHEN i < {verified} THEN 0.0 ELSE {most} - {p_correct} / 2 END"
    fill(
        Prediction,
        clips,
        joined=(
            f"JOIN curation_candidateannotation a ON a.id = {first} + i "
            "LEFT JOIN ml_acceptanceevent e ON e.annotation_id = a.id ORDER BY i"
        ),
        run_id=run.pk,
        annotation_id="a.id",
        category_id="a.category_id",
        predicted_id="a.category_id",
        basis=f"CASE WHEN i < {verified} THEN 'verified' ELSE 'candidate' END",
        p_correct=p_correct,
        priority=doubt,
        admitted=f"i >= {verified}",
        would_accept=f"i >= {verified} AND {p_correct} >= 0.25",
        is_open=f"i >= {settled} AND NOT ({accepts})",
        acceptance_id="e.id",
        **dict.fromkeys(("p_members", "top"), "'[]'"),
        **dict.fromkeys(("disagreement", "category_need", "unreliability", "change_per_minute"), 0.5),
    )


def _rest(dataset: Dataset, people: int, participants: int, names: list[str]) -> None:
    table = {name: {"train": 80, "val": 10, "test": 10} for name in names}
    split = Split.objects.create(dataset=dataset, number=1, method="greedy", parameters={}, table=table)
    subset = "CASE WHEN i % 10 < 8 THEN 'train' WHEN i % 10 = 8 THEN 'val' ELSE 'test' END"
    fill(SplitAssignment, participants, split_id=split.pk, participant_id=f"{people} + i", subset=subset)
    manifest = [[f"audio/{number}.wav", 882_044, f"{number:064x}"] for number in range(participants)]
    policy = dataset.policies.get()
    Release.objects.create(dataset=dataset, version="1.0", policy=policy, split=split, manifest=manifest)
    Job.objects.bulk_create(
        Job(kind="segment", dataset=dataset, key=f"{dataset.slug}{number}", state=JobState.DONE)
        for number in range(participants)
    )
    Job.objects.bulk_create(Job(kind="segment", dataset=dataset, key=f"{dataset.slug}-{n}") for n in range(3))
    ImportRun.objects.bulk_create(
        ImportRun(dataset=dataset, kind="recordings", file_name=f"{n}.csv", file_sha256=f"{n:064x}") for n in range(200)
    )
