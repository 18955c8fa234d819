"""Whether a manifest's row is a recording that is stored already, contradicts one, or is new."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.models import Category, Dataset, Submission
from curation.services.row_import import Refused, Row


@dataclass(frozen=True, kw_only=True)
class CheckedRecording:
    """A row whose fields are good, before its audio is read.

    Attributes
    ----------
    row : Row
        The row.
    path : Path
        Its file.
    name : str
        The file's place under the audio root.
    category : Category
        The class recorded.
    code : str
        The participant.
    submission_id : str
        Empty where the manifest gives none.
    values : dict
        The other columns as stored.
    """

    row: Row
    path: Path
    name: str
    category: Category
    code: str
    submission_id: str
    values: dict[str, Any]


class StoredSubmissions:
    """The submissions that a batch of rows could be, or collide with.

    Parameters
    ----------
    dataset : Dataset
        Whose submissions.
    ids, checksums : collection of str
        Submission ids and SHA-256 of the batch.
    """

    def __init__(self, dataset: Dataset, ids: Collection[str], checksums: Collection[str]) -> None:
        stored = Submission.objects.filter(dataset=dataset).select_related("task", "participant")
        self._by_sha256 = {one.original_sha256: one for one in stored.filter(original_sha256__in=checksums)}
        same = {one.pk: one for one in self._by_sha256.values()}
        self._by_id = {one.external_id: same.get(one.pk, one) for one in stored.filter(external_id__in=ids)}

    def expect(self, item: CheckedRecording, sha256: str) -> None:
        """Count a row that is about to be stored as stored."""
        coming = Submission(external_id=item.submission_id or f"of {item.name}", original_sha256=sha256)
        self._by_sha256[sha256] = coming
        if item.submission_id:
            self._by_id[item.submission_id] = coming

    def match(self, item: CheckedRecording, sha256: str) -> Submission | Refused | None:
        """Find the submission that a row is.

        A row is stored already if its id and its bytes are, or, where it gives no id, its path and its bytes.

        Parameters
        ----------
        item : CheckedRecording
            The row.
        sha256 : str
            Checksum of its file.

        Returns
        -------
        Submission or Refused or None
            The very same row as stored, why the row contradicts what is stored, or nothing if it is new.
        """
        same_id = self._by_id.get(item.submission_id)
        same_audio = self._by_sha256.get(sha256)
        if same_id and same_id is not same_audio:
            detail = f"The submission {item.submission_id} is stored with another recording. Give this row another id."
            return Refused("conflicting_submission", detail)
        if same_audio is None:
            return None
        if not same_id and (item.submission_id or same_audio.original_name != item.name):
            detail = f"The submission {same_audio.external_id} has the very same bytes. Remove one of the two."
            return Refused("duplicate_audio", detail)
        differing = _difference(same_audio, item)
        if differing:
            detail = f"The submission {same_audio.external_id} is stored with another {differing}. Mend the row."
            return Refused("conflicting_submission", detail)
        return same_audio


def _difference(stored: Submission, item: CheckedRecording) -> str:
    """Return the first column in which a row differs from what is stored, or nothing."""
    if stored.task.category_id != item.category.pk:
        return "category"
    if stored.participant.code != item.code:
        return "participant"
    return next((name for name, value in item.values.items() if getattr(stored, name) != value), "")
