"""Files for the partner's eyes alone: encrypted to its age key, or to its OpenPGP key (RFC 9580).

The recipient is public and stored as text: ``age1…``, or an armored certificate. An OpenPGP key lives: it expires, is
revoked, changes its subkeys. The library encrypts to a dead key all the same, so each is looked at here, when it is
given and again before every use.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consentmgr.kit.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from pysequoia import Cert

FIELD = "--encrypt-to"
_ARMOR = "-----BEGIN PGP"
#: A certificate with many signatures is some hundred kilobytes.
_LARGEST = 1_000_000


def recipient_of(given: str) -> str:
    """What ``--encrypt-to`` named, as it is stored: an age key, or the OpenPGP certificate in a file. ``BadInput``."""
    if given.startswith("age1"):
        return given
    path = Path(given)
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
    except OSError:
        raise BadInput(
            "is an age public key, which begins with age1, or the file of an OpenPGP public key", field=FIELD
        ) from None
    sequoia = _sequoia()
    try:
        _refuse_private(data)
        return str(sequoia.Cert.from_bytes(data))
    except RuntimeError:
        raise BadInput("is neither an age nor an OpenPGP public key", field=FIELD) from None


def check_recipient(recipient: str, now: datetime) -> None:
    """Raise ``BadInput`` with a sentence where nothing may be encrypted to this key."""
    if _is_age(recipient):
        _age_key(recipient)
    else:
        _living(recipient, now)


def encrypted(path: Path, recipient: str, now: datetime) -> Path:
    """The file encrypted beside it; what was in clear goes. Raises ``BadInput`` as ``check_recipient`` does."""
    if _is_age(recipient):
        import pyrage

        key = _age_key(recipient)
        target = path.with_name(f"{path.name}.age")
        with path.open("rb") as reading, target.open("xb") as writing:
            pyrage.encrypt_io(reading, writing, [key])
    else:
        certificate = _living(recipient, now)
        target = path.with_name(f"{path.name}.pgp")
        _sequoia().encrypt_file(str(path), str(target), [certificate], armor=False)
    path.unlink()
    return target


def _is_age(recipient: str) -> bool:
    return not recipient.startswith(_ARMOR)


def _age_key(recipient: str) -> Any:
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise BadInput("is no age public key, which begins with age1", field=FIELD) from None


# --- OpenPGP ----------------------------------------------------------------------------------------------------------


def _sequoia() -> Any:
    try:
        import pysequoia
    except ImportError:
        raise Unavailable("OpenPGP needs the extra: pip install 'consentmgr[openpgp]'") from None
    return pysequoia


def _refuse_private(data: bytes) -> None:
    from pysequoia import packet

    if any(one.tag in (packet.Tag.SecretKey, packet.Tag.SecretSubkey) for one in packet.PacketPile.from_bytes(data)):
        raise BadInput(
            "is a private key, which the partner should never have given away; ask for the public key of a new pair",
            field=FIELD,
        )


def _living(armored: str, now: datetime) -> Cert:
    """The certificate with those subkeys alone that files may be encrypted to. Raises ``BadInput``."""
    sequoia = _sequoia()
    try:
        _refuse_private(armored.encode())
        found = sequoia.Cert.split_bytes(armored.encode())
        if len(found) != 1:
            raise BadInput(f"holds {len(found)} OpenPGP keys; give the one that files are for", field=FIELD)
        certificate: Cert = found[0]
        revoked, expires = certificate.is_revoked, certificate.expiration
        kept = _living_packets(certificate, now)
    except RuntimeError:
        # The library's own words hold a trace of its insides.
        raise BadInput("is no OpenPGP public key that can be read", field=FIELD) from None
    name = f"the OpenPGP key {certificate.fingerprint.upper()[-16:]}"
    if revoked:
        raise BadInput(f"{name} was revoked by its owner; ask the partner for the new one", field=FIELD)
    if expires is not None and expires <= now:
        raise BadInput(f"{name} expired on {expires:%Y-%m-%d}; ask the partner for a renewed one", field=FIELD)
    try:
        living: Cert = sequoia.Cert.from_packets(kept)
        sequoia.encrypt(b"", [living], armor=False)
    except RuntimeError:
        raise BadInput(
            f"{name} has no part that files can be encrypted to today: none was made, or it expired or was revoked",
            field=FIELD,
        ) from None
    return living


def _living_packets(certificate: Cert, now: datetime) -> list[Any]:
    """The certificate's packets without the subkeys that are revoked or expired (RFC 9580 section 10.1).

    Which binding signature counts is the newest one's say, as the RFC wants it; whether it holds is the library's,
    when the certificate is built again.
    """
    from pysequoia import packet

    groups: list[list[Any]] = [[]]
    for one in packet.PacketPile.from_bytes(bytes(certificate)):
        if one.tag == packet.Tag.PublicSubkey:
            groups.append([])
        groups[-1].append(one)
    main, *subkeys = groups
    kept = list(main)
    for subkey in subkeys:
        if not _is_dead(subkey, now):
            kept += subkey
    return kept


def _is_dead(subkey: list[Any], now: datetime) -> bool:
    from pysequoia.packet import SignatureType

    created = subkey[0].key_created
    bindings = []
    for one in subkey[1:]:
        if one.signature_type == SignatureType.SubkeyRevocation:
            return True
        if one.signature_type == SignatureType.SubkeyBinding and one.signature_created is not None:
            bindings.append(one)
    if not bindings or created is None:
        return True
    newest = max(bindings, key=lambda one: one.signature_created)
    lives = newest.key_validity_period
    ends = newest.signature_expiration_time
    return (lives is not None and created + lives <= now) or (ends is not None and ends <= now)
