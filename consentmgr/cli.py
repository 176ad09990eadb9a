"""The command ``consentmgr``: one table of commands, each loaded when it is called.

Importing this module loads neither Flask nor a database driver nor an engine, because the time a short command
takes to start is time a person waits.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

import click

from consentmgr import __version__
from consentmgr.kit.errors import ConsentmgrError
from consentmgr.kit.interpreter import end_at_once, put_off_first_search

EXIT_UNAVAILABLE = 3
#: sysexits.h: an internal error of the program.
EXIT_UNEXPECTED = 70
#: What shells report for a program ended by SIGINT, SIGPIPE or SIGTERM: 128 and the signal's number.
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
EXIT_TERMINATED = 143


class CommandRow(NamedTuple):
    """A command's name, where it is written, and its line in ``consentmgr --help``."""

    name: str
    place: str
    help: str


COMMANDS: tuple[CommandRow, ...] = (
    CommandRow("init", "consentmgr.commands:init", "Prepare the data folder, the keys and the database."),
    CommandRow("status", "consentmgr.commands:status", "Tell where everything is and whether it is in order."),
    CommandRow("database", "consentmgr.commands:database_group", "Start or stop the built-in database."),
    CommandRow("import", "consentmgr.importing.commands:import_command", "Take in documents, tables and ban lists."),
    CommandRow(
        "export", "consentmgr.exports.commands:export_group", "Suppression lists and audiences; every document."
    ),
    CommandRow(
        "contacts", "consentmgr.importing.contact_commands:contacts_group", "Merge contacts that are one person."
    ),
    CommandRow("people", "consentmgr.people.commands:people_group", "Find people, show one, record what they say."),
    CommandRow("screen", "consentmgr.screening.commands:screen", "Screen a campaign list against the register."),
    CommandRow(
        "screenings", "consentmgr.screening.desk.commands:screenings_group", "Lists at the desk: decide, hand over."
    ),
    CommandRow("check", "consentmgr.screening.check_commands:check", "Tell who may be sent a campaign, at once."),
    CommandRow("explain", "consentmgr.screening.commands:explain", "Tell why one person may or may not be contacted."),
    CommandRow("decide", "consentmgr.screening.commands:decide", "Run decision cases in a scratch register."),
    CommandRow("certificate", "consentmgr.screening.commands:certificate_group", "Check a screening certificate."),
    CommandRow("rules", "consentmgr.screening.commands:rules_group", "Print the rules and the law behind them."),
    CommandRow("message", "consentmgr.screening.message_commands:message_group", "Check a message against its gates."),
    CommandRow("policy", "consentmgr.screening.commands:policy_group", "Show or set policy switches and limits."),
    CommandRow("records", "consentmgr.records.commands:records_group", "Consent records: show, export, verify."),
    CommandRow("ledger", "consentmgr.consents.commands:ledger_group", "Verify, rebuild or export the consent ledger."),
    CommandRow("keys", "consentmgr.preferences.commands:keys_group", "Show, rotate or distrust the keys of links."),
    CommandRow("links", "consentmgr.screening.link_commands:links", "Add each person's links to a list."),
    CommandRow("journal", "consentmgr.prohibitions.commands:journal_group", "Show or take the journal of leavings."),
    CommandRow(
        "snapshot",
        "consentmgr.screening.commands:snapshot_group",
        "Build, list, show or prune snapshots of the register.",
    ),
    CommandRow("replies", "consentmgr.replies.commands:replies_group", "Read bounces, complaints and replies by mail."),
    CommandRow(
        "senders", "consentmgr.replies.sender_commands:senders_group", "Sending services whose events are taken in."
    ),
    CommandRow("webhooks", "consentmgr.changes.commands:webhooks_group", "Receivers that are told of every change."),
    CommandRow(
        "proposals",
        "consentmgr.preferences.proposal_commands:proposals_group",
        "Decide corrections, replies and bursts that were proposed.",
    ),
    CommandRow(
        "bans", "consentmgr.catalogue.commands:bans_group", "List prohibitions, and lift by a person's own act."
    ),
    CommandRow("notices", "consentmgr.catalogue.commands:notices_group", "Tell what a new version of a notice does."),
    CommandRow("forms", "consentmgr.preferences.form_commands:forms_group", "Add, show and close subscription forms."),
    CommandRow("staff", "consentmgr.staff.commands:staff_group", "Accounts of staff, their roles and sessions."),
    CommandRow(
        "api-keys", "consentmgr.staff.api_key_commands:api_keys_group", "Keys that other systems call the API with."
    ),
    CommandRow("serve", "consentmgr.serving:serve", "Serve the pages, and run timed work."),
    CommandRow("scheduler", "consentmgr.scheduler:scheduler_group", "Follow the timetable without serving pages."),
    CommandRow("jobs", "consentmgr.scheduler:jobs_group", "List or run the work that is done by the clock."),
    CommandRow("backup", "consentmgr.recovery.commands:backup", "Back up the register, and try the backup."),
    CommandRow("restore", "consentmgr.recovery.commands:restore", "Put a backup in the register's place."),
    CommandRow("recover", "consentmgr.recovery.commands:recover", "After a restore: learn who left meanwhile."),
    CommandRow("assistant", "consentmgr.assistant.commands:assistant", "Serve tools for an assistant (MCP)."),
    CommandRow("demo", "consentmgr.demo.commands:demo", "Build a made-up register and screen three lists with it."),
)

#: What the product's own processes call; help does not list it.
OWN_COMMANDS: tuple[CommandRow, ...] = (
    CommandRow("task", "consentmgr.scheduler:task_group", "Do long work that was asked for in the browser."),
)


class LazyCommands(click.Group):
    """A group whose commands are rows; a command's module is imported when the command is called, not before."""

    def __init__(self, *args: object, rows: Sequence[CommandRow] = (), **attributes: object) -> None:
        super().__init__(*args, **attributes)  # type: ignore[arg-type]
        self.rows = {row.name: row for row in rows}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.rows)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = self.rows.get(cmd_name)
        return load_command(row) if row is not None else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.help) for row in self.rows.values() if row not in OWN_COMMANDS])


def load_command(row: CommandRow) -> click.Command:
    """The command a row names."""
    module, _, attribute = row.place.partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command), row.place
    return command


@click.group(
    cls=LazyCommands, rows=(*COMMANDS, *OWN_COMMANDS), context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="consentmgr")
def consentmgr() -> None:
    """Who may be contacted, by which channel, for what, on what legal basis - and the proof of it."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit code; an error is one clear line on standard error.

    Given ``arguments``, it is somebody's program that asks: then Python is left to end as it does.
    """
    signal.signal(signal.SIGTERM, _end_tidily)
    if arguments is None:
        put_off_first_search()
        ends_with = end_at_once()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has gone, as ``head`` does. Python must not trip over it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = EXIT_BROKEN_PIPE
    if arguments is None and "granian" in sys.modules:
        # All is closed. A thread of the web server's native runtime may still ask for the interpreter while Python
        # takes it down, which aborts the process; so Python is not asked to.
        sys.stderr.flush()
        os._exit(code)
    if arguments is None:
        ends_with(code)
    sys.exit(code)


def _run(arguments: Sequence[str] | None) -> int:
    if "_CONSENTMGR_COMPLETE" in os.environ:
        consentmgr.main(prog_name="consentmgr")  # A shell asks for completions; click answers and ends.
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        with consentmgr.make_context("consentmgr", given) as context:
            result = consentmgr.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        return EXIT_INTERRUPTED
    except ConsentmgrError as error:
        _say(str(error))
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort, which tells the person and ends
        return _tell_unexpected(error)
    return result if isinstance(result, int) else 0


def _tell_unexpected(error: Exception) -> int:
    """Say where it happened, not what was said: the words of a foreign exception may hold personal data."""
    if os.environ.get("CONSENTMGR_DEBUG") == "1":
        raise error
    if isinstance(error, OSError) and error.strerror:
        _say(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return EXIT_UNAVAILABLE
    ours = Path(__file__).parent
    steps = [(Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    path, line = next((step for step in reversed(steps) if step[0].is_relative_to(ours)), (Path(__file__), 0))
    place = f"{path.relative_to(ours.parent)}:{line}"
    _say(f"an unexpected error, {type(error).__name__} at {place}; CONSENTMGR_DEBUG=1 shows all of it")
    return EXIT_UNEXPECTED


def _say(sentence: str) -> None:
    click.echo(f"consentmgr: {sentence}", err=True)


def _end_tidily(_number: int, _frame: object) -> NoReturn:
    """End through the ordinary way out, so that the built-in database is stopped."""
    sys.exit(EXIT_TERMINATED)
