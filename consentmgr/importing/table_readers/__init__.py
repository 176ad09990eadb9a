"""Rows of tables as documents: one reader a kind of table, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from consentmgr.importing.table_readers.consents import ConsentReader
from consentmgr.importing.table_readers.contacts import ContactReader
from consentmgr.importing.table_readers.organisations import OrganisationReader
from consentmgr.importing.table_readers.prohibitions import ProhibitionReader
from consentmgr.importing.table_readers.reader import Reader
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES, Channel, Purpose

TableKind = Literal["contacts", "consents", "prohibitions", "organisations"]

READERS: dict[TableKind, type[Reader]] = {
    "contacts": ContactReader,
    "consents": ConsentReader,
    "prohibitions": ProhibitionReader,
    "organisations": OrganisationReader,
}
#: The columns each kind of table may have.
FIELDS: dict[TableKind, tuple[str, ...]] = {kind: reader.fields for kind, reader in READERS.items()}


def checked_options(
    *, channels: Sequence[str] = (), purposes: Sequence[str] = ()
) -> tuple[tuple[Channel, ...], tuple[Purpose, ...]]:
    """Channels and purposes as a command line gives them. Raises ``BadInput`` that lists the codes."""
    for given, codes, option in ((channels, CHANNELS, "--channels"), (purposes, PURPOSES, "--purposes")):
        if wrong := [one for one in given if one not in codes]:
            raise BadInput(f"{option}: {wrong[0]} is none of {', '.join(codes)}")
    return cast("tuple[Channel, ...]", tuple(channels)), cast(tuple[Purpose, ...], tuple(purposes))
