"""Settings and keys: what is unsafe is refused by name, and nothing secret is ever shown."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import secrets
from pathlib import Path

import pytest

from consentmgr.config import SECRET_VARIABLES, Settings, load_settings
from consentmgr.keys import KEYS, PUBLIC_KEY_FILE, address_key_id, load_keys, make_missing_keys
from consentmgr.kit.errors import Unavailable, UnsafeSetting
from consentmgr.kit.signing import sign_jws, verify_jws

GOOD_KEY = base64.b64encode(secrets.token_bytes(32)).decode()


def test_without_any_variable_the_data_folder_is_the_platforms() -> None:
    settings = load_settings({"HOME": "/nowhere"})
    assert settings.data_folder.name == "consentmgr"
    assert settings.database_url is None
    assert settings.public_url == "http://localhost:8000"


def test_what_is_given_is_taken() -> None:
    settings = load_settings(
        {
            "CONSENTMGR_DATA": "/srv/consent data",
            "CONSENTMGR_DATABASE_URL": "postgres://me:word@db.example/register",
            "CONSENTMGR_PUBLIC_URL": "https://consent.acme.example/",
            "CONSENTMGR_LANGUAGE": "sv",
            "CONSENTMGR_SCREENING_MEMORY": "2 GB",
        }
    )
    assert settings.data_folder == Path("/srv/consent data")
    assert settings.database_url == "postgresql://me:word@db.example/register"
    assert settings.public_url == "https://consent.acme.example"
    assert settings.language == "sv"
    assert settings.screening_memory == 2_000_000_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSENTMGR_DATABASE_URL", "mysql://me:hidden-word@db/register"),
        ("CONSENTMGR_DATABASE_URL", "hidden-word"),
        ("CONSENTMGR_PUBLIC_URL", "http://consent.acme.example/hidden-word"),
        ("CONSENTMGR_PUBLIC_URL", "https://me:hidden-word@acme.example"),
        ("CONSENTMGR_PUBLIC_URL", "https://acme.example:hidden-word"),
        ("CONSENTMGR_PUBLIC_URL", "ftp://hidden-word"),
        ("CONSENTMGR_LANGUAGE", "hidden-word"),
        ("CONSENTMGR_SCREENING_MEMORY", "hidden-word"),
        ("CONSENTMGR_SCREENING_MEMORY", "10MB"),
        ("CONSENTMGR_DATA", "hidden-word\n"[::-1]),
        ("CONSENTMGR_DATABSE_URL", "hidden-word"),
    ],
)
def test_an_unsafe_value_is_refused_by_name_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(UnsafeSetting, match=name) as caught:
        load_settings({name: f"x{value}" if value.startswith("\n") else value})
    assert "hidden-word" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_misspelt_variable_is_told_its_likely_name() -> None:
    with pytest.raises(UnsafeSetting, match="did you mean CONSENTMGR_DATABASE_URL"):
        load_settings({"CONSENTMGR_DATABSE_URL": "postgresql://x/y"})


def test_the_text_form_of_settings_and_keys_shows_no_secret(settings: Settings) -> None:
    told = dataclasses.replace(settings, secrets={"CONSENTMGR_ADDRESS_KEY": GOOD_KEY})
    shown = f"{told!r} {load_keys(told)!r} {load_keys(told).signing_key!r}"
    assert GOOD_KEY not in shown
    assert "postgresql" not in shown
    for row in KEYS:
        secret = (settings.keys_folder / row.file).read_text().strip()
        assert secret not in shown
        assert not secret.startswith("{") or json.loads(secret)["d"] not in shown


def test_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "data")
    made = make_missing_keys(settings)
    assert {path.name for path in made} == {row.file for row in KEYS}
    before = {path: path.read_bytes() for path in made}
    if os.name == "posix":
        assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
        assert settings.keys_folder.stat().st_mode & 0o777 == 0o700
    assert make_missing_keys(settings) == []
    assert {path: path.read_bytes() for path in made} == before


def test_the_public_key_file_checks_a_signature(settings: Settings) -> None:
    token = sign_jws({"rows": 3}, load_keys(settings).signing_key)
    public = json.loads((settings.keys_folder / PUBLIC_KEY_FILE).read_text())
    assert verify_jws(token, public) == {"rows": 3}
    assert "d" not in public


def test_each_key_may_come_from_the_environment(tmp_path: Path, settings: Settings) -> None:
    environ = {"CONSENTMGR_DATA": str(tmp_path / "none")}
    for row in KEYS:
        environ[row.variable] = (settings.keys_folder / row.file).read_text()
    assert load_keys(load_settings(environ)) == load_keys(settings)


def test_the_key_id_belongs_to_the_key_and_fits_a_smallint() -> None:
    assert address_key_id(bytes(range(32))) == address_key_id(bytes(range(32)))
    assert address_key_id(bytes(range(32))) != address_key_id(bytes(range(1, 33)))
    ids = {address_key_id(secrets.token_bytes(32)) for _ in range(1000)}
    assert len(ids) > 900
    assert min(ids) >= 1
    assert max(ids) <= 32767


@pytest.mark.parametrize("row", KEYS, ids=lambda row: row.file)
def test_a_missing_key_asks_for_init(settings: Settings, row) -> None:
    (settings.keys_folder / row.file).unlink()
    with pytest.raises(Unavailable, match="run consentmgr init"):
        load_keys(settings)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX systems")
@pytest.mark.parametrize("row", KEYS, ids=lambda row: row.file)
def test_a_key_others_can_read_is_refused(settings: Settings, row) -> None:
    (settings.keys_folder / row.file).chmod(0o640)
    with pytest.raises(UnsafeSetting, match="can be read by other users"):
        load_keys(settings)


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX systems")
def test_a_keys_folder_others_can_enter_is_refused(settings: Settings) -> None:
    settings.keys_folder.chmod(0o755)
    with pytest.raises(UnsafeSetting, match="chmod 700"):
        load_keys(settings)


WEAK = {
    "short": base64.b64encode(secrets.token_bytes(31)).decode(),
    "short in hex": secrets.token_hex(16),
    "too long": base64.b64encode(secrets.token_bytes(65)).decode(),
    "placeholder": "changeme" * 8,
    "placeholder with a dash": "please-change-me-please-change-me-please-change-me",
    "a sentence": "correct horse battery staple and so on and on and on",
    "one letter": "a" * 44,
    "zeros": base64.b64encode(bytes(32)).decode(),
    "counted": base64.b64encode(bytes(range(32))).decode(),
    "a block twice": base64.b64encode(secrets.token_bytes(16) * 2).decode(),
    "example": "ThisIsAnExampleKeyForTheDocumentationOnly123456789=",
}


@pytest.mark.parametrize("variable", [name for name in SECRET_VARIABLES if name != "CONSENTMGR_SIGNING_KEY"])
@pytest.mark.parametrize("weak", WEAK.values(), ids=WEAK)
def test_a_weak_key_is_refused_by_name_and_not_shown(settings: Settings, variable: str, weak: str) -> None:
    with pytest.raises(UnsafeSetting, match=variable) as caught:
        load_keys(dataclasses.replace(settings, secrets={variable: weak}))
    assert weak not in str(caught.value)


@pytest.mark.parametrize(
    "jwk",
    [
        "hidden-word",
        "[]",
        '{"kty": "oct", "k": "hidden-word"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": "hidden-word"}',
        '{"kty": "OKP", "crv": "Ed25519", "x": "hidden-word", "d": "hidden-word"}',
        json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "hidden-word", "d": WEAK["counted"]}),
    ],
)
def test_a_signing_key_that_is_none_is_refused(settings: Settings, jwk: str) -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_SIGNING_KEY") as caught:
        load_keys(dataclasses.replace(settings, secrets={"CONSENTMGR_SIGNING_KEY": jwk}))
    assert "hidden-word" not in str(caught.value)


def test_random_keys_are_never_taken_for_weak_ones(settings: Settings) -> None:
    for _ in range(500):
        key = secrets.token_bytes(32)
        for text in (key.hex(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("=")):
            given = dataclasses.replace(settings, secrets={"CONSENTMGR_ADDRESS_KEY": text})
            assert load_keys(given).address_key == key
