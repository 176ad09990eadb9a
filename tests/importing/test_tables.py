"""Tables as documents: every row is a document of the contract or a rejection that names the column."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.importing.cell_values import WORDS, parse_code, parse_date, parse_moment, parse_yes_no
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.table_readers import FIELDS
from consentmgr.importing.tables import TableDocuments, TableKind, TableOptions, read_documents
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.clock import HELSINKI
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.columns import COLUMN_NAMES, folded
from consentmgr.vocabulary.documents import (
    AnyDocument,
    Contact,
    EventFields,
    ExternalList,
    Organisation,
    Prohibition,
    ProhibitionTarget,
)

KEYS = AddressKeys(bytes(range(32)), 1)
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def documents(document: str | bytes, kind: TableKind, **options: Any) -> TableDocuments:
    data = document.encode() if isinstance(document, str) else document
    return read_documents(io.BytesIO(data), kind, TableOptions(now=NOW, **options), KEYS, name="taulu.csv")


def one(document: str, kind: TableKind, **options: Any) -> AnyDocument | Rejection:
    ((_, found),) = list(documents(document, kind, **options))
    return found


def rejection(document: str, kind: TableKind, **options: Any) -> tuple[str | None, str]:
    found = one(document, kind, **options)
    assert isinstance(found, Rejection)
    return found.field, found.reason


def is_of_the_contract(document: AnyDocument) -> bool:
    """Whether the document passes the strict decoder, as it would coming from a file."""
    return msgspec.json.decode(msgspec.json.encode(document), type=AnyDocument) == document


# ------------------------------------------------------------------------------------------------------- contacts

DECISION_MAKERS = (
    "Etunimi;Sukunimi;Sähköposti;GSM;Y-tunnus;Yritys;Titteli;Vastuualue;Tarkistettu;Lähde;Hankittu;Muu\r\n"
    "Aino;Virtanen;Aino.Virtanen@yritys.example;040 1234567;01120389;Yritys Oy;HR-päällikkö;"
    "Henkilöstö, talous;1.2.2026;;5.11.2025;x\r\n"
)


def test_a_bought_decision_maker_is_an_organisation_and_a_contact_with_duties() -> None:
    table = documents(DECISION_MAKERS.encode("cp1252"), "contacts", source="vendor-x")
    assert table.ignored == ("Muu",)
    assert table.recognised["business_id"] == "Y-tunnus"
    (line, organisation), (same_line, contact) = list(table)
    assert (line, same_line) == (2, 2)
    assert organisation == Organisation(business_id="0112038-9", name="Yritys Oy")
    assert isinstance(contact, Contact)
    assert is_of_the_contract(contact)
    assert (contact.given_name, contact.family_name) == ("Aino", "Virtanen")
    assert [(point.channel, point.value, point.organisation, point.source) for point in contact.points] == [
        ("email", "Aino.Virtanen@yritys.example", "0112038-9", "vendor-x"),
        ("phone", "040 1234567", "0112038-9", "vendor-x"),
    ]
    assert {point.acquired_on for point in contact.points} == {date(2025, 11, 5)}
    (role,) = contact.roles
    assert (role.organisation, role.title) == ("0112038-9", "HR-päällikkö")
    assert [(area.area, area.evidence, area.verified_on, area.source) for area in role.areas] == [
        ("human_resources", "vendor", date(2026, 2, 1), "vendor-x"),
        ("finance", "vendor", date(2026, 2, 1), "vendor-x"),
    ]


def test_a_blank_cell_is_absent_and_a_blank_row_is_no_row() -> None:
    table = documents("ref;email;etunimi;muu\ncrm:1; ;;\n;;;\ncrm:2;b@x.example;;\n", "contacts")
    found = list(table)
    assert [line for line, _ in found] == [2, 4]
    assert found[0][1] == Contact(ref="crm:1")
    assert len(table) == 3


def test_a_row_with_only_columns_nobody_knows_is_rejected_not_skipped() -> None:
    assert rejection("email;muu\n;x\n", "contacts") == (
        None, "names nobody: ref, e-mail, telephone and postal address are all blank",
    )  # fmt: skip


def test_the_derived_ref_is_the_same_for_the_same_address_and_shows_nothing() -> None:
    def ref(document: str) -> str:
        found = one(document, "contacts")
        assert isinstance(found, Contact)
        return found.ref

    aino = ref("email;etunimi\nAino@X.example;Aino\n")
    assert aino == ref("sähköposti\n aino@x.example \n")
    assert aino.startswith("table:")
    assert uuid.UUID(aino.removeprefix("table:")) != KEYS.key("email", "aino@x.example")
    assert "aino" not in aino
    assert ref("puhelin\n0401234567\n") == ref("puhelin\n+358 40 123 4567\n")
    # Colleagues may share a number and families an address, so there the name counts.
    assert ref("puhelin;etunimi\n0401234567;Aino\n") != ref("puhelin;etunimi\n0401234567;Eino\n")
    post = "katuosoite;postinumero;etunimi\nKatu 1 A 2;00100;"
    assert ref(f"{post}Aino\n") == ref(f"{post}AINO\n") != ref(f"{post}Eino\n")


def test_the_register_is_asked_who_has_the_address_many_at_a_time() -> None:
    asked: list[int] = []

    def known(keys: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Sequence[str]]:
        asked.append(len(keys))
        return {
            KEYS.key("email", "a@x.example"): ["crm:1"],
            KEYS.key("email", "b@x.example"): ["crm:2", "crm:3"],
        }

    table = documents("email\nA@x.example\nb@x.example\nc@x.example\n", "contacts", known_refs=known)
    refs = [found.ref for _, found in table if isinstance(found, Contact)]
    assert refs[0] == "crm:1"
    assert all(ref.startswith("table:") for ref in refs[1:])
    assert asked == [3]


@pytest.mark.parametrize(
    ("document", "field", "reason"),
    [
        ("sähköposti\na@x\n", "sähköposti", "is not an e-mail address that can be matched"),
        ("puh\n12\n", "puh", "is not a telephone number that can be matched"),
        ("etunimi;puh\nA;4,58E+11\n", "puh", "was shortened by a spreadsheet"),
        ("etunimi;puh\nA;3.58401E+11\n", "puh", "was shortened by a spreadsheet"),
        ("email;y-tunnus\na@x.example;0112038-8\n", "y-tunnus",
         "is not a business id: the check digits do not match"),
        ("email;y-tunnus;maa\na@x.example;556703-7480;Ruotsi\n", "y-tunnus",
         "is not a business id of SE: the check digits do not match"),
        ("email;hankittu\na@x.example;31.2.2026\n", "hankittu", "is a date that does not exist"),
        ("email;hankittu\na@x.example;1/2/2026\n", "hankittu", "is a date that does not tell the day from the month"),
        ("email;hankittu\na@x.example;1.2.26\n", "hankittu", "has a year of two digits"),
        ("email;vastuualue;y-tunnus\na@x.example;taikuus;0112038-9\n", "vastuualue",
         "is no responsibility area that is known"),
        ("email;vastuualue\na@x.example;talous\n", "vastuualue", "is a duty at no organisation"),
        ("email;kieli\na@x.example;klingon\n", "kieli", "is none of fi, sv, en"),
        ("email;maa\na@x.example;Suomenmaa\n", "maa", "is not a country's two letters"),
        ("ref\n" + "x" * 201 + "\n", "ref", "is longer than 200 characters"),
        ("email;etunimi\na@x.example;" + "x" * 10_001 + "\n", "etunimi", "is longer than 10,000 characters"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_read_rejects_its_row_and_names_the_column(
    document: str, field: str, reason: str
) -> None:
    found_field, found_reason = rejection(document, "contacts")
    assert found_field == field
    assert found_reason.startswith(reason)


def test_a_spreadsheets_mark_of_text_is_no_part_of_a_number() -> None:
    table = documents("puhelin;postinumero;etunimi\n'0401234567;'00100;'t Hooft\n'+358401234567;;B\n", "contacts")
    found = [one for _, one in table]
    assert all(isinstance(one, Contact) for one in found)
    assert [(one.points[0].value, one.given_name) for one in found if isinstance(one, Contact)] == [
        ("0401234567", "'t Hooft"), ("+358401234567", "B"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            "Rekisteri 11/2026;;\nTulostettu 2.11.2026;;\n;;\nSähköposti;Etunimi;\na@x.example;A;\n",
            "named on line 4 only",
        ),
        ("Rekisteri 11/2026\n\nSähköposti;Etunimi\na@x.example;A\n", "named on line 3 only"),
        ('"Sähköposti;Etunimi"\n"a@x.example;A"\n', "each line stands in quotes as a whole"),
        ("Etunimi;Kaupunki\nA;Lahti\n", "no column says what each row speaks of"),
    ],
)
def test_a_table_whose_columns_are_not_found_says_what_is_in_the_way(document: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        documents(document, "contacts")


def test_the_rest_is_taken_and_rejected_rows_are_kept_whole() -> None:
    document = 'email;etunimi\na@x.example;A\n"bad ""one""";B\nc@x.example;C;D\nd@x.example\n'
    table = documents(document, "contacts")
    found = dict(table)
    assert isinstance(found[2], Contact)
    assert isinstance(found[5], Contact)
    bad, long = found[3], found[4]
    assert isinstance(bad, Rejection)
    assert isinstance(long, Rejection)
    assert bad.record == '"bad ""one""";B'
    assert "3 fields" in long.reason
    assert table.header == "email;etunimi"
    assert table.delimiter == ";"
    assert table.record(2) == "a@x.example;A"
    # Texts of rejected rows hold personal data, so they show in no representation.
    assert "bad" not in repr(bad)


def test_rows_of_a_workbook_have_a_text_too() -> None:
    import xlsxwriter

    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink)
    day = book.add_format({"num_format": "d.m.yyyy"})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["email", "hankittu", "puh", "note"])
    sheet.write_row(2, 0, ["a@x.example", 0, 401234567, 'x, "y"'])
    sheet.write_datetime(2, 1, datetime(2026, 2, 1), day)  # noqa: DTZ001 - a spreadsheet's day has no zone
    sheet.write_row(3, 0, ["a@x"])
    book.close()
    table = documents(sink.getvalue(), "contacts")
    (line, contact), (bad_line, bad) = list(table)
    assert (line, bad_line) == (3, 4)
    assert isinstance(contact, Contact)
    assert [point.acquired_on for point in contact.points] == [date(2026, 2, 1)] * 2
    assert contact.points[1].value == "401234567"
    assert isinstance(bad, Rejection)
    assert bad.record == "a@x,,,"
    assert table.record(3) == 'a@x.example,2026-02-01,401234567,"x, ""y"""'
    assert table.header == "email,hankittu,puh,note"


def test_a_position_is_a_register_role_or_a_title() -> None:
    found = one("email;y-tunnus;asema\na@x.example;0112038-9;Toimitusjohtaja\n", "contacts")
    assert isinstance(found, Contact)
    assert (found.roles[0].position, found.roles[0].title) == ("managing_director", None)
    found = one("email;y-tunnus;position\na@x.example;0112038-9;Head of Sales\n", "contacts")
    assert isinstance(found, Contact)
    assert (found.roles[0].position, found.roles[0].title) == (None, "Head of Sales")


def test_text_becomes_nfc() -> None:
    found = one("email;etunimi\na@x.example;A\u0308nni\n", "contacts")
    assert isinstance(found, Contact)
    assert found.given_name == "Änni"


def test_a_table_that_names_nobody_is_refused_whole() -> None:
    with pytest.raises(BadInput, match="no column says what each row speaks of. The columns are nimi, kaupunki"):
        documents("nimi;kaupunki\nAino;Turku\n", "contacts")
    with pytest.raises(BadInput, match="the first line is a row already"):
        documents("a@x.example;Aino\nb@x.example;B\n", "contacts")


# ------------------------------------------------------------------------------------------------------- consents


def events(document: str, **options: Any) -> tuple[EventFields, ...]:
    found = one(document, "consents", **options)
    assert isinstance(found, Contact)
    assert is_of_the_contract(found)
    return found.events


def test_a_consent_has_its_scope_notice_and_time() -> None:
    (event,) = events(
        "email;pvm;kanavat;käyttötarkoitus;aiheet;tapa\n"
        "a@x.example;1.2.2026 klo 14.30;sähköposti, tekstiviesti;uutiskirje;kurssit|kirjat;paperi\n",
        notice="signup/3/fi", controller="acme",
    )  # fmt: skip
    assert event == EventFields(
        event="consent_given",
        at=datetime(2026, 2, 1, 14, 30, tzinfo=HELSINKI),
        controller="acme",
        method="paper",
        channels=("email", "sms"),
        purposes=("newsletter",),
        topics=("kurssit", "kirjat"),
        notice="signup/3/fi",
    )


def test_a_consent_without_words_is_for_the_email_address_alone() -> None:
    (event,) = events("email;puhelin\na@x.example;0401234567\n")
    assert (event.channels, event.purposes, event.method) == (("email",), ("direct_marketing",), "import")
    assert (event.at, event.imported_without_date) == (NOW, True)
    (event,) = events("email\na@x.example\n", at=datetime(2025, 1, 1, tzinfo=UTC), channels=("sms",))
    assert (event.channels, event.imported_without_date) == (("sms",), None)
    assert rejection("puhelin\n0401234567\n", "consents")[1].startswith("does not say for which channels")


def test_columns_of_yes_and_no_are_consents_and_refusals() -> None:
    given_, refused = events("email;sähköpostilupa;tekstiviestilupa;soittolupa\na@x.example;Kyllä;ei;\n")
    assert (given_.event, given_.channels) == ("consent_given", ("email",))
    assert (refused.event, refused.channels, refused.notice) == ("consent_refused", ("sms",), None)
    assert rejection("email;sähköpostilupa\na@x.example;\n", "consents")[1].startswith("says nothing of consent")
    assert rejection("email;lupa\na@x.example;ehkä\n", "consents") == ("lupa", "is neither yes nor no")
    assert rejection("email;lupa\na@x.example;\n", "consents")[0] == "lupa"
    (event,) = events("email;samtycke\na@x.example;nej\n", notice="signup/3/sv")
    assert (event.event, event.channels, event.notice) == ("consent_refused", ("email",), None)


def test_withdrawals_are_not_narrowed() -> None:
    (event,) = events("email;tapahtuma;pvm\na@x.example;peruttu;2026-01-05\n")
    assert (event.event, event.channels) == ("consent_withdrawn", None)
    assert event.at == datetime(2026, 1, 5, tzinfo=HELSINKI)


def test_a_double_opt_in_is_evidence() -> None:
    (event,) = events(
        "Email Address,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME\na@x.example,2025-05-01 10:00:00,192.0.2.1,2025-05-01 10:05:00\n"
    )
    assert event.evidence is not None
    assert (event.evidence.double_opt_in, event.evidence.ip) == ("confirmed", "192.0.2.1")


def test_a_notice_must_be_named_whole() -> None:
    with pytest.raises(BadInput, match="--notice must be key/version/language"):
        documents("email\na@x.example\n", "consents", notice="signup")
    assert rejection("email;notice\na@x.example;signup/fi\n", "consents")[0] == "notice"


# --------------------------------------------------------------------------------------------------- prohibitions


def test_every_target_of_a_row_is_a_ban() -> None:
    found = [
        document
        for _, document in documents(
            "ref;email;puhelin;y-tunnus;domain;email_sha256;kanava;alkaa;päättyy;viite\n"
            f"crm:1;=a@x.example;0401234567;0112038-9;x.example;{'AB' * 32};puhelu;1.1.2026;31.12.2026;erä 12\n",
            "prohibitions", source="staff",
        )
    ]  # fmt: skip
    assert all(isinstance(document, Prohibition) and is_of_the_contract(document) for document in found)
    bans = [document for document in found if isinstance(document, Prohibition)]
    assert [ban.target for ban in bans] == [
        ProhibitionTarget(contact="crm:1"),
        ProhibitionTarget(email="=a@x.example"),
        ProhibitionTarget(phone="0401234567"),
        ProhibitionTarget(organisation="0112038-9"),
        ProhibitionTarget(domain="x.example"),
        ProhibitionTarget(email_sha256="ab" * 32),
    ]
    assert {(ban.channels, ban.purposes, ban.source, ban.valid_from, ban.valid_until, ban.reference) for ban in bans} == {
        (("phone",), (), "staff", date(2026, 1, 1), date(2026, 12, 31), "erä 12")
    }  # fmt: skip


def test_whose_ban_it_is_must_be_said() -> None:
    with pytest.raises(BadInput, match="whose bans are these.*self, organisation, guardian"):
        documents("email\na@x.example\n", "prohibitions")
    with pytest.raises(BadInput, match="--source of prohibitions must be one of self"):
        documents("email\na@x.example\n", "prohibitions", source="crm")
    assert rejection("email;lähde\na@x.example;\n", "prohibitions")[0] == "lähde"
    found = one("email;lähde\na@x.example;asiakas itse\n", "prohibitions")
    assert isinstance(found, Prohibition)
    assert found.source == "self"


def test_a_robinson_list_has_its_scope_its_term_and_its_day() -> None:
    document = "Puhelinnumero;Kieltopäivä\n040 123 4567;29.2.2024\n0501234567;\n"
    with pytest.raises(BadInput, match="of which day is the robinson_phone list"):
        documents(document, "prohibitions", source="robinson_phone")
    at = datetime(2026, 10, 31, 22, 30, tzinfo=UTC)
    first, second, state = (found for _, found in documents(document, "prohibitions", source="robinson_phone", at=at))
    assert isinstance(first, Prohibition)
    assert (first.channels, first.purposes) == (("phone",), ("direct_marketing",))
    assert (first.valid_from, first.valid_until) == (date(2024, 2, 29), date(2027, 2, 28))
    assert isinstance(second, Prohibition)
    assert (second.valid_from, second.valid_until) == (date(2026, 11, 1), date(2029, 10, 31))
    assert state == ExternalList(source="robinson_phone", as_of=date(2026, 11, 1))


def test_a_robinson_list_of_postal_addresses() -> None:
    found = [
        document
        for _, document in documents(
            "Lähiosoite;Postinumero;Postitoimipaikka;Alkaa;Päättyy\nKatu 1 A 2;00100;Helsinki;2025-01-10;2026-01-09\n",
            "prohibitions", source="robinson_post", at=NOW,
        )
    ]  # fmt: skip
    ban = found[0]
    assert isinstance(ban, Prohibition)
    assert ban.target.post is not None
    assert (ban.target.post.street, ban.channels) == ("Katu 1 A 2", ("post",))
    assert (ban.valid_from, ban.valid_until) == (date(2025, 1, 10), date(2026, 1, 9))


def test_a_window_that_ends_before_it_begins_is_rejected() -> None:
    assert rejection("email;alkaa;päättyy\na@x.example;2.1.2026;1.1.2026\n", "prohibitions", source="self") == (
        "päättyy", "lies before the day from which the ban is valid",
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------- organisations


def test_organisations_with_words_of_the_code_lists() -> None:
    found = one(
        "Y-tunnus;Yritys;Yritysmuoto;Tila;Henkilöstö;Verkkotunnus;Sähköposti;Puhelin;Toimiala\n"
        "FI01120389;Esimerkki Oy;Osakeyhtiö;toiminnassa;1 200;esimerkki.example;info@esimerkki.example;09 1234567;62010\n",
        "organisations", source="ytj",
    )  # fmt: skip
    assert isinstance(found, Organisation)
    assert is_of_the_contract(found)
    assert (found.business_id, found.name, found.form, found.status) == (
        "0112038-9", "Esimerkki Oy", "limited_company", "active",
    )  # fmt: skip
    assert (found.employees, found.domains, found.industry) == (1200, ("esimerkki.example",), "62010")
    assert [(point.channel, point.value, point.use, point.source) for point in found.points] == [
        ("email", "info@esimerkki.example", "generic", "ytj"), ("phone", "09 1234567", "generic", "ytj"),
    ]  # fmt: skip


def test_faults_of_organisations() -> None:
    assert rejection("y-tunnus;yritysmuoto\n0112038-9;yhtiö\n", "organisations")[1].startswith("is none of limited_")
    assert rejection("y-tunnus;henkilöstö\n0112038-9;noin 5\n", "organisations")[1] == "is not a whole number"
    assert rejection("y-tunnus;verkkotunnus\n0112038-9;ei ole\n", "organisations") == (
        "verkkotunnus", "is not a domain",
    )  # fmt: skip
    assert rejection("y-tunnus;nimi\n;Yritys Oy\n", "organisations")[1].startswith("names no organisation")


# --------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-01-31", date(2026, 1, 31)), ("31.1.2026", date(2026, 1, 31)), ("31. 1. 2026", date(2026, 1, 31)),
        ("01.02.2026", date(2026, 2, 1)), ("2026/1/31", date(2026, 1, 31)), ("20260131", date(2026, 1, 31)),
        ("2026-01-31 00:00:00", date(2026, 1, 31)), ("31.1.2026 klo 14.30", date(2026, 1, 31)),
        ("2026-01-31T23:30:00Z", date(2026, 2, 1)), ("46053", date(2026, 1, 31)), ("46053.5", date(2026, 1, 31)), ("46053,5", date(2026, 1, 31)),
    ],
)  # fmt: skip
def test_days(text: str, day: date) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize("text", ["", "eilen", "32.1.2026", "2026-13-01", "1/2/2026", "1.2.26", "2026", "0001-01-01",
                                  "9999-01-01", "20261331", "123456"])  # fmt: skip
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match="date|year"):
        parse_date(text)


@given(st.dates(date(1900, 1, 1), date(2150, 1, 1)))
def test_every_day_is_read_in_each_form(day: date) -> None:
    assert parse_date(day.isoformat()) == day
    assert parse_date(f"{day.day}.{day.month}.{day.year}") == day
    assert parse_date(f"{day:%d.%m.%Y} 23:59") == day


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01", datetime(2026, 6, 30, 21, tzinfo=UTC)),
        ("1.7.2026 klo 9.05", datetime(2026, 7, 1, 6, 5, tzinfo=UTC)),
        ("2026-07-01 09:05:30", datetime(2026, 7, 1, 6, 5, 30, tzinfo=UTC)),
        ("2026-07-01T09:05:30+02:00", datetime(2026, 7, 1, 7, 5, 30, tzinfo=UTC)),
        ("2026-07-01 09:05:30 UTC", datetime(2026, 7, 1, 9, 5, 30, tzinfo=UTC)),
        ("2026-07-01T09:05:30.123Z", datetime(2026, 7, 1, 9, 5, 30, 123000, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment


def test_moments_of_systems_are_utc() -> None:
    assert parse_moment("2026-07-01 09:05:30", utc=True) == datetime(2026, 7, 1, 9, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-07-01 25:00", "2026-07-01 aamulla"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        parse_moment(text)


def test_yes_and_no_in_three_languages() -> None:
    assert all(parse_yes_no(text) for text in ("Kyllä", "ja", "YES", "1", "x", "True"))
    assert not any(parse_yes_no(text) for text in ("ei", "Nej", "no", "0", "FALSE"))


def test_every_code_stands_for_itself() -> None:
    for words, known in WORDS.items():
        for code in set(known.values()):
            assert parse_code(words, code) == code
            assert parse_code(words, code.upper().replace("_", " ")) == code


def test_every_field_of_every_table_has_names_that_mean_one_thing() -> None:
    for fields in FIELDS.values():
        seen: dict[str, str] = {}
        for field in fields:
            for name in {folded(one) for one in (field, *COLUMN_NAMES[field])}:
                assert seen.setdefault(name, field) == field, (name, field)
