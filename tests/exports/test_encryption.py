"""Files for the partner's eyes alone: what its private key opens, and keys that nothing is encrypted to."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consentmgr.exports.encryption import check_recipient, encrypted, recipient_of
from consentmgr.kit.errors import BadInput
from tests.exports.conftest import Run, Take
from tests.exports.test_runs import OBJECTED, person

pysequoia = pytest.importorskip("pysequoia", reason="the extra openpgp")
NOW = datetime.now(UTC)


def in_file(folder: Path, key: object) -> str:
    path = folder / "key.asc"
    path.write_text(str(key))
    return str(path)


def test_what_is_encrypted_to_an_openpgp_key_is_opened_by_its_private_key_alone(
    take: Take, schedule: Callable[..., str], run: Run, target: Path, tmp_path: Path
) -> None:
    private = pysequoia.Tsk.generate("Postitalo Oy <lists@postitalo.example>")
    take([person("objector", OBJECTED)])
    schedule(encrypt_to=recipient_of(in_file(tmp_path, private.extract_certificate())))
    (file,) = run().files
    assert file.name == "mailer-000001.csv.pgp"
    sealed = (target / file.name).read_bytes()
    assert b"objector@x.example" not in sealed
    assert b"objector@x.example" in pysequoia.decrypt(sealed, private.decryptor()).bytes
    with pytest.raises(RuntimeError):
        pysequoia.decrypt(sealed, pysequoia.Tsk.generate("another").decryptor())
    assert not list(target.glob("*.csv"))


def test_a_key_in_its_binary_form_is_taken_too(tmp_path: Path) -> None:
    path = tmp_path / "key.pgp"
    path.write_bytes(bytes(pysequoia.Tsk.generate("a").extract_certificate()))
    check_recipient(recipient_of(str(path)), NOW)


def test_a_key_that_has_expired_is_refused_when_it_is_given_and_when_it_is_used(tmp_path: Path) -> None:
    recipient = recipient_of(
        in_file(tmp_path, pysequoia.Tsk.generate("a", validity_seconds=3600).extract_certificate())
    )
    check_recipient(recipient, NOW)
    later = NOW + timedelta(hours=3)
    with pytest.raises(BadInput, match="expired on"):
        check_recipient(recipient, later)
    clear = tmp_path / "list.csv"
    clear.write_text("a@x.example")
    with pytest.raises(BadInput, match="expired on"):
        encrypted(clear, recipient, later)
    assert clear.exists()
    assert not list(tmp_path.glob("*.pgp"))


def test_a_key_that_was_revoked_is_refused(tmp_path: Path) -> None:
    private = pysequoia.Tsk.generate("a")
    certificate = private.extract_certificate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        revocation = certificate.revoke(private.certifier())
        revoked = pysequoia.Cert.from_bytes(bytes(certificate) + bytes(revocation))
    assert revoked.is_revoked
    with pytest.raises(BadInput, match="revoked by its owner"):
        check_recipient(str(revoked), NOW)


def test_a_key_that_only_signs_is_refused() -> None:
    from pysequoia import packet

    pile = list(packet.PacketPile.from_bytes(bytes(pysequoia.Tsk.generate("a").extract_certificate())))
    first_subkey = next(place for place, one in enumerate(pile) if one.tag == packet.Tag.PublicSubkey)
    signs_only = pysequoia.Cert.from_packets(pile[:first_subkey])
    with pytest.raises(BadInput, match="no part that files can be encrypted to"):
        check_recipient(str(signs_only), NOW)


def test_a_private_key_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a private key") as refused:
        recipient_of(in_file(tmp_path, pysequoia.Tsk.generate("a")))
    assert "BEGIN" not in str(refused.value)


@pytest.mark.parametrize("text", ["hello", "", "age1nothing", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxxxx\n"])
def test_what_is_no_key_is_refused_without_being_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--encrypt-to"):
        check_recipient(recipient_of(in_file(tmp_path, text)), NOW)
    with pytest.raises(BadInput, match="begins with age1"):
        check_recipient(recipient_of("age1nothing"), NOW)


def test_a_file_with_two_keys_says_so(tmp_path: Path) -> None:
    both = "".join(str(pysequoia.Tsk.generate(name).extract_certificate()) for name in "ab")
    with pytest.raises(BadInput, match="holds 2 OpenPGP keys"):
        check_recipient(both, NOW)
