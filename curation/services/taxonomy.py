"""Storing a taxonomy: all of a file's good categories and their edges, in one transaction.

A row is refused if it is no category, if its id, name or file label is taken, if it lies on a cycle, or if
a parent of it is neither stored nor accepted. That last rule goes down the graph: a category that silently
lost a parent would be a root, and whatever is counted "below X" would be wrong without anybody knowing. A
category that was stored before and is refused now stays as it was, and still serves as a parent.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.db import transaction

from curation.domain.progress import Progress, no_progress
from curation.domain.taxonomy_graph import find_cycles, find_tangles
from curation.models import Category, CategoryParent, Dataset
from curation.services.row_import import (
    ImportReport,
    Refused,
    RefusedRows,
    Row,
    refused_path_for,
    store_import_run,
)
from curation.services.taxonomy_files import CSV_COLUMNS, TaxonomyEntry, TaxonomyFile

WRITE_ROWS = 200


def import_taxonomy(
    *,
    dataset: Dataset,
    taxonomy: TaxonomyFile,
    progress: Progress = no_progress,
    refused_path: Path | None = None,
) -> ImportReport:
    """Store a file's categories; change those whose name, text, restrictions or parents differ.

    Parameters
    ----------
    dataset : Dataset
        Where the categories belong.
    taxonomy : TaxonomyFile
        What `curation.services.taxonomy_files.read_taxonomy` read.
    progress : Progress
        Told when the categories are stored.
    refused_path : Path, optional
        Where refused rows are listed; beside the file otherwise.

    Returns
    -------
    ImportReport
        New and changed categories count as accepted.
    """
    total = len(taxonomy.items)
    progress(0, total)
    report = ImportReport(path=taxonomy.path)
    listed = RefusedRows(refused_path or refused_path_for(taxonomy.path), CSV_COLUMNS, place=taxonomy.place)
    try:
        with transaction.atomic():
            Dataset.objects.select_for_update(no_key=True).get(pk=dataset.pk)
            plan = _Plan(dataset, taxonomy)
            changed = _store(dataset, plan)
            for row, refused in sorted(plan.refusals, key=lambda item: item[0].line):
                listed.add(row, refused)
                report.refusals_by_reason[refused.reason] += 1
            report.refused = len(plan.refusals)
            report.accepted, report.unchanged = changed, len(plan.entries) - changed
            store_import_run(dataset, "taxonomy", taxonomy.path, taxonomy.sha256, report)
    except BaseException:
        listed.discard()  # nothing was stored: the list of the last import still holds
        raise
    report.refused_path = listed.finish()
    progress(total, total)
    return report


class _Plan:
    """The rows of a file that can be stored beside what is stored already, and why the others cannot."""

    def __init__(self, dataset: Dataset, taxonomy: TaxonomyFile) -> None:
        self.stored = {category.external_id: category for category in Category.objects.filter(dataset=dataset)}
        self.stored_parents: dict[str, set[str]] = {external_id: set() for external_id in self.stored}
        edges = CategoryParent.objects.filter(child__dataset=dataset)
        for child, parent in edges.values_list("child__external_id", "parent__external_id"):
            self.stored_parents[child].add(parent)
        self.entries: dict[str, TaxonomyEntry] = {}
        self.refusals: list[tuple[Row, Refused]] = []
        self._place = taxonomy.place
        for item in taxonomy.items:
            if isinstance(item, tuple):
                self.refusals.append(item)
            elif item.external_id in self.entries:
                first = self.entries[item.external_id].row.line
                detail = (
                    f"{self._place.capitalize()} {first} has the id {item.external_id!r} already; the first counts."
                )
                self.refusals.append((item.row, Refused("duplicate_row", detail)))
            else:
                self.entries[item.external_id] = item
        self._in_file = {item.row["id"] if not isinstance(item, tuple) else item[0]["id"] for item in taxonomy.items}
        # Refusing one row may spoil another (its children, a name it would have freed): until nothing changes.
        while self._refuse_taken() or self._refuse_orphans() or self._refuse_cycles():
            pass

    def _refuse(self, external_id: str, reason: str, detail: str) -> None:
        self.refusals.append((self.entries.pop(external_id).row, Refused(reason, detail)))

    def _refuse_taken(self) -> bool:
        doubled = self._doubled("name", lambda entry: entry.name, lambda category: category.name)
        if not doubled:
            doubled = self._doubled("file_label", lambda entry: entry.label, lambda category: category.file_label)
        for external_id, (reason, detail) in doubled.items():
            self._refuse(external_id, reason, detail)
        return bool(doubled)

    def _doubled(
        self, what: str, of_entry: Callable[[TaxonomyEntry], str], of_stored: Callable[[Category], str]
    ) -> dict[str, tuple[str, str]]:
        holders = {
            of_stored(category): external_id
            for external_id, category in self.stored.items()
            if external_id not in self.entries
        }
        doubled: dict[str, tuple[str, str]] = {}
        for external_id, entry in self.entries.items():
            holder = holders.setdefault(of_entry(entry), external_id)
            if holder != external_id:
                words = "name" if what == "name" else "letters and digits, which make file names,"
                detail = f"{holder!r} has the {words} {of_entry(entry)!r} already. Give one of the two another name."
                doubled[external_id] = (f"duplicate_{what}", detail)
        return doubled

    def _refuse_orphans(self) -> bool:
        orphans: dict[str, str] = {}
        for external_id, entry in self.entries.items():
            for parent in entry.parents:
                if parent not in self.entries and parent not in self.stored:
                    orphans.setdefault(external_id, parent)
        for external_id, parent in orphans.items():
            if parent in self._in_file:
                self._refuse(
                    external_id, "parent_refused", f"The row of its parent {parent!r} was refused. Mend that row."
                )
            else:
                detail = f"The parent {parent!r} is neither in the file nor in the dataset. Add it, or remove the link."
                self._refuse(external_id, "unknown_parent", detail)
        return bool(orphans)

    def _refuse_cycles(self) -> bool:
        parents = {**self.stored_parents, **{name: set(entry.parents) for name, entry in self.entries.items()}}
        tangles = find_tangles(parents)
        for tangle in tangles:
            cycle = find_cycles({name: parents[name] & tangle for name in tangle})[0]
            detail = f"A category cannot lie below itself: {' < '.join(cycle)}. Remove one of these links."
            for external_id in sorted(tangle & self.entries.keys()):
                self._refuse(external_id, "cycle", detail)
        return bool(tangles)


def _store(dataset: Dataset, plan: _Plan) -> int:
    """Write the plan's categories and edges; return how many are new or changed."""
    new: list[Category] = []
    changed: list[Category] = []
    for external_id, entry in plan.entries.items():
        category = plan.stored.get(external_id)
        values = {
            "name": entry.name,
            "file_label": entry.label,
            "description": entry.description,
            **entry.details,
        }
        if category is None:
            new.append(Category(dataset=dataset, external_id=external_id, **values))
        elif any(getattr(category, field) != value for field, value in values.items()):
            for field, value in values.items():
                setattr(category, field, value)
            changed.append(category)
    _write(new, changed)
    plan.stored |= {category.external_id: category for category in new}
    moved = _move(plan)
    return len({category.external_id for category in [*new, *changed]} | moved)


def _write(new: list[Category], changed: list[Category]) -> None:
    # Two categories may swap their names: free the names first, since uniqueness is checked row by row.
    for category in changed:
        Category.objects.filter(pk=category.pk).update(name=f"\x1a{category.pk}", file_label=f"\x1a{category.pk}")
    fields = ["name", "file_label", "description", "citation_uri", "restrictions", "examples"]
    Category.objects.bulk_update(changed, fields, batch_size=WRITE_ROWS)
    Category.objects.bulk_create(new, batch_size=WRITE_ROWS)


def _move(plan: _Plan) -> set[str]:
    """Make each stored category's parents those of the file; return the ids whose parents changed."""
    moved: set[str] = set()
    added: list[CategoryParent] = []
    for external_id, entry in plan.entries.items():
        wanted, held = set(entry.parents), plan.stored_parents.get(external_id, set())
        if wanted == held:
            continue
        moved.add(external_id)
        child = plan.stored[external_id]
        for parent in sorted(held - wanted):
            CategoryParent.objects.filter(child=child, parent=plan.stored[parent]).delete()
        added += [CategoryParent(child=child, parent=plan.stored[parent]) for parent in sorted(wanted - held)]
    CategoryParent.objects.bulk_create(added, batch_size=WRITE_ROWS)
    return moved
