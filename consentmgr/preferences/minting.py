"""Links for whoever sends by itself: minted for contacts or addresses, for one campaign, many at a time.

Nobody is screened here, and nobody is told who is in the register: an address gets its links whether somebody has it or
not, because whoever is written to must be able to leave.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa
from sqlalchemy.orm import Session

from consentmgr.config import Settings
from consentmgr.consents.sight import SEEN, Sight
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.preferences.headers import LIST_UNSUBSCRIBE_POST
from consentmgr.preferences.link_columns import (
    RowPeople,
    address_keys_of,
    address_kind_of,
    link_columns,
    link_like,
    list_unsubscribe_values,
    people_of,
)
from consentmgr.preferences.links import LinkKeys
from consentmgr.register.reading import psycopg_connection
from consentmgr.vocabulary.documents import Campaign

#: Minted at once, at most.
MOST_LINKS: Final = 1_000
_POSTAL: Final = ("street", "apartment", "postal_code", "country")


@dataclass(frozen=True, slots=True, repr=False)
class Minted:
    """The links of one message, and the values of its header fields where it is an e-mail."""

    preference_url: str
    one_click_url: str
    list_unsubscribe: str | None
    list_unsubscribe_post: str | None


def mint(
    session: Session,
    settings: Settings,
    keys: AddressKeys,
    links: LinkKeys,
    campaign: Campaign,
    wanted: Sequence[Mapping[str, Any]],
    *,
    controllers: Collection[str] | None,
    everything: bool = False,
) -> list[Minted | BadInput]:
    """The links of each of ``wanted``, in order; for one that can have none, what is wrong with it.

    One of ``wanted`` has ``ref``, the contact's, or an address (``email``, ``phone``, or ``post`` in its parts), or both:
    who it is and where the message goes. Contacts who are not of these controllers (None: of any) are not known here.
    ``everything``: leaving ends all, not this newsletter or channel alone. Raises ``BadInput`` for a campaign that names
    no controller.
    """
    like = link_like(session, campaign, everything=everything)
    kind = address_kind_of(campaign)
    identifiers = _identifiers(wanted, kind)
    people = _seen(session, people_of(session, identifiers, campaign, keys), controllers)
    given = address_keys_of(identifiers, kind, keys) or [None] * len(wanted)
    refused = {
        place: fault
        for place, one in enumerate(wanted)
        if (fault := _fault(one, kind, given[place], people.contact_ids[place])) is not None
    }
    places = [place for place in people.named() if place not in refused]
    made = link_columns(people, places, like, links, settings.public_url)
    told: dict[int, tuple[str | None, str | None]] = dict.fromkeys(places, (None, None))
    if like.channel == "email":
        values = list_unsubscribe_values(
            people, places, like, links, settings, lambda place: str(made.one_click_url[place])
        )
        told = {place: (value, LIST_UNSUBSCRIBE_POST) for place, value in zip(places, values, strict=True)}
    minted = {
        place: Minted(str(made.preference_url[place]), str(made.one_click_url[place]), *told[place]) for place in places
    }
    return [minted[place] if place in minted else refused[place] for place in range(len(wanted))]


def _identifiers(wanted: Sequence[Mapping[str, Any]], kind: str) -> pa.Table:
    """The refs, and the addresses of the kind that messages go to, as a list has them."""
    columns: dict[str, list[Any]] = {"ref": [one.get("ref") for one in wanted]}
    if kind == "post":
        columns |= {name: [(one.get("post") or {}).get(name) for one in wanted] for name in _POSTAL}
    else:
        columns[kind] = [one.get(kind) for one in wanted]
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def _seen(session: Session, people: RowPeople, controllers: Collection[str] | None) -> RowPeople:
    """The same without contacts that are not of these controllers."""
    ids = {contact_id for contact_id in people.contact_ids if contact_id is not None}
    if controllers is None or not ids:
        return people
    rows = psycopg_connection(session).execute(
        f"SELECT c.id FROM contact c WHERE c.id = ANY(%(ids)s) AND {SEEN}",  # noqa: S608 - our own words
        {"ids": sorted(ids), **Sight(frozenset(controllers)).parameters},
    )
    seen = {contact_id for (contact_id,) in rows}
    return replace(people, contact_ids=[one if one in seen else None for one in people.contact_ids])


def _fault(one: Mapping[str, Any], kind: str, key: bytes | None, contact_id: int | None) -> BadInput | None:
    """Why this one can have no links; the sentence names no address."""
    if one.get(kind) and key is None:
        return BadInput("it has no canonical form, so no message can go there", field=kind)
    if one.get("ref") and contact_id is None:
        return BadInput("there is no contact of this ref", field="ref")
    if not one.get("ref") and not one.get(kind):
        return BadInput(f"the campaign's messages go to a contact's {kind}: give that, or a ref", field=kind)
    return None
