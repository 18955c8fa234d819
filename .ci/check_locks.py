"""Compare the lock files with what pyproject.toml asks for, without asking any package index.

A lock that lacks a dependency, pins one outside its range or lacks a hash fails the check; `make lock`
writes the locks anew. (`npm ci` compares package-lock.json with package.json by itself.)
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ \\;]+)", re.MULTILINE)


def pins(name: str) -> dict[str, Version]:
    """Return the versions by package of one lock file."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    for block in blocks:
        if PIN.match(block) and "--hash=sha256:" not in block:
            sys.exit(f"{name}: {block.split()[0]} has no hash. Run `make lock`.")
    return {canonicalize_name(package): Version(version) for package, version in PIN.findall(text)}


def main() -> None:
    """Check every lock file; exit 1 with all that is wrong."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    run, extra = project["dependencies"], project["optional-dependencies"]
    node = (PROJECT / "requirements-node.in").read_text(encoding="utf-8").split()
    wanted = {
        "requirements.txt": run,
        "requirements-dev.txt": [*run, *extra["dev"]],
        "requirements-ml.txt": [*run, *extra["ml"]],
        "requirements-node.txt": node,
    }
    locked = {name: pins(name) for name in wanted}
    faults = []
    for name, requirements in wanted.items():
        for requirement in map(Requirement, requirements):
            version = locked[name].get(canonicalize_name(requirement.name))
            if version is None:
                faults.append(f"{name} lacks {requirement.name}")
            elif version not in requirement.specifier:
                faults.append(
                    f"{name} pins {requirement.name} {version}, pyproject.toml asks for {requirement.specifier}"
                )
    for package, version in locked["requirements.txt"].items():
        faults.extend(
            f"{name} pins another {package} than requirements.txt"
            for name in ("requirements-dev.txt", "requirements-ml.txt")
            if locked[name].get(package) != version
        )
    if faults:
        sys.exit("\n".join([*faults, "Run `make lock`."]))
    print("The lock files hold what pyproject.toml asks for.")


if __name__ == "__main__":
    main()
