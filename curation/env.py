"""What differs between machines, read once from the environment.

Scientific parameters never come from here: they live in a dataset's stored policy. Everything embedded
(database, audio, broker, job files, the secret key) lies in one folder, ``EARMARK_DATA_DIR``; the
variables below replace the parts one by one.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import lazy

PROJECT_DIR = Path(__file__).resolve().parent.parent
DATABASES = ("sqlite", "postgres", "postgresql")
BROKERS = ("filesystem", "redis", "rediss", "amqp", "amqps")
MAIL_PORTS = {"smtp": 587, "smtps": 465}
MIN_SECRET_CHARS, MIN_SECRET_DIFFERENT = 50, 5  # as Django's own check security.W009
MOST_PROXIES = 9
IMPORT_FOLDER, OWN_IMPORTS = "EARMARK_IMPORT_DIR", "imports"


@dataclass(frozen=True, kw_only=True)
class Mail:
    """The server that takes letters; `is_ssl` from the first byte on, by STARTTLS otherwise."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    sender: str
    is_ssl: bool


@dataclass(frozen=True, kw_only=True)
class Env:
    """Settings of one machine.

    Attributes
    ----------
    data_dir : Path
        Folder of everything embedded.
    database_url : str
        SQLite (default) or PostgreSQL, as a URL.
    broker_url : str
        ``filesystem://`` (embedded, default), ``redis://`` or ``amqp://``.
    storage : str
        ``local`` (default) or ``s3``.
    s3_bucket, s3_endpoint_url : str
        Where audio lies when ``storage`` is ``s3``; credentials follow boto3's own rules.
    import_dir : Path
        Folder below which jobs of the API read what they import. Where ``EARMARK_IMPORT_DIR`` does not name one it is
        `own_import_dir`, which is made when a job is first asked for.
    secret_key : str
        Signs sessions. When not given it is kept in the data folder, and made when it is first asked for: commands
        that work without a database leave nothing there.
    allowed_hosts : tuple of str
        Host names the web process answers to.
    trusted_origins : tuple of str
        Origins (``https://…``) whose forms are accepted behind a proxy.
    proxies : int
        Proxies before the web process; the address that the outermost of them saw is the client's.
    mail : Mail or None
        Where letters go; None keeps them in the data folder.
    debug, https, open_signup : bool
        Django's debug pages; cookies and redirects for HTTPS; whether strangers may sign up.
    """

    data_dir: Path
    database_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    storage: str
    s3_bucket: str
    s3_endpoint_url: str
    import_dir: Path
    secret_key: str = field(repr=False)
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    proxies: int
    mail: Mail | None
    debug: bool
    https: bool
    open_signup: bool

    @property
    def own_import_dir(self) -> Path:
        """The data folder's own folder of imports."""
        return self.data_dir / OWN_IMPORTS


def _flag(name: str) -> bool:
    value = os.environ.get(name, "0").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"", "0", "false", "no", "off"}:
        return False
    message = f"{name}={value!r} is not a yes or no. Set it to 1 or 0."
    raise ImproperlyConfigured(message)


def _names(name: str, default: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in os.environ.get(name, default).split(",") if part.strip())


@cache
def _kept_secret(data_dir: Path) -> str:
    """Return the data folder's secret key, made on first use and readable by its owner alone.

    It appears whole: of two processes that start together, the second reads the key of the first.
    """
    path = data_dir / "secret_key"
    if not path.exists():
        descriptor, name = tempfile.mkstemp(dir=data_dir, prefix=".secret_key.")  # mode 0600
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(MIN_SECRET_CHARS))
        with suppress(FileExistsError):
            os.link(name, path)
        Path(name).unlink()
    key = path.read_text(encoding="ascii").strip()
    if key:
        return key
    message = f"{path} is empty. Delete it (everybody must sign in again) and start anew."
    raise ImproperlyConfigured(message)


def _url(name: str, default: str, schemes: tuple[str, ...], advice: str) -> str:
    """Return an address whose scheme is known; the message shows no password that the address may hold."""
    url = os.environ.get(name, default)
    scheme = url.split(":", 1)[0] if ":" in url else ""
    if scheme not in schemes:
        message = f"{name} begins with {scheme!r}, which is unknown. Use {advice}."
        raise ImproperlyConfigured(message)
    return url


def _proxies() -> int:
    value = os.environ.get("EARMARK_PROXIES", "0").strip()
    if value not in {str(count) for count in range(MOST_PROXIES + 1)}:
        message = f"EARMARK_PROXIES={value!r}: expected how many proxies stand before this, 0 to {MOST_PROXIES}."
        raise ImproperlyConfigured(message)
    return int(value)


def _mail() -> Mail | None:
    url = os.environ.get("EARMARK_MAIL_URL", "")
    if not url:
        return None
    advice = (
        "Write smtp://USER:PASSWORD@HOST:587 (STARTTLS) or smtps://USER:PASSWORD@HOST:465, special characters as %XX"
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        message = f"EARMARK_MAIL_URL is no address. {advice}."
        raise ImproperlyConfigured(message) from None
    if parts.scheme not in MAIL_PORTS or not parts.hostname:
        message = f"EARMARK_MAIL_URL names no mail server. {advice}."
        raise ImproperlyConfigured(message)
    user = unquote(parts.username or "")
    return Mail(
        host=parts.hostname,
        port=port or MAIL_PORTS[parts.scheme],
        user=user,
        password=unquote(parts.password or ""),
        sender=os.environ.get("EARMARK_MAIL_FROM") or (user if "@" in user else f"earmark@{parts.hostname}"),
        is_ssl=parts.scheme == "smtps",
    )


def _check_safe(*, https: bool, debug: bool) -> None:
    """Refuse to serve strangers with what is meant for one machine."""
    if not https:
        return
    if debug:
        message = "EARMARK_DEBUG=1 shows strangers the settings. Set it to 0 where EARMARK_HTTPS=1."
        raise ImproperlyConfigured(message)
    key = os.environ.get("EARMARK_SECRET_KEY", "")
    if key and (len(key) < MIN_SECRET_CHARS or len(set(key)) < MIN_SECRET_DIFFERENT or "insecure" in key):
        message = (
            f"EARMARK_SECRET_KEY can be guessed: it needs {MIN_SECRET_CHARS} random characters. "
            "Leave it out, or make one: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'."
        )
        raise ImproperlyConfigured(message)


def read_env() -> Env:
    """Read the environment.

    Returns
    -------
    Env
        The machine's settings.

    Raises
    ------
    ImproperlyConfigured
        If a value cannot be used; the message names the variable and the remedy.
    """
    data_dir = Path(os.environ.get("EARMARK_DATA_DIR", PROJECT_DIR / "data")).expanduser().resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # recordings, password hashes and the key lie in it
    storage = os.environ.get("EARMARK_STORAGE", "local")
    if storage not in {"local", "s3"}:
        message = f"EARMARK_STORAGE={storage!r} is unknown. Set it to local or s3."
        raise ImproperlyConfigured(message)
    bucket = os.environ.get("EARMARK_S3_BUCKET", "")
    if storage == "s3" and not bucket:
        message = "EARMARK_STORAGE=s3 needs EARMARK_S3_BUCKET, the name of the bucket."
        raise ImproperlyConfigured(message)
    https, debug = _flag("EARMARK_HTTPS"), _flag("EARMARK_DEBUG")
    _check_safe(https=https, debug=debug)
    imports = os.environ.get(IMPORT_FOLDER, "")
    sqlite = f"sqlite:///{data_dir / 'earmark.sqlite3'}"
    return Env(
        data_dir=data_dir,
        database_url=_url("DATABASE_URL", sqlite, DATABASES, "sqlite:///FILE or postgres://USER:PASSWORD@HOST/NAME"),
        broker_url=_url("BROKER_URL", "filesystem://", BROKERS, "filesystem://, redis://HOST/0 or amqp://HOST"),
        storage=storage,
        s3_bucket=bucket,
        s3_endpoint_url=os.environ.get("EARMARK_S3_ENDPOINT_URL", ""),
        import_dir=Path(imports).expanduser().resolve() if imports else data_dir / OWN_IMPORTS,
        secret_key=os.environ.get("EARMARK_SECRET_KEY") or lazy(_kept_secret, str)(data_dir),
        allowed_hosts=_names("EARMARK_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"),
        trusted_origins=_names("EARMARK_TRUSTED_ORIGINS", ""),
        proxies=_proxies(),
        mail=_mail(),
        debug=debug,
        https=https,
        open_signup=_flag("EARMARK_OPEN_SIGNUP"),
    )
