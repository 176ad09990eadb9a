"""Kinds of acts and relations: told once, and nothing of an act is lost by it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from consentmgr.screening.kinds import KIND_OF, KINDS_OF, alone, by_kind
from consentmgr.screening.register_frames import BY_NAME


def acts() -> pa.Table:
    """Three acts of two contacts; the first and the last say the same."""
    said = [("consent_given", "|email|"), ("objected", None), ("consent_given", "|email|")]
    rows = [
        {
            "entry_id": number,
            "contact_id": 1 if number < 2 else 2,
            "at_us": number,
            "event": event,
            "channels": channels,
        }
        for number, (event, channels) in enumerate(said)
    ]
    return pa.Table.from_pylist(rows, schema=BY_NAME["acts"].schema)


def tables_with(table: pa.Table) -> dict[str, pa.Table]:
    return {name: BY_NAME[name].schema.empty_table() for name in ("relations", "roles")} | {"acts": table}


@pytest.mark.parametrize("below_zero", [False, True])
def test_acts_and_their_kinds_together_say_what_the_acts_said(*, below_zero: bool) -> None:
    tables = by_kind(tables_with(acts()), below_zero=below_zero)
    kinds = {row[KIND_OF["acts"]]: row for row in tables[KINDS_OF["acts"]].to_pylist()}
    assert len(kinds) == 2
    assert all((number < 0) == below_zero for number in kinds)
    again = [row | kinds[row["act_kind"]] for row in tables["acts"].to_pylist()]
    assert [{name: row[name] for name in acts().column_names} for row in again] == acts().to_pylist()


def test_only_the_act_of_a_contact_without_others_is_alone() -> None:
    tables = by_kind(tables_with(acts()))
    assert tables["acts"]["alone"].to_pylist() == [False, False, True]


def test_alone_is_whoever_has_one_row_and_never_nobody() -> None:
    owners = pa.chunked_array([[1, 2, None], [2, 3, None]], pa.int64())
    assert alone(owners).to_pylist() == [True, False, False, False, True, False]
    assert alone(pa.chunked_array([[None]], pa.int64())).to_pylist() == [False]
    assert alone(pa.chunked_array([], pa.int64())).to_pylist() == []
