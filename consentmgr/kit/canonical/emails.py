"""Canonical e-mail addresses and domains."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from consentmgr.kit.canonical.text import LONGEST_TEXT, printable, settled, visible

_LONGEST_EMAIL = 320
_ASCII_DOMAIN_PATTERN = r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?"
_ASCII_LOCAL_PATTERN = r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+"
#: E-mail that is canonical as it stands. RE2 and Python read it alike.
PLAIN_EMAIL = f"^{_ASCII_LOCAL_PATTERN}@{_ASCII_DOMAIN_PATTERN}$"
_ASCII_DOMAIN = re.compile(_ASCII_DOMAIN_PATTERN)
_QUOTED_LOCAL = re.compile(r'"(?:[^"\\]|\\.)+"')
_NOT_IN_LOCAL = re.compile(r'[\s"(),:;<>@\[\\\]]')
_DISPLAY_FORM = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]+)>")


def canonical_email(text: str) -> str | None:
    """The canonical form of an e-mail address, or ``None`` where the text has none.

    NFKC, trimmed of space and invisible characters, lower-case; the domain in its Unicode form (UTS 46), without a
    trailing dot. Dots and ``+suffix`` of the local part are kept, for only the provider knows what they mean.
    ``mailto:`` and ``Name <address>`` are taken off. The check is generous: what a mail server might accept passes.
    """
    if len(text) > LONGEST_TEXT:
        return None
    text = visible(text)
    if text[:7].lower() == "mailto:":
        text = visible(unquote(text[7:].partition("?")[0]))
    if text.endswith(">"):
        return _email_of_display_form(text)
    local, at, domain = text.rpartition("@")
    if not at:
        return None
    canonical_local = _canonical_local(local)
    canonical_part = canonical_domain(domain) if not domain.startswith("@") else None
    if canonical_local is None or canonical_part is None:
        return None
    canonical = f"{canonical_local}@{canonical_part}"
    return canonical if len(canonical) <= _LONGEST_EMAIL else None


def _email_of_display_form(text: str) -> str | None:
    """``Aino Virtanen <aino@x.fi>``: the address, unless the name is another address and so leaves it open which."""
    match = _DISPLAY_FORM.fullmatch(text)
    if match is None or match["address"].rstrip().endswith(">"):
        return None
    address = canonical_email(match["address"])
    name = match["name"].strip().strip("\"'")
    if "@" in name and canonical_email(name) != address:
        return None
    return address


def _canonical_local(local: str) -> str | None:
    if not local.isascii():
        local = settled(local, str.lower)
    else:
        local = local.lower()
    if not local or not printable(local):
        return None
    if local.startswith('"'):
        return local if _QUOTED_LOCAL.fullmatch(local) else None
    return None if _NOT_IN_LOCAL.search(local) else local


def canonical_domain(text: str) -> str | None:
    """The canonical form of a domain, exactly as after the ``@`` of ``canonical_email``; ``None`` where it has none.

    ``XN--TYKALU-WXA.FI``, ``Työkalu.fi.`` and full-width letters meet in ``työkalu.fi``. At least two labels are
    needed, and a last label that is not a number: mail goes to neither a bare name nor a numeric address.
    """
    if len(text) > LONGEST_TEXT:
        return None
    domain = visible(text).removeprefix("@")
    if domain.isascii():
        domain = domain.lower().removesuffix(".")
        if "xn--" not in domain:
            return domain if _plain_domain(domain) else None
    return _international_domain(domain)


def _plain_domain(domain: str) -> bool:
    return len(domain) <= 253 and _ASCII_DOMAIN.fullmatch(domain) is not None


@lru_cache(maxsize=16_384)
def _international_domain(domain: str) -> str | None:
    """Domains repeat from row to row, so the slow reading of one is kept."""
    first = _unicode_domain(domain)
    # A punycode label may hide characters that are themselves mapped or dropped; such a name has no stable form.
    return first if first is not None and visible(first) == first and _unicode_domain(first) == first else None


def _unicode_domain(domain: str) -> str | None:
    import idna

    try:
        mapped = idna.uts46_remap(domain, std3_rules=False, transitional=False).removesuffix(".")
        labels = []
        for label in mapped.split("."):
            if label.startswith("xn--"):
                label = label[4:].encode("ascii").decode("punycode")
                if label.isascii() or idna.uts46_remap(label, std3_rules=False, transitional=False) != label:
                    return None
            labels.append(label)
        ascii_form = ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels
        )
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return None
    unicode_form = ".".join(labels)
    if not all(len(label) <= 63 for label in ascii_form.split(".")) or len(ascii_form) > 253:
        return None
    # The plain check is made on the ASCII form, where every ASCII character of a label shows as itself.
    return unicode_form if printable(unicode_form) and _ASCII_DOMAIN.fullmatch(ascii_form) else None
