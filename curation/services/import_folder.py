"""The operator's folder of imports: the one place from which jobs that the API starts read files.

Whoever may ask for an import names a file by its path below that folder, so that the API opens no other file of the
machine. The operator fills the folder by whatever means the machine has; nothing is uploaded into it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from django.conf import settings

from curation.domain.sentences import SaidError, gettext_noop, sentence
from curation.env import IMPORT_FOLDER, Env
from curation.models import Dataset
from curation.services.refused_rows import refused_name_for, refused_path_for

_LEADS_OUT = {
    False: gettext_noop("%(name)s leads out of the folder of imports, %(folder)s. Give the path of a file below it."),
    True: gettext_noop("%(name)s leads out of the folder of imports, %(folder)s. Give the path of a folder below it."),
}
_NOT_THERE = {
    False: gettext_noop(
        "There is no file %(name)s in the folder of imports, %(folder)s. Mend the path, or ask the operator to put it "
        "there."
    ),
    True: gettext_noop(
        "There is no folder %(name)s in the folder of imports, %(folder)s. Mend the path, or ask the operator to put "
        "it there."
    ),
}


class ImportPathError(SaidError):
    """A path that names nothing in the folder of imports; the message has the folder and the remedy."""


def find_import(text: str, *, is_folder: bool = False) -> Path:
    """Find a file or a folder of the folder of imports.

    Parameters
    ----------
    text : str
        Path below that folder, with forward slashes. Links are followed, as long as they lead nowhere else.
    is_folder : bool
        Whether a folder is meant, which may be the folder of imports itself (``.``).

    Returns
    -------
    Path
        Where it lies, absolute and without links.

    Raises
    ------
    ImportPathError
        If the path is absolute, leads out of the folder, or nothing of the kind is there.
    """
    folder = _folder()
    values = {"name": repr(text), "folder": str(folder)}
    try:
        path = (folder / text).resolve()
        is_inside = not PurePosixPath(text).is_absolute() and path.is_relative_to(folder)
        is_there = is_inside and (path.is_dir() if is_folder else path.is_file())
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name too long
        said = gettext_noop("%(name)s cannot be opened below %(folder)s: %(reason)s. Mend the path.")
        raise ImportPathError(sentence(said, reason=str(error), **values)) from error
    if not is_inside:
        raise ImportPathError(sentence(_LEADS_OUT[is_folder], **values))
    if not is_there:
        raise ImportPathError(sentence(_NOT_THERE[is_folder], **values))
    return path


def import_name(path: Path) -> str:
    """Return what a path is called from the folder of imports, wherever it lies."""
    return os.path.relpath(path, _folder())


def refused_list_of(path: Path, *, dataset: Dataset) -> Path:
    """Return where an imported file's refused rows are listed.

    Beside the file, as commands do; where nobody may write there, below ``refused`` in the data folder, since a worker
    has no working folder that people know.

    Parameters
    ----------
    path : Path
        A file of the folder of imports.
    dataset : Dataset
        Into which it is imported: several may take one file.
    """
    if os.access(path.parent, os.W_OK):
        return refused_path_for(path)
    env: Env = settings.ENV
    folder = env.data_dir / "refused" / dataset.slug / path.parent.relative_to(_folder())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / refused_name_for(path.name)


def _folder() -> Path:
    """Return the folder; the data folder's own is made here, another one must be there."""
    env: Env = settings.ENV
    if env.import_dir == env.own_import_dir:
        with suppress(OSError):
            env.import_dir.mkdir(mode=0o700, exist_ok=True)
    if not env.import_dir.is_dir():
        said = gettext_noop(
            "The folder of imports, %(folder)s, is not there. Ask the operator to make it, or to set %(setting)s."
        )
        raise ImportPathError(sentence(said, folder=str(env.import_dir), setting=IMPORT_FOLDER))
    return env.import_dir.resolve()
