"""The terminal door of lists that are at the desk: seen, fetched, decided, handed over, repeated, removed.

A list is screened at the terminal with ``consentmgr screen``, which leaves its files beside it and nothing at the desk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.screening.desk.lists import ListView

_LIST = click.argument("list_id", metavar="SCREENING", type=click.UUID)


@click.group("screenings")
def screenings_group() -> None:
    """Lists that were brought to the desk or the API, and what came of them."""


@screenings_group.command("list")
@click.option("--campaign", metavar="KEY", help="Only those for this campaign.")
@click.option("--limit", type=click.IntRange(1, 1000), default=25, show_default=True)
def list_command(campaign: str | None, limit: int) -> None:
    """List screenings, the newest first."""
    from consentmgr.screening.desk import lists
    from consentmgr.timetable import tasks

    with _register() as session:
        found = lists.newest(session, actor=signed_in_user(), controllers=None, campaign=campaign, limit=limit)
        by_id = tasks.tasks_of(session, [one.task for one in found if one.task is not None])
    for one in found:
        step = lists.step_of(one, by_id.get(one.task) if one.task is not None else None)
        click.echo(f"{one.id}  {_moment(one.created_at)}  {step}  {one.title}")
    if not found:
        click.echo("no screenings")


@screenings_group.command()
@_LIST
def show(list_id: UUID) -> None:
    """Tell how a screening stands, what it found, who decided about rows to review, and who has it."""
    from consentmgr.screening.desk import decisions, handing, lists
    from consentmgr.timetable import tasks

    with _register() as session:
        found = lists.list_by_id(session, list_id)
        task = tasks.task_of(session, found.task) if found.task is not None else None
        made = decisions.decisions_of(session, found)
        handed = handing.handed_of(session, found)
        mailers = handing.mailers(session, found.controller)
    click.echo(f"{found.title}: {lists.step_of(found, task)}")
    if found.screening is not None and found.summary is not None:
        counts = found.summary.get("verdicts", {})
        click.echo("  ".join(f"{counts.get(verdict, 0):,} {verdict}" for verdict in ("allow", "review", "block")))
    if found.valid_until is not None:
        expired = ", expired" if found.is_expired(clock.now()) else ""
        click.echo(f"good until {_moment(found.valid_until)}{expired}")
    for decision in made:
        about = f"row {decision.row}" if decision.row is not None else decision.reason or "carried over"
        click.echo(f"decided {_moment(decision.decided_at)}  {about}  {decision.verdict}  {decision.actor}")
    for one in handed:
        state = "taken back" if one.withdrawn_at else "fetched" if one.taken_at else "not fetched yet"
        click.echo(f"handed {one.id}  {_moment(one.handed_at)}  {one.account_name}  {state}")
    for mailer in mailers if found.screening is not None else ():
        click.echo(f"can be handed to {mailer.email}")


@screenings_group.command()
@_LIST
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False, exists=True))
def fetch(list_id: UUID, target: Path) -> None:
    """Copy the files of a finished screening into FOLDER, named as beside a list at the terminal."""
    from consentmgr.audit.service import read
    from consentmgr.kit.errors import NotFound
    from consentmgr.screening.desk import decisions, lists
    from consentmgr.screening.desk.result_files import FILES, result_file

    settings = load_settings(os.environ)
    with _register() as session:
        found = _finished(session, list_id)
        paths = []
        for name in FILES:
            try:
                paths.append(result_file(settings, found, name))
            except NotFound:
                # A long list gets no workbook.
                continue
        made = decisions.decisions_of(session, found)
        if any(one.verdict == "allow" for one in made):
            from consentmgr.keys import load_keys

            paths.append(decisions.write_decided(session, found, settings, load_keys(settings), made))
        read(
            session, at=clock.now(), actor=signed_in_user(), object=f"list:{found.id}",
            detail={"file": "all", "rows": found.rows},
        )  # fmt: skip
        for path in paths:
            shutil.copyfile(path, target / path.name)
            click.echo(target / path.name)
    click.echo(f"{lists.KEEP_LISTS.days} days after it was brought the list is removed")


@screenings_group.command()
@_LIST
@click.option("--verdict", type=click.Choice(["allow", "block"]), required=True)
@click.option("--row", "rows", type=int, multiple=True, metavar="NUMBER", help="A row; may be given again.")
@click.option("--reason", metavar="CODE", help="All rows to review of this reason, instead of rows by number.")
@click.option("--note", required=True, help="Why. It is kept with your name; no names or addresses in it.")
def decide(list_id: UUID, verdict: str, rows: tuple[int, ...], reason: str | None, note: str) -> None:
    """Decide about rows that a person must review."""
    from consentmgr.screening.desk import decisions

    if bool(rows) == bool(reason):
        raise BadInput("give rows or a reason", field="--row")
    with _register() as session:
        concerned = decisions.decide(
            session,
            _finished(session, list_id),
            load_settings(os.environ),
            verdict=verdict,
            note=note,
            actor=signed_in_user(),
            now=clock.now(),
            rows=rows,
            reason=reason,
        )
    click.echo(f"{concerned:,} rows decided: {verdict}")


@screenings_group.command()
@_LIST
@click.argument("email")
@click.option("--note", default="", help="What the mailer should know.")
@click.option("--with-decided", is_flag=True, help="Also the rows that a person allowed.")
def hand(list_id: UUID, email: str, note: str, *, with_decided: bool) -> None:
    """Hand the allowed rows to the mailer whose account is EMAIL."""
    from consentmgr.screening.desk import handing
    from consentmgr.staff.accounts import account_named

    with _register() as session:
        handed = handing.hand(
            session,
            _finished(session, list_id),
            account_id=account_named(session, email).id,
            note=note,
            with_decided=with_decided,
            actor=signed_in_user(),
            now=clock.now(),
        )
    click.echo(f"handed over as {handed}")


@screenings_group.command("take-back")
@_LIST
@click.argument("handed", type=click.UUID)
def take_back(list_id: UUID, handed: UUID) -> None:
    """Take a list back that was handed over; HANDED is what `show` names it by."""
    from consentmgr.screening.desk import handing, lists

    with _register() as session:
        found = lists.list_by_id(session, list_id)
        handing.withdraw(session, found, handed, actor=signed_in_user(), now=clock.now())
    click.echo("taken back")


@screenings_group.command()
@_LIST
def again(list_id: UUID) -> None:
    """Screen the list once more for the same campaign, in the background, as before sending."""
    from consentmgr.screening.desk import lists

    with _register() as session:
        new = lists.again(session, lists.list_by_id(session, list_id), actor=signed_in_user(), now=clock.now())
    click.echo(f"{new} waits for its turn; consentmgr serve or scheduler does it")


@screenings_group.command()
@_LIST
def cancel(list_id: UUID) -> None:
    """Cancel a screening that waits or runs; nothing comes of it."""
    from consentmgr.screening.desk import lists

    with _register() as session:
        stopped = lists.stop(session, lists.list_by_id(session, list_id), actor=signed_in_user(), now=clock.now())
    click.echo("cancelled" if stopped else "there was nothing to cancel")


@screenings_group.command()
@_LIST
def remove(list_id: UUID) -> None:
    """Remove the list and its result now. The certificate stays."""
    from consentmgr.screening.desk import lists

    now = clock.now()
    with _register() as session:
        found = lists.list_by_id(session, list_id)
        lists.stop(session, found, actor=signed_in_user(), now=now)
        lists.forget(session, found, load_settings(os.environ), actor=signed_in_user(), now=now)
    click.echo("removed")


@contextmanager
def _register() -> Iterator[Session]:
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        yield session


def _finished(session: Session, list_id: UUID) -> ListView:
    """The screening, where it has an answer that is kept. Raises ``NotFound`` and ``BadInput``."""
    from consentmgr.screening.desk import lists

    found = lists.list_by_id(session, list_id)
    if found.screening is None or found.forgotten_at is not None:
        raise BadInput("the screening is not finished, or its files are not kept any more", field="SCREENING")
    return found


def _moment(at: datetime) -> str:
    return f"{at.astimezone(clock.HELSINKI):%Y-%m-%d %H:%M}"
