"""A server that is killed again and again: each child of this process serves the pages until somebody ends it.

It prints the number of each child. The children share one listening socket, so that a client that waits meets the
next. ``python -m tests.preferences.kill_me PORT``, in an installation's environment.
"""

from __future__ import annotations

import os
import socket
import sys
from threading import Thread

from werkzeug.serving import WSGIRequestHandler, make_server

from consentmgr.app import create_app
from consentmgr.config import load_settings
from consentmgr.db import open_database


class Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nobody reads it."""


def main() -> None:
    settings = load_settings(os.environ)
    database = open_database(settings)
    # Made here, so that none of the children has to, as servers do that load an application before they fork.
    app = create_app(settings, database)
    database.engine.dispose()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(sys.argv[1])))
        listener.listen(256)
        # The parent ends when whoever started it closes its input.
        Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        while True:
            child = os.fork()
            if child == 0:
                server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent, fd=listener.fileno())
                sys.stdout.write(f"{os.getpid()}\n")
                sys.stdout.flush()
                server.serve_forever()
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
