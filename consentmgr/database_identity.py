"""Which database a transaction number is of: numbers mean nothing in another, such as one that was put back."""

from typing import Final, LiteralString

#: SQL that names cluster, timeline, database and schema, for a server that takes writes.
#:
#: A cluster that was put back to an earlier moment, or a standby that took over, goes on in a timeline of its own and
#: gives numbers out again. The timeline is that of the log being written: the control file learns of a new one with the
#: first checkpoint, minutes after a standby has begun to give out numbers.
DATABASE_IDENTITY: Final[LiteralString] = (
    "(SELECT system_identifier FROM pg_control_system())::text || '/'"
    " || ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int || '/' || current_database() || '/'"
    " || current_schema()"
)
