"""Ban lists as other systems write them: each becomes bans, states of addresses, or is refused by name."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from consentmgr.importing.ban_lists import BanList, read_ban_lists
from consentmgr.importing.ban_lists.digests import DigestList
from consentmgr.importing.ban_lists.foreign_list import AddressState, ForeignList
from consentmgr.importing.ban_lists.states import state_documents
from consentmgr.importing.rejects import Rejection
from consentmgr.importing.tables import TableDocuments, TableOptions
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular import Limits
from consentmgr.vocabulary.documents import Contact, ExternalList, Point, Prohibition, ProhibitionTarget

KEYS = AddressKeys(bytes(range(32)), 1)
NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def lists(
    data: str | bytes | Path, name: str = "lista.csv", format_: Any = None, limits: Limits | None = None, **options: Any
) -> list[BanList]:
    source = data if isinstance(data, Path) else io.BytesIO(data.encode() if isinstance(data, str) else data)
    more: dict[str, Any] = {"limits": limits} if limits is not None else {}
    return read_ban_lists(
        source, TableOptions(now=NOW, **options), KEYS, format_=format_, name=None if isinstance(data, Path) else name,
        **more,
    )  # fmt: skip


def one(data: str | bytes, name: str = "lista.csv", format_: Any = None, **options: Any) -> BanList:
    (found,) = lists(data, name, format_, **options)
    return found


def bans(found: BanList) -> list[Prohibition]:
    return [document for _, document in found if isinstance(document, Prohibition)]


def rejections(found: BanList) -> list[tuple[int, str | None, str]]:
    return [(line, item.field, item.reason) for line, item in found if isinstance(item, Rejection)]


def states(found: BanList) -> list[tuple[int, str, str]]:
    assert isinstance(found, ForeignList)
    return [(line, state.email, state.state) for line, state in found.states()]


# ------------------------------------------------------------------------------------------------------ Mailchimp

UNSUBSCRIBED = (
    '"Email Address","First Name","Last Name","MEMBER_RATING","OPTIN_TIME","OPTIN_IP","CONFIRM_TIME","CONFIRM_IP",'
    '"LATITUDE","LONGITUDE","GMTOFF","DSTOFF","TIMEZONE","CC","REGION","UNSUB_TIME","UNSUB_CAMPAIGN_TITLE",'
    '"UNSUB_CAMPAIGN_ID","UNSUB_REASON","UNSUB_REASON_OTHER","LEID","EUID","NOTES","TAGS"\n'
    '"Aino@X.example","Aino","Öst","2","","","2020-01-01 10:00:00","192.0.2.1","","","","","","","",'
    '"2023-05-10 22:33:21","Kevätkirje, ""tarjous""","abc","NORMAL","","1","aa","",""\n'
    '"o\'brien@x.example","","","2","","","","","","","","","","","","2023-05-10 12:33:21","","","SPAM","","2","bb","",""\n'
    '"c@x.example","","","2","","","","","","","","","","","","","","","N/A (Unsubscribed by admin)","","3","cc","",""\n'
    '"not an address","","","2","","","","","","","","","","","","2023-05-10 12:33:21","","","","","4","dd","",""\n'
)
CLEANED = '"Email Address","First Name","CLEAN_TIME","CLEAN_CAMPAIGN_TITLE","LEID"\n"gone@x.example","","2022-01-01 00:00:00","","5"\n'
SUBSCRIBED = '"Email Address","First Name","LEID"\n"d@x.example","","6"\n"e@x.example","","7"\n'
EXPORT = {
    "audience_export_1/subscribed_members_export_1.csv": SUBSCRIBED,
    "audience_export_1/unsubscribed_members_export_1.csv": UNSUBSCRIBED,
    "audience_export_1/cleaned_members_export_1.csv": CLEANED,
    "audience_export_1/nonsubscribed_members_export_1.csv": '"Email Address"\n"f@x.example"\n',
}


def check_mailchimp(found: list[BanList]) -> None:
    cleaned, subscribed, unsubscribed = sorted(found, key=lambda part: part.name)
    assert [ban.target.email for ban in bans(unsubscribed)] == ["Aino@X.example", "o'brien@x.example", "c@x.example"]
    assert [ban.source for ban in bans(unsubscribed)] == ["self", "complaint", "staff"]
    # 22:33 in UTC is the next day in Finland.
    assert [ban.valid_from for ban in bans(unsubscribed)] == [date(2023, 5, 11), date(2023, 5, 10), None]
    first = bans(unsubscribed)[0]
    assert (first.channels, first.purposes) == (("email",), ("direct_marketing",))
    assert first.evidence == {
        "unsubscribed_at": "2023-05-10 22:33:21", "reason": "NORMAL", "campaign": 'Kevätkirje, "tarjous"',
    }  # fmt: skip
    assert first.reference == "Mailchimp unsubscribed_members_export_1.csv"
    assert rejections(unsubscribed) == [(5, "emailaddress", "is not an e-mail address that can be matched")]
    assert states(cleaned) == [(2, "gone@x.example", "hard_bounce")]
    assert list(cleaned) == []
    assert isinstance(subscribed, ForeignList)
    assert list(subscribed) == []
    assert subscribed.left_out == {"subscribed members, who are no bans": 2}


def test_a_mailchimp_export_as_folder(tmp_path: Path) -> None:
    for name, content in EXPORT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="")
    check_mailchimp(lists(tmp_path))


def archive_of(members: Mapping[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


def test_a_mailchimp_export_as_zip() -> None:
    check_mailchimp(lists(archive_of(EXPORT), "export.zip"))


def test_one_file_of_a_mailchimp_export_is_known_by_its_columns() -> None:
    assert len(bans(one(UNSUBSCRIBED))) == 3
    assert states(one(CLEANED)) == [(2, "gone@x.example", "hard_bounce")]
    assert list(one(SUBSCRIBED)) == []


def test_empty_files_of_an_export_are_passed_over_and_a_foreign_archive_is_refused(tmp_path: Path) -> None:
    (part,) = lists(archive_of({"cleaned_1.csv": "", "unsubscribed_1.csv": UNSUBSCRIBED}), "export.zip")
    assert len(bans(part)) == 3
    with pytest.raises(BadInput, match="no file of a Mailchimp export here"):
        lists(archive_of({"readme.txt": "x"}), "x.zip")
    with pytest.raises(BadInput, match="no file of a Mailchimp export here"):
        lists(tmp_path)


def test_an_archive_that_is_a_bomb_is_refused() -> None:
    bomb = archive_of({"unsubscribed_1.csv": " " * 5_000_000})
    with pytest.raises(BadInput, match="unpacks to more than 1,000,000 bytes"):
        lists(bomb, "export.zip", limits=Limits(unpacked_bytes=1_000_000))


def test_a_source_that_was_said_overrules_the_reason() -> None:
    assert {ban.source for ban in bans(one(UNSUBSCRIBED, source="vendor"))} == {"vendor"}


# ------------------------------------------------------------------------------------------------------------ SES


def test_ses_without_header() -> None:
    found = one(
        "a@x.example,BOUNCE\r\n=b@x.example,COMPLAINT\r\nc@x.example,complaint\r\nx,BOUNCE\r\nd@x.example,OTHER\r\n"
    )
    assert [(ban.target.email, ban.source, ban.channels) for ban in bans(found)] == [
        ("=b@x.example", "complaint", ("email",)), ("c@x.example", "complaint", ("email",)),
    ]  # fmt: skip
    assert states(found) == [(1, "a@x.example", "hard_bounce")]
    assert [line for line, _, _ in rejections(found)] == [4, 5]
    assert found.record(4) == "x,BOUNCE"


def test_ses_json_lines_and_answers() -> None:
    found = one(
        '{"emailAddress":"a@x.example","reason":"BOUNCE"}\n{"emailAddress":"b@x.example","reason":"COMPLAINT"}\n'
    )
    assert [ban.target.email for ban in bans(found)] == ["b@x.example"]
    assert states(found) == [(1, "a@x.example", "hard_bounce")]
    answer = """{
      "SuppressedDestinationSummaries": [
        {"EmailAddress": "a@x.example", "Reason": "COMPLAINT", "LastUpdateTime": "2024-03-01T22:30:00+00:00"},
        {"EmailAddress": "b@x.example", "Reason": "COMPLAINT", "LastUpdateTime": 1709289000.0},
        {"EmailAddress": "c@x.example", "Reason": "BOUNCE", "LastUpdateTime": 1709289000.0}
      ], "NextToken": "x"
    }"""
    found = one(answer, "answer.json")
    assert [(ban.target.email, ban.valid_from) for ban in bans(found)] == [
        ("a@x.example", date(2024, 3, 2)), ("b@x.example", date(2024, 3, 1)),
    ]  # fmt: skip
    assert states(found) == [(3, "c@x.example", "hard_bounce")]
    assert one(answer.replace("\n", ""), "answer.json").format == "ses"


# ------------------------------------------------------------------------------------------------------- SendGrid


def test_sendgrid_lists_in_json() -> None:
    complaint = one('[{"created":1700000000,"email":"a@x.example","ip":"192.0.2.1"}]', "x.json")
    (ban,) = bans(complaint)
    assert (complaint.format, ban.source, ban.valid_from) == ("sendgrid-spam-reports", "complaint", date(2023, 11, 15))
    left = one('[{"created":1700000000,"email":"b@x.example"}]', "x.json")
    assert (left.format, bans(left)[0].source) == ("sendgrid-unsubscribes", "self")
    invalid = one('[{"created":1,"email":"c@x.example","reason":"Mail domain mentioned is unknown"}]', "x.json")
    assert states(invalid) == [(1, "c@x.example", "invalid")]
    groups = one(
        '{"suppressions":[{"email":"d@x.example","group_id":7,"group_name":"Kurssit","created_at":1700000000}]}'
    )
    (ban,) = bans(groups)
    assert (ban.reference, ban.source, ban.valid_from) == ("SendGrid group Kurssit", "self", date(2023, 11, 15))
    assert [ban.target.email for ban in bans(one('["e@x.example", "f@x.example"]', "group_7.json"))] == [
        "e@x.example", "f@x.example",
    ]  # fmt: skip


BOUNCES = (
    "status,reason,email,created\n"
    '5.1.1,"550 5.1.1 The email account, ""a"", does not exist",a@x.example,1700000000\n'
    "4.2.2,mailbox full,b@x.example,1700000000\n,no status,c@x.example,\n"
)


def test_sendgrid_bounces_and_blocks_are_told_apart_by_name() -> None:
    found = one(BOUNCES, "suppression_bounces.csv")
    assert states(found) == [(2, "a@x.example", "hard_bounce"), (4, "c@x.example", "hard_bounce")]
    assert list(found) == []
    assert isinstance(found, ForeignList)
    assert found.left_out == {"soft bounces, which pass": 1}
    with pytest.raises(BadInput, match="say which with --format sendgrid-bounces or --format sendgrid-blocks"):
        one(BOUNCES, "export.csv")
    found = one(BOUNCES, "export.csv", format_="sendgrid-blocks")
    assert (list(found), states(found)) == ([], [])
    assert isinstance(found, ForeignList)
    assert found.left_out == {"blocks, which pass": 3}


def test_json_that_is_no_list_is_refused() -> None:
    for data in ('[{"email"', '{"a":\n1}', "[]", '{\n"suppressions": {}}'):
        with pytest.raises(BadInput, match=r"not JSON|no list of addresses|is empty"):
            one(data, "x.json")


# ------------------------------------------------------------------------------------------------ lists without columns


def test_one_address_a_line() -> None:
    found = one(
        "aino@x.example\r\n\r\n=b@x.example\r\n+358 40 1234567\r\n0112038-9\r\n'c@x.example\r\nfoo\r\nd@x\r\n",
        source="self",
    )  # fmt: skip
    assert [ban.target for ban in bans(found)] == [
        ProhibitionTarget(email="aino@x.example"),
        ProhibitionTarget(email="=b@x.example"),
        ProhibitionTarget(phone="+358 40 1234567"),
        ProhibitionTarget(organisation="0112038-9"),
        ProhibitionTarget(email="'c@x.example"),
    ]
    assert {(ban.channels, ban.purposes) for ban in bans(found)} == {((), ())}
    assert [line for line, _, _ in rejections(found)] == [7, 8]
    assert found.record(7) == "foo"
    with pytest.raises(BadInput, match="whose bans are these"):
        one("aino@x.example\n")


def test_a_plain_list_of_the_phone_robinson() -> None:
    found = one("0401234567\n0501234567\n", source="robinson_phone", at=NOW)
    assert [(ban.target.phone, ban.channels) for ban in bans(found)] == [
        ("0401234567", ("phone",)), ("0501234567", ("phone",)),
    ]  # fmt: skip
    assert [item for _, item in found][-1] == ExternalList(source="robinson_phone", as_of=date(2026, 11, 2))


def test_a_plain_list_under_a_title() -> None:
    found = one("Poistetut osoitteet\na@x.example\n", format_="plain", source="staff")
    assert [ban.target.email for ban in bans(found)] == ["a@x.example"]


def test_sha256_digests_are_kept_as_they_are() -> None:
    digest = hashlib.sha256(b"a@x.example").hexdigest()
    with pytest.raises(BadInput, match="SHA-256 digests of what"):
        one(f"{digest}\n", source="self")
    found = one(f"{digest.upper()}\nfoo\n", source="self", mapping={"email_sha256": "1"})
    assert [ban.target.email_sha256 for ban in bans(found)] == [digest]
    assert [line for line, _, _ in rejections(found)] == [2]
    found = one(f"{digest}\n", source="self", mapping={"phone_sha256": "1"})
    assert bans(found)[0].target.phone_sha256 == digest
    found = one(f"email_sha256\n{digest}\n", source="self")
    assert bans(found)[0].target.email_sha256 == digest


def test_md5_and_sha1_digests_are_compared_with_the_register() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    found = one(
        f"{md5('a@x.example').upper()}\n{md5('b@' + 'työkalu'.encode('idna').decode() + '.example')}\n{md5('0401234567')}\nfoo\n",
        source="vendor",
    )
    assert isinstance(found, DigestList)
    assert len(found) == 3
    assert [(line, ban.target, ban.source) for line, ban in found.prohibitions(
        emails=["a@x.example", "b@työkalu.example", "c@x.example"], phones=["+358401234567", "+358401234568"],
    )] == [
        (1, ProhibitionTarget(email="a@x.example"), "vendor"),
        (2, ProhibitionTarget(email="b@työkalu.example"), "vendor"),
        (3, ProhibitionTarget(phone="+358401234567"), "vendor"),
    ]  # fmt: skip
    assert rejections(found) == [(4, None, "is not an MD5 digest of 32 hexadecimal digits")]
    assert found.record(4) == "foo"
    sha1 = one("sha1\n" + hashlib.sha1(b"a@x.example").hexdigest() + "\n", source="vendor")
    assert isinstance(sha1, DigestList)
    assert [line for line, _ in sha1.prohibitions(emails=["a@x.example"])] == [2]
    with pytest.raises(BadInput, match="whose bans are these"):
        one(md5("a@x.example") + "\n")


# --------------------------------------------------------------------------------------------------------- tables


def test_a_table_is_a_table() -> None:
    found = one("Sähköposti;Kieltopäivä\na@x.example;1.2.2026\n", source="self")
    assert isinstance(found, TableDocuments)
    assert [(ban.target.email, ban.valid_from) for ban in bans(found)] == [("a@x.example", date(2026, 2, 1))]
    with pytest.raises(BadInput, match="no column says what each row speaks of"):
        one("Nimi;Kaupunki\nAino;Turku\n", source="self")


def test_a_robinson_list_in_a_workbook() -> None:
    import xlsxwriter

    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Puhelinnumero", "Alkaa"])
    sheet.write_row(1, 0, [358401234567, "1.2.2025"])
    book.close()
    found = one(sink.getvalue(), "robinson.xlsx", source="robinson_phone", at=NOW)
    assert [(ban.target.phone, ban.valid_until) for ban in bans(found)] == [("358401234567", date(2028, 1, 31))]


def test_formats_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match="--format mailgun: there is no such format; there are mailchimp, ses"):
        one("a@x.example\n", format_="mailgun")
    with pytest.raises(BadInput, match="a plain list has one value a line"):
        one("email;nimi\na@x.example;A\n", format_="plain", source="self")
    with pytest.raises(BadInput, match="no column Email Address"):
        one("nimi;x\nA;B\n", format_="mailchimp")
    with pytest.raises(BadInput, match="the file has no header, so it is no table"):
        one("a@x.example\n", format_="table", source="self")


# ---------------------------------------------------------------------------------------------- states of addresses


def test_states_become_documents_of_the_contacts_that_have_the_address() -> None:
    def refs_of(keys: Sequence[UUID]) -> Mapping[UUID, Sequence[str]]:
        known = {KEYS.key("email", "a@x.example"): ["crm:1", "crm:2"]}
        return {key: known[key] for key in keys if key in known}

    found = one("A@x.example,BOUNCE\nstranger@x.example,BOUNCE\n")
    assert isinstance(found, ForeignList)
    point = Point(channel="email", value="A@x.example", state="hard_bounce")
    assert list(state_documents(found.states(), refs_of, KEYS)) == [
        (1, Contact(ref="crm:1", points=(point,))), (1, Contact(ref="crm:2", points=(point,))),
    ]  # fmt: skip


def test_nothing_of_a_row_shows_in_a_representation() -> None:
    found = one("secret@x.example,BOUNCE\nfoo,BOUNCE\n")
    assert isinstance(found, ForeignList)
    shown = repr(list(found)) + repr(list(found.states())) + repr(found)
    assert "secret" not in shown
    assert "foo" not in shown
    assert "AddressState" in repr(AddressState("a@x.example", "invalid"))
