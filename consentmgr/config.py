"""Settings, from environment variables alone; unsafe ones are refused, by name and never by value."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from consentmgr.kit.errors import UnsafeSetting

Language = Literal["fi", "sv", "en"]
LANGUAGES: tuple[Language, ...] = ("fi", "sv", "en")

#: Every variable the product reads. One that is not here is a mistake in spelling and is refused, because a
#: mistyped CONSENTMGR_DATABASE_URL would otherwise quietly open another register.
VARIABLES: tuple[tuple[str, str], ...] = (
    ("CONSENTMGR_DATABASE_URL", "the PostgreSQL to use; without it the product runs its own in the data folder"),
    ("CONSENTMGR_DATA", "the data folder; without it the platform's folder for user data"),
    ("CONSENTMGR_PUBLIC_URL", "the address people reach the pages at, the start of every link"),
    ("CONSENTMGR_TRUSTED_PROXIES", "the networks of the proxies in front, whose X-Forwarded-For is believed"),
    ("CONSENTMGR_METRICS", "the address:port of this machine at which Prometheus finds the metrics"),
    ("CONSENTMGR_LANGUAGE", "fi, sv or en: the language of sentences where nobody asked for one"),
    ("CONSENTMGR_SCREENING_MEMORY", "the most memory the screening engine may take, such as 1500MB or 4GB"),
    ("CONSENTMGR_SNAPSHOTS", "the store machines share snapshots in: a folder's path, s3://bucket/folder or gs://…"),
    ("CONSENTMGR_SPARK_REMOTE", "the Spark that --engine spark uses: sc://host:15002, or local[*] for this machine"),
    ("CONSENTMGR_ADDRESS_KEY", "the key of address digests: 32 random bytes, in base64 or hex"),
    ("CONSENTMGR_SIGNING_KEY", "the Ed25519 key that signs certificates and ledger heads, as a private JWK"),
    ("CONSENTMGR_SESSION_SECRET", "the secret of sessions: 32 random bytes, in base64 or hex"),
    ("CONSENTMGR_LINK_SECRET", "the secrets of mailed links, oldest first, commas between: each 32 random bytes"),
    ("CONSENTMGR_SMTP_URL", "the mail server: smtps://user:password@host:465, or smtp://host:587 with STARTTLS"),
    ("CONSENTMGR_MAIL_FROM", "the e-mail address mail is sent from"),
    ("CONSENTMGR_IMAP_URL", "the mailbox replies come to: imaps://user:password@host/FOLDER"),
    ("CONSENTMGR_OIDC_ISSUER", "the identity provider staff may sign in with, such as https://login.acme.example"),
    ("CONSENTMGR_OIDC_CLIENT_ID", "what the identity provider calls this installation"),
    ("CONSENTMGR_OIDC_CLIENT_SECRET", "the secret this installation shows the identity provider"),
    ("CONSENTMGR_API_RATE", "the requests a minute that one key of the API may make; 30000 where nothing is said"),
    ("CONSENTMGR_API_OIDC_ISSUER", "the provider whose access tokens open the API, such as https://login.acme.example"),
    ("CONSENTMGR_API_OIDC_AUDIENCE", "what the provider of access tokens calls this API"),
    ("CONSENTMGR_API_OIDC_CONTROLLERS", "the claim of access tokens that names the controllers; controllers otherwise"),
    (
        "CONSENTMGR_PRIVATE_DESTINATIONS",
        "the networks inside the house that exports and webhooks may go to, such as 10.1.2.0/24",
    ),
    ("CONSENTMGR_PARTNER_MAIL", "the addresses, or @domains, that links to export files may be mailed to"),
    ("CONSENTMGR_ALARM_MAIL", "the e-mail address that alarms go to"),
    ("CONSENTMGR_ALARM_WEBHOOK", "the https:// address that alarms are posted to, signed as Standard Webhooks"),
    ("CONSENTMGR_ALARM_SECRET", "the secret alarms are signed with, whsec_ and base64"),
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
_MAIL_FROM = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+")
_SPARK_REMOTE = re.compile(r"(?:sc|spark)://[^\s]+|local\[(?:\*|[1-9]\d{0,3})\]")
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
    #: Who may tell us another client's address. Nobody, unless named.
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    #: A loopback address and port, or None for no metrics.
    metrics: tuple[str, int] | None = None
    #: Bytes the screening engine may take before it spills to disk.
    screening_memory: int = 1_500 * MEGABYTE
    #: Where machines share snapshots (``file://…``, ``s3://…``, ``gs://…``), or None. It may hold a secret.
    snapshots: str | None = field(default=None, repr=False)
    #: The Spark that screens where it is asked to; it may hold a token.
    spark_remote: str = field(default="local[*]", repr=False)
    #: The mail server (``smtp://…`` or ``smtps://…``), or None: then mail waits in the outbox. It may hold a password.
    smtp_url: str | None = field(default=None, repr=False)
    #: The plain address mail is sent from; its display name is the controller's.
    mail_from: str | None = None
    #: The mailbox that replies and bounces come to (``imaps://…``), or None for none. It holds a password.
    imap_url: str | None = field(default=None, repr=False)
    #: The identity provider of staff (OpenID Connect), exactly as it calls itself, or None for none.
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    #: Requests a minute that one key of the API may make.
    api_rate: int = 30_000
    #: The provider whose access tokens open the API, exactly as it calls itself, or None for none.
    api_oidc_issuer: str | None = None
    api_oidc_audience: str | None = None
    #: The claim of an access token that says for which controllers it is.
    api_oidc_controllers: str = "controllers"
    #: Networks that are not public and exports may reach all the same.
    private_destinations: tuple[IPv4Network | IPv6Network, ...] = ()
    #: Addresses in canonical form, or domains after an @, that links to files of exports may be mailed to.
    partner_mail: tuple[str, ...] = field(default=(), repr=False)
    #: Where alarms go; None for nowhere. The webhook's address may hold a secret.
    alarm_mail: str | None = field(default=None, repr=False)
    alarm_webhook: str | None = field(default=None, repr=False)
    alarm_secret: str | None = field(default=None, repr=False)
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
        trusted_proxies=_trusted_proxies(given),
        metrics=_metrics(given.get("CONSENTMGR_METRICS")),
        screening_memory=_memory(given.get("CONSENTMGR_SCREENING_MEMORY")),
        snapshots=_snapshots(given.get("CONSENTMGR_SNAPSHOTS")),
        spark_remote=_spark_remote(given.get("CONSENTMGR_SPARK_REMOTE", "local[*]")),
        smtp_url=_smtp_url(given.get("CONSENTMGR_SMTP_URL"), given.get("CONSENTMGR_MAIL_FROM")),
        mail_from=_mail_from(given.get("CONSENTMGR_MAIL_FROM")),
        imap_url=_imap_url(given.get("CONSENTMGR_IMAP_URL")),
        **_oidc(given),
        api_rate=_api_rate(given.get("CONSENTMGR_API_RATE", "30000")),
        **_api_oidc(given),
        private_destinations=_networks("CONSENTMGR_PRIVATE_DESTINATIONS", given),
        partner_mail=_partner_mail(given.get("CONSENTMGR_PARTNER_MAIL", "")),
        alarm_mail=_alarm_mail(given.get("CONSENTMGR_ALARM_MAIL")),
        alarm_webhook=_alarm_webhook(given.get("CONSENTMGR_ALARM_WEBHOOK"), given.get("CONSENTMGR_ALARM_SECRET")),
        alarm_secret=given.get("CONSENTMGR_ALARM_SECRET"),
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
    if parts.scheme == "http" and not is_this_machine(host):
        raise UnsafeSetting("CONSENTMGR_PUBLIC_URL must begin with https://, because links let people decide")
    return value.rstrip("/")


def _snapshots(value: str | None) -> str | None:
    if value is None:
        return None
    scheme, separator, rest = value.partition("://")
    if not separator:
        path = Path(value).expanduser()
        if not path.is_absolute():
            raise UnsafeSetting("CONSENTMGR_SNAPSHOTS must be a whole path, or begin with s3:// or gs://")
        return path.as_uri()
    if scheme not in ("file", "s3", "gs") or not rest:
        raise UnsafeSetting("CONSENTMGR_SNAPSHOTS must be a whole path, or begin with s3:// or gs://")
    return value


def _spark_remote(value: str) -> str:
    if not _SPARK_REMOTE.fullmatch(value):
        raise UnsafeSetting("CONSENTMGR_SPARK_REMOTE must be sc://host:port, spark://host:port, local[*] or local[2]")
    return value


def _address(name: str, value: str, what: str) -> tuple[SplitResult, str]:
    """The parts of an address, and its host, empty where it names none. Raises ``UnsafeSetting``."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it is what checks it
        return parts, parts.hostname or ""
    except ValueError:
        # The parser's own words quote the address, which may hold a password.
        raise UnsafeSetting(f"{name} is not {what}") from None


def _smtp_url(value: str | None, mail_from: str | None) -> str | None:
    if value is None:
        return None
    parts, host = _address("CONSENTMGR_SMTP_URL", value, "the address of a mail server")
    if parts.scheme not in ("smtp", "smtps") or not host:
        raise UnsafeSetting("CONSENTMGR_SMTP_URL must begin with smtps:// or smtp:// and name a host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise UnsafeSetting("CONSENTMGR_SMTP_URL must end after its host and port")
    if mail_from is None:
        raise UnsafeSetting("CONSENTMGR_MAIL_FROM must be set where CONSENTMGR_SMTP_URL is")
    return value


def _imap_url(value: str | None) -> str | None:
    if value is None:
        return None
    parts, host = _address("CONSENTMGR_IMAP_URL", value, "the address of a mailbox")
    if parts.scheme not in ("imap", "imaps") or not host:
        raise UnsafeSetting("CONSENTMGR_IMAP_URL must begin with imaps:// and name a host")
    if parts.scheme == "imap" and not is_this_machine(host):
        raise UnsafeSetting("CONSENTMGR_IMAP_URL must begin with imaps://, because a password goes that way")
    if not parts.username or parts.password is None or parts.query or parts.fragment:
        raise UnsafeSetting("CONSENTMGR_IMAP_URL must be imaps://user:password@host/FOLDER, its special signs as %XX")
    return value


def _oidc(given: Mapping[str, str]) -> dict[str, str]:
    """The three settings of the identity provider, all or none."""
    names = ("CONSENTMGR_OIDC_ISSUER", "CONSENTMGR_OIDC_CLIENT_ID", "CONSENTMGR_OIDC_CLIENT_SECRET")
    missing = [name for name in names if name not in given]
    if len(missing) == len(names):
        return {}
    if missing:
        raise UnsafeSetting(f"{missing[0]} must be set where the identity provider's other settings are")
    issuer = _issuer(names[0], given[names[0]])
    return {"oidc_issuer": issuer, "oidc_client_id": given[names[1]], "oidc_client_secret": given[names[2]]}


def _api_oidc(given: Mapping[str, str]) -> dict[str, str]:
    """The settings of access tokens: the issuer and what it calls us go together, the claim has a name of its own."""
    issuer, audience = "CONSENTMGR_API_OIDC_ISSUER", "CONSENTMGR_API_OIDC_AUDIENCE"
    claim = "CONSENTMGR_API_OIDC_CONTROLLERS"
    if issuer not in given and audience not in given:
        if claim in given:
            raise UnsafeSetting(f"{issuer} must be set where {claim} is")
        return {}
    for name, other in ((issuer, audience), (audience, issuer)):
        if name not in given:
            raise UnsafeSetting(f"{name} must be set where {other} is")
    told = {"api_oidc_issuer": _issuer(issuer, given[issuer]), "api_oidc_audience": given[audience]}
    return told | ({"api_oidc_controllers": given[claim]} if claim in given else {})


def _issuer(name: str, value: str) -> str:
    parts, host = _address(name, value, "a web address")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise UnsafeSetting(f"{name} must begin with https:// and name a host")
    if parts.scheme == "http" and not is_this_machine(host):
        raise UnsafeSetting(f"{name} must begin with https://, because who is let in goes that way")
    return value


def _api_rate(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= 10_000_000:
        raise UnsafeSetting("CONSENTMGR_API_RATE must be a number of requests a minute, such as 30000")
    return int(value)


def _mail_from(value: str | None) -> str | None:
    if value is not None and not _MAIL_FROM.fullmatch(value):
        raise UnsafeSetting("CONSENTMGR_MAIL_FROM must be a plain e-mail address, without a name")
    return value


def _partner_mail(value: str) -> tuple[str, ...]:
    named = []
    for part in value.replace(",", " ").split():
        if not _MAIL_FROM.fullmatch(part if not part.startswith("@") else f"x{part}"):
            raise UnsafeSetting("CONSENTMGR_PARTNER_MAIL must hold e-mail addresses, or @domains, with spaces between")
        named.append(part.lower())
    return tuple(named)


def _alarm_mail(value: str | None) -> str | None:
    if value is not None and not _MAIL_FROM.fullmatch(value):
        raise UnsafeSetting("CONSENTMGR_ALARM_MAIL must be a plain e-mail address, without a name")
    return value


def _alarm_webhook(value: str | None, secret: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        # The parser's own words quote the address, which may hold a secret.
        raise UnsafeSetting("CONSENTMGR_ALARM_WEBHOOK is not a web address") from None
    if not host or parts.username or parts.password or parts.fragment:
        raise UnsafeSetting("CONSENTMGR_ALARM_WEBHOOK must be a plain web address, without a user or password")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_this_machine(host)):
        raise UnsafeSetting("CONSENTMGR_ALARM_WEBHOOK must begin with https://")
    try:
        key = b64decode((secret or "").removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < 16:
        raise UnsafeSetting(
            "CONSENTMGR_ALARM_SECRET must be set where CONSENTMGR_ALARM_WEBHOOK is: whsec_ and at least 16 random bytes"
            " in base64"
        )
    return value


def is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _networks(name: str, given: Mapping[str, str]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part) for part in given.get(name, "").replace(",", " ").split())
    except ValueError as error:
        raise UnsafeSetting(f"{name} must name addresses or networks, such as 127.0.0.1 10.0.0.0/24") from error


def _trusted_proxies(given: Mapping[str, str]) -> tuple[IPv4Network | IPv6Network, ...]:
    networks = _networks("CONSENTMGR_TRUSTED_PROXIES", given)
    if any(network.prefixlen == 0 for network in networks):
        raise UnsafeSetting("CONSENTMGR_TRUSTED_PROXIES may not be everybody: then any client could pose as another")
    return networks


def _metrics(value: str | None) -> tuple[str, int] | None:
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    host = host.strip("[]")
    if not port.isdecimal() or not 0 < int(port) < 65536 or not host or not is_this_machine(host):
        raise UnsafeSetting(
            "CONSENTMGR_METRICS must be an address of this machine and a port, such as 127.0.0.1:9464, because "
            "metrics are not for the public"
        )
    return host, int(port)


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
