"""Finding the clip that a file of ratings means."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath
from posixpath import normpath

from curation.models import Clip, Dataset


def clips_by_key(dataset: Dataset, keys: Collection[str]) -> dict[str, Clip]:
    """Find clips by name, by the path they were imported from, or by name without ``.wav``.

    All three lead to the clip's name, which is indexed: an imported clip is named after its path, with forward
    slashes and ``.wav``.

    Parameters
    ----------
    dataset : Dataset
        Where.
    keys : collection of str
        What a file calls the clips; at most some hundreds.

    Returns
    -------
    dict of str to Clip
        By key; a key that names no clip is absent.
    """
    places = {key: normpath(key.replace("\\", "/")) for key in keys}
    imported = {key: _name_of_import(place) for key, place in places.items()}
    names = {name for key in keys for name in (key, f"{key}.wav", imported[key])}
    clips = Clip.objects.filter(dataset=dataset, name__in=names).only("pk", "name", "source_path")
    by_name = {clip.name: clip for clip in clips}
    found: dict[str, Clip] = {}
    for key in keys:
        clip = by_name.get(key)
        if clip is None:
            clip = by_name.get(imported[key])
            if clip is None or clip.source_path not in {key, places[key]}:
                clip = by_name.get(f"{key}.wav")
        if clip is not None:
            found[key] = clip
    return found


def _name_of_import(place: str) -> str:
    """Return the name that an imported clip got from its place under the audio root."""
    pure = PurePosixPath(place)
    return str(pure.with_suffix(".wav")) if pure.name else place
