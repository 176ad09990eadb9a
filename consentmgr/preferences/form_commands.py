"""The terminal door of subscription forms: add one, list and show them, close one, print what to embed."""

from __future__ import annotations

import os
from typing import cast

import click

from consentmgr.config import LANGUAGES, Language, Settings, load_settings
from consentmgr.edge.terminal import signed_in_user
from consentmgr.kit import clock
from consentmgr.preferences.form_snippet import html_snippet
from consentmgr.preferences.models import SubscriptionForm
from consentmgr.preferences.subscription_forms import (
    add_form,
    all_forms,
    close_form,
    form_of,
    shown_form,
)


@click.group("forms")
def forms_group() -> None:
    """Subscription forms: hosted pages, and what to embed in pages of your own.

    A form belongs to one controller, offers a set of topics, and shows the words of one notice. It is never changed:
    people agreed to what it said. Close it and add another.
    """


@forms_group.command("add")
@click.argument("key")
@click.option("--controller", required=True, metavar="KEY", help="In whose name it asks.")
@click.option("--topic", "topics", multiple=True, metavar="KEY", help="A topic to offer; give it again for more.")
@click.option("--notice", required=True, metavar="KEY/VERSION", help="The words people agree to, such as signup/3.")
@click.option(
    "--origin", "origins", multiple=True, metavar="URL", help="A web origin whose pages may ask by script (CORS)."
)
def add(key: str, controller: str, topics: tuple[str, ...], notice: str, origins: tuple[str, ...]) -> None:
    """Add a form and say where it is."""
    from consentmgr.db import open_database

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.transaction() as session:
        form = add_form(
            session,
            key=key,
            controller=controller,
            topics=topics,
            notice=notice,
            origins=origins,
            actor=signed_in_user(),
            now=clock.now(),
        )
        click.echo(_address(settings, form.key))


@forms_group.command("list")
def list_forms() -> None:
    """List every form, open and closed."""
    from consentmgr.db import open_database

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.reading() as session:
        for form in all_forms(session):
            state = "open" if form.closed_at is None else "closed"
            click.echo(f"{form.key}  {state}  {form.controller}  {form.notice}  {_address(settings, form.key)}")


@forms_group.command("show")
@click.argument("key")
def show(key: str) -> None:
    """Show one form: what it offers, the words it shows, who may ask by script."""
    from consentmgr.db import open_database

    settings = load_settings(os.environ)
    with open_database(settings) as database, database.reading() as session:
        form = form_of(session, key)
        _tell(settings, form)


def _tell(settings: Settings, form: SubscriptionForm) -> None:
    click.echo(f"address     {_address(settings, form.key)}")
    click.echo(f"for scripts {_address(settings, form.key)}.json")
    click.echo(f"controller  {form.controller}")
    click.echo(f"topics      {', '.join(form.topics) or 'all that the notice says'}")
    click.echo(f"notice      {form.notice}")
    click.echo(f"origins     {', '.join(form.origins) or 'none'}")
    click.echo(f"since       {form.created_at:%Y-%m-%d}")
    if form.closed_at is not None:
        click.echo(f"closed      {form.closed_at:%Y-%m-%d}")


@forms_group.command("close")
@click.argument("key")
def close(key: str) -> None:
    """Take no more subscriptions by a form; what was asked for before can still be confirmed."""
    from consentmgr.db import open_database

    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        closed = close_form(session, key, actor=signed_in_user(), now=clock.now())
    click.echo("closed" if closed else "it was closed already")


@forms_group.command("snippet")
@click.argument("key")
@click.option("--language", type=click.Choice(LANGUAGES), help="The language of its words; else the product's.")
def snippet(key: str, language: str | None) -> None:
    """Print the HTML of a form, to put into a page of your own. It needs no script.

    The words people agree to stand in it, and must go on standing beside the button.
    """
    from consentmgr.db import open_database

    settings = load_settings(os.environ)
    chosen = cast("Language", language) if language is not None else settings.language
    with open_database(settings) as database, database.reading() as session:
        click.echo(html_snippet(shown_form(session, key, chosen), chosen, _address(settings, key)), nl=False)


def _address(settings: Settings, key: str) -> str:
    return f"{settings.public_url}/s/{key}"
