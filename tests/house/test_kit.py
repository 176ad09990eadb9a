"""The kit's small parts: errors, the clock, signatures, progress."""

from __future__ import annotations

import io
import string
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.kit import clock, errors
from consentmgr.kit import progress as progress_module
from consentmgr.kit.errors import BadInput, CheckFailed
from consentmgr.kit.progress import progress
from consentmgr.kit.signing import import_signing_key, new_signing_key, private_jwk, public_jwk, sign_jws, verify_jws


def test_bad_input_names_file_line_and_field() -> None:
    assert str(BadInput("is no date", file="list.csv", line=3, field="at")) == "list.csv, line 3, field at: is no date"
    assert str(BadInput("is empty", file="list.csv")) == "list.csv: is empty"
    assert str(BadInput("nothing to do")) == "nothing to do"


def test_exit_codes_are_the_contracts() -> None:
    codes = {
        errors.CheckFailed: 1,
        errors.BadInput: 2,
        errors.NotFound: 2,
        errors.UnsafeSetting: 3,
        errors.Unavailable: 3,
    }
    assert {kind: kind.exit_code for kind in codes} == codes
    assert len({kind.problem for kind in codes}) == len(codes)


def test_now_is_aware_and_days_are_finnish() -> None:
    assert clock.now().tzinfo is UTC
    assert clock.local_date(datetime(2026, 6, 30, 21, 30, tzinfo=UTC)) == date(2026, 7, 1)
    assert clock.local_date(datetime(2026, 12, 31, 21, 30, tzinfo=UTC)) == date(2026, 12, 31)
    with pytest.raises(ValueError, match="offset"):
        clock.local_date(datetime(2026, 6, 30, 21, 30))  # noqa: DTZ001 - that it is naive is the case


KEY = new_signing_key()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON))
def test_what_is_signed_comes_back_and_signing_is_repeatable(payload: dict[str, object]) -> None:
    token = sign_jws(payload, KEY)
    assert verify_jws(token, public_jwk(KEY)) == payload
    assert sign_jws(dict(reversed(payload.items())), KEY) == token


def test_every_changed_character_is_noticed() -> None:
    token = sign_jws({"rows": 2, "allow": 1}, KEY)
    public = public_jwk(KEY)
    for place, letter in enumerate(token):
        # Every letter at the very end, where some have bits a lenient decoder would overlook.
        others = string.ascii_letters + string.digits + "-_.=" if place >= len(token) - 2 else "A_"
        for other in others.replace(letter, ""):
            with pytest.raises(CheckFailed):
                verify_jws(token[:place] + other + token[place + 1 :], public)


def test_another_key_or_a_cut_token_is_refused() -> None:
    token = sign_jws({"rows": 2}, KEY)
    with pytest.raises(CheckFailed):
        verify_jws(token, public_jwk(new_signing_key()))
    for broken in ("", ".", "..", token[:-1], token + "A", token.rsplit(".", 1)[0] + ".", f"{token}.{token}"):
        with pytest.raises(CheckFailed):
            verify_jws(broken, public_jwk(KEY))
    for public in ({}, {"kty": "oct", "k": "AAAA"}, {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}):
        with pytest.raises(CheckFailed, match="public key"):
            verify_jws(token, public)


def test_a_token_that_asks_for_no_algorithm_is_refused() -> None:
    token = sign_jws({"rows": 2}, KEY)
    _, payload, _ = token.split(".")
    for header in ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9"):
        with pytest.raises(CheckFailed):
            verify_jws(f"{header}.{payload}.", public_jwk(KEY))


def test_a_key_survives_being_stored() -> None:
    again = import_signing_key(private_jwk(KEY))
    assert public_jwk(again) == public_jwk(KEY)
    assert set(public_jwk(KEY)) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_progress_is_silent_for_what_is_soon_done(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(10, "screening") as advance:
        for _ in range(10):
            advance(1)
    assert capsys.readouterr() == ("", "")


def test_progress_is_a_line_now_and_then_in_a_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "LINE_INTERVAL", 0.0)
    with progress(2000, "screening") as advance:
        advance(500)
        advance(1500)
    with progress(None, "reading") as advance:
        advance(7)
    assert capsys.readouterr().err.splitlines() == [
        "screening: 500 of 2,000 (25%)",
        "screening: 2,000 of 2,000 (100%)",
        "reading: 7",
    ]


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress(10, "screening") as advance:
        advance(10)
    assert "screening" in terminal.getvalue()
