"""The links of many messages at once: whom each is to, found set-based, and the tokens minted for all together.

A list's rows get them as columns, and whoever sends by itself asks for them by contact or address (``minting``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.consents.ledger import driver_connection
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.preferences.headers import list_unsubscribe
from consentmgr.preferences.links import Link, LinkKeys, LinkUse, Scope, leave_url, preference_url
from consentmgr.register.models import Controller
from consentmgr.register.reading import default_controller
from consentmgr.vocabulary.documents import Campaign

#: Keys asked of the register in one statement.
_PORTION = 50_000
_KINDS = {"phone": "phone", "sms": "phone", "automated_call": "phone", "fax": "phone", "post": "post"}


@dataclass(frozen=True, repr=False)
class RowPeople:
    """Whom each row is about: a contact's id or None, and the 16 bytes of an address's key or None."""

    contact_ids: list[int | None]
    address_keys: list[bytes | None]

    def named(self) -> list[int]:
        """The places of the rows that are about somebody."""
        pairs = zip(self.contact_ids, self.address_keys, strict=True)
        return [place for place, (contact, key) in enumerate(pairs) if contact is not None or key is not None]


def address_kind_of(campaign: Campaign) -> str:
    """The kind of address the campaign's messages go to."""
    return _KINDS.get(campaign.channel, "email")


def people_of(session: Session, identifiers: pa.Table, campaign: Campaign, keys: AddressKeys) -> RowPeople:
    """Whom each row of a list is about.

    ``identifiers``: the recognised columns as ``CampaignList`` has them. The contact is the one of the row's ``ref``,
    else the oldest that has the address; a row with a ref alone gets the contact's one address of the kind.
    """
    kind = address_kind_of(campaign)
    count = identifiers.num_rows
    found = address_keys_of(identifiers, kind, keys)
    address_keys: list[bytes | None] = found if found is not None else [None] * count
    by_key = _contacts_by_key(session, [key for key in set(address_keys) if key is not None])
    contact_ids = [by_key.get(key) if key is not None else None for key in address_keys]
    if "ref" in identifiers.column_names:
        refs = identifiers["ref"].to_pylist()
        by_ref = _contacts_by_ref(session, [ref for ref in set(refs) if ref is not None], kind)
        for place, ref in enumerate(refs):
            if ref in by_ref:
                contact_ids[place], own = by_ref[ref]
                if address_keys[place] is None:
                    address_keys[place] = own
    return RowPeople(contact_ids, address_keys)


def address_keys_of(identifiers: pa.Table, kind: str, keys: AddressKeys) -> list[bytes | None] | None:
    """The key of each row's address of this kind, None for one that has no canonical form; None where the list has no
    such column.
    """
    names = identifiers.column_names
    found: list[bytes | None]
    if kind in ("email", "phone"):
        if kind not in names:
            return None
        found = keys.column(kind, identifiers[kind]).to_pylist()
        return found
    if "street" not in names or "postal_code" not in names:
        return None
    blank = pa.nulls(identifiers.num_rows, pa.string())

    def column(name: str) -> pa.Array:
        return identifiers[name].combine_chunks() if name in names else blank

    found = keys.post_column(
        column("street"), column("apartment"), column("postal_code"), column("country") if "country" in names else None
    ).to_pylist()
    return found


def _contacts_by_key(session: Session, keys: Sequence[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    with driver_connection(session).cursor(binary=True) as cursor:
        for start in range(0, len(keys), _PORTION):
            # An array written as text is many times cheaper to send than one value at a time.
            wanted = "{" + ",".join([key.hex() for key in keys[start : start + _PORTION]]) + "}"
            cursor.execute(
                "SELECT p.address_key, min(coalesce(c.merged_into, c.id)) FROM contact_point p"
                " JOIN contact c ON c.id = p.contact_id WHERE p.address_key = ANY(%s::uuid[]) GROUP BY p.address_key",
                [wanted],
            )
            found.update((key.bytes, contact_id) for key, contact_id in cursor)
    return found


def _contacts_by_ref(session: Session, refs: Sequence[str], kind: str) -> dict[str, tuple[int, bytes | None]]:
    found: dict[str, tuple[int, bytes | None]] = {}
    with driver_connection(session).cursor(binary=True) as cursor:
        for start in range(0, len(refs), _PORTION):
            cursor.execute(
                "SELECT c.ref, coalesce(c.merged_into, c.id), (SELECT p.address_key FROM contact_point p"
                "  WHERE p.contact_id = coalesce(c.merged_into, c.id) AND p.kind = %s"
                "  GROUP BY p.contact_id, p.address_key ORDER BY min(p.id) LIMIT 1)"
                " FROM contact c WHERE c.ref = ANY(%s)",
                [kind, list(refs[start : start + _PORTION])],
            )
            found.update((ref, (contact_id, key.bytes if key else None)) for ref, contact_id, key in cursor)
    return found


def link_like(session: Session, campaign: Campaign, *, everything: bool = False) -> Link:
    """The leave link of a campaign, without its person: what one who leaves by it leaves.

    The newsletter where the campaign is one, else the channel; ``everything`` asked for: all of it. Raises
    ``BadInput`` where the campaign names no controller and there is no default.
    """
    controller = campaign.controller or _default_controller(session)
    if controller is None:
        raise BadInput("the campaign names no controller, and there is no default one", field="controller")
    topic = campaign.topic if campaign.purpose == "newsletter" and not everything else None
    scope: Scope = "all" if everything else "channel" if topic is None else "topic"
    return Link(
        LinkUse.LEAVE,
        controller,
        None,
        address_kind_of(campaign),
        None,
        campaign.channel,
        scope,
        topic,
        campaign.key,
    )


def _default_controller(session: Session) -> str | None:
    return default_controller(
        {row.key: row.is_default for row in session.execute(select(Controller.key, Controller.is_default))}
    )


@dataclass(frozen=True, repr=False)
class LinkColumns:
    """One value a row, null where the row has no link; as long as the list."""

    preference_url: pa.Array
    one_click_url: pa.Array


def link_columns(people: RowPeople, places: Sequence[int], like: Link, links: LinkKeys, public_url: str) -> LinkColumns:
    """The links of the rows at ``places``; the others have none."""
    contact_ids = [people.contact_ids[place] for place in places]
    address_keys = [people.address_keys[place] for place in places]

    def column(use: LinkUse, address: Callable[[str, str], str]) -> pa.Array:
        tokens = links.mint_many(replace(like, use=use), contact_ids, address_keys)
        prefix = address(public_url, "")
        values: list[str | None] = [None] * len(people.contact_ids)
        for place, token in zip(places, tokens, strict=True):
            values[place] = prefix + token
        return pa.array(values, pa.large_string())

    return LinkColumns(column(LinkUse.PREFERENCES, preference_url), column(LinkUse.LEAVE, leave_url))


def list_unsubscribe_values(
    people: RowPeople,
    places: Sequence[int],
    like: Link,
    links: LinkKeys,
    settings: Settings,
    one_click_url: Callable[[int], str],
) -> list[str]:
    """The value of ``List-Unsubscribe`` for each of the rows at ``places``; with an address of mail where one is read."""
    domain = leaving_domain(settings)
    mailboxes: list[str | None] = [None] * len(places)
    if domain is not None:
        parts = links.mail_local_parts(
            like, [people.contact_ids[place] for place in places], [people.address_keys[place] for place in places]
        )
        mailboxes = [f"{part}@{domain}" for part in parts]
    return [list_unsubscribe(one_click_url(place), mailbox) for place, mailbox in zip(places, mailboxes, strict=True)]


def leaving_domain(settings: Settings) -> str | None:
    """The domain of addresses to leave by, where a mailbox is read that they come to; else None."""
    if settings.imap_url is None or settings.mail_from is None:
        return None
    return settings.mail_from.rpartition("@")[2]
