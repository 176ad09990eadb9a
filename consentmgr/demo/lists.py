"""Three lists of the kind people really have, made of the register's people and of strangers, with their campaigns."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

import msgspec

from consentmgr.demo.bans import text_of
from consentmgr.demo.business_people import FITTING
from consentmgr.demo.catalogue import GARDEN, GARDEN_LETTER, HOME, OFFICE, SHOP, VENDOR_NAME
from consentmgr.demo.draw import Draw
from consentmgr.demo.invented_numbers import PHONE_PREFIX
from consentmgr.demo.names import (
    FAMILY_NAMES,
    FIRST_HALVES,
    GIVEN_NAMES,
    MAIL_DOMAINS,
    SECOND_HALVES,
    TITLES,
    TRADES,
    VAGUE_TITLES,
    plain,
)
from consentmgr.demo.organisations import identity
from consentmgr.demo.register import MadeUpRegister
from consentmgr.kit.clock import HELSINKI
from consentmgr.screening.reports import campaign_document
from consentmgr.vocabulary.areas import AREA_NAMES
from consentmgr.vocabulary.codes import AREAS, Language
from consentmgr.vocabulary.documents import Campaign, Contact, Organisation
from consentmgr.vocabulary.policy import DEFAULT_POLICY
from consentmgr.vocabulary.time_rules import may_call_at

#: Days before the demonstration on which the vendor took its list out.
_EXTRACTED_DAYS_AGO: Final = 12
_TUESDAY: Final = 1


@dataclass(frozen=True, slots=True)
class DemoList:
    """A list's file and the campaign it is screened for."""

    file: str
    campaign: Campaign

    @property
    def campaign_file(self) -> str:
        return f"{Path(self.file).stem}.campaign.json"


def next_tuesday(now: datetime) -> datetime:
    """The next Tuesday at 10 o'clock, Finnish time, on which people may be called: a week later after a holiday."""
    today = now.astimezone(HELSINKI).date()
    day = today + timedelta(days=(_TUESDAY - today.weekday() - 1) % 7 + 1)
    while not may_call_at(planned := datetime.combine(day, time(10), HELSINKI), DEFAULT_POLICY):
        day += timedelta(days=7)
    return planned


_CAMPAIGN_NAMES: Final[dict[str, dict[Language, str]]] = {
    "newsletter": {
        "fi": "Puutarhakirje ja viikon tarjoukset",
        "sv": "Trädgårdsbrevet och veckans erbjudanden",
        "en": "Garden letter and offers of the week",
    },
    "decision-makers": {
        "fi": "Toimistokalusteita yrityksille",
        "sv": "Kontorsmöbler för företag",
        "en": "Office furniture for organisations",
    },
    "calls": {
        "fi": "Soittokierros: kodin huoltosopimus",
        "sv": "Telefonkampanj: serviceavtal för hemmet",
        "en": "Calls: service plan for the home",
    },
}


def demo_lists(now: datetime, made_on: date, language: Language) -> tuple[DemoList, DemoList, DemoList]:
    """The three lists' names and campaigns, planned for the next Tuesday from ``now``."""
    planned = next_tuesday(now)
    return (
        DemoList(
            "1-uutiskirje.csv",
            Campaign(
                key="demo-newsletter",
                name=_CAMPAIGN_NAMES["newsletter"][language],
                controller=SHOP,
                channel="email",
                topic=GARDEN_LETTER,
                product_group=GARDEN,
                planned_at=planned,
            ),
        ),
        DemoList(
            "2-paattajat.xlsx",
            Campaign(
                key="demo-decision-makers",
                name=_CAMPAIGN_NAMES["decision-makers"][language],
                controller=SHOP,
                channel="email",
                product_group=OFFICE,
                audience="business",
                business_use=True,
                areas=FITTING,
                list_source="vendor",
                list_extracted_on=made_on - timedelta(days=_EXTRACTED_DAYS_AGO),
                planned_at=planned,
            ),
        ),
        DemoList(
            "3-soittolista.csv",
            Campaign(
                key="demo-calls",
                name=_CAMPAIGN_NAMES["calls"][language],
                controller=SHOP,
                channel="phone",
                product_group=HOME,
                planned_at=planned,
            ),
        ),
    )


def write_lists(register: MadeUpRegister, lists: Sequence[DemoList], folder: Path) -> None:
    """Write the lists and their campaign files. The same register gives the same bytes."""
    newsletter, decision_makers, calls = lists
    (folder / newsletter.file).write_bytes(newsletter_csv(register))
    write_decision_makers(register, folder / decision_makers.file)
    (folder / calls.file).write_bytes(calls_csv(register))
    for one in lists:
        # With every default spelled out: the file is there to be read, and to be changed and screened with again.
        document = msgspec.json.encode(campaign_document(one.campaign))
        (folder / one.campaign_file).write_bytes(msgspec.json.format(document, indent=2) + b"\n")


# --- a newsletter list, as Excel saves it -----------------------------------------------------------------------------

_NEWSLETTER_COLUMNS: Final = (
    "Sähköposti", "Etunimi", "Sukunimi", "Postinumero", "Postitoimipaikka", "Viimeisin ostos", "Huomautus",
)  # fmt: skip
_REMARKS: Final = (
    "", "", "", "", "", "kanta-asiakas", "-10 % etu käyttämättä", "toivoo kirjettä; ei soittoja", "messuilta 2024",
)  # fmt: skip
#: What stands where an address should: nobody can be written to by these.
_BROKEN_MAILBOXES: Final = (
    "ei sähköpostia", "matti.meikalainen", "liisa(at)posti.example", "kalle@@posti.example", "pirjo @", "@posti.example",
    "aku@posti.example / iines@posti.example", "soita ensin",
)  # fmt: skip


def newsletter_csv(register: MadeUpRegister) -> bytes:
    """A semicolon CSV in Windows' western code page: repeats, stray blanks and capitals, empty rows, broken cells."""
    draw = Draw(register.seed, "newsletter list", register.today)
    everybody = [contact for contact in register.consumers if text_of(contact, "email")]
    chosen = draw.some(everybody, len(everybody) * 62 // 100) + _one_of_each_story(everybody)
    chosen = list({contact.ref: contact for contact in chosen}.values())
    colleagues = draw.some(register.business_people, max(4, len(register.business_people) // 20))
    rows = [_newsletter_row(draw, contact, text_of(contact, "email") or "") for contact in [*chosen, *colleagues]]
    rows += [
        _newsletter_row(draw, contact, (text_of(contact, "email") or "").upper())
        for contact in draw.some(chosen, max(5, len(chosen) // 25))
    ]
    for _ in range(max(5, len(chosen) // 30)):
        given, family = draw.pick(GIVEN_NAMES["fi"]), draw.pick(FAMILY_NAMES["fi"])
        mailbox = f"{plain(given)}.{plain(family)}.{draw.number(1950, 2005)}@{draw.pick(MAIL_DOMAINS[:-1])}"
        rows.append([mailbox, given, family, "", "", "", ""])
    rows += [[cell, draw.pick(GIVEN_NAMES["fi"]), "", "", "", "", ""] for cell in _BROKEN_MAILBOXES]
    rows += [[""] * len(_NEWSLETTER_COLUMNS)] * 2
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(_NEWSLETTER_COLUMNS)
    writer.writerows(draw.shuffled(rows))
    return text.getvalue().encode("cp1252")


def _one_of_each_story(contacts: Sequence[Contact]) -> list[Contact]:
    """One contact of each kind of history, so that a short list shows as many reasons as a long one."""
    kinds: dict[object, Contact] = {}
    for contact in contacts:
        last = contact.events[-1] if contact.events else None
        kind = (
            last and (last.event, last.controller, last.channels, last.topics, last.given_by, last.evidence is None),
            last and last.evidence and (last.evidence.pre_ticked, last.evidence.double_opt_in == "pending"),
            contact.country,
            contact.deceased_on is None,
            contact.restricted_since is None,
            tuple(
                (one.relation, one.product_group, one.opt_out_offered, one.address_from_sale)
                for one in contact.customer_of
            ),
        )
        kinds.setdefault(kind, contact)
    return list(kinds.values())


def _newsletter_row(draw: Draw, contact: Contact, mailbox: str) -> list[str]:
    place = next((point.value for point in contact.points if point.channel == "post"), None)
    bought = next((one.last_purchase_on for one in contact.customer_of if one.controller == SHOP), None)
    if draw.chance(4):
        mailbox = draw.pick((f" {mailbox}", f"{mailbox} ", mailbox.title()))
    if mailbox.endswith("@sähköposti.example") and draw.chance(50):
        # The same domain as machines write it.
        mailbox = mailbox.replace("sähköposti", "xn--shkposti-0za6p")
    spent = f"{draw.number(9, 240)},{draw.number(0, 99):02d} €" if bought else ""
    return [
        mailbox,
        contact.given_name or "",
        contact.family_name or "",
        "" if place is None or isinstance(place, str) else place.postal_code or "",
        "" if place is None or isinstance(place, str) else place.city or "",
        f"{bought.day}.{bought.month}.{bought.year} {spent}" if bought else "",
        draw.pick(_REMARKS),
    ]


# --- decision-makers, as a vendor delivers them -----------------------------------------------------------------------

_DECISION_MAKER_COLUMNS: Final = (
    "Yritys", "Y-tunnus", "Etunimi", "Sukunimi", "Titteli", "Vastuualue", "Sähköposti", "Lähde", "Hankintapäivä",
)  # fmt: skip
_DecisionMaker = tuple[str, str, str, str, str, str, str, str, date]


def write_decision_makers(register: MadeUpRegister, path: Path) -> None:
    """A workbook of bought decision-makers: those the register knows, strangers at firms it knows, and others."""
    import xlsxwriter

    rows = _decision_makers(register)
    with xlsxwriter.Workbook(path) as book:
        # Without a fixed day the same rows would give another file every second.
        book.set_properties({"title": "Päättäjät", "company": VENDOR_NAME, "created": datetime(2026, 1, 1)})  # noqa: DTZ001
        sheet = book.add_worksheet("Päättäjät")
        bold, as_date = book.add_format({"bold": True}), book.add_format({"num_format": "d.m.yyyy"})
        sheet.write_row(0, 0, _DECISION_MAKER_COLUMNS, bold)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(_DECISION_MAKER_COLUMNS) - 1, 20)
        for number, (*texts, acquired_on) in enumerate(rows, start=1):
            for column, text in enumerate(texts):
                sheet.write_string(number, column, text)
            sheet.write_datetime(number, len(texts), datetime.combine(acquired_on, time()), as_date)


def _decision_makers(register: MadeUpRegister) -> list[_DecisionMaker]:
    draw = Draw(register.seed, "decision-makers", register.today)
    firms = {identity(organisation): organisation for organisation in register.organisations}
    extracted = register.today - timedelta(days=_EXTRACTED_DAYS_AGO)
    rows = [
        _known(draw, contact, firms, extracted)
        for contact in draw.some(register.business_people, len(register.business_people) * 40 // 100)
    ]
    # Firms abroad and clubs have no business id here, so the vendor does not have them either.
    numbered = [firm for firm in register.organisations if firm.business_id and firm.domains]
    rows += [_stranger(draw, draw.pick(numbered), extracted) for _ in range(len(rows) // 3)]
    rows += [_general(draw, firm, extracted) for firm in draw.some(numbered, max(3, len(rows) // 14))]
    rows += [_of_nobody(draw, extracted) for _ in range(max(3, len(rows) // 25))]
    rows += draw.some(rows, max(2, len(rows) // 40))
    return draw.shuffled(rows)


def _known(draw: Draw, contact: Contact, firms: dict[str, Organisation], extracted: date) -> _DecisionMaker:
    role = contact.roles[0]
    firm = firms[role.organisation]
    area = role.areas[0].area if role.areas else ""
    return (
        firm.name or "", firm.business_id or "", contact.given_name or "", contact.family_name or "", role.title or "",
        AREA_NAMES[area]["fi"] if area else "", text_of(contact, "email") or "", VENDOR_NAME, _acquired(draw, extracted),
    )  # fmt: skip


def _stranger(draw: Draw, firm: Organisation, extracted: date) -> _DecisionMaker:
    given, family = draw.pick(GIVEN_NAMES["fi"]), draw.pick(FAMILY_NAMES["fi"])
    area = draw.pick((*FITTING, *FITTING, *AREAS, ""))
    title = draw.pick(TITLES[area] if area else VAGUE_TITLES) if draw.chance(90) else ""
    mailbox = f"{plain(given)}.{plain(family)}@{firm.domains[0]}"
    told = AREA_NAMES[area]["fi"] if area else ""
    acquired = _acquired(draw, extracted)
    return firm.name or "", firm.business_id or "", given, family, title, told, mailbox, VENDOR_NAME, acquired


def _general(draw: Draw, firm: Organisation, extracted: date) -> _DecisionMaker:
    mailbox = str(draw.pick(firm.points).value)
    return firm.name or "", firm.business_id or "", "", "", "", "", mailbox, VENDOR_NAME, _acquired(draw, extracted)


def _of_nobody(draw: Draw, extracted: date) -> _DecisionMaker:
    """Somebody at a firm the register does not know; the vendor may not even have its number."""
    given, family = draw.pick(GIVEN_NAMES["fi"]), draw.pick(FAMILY_NAMES["fi"])
    name = f"Muu{draw.pick(FIRST_HALVES).lower()}{draw.pick(SECOND_HALVES)[0]} {draw.pick(TRADES)}"
    mailbox = f"{plain(given)}.{plain(family)}@{plain(name)}.example"
    number = "9200000-7" if draw.chance(50) else ""
    acquired = _acquired(draw, extracted)
    return (
        f"{name} Oy",
        number,
        given,
        family,
        "Ostopäällikkö",
        AREA_NAMES[FITTING[0]]["fi"],
        mailbox,
        VENDOR_NAME,
        acquired,
    )


def _acquired(draw: Draw, extracted: date) -> date:
    """When the vendor got the address: mostly lately."""
    return extracted - timedelta(days=draw.number(0, 9) if draw.chance(85) else draw.number(40, 700))


# --- telephone numbers, from a calling system -------------------------------------------------------------------------

_BROKEN_NUMBERS: Final = ("ei numeroa", "050 12", "3.58501E+11", "050 101 0001 / 050 101 0002", "salainen")


def calls_csv(register: MadeUpRegister) -> bytes:
    """A UTF-8 CSV of telephone numbers, each written as somebody happened to."""
    draw = Draw(register.seed, "calls", register.today)
    everybody = [contact for contact in register.consumers if text_of(contact, "phone")]
    chosen = draw.some(everybody, len(everybody) * 35 // 100)
    chosen += [contact for contact in everybody if contact.points[0].channel == "phone"]
    banned = [ban.target.phone for ban in register.bans if ban.target.phone is not None]
    rows = [
        [_written(draw, text_of(contact, "phone") or ""), contact.given_name or "", contact.family_name or ""]
        for contact in {contact.ref: contact for contact in chosen}.values()
    ]
    rows += [[_written(draw, number), "", ""] for number in draw.some(banned, max(6, len(banned) // 2))]
    for _ in range(max(5, len(rows) // 20)):
        number = f"{PHONE_PREFIX}{draw.number(0, 999_999):06d}"
        rows.append([_written(draw, number), draw.pick(GIVEN_NAMES["fi"]), draw.pick(FAMILY_NAMES["fi"])])
    rows += [[cell, draw.pick(GIVEN_NAMES["fi"]), ""] for cell in _BROKEN_NUMBERS]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("Puhelinnumero", "Etunimi", "Sukunimi"))
    writer.writerows(draw.shuffled(rows))
    return text.getvalue().encode()


def _written(draw: Draw, number: str) -> str:
    """An E.164 number of Finland in one of the ways people write it."""
    rest = number.removeprefix("+358")
    return draw.pick(
        (
            number,
            f"0{rest}",
            f"0{rest[:2]} {rest[2:5]} {rest[5:]}",
            f"0{rest[:2]}-{rest[2:]}",
            f"00358{rest}",
            f"+358 (0){rest[:2]} {rest[2:]}",
        )
    )
