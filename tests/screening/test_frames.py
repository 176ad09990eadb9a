"""Python users screen frames of their own, and get the same kind of frame back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.importing.documents import decode
from consentmgr.importing.service import apply_documents
from consentmgr.keys import Keys
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.screening import screen
from consentmgr.screening.decide import ACME
from consentmgr.screening.service import BY_KEY_ROWS
from consentmgr.vocabulary.documents import Campaign

NOW = datetime(2026, 11, 9, 9, tzinfo=UTC)
CAMPAIGN = {"key": "spring", "controller": "acme", "product_group": "training"}
NOTICE = {"type": "notice", "key": "front", "version": 1, "language": "en", "text": "You may write to me.",
          "controllers": ["acme"], "channels": ["email"], "purposes": ["direct_marketing"]}  # fmt: skip
#: The rows that are screened: two people, one of them twice, a stranger, nobody, and a number where text is expected.
MAILS = ["aino@posti.example", "EERO@posti.example ", None, "aino@posti.example", "who@else.example", "12"]
VERDICTS = ["allow", "block", "block", "allow", "block", "block"]
REASONS = ["CONSENT_OK", "DM_OBJECTION_ALL", "ADDRESS_MISSING", "CONSENT_OK", "CONSENT_MISSING", "ADDRESS_INVALID"]


def consenting(ref: str, mail: str) -> dict[str, Any]:
    return {
        "type": "contact", "ref": ref, "points": [{"channel": "email", "value": mail}],
        "events": [{"event": "consent_given", "at": "2026-10-01T10:00:00+03:00", "controller": "acme",
                    "method": "web_form", "channels": ["email"], "purposes": ["direct_marketing"],
                    "notice": "front/1/en"}],
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _register(database: Database, keys: Keys) -> None:
    documents = [
        NOTICE,
        consenting("crm:1", "aino@posti.example"),
        consenting("crm:2", "eero@posti.example"),
        {"type": "prohibition", "target": {"email": "eero@posti.example"}, "source": "self"},
    ]
    with database.transaction() as session:
        found = [ACME, *(decode(json.dumps(document).encode()) for document in documents)]
        changes = apply_documents(
            session,
            found,  # type: ignore[arg-type]
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            actor="test",
            now=NOW,
        )
        assert not changes.rejected, changes.rejected


TABLE = pa.table({"n": pa.array(range(6), pa.int64()), "Sähköposti": pa.array(MAILS), "n2": pa.array([1.5] * 6)})
KINDS: dict[str, tuple[Callable[[], Any], Callable[[Any], pa.Table]]] = {
    "polars": (lambda: pl.DataFrame(TABLE), lambda frame: frame.to_arrow()),
    "polars, lazy": (lambda: pl.DataFrame(TABLE).lazy(), lambda frame: frame.collect().to_arrow()),
    "pandas": (
        lambda: TABLE.to_pandas().set_axis(list("zyxzyx")),
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    ),
    "pyarrow": (lambda: TABLE, lambda frame: frame),
    "duckdb": (lambda: duckdb.connect().from_arrow(TABLE), lambda frame: frame.to_arrow_table()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_kind_of_frame_comes_back_with_every_row_once_in_order(kind: str, settings: Settings) -> None:
    make, read = KINDS[kind]
    given = make()
    found = screen(given, CAMPAIGN, settings=settings, now=NOW)
    assert type(found) is type(given)
    table = read(found)
    assert table["n"].to_pylist() == list(range(6))
    assert table.column_names == [
        "n", "Sähköposti", "n2", "cm_verdict", "cm_reason", "cm_reasons", "cm_ground", "cm_evidence", "cm_explanation",
        "cm_legal_basis", "cm_duplicate_of",
    ]  # fmt: skip
    assert table["Sähköposti"].to_pylist() == MAILS
    assert table["cm_verdict"].to_pylist() == VERDICTS
    assert table["cm_reason"].to_pylist() == REASONS
    assert table["cm_duplicate_of"].to_pylist() == [None, None, None, 1, None, None]
    assert table["cm_ground"].to_pylist()[0] == "CONSENT_OK"
    if kind == "pandas":
        assert list(found.index) == list("zyxzyx"), "the index is the user's"
        assert "cm_verdict" not in given.columns, "the frame that was given is as it was"


def test_a_long_frame_is_answered_from_a_snapshot(settings: Settings) -> None:
    count = BY_KEY_ROWS + 1
    frame = pl.DataFrame({"email": [f"nobody{number}@posti.example" for number in range(count)]})
    frame[count - 1, "email"] = "aino@posti.example"
    found = screen(frame, CAMPAIGN, settings=settings, now=NOW)
    assert found["cm_verdict"].to_list() == ["block"] * (count - 1) + ["allow"]
    assert list((settings.data_folder / "snapshots").glob("*/manifest.json"))


def test_a_relation_stays_of_its_connection_and_keeps_its_order(settings: Settings) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table mine as select * from (values (1, 'aino@posti.example'), (2, 'x@y.example')) t(n, email)"
        )
        found = screen(connection.sql("select * from mine order by n desc"), CAMPAIGN, settings=settings, now=NOW)
        joined = found.join(connection.table("mine").set_alias("m"), "n").order("n")
        assert found.select("n", "cm_verdict").fetchall() == [(2, "block"), (1, "allow")]
        assert len(joined.fetchall()) == 2


def test_a_phone_number_that_became_a_number_is_still_one(settings: Settings) -> None:
    frame = pd.DataFrame({"phone": [358401234567.0, None]})
    found = screen(frame, {**CAMPAIGN, "channel": "sms"}, settings=settings, now=NOW)
    assert list(found["cm_reason"]) == ["CONSENT_MISSING", "ADDRESS_MISSING"]


def test_language_campaign_and_columns_may_be_told(settings: Settings) -> None:
    frame = pd.DataFrame([["aino@posti.example", "x"]], columns=["osoite 1", 7])
    found = screen(
        frame, Campaign(**CAMPAIGN), settings=settings, now=NOW, language="fi", mapping={"email": "osoite 1"},
        engine="duckdb",
    )  # fmt: skip
    assert found["cm_verdict"].tolist() == ["allow"]
    assert found["cm_explanation"][0].startswith("On suostunut")


def test_what_cannot_be_screened_is_told_in_a_sentence(settings: Settings) -> None:
    def told(frame: Any, **options: Any) -> str:
        with pytest.raises(BadInput) as refused:
            screen(frame, CAMPAIGN, settings=settings, **options)
        return refused.value.message

    assert "a frame of Polars" in told([1, 2])
    assert "no column says who each row is" in told(pl.DataFrame({"a": [1]}))
    assert "an earlier screening already: cm_verdict" in told(
        pl.DataFrame({"email": ["a@b.example"], "cm_verdict": ["allow"]})
    )
    assert "time zone" in told(pl.DataFrame({"email": ["a@b.example"]}), now=datetime(2026, 11, 9))  # noqa: DTZ001
