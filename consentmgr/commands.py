"""The terminal door of the house itself: init, status, database."""

from __future__ import annotations

import os

import click

from consentmgr import __version__
from consentmgr.config import Settings, load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.embedded_postgres import EmbeddedPostgres
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, CheckFailed, ConsentmgrError


@click.command()
@click.option("--controller", metavar="KEY", help="Also add the controller of this key, as the default one.")
@click.option("--name", metavar="NAME", help="The controller's name.")
def init(controller: str | None, name: str | None) -> None:
    """Prepare the data folder, the keys and the database, and say where they are.

    Running it again changes nothing that exists; after an upgrade it brings the database up to date.
    """
    if (controller is None) != (name is None):
        raise BadInput("--controller and --name are given together")
    from consentmgr import installation

    settings = load_settings(os.environ)
    installed = installation.prepare(settings, now=clock.now(), inviting=signed_in_user())
    if controller is not None and name is not None:
        installation.add_default_controller(settings, controller, name, actor=signed_in_user(), now=clock.now())
    _tell_places(settings, installed.database)
    for path in installed.keys_made:
        click.echo(f"made       {path}")
    if installed.keys_made:
        click.echo("Keep a copy of the keys folder somewhere safe: without address.key every ban is lost.")
    if installed.first_invitation is not None:
        click.echo(
            "The first administrator of the desk opens this address, once and within three days; keep it to yourself:"
        )
        click.echo(installed.first_invitation)
    click.echo("Ready.")


@click.command()
def status() -> None:
    """Tell where data, database and keys are, and whether all is in order; exit code 1 where it is not.

    What is set up and cannot work as it is, such as a subscription form without a mail server, is a warning.
    """
    from consentmgr.db import open_database
    from consentmgr.installation import warnings_of
    from consentmgr.keys import load_keys

    settings = load_settings(os.environ)
    faults = []
    warnings = []
    where = "not reached"
    try:
        with open_database(settings) as database:
            where = database.described
            with database.reading() as session:
                warnings = warnings_of(session, settings)
    except ConsentmgrError as error:
        faults.append(f"database: {error}")
    try:
        load_keys(settings)
    except ConsentmgrError as error:
        faults.append(f"keys: {error}")
    _tell_places(settings, where)
    for warning in warnings:
        click.echo(f"warning    {warning}")
    for fault in faults:
        click.echo(f"fault      {fault}")
    if faults:
        raise CheckFailed(f"{len(faults)} of 2 checks failed")
    click.echo("In order, but for the warnings above." if warnings else "All is in order.")


@click.group("database")
def database_group() -> None:
    """Start or stop the built-in database.

    It starts by itself when a command needs it and stops with the last one, so this is only for keeping it at hand.
    """


@database_group.command()
def start() -> None:
    """Start it and keep it running between commands, until ``consentmgr database stop``."""
    address = _server().keep_running()
    click.echo(f"running, socket in {address.socket_folder}")


@database_group.command()
def stop() -> None:
    """Stop it, and let it again start and stop by itself."""
    click.echo("stopped" if _server().stop() else "it was not running")


def _server() -> EmbeddedPostgres:
    settings = load_settings(os.environ)
    if settings.database_url is not None:
        raise BadInput("CONSENTMGR_DATABASE_URL is set, so the built-in database is not used")
    return EmbeddedPostgres(settings.postgres_folder)


def _tell_places(settings: Settings, database: str) -> None:
    from consentmgr.installation import key_places
    from consentmgr.keys import PUBLIC_KEY_FILE

    click.echo(f"version    {__version__}")
    click.echo(f"data       {settings.data_folder}")
    click.echo(f"database   {database}")
    for place, purpose, state in key_places(settings):
        click.echo(f"key        {place} ({purpose}){'' if state == 'here' else ', ' + state}")
    click.echo(f"public key {settings.keys_folder / PUBLIC_KEY_FILE}")
