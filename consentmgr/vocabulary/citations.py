"""What a reader can look up: compact citations (``SVPL 200(1)``, ``GDPR 21(2)``) written out in fi, sv and en.

A citation is a source's short name and, mostly, a place in it. Each source stands once in ``SOURCES``; how places
are written depends on whether it is an Act (sections), an EU act (articles) or something cited whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from consentmgr.vocabulary.codes import Language

Style = Literal["act", "article", "recital", "chapter", "section_abroad", "plain"]


@dataclass(frozen=True, slots=True)
class Source:
    """One law, decision or guide; ``{place}`` is where the place goes in a plain style. ``link``: where it is kept."""

    style: Style
    en: str
    fi: str
    sv: str
    link: str = ""

    def name(self, language: Language) -> str:
        """What the source is called."""
        return {"en": self.en, "fi": self.fi, "sv": self.sv}[language]


SOURCES: Final[Mapping[str, Source]] = {
    # Acts of Parliament.
    "SVPL": Source("act", "Act 917/2014", "laki sähköisen viestinnän palveluista 917/2014",
                   "lagen om tjänster inom elektronisk kommunikation 917/2014",
                   "https://www.finlex.fi/fi/lainsaadanto/2014/917"),
    "KSL": Source("chapter", "Consumer Protection Act 38/1978", "kuluttajansuojalaki 38/1978",
                  "konsumentskyddslagen 38/1978", "https://www.finlex.fi/fi/lainsaadanto/1978/38"),
    "VTJ": Source("act", "Population Information System Act 661/2009", "laki väestötietojärjestelmästä 661/2009",
                  "lagen om befolkningsdatasystemet 661/2009", "https://www.finlex.fi/fi/lainsaadanto/2009/661"),
    "TSL": Source("act", "Data Protection Act 1050/2018", "tietosuojalaki 1050/2018", "dataskyddslagen 1050/2018",
                  "https://www.finlex.fi/fi/lainsaadanto/2018/1050"),
    "HetiL": Source("act", "repealed Personal Data Act 523/1999", "kumottu henkilötietolaki 523/1999",
                    "upphävda personuppgiftslagen 523/1999", "https://www.finlex.fi/fi/lainsaadanto/1999/523"),
    # Acts of the Union.
    "GDPR": Source("article", "GDPR", "tietosuoja-asetus", "dataskyddsförordningen",
                   "https://eur-lex.europa.eu/eli/reg/2016/679/oj"),
    "recital": Source("recital", "GDPR", "tietosuoja-asetus", "dataskyddsförordningen"),
    "ePD": Source("article", "Directive 2002/58/EC", "direktiivi 2002/58/EY", "direktiv 2002/58/EG",
                  "https://eur-lex.europa.eu/eli/dir/2002/58/oj"),
    "DSA": Source("article", "Digital Services Act 2022/2065", "digipalvelusäädös 2022/2065",
                  "förordningen om digitala tjänster 2022/2065",
                  "https://eur-lex.europa.eu/eli/reg/2022/2065/oj"),
    # Decisions.
    "Inteligo": Source("plain", "CJEU C-654/23 Inteligo Media", "EUT C-654/23 Inteligo Media",
                       "EU-domstolen C-654/23 Inteligo Media"),
    "StWL": Source("plain", "CJEU C-102/20 StWL", "EUT C-102/20 StWL", "EU-domstolen C-102/20 StWL"),
    "TSV": Source("plain", "Data Protection Ombudsman, {place}", "tietosuojavaltuutettu, {place}",
                  "dataombudsmannen, {place}"),
    # Guidance and rules of the industry.
    "guide": Source("plain", "Data Protection Ombudsman, guide 1/2007", "tietosuojavaltuutetun opas 1/2007",
                    "dataombudsmannens handledning 1/2007"),
    "EDPB": Source("plain", "EDPB Guidelines {place}", "Euroopan tietosuojaneuvoston ohjeet {place}",
                   "Europeiska dataskyddsstyrelsens riktlinjer {place}"),
    "KKV": Source("plain", "Competition and Consumer Authority, guidance {place}",
                  "Kilpailu- ja kuluttajaviraston ohjeet {place}",
                  "Konkurrens- och konsumentverkets anvisningar {place}"),
    "Robinson": Source("plain", "DMA Finland, Robinson rules", "DMA Finlandin Robinson-säännöt",
                       "DMA Finlands Robinsonregler"),
    "ASML": Source("plain", "DMA Finland, B2B e-mail rules, {place}", "DMA Finlandin B2B-sähköpostisäännöt, {place}",
                   "DMA Finlands regler för B2B-e-post, {place}"),
    "DVV": Source("plain", "Digital and Population Data Services Agency, terms of disclosure",
                  "Digi- ja väestötietovirasto, tietojen luovutuksen ehdot",
                  "Myndigheten för digitalisering och befolkningsdata, villkor för utlämnande"),
    "vendor": Source("plain", "licence terms of the data's vendor", "tietojen toimittajan käyttöehdot",
                     "uppgiftsleverantörens användningsvillkor"),
    "RFC": Source("plain", "RFC {place}", "RFC {place}", "RFC {place}"),
    "mailbox": Source("plain", "senders' requirements of Gmail, Yahoo and Outlook",
                      "Gmailin, Yahoon ja Outlookin lähettäjävaatimukset",
                      "Gmails, Yahoos och Outlooks krav på avsändare"),
    # Other countries.
    "UWG": Source("section_abroad", "Germany: UWG", "Saksa: UWG", "Tyskland: UWG"),
    "MFL-DK": Source("section_abroad", "Denmark: markedsføringsloven", "Tanska: markedsføringsloven",
                     "Danmark: markedsføringsloven"),
    "mfl-NO": Source("section_abroad", "Norway: markedsføringsloven", "Norja: markedsføringsloven",
                     "Norge: markedsføringsloven"),
    "MFL-SE": Source("section_abroad", "Sweden: marknadsföringslagen", "Ruotsi: marknadsföringslagen",
                     "Sverige: marknadsföringslagen"),
    # Where no law says it: our own caution, said openly.
    "precaution": Source("plain", "precaution of this rule pack", "sääntöpaketin varovaisuussääntö",
                         "regelpaketets försiktighetsregel"),
}  # fmt: skip

_PLACE = re.compile(r"(?P<main>[\d–]+)(?P<parts>(?:\([0-9a-z]+\))*)(?:–\((?P<last>[0-9a-z]+)\))?")


def cite(citation: str, language: Language) -> str:
    """``citation`` (one or more, ``;`` between) written out, in the order given; a source cited twice running is
    named once. ``ValueError`` where a source or a place is not known: a rule may not cite what nobody can look up.
    """
    places: list[tuple[str, list[str]]] = []
    for part in citation.split(";"):
        key, _, place = part.strip().partition(" ")
        if key not in SOURCES:
            raise ValueError(f"no source {key}")
        if places and places[-1][0] == key:
            places[-1][1].append(place)
        else:
            places.append((key, [place]))
    return "; ".join(_written(SOURCES[key], key_places, language) for key, key_places in places)


def _written(source: Source, places: list[str], language: Language) -> str:
    name = source.name(language)
    if source.style == "plain":
        if any(places) and "{place}" not in name:
            raise ValueError(f"{name} has no places")
        return name.replace("{place}", ", ".join(_day(place, language) for place in places)).rstrip(" ,")
    if not any(places):
        return name
    first, *others = [_WRITERS[source.style](place, language) for place in places]
    if source.style == "article" and language == "en":
        others = [other.removeprefix(" art. ") for other in others]
    elif source.style == "article" and name[-1].isdigit():
        # The number of the act and the number of the article would otherwise run together.
        first = f",{first}"
    return name + ", ".join([first, *(other.strip(" ,") for other in others)])


def _day(place: str, language: Language) -> str:
    """A date (``2020-07-23``) as the language writes it; any other place as it is."""
    day = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", place)
    if day is None:
        return place
    if language == "en":
        return f"{int(day[3])} {_MONTHS[int(day[2]) - 1]} {day[1]}"
    return f"{int(day[3])}.{int(day[2])}.{day[1]}"


_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def _parsed(place: str) -> tuple[str, list[str], str]:
    """``6(1)(b)–(d)`` as main ``6``, parts ``1``, ``b`` and the end of a range ``d``."""
    match = _PLACE.fullmatch(place)
    if match is None:
        raise ValueError(f"no place {place}")
    return match["main"], re.findall(r"\(([0-9a-z]+)\)", match["parts"]), match["last"] or ""


def _section(place: str, language: Language) -> str:
    main, parts, _ = _parsed(place)
    if language == "en":
        return f" § {main}" + (f"({parts[0]})" if parts else "")
    return f", {main} §" + (f" {parts[0]} mom." if parts else "")


def _section_abroad(place: str, language: Language) -> str:
    several = "–" in place
    return f" §{'§' if several else ''} {place}" if language == "en" else f" {place} §"


def _chapter(place: str, language: Language) -> str:
    return {"en": f" ch. {place}", "fi": f", {place} luku", "sv": f", {place} kap."}[language]


def _article(place: str, language: Language) -> str:
    main, parts, last = _parsed(place)
    if language == "en":
        return f" art. {main}" + "".join(f"({part})" for part in parts) + (f"–({last})" if last else "")
    ranged = [*parts[:-1], f"{parts[-1]}–{last}"] if last else parts
    if language == "sv":
        text = f" artikel {main}"
        for part in ranged:
            text += f".{part}" if part[0].isdigit() else f" {part}"
        return text
    text = f" {main} artikla"
    for part in ranged:
        # Definitions (article 4) are numbered sub-paragraphs; elsewhere a number is a paragraph.
        text += f" {part} {'kohta' if part[0].isdigit() and main != '4' else 'alakohta'}"
    return text


def _recital(place: str, language: Language) -> str:
    return {"en": f" recital {place}", "fi": f" johdanto-osan {place} kappale", "sv": f" skäl {place}"}[language]


_WRITERS = {
    "act": _section,
    "section_abroad": _section_abroad,
    "chapter": _chapter,
    "article": _article,
    "recital": _recital,
}
