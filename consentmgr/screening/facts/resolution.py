"""Whom and what a row is about: contacts, the contact point it would be sent to, the organisation (law.md stage 3).

A row becomes one *candidate* for each contact that has its ref, its e-mail address or its phone number (post: the
named person only), or one with nobody (``person`` 0). All candidates are judged; the least permissive wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import narwhals as nw
import pyarrow as pa

from consentmgr.screening.facts.columns import Frame, Keep, constant, is_known, is_unknown
from consentmgr.screening.facts.holders import PERSON
from consentmgr.screening.question import Question

#: Columns of the list as the engine sees it; ``KEY`` columns are keyed digests, null where the row has none.
ROWS_SCHEMA = pa.schema(
    [
        ("row_no", pa.int64()),
        ("invalid", pa.bool_()),
        ("email_key", pa.binary(16)),
        ("phone_key", pa.binary(16)),
        ("post_key", pa.binary(16)),
        ("row_name_key", pa.binary(16)),
        ("email_hash_key", pa.binary(16)),
        ("phone_hash_key", pa.binary(16)),
        # Of the addresses above, where some ban arrived hashed: with the number's plus, and without.
        ("email_plain_hash", pa.binary(16)),
        ("phone_plain_hash", pa.binary(16)),
        ("phone_digits_hash", pa.binary(16)),
        ("row_ref", pa.string()),
        ("row_business_id", pa.string()),
        ("row_domain", pa.string()),
        ("row_mailbox", pa.string()),
        ("row_source", pa.string()),
        ("row_acquired_on", pa.date32()),
        ("row_titled", pa.bool_()),
        ("row_areas", pa.string()),
    ]
)

#: What is carried of a contact point; every other column of it has done its work when the point is found.
_POINT_FACTS = (
    "organisation_id",
    "address_key",
    "use",
    "source",
    "acquired_on",
    "verified_on",
    "informed_on",
    "state",
    "soft_bounces",
    "published",
    "domain",
    "mailbox",
)

#: Columns that say whom or what a row is about.
_NAMING = ("email_key", "phone_key", "post_key", "email_hash_key", "phone_hash_key", "row_ref", "row_business_id")
#: Keys of the plain addresses' own hashes: they name nobody whom the addresses do not, and meet bans that arrived hashed.
PLAIN_HASHES = ("email_plain_hash", "phone_plain_hash", "phone_digits_hash")


@dataclass(frozen=True, slots=True)
class ListShape:
    """How many rows carry each identifier: a join is only made where a row can need it."""

    rows: int
    counts: Mapping[str, int]

    def has(self, *columns: str) -> bool:
        return any(self.counts.get(column, 0) for column in columns)

    def all_have(self, *columns: str) -> bool:
        """Every row has one of these; told from the counts, so a "no" may be a yes where rows have several."""
        return any(self.counts.get(column, 0) == self.rows for column in columns)

    def presence(self) -> tuple[frozenset[str], frozenset[str]]:
        """The identifiers that some rows carry and those that every row does: all that is ever asked of a shape."""
        some = frozenset(column for column in (*_NAMING, *PLAIN_HASHES) if self.counts.get(column, 0))
        return some, frozenset(column for column in some if self.counts[column] == self.rows)

    @classmethod
    def of(cls, some: frozenset[str], every: frozenset[str]) -> Self:
        """A shape of this presence."""
        return cls(2, {column: 2 if column in every else 1 for column in some})


def candidates(rows: Frame, register: Mapping[str, Frame], question: Question, shape: ListShape) -> Frame:
    """``row_no``, ``person`` (0 for nobody) and ``own_point``: the contact point by which the row names the person.

    ``own_point`` is null where the person was found otherwise than by an address of the campaign's channel.
    """
    points, contacts = register["points"], register["contacts"]
    of_contacts = points.filter(is_known("contact_id"))
    aimed = _aimed_kinds(question)
    matches: list[Frame] = []
    for kind in ("email", "phone"):
        known = of_contacts.filter(nw.col("kind") == kind)
        for row_key, point_keys in (
            (f"{kind}_key", ("address_key",)),
            (f"{kind}_hash_key", ("sha256_key", "sha256_digits_key") if kind == "phone" else ("sha256_key",)),
        ):
            if shape.has(row_key):
                matches.extend(_matched(rows, known, row_key, key, aimed=kind in aimed) for key in point_keys)
    if shape.has("post_key"):
        named = of_contacts.filter(nw.col("kind") == "post").join(
            contacts.select("contact_id", "name_key"), on="contact_id", how="inner"
        )
        at_address = (
            rows.select("row_no", "post_key", "row_name_key")
            .filter(is_known("post_key"))
            .join(
                named.select("contact_id", "point_id", "name_key", "address_key"),
                left_on="post_key",
                right_on="address_key",
            )
        )
        matches.append(
            at_address.filter(
                is_unknown("row_name_key") | (nw.col("row_name_key") == nw.col("name_key")).fill_null(False)
            ).select(
                "row_no",
                nw.col("contact_id").alias("person"),
                own_point=nw.col("point_id") if "post" in aimed else nw.lit(None, dtype=nw.Int64()),
            )
        )
    if shape.has("row_ref"):
        matches.append(
            rows.select("row_no", "row_ref")
            .filter(is_known("row_ref"))
            .join(contacts.select("ref", "contact_id"), left_on="row_ref", right_on="ref")
            .select("row_no", nw.col("contact_id").alias("person"), own_point=nw.lit(None, dtype=nw.Int64()))
        )
    if not matches:
        return rows.select("row_no", person=nw.lit(0).cast(nw.Int64), own_point=nw.lit(None, dtype=nw.Int64()))
    # A letter is the named person's alone, whoever else lives at the address; a message to a profile goes to no address.
    to_an_address = question.point_kind != "post" and not question.is_inmail
    if to_an_address and not shape.all_have(*_target_columns(question)):
        matches.append(_holders_of_register_address(rows, nw.concat(matches, how="vertical"), of_contacts, question))
    matched = matches[0]
    if len(matches) > 1:
        matched = (
            nw.concat(matches, how="vertical").group_by("row_no", "person").agg(own_point=nw.col("own_point").min())
        )
    return (
        rows.select("row_no")
        .join(matched, on="row_no", how="left")
        .select("row_no", person=nw.col("person").fill_null(0), own_point=nw.col("own_point"))
    )


def _holders_of_register_address(rows: Frame, matched: Frame, of_contacts: Frame, question: Question) -> Frame:
    """Where the row gives no address and the register's is taken: everybody else who has that address.

    The message goes to their mailbox or telephone too, just as if the row had named it.
    """
    points = of_contacts.filter(nw.col("kind").is_in(list(_aimed_kinds(question))))
    silent = rows.filter(_target_key(question).is_null() & _target_hash(question).is_null()).select("row_no")
    book = _preferred(points, "contact_id", question).select(person="contact_id", book_key="address_key")
    return (
        matched.select("row_no", "person")
        .join(silent, on="row_no", how="semi")
        .join(book, on="person", how="inner")
        .join(points.select("contact_id", "point_id", "address_key"), left_on="book_key", right_on="address_key")
        .select("row_no", nw.col("contact_id").alias("person"), own_point=nw.col("point_id"))
    )


def _aimed_kinds(question: Question) -> tuple[str, ...]:
    """Kinds of contact point that the campaign's channel can use."""
    return ("email", "phone") if question.is_audience or question.is_inmail else (question.point_kind,)


def _matched(rows: Frame, points: Frame, row_key: str, point_key: str, *, aimed: bool) -> Frame:
    return (
        rows.select("row_no", row_key)
        .filter(is_known(row_key))
        .join(
            points.select("contact_id", "point_id", point_key).filter(is_known(point_key)),
            left_on=row_key,
            right_on=point_key,
        )
        .select(
            "row_no",
            nw.col("contact_id").alias("person"),
            own_point=nw.col("point_id") if aimed else nw.lit(None, dtype=nw.Int64()),
        )
    )


def aimed_rows(rows: Frame, question: Question, *more: str) -> Frame:
    """The row's own columns that facts need and ``more``, with ``target_key``, ``target_hash`` and ``target_given``."""
    return rows.with_columns(target_key=_target_key(question), target_hash=_target_hash(question)).select(
        "row_no",
        "invalid",
        "target_key",
        "target_hash",
        "row_business_id",
        "row_domain",
        "row_mailbox",
        "row_source",
        "row_acquired_on",
        "row_titled",
        "row_areas",
        *more,
        target_given=is_known("target_key") | is_known("target_hash"),
    )


def _target_key(question: Question) -> nw.Expr:
    """The address in the row that the campaign's channel would use."""
    if question.is_audience:
        return nw.coalesce("email_key", "phone_key")
    return nw.col(f"{question.point_kind}_key")


def _target_hash(question: Question) -> nw.Expr:
    if question.is_audience:
        return nw.coalesce("email_hash_key", "phone_hash_key")
    if question.point_kind == "post":
        return nw.lit(None, dtype=nw.Binary())
    return nw.col(f"{question.point_kind}_hash_key")


def named_directly(question: Question, shape: ListShape) -> bool:
    """Whether rows are named by nothing but the address that the campaign's channel uses.

    Most lists are such, and then finding the person and finding the contact point are one and the same.
    """
    if not is_sent_to_an_address(question):
        return False
    naming = [column for column in _NAMING if column != "row_business_id"]
    return [key for key in naming if shape.has(key)] == [f"{question.point_kind}_key"]


def is_sent_to_an_address(question: Question) -> bool:
    """Whether the campaign goes to one e-mail address or telephone number a row."""
    return not (question.is_audience or question.is_inmail) and question.point_kind != "post"


def is_of_plain_addresses(question: Question, shape: ListShape) -> bool:
    """Whether people are named by nothing but e-mail addresses and telephone numbers in plain, and reached by one."""
    others = ("post_key", "email_hash_key", "phone_hash_key", "row_ref")
    return is_sent_to_an_address(question) and not shape.has(*others)


def met_by_join(rows: Frame, register: Mapping[str, Frame], question: Question) -> Frame:
    """For lists that are ``named_directly``: each row with each contact that holds its address, and the point by which
    it does (``HELD``); null where nobody does.
    """
    holders = register["points"].filter(is_known("contact_id") & (nw.col("kind") == question.point_kind))
    met_key = nw.col("address_key").alias("met_key")
    held = holders.select(met_key, *(nw.col(column).alias(name) for name, column in HELD.items()))
    return rows.join(held, left_on=f"{question.point_kind}_key", right_on="met_key", how="left")


def located_directly(met: Frame, question: Question) -> Frame:
    """As ``candidates`` and ``located_by_candidate`` in one, for lists that are ``named_directly``.

    ``met``: rows of the list as ``met_by_join`` gives them.
    """
    held = [name for name in HELD if name in met.columns]
    return aimed_rows(met, question, *held).with_columns(person=nw.col("person").fill_null(0))


def located_both_ways(
    met: Frame, indirect: Frame, register: Mapping[str, Frame], question: Question, shape: ListShape, keep: Keep
) -> Frame:
    """``located_directly`` of rows that were ``met``, and ``located_by_candidate`` of the ``indirect`` others."""
    people = keep(candidates(indirect, register, question, shape), "people")
    others = located_by_candidate(people, aimed_rows(indirect, question), register, question, shape)
    directly = located_directly(met, question)
    # Told of points that no row of ``met`` is asked for: each gives the address itself.
    unasked = {name: nw.lit(None, dtype=kind) for name, kind in _UNASKED.items() if name not in directly.columns}
    columns = [*directly.columns, *unasked]
    return nw.concat([directly.with_columns(**unasked).select(*columns), others.select(*columns)], how="vertical")


def located_by_candidate(
    people: Frame, rows: Frame, register: Mapping[str, Frame], question: Question, shape: ListShape
) -> Frame:
    """Each candidate with its row, its contact point (``own_*``) and its contact.

    ``people``: what ``candidates`` gave; ``rows``: what ``aimed_rows`` gave. Where the row gives no address for the
    channel the register's is taken.
    """
    of_contacts = register["points"].filter(nw.col("kind").is_in(list(_aimed_kinds(question))) & is_known("contact_id"))
    cases = people.join(rows, on="row_no", how="left")
    if not shape.all_have(*_target_columns(question)):
        book = _preferred(of_contacts, "contact_id", question).select(person="contact_id", book_point="point_id")
        cases = (
            cases.join(book, on="person", how="left")
            .with_columns(
                # Who shares the address that is taken from the register is judged by that address.
                own_point=nw.when(nw.col("target_given"))
                .then(nw.col("own_point"))
                .otherwise(nw.coalesce("own_point", "book_point"))
            )
            .drop("book_point")
        )
    cases = cases.join(_carried(of_contacts, "own_", own_point=nw.col("point_id")), on="own_point", how="left")
    return cases.join(
        register["contacts"].select(**{name: nw.col(column) for name, column in _OF_PERSON.items()}),
        on="person",
        how="left",
    )


def located(
    cases: Frame, register: Mapping[str, Frame], question: Question, shape: ListShape, *, by_row: bool
) -> Frame:
    """Each candidate with its row, its contact point (``point_*``) and its contact: narrow, for what follows.

    ``cases``: what ``located_directly`` or ``located_by_candidate`` gave; ``by_row``: whoever and whatever was found was
    found by what stands in the row, whose domain and mailbox it has: the register's are not read. Where nobody has the
    address, the point is the organisation's that lists it.
    """
    points = register["points"].filter(nw.col("kind").is_in(list(_aimed_kinds(question))))
    listed = points.filter(is_unknown("contact_id"))
    first = listed.group_by("address_key").agg(point_id=nw.col("point_id").min()).select("point_id")
    cases = cases.join(
        _carried(
            listed.join(first, on="point_id"),
            "listed_",
            target_key=nw.col("address_key"),
            listed_point=nw.col("point_id"),
        ),
        on="target_key",
        how="left",
    )
    hashes = [name for name in _target_columns(question) if name.endswith("_hash_key")]
    if shape.has(*hashes):
        cases = _listed_by_hash(cases, listed)
    if shape.has("row_business_id"):
        of_organisation = _preferred(listed, "organisation_id", question).join(
            register["organisations"].select("organisation_id", "identity"), on="organisation_id"
        )
        firm = _carried(of_organisation, "firm_", row_business_id=nw.col("identity"), firm_point=nw.col("point_id"))
        cases = cases.join(firm, on="row_business_id", how="left")
        from_row = nw.col("target_given") | is_known("own_point")
        cases = cases.with_columns(
            nw.when(from_row).then(nw.col(f"listed_{name}")).otherwise(nw.col(f"firm_{name}")).alias(f"listed_{name}")
            for name in ("point", *_POINT_FACTS)
        )
    needs_no_address = question.is_inmail or question.is_company_list
    email_like = question.point_kind == "email" or question.is_inmail
    # Only where the row does not give the address in plain: its own keys are matched to bans as they stand.
    register_key = nw.when(is_unknown("target_key")).then(nw.coalesce("own_address_key", "listed_address_key"))
    return cases.select(
        "row_no",
        "person",
        "invalid",
        "row_business_id",
        "row_source",
        "row_acquired_on",
        "row_titled",
        "row_areas",
        *(name for name in PERSON if name != "non_disclosure"),
        *(
            nw.coalesce(f"own_{name}", f"listed_{name}").alias(f"point_{name}")
            for name in _POINT_FACTS
            if name not in ("organisation_id", "address_key", "domain", "mailbox")
        ),
        non_disclosure=nw.col("non_disclosure_").fill_null(False),
        listed_by_organisation=is_known("listed_point"),
        point_known=is_known("own_point") | is_known("listed_point"),
        address_known=nw.col("target_given")
        | is_known("own_point")
        | is_known("listed_point")
        | constant(needs_no_address),
        **({} if by_row else {"register_key": register_key}),
        domain=nw.coalesce("row_domain", "own_domain", "listed_domain")
        if email_like and not by_row
        else nw.col("row_domain"),
        mailbox=nw.col("row_mailbox") if by_row else nw.coalesce("row_mailbox", "own_mailbox", "listed_mailbox"),
        # "The point's organisation, or the one listing it."
        point_organisation=nw.coalesce("own_organisation_id", "listed_organisation_id"),
        is_generic=(nw.col("own_use") == "generic").fill_null(False)
        | (
            (nw.col("listed_use") == "generic").fill_null(False)
            & nw.col("own_use").fill_null("unknown").is_in(["unknown", "generic"])
        ),
    )


def _listed_by_hash(cases: Frame, listed: Frame) -> Frame:
    """The organisation's point that the row names by its hash, where no plain address has found one."""
    hashes = [
        listed.filter(is_known(name)).select("point_id", target_hash=nw.col(name))
        for name in ("sha256_key", "sha256_digits_key")
    ]
    first = nw.concat(hashes, how="vertical").group_by("target_hash").agg(hashed_point=nw.col("point_id").min())
    found = _carried(listed, "hashed_", hashed_point=nw.col("point_id"))
    cases = cases.join(first, on="target_hash", how="left").join(found, on="hashed_point", how="left")
    # Told before the coalescing below makes the listed point known.
    return cases.with_columns(
        nw.coalesce(f"listed_{name}", f"hashed_{name}").alias(f"listed_{name}") for name in ("point", *_POINT_FACTS)
    )


#: What is carried of a contact; whether it is protected gets a passing name, for nobody's is "no" and not unknown.
_OF_PERSON: Mapping[str, str] = {
    "person": "contact_id",
    **{"non_disclosure_" if name == "non_disclosure" else name: name for name in PERSON},
}
#: Facts of a point that are read only where the row does not give the address.
_UNASKED = {"own_address_key": nw.Binary(), "own_domain": nw.String(), "own_mailbox": nw.String()}
#: What a point's columns are called in the rows that meet it. Of the point itself nothing is asked but whether there is one.
HELD: Mapping[str, str] = {"own_point": "contact_id", **{f"own_{name}": name for name in _POINT_FACTS}, **_OF_PERSON}


def _carried(points: Frame, prefix: str, **keys: nw.Expr) -> Frame:
    return points.select(
        *(expression.alias(name) for name, expression in keys.items()),
        *(nw.col(name).alias(f"{prefix}{name}") for name in _POINT_FACTS),
    )


def _target_columns(question: Question) -> tuple[str, ...]:
    if question.is_audience:
        return ("email_key", "phone_key", "email_hash_key", "phone_hash_key")
    return (f"{question.point_kind}_key", f"{question.point_kind}_hash_key")


def _preferred(points: Frame, owner: str, question: Question) -> Frame:
    """One point an owner, where the row gives no address: working before failing, of the campaign's kind of use
    first, then the one known longest. The rank and the point's id are packed in one number, least is best.
    """
    fitting = (
        ["work", "generic"] if question.is_business or owner == "organisation_id" else ["private", "contact_address"]
    )
    rank = (
        nw.when(nw.col("state") != "ok").then(nw.lit(4)).otherwise(nw.lit(0))
        + nw.when(nw.col("use").is_in(fitting)).then(nw.lit(0)).otherwise(nw.lit(2))
        + nw.when(nw.col("kind") == question.point_kind).then(nw.lit(0)).otherwise(nw.lit(1))
    )
    ranked = points.with_columns(preference=rank.cast(nw.Int64) * 1_000_000_000_000 + nw.col("point_id"))
    best = ranked.group_by(owner).agg(nw.col("preference").min())
    return ranked.join(best.select("preference"), on="preference").drop("preference")


def with_organisation(cases: Frame, register: Mapping[str, Frame], question: Question, shape: ListShape) -> Frame:
    """Adds ``organisation_id`` (0 where none) with its facts, and ``country`` whose law applies.

    Of the point, else the row's business id, else the one whose domains hold exactly the e-mail's domain, else that
    of the one current role.
    """
    organisations = register["organisations"]
    if shape.has("row_business_id"):
        cases = cases.join(
            organisations.select(
                nw.col("identity").alias("row_business_id"), named_organisation=nw.col("organisation_id")
            ),
            on="row_business_id",
            how="left",
        )
    else:
        cases = cases.with_columns(named_organisation=nw.lit(None, dtype=nw.Int64()))
    owners = (
        register["domains"]
        .group_by("domain")
        .agg(domain_organisation=nw.col("organisation_id").min(), owners=nw.len())
        .filter(nw.col("owners") == 1)
        .select("domain", "domain_organisation")
    )
    cases = cases.join(owners, on="domain", how="left")
    cases = cases.join(_employers(register["roles"], question), on="person", how="left")
    only_role = nw.when(_holds("only_role_since", "only_role_until", question)).then(nw.col("only_role_at"))
    found = ("point_organisation", "named_organisation", "domain_organisation")
    cases = cases.with_columns(
        organisation_id=nw.coalesce(*(nw.col(name) for name in found), only_role, "several_roles_at").fill_null(0),
        domain_known=is_known("domain_organisation"),
    ).drop(*found, "several_roles_at", "only_role_at", "only_role_since", "only_role_until")
    cases = cases.join(organisations.drop("identity"), on="organisation_id", how="left")
    works_there = nw.col("is_generic") | nw.col("point_use").is_in(["work", "generic"]).fill_null(False)
    from_domain_alone = (nw.col("person") == 0) & (nw.col("organisation_id") != 0)
    return cases.with_columns(
        country=nw.when((works_there & (nw.col("organisation_id") != 0)) | from_domain_alone)
        .then(nw.col("organisation_country"))
        .otherwise(nw.col("country"))
        .fill_null("FI"),
    ).drop("organisation_country")


def _employers(roles: Frame, question: Question) -> Frame:
    """Per ``person`` with several roles, of which the current ones are all at one organisation: that one
    (``several_roles_at``).
    """
    return (
        current_roles(roles, question)
        .filter(~nw.col("alone"))
        .group_by("contact_id")
        .agg(first=nw.col("organisation_id").min(), last=nw.col("organisation_id").max())
        .filter(nw.col("first") == nw.col("last"))
        .select(nw.col("contact_id").alias("person"), several_roles_at=nw.col("first"))
    )


def current_roles(roles: Frame, question: Question) -> Frame:
    """Roles that hold on the day: both the first and the last day are inside."""
    return roles.filter(_holds("since", "until", question))


def _holds(since: str, until: str, question: Question) -> nw.Expr:
    today = nw.lit(question.today)
    return (is_unknown(since) | (nw.col(since) <= today)) & (is_unknown(until) | (nw.col(until) >= today))
