"""Addresses that cannot be reached, as documents of the contacts that have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from consentmgr.importing.ban_lists.foreign_list import AddressState
from consentmgr.importing.table_readers.reader import KnownRefs
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.canonical.emails import canonical_email
from consentmgr.vocabulary.documents import Contact, Point

_BATCH = 4_096


def state_documents(
    states: Iterable[tuple[int, AddressState]], refs_of: KnownRefs, keys: AddressKeys
) -> Iterator[tuple[int, Contact]]:
    """The states as documents, one for each contact of the register that has the address; strangers give none."""
    batch: list[tuple[int, AddressState, str]] = []
    for line, state in states:
        canonical = canonical_email(state.email)
        if canonical is not None:
            batch.append((line, state, canonical))
        if len(batch) == _BATCH:
            yield from _states_of_batch(batch, refs_of, keys)
            batch = []
    yield from _states_of_batch(batch, refs_of, keys)


def _states_of_batch(
    batch: Sequence[tuple[int, AddressState, str]], refs_of: KnownRefs, keys: AddressKeys
) -> Iterator[tuple[int, Contact]]:
    found = [(line, state, keys.key("email", canonical)) for line, state, canonical in batch]
    known = refs_of([key for _, _, key in found]) if found else {}
    for line, state, key in found:
        for ref in known.get(key, ()):
            yield line, Contact(ref=ref, points=(Point(channel="email", value=state.email, state=state.state),))
