"""Terminal doors: ``consentmgr rules`` prints the rule pack, ``consentmgr policy`` shows and sets its switches."""

from __future__ import annotations

import getpass
import json
import os
from typing import TYPE_CHECKING

import click

from consentmgr.config import load_settings
from consentmgr.kit import clock
from consentmgr.vocabulary.codes import LANGUAGES, Language
from consentmgr.vocabulary.policy import (
    POLICY,
    Policy,
    is_looser,
    looser_than_default,
    plain_value,
    policy_row,
    shown_value,
    value_of_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consentmgr.campaigns.policy import Decision


@click.group("rules")
def rules_group() -> None:
    """Print the rules and the law behind them."""


@rules_group.command("show")
@click.option("--format", "form", type=click.Choice(["md", "json"]), default="md", show_default=True)
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of everything but the names."
)
def show_rules(form: str, language: Language) -> None:
    """Print the whole rule pack: every code, when it fires, the law, the sentences, the policy switches."""
    from consentmgr.vocabulary.printed_rules import rules_as_json, rules_document

    if form == "json":
        click.echo(json.dumps(rules_as_json(), ensure_ascii=False, indent=2))
    else:
        click.echo(rules_document(language), nl=False)


@click.group("policy")
def policy_group() -> None:
    """Show or set policy switches and limits."""


@policy_group.command("show")
@click.argument("name", required=False)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--history", "with_history", is_flag=True, help="Every decision ever made, newest first.")
def show_policy(name: str | None, form: str, *, with_history: bool) -> None:
    """Show what is in force, its default, and who decided otherwise, when and why. With NAME, that one in full."""
    from consentmgr.campaigns import policy as campaign_policy
    from consentmgr.db import open_database

    names = [policy_row(name).name] if name is not None else [row.name for row in POLICY]
    with open_database(load_settings(os.environ)) as database, database.reading() as session:
        policy = campaign_policy.current(session)
        decisions = campaign_policy.decisions_in_force(session)
        past = campaign_policy.history(session, name) if with_history else []
    if with_history:
        _tell_history(past, form)
    elif form == "json":
        click.echo(json.dumps(_policy_as_json(names, policy, decisions), ensure_ascii=False, indent=2))
    elif name is not None:
        _tell_one(name, policy, decisions.get(name))
    else:
        _tell_all(names, policy, decisions)


@policy_group.command("set")
@click.argument("name")
@click.argument("value")
@click.option("--reason", required=True, help="Why; kept with the value and printed beside it.")
@click.option("--actor", default=None, help="Who decides; the name of the signed-in user unless given.")
def set_policy(name: str, value: str, reason: str, actor: str | None) -> None:
    """Set the policy switch, limit or list NAME to VALUE; "default" returns to the default.

    Lists are written with commas; quiet_hours and country_rules as JSON.
    """
    from consentmgr.campaigns import policy as campaign_policy
    from consentmgr.db import open_database

    row = policy_row(name)
    decided = value_of_text(name, value)
    with open_database(load_settings(os.environ)) as database, database.transaction() as session:
        policy = campaign_policy.set_value(
            session, name, decided, actor=actor or _signed_in_user(), now=clock.now(), reason=reason
        )
    click.echo(f"{name} is now {shown_value(getattr(policy, name))} (default {shown_value(row.default)}).")
    if is_looser(row, getattr(policy, name)):
        click.echo("This is looser than the default, and is marked in every report and certificate.")


def _signed_in_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"uid:{os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _policy_as_json(names: Sequence[str], policy: Policy, decisions: Mapping[str, Decision]) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = []
    for name in names:
        row, decision = policy_row(name), decisions.get(name)
        value = getattr(policy, name)
        entries.append(
            {
                "name": name,
                "value": plain_value(value),
                "default": plain_value(row.default),
                "looser_than_default": is_looser(row, value),
                "allowed": list(row.values) or row.allowed,
                "set_by": decision.set_by if decision else None,
                "set_at": decision.set_at.isoformat() if decision else None,
                "reason": decision.reason if decision else None,
            }
        )
    return entries


def _tell_all(names: Sequence[str], policy: Policy, decisions: Mapping[str, Decision]) -> None:
    """One line a name, in columns; who, when and why where somebody has decided."""
    heads = ("name", "value", "default", "", "decided")
    lines = [heads]
    for name in names:
        row, decision = policy_row(name), decisions.get(name)
        value = getattr(policy, name)
        mark = "LOOSER" if is_looser(row, value) else ""
        lines.append((name, shown_value(value), shown_value(row.default), mark, _decided(decision)))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, [*widths, 0], strict=True)]
        click.echo("  ".join(cells).rstrip())
    looser = looser_than_default(policy)
    if looser:
        click.echo(f"\n{len(looser)} looser than default: {', '.join(looser)}.")


def _tell_one(name: str, policy: Policy, decision: Decision | None) -> None:
    from consentmgr.vocabulary.policy_words import SETTING_WORDS

    row, words = policy_row(name), SETTING_WORDS[name]
    value = plain_value(getattr(policy, name))
    parts = {
        "name": name,
        "value": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
        "default": shown_value(row.default),
        "may be": row.allowed,
        "decides": words.decides["en"],
        "why open": words.why["en"],
        "codes": ", ".join(row.codes),
        "decided": _decided(decision) or "never; the default holds",
    }
    for label, text in parts.items():
        click.echo(f"{label:<10}{text}")


def _decided(decision: Decision | None) -> str:
    if decision is None:
        return ""
    day = decision.set_at.astimezone(clock.HELSINKI).strftime("%Y-%m-%d %H:%M")
    return f"{decision.set_by}, {day}: {' '.join(decision.reason.split())}"


def _tell_history(past: Sequence[Decision], form: str) -> None:
    if form == "json":
        entries = [
            {
                "name": decision.name,
                "value": decision.value,
                "set_by": decision.set_by,
                "set_at": decision.set_at.isoformat(),
                "reason": decision.reason,
            }
            for decision in past
        ]
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    if not past:
        click.echo("No policy has ever been changed; the defaults hold.")
    for decision in past:
        value = "default" if decision.value is None else json.dumps(decision.value, ensure_ascii=False)
        click.echo(f"{decision.name} = {value}  {_decided(decision)}")
