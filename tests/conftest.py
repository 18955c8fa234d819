"""Every test writes into folders of its own and opens no socket beyond this machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Before Django reads its settings: nothing of a test may touch the data folder of `make run`.
_FOLDER = tempfile.TemporaryDirectory(prefix="earmark-tests-")
os.environ["EARMARK_DATA_DIR"] = _FOLDER.name
os.environ.setdefault("EARMARK_SECRET_KEY", "only-for-tests-" + "x" * 40)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_FOLDER.name}/earmark.sqlite3")

import pytest  # noqa: E402 -- the environment comes first
from django.utils import translation  # noqa: E402 -- as above
from pytest_django import Settings  # noqa: E402
from pytest_socket import socket_allow_hosts  # noqa: E402

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let CI leave out what it has run already, where only the database and the broker are others."""
    parser.addoption("--only-rows", action="store_true", help="only tests that know a database, or the fault tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a file's tests in one process, and the fault tests of jobs in one too: they share the broker.

    Fault tests take longest, so that they come first: the other processes share out the rest meanwhile.
    """
    faults = Path(__file__).parent / "faults"
    if config.getoption("--only-rows"):
        kept = [faults in item.path.parents or _knows_rows(item) for item in items]
        config.hook.pytest_deselected(items=[item for item, is_kept in zip(items, kept, strict=True) if not is_kept])
        items[:] = [item for item, is_kept in zip(items, kept, strict=True) if is_kept]
    for item in items:
        shares_broker = faults in item.path.parents and item.path.name != "test_pipeline.py"
        group = "faults" if shares_broker else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: faults not in item.path.parents)


def _knows_rows(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "live_server"}
    return item.get_closest_marker("django_db") is not None or bool(fixtures & set(getattr(item, "fixturenames", ())))


@pytest.fixture(autouse=True)
def _local_sockets_only() -> None:
    socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _default_language() -> None:
    """Forget the language that the last request of another test was answered in."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, settings: Settings) -> None:
    """Give each test its own storages, and accounts that are made quickly."""
    # Argon2 is slow on purpose; what it guards here are synthetic accounts.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    folders = {"default": "audio", "audio": "audio", "derived": "derived"}
    settings.STORAGES = {
        **settings.STORAGES,
        **{
            alias: {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": tmp_path / "storage" / folder, "base_url": None, "allow_overwrite": True},
            }
            for alias, folder in folders.items()
        },
    }


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of real input, or skip where it does not lie beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no real input beside the project (../shared/data)")
    return SHARED_DATA
