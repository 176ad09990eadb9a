"""Settings, from environment variables alone; unsafe ones are refused, by name and never by value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from consentmgr.kit.errors import UnsafeSetting

Language = Literal["fi", "sv", "en"]
LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")

#: Every variable the product reads. One that is not here is a mistake in spelling and is refused, because a
#: mistyped CONSENTMGR_DATABASE_URL would otherwise quietly open another register.
VARIABLES: tuple[tuple[str, str], ...] = (
    ("CONSENTMGR_DATABASE_URL", "the PostgreSQL to use; without it the product runs its own in the data folder"),
    ("CONSENTMGR_DATA", "the data folder; without it the platform's folder for user data"),
    ("CONSENTMGR_PUBLIC_URL", "the address people reach the pages at, the start of every link"),
    ("CONSENTMGR_LANGUAGE", "fi, sv or en: the language of sentences where nobody asked for one"),
    ("CONSENTMGR_SCREENING_MEMORY", "the most memory the screening engine may take, such as 1500MB or 4GB"),
    ("CONSENTMGR_ADDRESS_KEY", "the key of address digests: 32 random bytes, in base64 or hex"),
    ("CONSENTMGR_SIGNING_KEY", "the Ed25519 key that signs certificates and ledger heads, as a private JWK"),
    ("CONSENTMGR_SESSION_SECRET", "the secret of sessions: 32 random bytes, in base64 or hex"),
    ("CONSENTMGR_LINK_SECRET", "the secret of mailed links: 32 random bytes, in base64 or hex"),
    ("CONSENTMGR_DEBUG", "1 prints the traceback of an unexpected error, which may hold personal data"),
    ("CONSENTMGR_DEMO_ONCE", "1 makes the demonstration end by itself"),
)

#: Variables that hold a key; their values go to ``keys`` and nowhere else.
SECRET_VARIABLES = (
    "CONSENTMGR_ADDRESS_KEY",
    "CONSENTMGR_SIGNING_KEY",
    "CONSENTMGR_SESSION_SECRET",
    "CONSENTMGR_LINK_SECRET",
)

MEGABYTE = 1_000_000
_SIZE = re.compile(r"([1-9]\d{0,6})\s*(MB|GB)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """What this installation was told. Its text form shows no secret and no database address."""

    data_folder: Path
    #: A PostgreSQL address (``postgresql://…``), or None for the product's own server in the data folder.
    database_url: str | None = field(default=None, repr=False)
    #: Without a slash at its end.
    public_url: str = "http://localhost:8000"
    language: Language = "en"
    #: Bytes the screening engine may take before it spills to disk.
    screening_memory: int = 1_500 * MEGABYTE
    #: Keys given by environment variable, by the variable's name.
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def keys_folder(self) -> Path:
        return self.data_folder / "keys"

    @property
    def postgres_folder(self) -> Path:
        """Where the product's own PostgreSQL lives when no address is set."""
        return self.data_folder / "postgres"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables. Raises ``UnsafeSetting``, which names the variable."""
    given = {name: value.strip() for name, value in environ.items() if name.startswith("CONSENTMGR_")}
    _refuse_unknown(given)
    given = {name: value for name, value in given.items() if value}
    return Settings(
        data_folder=_data_folder(given.get("CONSENTMGR_DATA")),
        database_url=_database_url(given.get("CONSENTMGR_DATABASE_URL")),
        public_url=_public_url(given.get("CONSENTMGR_PUBLIC_URL", "http://localhost:8000")),
        language=_language(given.get("CONSENTMGR_LANGUAGE", "en")),
        screening_memory=_memory(given.get("CONSENTMGR_SCREENING_MEMORY")),
        secrets={name: given[name] for name in SECRET_VARIABLES if name in given},
    )


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = [name for name, _ in VARIABLES]
    for name in sorted(given):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UnsafeSetting(f"{name} is not a setting of this product{hint}")


def _data_folder(value: str | None) -> Path:
    if value is None:
        from platformdirs import user_data_path

        return user_data_path("consentmgr", appauthor=False)
    if "\0" in value or "\n" in value:
        raise UnsafeSetting("CONSENTMGR_DATA holds a control character")
    return Path(value).expanduser().absolute()


def _database_url(value: str | None) -> str | None:
    if value is None:
        return None
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise UnsafeSetting("CONSENTMGR_DATABASE_URL must begin with postgresql:// (other databases are not supported)")
    return f"postgresql://{rest}"


def _public_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError as error:
        raise UnsafeSetting("CONSENTMGR_PUBLIC_URL is not a web address") from error
    if parts.scheme not in ("http", "https") or not host:
        raise UnsafeSetting("CONSENTMGR_PUBLIC_URL must begin with https:// and name a host")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise UnsafeSetting("CONSENTMGR_PUBLIC_URL must be a plain address, with no user, question mark or #")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise UnsafeSetting("CONSENTMGR_PUBLIC_URL must begin with https://, because links let people decide")
    return value.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _language(value: str) -> Language:
    for language in LANGUAGES:
        if value == language:
            return language
    raise UnsafeSetting("CONSENTMGR_LANGUAGE must be fi, sv or en")


def _memory(value: str | None) -> int:
    if value is None:
        return 1_500 * MEGABYTE
    size = _SIZE.fullmatch(value)
    amount = int(size[1]) * (1000 if size[2].upper() == "GB" else 1) if size else 0
    if amount < 200:
        raise UnsafeSetting("CONSENTMGR_SCREENING_MEMORY must be a size such as 1500MB or 4GB, and at least 200MB")
    return amount * MEGABYTE
