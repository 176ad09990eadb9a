"""Why a file or a line of it was not taken, in the language of whoever brings it.

What reads files says so in English, for the terminal, the API and the file of refused lines. The desk shows the same
sentences to people of marketing, whose language may be another: those that their files commonly meet are told in it
here, and the rest stay as they are. Codes stay, because a file must hold them, and what they are called stands beside
each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from consentmgr.vocabulary.code_names import CODE_NAMES
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.columns import COLUMN_NAMES, column_name


class _Sentence(NamedTuple):
    """``{name}`` stands for whatever it is about; ``{codes}`` and ``{field}`` are told with their names. ``desk`` is
    the English of pages, where the terminal speaks of its own options.
    """

    en: str
    fi: str
    sv: str
    desk: str | None = None


_HOW_FI, _HOW_SV = "kirjoita se muodossa 2026-01-31 tai 31.1.2026", "skriv det som 2026-01-31 eller 31.1.2026"
_HOW_EN: Final = "write it as 2026-01-31 or 31.1.2026"

_SENTENCES: Final[tuple[_Sentence, ...]] = (
    # Cells.
    _Sentence(
        "is not an e-mail address that can be matched",
        "ei ole toimiva sähköpostiosoite",
        "är ingen fungerande e-postadress",
    ),
    _Sentence("is not a telephone number that can be matched", "ei ole puhelinnumero", "är inget telefonnummer"),
    _Sentence(
        "was shortened by a spreadsheet to a power of ten, and its last digits are lost: make the column text there,"
        " and enter the number again",
        "on taulukkolaskennan lyhentämä (kuten 4,58E+11), ja viimeiset numerot ovat kadonneet: muuta sarake tekstiksi"
        " ja kirjoita numero uudelleen",
        "har förkortats av kalkylprogrammet (som 4,58E+11), och de sista siffrorna är borta: gör om kolumnen till text"
        " och skriv numret på nytt",
    ),
    _Sentence("is not a postal address that can be matched", "ei ole postiosoite", "är ingen postadress"),
    _Sentence(
        "is no e-mail address, telephone number or business id that can be matched",
        "ei ole sähköpostiosoite, puhelinnumero eikä Y-tunnus",
        "är varken en e-postadress, ett telefonnummer eller ett FO-nummer",
    ),
    _Sentence(
        "is not a business id: the check digits do not match",
        "ei ole Y-tunnus: tarkistusnumero ei täsmää",
        "är inget FO-nummer: kontrollsiffran stämmer inte",
    ),
    _Sentence(
        "is not a business id of {country}: the check digits do not match",
        "ei ole maan {country} yritystunnus: tarkistusnumero ei täsmää",
        "är inget organisationsnummer i {country}: kontrollsiffran stämmer inte",
    ),
    _Sentence("is not a domain", "ei ole verkkotunnus", "är ingen domän"),
    _Sentence(f"is not a date; {_HOW_EN}", f"ei ole päivämäärä; {_HOW_FI}", f"är inget datum; {_HOW_SV}"),
    _Sentence(
        f"is a date that does not tell the day from the month; {_HOW_EN}",
        f"ei kerro, kumpi luku on päivä ja kumpi kuukausi; {_HOW_FI}",
        f"visar inte vilket tal som är dag och vilket som är månad; {_HOW_SV}",
    ),
    _Sentence(
        f"has a year of two digits; {_HOW_EN}",
        f"on vuosiluvultaan vain kaksinumeroinen; {_HOW_FI}",
        f"har ett årtal med två siffror; {_HOW_SV}",
    ),
    _Sentence("is a date that does not exist", "on päivä, jota ei ole", "är en dag som inte finns"),
    _Sentence("is a date that cannot be meant", "on päivä, jota ei voi tarkoittaa", "är en dag som inte kan avses"),
    _Sentence(
        "has a time of day that cannot be read; write it as 2026-01-31 14:30",
        "sisältää kellonajan, jota ei voi lukea; kirjoita se muodossa 2026-01-31 14:30",
        "har ett klockslag som inte kan läsas; skriv det som 2026-01-31 14:30",
    ),
    _Sentence("has a time of day that does not exist", "on kellonaika, jota ei ole", "är ett klockslag som inte finns"),
    _Sentence("lies in the future", "on tulevaisuudessa", "ligger i framtiden"),
    _Sentence("is neither yes nor no", "ei ole kyllä eikä ei", "är varken ja eller nej"),
    _Sentence("is none of {codes}", "ei ole mikään näistä: {codes}", "är inget av följande: {codes}"),
    _Sentence(
        "is not a business id of {country}: no digit is in it",
        "ei ole maan {country} yritystunnus: siinä ei ole yhtään numeroa",
        "är inget organisationsnummer i {country}: det innehåller ingen siffra",
    ),
    _Sentence(
        "is not a country's two letters, such as FI",
        "ei ole maan kaksikirjaiminen tunnus, kuten FI",
        "är ingen landskod med två bokstäver, till exempel FI",
    ),
    _Sentence(
        "is no responsibility area that is known", "ei ole tunnettu vastuualue", "är inget känt ansvarsområde"
    ),
    _Sentence(
        "is longer than {most} characters", "on pidempi kuin {most} merkkiä", "är längre än {most} tecken"
    ),
    _Sentence(
        "must be 64 hexadecimal digits",
        "ei ole SHA-256-tiiviste, jossa on 64 heksanumeroa",
        "är ingen SHA-256-summa med 64 hexadecimala siffror",
    ),
    _Sentence(
        "lies before the day from which the ban is valid",
        "on ennen päivää, josta kielto alkaa",
        "ligger före den dag då förbudet börjar",
    ),
    # Rows.
    _Sentence(
        "names nobody: ref, e-mail, telephone and postal address are all blank",
        "ei nimeä ketään: viite, sähköposti, puhelin ja postiosoite ovat tyhjiä",
        "nämner ingen: referens, e-post, telefon och postadress är tomma",
    ),
    _Sentence(
        "names nobody: every column that says whom the ban protects is blank",
        "ei nimeä ketään: kaikki sarakkeet, jotka kertovat, ketä kielto suojaa, ovat tyhjiä",
        "nämner ingen: alla kolumner som anger vem förbudet skyddar är tomma",
    ),
    _Sentence(
        "names nobody: the e-mail address is blank",
        "ei nimeä ketään: sähköpostiosoite on tyhjä",
        "nämner ingen: e-postadressen är tom",
    ),
    _Sentence(
        "names no organisation: business id and ref are both blank",
        "ei nimeä organisaatiota: Y-tunnus ja viite ovat tyhjiä",
        "nämner ingen organisation: FO-nummer och referens är tomma",
    ),
    _Sentence(
        "is blank, so the row says nothing of consent",
        "on tyhjä, joten rivi ei kerro suostumuksesta mitään",
        "är tom, så raden säger inget om samtycke",
    ),
    _Sentence(
        "says nothing of consent: every column of yes and no is blank",
        "rivi ei kerro suostumuksesta mitään: kaikki kyllä/ei-sarakkeet ovat tyhjiä",
        "raden säger inget om samtycke: alla ja/nej-kolumner är tomma",
    ),
    _Sentence(
        "does not say for which channels the consent was given: add a column channels",
        "rivi ei kerro, mitä kanavia suostumus koskee: lisää sarake channels (kanavat)",
        "raden anger inte vilka kanaler samtycket gäller: lägg till kolumnen channels (kanaler)",
    ),
    _Sentence(
        "is blank, and no --source says whose ban it is: {codes}",
        "on tyhjä, eikä koko tiedostolle ole valittu lähdettä. Sarakkeessa voi olla: {codes}",
        "är tom, och ingen källa har valts för hela filen. I kolumnen kan stå: {codes}",
        "is blank, and no source is chosen for the whole file. The column may hold: {codes}",
    ),
    _Sentence(
        "must be key/version/language, such as signup/3/fi",
        "kirjoitetaan muodossa tunnus/versio/kieli, kuten signup/3/fi",
        "skrivs som nyckel/version/språk, till exempel signup/3/fi",
    ),
    _Sentence(
        "the row has {found} fields where the first line has {wanted}: put quotes around a cell that holds a {mark}, or"
        " give the missing column a name",
        "rivillä on {found} kenttää ja otsikkorivillä {wanted}: pane lainausmerkit solun ympärille, jos solussa on"
        " erotinmerkki, tai anna puuttuvalle sarakkeelle nimi",
        "raden har {found} fält och rubrikraden {wanted}: sätt citattecken kring en cell som innehåller skiljetecknet,"
        " eller ge den kolumn som saknas ett namn",
    ),
    # Whole files.
    _Sentence(
        "the columns are named on line {line} only: take away what stands above it",
        "sarakkeiden nimet ovat vasta rivillä {line}: poista niiden yläpuolella olevat rivit",
        "kolumnernas namn står först på rad {line}: ta bort raderna ovanför",
    ),
    _Sentence(
        "each line stands in quotes as a whole, so that it is one cell: save the table as CSV again",
        "jokainen rivi on kokonaan lainausmerkeissä ja siis yhtä solua: tallenna taulukko uudelleen CSV-tiedostona",
        "varje rad står helt inom citattecken och är därför en enda cell: spara tabellen som CSV på nytt",
    ),
    _Sentence(
        "the first line is a row already: put a line with the names of the columns above it",
        "ensimmäinen rivi on jo tietorivi: lisää sen yläpuolelle rivi, jolla ovat sarakkeiden nimet",
        "första raden är redan en datarad: lägg till en rad med kolumnernas namn ovanför",
    ),
    _Sentence(
        "no column says what each row speaks of. {rest}",
        "mikään sarake ei kerro, kenestä rivillä puhutaan. Tarvitaan viite, sähköposti, puhelin tai katuosoite (kiellon"
        " listassa myös Y-tunnus tai verkkotunnus): nimeä sarake niin, tai kerro alla, mikä se on",
        "ingen kolumn säger vem raden handlar om. Det behövs referens, e-post, telefon eller gatuadress (i en förbudslista"
        " även FO-nummer eller domän): ge kolumnen ett sådant namn, eller välj nedan vilken den är",
        "no column says what each row speaks of. It takes a reference, an e-mail address, a telephone number or a street"
        " address (in a ban list also a business id or a domain): name the column so, or say below which one it is",
    ),
    _Sentence(
        "columns {names} all mean {field}: say which one with --map {rest}",
        "sarakkeet {names} tarkoittavat samaa: {field}. Anna vain yhdelle niistä se nimi",
        "kolumnerna {names} betyder samma sak: {field}. Låt bara en av dem ha det namnet",
        "columns {names} mean the same: {field}. Let only one of them have that name",
    ),
    _Sentence(
        "whose bans are these? Say it with --source, one of {codes}",
        "kenen kieltoja nämä ovat? Valitse alla, mistä rivit ovat peräisin: {codes}",
        "vems förbud är dessa? Välj nedan varifrån raderna kommer: {codes}",
        "whose bans are these? Choose below where the rows come from: {codes}",
    ),
    *(
        _Sentence(
            said + " must be one of {codes}",
            "kieltojen lähteen on oltava jokin näistä: {codes}",
            "förbudens källa måste vara någon av följande: {codes}",
            "the source of bans must be one of {codes}",
        )
        for said in ("--source of prohibitions", "--source")
    ),
    _Sentence(
        "of which day is the {codes} list? Say it with --at, such as --at 2026-11-01",
        "miltä päivältä on lista {codes}? Kirjoita listan päivä alle, esimerkiksi 2026-11-01",
        "från vilken dag är listan {codes}? Skriv listans dag nedan, till exempel 2026-11-01",
        "of which day is the list {codes}? Write the day of the list below, such as 2026-11-01",
    ),
    _Sentence(
        "this is {what}, not a table: give a CSV, XLSX, JSON Lines or Parquet file",
        "tiedosto ei ole taulukko: anna CSV-, XLSX-, JSON Lines- tai Parquet-tiedosto",
        "filen är ingen tabell: ge en CSV-, XLSX-, JSON Lines- eller Parquet-fil",
    ),
    _Sentence(
        "this is an old Excel file (.xls): save it as .xlsx or CSV",
        "tämä on vanha Excel-tiedosto (.xls): tallenna se .xlsx- tai CSV-tiedostona",
        "detta är en gammal Excelfil (.xls): spara den som .xlsx eller CSV",
    ),
    _Sentence(
        "the workbook is protected by a password: save it without one",
        "työkirja on suojattu salasanalla: tallenna se ilman salasanaa",
        "arbetsboken är skyddad med lösenord: spara den utan",
    ),
    _Sentence(
        "the workbook cannot be read; it may be damaged: save it again as .xlsx or CSV",
        "työkirjaa ei voi lukea, se saattaa olla vioittunut: tallenna se uudelleen .xlsx- tai CSV-tiedostona",
        "arbetsboken kan inte läsas och är kanske skadad: spara den på nytt som .xlsx eller CSV",
    ),
    _Sentence(
        "the file is a zip archive that is cut short or damaged: save it again",
        "tiedosto on katkennut tai vioittunut: tallenna se uudelleen",
        "filen är avbruten eller skadad: spara den på nytt",
    ),
    _Sentence("the file is damaged: save it again", "tiedosto on vioittunut: tallenna se uudelleen", "filen är skadad: spara den på nytt"),
    _Sentence(
        "the file is empty: a list needs at least a header line",
        "tiedosto on tyhjä: listassa on oltava ainakin otsikkorivi",
        "filen är tom: en lista behöver åtminstone en rubrikrad",
    ),
    _Sentence(
        "the file holds only empty lines: a list needs at least a header line",
        "tiedostossa on vain tyhjiä rivejä: listassa on oltava ainakin otsikkorivi",
        "filen har bara tomma rader: en lista behöver åtminstone en rubrikrad",
    ),
    _Sentence(
        "the quote opened on this line is never closed: close it, or take it away",
        "tällä rivillä alkava lainausmerkki jää sulkematta: sulje se tai poista se",
        "citattecknet som börjar på den här raden avslutas aldrig: avsluta det eller ta bort det",
    ),
    _Sentence(
        "a zero byte stands in the text; the file is damaged or is no text file: export it again",
        "tiedosto on vioittunut tai ei ole tekstiä: vie se lähdejärjestelmästä uudelleen",
        "filen är skadad eller ingen textfil: exportera den på nytt",
    ),
    _Sentence(
        "byte {byte} is not UTF-8, although the rest of the file is: save the file again as UTF-8",
        "yksi merkki ei ole UTF-8-merkki, vaikka muu tiedosto on: tallenna tiedosto uudelleen UTF-8-muodossa",
        "ett tecken är inte UTF-8 fast resten av filen är det: spara filen på nytt som UTF-8",
    ),
    _Sentence(
        "byte {byte} is neither UTF-8 nor Windows-1252: save the file as UTF-8",
        "merkistöä ei tunnisteta: tallenna tiedosto UTF-8-muodossa",
        "teckenkodningen känns inte igen: spara filen som UTF-8",
    ),
    _Sentence(
        "the file is larger than {most} bytes, the most that is read: split it",
        "tiedosto on suurempi kuin {most} tavua, joka on enin luettava määrä: jaa se osiin",
        "filen är större än {most} byte, som är det mesta som läses: dela upp den",
    ),
)  # fmt: skip

_PLACE: Final = re.compile(r"(?P<file>[^\n]+?)(?:, line (?P<line>[\d,]+))?: (?P<sentence>[^\n]+)")
_LINE: Final = {"fi": "rivi", "sv": "rad", "en": "line"}


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", sentence)
    return re.compile("".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)))


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], _Sentence], ...]:
    return tuple((_pattern(sentence.en), sentence) for sentence in _SENTENCES)


def reason(said: str, language: Language, others: Mapping[str, str] | None = None) -> str | None:
    """Why a line was refused, in a language; None where it is told in English alone.

    ``others``: names of codes that no list of the vocabulary has.
    """
    for pattern, sentence in _patterns():
        if found := pattern.fullmatch(said):
            parts = found.groupdict()
            if "codes" in parts:
                parts["codes"] = _with_names(parts["codes"].split(", "), language, others or {})
            if (field := parts.get("field")) in COLUMN_NAMES:
                parts["field"] = f"{field} ({column_name(field, language)})"
            wanted = {"fi": sentence.fi, "sv": sentence.sv, "en": sentence.desk or sentence.en}
            return wanted[language].format(**parts)
    return said if language == "en" else None


def _with_names(codes: Sequence[str], language: Language, others: Mapping[str, str]) -> str:
    """Codes as a file holds them, each with what it is called beside it: ``self (the person)``.

    A sentence does not say of which list its codes are: it is the smallest that has them all. Codes of none are in
    ``others``, or stay as they are.
    """
    lists = [names for names in CODE_NAMES.values() if names.keys() >= set(codes)]
    names = {code: row[language] for code, row in min(lists, key=len).items()} if lists else others
    return ", ".join(f"{code} ({names[code]})" if code in names else code for code in codes)


def of_file(said: str, language: Language) -> str | None:
    """The same of a whole file, which is named first, with the line where there is one."""
    found = _PLACE.fullmatch(said)
    if found is None:
        return said if language == "en" else None
    told = reason(found["sentence"], language)
    if told is None:
        return None
    line = f", {_LINE[language]} {found['line']}" if found["line"] else ""
    return f"{found['file']}{line}: {told}"
