"""The new words of a reply: what stands before the quoted message and the signature.

Written here and not taken from a library: those that split replies know no Finnish, and take a reply apart by long
regular expressions that a hostile text keeps busy. A line too many cut away costs a proposal; a line too many kept
lets our own footer (*peruuta tilaus*) speak for the person. So in doubt a line ends the text.
"""

from __future__ import annotations

import re
from typing import Final

#: Nobody asks to be removed in the tenth paragraph; characters.
MOST_NEW_TEXT: Final = 3_000
_MOST_LINES = 200
_LONGEST_LINE = 1_000

#: Lines after which everything is older: separators of mail programs, the first line of a copied header. Each is
#: matched against one line, without space around it.
_OLDER = (
    re.compile(
        r"[-_*\s]{0,10}(?:original message|alkuperäinen viesti|ursprungligt meddelande|forwarded message"
        r"|välitetty viesti|edelleenlähetetty viesti|vidarebefordrat (?:meddelande|brev)|begin forwarded message:?)"
        r"[-_*\s]{0,10}",
        re.IGNORECASE,
    ),
    re.compile(r"_{10,}|-{10,}|={10,}"),
    re.compile(r"[*]?(?:from|lähettäjä|från|mistä|avsändare)\s?:[*]?\s.*", re.IGNORECASE),
)
#: Lines that begin a signature or what a telephone adds.
_SIGNED = (
    re.compile(r"--\s?|—|–{2}"),
    re.compile(
        r"(?:sent from (?:my|outlook|mail|yahoo|proton)|get outlook for|lähetetty (?:\w+sta\b|\w+stä\b|\w+lta\b"
        r"|\w+ltä\b|outlook|yahoo)|hanki outlook|skickat från|skickades från|hämta outlook).{0,100}",
        re.IGNORECASE,
    ),
)
#: How a quotation is introduced, on one line or over two:
#: ``On Tue, 3 Nov 2026 at 10:12, Acme Oy <news@acme.example> wrote:``, ``ti 3. marrask. 2026 klo 10.12 Acme Oy
#: (news@acme.example) kirjoitti:``, ``Den tis 3 nov. 2026 kl 10:12 skrev Acme Oy <news@acme.example>:``.
_INTRODUCING = re.compile(r"(?:on|den|\w{2}) .{0,200}\d{4}.{0,200}", re.IGNORECASE)
_INTRODUCED = re.compile(
    r"on .{5,300}wrote:|.{0,300}\b(?:kirjoitti(?: seuraavasti)?|wrote|skrev):|.{0,200}\d.{0,200}\bskrev\b.{0,200}:",
    re.IGNORECASE,
)


def first_new_text(text: str) -> str:
    """The lines the sender wrote anew, at most 3,000 characters; ``text`` is plain, its lines ended by line feeds.

    Where the quotation stands first, the new words are those below it.
    """
    kept: list[str] = []
    lines = [line[:_LONGEST_LINE].replace("\xa0", " ").strip() for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        quoted = line.startswith((">", "|"))
        introducing = _INTRODUCED.fullmatch(line) or (_INTRODUCING.fullmatch(line) and _INTRODUCED.fullmatch(following))
        if (quoted or introducing) and not any(kept):
            continue
        if quoted or introducing or any(mark.fullmatch(line) for mark in (*_OLDER, *_SIGNED)):
            break
        kept.append(line)
    return "\n".join(kept).strip()[:MOST_NEW_TEXT]
