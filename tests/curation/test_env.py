"""What the environment may say, and what is refused before anything is served."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from curation.env import Mail, read_env

NAMES = (
    *("DATABASE_URL", "BROKER_URL", "EARMARK_SECRET_KEY", "EARMARK_HTTPS", "EARMARK_DEBUG", "EARMARK_PROXIES"),
    "EARMARK_IMPORT_DIR",
)
GOOD_KEY = "abcdefghij" * 6


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EARMARK_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def test_a_server_of_one_machine_needs_nothing(data_dir: Path) -> None:
    env = read_env()
    assert not list(data_dir.iterdir())  # the key is made when something is to be signed
    assert len(env.secret_key) >= 50
    assert (env.debug, env.https, env.open_signup, env.proxies, env.mail) == (False, False, False, 0, None)
    assert env.import_dir == env.own_import_dir == data_dir / "imports"
    assert env.database_url == f"sqlite:///{data_dir}/earmark.sqlite3"
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "secret_key").stat().st_mode) == 0o600
    assert read_env().secret_key == env.secret_key
    assert [path.name for path in data_dir.iterdir()] == ["secret_key"]


def test_the_folder_of_imports_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_IMPORT_DIR", str(tmp_path / "deep" / ".." / "intake"))
    assert read_env().import_dir == tmp_path / "intake"
    assert not (tmp_path / "intake").exists()


def test_processes_that_start_together_sign_with_one_key() -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: read_env().secret_key, range(64)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://earmark:hunter2@db/earmark"),
        ("DATABASE_URL", "hunter2"),
        ("BROKER_URL", "kafka://earmark:hunter2@queue"),
        ("EARMARK_MAIL_URL", "http://earmark:hunter2@mail"),
        ("EARMARK_MAIL_URL", "smtp://earmark:hunter2@mail:port"),
        ("EARMARK_MAIL_URL", "smtp://"),
        ("EARMARK_PROXIES", "-1"),
        ("EARMARK_PROXIES", "ten"),
        ("EARMARK_HTTPS", "perhaps"),
    ],
)
def test_unusable_value_is_refused_by_name_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name) as refusal:
        read_env()
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("key", ["secret", "x" * 60, "django-insecure-" + GOOD_KEY])
def test_guessable_key_is_refused_where_strangers_come(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("EARMARK_SECRET_KEY", key)
    assert read_env().secret_key == key
    monkeypatch.setenv("EARMARK_HTTPS", "1")
    with pytest.raises(ImproperlyConfigured, match="EARMARK_SECRET_KEY") as refusal:
        read_env()
    assert GOOD_KEY not in str(refusal.value)


def test_debug_pages_are_refused_where_strangers_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_HTTPS", "1")
    monkeypatch.setenv("EARMARK_SECRET_KEY", GOOD_KEY)
    assert read_env().https
    monkeypatch.setenv("EARMARK_DEBUG", "1")
    with pytest.raises(ImproperlyConfigured, match="EARMARK_DEBUG"):
        read_env()


def test_settings_show_no_secret_when_they_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_SECRET_KEY", "hunter2" * 8)
    monkeypatch.setenv("DATABASE_URL", "postgres://earmark:hunter2@db/earmark")
    monkeypatch.setenv("BROKER_URL", "redis://:hunter2@redis/0")
    monkeypatch.setenv("EARMARK_MAIL_URL", "smtps://mail%40lab.org:hunter2@mail.lab.org")
    env = read_env()
    assert "hunter2" not in repr(env)
    assert env.mail == Mail(
        host="mail.lab.org", port=465, user="mail@lab.org", password="hunter2", sender="mail@lab.org", is_ssl=True
    )
