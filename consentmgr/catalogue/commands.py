"""The terminal doors of what the catalogue's pages do and no file can bring: bans listed and lifted, notices weighed.

Everything else on those pages is a document: ``consentmgr import`` takes it, and ``policy``, ``rules`` and ``forms`` have
commands of their own.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, get_args

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import CHANNELS, PROHIBITION_SOURCES, ConsentMethod, GivenBy

if TYPE_CHECKING:
    from datetime import datetime

    from consentmgr.kit.address_keys import AddressKeys

_METHODS = [method for method in get_args(ConsentMethod) if method != "import"]


@click.group("bans")
def bans_group() -> None:
    """List prohibitions, look for one address, lift by the person's own newer act. New ones are imported."""


@bans_group.command("list")
@click.option(
    "--state", type=click.Choice(["in_force", "ended", "lifted", "all"]), default="in_force", show_default=True
)
@click.option("--source", type=click.Choice(PROHIBITION_SOURCES))
@click.option("--channel", type=click.Choice(CHANNELS))
@click.option("--controller", metavar="KEY")
@click.option("--before", type=int, metavar="NUMBER", help="Go on below this ban.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--find", is_flag=True, help="Read one address, number, domain, business id or ref from standard input.")
def list_bans_command(
    *,
    state: str,
    source: str | None,
    channel: str | None,
    controller: str | None,
    before: int | None,
    limit: int,
    find: bool,
) -> None:
    """List prohibitions, newest first; addresses are masked, or told by their digest's beginning.

    What is looked for comes by standard input, so that no list of processes shows it.
    """
    from consentmgr.db import open_database
    from consentmgr.prohibitions.listing import BanFilter, list_bans, target_filter

    settings = load_settings(os.environ)
    if find:
        wanted = target_filter(sys.stdin.readline(), _keys())
    else:
        wanted = BanFilter(state=state, source=source, channel=channel, controller=controller)  # type: ignore[arg-type]
    with open_database(settings) as database, database.reading() as session:
        found = list_bans(session, wanted, controllers=None, today=local_date(clock.now()), before=before, limit=limit)
    for ban in found:
        scope = ", ".join((*ban.channels, *ban.purposes, *ban.topics, *ban.controllers)) or "everything"
        until = f" until {ban.valid_until}" if ban.valid_until else ""
        state_told = f"  lifted {ban.lifted_at:%Y-%m-%d}" if ban.lifted_at else ""
        click.echo(f"{ban.id}  {ban.target_kind} {ban.target}  {scope}  {ban.source}{until}{state_told}")
    if not found:
        click.echo("none")


@bans_group.command("lift")
@click.argument("numbers", type=int, nargs=-1, required=True)
@click.option("--at", required=True, metavar="TIME", help="When the person acted (ISO 8601 with an offset).")
@click.option("--method", required=True, type=click.Choice(_METHODS), help="How the person acted.")
@click.option("--given-by", type=click.Choice(get_args(GivenBy)), default="self", show_default=True)
@click.option("--reason", required=True, help="What the person wanted.")
@click.option("--evidence", required=True, help="What shows it: where the letter or recording is kept.")
@click.option("--approved-by", metavar="NAME", help="The second person, for more than ten at once.")
def lift_command(
    numbers: tuple[int, ...],
    *,
    at: str,
    method: ConsentMethod,
    given_by: GivenBy,
    reason: str,
    evidence: str,
    approved_by: str | None,
) -> None:
    """Lift bans by a newer act of the person. All or none."""
    from consentmgr.db import open_database
    from consentmgr.prohibitions.lifting import Act, lift_by_act

    actor = signed_in_user()
    act = Act(at=_moment(at), method=method, given_by=given_by, reason=reason, note=evidence, recorded_by=actor)
    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        lifted = lift_by_act(session, numbers, act, keys=_keys(), actor=actor, now=clock.now(), approved_by=approved_by)
    click.echo(f"{len(lifted)} lifted")


@click.group("notices")
def notices_group() -> None:
    """See what a notice's versions have, and what a new one would do. New versions are imported."""


@notices_group.command("effect")
@click.argument("key")
def effect(key: str) -> None:
    """Tell how many consents a next version of the notice KEY would make stale, were it a major one."""
    from sqlalchemy import func, select

    from consentmgr.campaigns.policy import current
    from consentmgr.consents.superseding import given_under, going_stale
    from consentmgr.db import open_database
    from consentmgr.register.models import Notice
    from consentmgr.vocabulary.time_rules import oldest_inside

    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        newest = session.scalar(select(func.max(Notice.version)).where(Notice.key == key))
        if newest is None:
            raise BadInput("there is no notice of this key", field="KEY")
        limit = oldest_inside(local_date(clock.now()), current(session).consent_inactive_review_months)
        stale = going_stale(session, key, newest + 1, limit=limit)
        given = given_under(session, key)
    for version, counts in given.items():
        click.echo(f"{key}/{version}  {counts.consents:,} consents of {counts.people:,} people")
    click.echo(f"a major version {newest + 1} would make {stale.consents:,} stale, of {stale.people:,} people")


def _moment(given: str) -> datetime:
    from datetime import datetime

    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise BadInput("is not a time, such as 2026-11-01T09:00:00+02:00", field="--at") from None
    if found.tzinfo is None:
        raise BadInput("must have an offset, as in 2026-11-01T09:00:00+02:00", field="--at")
    return found


def _keys() -> AddressKeys:
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    keys = load_keys(load_settings(os.environ))
    return AddressKeys(keys.address_key, keys.address_key_id)
