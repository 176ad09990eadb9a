"""The terminal door of the tool server: ``consentmgr assistant``."""

from __future__ import annotations

from typing import Final

import click

from consentmgr.client import AsyncClient, Client, NotAuthenticated, Problem, Unreachable

#: What the server needs. Beside them a key may hold scopes that only read.
NEEDED: Final = ("check", "links:mint")
#: The exit code of what is not there or not as it must be (as elsewhere in this product).
_EXIT_UNAVAILABLE: Final = 3


class Refused(click.ClickException):
    """The server does not start."""

    exit_code = _EXIT_UNAVAILABLE


@click.command("assistant")
@click.option(
    "--url", envvar="CONSENTMGR_API_URL", required=True, help="Where the API is, such as https://consent.acme.example."
)
def assistant(url: str) -> None:
    """Serve tools for an assistant (Model Context Protocol) over standard input and output.

    The key is CONSENTMGR_API_KEY: with the scopes check and links:mint, and none that changes anything. The server asks
    the API what the key may do, and does not start with one that may do more.
    """
    try:
        from consentmgr.assistant.server import tool_server
    except ImportError:
        raise Refused("the tool server needs the extra mcp: pip install 'consentmgr[mcp]'") from None
    try:
        with Client(url) as register:
            refuse_writing(register)
        server = tool_server(AsyncClient(url))
    except ValueError as error:
        raise Refused(str(error)) from None
    server.run("stdio")


def refuse_writing(register: Client) -> None:
    """Raise ``Refused`` for a key that may change something, or that is not good."""
    try:
        scopes = register.whoami().scopes
    except NotAuthenticated:
        raise Refused("the key in CONSENTMGR_API_KEY is not known, or its time is over") from None
    except (Problem, Unreachable) as error:
        raise Refused(f"the API cannot be asked: {error}") from None
    writing = sorted(scope for scope in scopes if scope not in NEEDED and not scope.endswith(":read"))
    if writing:
        raise Refused(
            f"the key may change things ({', '.join(writing)}): give the assistant one with check and links:mint"
        )
    missing = [scope for scope in NEEDED if scope not in scopes]
    if missing:
        raise Refused(f"the key has not the scope {', '.join(missing)}")
