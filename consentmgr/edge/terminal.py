"""What commands have in common beside their database."""

from __future__ import annotations

import getpass
import os


def signed_in_user() -> str:
    """Who is at the terminal, as an actor. A container may run under a number that has no name."""
    try:
        return f"terminal:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"terminal:uid {os.getuid()}" if hasattr(os, "getuid") else "terminal"
