"""What the register knows, as columns: the frames that facts are made from.

One frame a kind of thing (``FRAMES`` gives name, columns and the SELECT), all of one database position. Few list
rows are asked of PostgreSQL by key (``frames_by_key``); many are answered from the columnar snapshot, which holds
the same frames whole (``consentmgr.screening.snapshot``). Frames carry keys and facts: no names, no addresses.

Conventions, so that the same expressions run on every engine:

* times are ``int64`` microseconds since 1970 UTC (``_us``), dates are ``date32``, or days since 1970 (``_day``)
  where they are reckoned with;
* keys are 16 bytes;
* a set of codes is one string with bars around each (``|email|sms|``), the empty set is the empty string.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
from psycopg import Connection

from consentmgr.copied_rows import copied_out
from consentmgr.kit.address_keys import AddressKeys

KEY = pa.binary(16)

_SETS = "case when cardinality({0}) = 0 then '' else '|' || array_to_string({0}, '|') || '|' end"
_MICROSECONDS = "(extract(epoch from {0}) * 1000000)::bigint"
#: The instant a day begins in Finland.
_DAY_BEGINS = "{0}::timestamp at time zone 'Europe/Helsinki'"


def _set(column: str) -> str:
    return _SETS.format(column)


def _us(column: str) -> str:
    return _MICROSECONDS.format(column)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its columns, the SELECT that gives them, and the column that says whose rows they are."""

    name: str
    schema: pa.Schema
    select: str
    owner: str


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


_TEXT, _INT, _DATE, _BOOL = pa.string(), pa.int64(), pa.date32(), pa.bool_()

FRAMES: tuple[Frame, ...] = (
    Frame(
        "contacts",
        _schema(
            contact_id=_INT,
            ref=_TEXT,
            name_key=KEY,
            country=_TEXT,
            born_on=_DATE,
            deceased_on=_DATE,
            non_disclosure=_BOOL,
            restricted_since_us=_INT,
            last_interaction_on=_DATE,
        ),
        "select c.id, c.ref, c.name_key, c.country, c.born_on, c.deceased_on, c.non_disclosure,"
        f" {_us(_DAY_BEGINS.format('c.restricted_since'))}, c.last_interaction_on from contact c"
        " where c.merged_into is null",
        "c.id",
    ),
    Frame(
        "points",
        _schema(
            point_id=_INT,
            contact_id=_INT,
            organisation_id=_INT,
            kind=_TEXT,
            address_key=KEY,
            sha256_key=KEY,
            sha256_digits_key=KEY,
            use=_TEXT,
            source=_TEXT,
            acquired_on=_DATE,
            verified_on=_DATE,
            informed_on=_DATE,
            state=_TEXT,
            soft_bounces=_INT,
            published=_BOOL,
            domain=_TEXT,
            mailbox=_TEXT,
        ),
        "select p.id, p.contact_id, p.organisation_id, p.kind, p.address_key, p.sha256_key, p.sha256_digits_key, p.use,"
        " p.source, p.acquired_on, p.verified_on, p.informed_on, p.state, p.soft_bounces::bigint,"
        " p.published_by_organisation, case when p.kind = 'email' then split_part(p.value, '@', -1) end,"
        " case when p.kind = 'email' and p.use = 'generic' then split_part(p.value, '@', 1) end"
        " from contact_point p where true",
        "p.contact_id",
    ),
    Frame(
        "acts",
        _schema(
            entry_id=_INT,
            contact_id=_INT,
            event=_TEXT,
            at_us=_INT,
            order_known=_BOOL,
            controller=_TEXT,
            method=_TEXT,
            given_by=_TEXT,
            channels=_TEXT,
            purposes=_TEXT,
            topics=_TEXT,
            audiences=_TEXT,
            prohibition=_TEXT,
            double_opt_in=_TEXT,
            pre_ticked=_BOOL,
            condition_of_service=_BOOL,
            freely_joined=_BOOL,
            express_request=_BOOL,
            has_proof=_BOOL,
            notice_known=_BOOL,
            notice_controllers=_TEXT,
            notice_channels=_TEXT,
            notice_purposes=_TEXT,
            notice_topics=_TEXT,
            notice_audiences=_TEXT,
            notice_superseded=_BOOL,
        ),
        f"select e.id, e.contact_id, e.event, {_us('e.at')}, e.order_known, e.controller, e.method, e.given_by,"
        f" {_set('e.channels')}, {_set('e.purposes')}, {_set('e.topics')}, {_set('e.audiences')}, e.prohibition,"
        " e.double_opt_in, e.pre_ticked, e.condition_of_service, e.freely_joined, e.express_request, e.has_proof,"
        f" n.key is not null, {_set('n.controllers')}, {_set('n.channels')}, {_set('n.purposes')}, {_set('n.topics')},"
        # Words of whose notice a later version says that they were replaced by others of substance.
        f" {_set('n.audiences')}, coalesce(m.newest > n.version, false) from ledger_entry e"
        " left join notice n on e.notice is not null and n.key = split_part(e.notice, '/', 1)"
        " and n.version::text = split_part(e.notice, '/', 2) and n.language = split_part(e.notice, '/', 3)"
        " left join (select key, max(version) as newest from notice where supersedes = 'major' group by key) m"
        " on m.key = n.key"
        " where e.contact_id is not null and e.event in ('consent_given', 'guardian_consented', 'consent_refused',"
        " 'consent_withdrawn', 'objected', 'objection_lifted', 'complaint', 'restricted', 'restriction_lifted',"
        " 'erasure_requested', 'erased')",
        "e.contact_id",
    ),
    Frame(
        "roles",
        _schema(
            role_id=_INT,
            contact_id=_INT,
            organisation_id=_INT,
            titled=_BOOL,
            position=_TEXT,
            since=_DATE,
            until=_DATE,
            area=_TEXT,
            evidence=_TEXT,
            area_verified_on=_DATE,
        ),
        "select r.id, r.contact_id, r.organisation_id, coalesce(r.title, '') <> '', r.position, r.since, r.until,"
        " a.area, a.evidence, a.verified_on from role r left join role_area a on a.role_id = r.id where true",
        "r.contact_id",
    ),
    Frame(
        "relations",
        _schema(
            contact_id=_INT,
            controller=_TEXT,
            product_group=_TEXT,
            relation=_TEXT,
            last_purchase_day=_INT,
            address_from_sale=_BOOL,
            opt_out_offered=_BOOL,
        ),
        "select k.contact_id, k.controller, k.product_group, k.relation,"
        " (k.last_purchase_on - date '1970-01-01')::bigint, k.address_from_sale, k.opt_out_offered from customer_relation k where true",
        "k.contact_id",
    ),
    Frame(
        "messages",
        _schema(contact_id=_INT, at_us=_INT, controller=_TEXT, purpose=_TEXT),
        f"select m.contact_id, {_us('m.at')}, m.controller, m.purpose from message_sent m where true",
        "m.contact_id",
    ),
    Frame(
        "organisations",
        _schema(
            organisation_id=_INT,
            identity=_TEXT,
            organisation_country=_TEXT,
            form=_TEXT,
            status=_TEXT,
            employees=_INT,
        ),
        "select o.id, o.identity, o.country, o.form, o.status, o.employees::bigint from organisation o where true",
        "o.id",
    ),
    Frame(
        "domains",
        _schema(domain=_TEXT, organisation_id=_INT),
        "select d, o.id from organisation o, unnest(o.domains) d where true",
        "o.id",
    ),
    Frame(
        "organisation_customers",
        _schema(organisation_id=_INT, controller=_TEXT, product_group=_TEXT),
        "select k.organisation_id, k.controller, k.product_group from organisation_customer k where true",
        "k.organisation_id",
    ),
    Frame(
        "prohibitions",
        _schema(
            prohibition_id=_INT,
            target_kind=_TEXT,
            address_key=KEY,
            contact_id=_INT,
            organisation_id=_INT,
            domain=_TEXT,
            channels=_TEXT,
            purposes=_TEXT,
            topics=_TEXT,
            controllers=_TEXT,
            source=_TEXT,
            from_us=_INT,
            valid_from=_DATE,
            valid_until=_DATE,
            reference=_TEXT,
        ),
        # A ban is dated by the day: within its first day nothing shows what came first, so it counts from the day's
        # end; without a first day nothing later can be shown to be later.
        # Most bans are of an address: contact and organisation are looked up for the others, and not joined, for which all
        # of them would be read.
        "select b.id, b.target_kind, b.address_key,"
        " (select coalesce(c.merged_into, c.id) from contact c where c.ref = b.contact_ref),"
        " (select o.id from organisation o where o.identity = b.organisation),"
        f" b.domain, {_set('b.channels')}, {_set('b.purposes')},"
        f" {_set('b.topics')}, {_set('b.controllers')}, b.source,"
        f" coalesce({_us(_DAY_BEGINS.format('(b.valid_from + 1)'))} - 1, 9223372036854775807), b.valid_from, b.valid_until, b.reference from prohibition b"
        " where b.lifted_at is null",
        "b.id",
    ),
    Frame(
        "erased_keys",
        _schema(address_key=KEY, hashed=_BOOL, from_us=_INT, entry_id=_INT),
        # An erasure that was imported without its date shows nothing later to be later.
        f"select k.address_key, k.hashed, case when e.order_known is false then {2**63 - 1}"
        f" else {_us('k.erased_at')} end, k.entry_id from erased_key k left join ledger_entry e on e.id = k.entry_id"
        " where true",
        "k.address_key",
    ),
)
BY_NAME: Mapping[str, Frame] = {frame.name: frame for frame in FRAMES}
CONTACT_FRAMES = ("contacts", "points", "acts", "roles", "relations", "messages")
ORGANISATION_FRAMES = ("organisations", "domains", "organisation_customers")


@dataclass(frozen=True, slots=True)
class ListKeys:
    """The identifiers of a list, each once: what the register is asked about."""

    address_keys: Sequence[bytes] = ()
    sha256_keys: Sequence[bytes] = ()
    refs: Sequence[str] = ()
    business_ids: Sequence[str] = ()
    domains: Sequence[str] = ()
    prohibitions: Sequence[int] = ()


def read_rows(
    connection: Connection[Any], frame: Frame, where: str = "", parameters: Mapping[str, Any] | None = None
) -> pa.Table:
    """One frame, or the rows of it that ``where`` keeps, as an Arrow table of its schema.

    By COPY and read as columns: with a hundred thousand changes that takes a third of what making Python's values does.
    """
    import pyarrow.csv

    text = BytesIO()
    if not copied_out(connection, f"copy ({frame.select}{where}) to stdout (format csv)", text.write, parameters):
        return frame.schema.empty_table()
    told = pyarrow.csv.read_csv(
        pa.BufferReader(text.getbuffer()),
        read_options=pyarrow.csv.ReadOptions(column_names=frame.schema.names),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        # What is null stands without quotes, and an empty text in them.
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={field.name: _TEXT if field.type == KEY else field.type for field in frame.schema},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )
    arrays = [
        _keys_of(column) if field.type == KEY else column
        for column, field in zip(told.columns, frame.schema, strict=True)
    ]
    return pa.table(arrays, schema=frame.schema)


def _keys_of(texts: pa.ChunkedArray) -> pa.Array:
    """Keys from how PostgreSQL writes them, all at once."""
    import pyarrow.compute as pc

    known = texts.drop_null()
    data = bytes.fromhex("".join(known.to_pylist()).replace("-", ""))
    keys = pa.FixedSizeBinaryArray.from_buffers(KEY, len(known), [None, pa.py_buffer(data)])
    if len(known) == len(texts):
        return keys
    return pc.replace_with_mask(pa.nulls(len(texts), KEY), texts.is_valid().combine_chunks(), keys)


#: Columns of one frame by name, one element a row; keys as bytes, dates as dates.
Columns = Mapping[str, Sequence[Any]]


def _any(array: str, kind: str, of: str = "asked") -> str:
    """An array that an earlier part of the statement has made. A scalar to the planner, so that however many it holds,
    and however often the statement is asked, rows are looked up by index.
    """
    return f"any((select {array} from {of})::{kind}[])"


def _frame(name: str, where: str) -> str:
    frame = BY_NAME[name]
    columns = ", ".join(f'"{column}"' for column in frame.schema.names)
    return f"{name}({columns}) as materialized ({frame.select} and {where})"


def _frames(names: Iterable[str], ids: str, of: str) -> str:
    """The rows of these frames that belong to the ids which an earlier part has made."""
    return ",\n".join(_frame(name, f"{BY_NAME[name].owner} = {_any(ids, 'bigint', of)}") for name in names)


#: What everything asked by key begins with: a part a frame, of the rows that can matter to the identifiers given.
BY_KEY_PARTS = f"""
with asked as materialized (
  select %(keys)s::uuid[] as keys, %(hashes)s::uuid[] as hashes, %(refs)s::text[] as refs,
    %(business_ids)s::text[] as business_ids, %(domains)s::text[] as domains, %(prohibitions)s::bigint[] as named
),
-- Two refs that were merged mean one person.
survivors as materialized (
  select c.ref, s.ref as survivor from contact c join contact s on s.id = c.merged_into
  where c.ref = {_any("refs", "text")}
),
named as materialized (select array(
  select contact_id from contact_point where address_key = {_any("keys", "uuid")} and contact_id is not null
  union select contact_id from contact_point where sha256_key = {_any("hashes", "uuid")} and contact_id is not null
  union select contact_id from contact_point where sha256_digits_key = {_any("hashes", "uuid")}
    and contact_id is not null
  union select id from contact where ref = {_any("refs", "text")}
  union select id from contact where ref = any(array(select survivor from survivors))
) as ids),
-- Whoever shares an address with them: a message to it reaches them too.
people as materialized (select array(
  select unnest(ids) from named
  union select other.contact_id from contact_point own join contact_point other on other.address_key = own.address_key
    where own.contact_id = {_any("ids", "bigint", "named")} and other.contact_id is not null
) as ids),
{_frames((name for name in CONTACT_FRAMES if name != "points"), "ids", "people")},
-- One look-up an index, where the same conditions joined by "or" would read the whole table.
point_ids as materialized (select array(
  select id from contact_point where contact_id = {_any("ids", "bigint", "people")}
  union select id from contact_point where address_key = {_any("keys", "uuid")} and contact_id is null
  union select id from contact_point where sha256_key = {_any("hashes", "uuid")} and contact_id is null
  union select id from contact_point where sha256_digits_key = {_any("hashes", "uuid")} and contact_id is null
  union select p.id from contact_point p join organisation o on o.id = p.organisation_id
    where o.identity = {_any("business_ids", "text")} and p.contact_id is null
) as ids),
{_frame("points", f"p.id = {_any('ids', 'bigint', 'point_ids')}")},
organisation_ids as materialized (select array(
  select organisation_id from points where organisation_id is not null
  union select organisation_id from roles
  union select id from organisation where identity = {_any("business_ids", "text")}
  union select id from organisation where domains && (
    select array(select unnest(domains) from asked union select domain from points where domain is not null))
) as ids),
{_frames(ORGANISATION_FRAMES, "ids", "organisation_ids")},
all_keys as materialized (select array(
  select unnest(keys) from asked union select unnest(hashes) from asked
  union select address_key from points
  union select sha256_key from points where sha256_key is not null
  union select sha256_digits_key from points where sha256_digits_key is not null
) as keys),
prohibition_ids as materialized (select array(
  select id from prohibition where address_key = {_any("keys", "uuid", "all_keys")}
  union select id from prohibition where contact_ref = any(array(select ref from contacts))
  -- What was said of a contact merged into one of these is said of it.
  union select b.id from prohibition b join contact m on m.ref = b.contact_ref
    where m.merged_into = {_any("ids", "bigint", "people")}
  union select id from prohibition where organisation = any(array(select identity from organisations))
  union select id from prohibition where domain = any(array(select unnest(domains) from asked
    union select domain from points union select domain from domains))
  union select unnest(named) from asked
) as ids),
{_frame("prohibitions", f"b.id = {_any('ids', 'bigint', 'prohibition_ids')}")},
{_frame("erased_keys", f"k.address_key = {_any('keys', 'uuid', 'all_keys')}")}
"""
_ARRAYS = (
    f"""'{frame.name}', (select json_agg(json_build_array({", ".join(f'"{name}"' for name in frame.schema.names)}))
    from {frame.name})"""
    for frame in FRAMES
)
#: The frames as one JSON object: an array a row.
BY_KEY_FRAMES = f"json_build_object({', '.join(_ARRAYS)})::text"
_BY_KEY = f"{BY_KEY_PARTS} select {BY_KEY_FRAMES}"


def rows_by_key(connection: Connection[Any], keys: ListKeys) -> dict[str, Columns]:
    """The rows of every frame that can matter to these identifiers, asked of PostgreSQL by key in one statement.

    All answers of one statement are of one position; where more is asked beside it, the connection must be in a
    transaction of isolation level repeatable read.
    """
    with connection.cursor() as cursor:
        # Prepared, for planning it takes longer than its work.
        cursor.execute(_BY_KEY, by_key_parameters(keys), prepare=True)
        row = cursor.fetchone()
    return columns_of(row[0] if row else "{}")


def by_key_parameters(keys: ListKeys) -> dict[str, Any]:
    return {
        "keys": [UUID(bytes=key) for key in keys.address_keys],
        "hashes": [UUID(bytes=key) for key in keys.sha256_keys],
        "refs": list(keys.refs),
        "business_ids": list(keys.business_ids),
        "domains": list(keys.domains),
        "prohibitions": list(keys.prohibitions),
    }


def columns_of(told: str) -> dict[str, Columns]:
    """The frames of what ``BY_KEY_FRAMES`` has told."""
    rows: dict[str, list[list[Any]] | None] = msgspec.json.decode(told)
    found: dict[str, Columns] = {}
    for frame in FRAMES:
        columns = list(zip(*(rows.get(frame.name) or ()), strict=True)) or [()] * len(frame.schema)
        found[frame.name] = {
            name: column if read is None else [None if value is None else read(value) for value in column]
            for (name, read), column in zip(_READ[frame.name], columns, strict=True)
        }
    return found


def _key_of(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


#: How each column's values are read from JSON: as they are, as keys or as dates.
_READ: Mapping[str, Sequence[tuple[str, Callable[[str], Any] | None]]] = {
    frame.name: tuple(
        (column.name, _key_of if column.type == KEY else date.fromisoformat if column.type == _DATE else None)
        for column in frame.schema
    )
    for frame in FRAMES
}


def frames_by_key(connection: Connection[Any], keys: ListKeys) -> dict[str, pa.Table]:
    """``rows_by_key`` as Arrow tables."""
    return {
        name: pa.table(dict(columns), schema=BY_NAME[name].schema)
        for name, columns in rows_by_key(connection, keys).items()
    }


def has_hashed_prohibitions(connection: Connection[Any]) -> bool:
    """Whether some prohibition in force arrived hashed, so that plain addresses must be hashed to meet it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from prohibition where target_kind in ('email_sha256', 'phone_sha256')"
            " and lifted_at is null)"
        )
        row = cursor.fetchone()
    return bool(row and row[0])


HASHES_SCHEMA = _schema(prohibition_id=_INT, hash_key=KEY)


def prohibition_hashes(connection: Connection[Any], keys: AddressKeys, kinds: Iterable[str]) -> pa.Table:
    """The hashed keys of prohibitions on plain addresses: only a list that arrives hashed needs them.

    ``kinds``: ``email`` and ``phone``, as the list has them. A ban whose address erasure has dropped is met through
    the kept digests of the erased person instead.
    """
    found = [HASHES_SCHEMA.empty_table()]
    for kind in kinds:
        with connection.cursor() as cursor:
            cursor.execute(
                "select id, document -> 'target' ->> %(kind)s from prohibition where target_kind = %(kind)s"
                " and lifted_at is null and document is not null",
                {"kind": kind},
            )
            rows = cursor.fetchall()
        ids = pa.array([row[0] for row in rows], _INT)
        columns = keys.columns(kind, pa.array([row[1] for row in rows], _TEXT))
        written = (columns.sha256_key, columns.sha256_digits_key)
        found.extend(pa.table([ids, hashes], schema=HASHES_SCHEMA) for hashes in written if hashes is not None)
    return pa.concat_tables(found)
