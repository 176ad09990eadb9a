"""Names to draw from: the commonest ones for people, invented ones for streets and firms."""

from __future__ import annotations

import unicodedata
from typing import Final, NamedTuple

from consentmgr.vocabulary.codes import Language

#: Given names by language of the person.
GIVEN_NAMES: Final[dict[Language, tuple[str, ...]]] = {
    "fi": (
        "Aino", "Anna", "Anne", "Eeva", "Hanna", "Heidi", "Helena", "Jenni", "Johanna", "Kaarina", "Katja",
        "Kristiina", "Laura", "Leena", "Liisa", "Maria", "Marja", "Merja", "Minna", "Niina", "Outi", "Päivi", "Pirjo",
        "Raija", "Riitta", "Ritva", "Sanna", "Sari", "Satu", "Susanna", "Taina", "Tiina", "Tuula", "Antti", "Arto",
        "Eero", "Esa", "Hannu", "Harri", "Heikki", "Ilkka", "Jaakko", "Jani", "Jari", "Jarmo", "Juha", "Jukka",
        "Jyrki", "Kalevi", "Kari", "Lauri", "Marko", "Markku", "Matti", "Mika", "Mikko", "Olli", "Pekka", "Pertti",
        "Petri", "Sami", "Seppo", "Tapio", "Timo", "Tommi", "Tuomas", "Veikko", "Ville", "Väinö",
    ),
    "sv": (
        "Anders", "Anna", "Birgitta", "Carina", "Christina", "Elisabet", "Erik", "Eva", "Fredrik", "Gunilla", "Göran",
        "Hans", "Henrik", "Johan", "Karl", "Kerstin", "Lars", "Lena", "Magnus", "Margareta", "Mikael", "Monica",
        "Stefan", "Susanne", "Ulla", "Åsa",
    ),
    "en": ("Ahmed", "Amina", "Andrei", "Carlos", "Daniel", "David", "Elena", "Fatima", "Ivan", "James", "Linh", "Maria",
           "Minh", "Natalia", "Olga", "Peter", "Sofia", "Thomas"),
}  # fmt: skip

FAMILY_NAMES: Final[dict[Language, tuple[str, ...]]] = {
    "fi": (
        "Ahonen", "Heikkilä", "Heikkinen", "Heinonen", "Hiltunen", "Hirvonen", "Hämäläinen", "Järvinen", "Jokinen",
        "Karjalainen", "Kinnunen", "Koskinen", "Korhonen", "Laaksonen", "Lahtinen", "Laine", "Laitinen", "Lehtinen",
        "Lehtonen", "Leppänen", "Manninen", "Mattila", "Miettinen", "Mäkelä", "Mäkinen", "Niemi", "Nieminen",
        "Ojala", "Pitkänen", "Pulkkinen", "Rantanen", "Räsänen", "Saarinen", "Salminen", "Salo", "Salonen",
        "Savolainen", "Toivonen", "Tuominen", "Turunen", "Virtanen", "Väisänen",
    ),
    "sv": (
        "Andersson", "Backman", "Björklund", "Eriksson", "Fagerström", "Gustafsson", "Holmberg", "Holmström",
        "Johansson", "Karlsson", "Lindberg", "Lindholm", "Lindqvist", "Lindström", "Nyberg", "Nyman", "Sjöberg",
        "Söderholm", "Åkerblom", "Österholm",
    ),
    "en": ("Ali", "Chen", "Garcia", "Hassan", "Ivanov", "Kim", "Müller", "Nguyen", "Petrova", "Rossi", "Silva",
           "Smith", "Sokolova", "Tamm"),
}  # fmt: skip


class Place(NamedTuple):
    """A postal area: its code, its name in both languages, its municipality (Statistics Finland)."""

    postal_code: str
    fi: str
    sv: str
    municipality: str


PLACES: Final = (
    Place("00100", "Helsinki", "Helsingfors", "091"), Place("00530", "Helsinki", "Helsingfors", "091"),
    Place("02100", "Espoo", "Esbo", "049"), Place("01300", "Vantaa", "Vanda", "092"),
    Place("33100", "Tampere", "Tammerfors", "837"), Place("20100", "Turku", "Åbo", "853"),
    Place("90100", "Oulu", "Uleåborg", "564"), Place("40100", "Jyväskylä", "Jyväskylä", "179"),
    Place("70100", "Kuopio", "Kuopio", "297"), Place("15110", "Lahti", "Lahtis", "398"),
    Place("28100", "Pori", "Björneborg", "609"), Place("80100", "Joensuu", "Joensuu", "167"),
    Place("96100", "Rovaniemi", "Rovaniemi", "698"),
)  # fmt: skip
SWEDISH_PLACES: Final = (
    Place("65100", "Vaasa", "Vasa", "905"), Place("10600", "Tammisaari", "Ekenäs", "710"),
    Place("06100", "Porvoo", "Borgå", "638"), Place("68600", "Pietarsaari", "Jakobstad", "598"),
    Place("21600", "Parainen", "Pargas", "445"),
)  # fmt: skip

#: First and second halves of invented names; the second with its genitive.
FIRST_HALVES: Final = (
    "Halla", "Hilla", "Kaarna", "Kajo", "Kuura", "Lumme", "Rusko", "Sarastus", "Tuohi", "Usva", "Utu", "Vasama",
)  # fmt: skip
SECOND_HALVES: Final = (
    ("harju", "harjun"), ("kallio", "kallion"), ("koski", "kosken"), ("lampi", "lammen"), ("mäki", "mäen"),
    ("niemi", "niemen"), ("pelto", "pellon"), ("ranta", "rannan"), ("saari", "saaren"), ("vuori", "vuoren"),
)  # fmt: skip
STREET_ENDS: Final = ("katu", "kuja", "polku", "raitti", "rinne", "tie")
SWEDISH_STREETS: Final = ("Exempelgatan", "Exempelgränden", "Fantasistigen", "Låtsasvägen", "Påhittsvägen")

TRADES: Final = (
    "Hammashoito", "Kiinteistöt", "Kirjanpito", "Konepaja", "Kuljetus", "Leipomo", "Logistiikka", "Metalli",
    "Ohjelmistot", "Painotalo", "Puutuote", "Rakennus", "Siivous", "Sähkö", "Tilitoimisto", "Varaosa",
)  # fmt: skip

#: Titles by the area of responsibility they go with.
TITLES: Final[dict[str, tuple[str, ...]]] = {
    "general_management": ("Toimitusjohtaja", "Toiminnanjohtaja"),
    "finance": ("Talousjohtaja", "Talouspäällikkö", "Ekonomichef"),
    "human_resources": ("Henkilöstöpäällikkö", "HR-asiantuntija"),
    "information_technology": ("Tietohallintojohtaja", "IT-päällikkö"),
    "sales": ("Myyntijohtaja", "Myyntipäällikkö", "Försäljningschef"),
    "marketing": ("Markkinointipäällikkö", "Markkinointijohtaja"),
    "communications": ("Viestintäpäällikkö",),
    "customer_service": ("Asiakaspalvelupäällikkö", "Palveluvastaava"),
    "procurement": ("Hankintapäällikkö", "Ostopäällikkö", "Ostaja", "Inköpschef"),
    "logistics": ("Logistiikkapäällikkö", "Varastopäällikkö"),
    "production": ("Tuotantopäällikkö", "Tuotantojohtaja"),
    "research_and_development": ("Tuotekehityspäällikkö",),
    "quality_and_environment": ("Laatupäällikkö", "Ympäristöpäällikkö"),
    "facilities": ("Kiinteistöpäällikkö", "Toimistopäällikkö", "Toimitilavastaava"),
    "risk_and_safety": ("Turvallisuuspäällikkö",),
    "training": ("Koulutuspäällikkö",),
}
#: Titles that say nothing certain of what a person answers for.
VAGUE_TITLES: Final = ("Asiantuntija", "Johtaja", "Osastopäällikkö", "Projektipäällikkö", "Specialist", "Suunnittelija")

#: Where the invented consumers have their mailboxes. The last is the same kind of name in Finnish spelling.
MAIL_DOMAINS: Final = (
    "posti.example", "kotiposti.example", "meili.example", "laatikko.example", "epost.example", "sähköposti.example",
)  # fmt: skip


def plain(text: str) -> str:
    """The text as people write it into an address: lower-case, without accents, only letters, digits and hyphens."""
    without_marks = unicodedata.normalize("NFKD", text.lower())
    return "".join(
        char for char in without_marks.replace(" ", "-") if char.isascii() and (char.isalnum() or char == "-")
    )
