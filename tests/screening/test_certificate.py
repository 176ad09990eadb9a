"""The certificate: what was signed can be checked with the public key alone, and one changed byte shows."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, CheckFailed, Unavailable
from consentmgr.kit.signing import SigningKey, new_signing_key, public_jwk, sign_jws
from consentmgr.screening.certificate import (
    canonical_sha256,
    read_certificate,
    read_public_key,
    verify_certificate,
)
from consentmgr.screening.certificate_commands import certificate_group
from consentmgr.screening.lists import read_list
from consentmgr.screening.publication import OutputPaths, output_paths, prepared
from consentmgr.screening.reports import ControllerFacts
from consentmgr.vocabulary.policy import policy_from
from tests.screening.output_samples import CERTIFICATE_ID, NOW, made_answers

LATER = NOW + timedelta(hours=1)


@dataclass(frozen=True)
class Screened:
    """A screening's files in a folder, and the key they were signed with."""

    folder: Path
    key: SigningKey
    certificate: Path

    @property
    def public(self) -> dict[str, str]:
        return public_jwk(self.key)

    def faults(self, **more: Any) -> list[str]:
        found = verify_certificate(
            self.certificate.read_bytes(), self.public, folder=self.folder, **{"now": LATER, **more}
        )
        return found.faults()


KEY = new_signing_key()


def screen_into(folder: Path, key: SigningKey = KEY, **more: Any) -> Screened:
    source = folder / "list.csv"
    source.write_bytes("Sähköposti;Nimi\r\na@a.example;Aino\r\nb@a.example;=B\r\nc@a.example;C\r\n".encode("cp1252"))
    lst = read_list(source)
    paths = output_paths(source, more.pop("output", None))
    answers = made_answers([0, 2, 1], evidence=["E16", "E32;P7", None], **more)
    with prepared(
        lst,
        answers,
        paths,
        language="en",
        signing_key=key,
        controller=ControllerFacts("acme", "Acme Oy"),
        certificate_id=CERTIFICATE_ID,
    ) as made:
        assert paths.certificate is not None
        assert not paths.certificate.exists()
        made.publish()
    return Screened(folder, key, paths.certificate)


@pytest.fixture
def screened(tmp_path: Path) -> Screened:
    return screen_into(tmp_path)


# --- what it says ---------------------------------------------------------------------------------------------------


def test_a_screening_leaves_its_files_and_nothing_else(screened: Screened) -> None:
    assert {path.name for path in screened.folder.iterdir()} == {
        "list.csv",
        "list.screened.csv",
        "list.allowed.csv",
        "list.report.html",
        "list.report.json",
        "list.certificate.json",
    }


def test_the_readable_part_says_what_was_screened_and_how(screened: Screened) -> None:
    claims = json.loads(screened.certificate.read_bytes())
    assert claims["id"] == str(CERTIFICATE_ID)
    assert claims["schema"] == "consentmgr.screening_certificate/1"
    assert claims["counts"]["verdicts"] == {"allow": 1, "review": 1, "block": 1}
    assert claims["counts"]["reasons"]["DM_OBJECTION_ALL"] == {"headline": 1, "fired": 1, "block": 1}
    assert claims["counts"]["grounds"] == {"CONSENT_OK": 1}
    assert (claims["input"]["name"], claims["input"]["rows"]) == ("list.csv", 3)
    assert (claims["output"]["name"], claims["output"]["rows"]) == ("list.screened.csv", 3)
    assert (claims["allowed"]["name"], claims["allowed"]["rows"]) == ("list.allowed.csv", 1)
    assert claims["output"]["bytes"] == (screened.folder / "list.screened.csv").stat().st_size
    assert claims["campaign"]["sha256"] == canonical_sha256(claims["campaign"]["document"])
    assert (claims["register_position"], claims["ledger_head"], claims["rule_pack"]) == (
        "1042:1042:",
        "ab" * 32,
        "2026.2",
    )
    assert claims["policy"]["sole_trader"] == "review"
    assert claims["policy_looser_than_default"] == []
    assert claims["signing_key"] == screened.public["kid"]
    assert claims["controller"] == {"key": "acme", "name": "Acme Oy"}
    assert claims["certificate"].count(".") == 2


def test_it_holds_no_address_and_no_name(screened: Screened) -> None:
    text = screened.certificate.read_text(encoding="utf-8")
    assert "a@a.example" not in text
    assert "Aino" not in text


def test_the_policy_says_how_long_it_is_valid(tmp_path: Path) -> None:
    made = screen_into(tmp_path, policy=policy_from({"certificate_valid_hours": 48, "sole_trader": "b2b"}))
    claims = json.loads(made.certificate.read_bytes())
    assert claims["valid_until"] == (NOW + timedelta(hours=48)).isoformat()
    assert claims["policy_looser_than_default"] == ["sole_trader", "certificate_valid_hours"]


# --- checking -------------------------------------------------------------------------------------------------------


def test_what_was_not_changed_passes(screened: Screened) -> None:
    found = verify_certificate(screened.certificate.read_bytes(), screened.public, folder=screened.folder, now=LATER)
    assert found.faults() == []
    assert [(check.role, check.status) for check in found.files] == [
        ("input", "unchanged"),
        ("output", "unchanged"),
        ("allowed", "unchanged"),
        ("report", "unchanged"),
        ("report", "unchanged"),
    ]


def test_one_flipped_bit_anywhere_in_the_certificate_fails(screened: Screened) -> None:
    document = screened.certificate.read_bytes()
    choose = random.Random(1)
    # The signature's own characters all of them, the rest in steps.
    for at in {*range(0, len(document), 5), *range(len(document) - 100, len(document))}:
        changed = bytearray(document)
        changed[at] ^= 1 << choose.randrange(8)
        with pytest.raises(CheckFailed):
            read_certificate(bytes(changed), screened.public)


def test_the_unused_bits_of_base64_are_no_way_around(screened: Screened) -> None:
    """Eighty-six characters hold 64 bytes and four bits more, which a decoder ignores."""
    claims = json.loads(screened.certificate.read_bytes())
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = claims["certificate"]
    for other in range(1, 16):
        twin = token[:-1] + letters[letters.index(token[-1]) ^ other]
        text = screened.certificate.read_bytes().replace(token.encode(), twin.encode())
        with pytest.raises(CheckFailed):
            read_certificate(text, screened.public)


@pytest.mark.parametrize(
    "name", ["list.csv", "list.screened.csv", "list.allowed.csv", "list.report.html", "list.report.json"]
)
def test_one_flipped_byte_in_any_file_fails(screened: Screened, name: str) -> None:
    path = screened.folder / name
    whole = path.read_bytes()
    choose = random.Random(2)
    for at in sorted({0, len(whole) - 1, *(choose.randrange(len(whole)) for _ in range(40))}):
        changed = bytearray(whole)
        changed[at] ^= 1 << choose.randrange(8)
        path.write_bytes(bytes(changed))
        assert [fault for fault in screened.faults() if name in fault]
    path.write_bytes(whole)
    assert screened.faults() == []


def test_it_expires(screened: Screened) -> None:
    until = NOW + timedelta(hours=24)
    assert screened.faults(now=until) == []
    (fault,) = screened.faults(now=until + timedelta(seconds=1))
    assert fault.startswith("SCREENING_EXPIRED: Screen again before sending")


def test_another_key_is_refused_even_with_the_same_words(screened: Screened, tmp_path: Path) -> None:
    folder = tmp_path / "forged"
    folder.mkdir()
    forged = screen_into(folder, new_signing_key())
    with pytest.raises(CheckFailed):
        read_certificate(forged.certificate.read_bytes(), screened.public)


def test_something_else_signed_with_the_key_is_no_certificate(screened: Screened) -> None:
    claims = {"head": "ab" * 32, "seq": 1}
    text = json.dumps({**claims, "certificate": sign_jws(claims, screened.key)}, indent=2) + "\n"
    with pytest.raises(CheckFailed, match="not a screening certificate"):
        read_certificate(text.encode(), screened.public)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"certificate": 1}',
        b'{"certificate": "a.b.c"}',
        b"[" * 100_000,
        b'{"certificate": ""}',
    ],
)
def test_what_is_no_certificate_is_refused_in_a_sentence(screened: Screened, text: bytes) -> None:
    with pytest.raises(CheckFailed):
        read_certificate(text, screened.public)


def test_files_elsewhere_can_be_named_and_missing_ones_are_told(screened: Screened, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = (screened.folder / "list.screened.csv").rename(elsewhere / "november.csv")
    document = screened.certificate.read_bytes()
    found = verify_certificate(document, screened.public, folder=screened.folder, now=LATER)
    assert [check.status for check in found.files if check.role == "output"] == ["not found"]
    found = verify_certificate(document, screened.public, folder=screened.folder, now=LATER, given={"output": moved})
    assert [check.status for check in found.files if check.role == "output"] == ["unchanged"]
    with pytest.raises(BadInput):
        verify_certificate(
            document, screened.public, folder=screened.folder, now=LATER, given={"output": elsewhere / "no.csv"}
        )


def test_a_name_in_the_certificate_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    made = screen_into(tmp_path / "inner")
    claims = json.loads(made.certificate.read_bytes())
    del claims["certificate"]
    claims["input"]["name"] = "../outside.csv"
    (tmp_path / "outside.csv").write_text("x")
    document = json.dumps({**claims, "certificate": sign_jws(claims, made.key)}, ensure_ascii=False, indent=2) + "\n"
    found = verify_certificate(document.encode(), made.public, folder=made.folder, now=LATER)
    assert [check.status for check in found.files if check.role == "input"] == ["not found"]


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_clock(moment: Any) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    set_clock(LATER)
    return set_clock


def run(*arguments: object) -> Any:
    return CliRunner().invoke(certificate_group, ["verify", *map(str, arguments)])


def test_the_command_needs_the_public_key_alone(
    screened: Screened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Any
) -> None:
    public = tmp_path / "public.json"
    public.write_text(json.dumps(screened.public))
    for name in ("CONSENTMGR_DATA", "CONSENTMGR_DATABASE_URL"):
        monkeypatch.setenv(name, "/nowhere")
    answer = run(screened.certificate, "--public-key", public)
    assert answer.exit_code == 0, answer.output
    assert answer.output.count("unchanged") == 5
    assert f"holds, key {screened.public['kid']}" in answer.output


def test_the_command_uses_this_installations_own_key(
    screened: Screened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Any
) -> None:
    monkeypatch.delenv("CONSENTMGR_DATABASE_URL", raising=False)
    monkeypatch.setenv("CONSENTMGR_DATA", str(tmp_path / "data"))
    answer = run(screened.certificate)
    assert isinstance(answer.exception, Unavailable)
    assert "--public-key" in str(answer.exception)
    (tmp_path / "data" / "keys").mkdir(parents=True)
    (tmp_path / "data" / "keys" / "signing.public.json").write_text(json.dumps(screened.public))
    assert run(screened.certificate).exit_code == 0


def test_the_command_fails_with_every_fault_named(screened: Screened, tmp_path: Path, at: Any) -> None:
    public = tmp_path / "public.json"
    public.write_text(json.dumps(screened.public))
    (screened.folder / "list.allowed.csv").write_text("email\nd@a.example\n")
    at(NOW + timedelta(days=3))
    answer = run(screened.certificate, "--public-key", public, "--language", "fi")
    assert isinstance(answer.exception, CheckFailed)
    assert answer.exception.exit_code == 1
    assert "list.allowed.csv is not the file that was certified" in str(answer.exception)
    assert "SCREENING_EXPIRED: Seulo uudelleen ennen lähetystä" in str(answer.exception)


def test_the_command_reads_a_list_named_by_hand(screened: Screened, tmp_path: Path, at: Any) -> None:
    public = tmp_path / "public.json"
    public.write_text(json.dumps(screened.public))
    other = tmp_path / "other.csv"
    other.write_text("x")
    answer = run(screened.certificate, "--public-key", public, "--input", other)
    assert isinstance(answer.exception, CheckFailed)
    assert isinstance(run(tmp_path / "none.json", "--public-key", public).exception, BadInput)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kty":"OKP"}', '{"kty":"RSA","x":"a"}'])
def test_a_file_that_is_no_public_key_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"key\.json"):
        read_public_key(path)


# --- publication ----------------------------------------------------------------------------------------------------


def test_where_files_go() -> None:
    assert output_paths(Path("a/list.csv")) == OutputPaths(
        Path("a/list.screened.csv"),
        "csv",
        Path("a/list.allowed.csv"),
        Path("a/list.report.html"),
        Path("a/list.report.json"),
        Path("a/list.certificate.json"),
    )
    other = output_paths(Path("a/list.xlsx"), "b/november.screened.parquet")
    assert (other.result, other.format) == (Path("b/november.screened.parquet"), "parquet")
    assert other.certificate == Path("b/november.certificate.json")
    assert output_paths(Path("-")) == output_paths(Path("x.csv"), "-") == OutputPaths(None, "csv")
    assert output_paths(Path("a/x.csv"), "-", side_files=True).certificate == Path("a/x.certificate.json")
    assert output_paths(Path("-"), "b/x.jsonl").allowed == Path("b/x.allowed.csv")


def test_the_list_itself_is_never_written_over(tmp_path: Path) -> None:
    source = tmp_path / "x.allowed.csv"
    source.write_text("email\n")
    with pytest.raises(BadInput, match="written over"):
        output_paths(source, str(source))
    with pytest.raises(BadInput, match="written over"):
        output_paths(source, str(tmp_path / "x.csv"))


def test_a_result_for_standard_output_is_certified_too(tmp_path: Path) -> None:
    source = tmp_path / "list.csv"
    source.write_text("email\na@a.example\n")
    lst, stream = read_list(source), BytesIO()
    with prepared(
        lst, made_answers([0]), output_paths(source, "-"), language="sv", signing_key=KEY, stdout=stream
    ) as made:
        made.publish()
    assert list(tmp_path.iterdir()) == [source]
    assert stream.getvalue().startswith(b"email,cm_verdict")
    assert made.certificate.claims["output"]["name"] == "-"
    assert read_certificate(made.certificate.document, public_jwk(KEY))


def test_nothing_appears_where_anything_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no report")

    monkeypatch.setattr("consentmgr.screening.publication.report_page", fail)
    with pytest.raises(RuntimeError, match="no report"):
        screen_into(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]
