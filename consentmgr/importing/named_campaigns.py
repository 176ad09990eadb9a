"""The campaign somebody means: one that is kept, by its key, or a whole document given on the spot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from consentmgr.campaigns.keeping import kept_campaigns
from consentmgr.importing.campaign_documents import campaign_of_document, field_below
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.register.models import Controller
from consentmgr.register.reading import default_controller
from consentmgr.vocabulary.documents import Campaign


def campaign_named(
    session: Session, told: str | Mapping[str, Any], *, controllers: Collection[str] | None, field: str = "campaign"
) -> Campaign:
    """The kept campaign of this key, or the one this document says; of one of these controllers (None: of any).

    What the campaign leaves open is filled in: its controller is named. ``field`` is where it was given. Raises
    ``BadInput`` naming the field of a document that is none, and ``NotFound`` for a key that is not kept and for
    anything of a controller that is not theirs.
    """
    if isinstance(told, str):
        # A null character is in no key we keep, and PostgreSQL takes none.
        found = kept_campaigns(session, [told]).get(told) if "\0" not in told else None
        if found is None:
            raise NotFound("there is no such campaign")
    else:
        found = campaign_of_document(dict(told), below=field)
    controller = found.controller or default_controller(
        {row.key: row.is_default for row in session.execute(select(Controller.key, Controller.is_default))}
    )
    if controller is None and controllers is None:
        raise BadInput("no controller is named, and there is no default one", field=field_below(field, "controller"))
    if controllers is not None and not {controller, *found.joint_controllers} <= {*controllers}:
        raise NotFound("there is no such campaign")
    return msgspec.structs.replace(found, controller=controller)
