"""The terminal door of links: a list in, the same list out with each person's links."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from consentmgr.config import load_settings
from consentmgr.kit.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

    from consentmgr.config import Settings
    from consentmgr.preferences.link_columns import RowPeople
    from consentmgr.preferences.links import Link, LinkKeys

#: What is added to each row, in this order.
LINK_COLUMNS = ("cm_preference_url", "cm_one_click_url", "cm_list_unsubscribe", "cm_list_unsubscribe_post")
#: With ``--ids``: what another sender mints links with by itself.
ID_COLUMNS = ("cm_contact_id", "cm_address_key")


@click.command()
@click.argument("source", metavar="LIST", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True, exists=True))
@click.option(
    "--campaign", "campaign_name", required=True, metavar="FILE|KEY", help="Campaign file, or a stored campaign's key."
)
@click.option(
    "--output", default=None, metavar="PATH|-", help="CSV file to write; NAME.links.csv beside the list unless given."
)
@click.option("--map", "mapped", multiple=True, metavar="FIELD=COLUMN", help="Which column is what.")
@click.option("--sheet", default=None, help="Sheet of an Excel file; the first unless given.")
@click.option("--everything", is_flag=True, help="Leaving ends everything, not this newsletter or channel alone.")
@click.option("--ids", is_flag=True, help="Add the opaque ids with which another sender mints links by itself.")
def links(
    source: Path,
    campaign_name: str,
    output: str | None,
    mapped: tuple[str, ...],
    sheet: str | None,
    *,
    everything: bool,
    ids: bool,
) -> None:
    """Add each person's links to LIST: the preference page, the one-click address, and two header fields for e-mail.

    It screens nobody: screen the list first, and send only to the allowed rows. Every row with an address gets
    links, and the list's own columns stay as they are.
    """
    import pyarrow as pa

    from consentmgr.db import open_database
    from consentmgr.keys import load_keys
    from consentmgr.kit.address_keys import AddressKeys
    from consentmgr.preferences.link_columns import link_like, people_of
    from consentmgr.preferences.links import link_keys
    from consentmgr.screening.commands import mapping_of
    from consentmgr.screening.lists import read_list
    from consentmgr.screening.outputs import write_with_columns
    from consentmgr.screening.pending_files import PendingFiles
    from consentmgr.screening.run import campaign_of

    settings = load_settings(os.environ)
    lst = read_list(source, mapping=mapping_of(mapped), sheet=sheet)
    taken = [name for name in lst.columns if name.strip().lower() in (*LINK_COLUMNS, *ID_COLUMNS)]
    if taken:
        raise BadInput(f"the list has columns of links already: {', '.join(taken)}", file=lst.name)
    keys = load_keys(settings)
    with open_database(settings) as database, database.reading() as session:
        campaign = campaign_of(session, campaign_name)
        address_keys = AddressKeys(keys.address_key, keys.address_key_id)
        people = people_of(session, lst.identifiers, campaign, address_keys)
        like = link_like(session, campaign, everything=everything)
    columns = _columns(settings, people, like, link_keys(settings))
    if ids:
        columns["cm_contact_id"] = pa.array(people.contact_ids, pa.int64()).cast(pa.large_string())
        hexed = [key.hex() if key is not None else None for key in people.address_keys]
        columns["cm_address_key"] = pa.array(hexed, pa.large_string())
    target = _target(source, output)
    if target is None:
        write_with_columns(lst, columns, sys.stdout.buffer)
    else:
        with PendingFiles() as files:
            write_with_columns(lst, columns, files.path_for(target))
            files.publish()
        click.echo(f"{target}: links for {len(people.named()):,} of {len(lst):,} rows", err=True)


def _target(source: Path, output: str | None) -> Path | None:
    """The file to write, or None for standard output."""
    if output == "-" or (output is None and str(source) == "-"):
        return None
    if output is None:
        return source.with_name(f"{source.stem}.links.csv")
    if Path(output).resolve() == source.resolve():
        raise BadInput("the output would replace the list itself", file=output)
    return Path(output)


def _columns(settings: Settings, people: RowPeople, like: Link, keys: LinkKeys) -> dict[str, pa.Array]:
    import pyarrow as pa

    from consentmgr.preferences.headers import LIST_UNSUBSCRIBE_POST
    from consentmgr.preferences.link_columns import link_columns, list_unsubscribe_values

    places = people.named()
    made = link_columns(people, places, like, keys, settings.public_url)
    headers: list[str | None] = [None] * len(people.contact_ids)
    posts: list[str | None] = [None] * len(people.contact_ids)
    if like.channel == "email":
        told = list_unsubscribe_values(
            people, places, like, keys, settings, lambda place: str(made.one_click_url[place])
        )
        for place, value in zip(places, told, strict=True):
            headers[place], posts[place] = value, LIST_UNSUBSCRIBE_POST
    return {
        "cm_preference_url": made.preference_url,
        "cm_one_click_url": made.one_click_url,
        "cm_list_unsubscribe": pa.array(headers, pa.large_string()),
        "cm_list_unsubscribe_post": pa.array(posts, pa.large_string()),
    }
