"""The terminal door of exports: export create, list, preview, run, runs, show, ack, sent; export documents."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from consentmgr.config import load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.importing.commands import export_documents
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotFound
from consentmgr.kit.progress import progress

if TYPE_CHECKING:
    from consentmgr.vocabulary.documents import Campaign


@click.group("export")
def export_group() -> None:
    """Write the register out: suppression lists and audiences for partners, or every document."""


# One word for the person at the terminal; the command itself is the importer's other half and lives there.
export_group.add_command(export_documents)


@export_group.command("create")
@click.argument("key")
@click.option("--partner", required=True, help="Who gets it.")
@click.option("--to", "destination", required=True, metavar="ADDRESS", help="Where it goes, as folder:/srv/exports.")
@click.option("--format", "form", required=True, help="Form of the files; consentmgr export formats lists them.")
@click.option("--channel", required=True, help="The channel the partner uses.")
@click.option("--purpose", default="direct_marketing", show_default=True)
@click.option("--topic", default=None, help="Only stops that reach this topic.")
@click.option("--controller", default=None, help="Whose messages; the default controller's unless given.")
@click.option(
    "--allowed", "campaign_name", default=None, metavar="FILE|KEY", help="Send who may get this campaign instead."
)
@click.option("--delta", is_flag=True, help="After the first, only what changed since the last acknowledged sequence.")
@click.option("--cron", default=None, metavar="EXPRESSION", help="When, as “0 3 * * *”; only when asked unless given.")
@click.option("--time-zone", default="Europe/Helsinki", show_default=True)
@click.option("--catch-up", type=click.Choice(["latest", "all"]), default="latest", show_default=True)
@click.option("--skip-older", type=int, default=None, metavar="HOURS", help="Leave out slots missed by more than this.")
@click.option("--most-lag", type=int, default=None, metavar="HOURS", help="Alarm where not acknowledged after this.")
@click.option("--lag-ends-certificates", is_flag=True, help="A lagging partner makes certificates invalid.")
@click.option(
    "--encrypt-to",
    default=None,
    metavar="AGE1…|FILE",
    help="Encrypt the files to this age public key, or to the OpenPGP public key in FILE.",
)
@click.option("--digest-key-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), default=None)
@click.option(
    "--secret-file",
    "secret_files",
    multiple=True,
    metavar="NAME=FILE",
    help="A secret of the destination, such as password or private_key, read from a file.",
)
def create_command(
    key: str,
    partner: str,
    destination: str,
    form: str,
    channel: str,
    purpose: str,
    topic: str | None,
    controller: str | None,
    campaign_name: str | None,
    cron: str | None,
    time_zone: str,
    catch_up: str,
    skip_older: int | None,
    most_lag: int | None,
    encrypt_to: str | None,
    digest_key_file: Path | None,
    secret_files: tuple[str, ...],
    *,
    delta: bool,
    lag_ends_certificates: bool,
) -> None:
    """Make the schedule KEY: what leaves, for whom, in which form, where to and when."""
    from consentmgr.db import open_database
    from consentmgr.exports.encryption import recipient_of
    from consentmgr.exports.runs import DIGEST_KEY
    from consentmgr.exports.schedules import NewSchedule, create
    from consentmgr.keys import load_keys

    secrets = dict(_secret(text) for text in secret_files)
    if digest_key_file is not None:
        secrets[DIGEST_KEY] = digest_key_file.read_text(encoding="utf-8").strip()
    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database, database.transaction() as session:
        new = NewSchedule(
            key=key,
            partner=partner,
            controller=controller,
            content="allowed" if campaign_name else "suppressed",
            channel=channel,
            purpose=purpose,
            topic=topic,
            campaign=_campaign(session, campaign_name) if campaign_name else None,
            format=form,
            delta=delta,
            destination=destination,
            secrets=secrets,
            encrypt_to=recipient_of(encrypt_to) if encrypt_to is not None else None,
            cron=cron,
            time_zone=time_zone,
            catch_up=catch_up,  # type: ignore[arg-type]
            skip_older_hours=skip_older,
            most_lag_hours=most_lag,
            lag_ends_certificates=lag_ends_certificates,
        )
        create(session, new, address_key=keys.address_key, actor=signed_in_user(), now=clock.now())
    click.echo(f"made the schedule {key}; consentmgr export preview {key} tells what it would send")


def _campaign(session: object, name: str) -> Campaign:
    from sqlalchemy.orm import Session

    from consentmgr.screening.run import campaign_of

    assert isinstance(session, Session)
    return campaign_of(session, name)


def _secret(text: str) -> tuple[str, str]:
    name, separator, file = text.partition("=")
    if not separator or not Path(file).is_file():
        raise BadInput("is NAME=FILE, and the file holds the secret", field="--secret-file")
    return name, Path(file).read_text(encoding="utf-8").strip()


@export_group.command("change")
@click.argument("key")
@click.option("--partner", default=None, help="Who gets it.")
@click.option("--to", "destination", default=None, metavar="ADDRESS", help="Where it goes, as folder:/srv/exports.")
@click.option("--cron", default=None, metavar="EXPRESSION", help="When, as “0 3 * * *”; “never” for only when asked.")
@click.option("--time-zone", default=None)
@click.option("--catch-up", type=click.Choice(["latest", "all"]), default=None)
@click.option("--skip-older", type=int, default=None, metavar="HOURS", help="0 for all slots, however late.")
@click.option("--most-lag", type=int, default=None, metavar="HOURS", help="0 for no alarm.")
@click.option("--lag-ends-certificates/--lag-ends-nothing", "lag_ends", default=None)
@click.option("--encrypt-to", default=None, metavar="AGE1…|FILE", help="“nobody” for files in the open.")
@click.option(
    "--secret-file", "secret_files", multiple=True, metavar="NAME=FILE",
    help="A secret of the destination, read from a file, in place of the one that is kept.",
)  # fmt: skip
def change_command(
    key: str,
    partner: str | None,
    destination: str | None,
    cron: str | None,
    time_zone: str | None,
    catch_up: str | None,
    skip_older: int | None,
    most_lag: int | None,
    encrypt_to: str | None,
    secret_files: tuple[str, ...],
    *,
    lag_ends: bool | None,
) -> None:
    """Change the schedule KEY; what is not given stays as it is. What it holds and for whom is never changed."""
    from consentmgr.db import open_database
    from consentmgr.exports.desk import Change, change
    from consentmgr.exports.encryption import recipient_of
    from consentmgr.exports.runs import schedule_of
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with open_database(settings) as database, database.transaction() as session:
        held = schedule_of(session, key)
        if encrypt_to is None:
            recipient = held.encrypt_to
        else:
            recipient = None if encrypt_to == "nobody" else recipient_of(encrypt_to)
        asked = Change(
            partner=partner if partner is not None else held.partner,
            destination=destination,
            secrets=dict(_secret(text) for text in secret_files),
            encrypt_to=recipient,
            cron=held.cron if cron is None else None if cron == "never" else cron,
            time_zone=time_zone if time_zone is not None else held.time_zone,
            catch_up=catch_up or held.catch_up,
            skip_older_hours=held.skip_older_hours if skip_older is None else skip_older or None,
            most_lag_hours=held.most_lag_hours if most_lag is None else most_lag or None,
            lag_ends_certificates=held.lag_ends_certificates if lag_ends is None else lag_ends,
        )
        change(session, key, asked, address_key=keys.address_key, actor=signed_in_user(), now=clock.now())
    click.echo(f"changed {key}")


@export_group.command("pause")
@click.argument("key")
def pause_command(key: str) -> None:
    """Let the schedule KEY stand still until consentmgr export resume."""
    from consentmgr.db import open_database
    from consentmgr.exports.desk import set_paused

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        set_paused(session, key, paused=True, actor=signed_in_user(), now=clock.now())
    click.echo(f"{key} stands still")


@export_group.command("resume")
@click.argument("key")
@click.option(
    "--reason", default="", help="Why; a second person decides by it where people who may be written to leave."
)
def resume_command(key: str, reason: str) -> None:
    """Let the schedule KEY go on. One that sends people who may be written to waits for a second person at the desk."""
    from consentmgr.db import open_database
    from consentmgr.exports.desk import ask_second, set_paused
    from consentmgr.exports.runs import schedule_of

    now, actor = clock.now(), signed_in_user()
    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        schedule = schedule_of(session, key)
        if schedule.content == "allowed":
            waits = ask_second(session, schedule, what="resume", full=False, reason=reason, actor=actor, now=now)
            told = f"asked for as {waits}; another person decides at the desk, under Second person"
        else:
            set_paused(session, key, paused=False, actor=actor, now=now)
            told = f"{key} goes on by its timetable"
    click.echo(told)


@export_group.command("formats")
def formats_command() -> None:
    """List the forms of files, and the destinations."""
    from consentmgr.exports.destinations import DESTINATIONS
    from consentmgr.exports.formats import FORMATS

    for form in FORMATS:
        click.echo(f"{form.name:<10} {form.describes} ({', '.join(form.kinds)})")
    click.echo()
    for kind in DESTINATIONS:
        click.echo(f"{kind.scheme:<10} {kind.describes}")


@export_group.command("list")
def list_command() -> None:
    """List the schedules and where each stands."""
    from consentmgr.db import open_database
    from consentmgr.exports.runs import last_acknowledged, last_published
    from consentmgr.exports.schedules import all_schedules

    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        schedules = all_schedules(session)
        if not schedules:
            click.echo("There is no schedule yet; consentmgr export create makes one.")
        for schedule in schedules:
            newest = last_published(session, schedule.key)
            click.echo(
                f"{schedule.key}: {schedule.content} {schedule.channel} for {schedule.partner}, {schedule.format},"
                f" {schedule.cron or 'when asked'}; published {newest or 'nothing yet'},"
                f" acknowledged {last_acknowledged(session, schedule.key) or 'nothing yet'}"
            )


@export_group.command("run")
@click.argument("key")
@click.option("--full", is_flag=True, help="Send the whole list, also where the schedule sends deltas.")
@click.option("--anew", is_flag=True, help="Ask about everybody, not only about those of whom something has changed.")
def run_command(key: str, *, full: bool, anew: bool) -> None:
    """Run the schedule KEY now, and wait until its manifest is delivered."""
    from consentmgr.db import open_database
    from consentmgr.exports.runs import host_and_process, run_schedule
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    with open_database(settings) as database, progress(4, f"Exporting {key}") as advance:
        done = run_schedule(
            database,
            settings,
            load_keys(settings),
            key,
            full=full,
            anew=anew,
            actor=signed_in_user(),
            claimed_by=host_and_process(),
            now=clock.now(),
            tell=lambda _step: advance(1),
        )
        advance(1)
    if done is None:
        click.echo(f"another process is running {key} now")
        return
    click.echo(f"{key}, sequence {done.sequence}, {done.mode}: {done.came:,} new, {done.went:,} lifted")
    for file in done.files:
        click.echo(f"  {file.name}  {file.rows:,} rows  {file.bytes:,} bytes")


@export_group.command("preview")
@click.argument("key")
def preview_command(key: str) -> None:
    """Tell how many the schedule KEY would send now and why, and send nothing."""
    from sqlalchemy.orm import Session

    from consentmgr.db import open_database
    from consentmgr.exports.content import gather, reasons_of_set
    from consentmgr.exports.runs import schedule_of
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    with (
        open_database(settings) as database,
        Session(database.engine.execution_options(isolation_level="REPEATABLE READ")) as session,
    ):
        counts = gather(
            session,
            schedule_of(session, key),
            keys=AddressKeys(keys.address_key, keys.address_key_id),
            now=clock.now(),
        )
        reasons = reasons_of_set(session)
        session.rollback()
    click.echo(f"{counts.rows:,} addresses")
    for reason, number in reasons:
        click.echo(f"  {reason:<24} {number:,}")
    if counts.weighed:
        click.echo(f"weighed by screening: {counts.weighed:,}, of which left out: {counts.left_out:,}")


@export_group.command("runs")
@click.argument("key")
def runs_command(key: str) -> None:
    """List the runs of the schedule KEY, newest first."""
    from consentmgr.db import open_database
    from consentmgr.exports.runs import runs_of

    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        for run in runs_of(session, key):
            told = f"published {run.published_at:%Y-%m-%d %H:%M}" if run.published_at else run.state
            acknowledged = f", acknowledged by {run.acknowledged_by}" if run.acknowledged_at else ""
            error = f", last trouble: {run.error}" if run.error else ""
            click.echo(f"{run.sequence}  {run.mode}  {told}{acknowledged}{error}")


@export_group.command("show")
@click.argument("key")
@click.argument("sequence", type=int)
def show_command(key: str, sequence: int) -> None:
    """Print the signed manifest of one run."""
    from consentmgr.db import open_database
    from consentmgr.exports.runs import run_of
    from consentmgr.keys import load_keys
    from consentmgr.kit.signing import public_jwk, verify_jws

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.reading() as session:
        run = run_of(session, key, sequence)
        if run.manifest is None:
            raise NotFound(f"sequence {sequence} of {key} has not been published: it is {run.state}")
        claims = verify_jws(run.manifest, public_jwk(load_keys(settings).signing_key))
    click.echo(json.dumps({**claims, "manifest": run.manifest}, ensure_ascii=False, indent=2))


@export_group.command("ack")
@click.argument("key")
@click.argument("sequence", type=int)
@click.option("--by", default=None, help="Who said so; the signed-in user unless given.")
def ack_command(key: str, sequence: int, by: str | None) -> None:
    """Note that the partner holds a sequence; deltas are made from there on."""
    from consentmgr.db import open_database
    from consentmgr.exports.runs import acknowledge

    actor = signed_in_user()
    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        acknowledge(session, key, sequence, by=by or actor, actor=actor, now=clock.now())
    click.echo(f"{key}: sequence {sequence} acknowledged")


@export_group.command("sent")
@click.argument("key")
@click.argument("address")
@click.option("--on", "moment", type=click.DateTime(), default=None, help="As it was then; now unless given.")
def sent_command(key: str, address: str, moment: datetime | None) -> None:
    """Tell whether an e-mail ADDRESS or number stood in what the schedule KEY had sent by then."""
    from consentmgr.consents.ledger import driver_connection
    from consentmgr.db import open_database
    from consentmgr.exports.runs import schedule_of
    from consentmgr.exports.stored_set import stood_in
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys

    settings = load_settings(os.environ)
    keys = load_keys(settings)
    address_keys = AddressKeys(keys.address_key, keys.address_key_id)
    found = address_keys.email(address) if "@" in address else address_keys.phone(address)
    if found is None:
        raise BadInput("is no e-mail address and no telephone number that can be matched", field="ADDRESS")
    at = moment.replace(tzinfo=clock.HELSINKI) if moment is not None else clock.now()
    with open_database(settings) as database, database.reading() as session:
        schedule_of(session, key)
        held = stood_in(driver_connection(session), key, found.address_key, at)
    if held is None:
        click.echo(f"no: by then nothing that {key} had sent held this address")
    else:
        click.echo(f"yes: sequence {held[0]} of {key}, published {held[1]:%Y-%m-%d %H:%M}, held this address")
