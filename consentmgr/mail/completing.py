"""What a mail is completed with when it is about to be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from consentmgr.config import Language, Settings
from consentmgr.mail.words import BY_NAME


@dataclass(frozen=True, slots=True, repr=False)
class QueuedMail:
    """A row of the outbox that has been taken in hand. ``attempts`` counts this one."""

    id: int
    template: str
    language: Language
    controller: str
    address: str
    address_key: UUID
    fields: Mapping[str, Any]
    created_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True, repr=False)
class Completion:
    """What stands for the placeholders, and how the sender is shown.

    ``sender`` is the controller's name, ``colour`` its own (``#rrggbb``) or None, ``headers`` further header fields
    (``List-Unsubscribe``), which may hold links and are kept nowhere.
    """

    sender: str
    values: Mapping[str, str]
    colour: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


#: Asked in a session that only reads; None where the mail is not wanted any more, and then it is dropped.
Complete = Callable[[Session, QueuedMail, Settings, datetime], Completion | None]


def completion_of(session: Session, mail: QueuedMail, settings: Settings, now: datetime) -> Completion | None:
    """Ask the function that the mail's template names."""
    module, _, name = BY_NAME[mail.template].completed_by.partition(":")
    complete: Complete = getattr(import_module(module), name)
    return complete(session, mail, settings, now)
