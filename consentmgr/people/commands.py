"""The terminal door of people: find, show, record, ban, lift, edit, and the person's own link."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.kit.clock import local_date
from consentmgr.vocabulary.codes import CHANNELS, LANGUAGES, PLATFORMS, PURPOSES, REFUSAL_GROUNDS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from consentmgr.config import Settings
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.people.reading import Person

_METHODS = ("phone", "paper", "email_link", "in_person", "sms_reply", "web_form")
_KINDS = (
    "consent_given", "guardian_consented", "consent_refused", "consent_withdrawn", "objected", "restricted",
    "objection_lifted", "restriction_lifted",
)  # fmt: skip
_SOURCES = ("self", "guardian", "organisation", "staff", "complaint", "court", "vendor")
_BASES = ("contract", "legal_obligation", "legitimate_interests", "public_task", "vital_interests", "consent")


@click.group("people")
def people_group() -> None:
    """Find people, show one whole, and take down what they say by phone, letter, mail or in person.

    Readings are written in the audit log, as they are at the desk.
    """


@contextmanager
def _register() -> Iterator[tuple[Session, AddressKeys, Settings]]:
    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database, database.transaction() as session:
        yield session, AddressKeys(keys.address_key, keys.address_key_id), settings


def _person(session: Session, ref: str) -> Person:
    from consentmgr.consents.sight import EVERYTHING
    from consentmgr.people.reading import id_of_ref, person_of

    return person_of(session, id_of_ref(session, ref, EVERYTHING), EVERYTHING, clock.now())


def _on_one_line(value: object) -> str:
    """What others wrote, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else " " for character in str(value))


# --- reading ----------------------------------------------------------------------------------------------------------


@people_group.command("find")
@click.argument("text")
def find_command(text: str) -> None:
    """Find people by a name's beginning, an address, a business id or a reference.

    With - the text is read from standard input, so that it stays out of the shell's history.
    """
    from consentmgr.audit import service as audit
    from consentmgr.consents.sight import EVERYTHING
    from consentmgr.people.search import find

    typed = sys.stdin.readline() if text == "-" else text
    with _register() as (session, keys, _):
        found = find(session, typed, sight=EVERYTHING, keys=keys)
        if found.hits:
            audit.read(
                session,
                at=clock.now(),
                actor=signed_in_user(),
                object="contacts:search",
                detail={"found": [hit.id for hit in found.hits]},
            )
    for hit in found.hits:
        parts = (hit.ref, hit.name, hit.organisation or "-", ", ".join(hit.addresses) or "-")
        click.echo("\t".join(_on_one_line(part) for part in parts))
    if found.too_short:
        click.echo("type at least two characters", err=True)
    elif not found.hits:
        click.echo("nobody was found", err=True)
    elif found.more:
        click.echo("there are more; type another part of the name, or an address", err=True)


@people_group.command("show")
@click.argument("ref")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
def show_command(ref: str, language: Any) -> None:
    """Show all that is held of the contact REF: standing, acts, bans, addresses, roles."""
    from consentmgr.audit import service as audit

    with _register() as (session, _, _settings):
        person = _person(session, ref)
        audit.read(
            session, at=clock.now(), actor=signed_in_user(), object=f"contact:{person.contact.id}",
            detail={"entries": len(person.steps), "bans": len(person.bans)},
        )  # fmt: skip
        for line in _told(person, language):
            click.echo(_on_one_line(line))


def _told(person: Person, language: Any) -> Iterator[str]:
    from consentmgr.people.reading import address_of
    from consentmgr.people.words import line_name, word

    contact = person.contact
    yield f"{person.name} ({contact.ref})"
    for name in ("language", "country", "municipality", "born_on", "deceased_on", "restricted_since", "erased_at"):
        if getattr(contact, name) is not None:
            yield f"  {name}: {getattr(contact, name)}"
    for reason in person.whole:
        yield f"  ! {word('whole', reason, language)}"
    for point in person.points:
        yield f"  {word('point', point.kind, language)}: {address_of(point)} ({point.use}, {point.source or '-'}, {point.state})"
    for work in person.work:
        areas = ", ".join(word("area", area.area, language) for area in work.areas)
        yield f"  {work.organisation.name or work.organisation.identity}: {work.role.title or work.role.position or '-'} {areas}"
    for place, cell in person.grid.items():
        if cell.state == "none":
            continue
        why = [f"P{number}" for number in cell.bans] + [f"E{number}" for number in cell.acts]
        why += [word("whole", reason, language) for reason in cell.whole]
        about = f" / {place.topic}" if place.topic else ""
        ground = f" ({word('ground', cell.ground, language)})" if cell.ground else ""
        yield (
            f"  {place.controller} / {line_name(place.line, language)} / {word('purpose', place.purpose, language)}{about}:"
            f" {word('state', cell.state, language)}{ground} {' '.join(why)}".rstrip()
        )
    for shown in person.bans:
        ban = shown.ban
        state = "in force" if shown.in_force else "lifted" if ban.lifted_at else "not in force"
        yield f"  P{ban.id} {state}: {word('prohibition_source', ban.source, language)}, {' '.join(ban.channels) or '*'}"
    for basis in person.bases:
        yield f"  {basis.tag.controller}/{basis.tag.purpose}: {basis.tag.basis} {basis.tag.since or ''} - {basis.tag.until or ''}"
    for step in person.steps:
        entry = step.entry
        scope = " ".join([*entry.channels, *entry.purposes, *entry.topics])
        yield (
            f"  E{step.id} {entry.at:%Y-%m-%d %H:%M} {word('event', entry.event, language)}: {entry.controller or '*'}"
            f" {scope or '*'} {entry.method or '-'} {entry.notice or ''} by {step.actor}"
        )


# --- recording --------------------------------------------------------------------------------------------------------


def _moment(day: datetime | None, hour: str | None, *, stops: bool) -> datetime:
    from consentmgr.people.recording import moment_of

    now = clock.now()
    if day is None and hour is None:
        return now
    return moment_of(
        day.date() if day is not None else local_date(now),
        time.fromisoformat(hour) if hour is not None else None,
        stops=stops,
        now=now,
    )


def _attached(
    session: Session, settings: Settings, keys: AddressKeys, person: Person, path: Path | None
) -> tuple[str | None, Any]:
    """The SHA-256 of a file kept as evidence, and its id."""
    from consentmgr.people.attachments import attach, store_of

    if path is None:
        return None, None
    with path.open("rb") as stream:
        stored = attach(
            session, store_of(settings), stream, name=path.name, contact_id=person.contact.id, address_key=keys.secret,
            actor=signed_in_user(), now=clock.now(),
        )  # fmt: skip
    return stored.sha256, stored.id


def _changed(person: Person, after: Person, language: Any = "en") -> None:
    from consentmgr.people.grid import differences
    from consentmgr.people.words import line_name, word

    for place in differences(person.grid, after.grid):
        was = person.grid.get(place)
        if was is None and after.grid[place].state in ("none", "nothing"):
            continue
        click.echo(
            f"{place.controller} / {line_name(place.line, language)} / {word('purpose', place.purpose, language)}"
            f"{' / ' + place.topic if place.topic else ''}: {word('state', was.state if was else 'none', language)} -> "
            f"{word('state', after.grid[place].state, language)}"
        )


class _Undone(Exception):
    """Ends the transaction of a dry run."""


@contextmanager
def _acting(ref: str, *, dry_run: bool) -> Iterator[tuple[Session, AddressKeys, Settings, Person]]:
    """The register and the person; what changes is told at the end, and with ``dry_run`` undone."""
    from consentmgr.consents.sight import EVERYTHING
    from consentmgr.people.reading import person_of

    try:
        with _register() as (session, keys, settings):
            person = _person(session, ref)
            yield session, keys, settings, person
            session.flush()
            session.expire_all()
            after = person_of(session, person.contact.id, EVERYTHING, clock.now())
            _changed(person, after)
            if dry_run:
                raise _Undone
    except _Undone:
        click.echo("nothing was recorded: a dry run")


@people_group.command("record")
@click.argument("kind", type=click.Choice(_KINDS))
@click.argument("ref")
@click.option(
    "--method", type=click.Choice(_METHODS), required=True, help="How the person told it; email_link for mail."
)
@click.option("--controller", help="Whose; without it an objection speaks of all controllers.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="When it happened; now without it.")
@click.option("--hour", metavar="HH:MM", help="At what time, if it is known.")
@click.option("--given-by", type=click.Choice(["self", "representative", "unverified"]), default="self")
@click.option("--channel", "channels", multiple=True, type=click.Choice(CHANNELS))
@click.option("--purpose", "purposes", multiple=True, type=click.Choice(PURPOSES))
@click.option("--topic", "topics", multiple=True)
@click.option("--platform", "audiences", multiple=True, type=click.Choice(PLATFORMS))
@click.option("--notice", metavar="KEY/VERSION/LANGUAGE", help="The words a consent was given in.")
@click.option("--note", help="What was said; it can be erased.")
@click.option("--attach", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Evidence, 10 MB at most.")
@click.option("--dry-run", is_flag=True, help="Tell what would change and record nothing.")
def record_command(
    kind: Any, ref: str, day: datetime | None, hour: str | None, attach: Path | None, *, dry_run: bool, **given: Any
) -> None:
    """Record what the contact REF said: a consent, a withdrawal, a refusal, an objection, a restriction."""
    from consentmgr.people.attachments import use
    from consentmgr.people.recording import STOPS, Act, record

    with _acting(ref, dry_run=dry_run) as (session, keys, settings, person):
        sha256, file_id = _attached(session, settings, keys, person, None if dry_run else attach)
        act = Act(kind=kind, at=_moment(day, hour, stops=kind in STOPS), attachment_sha256=sha256, **given)
        new = record(session, person.contact.ref, act, keys=keys, actor=signed_in_user(), now=clock.now())
        if file_id is not None:
            use(session, file_id, now=clock.now())
    click.echo(f"{'recorded' if new else 'was recorded before'}: {kind} of {ref}")


@people_group.command("ban")
@click.argument("ref")
@click.option("--source", type=click.Choice(_SOURCES), default="self", show_default=True)
@click.option("--method", type=click.Choice(_METHODS), required=True, help="How it was told; email_link for mail.")
@click.option("--controller", "controllers", multiple=True, help="Whose; all without it.")
@click.option("--channel", "channels", multiple=True, type=click.Choice(CHANNELS))
@click.option("--purpose", "purposes", multiple=True, type=click.Choice(PURPOSES))
@click.option("--topic", "topics", multiple=True)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="When it was told; today without it.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Its last day; it has none without this.")
@click.option("--reference", help="A case or a batch; no names.")
@click.option("--note", help="What was said; it can be erased.")
@click.option("--attach", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Evidence, 10 MB at most.")
@click.option("--dry-run", is_flag=True, help="Tell what would change and record nothing.")
def ban_command(
    ref: str, day: datetime | None, until: datetime | None, attach: Path | None, *, dry_run: bool, **given: Any
) -> None:
    """Enter a standing ban on the contact REF, whatever address they have or get."""
    from consentmgr.people.attachments import use
    from consentmgr.people.recording import NewBan, add_ban
    from consentmgr.vocabulary.documents import ProhibitionTarget

    with _acting(ref, dry_run=dry_run) as (session, keys, settings, person):
        sha256, file_id = _attached(session, settings, keys, person, None if dry_run else attach)
        ban = NewBan(
            target=ProhibitionTarget(contact=person.contact.ref),
            at=_moment(day, None, stops=True),
            valid_until=until.date() if until is not None else None,
            attachment_sha256=sha256,
            **given,
        )
        number, new = add_ban(session, ban, keys=keys, actor=signed_in_user(), now=clock.now())
        if file_id is not None:
            use(session, file_id, now=clock.now())
    click.echo(f"ban P{number} {'holds' if new else 'was there already'}")


@people_group.command("lift")
@click.argument("ref")
@click.argument("ban_id", metavar="BAN")
@click.option(
    "--method", type=click.Choice(_METHODS), required=True, help="How the person told it; email_link for mail."
)
@click.option("--reason", required=True, help="What the person said.")
@click.option("--given-by", type=click.Choice(["self", "representative"]), default="self")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="When it was told; now without it.")
@click.option("--hour", metavar="HH:MM", help="At what time, if it is known.")
@click.option("--attach", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Evidence, 10 MB at most.")
@click.option("--dry-run", is_flag=True, help="Tell what would change and lift nothing.")
def lift_command(
    ref: str, ban_id: str, day: datetime | None, hour: str | None, attach: Path | None, *, dry_run: bool, **given: Any
) -> None:
    """Lift one ban (P12, or 12) of the contact REF by the person's own later word."""
    from consentmgr.consents.sight import EVERYTHING
    from consentmgr.kit.errors import BadInput
    from consentmgr.people.attachments import use
    from consentmgr.people.lifting import check, lift, word

    number = ban_id.removeprefix("P")
    if not (number.isascii() and number.isdigit()):
        raise BadInput("a ban is called by its number, such as P12", field="BAN")
    with _acting(ref, dry_run=dry_run) as (session, keys, settings, person):
        sha256, file_id = _attached(session, settings, keys, person, None if dry_run else attach)
        check(session, person.contact.id, int(number), EVERYTHING)
        act = word(_moment(day, hour, stops=False), attachment_sha256=sha256, **given)
        lifted = lift(session, person.contact.id, int(number), act, keys=keys, actor=signed_in_user(), now=clock.now())
        if file_id is not None:
            use(session, file_id, now=clock.now())
    click.echo(f"ban P{number} {'is lifted' if lifted else 'was lifted before'}")


@people_group.command("basis")
@click.argument("ref")
@click.option("--controller", required=True)
@click.option("--purpose", required=True, help="The key of a processing purpose.")
@click.option("--basis", type=click.Choice(_BASES), required=True)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Its last day: this ends a tag.")
@click.option("--reference", help="Of the balancing test, or of the document; no names.")
def basis_command(ref: str, since: datetime | None, until: datetime | None, **given: Any) -> None:
    """Tag the contact REF with a legal basis of one processing purpose, or end the tag."""
    from consentmgr.people.recording import tag

    with _register() as (session, keys, _):
        person = _person(session, ref)
        new = tag(
            session, person.contact.ref, since=_date(since), until=_date(until), keys=keys, actor=signed_in_user(),
            now=clock.now(), **given,
        )  # fmt: skip
    click.echo("recorded" if new else "that is what was there")


def _date(given: datetime | None) -> date | None:
    return given.date() if given is not None else None


@people_group.command("edit")
@click.argument("ref")
@click.option("--given-name")
@click.option("--family-name")
@click.option("--language", type=click.Choice(LANGUAGES))
@click.option("--email", help="One more e-mail address.")
@click.option("--phone", help="One more telephone number.")
@click.option("--clear", multiple=True, help="A field to empty, by name; nothing else is ever emptied.")
@click.option("--new", is_flag=True, help="Add the contact; without this it must be there.")
@click.option("--controller", "controllers", multiple=True, help="Whose contact it is too.")
@click.option("--dry-run", is_flag=True, help="Tell what would change and change nothing.")
def edit_command(ref: str, email: str | None, phone: str | None, *, new: bool, dry_run: bool, **given: Any) -> None:
    """Mend what the register holds of the contact REF; what is not given stays as it is."""
    from consentmgr.kit.errors import BadInput
    from consentmgr.people.editing import Details, NewPoint, add, change

    now = clock.now()
    points = [NewPoint(kind="email", value=email)] if email else []
    points += [NewPoint(kind="phone", value=phone)] if phone else []
    details = Details(points=tuple(points), **given)
    if new:
        if dry_run:
            raise BadInput("is for contacts that are there", field="--dry-run")
        with _register() as (session, keys, _):
            add(session, details, ref=ref, keys=keys, actor=signed_in_user(), now=now, today=local_date(now))
        click.echo("saved")
        return
    with _acting(ref, dry_run=dry_run) as (session, keys, _, person):
        changed = change(
            session, person.contact.ref, details, keys=keys, actor=signed_in_user(), now=now, today=local_date(now)
        )
        if dry_run:
            click.echo(f"would change: {', '.join(details.fields)}" if changed else "nothing would change")
    if not dry_run:
        click.echo("saved" if changed else "nothing was changed")


@people_group.command("merge")
@click.argument("ref")
@click.option("--into", required=True, metavar="REF", help="The contact that stays.")
@click.option("--reason", required=True, help="Why the two are one person; kept with the merge.")
@click.option("--dry-run", is_flag=True, help="Tell every state that would change, and change nothing.")
def merge_command(ref: str, into: str, reason: str, *, dry_run: bool) -> None:
    """Merge the contact REF into another, and tell every state that changes by it. A merge is not undone."""
    from consentmgr.consents.sight import EVERYTHING
    from consentmgr.importing.merging import merge
    from consentmgr.people.previewing import preview_merge
    from consentmgr.people.words import line_name, word

    now, actor = clock.now(), signed_in_user()
    with _register() as (session, keys, _):
        one, other = _person(session, into), _person(session, ref)
        shown = preview_merge(
            session,
            other.contact.ref,
            one.contact.ref,
            reason=reason,
            sight=EVERYTHING,
            keys=keys,
            actor=actor,
            now=now,
        )
        for place in shown.changed:
            states = " | ".join(word("state", cell.state, "en") for cell in shown.cells[place])
            click.echo(
                f"{place.controller} / {line_name(place.line, 'en')} / {word('purpose', place.purpose, 'en')}"
                f"{' / ' + place.topic if place.topic else ''}: {states}"
            )
        if not shown.changed:
            click.echo("no state changes")
        if shown.merged.reopened:
            click.echo(f"objections that had been taken back hold anew: {shown.merged.reopened}")
        if not dry_run:
            merge(session, other.contact.ref, one.contact.ref, reason=reason, keys=keys, actor=actor, now=now)
    click.echo(f"{'would merge' if dry_run else 'merged'} {ref} into {into}")


@people_group.command("erase")
@click.argument("ref", required=False)
@click.option("--confirm", metavar="REF", help="The reference once more, in place of being asked for it.")
@click.option("--method", type=click.Choice(_METHODS), help="How the person asked for it; email_link for mail.")
@click.option(
    "--from",
    "source",
    type=click.File(encoding="utf-8-sig"),
    metavar="FILE",
    help="Many: references and addresses, one a line; - reads standard input.",
)
@click.option("--reason", help="Why many are erased; a second person decides by it at the desk.")
@click.option("--dry-run", is_flag=True, help="Tell what would go and what stays, and erase nothing.")
def erase_command(
    ref: str | None, confirm: str | None, method: Any, source: Any, reason: str | None, *, dry_run: bool
) -> None:
    """Erase what is known of the contact REF; bans and digests of addresses stay. It is not undone.

    With --from many are listed and a second person is asked for, who decides at the desk under Second person.
    """
    from consentmgr.consents.sight import EVERYTHING
    from consentmgr.kit.errors import BadInput, NotFound
    from consentmgr.people.erasing import ask, erase_one, find_named, keep_list, names_in, what_stays

    if (ref is None) == (source is None):
        raise BadInput("name one contact, or a file with --from", field="REF")
    if source is not None:
        names = names_in(source.read())
        with _register() as (session, keys, _):
            ids, counted = find_named(session, names, sight=EVERYTHING, keys=keys)
            click.echo(
                f"{counted.given:,} given: {counted.found:,} people found, {counted.unknown:,} not found,"
                f" {counted.erased:,} erased already, {counted.several:,} addresses of several people"
            )
            _stays(what_stays(session, ids))
            if dry_run:
                click.echo("nothing was asked for: a dry run")
                return
            kept = keep_list(session, names, sight=EVERYTHING, keys=keys, actor=signed_in_user(), now=clock.now())
            waits = ask(
                session, kept.id, reason=reason or "", sight=EVERYTHING, actor=signed_in_user(), now=clock.now()
            )
        click.echo(f"asked for as {waits}; another person decides at the desk, under Second person")
        return
    with _register() as (session, keys, _):
        person = _person(session, str(ref))
        if person.erased:
            raise NotFound("the contact is erased already")
        _stays(what_stays(session, [person.contact.id]))
        if dry_run:
            click.echo("nothing was erased: a dry run")
            return
        typed = confirm if confirm is not None else click.prompt("Type the reference again to erase for good")
        erase_one(
            session, person.contact.id, typed, sight=EVERYTHING, keys=keys, actor=signed_in_user(), now=clock.now(),
            method=method,
        )  # fmt: skip
    click.echo("erased; the bans stay")


@people_group.command("refuse-erasure")
@click.argument("ref")
@click.option(
    "--ground", type=click.Choice(REFUSAL_GROUNDS), required=True,
    help="What the data is needed for (GDPR 17(3)(a)-(e)), or why else it is not erased (17(1), 12(5), 12(2)).",
)  # fmt: skip
@click.option("--method", type=click.Choice(_METHODS), required=True, help="How the person was answered.")
@click.option("--controller", help="Whose answer it is; without it that of all controllers.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="When it was answered; now without it.")
@click.option("--reason", help="What else the person was told; they see it on their page of choices.")
def refuse_command(
    ref: str, ground: Any, method: Any, controller: str | None, day: datetime | None, reason: str | None
) -> None:
    """Record that the contact REF, who asked to be erased, was answered by a refusal (GDPR 12(4))."""
    from consentmgr.people.refusing import Refusal, refuse

    with _register() as (session, keys, _):
        now = clock.now()
        answer = Refusal(
            **_given_on(day, now),
            controller=controller,
            method=method,
            ground=ground,
            sentence=reason,
        )
        refuse(session, _person(session, ref), answer, keys=keys, actor=signed_in_user(), now=now)
    click.echo("recorded; the request waits no longer, and what is sent does not change")


def _given_on(day: datetime | None, now: datetime) -> dict[str, Any]:
    """When an answer was given: now, or on a day of which the hour is not told."""
    moment = now.astimezone(clock.HELSINKI)
    return {"day": moment.date(), "hour": moment.time()} if day is None else {"day": day.date(), "hour": None}


@people_group.command("extend-erasure")
@click.argument("ref")
@click.option("--method", type=click.Choice(_METHODS), required=True, help="How the person was told.")
@click.option("--controller", help="Who takes the time; without it all controllers.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="When the person was told; now without it.")
@click.option("--reason", required=True, help="Why the answer takes longer, as the person was told.")
def extend_command(ref: str, method: Any, controller: str | None, day: datetime | None, reason: str) -> None:
    """Record that the contact REF, who asked to be erased, was told that the answer takes two months more (GDPR 12(3))."""
    from consentmgr.people.extending import Extension, extend

    with _register() as (session, keys, _):
        now = clock.now()
        told = Extension(
            **_given_on(day, now),
            controller=controller,
            method=method,
            reason=reason,
        )
        due = extend(session, _person(session, ref), told, keys=keys, actor=signed_in_user(), now=now)
    click.echo(f"recorded; the request is answered by {due:%Y-%m-%d}, and what is sent does not change")


def _stays(told: Any) -> None:
    click.echo(
        f"goes: {told.points:,} addresses, personal parts of {told.evidence:,} entries, {told.files:,} attachments;"
        f" stays: {told.bans:,} bans, {told.keys:,} digests of addresses, {told.entries:,} entries without them"
    )


@people_group.command("link")
@click.argument("ref")
@click.option("--controller", required=True)
@click.option("--mail", is_flag=True, help="Mail it to the person's first e-mail address in place of printing it.")
def link_command(ref: str, controller: str, *, mail: bool) -> None:
    """Print the link by which the contact REF sees and changes their own choices, or mail it to them."""
    from consentmgr.audit import service as audit
    from consentmgr.kit.errors import BadInput, NotFound
    from consentmgr.people.own_link import mail_link, mint_link

    with _register() as (session, keys, settings):
        person = _person(session, ref)
        if controller not in person.controllers:
            raise NotFound(f"there is no controller {controller}")
        point = next((one for one in person.points if one.kind == "email"), None)
        if person.erased or (mail and point is None):
            raise BadInput("the contact has no address the link could go to", field="REF")
        audit.record(
            session, at=clock.now(), actor=signed_in_user(), action="link_mailed" if mail else "link_shown",
            object=f"contact:{person.contact.id}", detail={"controller": controller},
        )  # fmt: skip
        if mail and point is not None:
            mail_link(
                session, person, point, controller=controller, otherwise=settings.language, keys=keys, now=clock.now()
            )
            click.echo("the link is on its way")
        else:
            click.echo(mint_link(settings, person, point, controller=controller))
