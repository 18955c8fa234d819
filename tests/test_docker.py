"""The container files name what is there. (They are not built here: that needs a container engine.)"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.test import Client

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


def nginx() -> str:
    return (PROJECT / "docker" / "nginx" / "earmark.conf").read_text()


def test_the_proxy_passes_the_host_with_its_port() -> None:
    assert re.findall(r"proxy_set_header Host (\S+);", nginx()) == ["$http_host"]


@pytest.mark.django_db
@pytest.mark.parametrize(("host", "status"), [("localhost:8080", 200), ("localhost", 403)])
def test_forms_of_a_trial_without_tls_are_taken_if_the_port_is_passed(host: str, status: int) -> None:
    client = Client(enforce_csrf_checks=True, HTTP_HOST=host)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)', client.get("/accounts/login/").content.decode())
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "login": "nobody@example.org", "password": "wrong"}
    answer = client.post("/accounts/login/", fields, headers={"Origin": "http://localhost:8080"})
    assert answer.status_code == status


def test_the_proxy_takes_what_the_application_takes_and_little_more() -> None:
    (size,) = re.findall(r"client_max_body_size (\d+)m;", nginx())
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE < int(size) << 20 <= 4 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def test_the_trusted_origins_are_the_hosts_unless_set() -> None:
    environment = compose()["services"]["web"]["environment"]
    assert isinstance(environment, dict)
    assert environment["EARMARK_TRUSTED_ORIGINS"] == "${EARMARK_TRUSTED_ORIGINS:-https://${EARMARK_HOST}}"
