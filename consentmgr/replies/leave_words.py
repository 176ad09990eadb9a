"""The words by which people ask to be left alone, in Finnish, Swedish and English: a table that staff can read.

A match is only ever a proposal, so the table is generous; but it must not turn a person's meaning round. *Älkää
poistako minua* and *do not remove me* say the opposite of the words in them, and match nothing. Words are compared
without capitals and accents (``ä`` and ``å`` as ``a``, ``ö`` as ``o``), as many write them.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

Language = Literal["fi", "sv", "en"]
#: ``leave``: no more messages. ``erase``: take me out of your data, which is more than leaving (GDPR 17).
Wish = Literal["leave", "erase"]


class Phrase(NamedTuple):
    """``pattern`` is looked for in one clause. Where ``whole``, the clause must be nothing else."""

    language: Language
    wish: Wish
    pattern: re.Pattern[str]
    whole: bool = False


class Found(NamedTuple):
    """``words`` are the person's own, as they wrote them (the clause, at most 200 characters)."""

    language: Language
    wish: Wish
    words: str


def _phrase(language: Language, pattern: str, *, wish: Wish = "leave", whole: bool = False) -> Phrase:
    return Phrase(language, wish, re.compile(pattern), whole)


# Fillers that may stand between a verb and its object; few and short, so that no pattern can run away.
_FI = r"(?: (?:nyt|heti|jo|ystavallisesti|valittomasti|siis|pikaisesti|kiitos|myos))*"
_SV = r"(?: (?:nu|genast|omedelbart|tack|vanligen|snarast|aven|ocksa|garna))*"
_EN = r"(?: (?:please|now|immediately|kindly|also|just|at once))*"
_FI_MAIL = (
    r"(?:\w*(?:uutiskirje|uutiskirjei|viest|posti|postia|posteja|mainos|mainoks|markkinointi|tiedote|tiedottei"
    r"|roskapost|spam|kirje|ilmoituks)\w*)"
)
_SV_MAIL = r"(?:\w*(?:brev|mejl|mail|mail|e-?post|utskick|reklam|meddelande|information|annons|spam|marknadsforing)\w*)"
_EN_MAIL = r"(?:\w*(?:e-?mail|mail|newsletter|message|marketing|advert|spam|promotion|communication)\w*)"

PHRASES: tuple[Phrase, ...] = (
    # Finnish. The positive form takes its object whole (minut), the negative one in the partitive (minua).
    _phrase(
        "fi", rf"\bpoist(?:a|akaa|attehan|atteko|atko|akaapa|aisitteko|aisitko|akaas){_FI} (?:minut|meidat|nimeni)\b"
    ),
    _phrase(
        "fi",
        rf"\bpoist(?:a|akaa|atteko|atko|aisitteko|aisitko){_FI}"
        r" (?:minun |meidan |taman |tama )?(?:sahkoposti\w*|meili\w*|e-?mail\w*|osoite\w*|osoitte\w*|yhteystie\w+)",
    ),
    _phrase(
        "fi",
        rf"\b(?:voi(?:tteko|tko|sitteko|sitko)|pyydan|haluan|haluaisin|toivon){_FI} (?:\w+ )?"
        r"(?:poista(?:a|maan|misen|mista)|poistumaan|poistua|erota|eroamaan)\b",
    ),
    _phrase("fi", r"\b(?:haluan|haluaisin|ottakaa minut|ota minut) pois\b"),
    _phrase(
        "fi",
        r"\bperu(?:uta|uttakaa|uttakaapa|uttaisitteko|uttaisitko|kaa|utatteko|utatko)?"
        rf"{_FI} (?:minun |meidan |taman |tama )?\w*(?:tilau|uutiskirje|postitu|prenumer)\w*",
    ),
    _phrase("fi", r"\b(?:haluan|haluaisin|pyydan|toivon) (?:\w+ )?(?:peruuttaa|perua|lopettaa|peruuttamaan)\b"),
    _phrase("fi", rf"\blopet(?:a|takaa){_FI} (?:\w+ ){{0,3}}?(?:\w*lahetta\w+|\w*lahety\w+|spamm\w+|{_FI_MAIL})"),
    _phrase("fi", r"\b(?:alkaa|ala) (?:enaa )?(?:lahettako|laheta|lahettako|lahetelko|lahettele)\b"),
    _phrase(
        "fi",
        rf"\ben (?:enaa )?(?:halua|haluaisi|tahdo)(?: enaa| teilta| minkaanlaista| mitaan| saada| vastaanottaa"
        rf"| tata| naita| lisaa| teidan)* {_FI_MAIL}",
    ),
    _phrase("fi", r"\bkiellan (?:\w+ ){0,4}?(?:\w*markkino\w+|lahett\w+|\w*mainon\w+|kayton|kayttamisen)"),
    _phrase(
        "fi",
        r"(?:lopeta|lopettakaa|seis|poista|poistakaa|peru|peruuta|peruuttakaa|ei kiitos enaa|pois listalta)",
        whole=True,
    ),
    _phrase("fi", rf"\bpoista(?:kaa)?{_FI} (?:kaikki )?(?:minun )?(?:henkilo)?tietoni\b", wish="erase"),
    # Swedish.
    _phrase("sv", rf"\bta(?:r)?(?: ni| du)?{_SV} bort{_SV} (?:mig|oss|min\b|mitt\b|mina\b|var\b|denna|den har)"),
    _phrase(
        "sv",
        r"\b(?:kan|kunde|skulle) (?:ni|du) (?:(?!inte|ej|aldrig)\w+ )?(?:ta bort|stryka|avregistrera|avsluta|plocka bort) ",
    ),
    _phrase("sv", r"\b(?:stryk|plocka bort|radera|ta bort) (?:mig|oss|min adress|min e-?post\w*|min mejl\w*)\b"),
    _phrase(
        "sv",
        r"\b(?:avregistrera|avprenumerera|avanmal|avbestall|saga upp|sag upp|avsluta)"
        rf"{_SV} (?:mig|oss|min|mitt|var|denna|detta|nyhetsbrev\w*|prenumeration\w*|utskick\w*|fran)\b",
    ),
    _phrase(
        "sv",
        r"\b(?:jag|vi) (?:vill|onskar|skulle vilja|ber att fa) (?:(?!inte|ej|aldrig)\w+ )?(?:avregistrera|avprenumerera|avsluta"
        r"|saga upp|bli borttagen|bli avregistrerad|bli struken|slippa|avbestalla|ga ur|tas bort)",
    ),
    _phrase(
        "sv", rf"\b(?:sluta|upphor)(?: med)?(?: att)? (?:skicka|sanda|mejla|maila|maila|spamma|kontakta|{_SV_MAIL})"
    ),
    _phrase("sv", r"\bskicka (?:mig |oss )?(?:inte|inga|aldrig) (?:\w+ )?(?:mer|mera|fler|flera|langre|nagra|ut)\b"),
    _phrase(
        "sv",
        rf"\b(?:jag|vi) (?:vill|onskar) (?:inte|ej|aldrig)(?: langre| mer| mera)?(?: (?:ha|fa|ta emot"
        rf"|prenumerera pa))?(?: (?:nagra|fler|flera|mer|ert|era|detta|dessa|den har|det har|er))*"
        rf" {_SV_MAIL}",
    ),
    _phrase("sv", r"\b(?:jag|vi) (?:undanber|avsager|avbojer)\b"),
    _phrase(
        "sv",
        r"(?:avregistrera|avregistrering|avprenumerera|avanmalan|avanmalning|avsluta|sluta|stopp|nej tack"
        r"|ta bort|inga fler \w+)(?: tack)?",
        whole=True,
    ),
    _phrase("sv", r"\b(?:radera|ta bort)(?: alla)? (?:mina|vara) (?:\w*uppgifter|\w*data)\b", wish="erase"),
    # English.
    _phrase(
        "en",
        rf"\b(?:remove|delete|take){_EN} (?:me|us|my (?:name|address|e-?mail\w*(?: address)?|details)"
        r"|this (?:e-?mail|address|e-?mail address)) ?(?:from|off|out|please|$)",
    ),
    _phrase("en", r"\btake (?:me|us) off\b"),
    _phrase(
        "en",
        rf"^(?:(?:hi|hello|hey|please|kindly|just|so|then|now) )*unsubscribe{_EN}(?: (?:me|us|this|my|from|immediately)\b.*)?$",
    ),
    _phrase(
        "en",
        r"\b(?:want|wish|like|ask|asking|asked|need|trying|how (?:do|can) (?:i|we)|can (?:you|i)|could you"
        r"|would you)(?: (?:you|i|to|please|be|kindly))* (?:unsubscribed?|opt out|be removed|removed|remove me"
        r"|remove us)\b",
    ),
    _phrase("en", r"\bopt (?:me|us) out\b|^(?:please )?opt[- ]?out$"),
    _phrase(
        "en",
        rf"\b(?:stop|cease|quit) (?:\w+ ){{0,2}}?(?:sending|emailing|e-mailing|mailing|contacting|spamming"
        rf"|writing|all|{_EN_MAIL})",
    ),
    _phrase("en", r"\bcancel (?:my|our|this|the) (?:\w+ )?(?:subscription|newsletter)"),
    _phrase(
        "en",
        r"\b(?:do not|don ?t|never) (?:send|e-?mail|mail|contact|write)(?: to)? (?:me|us|any)\b.*"
        r"\b(?:again|any ?more|further|more|any)\b",
    ),
    _phrase(
        "en",
        rf"\b(?:i|we) (?:do not|don ?t|no longer|never) (?:want|wish|care)(?: to)?(?: (?:receive|get|have|hear"
        rf"|your|any|more|these|those|this|such|further|from|you))* ?(?:{_EN_MAIL}|from you|any ?more|$)",
    ),
    _phrase("en", rf"^no more (?:\w+ )?{_EN_MAIL}"),
    _phrase(
        "en", r"(?:stop|unsubscribe|remove|removal|opt out|optout|stop it|remove please)(?: please| now)?", whole=True
    ),
    _phrase(
        "en",
        r"\b(?:delete|erase|remove)(?: all)? (?:of )?(?:my|our) (?:personal )?(?:data|account|information)\b",
        wish="erase",
    ),
)

#: A word of these before the match, in its clause, turns it round.
_NOT_BEFORE: dict[Language, re.Pattern[str]] = {
    "fi": re.compile(r"\b(?:ala|alkaa|alkoon|alkaamme|en|et|ei|emme|ette|eivat|enka|eika|miksi)\b"),
    "sv": re.compile(r"\b(?:inte|ej|icke|aldrig|varfor)\b"),
    "en": re.compile(r"\b(?:not|don ?t|dont|never|didn ?t|won ?t|cannot|can ?t|shouldn ?t|no need|why|rather than)\b"),
}
#: Swedish says no behind the verb: *avregistrera mig inte*.
_NOT_AFTER: dict[Language, re.Pattern[str]] = {
    "fi": re.compile(r"(?!)"),
    "sv": re.compile(r"^(?: \w+)? ?(?:inte|ej|icke)\b(?! (?:langre|mer))"),
    "en": re.compile(r"^ ?(?:not|never)\b"),
}
#: A clause of these words alone belongs to the next one: *please don't, under any circumstances, remove me*.
_ONLY_NOT = re.compile(
    r"(?:(?:please|kindly|just|under|any|circumstances|i beg you|do|not|don ?t|dont|never|ever|ala|alkaa|missaan"
    r"|tapauksessa|olkaa|hyva|ystavallisesti|inte|ej|snalla|vanligen|aldrig)\s*)+"
)
_CLAUSE_ENDS = re.compile(r"([.!?;:,()\[\]\n\"”“…]+| [-–—] | (?:but|and|mutta|ja|men|och|sek[aä]|vaan|utan)(?= ))")
_SENTENCE_END = re.compile(r"[.!?;\n]")
_MOST_CLAUSES = 120
_LONGEST_CLAUSE = 300


def find_leave_words(text: str) -> Found | None:
    """The first clause of a text that asks to leave; None where none does. Erasure outweighs leaving."""
    found: Found | None = None
    for clause, denied in _clauses(text):
        match = _match(clause, denied=denied)
        if match is not None and (found is None or (match.wish == "erase" and found.wish != "erase")):
            found = match
    return found


def _clauses(text: str) -> list[tuple[str, bool]]:
    """The clauses, each with whether one before it, of nothing but a *not*, belongs to it."""
    pieces = _CLAUSE_ENDS.split(text)[: 2 * _MOST_CLAUSES]
    found: list[tuple[str, bool]] = []
    denied = False
    for clause, end in zip(pieces[::2], [*pieces[1::2], ""], strict=False):
        plain = folded(clause)
        if plain:
            found.append((clause.strip()[:_LONGEST_CLAUSE], denied))
            only = _ONLY_NOT.fullmatch(plain) is not None
            denied = only and (denied or any(pattern.search(plain) for pattern in _NOT_BEFORE.values()))
        if _SENTENCE_END.search(end):
            denied = False
    return found


def _match(clause: str, *, denied: bool) -> Found | None:
    if denied:
        return None
    plain = folded(clause)
    for phrase in PHRASES:
        match = phrase.pattern.fullmatch(plain) if phrase.whole else phrase.pattern.search(plain)
        if match is None:
            continue
        before, after = plain[: match.start()], plain[match.end() :]
        if _NOT_BEFORE[phrase.language].search(before) or _NOT_AFTER[phrase.language].search(after):
            continue
        return Found(phrase.language, phrase.wish, clause[:200])
    return None


def folded(text: str) -> str:
    """Small letters without accents, apostrophes as spaces, one space between words."""
    apart = unicodedata.normalize("NFKD", text[:_LONGEST_CLAUSE].casefold())
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^\w\s-]", " ", plain).split())
