"""Which addresses have to be asked about again since a set was stored, so that the next set costs what has changed.

Whether an address is in a set depends on rows of the register, on the day, and on what is asked by (policy, rules,
outside lists, the schedule itself). Rows say by which transaction they or what belongs to them changed, and the stored
set knows which transactions it had seen (``export_run.register_position``, PostgreSQL's own snapshot), which is exact
under concurrent writers. So the question is asked again of

- every address of a contact that changed, or that has a ban, an erased key or a role that changed or that the days
  between have begun or ended;
- every address that somebody had and has no longer (``contact_point_gone``, written by a trigger), and every one an
  organisation lists that changed;
- the addresses of whoever shares an address with one of those, because screening looks at them together;
- when the day has changed, every address that screening weighed.

Of these the whole question is asked, of tables that hold every row that can speak of them: the answer is the same as
the whole set's, because it is the same question. Where what changed cannot be told address by address, the set is
asked for whole: when anything that is asked by has changed, when the database is another one, when organisations or
domains are banned and any organisation or such a ban has changed, when the clock went back, and after a week in any
case.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
import psycopg
from sqlalchemy.orm import Session

from consentmgr.campaigns.policy import current
from consentmgr.consents.ledger import driver_connection
from consentmgr.exports.models import ExportSchedule
from consentmgr.exports.suppressed import WORDS
from consentmgr.vocabulary.reason_codes import RULE_PACK_VERSION

#: A set is asked for whole after so long, so that whatever went wrong in a register does not stay in a set.
WHOLE_EVERY: Final = timedelta(days=7)
#: Keys of addresses that somebody had are kept for so long; far longer than any set is built upon.
GONE_FOR: Final = timedelta(days=30)
#: More addresses than these are asked for faster with all the others.
_MOST = 50_000


@dataclass(frozen=True, slots=True)
class Asked:
    """How a set was asked for: on which day, by what beside the rows (a digest), and when last whole."""

    day: date
    by: str
    whole_at: datetime


def asked_by(session: Session, schedule: ExportSchedule, address_key_id: int) -> str:
    """A digest of everything a set depends on beside the rows that tell of their changes, and beside the day."""
    connection = driver_connection(session)
    told = connection.execute(
        "SELECT (SELECT system_identifier::text FROM pg_control_system()),"
        " (SELECT oid::bigint FROM pg_database WHERE datname = current_database()), current_schema()::text,"
        " (SELECT max(restored_at)::text FROM restoration),"
        " ARRAY(SELECT key || ' ' || is_default FROM controller ORDER BY key),"
        " ARRAY(SELECT source || ' ' || as_of FROM external_list ORDER BY source),"
        " ARRAY(SELECT concat_ws(' ', key, version, language, supersedes) FROM notice ORDER BY 1),"
        # Organisations that are gone leave no mark, so they are counted where they matter.
        " CASE WHEN EXISTS (SELECT FROM prohibition WHERE organisation IS NOT NULL)"
        "   OR EXISTS (SELECT FROM prohibition WHERE domain IS NOT NULL)"
        "   THEN (SELECT count(*) FROM organisation) END"
    ).fetchone()
    asked = [
        [schedule.controller, schedule.channel, schedule.purpose, schedule.topic, schedule.content],
        [RULE_PACK_VERSION, address_key_id, WORDS],
        msgspec.to_builtins(current(session)),
        told,
    ]
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


# A row's transaction is one the stored set has not seen.
_UNSEEN: Final = (
    "{0}.changed_xid >= pg_snapshot_xmin(%(position)s::pg_snapshot)"
    " AND NOT pg_visible_in_snapshot({0}.changed_xid, %(position)s::pg_snapshot)"
)
# A span of days began or ended after the day of the stored set, up to today.
_CROSSED: Final = "(({0}.{1} > %(then)s AND {0}.{1} <= %(today)s) OR ({0}.{2} >= %(then)s AND {0}.{2} < %(today)s))"
_BAN_CROSSED: Final = _CROSSED.format("p", "valid_from", "valid_until")

_WIDE_CHANGED: Final = f"""
SELECT (EXISTS (SELECT FROM prohibition WHERE organisation IS NOT NULL)
    OR EXISTS (SELECT FROM prohibition WHERE domain IS NOT NULL))
  AND (EXISTS (SELECT FROM organisation g WHERE {_UNSEEN.format("g")})
    OR EXISTS (SELECT FROM prohibition p WHERE (p.organisation IS NOT NULL OR p.domain IS NOT NULL)
      AND {_UNSEEN.format("p")})
    OR EXISTS (SELECT FROM prohibition p WHERE p.organisation IS NOT NULL AND {_BAN_CROSSED})
    OR EXISTS (SELECT FROM prohibition p WHERE p.domain IS NOT NULL AND {_BAN_CROSSED}))
"""  # noqa: S608 - our own words

_KEYS: Final = f"""
CREATE TEMPORARY TABLE asked_first ON COMMIT DROP AS
SELECT p.address_key, p.contact_ref FROM prohibition p WHERE {_UNSEEN.format("p")}
UNION ALL SELECT p.address_key, p.contact_ref FROM prohibition p WHERE %(then)s <> %(today)s AND {_BAN_CROSSED}
UNION ALL SELECT k.address_key, NULL FROM erased_key k WHERE {_UNSEEN.format("k")}
UNION ALL SELECT g.address_key, NULL FROM contact_point_gone g WHERE {_UNSEEN.format("g")}
UNION ALL SELECT o.address_key, NULL FROM organisation g JOIN contact_point o ON o.organisation_id = g.id
  WHERE {_UNSEEN.format("g")}
UNION ALL SELECT w.address_key, NULL FROM export_weighed w
  WHERE w.schedule = %(schedule)s AND %(then)s <> %(today)s
"""  # noqa: S608 - our own words
_CONTACTS: Final = f"""
CREATE TEMPORARY TABLE asked_contacts ON COMMIT DROP AS
SELECT c.id FROM contact c WHERE {_UNSEEN.format("c")}
UNION SELECT c.merged_into FROM contact c WHERE c.merged_into IS NOT NULL AND {_UNSEEN.format("c")}
UNION SELECT r.contact_id FROM role r WHERE %(then)s <> %(today)s AND {_CROSSED.format("r", "since", "until")}
UNION SELECT coalesce(c.merged_into, c.id) FROM asked_first f JOIN contact c ON c.ref = f.contact_ref
UNION SELECT o.contact_id FROM asked_first f JOIN contact_point o ON o.address_key = f.address_key
  WHERE o.contact_id IS NOT NULL
UNION SELECT o.contact_id FROM asked_first f JOIN contact_point o ON o.sha256_key = f.address_key
  WHERE o.contact_id IS NOT NULL
UNION SELECT o.contact_id FROM asked_first f JOIN contact_point o ON o.sha256_digits_key = f.address_key
  WHERE o.contact_id IS NOT NULL
"""  # noqa: S608 - our own words
_ASKED: Final = """
CREATE TEMPORARY TABLE asked ON COMMIT DROP AS
SELECT f.address_key FROM asked_first f WHERE f.address_key IS NOT NULL
UNION SELECT o.address_key FROM asked_first f JOIN contact_point o ON o.sha256_key = f.address_key
UNION SELECT o.address_key FROM asked_first f JOIN contact_point o ON o.sha256_digits_key = f.address_key
UNION SELECT o.address_key FROM asked_contacts c JOIN contact_point o ON o.contact_id = c.id
"""
# Whoever shares an address with them is looked at together with them.
_SHARING: Final = """
INSERT INTO asked_contacts SELECT o.contact_id FROM asked a JOIN contact_point o ON o.address_key = a.address_key
  WHERE o.contact_id IS NOT NULL EXCEPT SELECT id FROM asked_contacts
"""
_THEIRS: Final = """
INSERT INTO asked SELECT o.address_key FROM asked_contacts c JOIN contact_point o ON o.contact_id = c.id
  EXCEPT SELECT address_key FROM asked
"""

# Every row that can speak of the addresses asked about, of each table of the question.
_ROWS: Final = (
    (
        "CREATE TEMPORARY TABLE asked_contact ON COMMIT DROP AS"
        " SELECT c.* FROM asked_contacts a JOIN contact c ON c.id = a.id"
        " UNION SELECT c.* FROM asked_contacts a JOIN contact c ON c.merged_into = a.id"
    ),
    (
        "CREATE TEMPORARY TABLE asked_contact_point ON COMMIT DROP AS"
        " SELECT o.* FROM asked_contacts a JOIN contact_point o ON o.contact_id = a.id"
        " UNION ALL SELECT o.* FROM asked a JOIN contact_point o ON o.address_key = a.address_key"
        " WHERE o.contact_id IS NULL"
    ),
    (
        "CREATE TEMPORARY TABLE asked_standing ON COMMIT DROP AS"
        " SELECT s.* FROM asked_contacts a JOIN standing s ON s.contact_id = a.id"
    ),
    (
        "CREATE TEMPORARY TABLE asked_role ON COMMIT DROP AS"
        " SELECT r.* FROM asked_contacts a JOIN role r ON r.contact_id = a.id"
    ),
    (
        "CREATE TEMPORARY TABLE asked_erased_key ON COMMIT DROP AS SELECT k.* FROM erased_key k WHERE k.address_key IN"
        " (SELECT address_key FROM asked UNION SELECT sha256_key FROM asked_contact_point)"
    ),
    (
        "CREATE TEMPORARY TABLE asked_exported_entry ON COMMIT DROP AS SELECT e.* FROM asked a JOIN exported_entry e"
        " ON e.schedule = %(schedule)s AND e.address_key = a.address_key AND e.to_seq IS NULL"
    ),
    (
        "CREATE TEMPORARY TABLE asked_keys ON COMMIT DROP AS SELECT address_key AS key FROM asked"
        " UNION SELECT address_key FROM asked_contact_point UNION SELECT sha256_key FROM asked_contact_point"
        " UNION SELECT sha256_digits_key FROM asked_contact_point"
    ),
    (
        "CREATE TEMPORARY TABLE asked_prohibition ON COMMIT DROP AS SELECT p.* FROM prohibition p WHERE p.id IN"
        " (SELECT p.id FROM asked_keys k JOIN prohibition p ON p.address_key = k.key"
        " UNION SELECT p.id FROM asked_contact c JOIN prohibition p ON p.contact_ref = c.ref"
        " UNION SELECT p.id FROM prohibition p WHERE p.organisation IS NOT NULL"
        " UNION SELECT p.id FROM prohibition p WHERE p.domain IS NOT NULL)"
    ),
)


def ask_again(session: Session, schedule: ExportSchedule, now: Asked) -> datetime | None:
    """Fill ``asked`` and the tables beside it with what has to be asked again since the schedule's stored set.

    When that set was last asked for whole; None where it has to be now. The caller's transaction reads one position.
    """
    connection = driver_connection(session)
    last = connection.execute(
        "SELECT register_position, asked_on, asked_by, whole_at FROM export_run"
        " WHERE schedule = %s AND register_position IS NOT NULL ORDER BY sequence DESC LIMIT 1",
        [schedule.key],
    ).fetchone()
    if last is None or schedule.content != "suppressed":
        return None
    position, then, by, whole_at = last
    if by != now.by or then is None or then > now.day or whole_at is None:
        return None
    if not timedelta(0) <= now.whole_at - whole_at < WHOLE_EVERY:
        return None
    values = {"position": position, "then": then, "today": now.day, "schedule": schedule.key}
    row = connection.execute(_WIDE_CHANGED.encode(), values).fetchone()
    if row is None or row[0] or not _found(connection, values):
        return None
    for statement in _ROWS:
        connection.execute(statement.encode(), values)
    connection.execute("ANALYZE asked_contact_point, asked_prohibition, asked_standing")
    assert isinstance(whole_at, datetime)
    return whole_at


def build_on_nothing(session: Session, key: str) -> None:
    """See to it that the schedule's next set is asked for whole, by this process or by whoever takes the run over."""
    driver_connection(session).execute("UPDATE export_run SET asked_by = NULL WHERE schedule = %s", [key])


def _found(connection: psycopg.Connection[Any], values: dict[str, Any]) -> bool:
    """Fill ``asked`` and ``asked_contacts``; whether they are few enough."""
    for statement in (_KEYS, _CONTACTS):
        if connection.execute(statement.encode(), values).rowcount > _MOST:
            return False
    connection.execute("ANALYZE asked_first, asked_contacts")
    count = connection.execute(_ASKED.encode()).rowcount
    # Twice: a ban on one address of somebody reaches the others, and whoever has one of those.
    for _ in range(2):
        if count > _MOST:
            return False
        connection.execute("ANALYZE asked, asked_contacts")
        connection.execute(_SHARING.encode())
        count += connection.execute(_THEIRS.encode()).rowcount
    # Whoever has one of all these speaks of it, though nothing that they alone have is asked about.
    connection.execute("ANALYZE asked, asked_contacts")
    connection.execute(_SHARING.encode())
    connection.execute("ANALYZE asked_contacts")
    return count <= _MOST


def forget_gone(session: Session, now: datetime) -> int:
    """Remove the keys of addresses that no set is told from any more; how many."""
    return (
        driver_connection(session)
        .execute("DELETE FROM contact_point_gone WHERE gone_at < %s", [now - GONE_FOR])
        .rowcount
    )
