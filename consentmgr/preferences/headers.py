"""The header fields by which a mail programme offers leaving: RFC 2369 and RFC 8058.

Both must be covered by the message's DKIM signature (``h=list-unsubscribe:list-unsubscribe-post``), or mailbox
providers ignore them.
"""

from __future__ import annotations

import re

from consentmgr.kit.errors import BadInput

#: RFC 8058, section 3.1: literally this.
LIST_UNSUBSCRIBE_POST = "List-Unsubscribe=One-Click"

# Printable ASCII without what ends a URI in the header, or would begin another line.
_URI = re.compile(r"[!#-;=?-\[\]^_a-z{|}~]+")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$&'*+/=^_`{|}~-]+@[A-Za-z0-9.-]+")


def list_unsubscribe(https_url: str, mail_address: str | None = None) -> str:
    """The value of ``List-Unsubscribe``: one HTTPS address leftmost, then one of mail where there is one.

    ``https_url`` is ``links.leave_url``, ``mail_address`` the ``LinkKeys.mail_local_part`` with its domain. Raises
    ``BadInput`` for what is no such address.
    """
    if not https_url.startswith(("https://", "http://localhost", "http://127.0.0.1")) or not _URI.fullmatch(https_url):
        raise BadInput("the address for leaving must begin with https://")
    if mail_address is None:
        return f"<{https_url}>"
    if not _ADDRESS.fullmatch(mail_address):
        raise BadInput("the mail address for leaving is none")
    return f"<{https_url}>, <mailto:{mail_address}?subject=unsubscribe>"


def leaving_headers(https_url: str, mail_address: str | None = None) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both header fields, as names and values."""
    return (
        ("List-Unsubscribe", list_unsubscribe(https_url, mail_address)),
        ("List-Unsubscribe-Post", LIST_UNSUBSCRIBE_POST),
    )
