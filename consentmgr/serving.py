"""``consentmgr serve``: the pages, and the clock that starts timed work, in one process.

Requests are read and answered by ``web_server``; here is what stands around it: the database, the timetable, signals.
How a larger installation runs is in docs/running.md.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import Final, TextIO

import click

from consentmgr.config import Settings, load_settings
from consentmgr.kit.errors import ConsentmgrError, Unavailable, UnsafeSetting
from consentmgr.kit.private_folder import make_private_folder
from consentmgr.web_server import WebServer, largest_bodies

#: Seconds between two looks at whether the built-in database still answers.
LOOK_SECONDS: Final = 2.0
#: Requests that ask the database at the same time; the built-in server takes fifty connections in all.
MOST_PAGES_AT_THE_DATABASE = 16
#: Extensions of the application with threads of their own, which finish what they have in hand.
CLOSED_AT_THE_END: Final = ("leaving", "consentmgr.postman")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one.")
@click.option("--threads", type=click.IntRange(1, 256), default=64, show_default=True, help="Requests at a time.")
@click.option("--no-jobs", is_flag=True, help="Leave timed work to another process (consentmgr scheduler run).")
def serve(*, host: str, port: int, threads: int, no_jobs: bool) -> None:
    """Serve the pages, and run timed work, until told to end (Ctrl-C, SIGTERM).

    Requests that have begun are answered first. Before the public, put a web server in front that speaks TLS; see
    docs/running.md.
    """
    settings = load_settings(os.environ)
    refuse_unsafe(settings, host)
    serve_here(settings, host, port, threads=threads, jobs=not no_jobs)


def refuse_unsafe(settings: Settings, host: str) -> None:
    """Raise ``UnsafeSetting`` where others are let in and the links they get would lead to their own machine."""
    if not _is_this_machine(host) and settings.public_url.startswith("http://"):
        raise UnsafeSetting(
            f"--host {host} lets other machines in, but links begin with {settings.public_url}, which only this one "
            "can open; set CONSENTMGR_PUBLIC_URL to the https:// address people use"
        )


def serve_here(
    settings: Settings,
    host: str,
    port: int,
    *,
    threads: int,
    jobs: bool,
    tell: Callable[[str], None] | None = None,
    log_to: TextIO | None = None,
) -> None:
    """Serve until a signal ends it. ``tell`` is called with the address when it can be opened, and otherwise a line
    says so; ``log_to`` is where the log goes if not to standard error. Raises ``Unavailable`` where the port is taken.
    """
    from consentmgr.app import create_app
    from consentmgr.db import open_database
    from consentmgr.edge.logs import log, write_json_lines
    from consentmgr.edge.metrics import serve_metrics
    from consentmgr.scheduler import WORKERS, Scheduler

    port = _free_port(host, port)
    # One connection for each thread that answers, for each job that runs with the lock it holds, and some to spare.
    # Most of the threads wait for the one that commits many leavings together, and hold no connection meanwhile.
    connections = min(threads, MOST_PAGES_AT_THE_DATABASE) + 2 * WORKERS + 4
    with ExitStack() as stack:
        database = stack.enter_context(open_database(settings, connections=connections))
        write_json_lines(log_to)
        app = create_app(settings, database)
        if settings.metrics is not None:
            serve_metrics(*settings.metrics)
        if settings.database_url is None:
            stack.enter_context(_database_looked_after(settings))
        scheduler = Scheduler(database, settings) if jobs else None
        if scheduler is not None:
            scheduler.start()
            stack.callback(scheduler.stop)
        # What a process that was killed left in the journal is taken before anybody leaves.
        app.extensions["leaving"].start()
        stack.callback(lambda: [app.extensions[name].close() for name in CLOSED_AT_THE_END if name in app.extensions])
        if settings.public_url.startswith("https://") and not settings.trusted_proxies:
            log().warning(
                "no_trusted_proxies",
                hint="if a proxy stands in front, name it in CONSENTMGR_TRUSTED_PROXIES: until then all clients count as one",
            )
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        incoming = settings.data_folder / "incoming"
        make_private_folder(incoming)
        app.config["USE_X_SENDFILE"] = True
        server = WebServer(app, host, port, threads=threads, largest=largest_bodies(app), folder=incoming)

        def opened() -> None:
            log().info("serving", address=address, threads=threads, jobs=jobs)
            if tell is not None:
                tell(address)
            else:
                click.echo(f"Serving {address}/  (links begin with {settings.public_url}; Ctrl-C ends)")

        # What is there now stays: it is not looked through for garbage again and again.
        gc.collect()
        gc.freeze()
        # The event loop is one thread among many, and all others wait for it: it must not wait 5 ms for its turn.
        sys.setswitchinterval(0.001)
        asyncio.run(_serve_until_told(server, opened))
    log().info("ended")


@contextmanager
def _database_looked_after(settings: Settings) -> Iterator[None]:
    """Start the built-in database again if it ends, as a service manager does for one that stands alone."""
    from consentmgr.edge.logs import log, where
    from consentmgr.embedded_postgres import EmbeddedPostgres

    server = EmbeddedPostgres(settings.postgres_folder)
    server.open()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            if server.running_at() is not None:
                continue
            log().warning("database_ended")
            try:
                server.open()
            except (ConsentmgrError, OSError) as error:
                log().error("database_not_started", **where(error))
            else:
                log().info("database_started_again")

    thread = threading.Thread(target=look, name="database", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        server.close()


async def _serve_until_told(server: WebServer, opened: Callable[[], None]) -> None:
    running = asyncio.create_task(server.run())
    told = 0

    def end() -> None:
        nonlocal told
        told += 1
        if told == 1:
            server.stop()
        else:
            # Told twice: whoever asks does not want to wait for the requests that are being answered.
            os._exit(130)

    _on_signals(end)
    await server.listening(running)
    if not running.done():
        opened()
    await running


def _on_signals(end: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))


def _free_port(host: str, port: int) -> int:
    """The port asked for, or a free one for 0. Raises ``Unavailable`` where somebody listens there already.

    Asked before the server itself binds, because it would share the port with another server of the same user, and
    half of the requests would go to each.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            reason = "another program listens there already; --port names another" if taken else error.strerror
            raise Unavailable(f"cannot serve at {host} port {port}: {reason}") from None
        return int(probe.getsockname()[1])


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
