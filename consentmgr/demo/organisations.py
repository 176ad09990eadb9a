"""Invented organisations: firms of every form, housing companies, associations, municipalities, sole traders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

from consentmgr.demo.catalogue import OFFICE, SHOP
from consentmgr.demo.draw import Draw
from consentmgr.demo.invented_numbers import business_ids
from consentmgr.demo.names import FAMILY_NAMES, FIRST_HALVES, GIVEN_NAMES, SECOND_HALVES, TRADES, plain
from consentmgr.vocabulary.codes import OrganisationForm, OrganisationStatus
from consentmgr.vocabulary.documents import Organisation, OrganisationCustomer, Point

Kind = TypeVar("Kind")

#: How many of a thousand organisations are of each form.
FORMS: Final[tuple[tuple[OrganisationForm, int], ...]] = (
    ("limited_company", 545),
    ("public_limited_company", 20),
    ("cooperative", 25),
    ("general_partnership", 25),
    ("limited_partnership", 40),
    ("sole_trader", 100),
    ("housing_company", 85),
    ("association", 55),
    ("foundation", 18),
    ("municipality", 25),
    ("state", 8),
    ("parish", 10),
    ("unregistered_association", 12),
    ("estate", 8),
    ("tax_grouping", 6),
    ("unknown", 18),
)
#: Forms that have an office with people in it; the others are run from somebody's home.
OFFICE_FORMS: Final[tuple[OrganisationForm, ...]] = (
    "limited_company", "public_limited_company", "cooperative", "limited_partnership", "association", "foundation",
    "municipality", "state", "parish",
)  # fmt: skip
_FIRMS: Final[tuple[OrganisationForm, ...]] = (
    "limited_company", "public_limited_company", "cooperative", "general_partnership", "limited_partnership",
)  # fmt: skip
#: Standard industrial classification codes (TOL 2008), for colour.
_INDUSTRIES: Final = ("62010", "41200", "49410", "69201", "25620", "47990", "68320", "10710", "81210", "86230")
#: Neighbouring countries, and how many of a thousand organisations are there.
_ABROAD: Final = (("SE", 18), ("DE", 9), ("EE", 9), ("DK", 5), ("NO", 5))


def identity(organisation: Organisation) -> str:
    """What other documents call it by."""
    name = organisation.business_id or organisation.ref
    assert name is not None
    return name


def make_organisations(seed_draw: Draw, count: int) -> list[Organisation]:
    """``count`` organisations; every form, and every country abroad, is there at least once."""
    numbers, names = business_ids(), _names(seed_draw)
    forms = shared_out(FORMS, count)
    made = [_organisation(seed_draw, form, next(names), next(numbers)) for form in seed_draw.shuffled(forms)]
    limited = [place for place, one in enumerate(made) if one.form == "limited_company"]
    abroad = shared_out((*_ABROAD, ("FI", 1000 - sum(share for _, share in _ABROAD))), count)
    for place, country in zip(limited, (country for country in abroad if country != "FI"), strict=False):
        made[place] = _abroad(made[place], country)
    return made


def shared_out(shares: tuple[tuple[Kind, int], ...], count: int) -> list[Kind]:
    """``count`` kinds by their shares, each at least once where there is room."""
    whole = sum(share for _, share in shares)
    most = max(shares, key=lambda pair: pair[1])[0]
    kinds: list[Kind] = []
    for kind, share in shares:
        if kind != most:
            kinds += [kind] * max(1, round(count * share / whole))
    return (kinds + [most] * max(0, count - len(kinds)))[:count]


def _names(draw: Draw) -> Iterator[tuple[str, str]]:
    """Invented names with their genitives, none twice: Utulampi, Utulammen."""
    pairs = [(first + second, first + genitive) for first in FIRST_HALVES for second, genitive in SECOND_HALVES]
    rounds = 0
    while True:
        for name, genitive in draw.shuffled(pairs):
            # A second round joins two halves more, so that names stay different without numbers.
            tail = "" if not rounds else f" {FIRST_HALVES[rounds % len(FIRST_HALVES)]}"
            yield f"{name}{tail}", f"{genitive}{tail}"
        rounds += 1


def _organisation(draw: Draw, form: OrganisationForm, names: tuple[str, str], number: str) -> Organisation:
    name, word = _named(draw, form, names)
    domain = f"{plain(word)}.example"
    has_office = form in OFFICE_FORMS or form in ("general_partnership", "sole_trader", "tax_grouping")
    status: OrganisationStatus = "active"
    if form in _FIRMS and draw.chance(8):
        status = draw.pick(("bankrupt", "ceased", "in_liquidation"))
    if form == "municipality":
        employees: int | None = draw.number(120, 900)
    elif form in ("public_limited_company", "state"):
        employees = draw.number(80, 2000)
    elif form in ("sole_trader", "housing_company", "estate", "unregistered_association"):
        employees = draw.number(0, 2)
    else:
        employees = draw.pick((2, 4, 6, 8, 11, 14, 17, 22, 28, 35, 60, 120)) if draw.chance(90) else None
    bought = form in OFFICE_FORMS and draw.chance(22)
    return Organisation(
        business_id=None if form == "unregistered_association" else number,
        ref=f"org:{number[:7]}" if form == "unregistered_association" else None,
        country="FI",
        name=name,
        form=form,
        status=status,
        employees=employees,
        domains=(domain,) if has_office else (),
        industry=draw.pick(_INDUSTRIES),
        source="ytj" if form != "unregistered_association" else "organisation",
        verified_on=draw.day(0, 14),
        customer_of=(
            (OrganisationCustomer(controller=SHOP, product_group=OFFICE, last_purchase_on=draw.day(1, 30)),)
            if bought
            else ()
        ),
        points=_points(draw, form, domain) if has_office else (),
    )


def _named(draw: Draw, form: OrganisationForm, names: tuple[str, str]) -> tuple[str, str]:
    """The organisation's name, and the word its domain is made of."""
    name, genitive = names
    trade = draw.pick(TRADES)
    if form == "housing_company":
        return f"Asunto Oy {name}", name
    if form in ("limited_company", "unknown", "tax_grouping"):
        return f"{name} {trade} Oy", f"{name} {trade}"
    if form == "sole_trader":
        family = draw.pick(FAMILY_NAMES["fi"])
        return f"Tmi {draw.pick(GIVEN_NAMES['fi'])} {family}", f"{trade} {name}"
    if form == "estate":
        return f"{draw.pick(GIVEN_NAMES['fi'])} {draw.pick(FAMILY_NAMES['fi'])} kuolinpesä", name
    pattern = {
        "public_limited_company": "{name} {trade} Oyj",
        "cooperative": "Osuuskunta {name}",
        "general_partnership": "Avoin yhtiö {name} {trade}",
        "limited_partnership": "{name} {trade} Ky",
        "association": "{genitive} Omakotiyhdistys ry",
        "unregistered_association": "{genitive} kyläkerho",
        "foundation": "{genitive} Säätiö sr",
        "municipality": "{genitive} kunta",
        "state": "{genitive} aluevirasto",
        "parish": "{genitive} seurakunta",
    }[form]
    told = pattern.format(name=name, genitive=genitive, trade=trade)
    return told, told.removesuffix(" Oyj").removesuffix(" Ky").removesuffix(" ry").removesuffix(" sr")


def _points(draw: Draw, form: OrganisationForm, domain: str) -> tuple[Point, ...]:
    public = form in ("municipality", "state", "parish")
    mailboxes = ["kirjaamo"] if public else [draw.pick(("info", "toimisto", "myynti", "asiakaspalvelu"))]
    if not public and draw.chance(30):
        mailboxes.append("laskutus")
    return tuple(
        Point(
            channel="email",
            value=f"{mailbox}@{domain}",
            use="generic",
            source="ytj" if draw.chance(60) else "website",
            acquired_on=draw.day(1, 20),
        )
        for mailbox in mailboxes
    )


def _abroad(organisation: Organisation, country: str) -> Organisation:
    """The same firm in another country. It goes by a ``ref``, since every number there might be somebody's."""
    assert organisation.business_id is not None
    ending = {"SE": "AB", "DE": "GmbH", "EE": "OÜ", "DK": "ApS", "NO": "AS"}[country]
    return Organisation(
        ref=f"org:{organisation.business_id[:7]}",
        country=country,
        name=f"{(organisation.name or '').removesuffix(' Oy')} {ending}",
        form=organisation.form,
        status="active",
        employees=organisation.employees,
        domains=organisation.domains,
        source="website",
        verified_on=organisation.verified_on,
        points=organisation.points,
    )
