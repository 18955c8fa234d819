"""The container files name what is there. (They are not built here: that needs a container engine.)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[1]
DOCKERFILES = sorted((PROJECT / "docker").glob("*.Dockerfile"))


def compose() -> dict[str, dict[str, dict[str, object]]]:
    return yaml.safe_load((PROJECT / "docker" / "compose.yml").read_text())


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_every_copied_file_is_there_and_no_image_runs_as_root(path: Path) -> None:
    text = path.read_text()
    made = {"frontend/locale", "frontend/dist"}
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert source in made or (PROJECT / source).exists(), source
    if not re.search(r"^FROM \$\{WEB\}", text, re.MULTILINE) or "USER root" in text:
        assert re.findall(r"^USER (.+)$", text, re.MULTILINE)[-1] == "earmark"


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_base_images_are_pinned_to_a_patch_release(path: Path) -> None:
    for image in re.findall(r"^FROM (\S+)", path.read_text(), re.MULTILINE):
        assert image == "${WEB}" or re.search(r":\d+\.\d+\.\d+", image), image


def test_services_build_from_files_that_are_there_and_depend_on_each_other() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "redis", "migrate", "web", "worker", "gpu-worker", "nginx"}
    for service in services.values():
        build = service.get("build")
        if isinstance(build, dict):
            assert (PROJECT / build["dockerfile"]).is_file()
        assert set(service.get("depends_on", {})) <= set(services)


def test_compose_sets_only_variables_that_the_application_reads() -> None:
    known = (PROJECT / "curation" / "env.py").read_text()
    environment = compose()["services"]["web"]["environment"]
    assert isinstance(environment, dict)
    assert [name for name in environment if f'"{name}"' not in known] == []


def test_only_the_proxy_is_published_and_only_to_this_machine() -> None:
    services = compose()["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"nginx": ["127.0.0.1:${EARMARK_PORT:-8080}:80"]}
