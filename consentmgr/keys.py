"""The installation's keys: made once by ``consentmgr init``, kept in files only the owner can read, never shown.

Each may come from an environment variable instead (a secret store puts it there); then no file is read or written.
A weak key is refused wherever it comes from.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from consentmgr.config import Settings
from consentmgr.kit.errors import NotFound, Unavailable, UnsafeSetting
from consentmgr.kit.private_folder import make_private_folder

if TYPE_CHECKING:
    from consentmgr.kit.signing import SigningKey

#: Bytes of key material asked of every key: 256 bits.
KEY_BYTES = 32

#: Words that stand in examples and templates. In a random key of this length none appears by chance.
_PLACEHOLDERS = re.compile(r"change.?me|default|example|password|placeholder|secret|your.?key", re.IGNORECASE)


class LinkKeyState(StrEnum):
    """``current`` signs; ``old`` verifies; ``distrusted`` verifies for leaving and for nothing else."""

    CURRENT = "current"
    OLD = "old"
    DISTRUSTED = "distrusted"


@dataclass(frozen=True, slots=True)
class LinkKey:
    """A key of mailed links. ``id`` belongs to the secret and says nothing of it; ``since`` is None where unknown."""

    id: str
    state: LinkKeyState
    secret: bytes = field(repr=False)
    since: date | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Keys:
    """Every key the product uses. Its text form names the keys and shows none."""

    #: The key of the BLAKE2b digests all addresses are matched by.
    address_key: bytes = field(repr=False)
    session_secret: bytes = field(repr=False)
    #: Oldest first; exactly one is current.
    link_keys: tuple[LinkKey, ...] = field(repr=False)
    signing_jwk: Mapping[str, str] = field(repr=False)

    @property
    def address_key_id(self) -> int:
        """A number from 1 to 32767 that belongs to ``address_key`` and says nothing of it; stored beside digests."""
        return address_key_id(self.address_key)

    @cached_property
    def signing_key(self) -> SigningKey:
        """The Ed25519 key of certificates and ledger heads; imported on first use, which takes a tenth of a second."""
        from consentmgr.kit.signing import import_signing_key

        return import_signing_key(self.signing_jwk)


class KeyRow(NamedTuple):
    """One key: the variable that may give it, the file that otherwise keeps it, how one is made and checked."""

    variable: str
    file: str
    make: Callable[[], str]
    purpose: str


def _random_text() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")


def _signing_text() -> str:
    from consentmgr.kit.signing import new_signing_key, private_jwk

    return json.dumps(private_jwk(new_signing_key()))


ADDRESS = KeyRow("CONSENTMGR_ADDRESS_KEY", "address.key", _random_text, "address digests; losing it loses every ban")
SIGNING = KeyRow("CONSENTMGR_SIGNING_KEY", "signing.json", _signing_text, "signs certificates and ledger heads")
SESSION = KeyRow("CONSENTMGR_SESSION_SECRET", "session.key", _random_text, "sessions")
LINK = KeyRow("CONSENTMGR_LINK_SECRET", "link.key", _random_text, "mailed links")
KEYS = (ADDRESS, SIGNING, SESSION, LINK)

#: The public half of the signing key, for anyone who checks a certificate.
PUBLIC_KEY_FILE = "signing.public.json"


def load_keys(settings: Settings) -> Keys:
    """Every key of this installation.

    Raises ``Unavailable`` where one is missing and ``UnsafeSetting`` where one is weak or open to others.
    """
    return Keys(
        address_key=load_address_key(settings),
        session_secret=_material(_key_text(settings, SESSION), _origin(settings, SESSION)),
        link_keys=load_link_keys(settings),
        signing_jwk=_signing_jwk(_key_text(settings, SIGNING), _origin(settings, SIGNING)),
    )


def load_address_key(settings: Settings) -> bytes:
    """The key of address digests alone. Raises as ``load_keys`` does."""
    return _material(_key_text(settings, ADDRESS), _origin(settings, ADDRESS))


def load_link_keys(settings: Settings) -> tuple[LinkKey, ...]:
    """The keys of mailed links, oldest first; exactly one is current. Raises as ``load_keys`` does.

    A file that holds one secret and nothing else, as the first versions made it, is a list of one.
    """
    text, origin = _key_text(settings, LINK), _origin(settings, LINK)
    if LINK.variable in settings.secrets:
        return _checked_link_keys([_given_link_key(part.strip(), origin) for part in text.split(",")], origin)
    made_on = datetime.fromtimestamp((settings.keys_folder / LINK.file).stat().st_mtime, UTC).date()
    lines = [line.strip() for line in text.splitlines()]
    return _checked_link_keys(
        [_kept_link_key(line, made_on, origin) for line in lines if line and not line.startswith("#")], origin
    )


def rotate_link_key(settings: Settings, *, today: date) -> LinkKey:
    """Add a link key that signs from now on; those before it go on verifying. Raises ``Unavailable`` where the keys
    come from the environment, which is then the place to add one.
    """
    with _link_keys_held(settings) as keys:
        fresh = _new_link_key(today)
        _write_link_keys(settings, [*(_aged(key) for key in keys), fresh])
    return fresh


def distrust_link_key(settings: Settings, key_id: str, *, today: date) -> LinkKey | None:
    """Distrust a link key: what it signed is good for leaving and for nothing else, for ever.

    The new key that signs where it was the current one, else None. Raises ``NotFound`` for an unknown id and
    ``Unavailable`` as ``rotate_link_key`` does. Doing it again changes nothing.
    """
    with _link_keys_held(settings) as keys:
        found = next((key for key in keys if key.id == key_id), None)
        if found is None:
            raise NotFound(f"there is no link key {key_id}; consentmgr keys list shows them")
        fresh = [_new_link_key(today)] if found.state is LinkKeyState.CURRENT else []
        changed = [replace(key, state=LinkKeyState.DISTRUSTED) if key is found else key for key in keys]
        _write_link_keys(settings, [*changed, *fresh])
    return fresh[0] if fresh else None


def link_key_file(settings: Settings) -> Path | None:
    """The file of the link keys, or None where they come from the environment, which never changes."""
    return None if LINK.variable in settings.secrets else settings.keys_folder / LINK.file


def address_key_id(address_key: bytes) -> int:
    """The id that belongs to an address key: 15 bits of a digest of it, so that it fits a ``smallint``."""
    digest = blake2b(address_key, digest_size=4, person=b"address-key-id").digest()
    return int.from_bytes(digest, "big") % 32767 + 1


def make_missing_keys(settings: Settings) -> list[Path]:
    """Make each key that neither the environment nor a file gives; the files that were made. Overwrites nothing."""
    folder = settings.keys_folder
    make_private_folder(folder)
    made = []
    for row in KEYS:
        if row.variable not in settings.secrets and not (folder / row.file).exists():
            _write_once(folder / row.file, row.make() + "\n", 0o600)
            made.append(folder / row.file)
    write_public_key(settings)
    return made


def write_public_key(settings: Settings) -> Path:
    """Write the public half of the signing key beside the keys; it holds no secret, and always fits the private one."""
    from consentmgr.kit.signing import public_jwk

    path = settings.keys_folder / PUBLIC_KEY_FILE
    text = json.dumps(public_jwk(load_keys(settings).signing_key), indent=2) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        _write_once(fresh, text, 0o644)
        fresh.replace(path)
    return path


def _origin(settings: Settings, row: KeyRow) -> str:
    return row.variable if row.variable in settings.secrets else str(settings.keys_folder / row.file)


def _key_text(settings: Settings, row: KeyRow) -> str:
    if row.variable in settings.secrets:
        return settings.secrets[row.variable]
    path = settings.keys_folder / row.file
    for part in (path, path.parent):
        _refuse_open_to_others(part)
    return path.read_text(encoding="utf-8").strip()


# --- the list of link keys ------------------------------------------------------------------------------------------

_LINK_KEYS_HEADING = "# Keys of mailed links, oldest first: id, state, since when, secret. The last one signs.\n"
_DISTRUSTED = "distrusted:"


def _link_key(secret: bytes, state: LinkKeyState, since: date | None = None) -> LinkKey:
    key_id = blake2b(secret, digest_size=4, person=b"link-key-id").hexdigest()
    return LinkKey(key_id, state, secret, since)


def _new_link_key(today: date) -> LinkKey:
    return _link_key(_material(LINK.make(), LINK.file), LinkKeyState.CURRENT, today)


def _aged(key: LinkKey) -> LinkKey:
    return replace(key, state=LinkKeyState.OLD) if key.state is LinkKeyState.CURRENT else key


def _given_link_key(part: str, origin: str) -> LinkKey:
    """A key of the variable: its secret, after ``distrusted:`` where it is."""
    state = LinkKeyState.DISTRUSTED if part.startswith(_DISTRUSTED) else LinkKeyState.OLD
    return _link_key(_material(part.removeprefix(_DISTRUSTED).strip(), origin), state)


def _kept_link_key(line: str, made_on: date, origin: str) -> LinkKey:
    """A key of the file: a line of four words, or the secret alone."""
    words = line.split()
    if len(words) == 1:
        return _link_key(_material(line, origin), LinkKeyState.OLD, made_on)
    try:
        _, state, since, secret = words
        return _link_key(_material(secret, origin), LinkKeyState(state), date.fromisoformat(since))
    except ValueError:
        # The words are not quoted: one of them is a secret.
        raise UnsafeSetting(f"{origin} holds a line that is no link key; put it back from a copy") from None


def _checked_link_keys(keys: list[LinkKey], origin: str) -> tuple[LinkKey, ...]:
    """The last key that is trusted signs, whatever the file calls it, so that a half-edited list has one answer."""
    if len({key.id for key in keys}) != len(keys):
        raise UnsafeSetting(f"{origin} names the same link key twice")
    signs = next((key for key in reversed(keys) if key.state is not LinkKeyState.DISTRUSTED), None)
    if signs is None:
        raise UnsafeSetting(f"{origin} holds no link key that can sign; run consentmgr keys rotate")
    return tuple(replace(key, state=LinkKeyState.CURRENT) if key is signs else _aged(key) for key in keys)


@contextmanager
def _link_keys_held(settings: Settings) -> Iterator[tuple[LinkKey, ...]]:
    """The keys of the file, while nobody else changes it."""
    path = link_key_file(settings)
    if path is None:
        raise Unavailable(
            f"the link keys come from {LINK.variable}: add a new secret at its end after a comma, or put"
            f" {_DISTRUSTED} before one that leaked"
        )
    _refuse_open_to_others(path.parent)
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield load_link_keys(settings)
    finally:
        os.close(handle)


def _write_link_keys(settings: Settings, keys: Sequence[LinkKey]) -> None:
    lines = [
        f"{key.id} {key.state} {(key.since or date.min).isoformat()} "
        + base64.urlsafe_b64encode(key.secret).decode().rstrip("=")
        for key in keys
    ]
    path = settings.keys_folder / LINK.file
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    _write_once(fresh, _LINK_KEYS_HEADING + "\n".join(lines) + "\n", 0o600)
    fresh.replace(path)
    _sync_folder(path.parent)


# --- reading a key --------------------------------------------------------------------------------------------------


def _refuse_open_to_others(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise Unavailable(f"{path} is missing; run consentmgr init") from None
    except PermissionError:
        raise Unavailable(f"{path} belongs to another user; run as the user who ran consentmgr init") from None
    # Windows keeps access lists instead of modes; the user's own folder is closed to others there by default.
    if os.name == "posix":
        if stat.S_IMODE(status.st_mode) & 0o077:
            wanted = "700" if path.is_dir() else "600"
            raise UnsafeSetting(f"{path} can be read by other users; run chmod {wanted} on it")
        if status.st_uid not in (os.geteuid(), 0):
            raise UnsafeSetting(f"{path} belongs to another user, who could change the key")


def _material(text: str, origin: str) -> bytes:
    """Key bytes from base64, base64url or hex, refused where they are short or anyone could guess them."""
    advice = f"{KEY_BYTES} random bytes in base64 or hex; make them with: openssl rand -base64 {KEY_BYTES}"
    if _PLACEHOLDERS.search(text):
        raise UnsafeSetting(f"{origin} looks like a placeholder; it must hold {advice}")
    try:
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", text):
            key = bytes.fromhex(text)
        else:
            plain = text.rstrip("=").replace("+", "-").replace("/", "_")
            key = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise UnsafeSetting(f"{origin} is not a key; it must hold {advice}") from None
    if len(key) < KEY_BYTES:
        raise UnsafeSetting(f"{origin} is too short; it must hold {advice}")
    if len(key) > 64:
        raise UnsafeSetting(f"{origin} is longer than 64 bytes, more than a BLAKE2b key can be; it must hold {advice}")
    if _is_guessable(key):
        raise UnsafeSetting(f"{origin} is not random; it must hold {advice}")
    return key


def _is_guessable(key: bytes) -> bool:
    """Few different bytes, one block over and over, or even steps. A random key has about 30 different bytes in 32."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    repeats = any(key == (key[:size] * len(key))[: len(key)] for size in range(1, len(key) // 2 + 1))
    return len(set(key)) < 16 or len(steps) < 8 or repeats


def _signing_jwk(text: str, origin: str) -> dict[str, str]:
    """The private Ed25519 key as a JWK. Only its form and strength are looked at here; the rest on first use."""
    try:
        jwk = json.loads(text)
    except ValueError:
        jwk = None
    if not isinstance(jwk, dict) or (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519") or "d" not in jwk:
        raise UnsafeSetting(f"{origin} is not a private Ed25519 key in JWK form; consentmgr init makes one")
    if len(_material(str(jwk["d"]), origin)) != KEY_BYTES:
        raise UnsafeSetting(f"{origin} is not a private Ed25519 key in JWK form; consentmgr init makes one")
    return {str(name): str(value) for name, value in jwk.items()}


def _write_once(path: Path, text: str, mode: int) -> None:
    """Write a file that did not exist, whole or not at all, and make it last through a power cut."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A link fails where the name is taken, so that two processes never end with half of each other's keys.
        os.link(fresh, path)
    except FileExistsError:
        return
    finally:
        fresh.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
