"""A client of the API: ask before you send, record what people say, follow what changes.

::

    from consentmgr.client import Client

    with Client("https://consent.acme.example") as register:  # the key is CONSENTMGR_API_KEY
        if register.check("2026-11-payroll", {"email": "aino.virtanen@esimerkki.example"}).allowed:
            ...

It needs httpx and msgspec and nothing else of this product. docs/client.md tells the rest.
"""

from consentmgr.client.answers import (
    Bulk,
    Caller,
    Change,
    ChangedContact,
    Changes,
    Document,
    ItemTaken,
    Links,
    Refusal,
    Screening,
    Verdict,
)
from consentmgr.client.errors import (
    ApiError,
    Changed,
    Conflict,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFinished,
    NotFound,
    Problem,
    TooMany,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from consentmgr.client.operations import AsyncClient, Client

__all__ = [
    "ApiError",
    "AsyncClient",
    "Bulk",
    "Caller",
    "Change",
    "Changed",
    "ChangedContact",
    "Changes",
    "Client",
    "Conflict",
    "Document",
    "Invalid",
    "ItemTaken",
    "Links",
    "NotAllowed",
    "NotAuthenticated",
    "NotFinished",
    "NotFound",
    "Problem",
    "Refusal",
    "Screening",
    "TooMany",
    "Unavailable",
    "UnexpectedAnswer",
    "Unreachable",
    "Verdict",
]
