"""The configuration of the pipeline: which files go in, which steps run, where the export goes.

A TOML file with one section per step. Everything that can be known before a step runs is checked first,
all of it at once, so that a run does not end half-way because of a name misspelt further down. Messages
give the line.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.domain.policy import Policy, PolicyError

DATASET = "dataset"
_DATASET_KEYS = ("slug", "title", "description", "policy")
_OUTPUT_KEYS = ("out",)  # paths that need not exist yet
_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))[^=]*=""")


class PipelineConfigError(ValueError):
    """A configuration that cannot be run; the message lists every fault with its line."""

    def __init__(self, path: Path, faults: Sequence[str]) -> None:
        super().__init__("\n".join(f"{path}: {fault}" for fault in faults))
        self.faults = list(faults)


@dataclass(frozen=True, kw_only=True)
class SectionRules:
    """What the section of one step may and must have.

    Attributes
    ----------
    paths : sequence of str
        Keys that name files or folders; all but ``out`` must exist.
    keys : sequence of str
        Other keys.
    required : sequence of str
        Those of both that must be there.
    """

    paths: Sequence[str] = ()
    keys: Sequence[str] = ()
    required: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class PipelineConfig:
    """A checked configuration.

    Attributes
    ----------
    slug, title, description : str
        The dataset.
    policy : Policy or None
        The policy to put in force; None leaves the dataset's own.
    sections : dict of str to dict
        By step; paths are absolute `Path` values.
    """

    path: Path
    slug: str
    title: str = ""
    description: str = ""
    policy: Policy | None = None
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)

    def place(self, section: str, key: str = "") -> str:
        """Return where a section or one of its keys stands, for messages."""
        return _place(self.lines, section, key)


def read_pipeline_config(path: Path, rules: Mapping[str, SectionRules]) -> PipelineConfig:
    """Read and check a configuration.

    Parameters
    ----------
    path : Path
        A TOML file. Paths in it are relative to its folder.
    rules : mapping of str to SectionRules
        The sections that may stand beside ``[dataset]``.

    Returns
    -------
    PipelineConfig
        Checked; nothing was run.

    Raises
    ------
    PipelineConfigError
        With every fault that was found.
    """
    path = path.absolute()
    document, lines = _parse(path)
    check = _Check(path, lines)
    check.unknown_names("section", [""] * len(document), list(document), [DATASET, *rules])
    dataset = check.table(document, DATASET)
    slug = check.dataset(dataset, present=DATASET in document)
    policy = check.policy(dataset)
    sections = {
        name: check.section(name, check.table(document, name), rules[name]) for name in rules if name in document
    }
    if check.faults:
        raise PipelineConfigError(path, check.faults)
    return PipelineConfig(
        path=path,
        slug=slug,
        title=dataset.get("title", ""),
        description=dataset.get("description", ""),
        policy=policy,
        sections=sections,
        lines=lines,
    )


def _parse(path: Path) -> tuple[dict[str, Any], dict[tuple[str, str], int]]:
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text), _find_lines(text)
    except OSError as error:
        raise PipelineConfigError(path, [f"{error.strerror}. Mend the path, or let the file be read."]) from error
    except UnicodeDecodeError as error:
        raise PipelineConfigError(path, [f"byte {error.start} is not UTF-8. Save the file as UTF-8."]) from error
    except tomllib.TOMLDecodeError as error:
        raise PipelineConfigError(
            path, [f'not TOML: {error}. Mend that line; text stands in quotes, as in title = "Scenes".']
        ) from error


def _find_lines(text: str) -> dict[tuple[str, str], int]:
    """Return the line of each section and of each key in it; the parser of the standard library keeps none."""
    lines: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.fullmatch(line):
            section = ".".join(part.strip().strip("\"'") for part in header[1].split("."))
            lines.setdefault((section, ""), number)
            lines.setdefault((section.split(".")[0], ""), number)
        elif key := _KEY.match(line):
            lines.setdefault((section, key[1] or key[2] or key[3]), number)
    return lines


def _place(lines: Mapping[tuple[str, str], int], section: str, key: str) -> str:
    name = f"[{section}]" if section else ""
    line = lines.get((section, key)) or lines.get((section, "")) or lines.get(("", key)) or lines.get((key, ""))
    return f"line {line}: {name}".rstrip() if line else name


class _Check:
    """Collects the faults of one configuration."""

    def __init__(self, path: Path, lines: Mapping[tuple[str, str], int]) -> None:
        self._folder = path.parent
        self._lines = lines
        self.faults: list[str] = []

    def fault(self, section: str, key: str, message: str) -> None:
        self.faults.append(f"{_place(self._lines, section, key)} {message}".strip())

    def table(self, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        value = document.get(name, {})
        if isinstance(value, dict):
            return value
        self.fault("", name, f"{name} must be a section: write [{name}] and its keys below.")
        return {}

    def unknown_names(self, kind: str, sections: Iterable[str], names: Sequence[str], known: Sequence[str]) -> None:
        for section, name in zip(sections, names, strict=True):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                self.fault(
                    section, name, f"unknown {kind} {name!r}.{hint} Known: {', '.join(sorted(known)) or 'none'}."
                )

    def dataset(self, dataset: Mapping[str, Any], *, present: bool) -> str:
        self.unknown_names("key", [DATASET] * len(dataset), list(dataset), _DATASET_KEYS)
        for key in ("slug", "title", "description"):
            if not isinstance(dataset.get(key, ""), str):
                self.fault(DATASET, key, f"{key} must be text in quotes.")
        slug = dataset.get("slug", "")
        if not present:
            self.faults.append('[dataset] is missing. Write [dataset] and, below it, slug = "short-name".')
        elif not slug:
            self.fault(DATASET, "slug", "slug is missing: the dataset's short name.")
        elif isinstance(slug, str) and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", slug):
            self.fault(DATASET, "slug", f"slug {slug!r} must be 1 to 64 letters, digits, hyphens and underscores.")
        return str(slug)

    def policy(self, dataset: Mapping[str, Any]) -> Policy | None:
        if "policy" not in dataset:
            return None
        if not isinstance(dataset["policy"], dict):
            self.fault(DATASET, "policy", "policy must be a section: write [dataset.policy] and its fields below.")
            return None
        document = dict(dataset["policy"])
        while True:
            try:
                return Policy.from_document(document)
            except PolicyError as error:
                named = re.match(r"policy\.(\w+)", str(error))
                self.fault("dataset.policy", named[1] if named else "", str(error))
                if not named or named[1] not in document:
                    return None
                del document[named[1]]  # and look for what else is wrong

    def section(self, name: str, values: Mapping[str, Any], rules: SectionRules) -> dict[str, Any]:
        self.unknown_names("key", [name] * len(values), list(values), [*rules.paths, *rules.keys])
        for key in rules.required:
            if key not in values:
                self.fault(name, "", f"{key} is missing.")
        checked = dict(values)
        for key in rules.paths:
            if key in values:
                checked[key] = self._path(name, key, values[key])
        return checked

    def _path(self, section: str, key: str, value: Any) -> Path | None:
        if not isinstance(value, str) or not value or "\0" in value:
            self.fault(section, key, f"{key} must be a path in quotes.")
            return None
        found = (self._folder / value).resolve()
        if key in _OUTPUT_KEYS:
            if not found.parent.is_dir():
                self.fault(section, key, f"{key}: the folder {found.parent} does not exist. Make it first.")
        elif not found.exists():
            self.fault(section, key, f"{key}: {found} does not exist. Paths are relative to the configuration file.")
        return found
