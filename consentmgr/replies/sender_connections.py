"""Connections to sending services: made, listed, removed. Their secrets go in and are never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from consentmgr.audit.service import record
from consentmgr.edge.reachable import Network
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.kit.sealing import sealed, unsealed
from consentmgr.register.models import Controller
from consentmgr.replies.models import SenderConnection, SenderEvent
from consentmgr.replies.senders import BY_KIND
from consentmgr.replies.senders.sender import Connection, Sender

#: How long it is remembered which events were taken; every sender has given up repeating long before.
KEEP_EVENTS: Final = timedelta(days=90)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A connection as it is listed: how many events were taken for what within ``KEEP_EVENTS``, and when the last was."""

    name: str
    kind: str
    controller: str
    created_at: datetime
    taken: Mapping[str, int]
    last_at: datetime | None
    options: Mapping[str, str]
    disabled_at: datetime | None

    @property
    def path(self) -> str:
        """Where the sender posts to, below the public address."""
        return path_of(self.kind, self.name)


def path_of(kind: str, name: str) -> str:
    return f"/in/{kind}/{name}"


def new_secrets(kind: str) -> dict[str, str]:
    """Fresh secrets for a sender that is told them by us; empty for one that makes its own. Raises ``BadInput``."""
    return {name: make() for name, make in _sender(kind).made.items()}


def address_told(public_url: str, path: str, secrets: Mapping[str, str]) -> str:
    """The address to be given to the sender, with the user and password where it takes them in the address."""
    scheme, _, place = f"{public_url}{path}".partition("://")
    credentials = secrets.get("credentials")
    return f"{scheme}://{credentials}@{place}" if credentials is not None else f"{scheme}://{place}"


def add(
    session: Session,
    name: str,
    kind: str,
    controller: str,
    *,
    secrets: Mapping[str, str],
    options: Mapping[str, str],
    address_key: bytes,
    actor: str,
    now: datetime,
) -> None:
    """A new connection. Raises ``BadInput`` naming what is missing, wrong or unknown."""
    sender = _sender(kind)
    if not _NAME.fullmatch(name):
        raise BadInput("has small letters, digits and hyphens", field="name")
    if session.get(SenderConnection, name) is not None:
        raise BadInput(f"there is a connection {name} already", field="name")
    if session.get(Controller, controller) is None:
        raise BadInput(f"there is no controller {controller}", field="controller")
    _check(sender, secrets, options)
    session.add(
        SenderConnection(
            name=name,
            kind=kind,
            controller=controller,
            options=dict(options),
            secrets=sealed(secrets, address_key),
            created_at=now,
            created_by=actor,
        )
    )
    session.flush()
    _note(session, "add", name, actor, now, kind=kind, controller=controller)


def _sender(kind: str) -> Sender:
    sender = BY_KIND.get(kind)
    if sender is None:
        raise BadInput(f"there is no sender {kind}; there are {', '.join(BY_KIND)}", field="kind")
    return sender


def _check(sender: Sender, secrets: Mapping[str, str], options: Mapping[str, str]) -> None:
    for given, known in ((secrets, sender.secrets), (options, sender.options)):
        for field in given:
            if field not in known:
                raise BadInput(f"{sender.name} has no {field}; it has {', '.join(known) or 'none'}", field=field)
    for group in sender.needs:
        if not group & (secrets.keys() | options.keys()):
            names = sorted(group)
            told = {**sender.secrets, **sender.options}[names[0]]
            raise BadInput(f"is missing: {told}" if len(names) == 1 else "is missing", field=" or ".join(names))
    sender.check(secrets, options)


def replace_secrets(
    session: Session, name: str, secrets: Mapping[str, str], *, address_key: bytes, actor: str, now: datetime
) -> None:
    """Other secrets for a connection, instead of all it has. Raises ``BadInput``, ``NotFound``."""
    row = _row(session, name)
    _check(BY_KIND[row.kind], secrets, row.options)
    row.secrets = sealed(secrets, address_key)
    session.flush()
    _note(session, "replace_secrets", name, actor, now, kind=row.kind)


def remove(session: Session, name: str, *, actor: str, now: datetime) -> None:
    """Hear a connection no more. What it told stays. Raises ``NotFound``."""
    row = _row(session, name)
    session.delete(row)
    session.flush()
    _note(session, "remove", name, actor, now, kind=row.kind)


def set_disabled(session: Session, name: str, *, disabled: bool, actor: str, now: datetime) -> None:
    """Take nothing of a connection until it is enabled, or take again. Raises ``NotFound``."""
    row = _row(session, name)
    if (row.disabled_at is not None) == disabled:
        return
    row.disabled_at = now if disabled else None
    session.flush()
    _note(session, "disable" if disabled else "enable", name, actor, now, kind=row.kind)


def opened(
    session: Session, kind: str, name: str, *, named: Sequence[Network], address_key: bytes, now: datetime
) -> Connection:
    """A connection with its secrets. Raises ``NotFound``, also for one that is disabled."""
    row = _row(session, name)
    if row.kind != kind or row.disabled_at is not None:
        raise NotFound(f"there is no connection {name}")
    return Connection(
        name=row.name,
        kind=row.kind,
        controller=row.controller,
        options=dict(row.options),
        secrets=unsealed(row.secrets, address_key),
        named=named,
        now=now,
    )


def listed(session: Session) -> list[Listed]:
    """Every connection, by name."""
    taken: dict[str, dict[str, int]] = {}
    last: dict[str, datetime] = {}
    counts = (
        select(SenderEvent.connection, SenderEvent.act, func.count().label("number"), func.max(SenderEvent.taken_at))
        .where(SenderEvent.act != "token")
        .group_by(SenderEvent.connection, SenderEvent.act)
    )
    for connection, act, number, newest in session.execute(counts):
        taken.setdefault(connection, {})[act] = number
        last[connection] = max(newest, last.get(connection, newest))
    return [
        Listed(
            name=row.name,
            kind=row.kind,
            controller=row.controller,
            created_at=row.created_at,
            taken=taken.get(row.name, {}),
            last_at=last.get(row.name),
            options=dict(row.options),
            disabled_at=row.disabled_at,
        )
        for row in session.scalars(select(SenderConnection).order_by(SenderConnection.name))
    ]


def found(session: Session, name: str) -> Listed:
    """One connection as it is listed. Raises ``NotFound``."""
    for row in listed(session):
        if row.name == name:
            return row
    raise NotFound(f"there is no connection {name}")


def forget_events(session: Session, now: datetime) -> int:
    """Forget which events were taken long ago; how many."""
    gone = session.execute(
        delete(SenderEvent).where(SenderEvent.taken_at < now - KEEP_EVENTS).returning(SenderEvent.connection)
    )
    return len(gone.all())


def _row(session: Session, name: str) -> SenderConnection:
    row = session.get(SenderConnection, name)
    if row is None:
        raise NotFound(f"there is no connection {name}")
    return row


def _note(session: Session, action: str, name: str, actor: str, now: datetime, **detail: Any) -> None:
    record(session, at=now, actor=actor, action=f"senders.{action}", object=f"sender:{name}", detail=detail)
