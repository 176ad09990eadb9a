"""What a person says by phone, letter, mail or in person: previewed, recorded, and decided by from then on."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text

from consentmgr.consents.verification import verify
from consentmgr.kit import clock
from consentmgr.kit.sealed_files import seal
from consentmgr.people.attachments import forget_files, seal_open_files, store_of
from consentmgr.people.jobs import forget_attachments
from consentmgr.people.recording import KINDS
from tests.people.people import NOTICE, Register

if TYPE_CHECKING:
    from consentmgr.config import Settings
    from consentmgr.keys import Keys
    from tests.staff.signing_in import Desk, DeskClient

CONSENT: dict[str, Any] = {
    "notice": "signup/1/fi",
    "controller": "acme",
    "day": "2026-11-10",
    "hour": "10:15",
    "method": "phone",
    "given_by": "self",
    "channels": ["email"],
    "purposes": ["direct_marketing"],
    "note": "Asked for it himself.",
}
OBJECTION: dict[str, Any] = {
    "controller": "acme", "day": "2026-11-11", "hour": "", "method": "paper", "given_by": "self",
}  # fmt: skip
LETTER = b"%PDF-1.4 a scanned letter"


@pytest.fixture
def later(register: Register) -> Register:
    """Now is later than the cast's stories."""
    assert clock.now().year >= 2026
    return register


def url(register: Register, ref: str, path: str) -> str:
    return f"/desk/people/{register.id_of(ref)}/{path}"


def posted(client: DeskClient, address: str, fields: dict[str, Any], **more: Any) -> Any:
    return client.post(address, [(name, one) for name, value in {**fields, **more}.items() for one in _each(value)])


def _each(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def entries(register: Register, ref: str) -> list[str]:
    with register.database.connect() as connection:
        return list(
            connection.scalars(
                text("SELECT event FROM ledger_entry WHERE contact_id = :id ORDER BY id"), {"id": register.id_of(ref)}
            )
        )


def test_a_consent_recorded_on_the_page_changes_the_decision(later: Register, desk: Desk) -> None:
    row = {"email": "maija@posti.example"}
    assert later.verdict(row)[0] == "block"
    marketer = desk("marketer", controllers={"acme"})
    address = url(later, "both:maija", "record/consent_given")

    chosen = marketer.get(address)
    assert NOTICE["text"] in chosen.text
    assert "Beta Oy saa" not in chosen.text
    form = marketer.get(f"{address}?notice=signup/1/fi")
    assert NOTICE["text"] in form.text

    shown = posted(marketer, address, CONSENT, do="preview")
    assert shown.status_code == 200, shown.text
    assert "no ground" in shown.text
    assert "allowed: consent" in shown.text
    assert later.verdict(row)[0] == "block"

    done = posted(marketer, address, CONSENT, do="record")
    assert done.status_code == 303, done.text
    assert later.verdict(row) == ("allow", "CONSENT_OK")
    page = marketer.get(done.location)
    assert "Asked for it himself." in page.text
    assert marketer.actor in page.text or "marketer 1" in page.text

    again = posted(marketer, address, CONSENT, do="record")
    assert again.status_code == 303
    assert entries(later, "both:maija").count("consent_given") == 2


def test_an_objection_recorded_on_the_page_blocks_and_its_letter_is_kept(
    later: Register, desk: Desk, settings: Settings
) -> None:
    row = {"email": "aino@posti.example"}
    assert later.verdict(row)[0] == "allow"
    marketer = desk("marketer")
    address = url(later, "crm:aino", "record/objected")
    shown = posted(marketer, address, OBJECTION, do="preview", attachment=[(io.BytesIO(LETTER), "../../letter<b>.pdf")])
    assert shown.status_code == 200, shown.text
    assert "stopped" in shown.text
    file_id = shown.text.partition('name="file" value="')[2].partition('"')[0]
    done = posted(marketer, address, OBJECTION, do="record", file=file_id)
    assert done.status_code == 303, done.text
    assert later.verdict(row) == ("block", "DM_OBJECTION_ALL")

    page = marketer.get(done.location)
    digest = hashlib.sha256(LETTER).hexdigest()
    assert digest in page.text
    assert "letter<b>" not in page.text
    copy = marketer.get(f"{url(later, 'crm:aino', 'files')}/{file_id}")
    assert copy.data == LETTER
    assert copy.headers["Content-Disposition"].startswith("attachment")
    assert copy.mimetype == "application/octet-stream"
    copy.close()
    stored = store_of(settings).path(UUID(file_id))
    assert LETTER not in stored.read_bytes()
    assert stored.stat().st_mode & 0o077 == 0 or stored.parent.stat().st_mode & 0o077 == 0
    assert desk("dpo", controllers={"beta"}).get(f"{url(later, 'crm:aino', 'files')}/{file_id}").status_code == 404
    assert marketer.get(f"{url(later, 'crm:birger', 'files')}/{file_id}").status_code == 404


def test_a_file_that_lay_open_is_read_and_then_sealed(
    later: Register, desk: Desk, settings: Settings, keys: Keys
) -> None:
    marketer = desk("marketer")
    address = url(later, "crm:aino", "record/objected")
    shown = posted(marketer, address, OBJECTION, do="preview", attachment=[(io.BytesIO(LETTER), "letter.pdf")])
    file_id = UUID(shown.text.partition('name="file" value="')[2].partition('"')[0])
    assert posted(marketer, address, OBJECTION, do="record", file=str(file_id)).status_code == 303
    copy = url(later, "crm:aino", f"files/{file_id}")
    stored = store_of(settings).path(file_id)
    # As the first versions stored it.
    stored.write_bytes(LETTER)
    with later.writing() as session:
        session.execute(text("UPDATE attachment SET sealed = false"))
    assert marketer.get(copy, buffered=True).data == LETTER
    told = forget_attachments(later.database, settings, keys, clock.now())
    assert told == "0 attachments removed"
    assert LETTER not in stored.read_bytes()
    assert stored.stat().st_mode & 0o077 == 0
    assert marketer.get(copy, buffered=True).data == LETTER
    with later.writing() as session:
        assert session.scalar(text("SELECT bool_and(sealed) FROM attachment"))
        assert seal_open_files(session, store_of(settings), address_key=keys.address_key) == 0
    # Another file in its place, or a changed one, is not shown as the evidence.
    stored.write_bytes(seal(b"another letter", keys.address_key))
    assert marketer.get(copy).status_code >= 400
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    assert marketer.get(copy).status_code >= 400


def test_a_file_goes_with_its_person_and_one_nobody_used_after_a_day(
    later: Register, desk: Desk, settings: Settings
) -> None:
    marketer = desk("marketer")
    address = url(later, "crm:aino", "record/objected")
    ids = []
    for step in ("preview", "record"):
        shown = posted(marketer, address, OBJECTION, do="preview", attachment=[(io.BytesIO(step.encode()), "a.txt")])
        ids.append(shown.text.partition('name="file" value="')[2].partition('"')[0])
    assert posted(marketer, address, OBJECTION, do="record", file=ids[1]).status_code == 303
    store, now = store_of(settings), clock.now()
    with later.writing() as session:
        assert forget_files(session, store, now=now) == 0
        assert forget_files(session, store, now=now + timedelta(days=2)) == 1
    later.take(
        {"type": "event", "contact": "crm:aino", "event": "erased", "at": "2026-11-21T10:00:00+02:00", "method": "api"},
        now=clock.now() if clock.now().isoformat() > "2026-11-21T12" else now,
    )
    page = marketer.get(url(later, "crm:aino", f"files/{ids[1]}"))
    assert page.status_code == 404
    with later.writing() as session:
        assert forget_files(session, store, now=now) == 1
    assert not any(store.has(UUID(file_id)) for file_id in ids)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"method": ""}, "method"),
        ({"day": "2030-01-01"}, "day"),
        ({"day": "no day"}, "day"),
        ({"channels": ["phone"]}, "channels"),
        ({"purposes": ["research"]}, "purposes"),
        ({"channels": []}, "channels"),
        ({"given_by": "unverified"}, "given_by"),
        ({"controller": "beta"}, "controller"),
        ({"notice": "signup/9/fi"}, "notice"),
        ({"topics": ["nothing"]}, "topics"),
    ],
)
def test_a_consent_that_its_words_do_not_bear_is_not_taken(
    later: Register, desk: Desk, fields: dict[str, Any], field: str
) -> None:
    before = entries(later, "both:maija")
    for step in ("preview", "record"):
        answer = posted(
            desk("marketer", controllers={"acme"}),
            url(later, "both:maija", "record/consent_given"),
            {**CONSENT, **fields},
            do=step,
        )
        assert answer.status_code == 422, (field, answer.text)
    assert entries(later, "both:maija") == before


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_act_can_be_taken_down_and_previewed(later: Register, desk: Desk, kind: str) -> None:
    dpo = desk("dpo")
    address = url(later, "both:maija", f"record/{kind}")
    assert dpo.get(address).status_code == 200
    fields = CONSENT if "consent_given" in kind or "guardian" in kind else OBJECTION
    shown = posted(dpo, address, fields, do="preview")
    assert shown.status_code == 200, shown.text
    changed = posted(dpo, address, fields, do="change")
    assert changed.status_code == 200
    assert posted(dpo, address, fields, do="record").status_code == 303
    assert kind in entries(later, "both:maija")
    with later.database.reading() as session:
        assert verify(session).whole


def test_what_lifts_needs_the_permission_for_it(later: Register, desk: Desk) -> None:
    marketer = desk("marketer")
    for kind in ("objection_lifted", "restriction_lifted"):
        assert marketer.get(url(later, "crm:birger", f"record/{kind}")).status_code == 403
        assert posted(marketer, url(later, "crm:birger", f"record/{kind}"), OBJECTION, do="record").status_code == 403
    assert marketer.get(url(later, "crm:birger", "record/erased")).status_code == 404
    assert desk("auditor").get(url(later, "crm:birger", "record/objected")).status_code == 403


def test_a_withdrawal_without_an_hour_counts_from_the_days_end_and_a_consent_from_its_beginning(
    later: Register, desk: Desk
) -> None:
    dpo = desk("dpo")
    same_day = {"day": "2026-11-12", "hour": ""}
    assert posted(
        dpo, url(later, "crm:aino", "record/consent_given"), {**CONSENT, **same_day}, do="record"
    ).status_code == 303  # fmt: skip
    assert posted(
        dpo, url(later, "crm:aino", "record/consent_withdrawn"), {**OBJECTION, **same_day}, do="record"
    ).status_code == 303  # fmt: skip
    assert later.verdict({"email": "aino@posti.example"}) == ("block", "CONSENT_WITHDRAWN")


def test_a_restriction_stops_everything_and_its_end_opens_it(later: Register, desk: Desk) -> None:
    dpo = desk("dpo")
    row = {"email": "aino@posti.example"}
    assert posted(dpo, url(later, "crm:aino", "record/restricted"), OBJECTION, do="record").status_code == 303
    assert later.verdict(row) == ("block", "PROCESSING_RESTRICTED")
    assert "processing restricted" in dpo.get(url(later, "crm:aino", "")[:-1]).text
    lifted = {**OBJECTION, "day": "2026-11-15", "hour": "12:00"}
    assert posted(dpo, url(later, "crm:aino", "record/restriction_lifted"), lifted, do="record").status_code == 303
    assert later.verdict(row)[0] == "allow"


def test_nothing_new_is_taken_down_of_an_erased_person(later: Register, desk: Desk) -> None:
    dpo = desk("dpo")
    for path in ("record/objected", "record/consent_given", "ban", "basis"):
        assert dpo.get(url(later, "crm:cecilia", path)).status_code == 404
        assert posted(dpo, url(later, "crm:cecilia", path), {**OBJECTION, "do": "record"}).status_code == 404


BAN: dict[str, Any] = {
    "target": "contact", "source": "self", "controller": "acme", "day": "2026-11-01", "hour": "", "method": "phone",
    "note": "Called and was cross.",
}  # fmt: skip


def test_a_ban_taken_by_phone_holds_and_the_persons_word_lifts_it(later: Register, desk: Desk) -> None:
    row = {"email": "aino@posti.example"}
    marketer, dpo = desk("marketer"), desk("dpo")
    shown = posted(marketer, url(later, "crm:aino", "ban"), BAN, do="preview")
    assert shown.status_code == 200, shown.text
    assert later.verdict(row)[0] == "allow"
    assert posted(marketer, url(later, "crm:aino", "ban"), BAN, do="record").status_code == 303
    assert later.verdict(row) == ("block", "DM_OBJECTION_ALL")
    with later.database.connect() as connection:
        ban = connection.execute(text("SELECT max(id) FROM prohibition")).scalar_one()
    lift = url(later, "crm:aino", f"lift/{ban}")
    assert marketer.get(lift).status_code == 403
    assert dpo.get(lift).status_code == 200
    word = {"day": "2026-11-03", "hour": "09:00", "method": "in_person", "given_by": "self", "reason": ""}
    assert posted(dpo, lift, word, do="record").status_code == 422
    word["reason"] = "Changed their mind at the counter."
    assert "allowed" in posted(dpo, lift, word, do="preview").text
    assert later.verdict(row)[0] == "block"
    assert posted(dpo, lift, {**word, "day": "2026-10-30"}, do="record").status_code == 422
    assert posted(dpo, lift, word, do="record").status_code == 303
    assert later.verdict(row)[0] == "allow"


def test_a_ban_on_one_address_leaves_the_others_form_and_a_foreign_one_is_not_lifted(
    later: Register, desk: Desk
) -> None:
    dpo = desk("dpo", controllers={"acme"})
    page = dpo.get(url(later, "both:maija", "ban")).text
    assert "maija@posti.example" in page
    with later.database.connect() as connection:
        ban = connection.execute(text("SELECT id FROM prohibition WHERE reference = 'reference-of-beta'")).scalar_one()
        point = connection.execute(
            text("SELECT id FROM contact_point WHERE value = 'maija@posti.example'")
        ).scalar_one()
    assert dpo.get(url(later, "both:maija", f"lift/{ban}")).status_code == 404
    taken = posted(dpo, url(later, "both:maija", "ban"), {**BAN, "target": f"point:{point}"}, do="record")
    assert taken.status_code == 303
    assert later.verdict({"email": "maija@posti.example"})[1] == "DM_OBJECTION_ALL"
    # A ban on all controllers is for those who work for all of them.
    everyone = posted(dpo, url(later, "both:maija", "ban"), {**BAN, "controller": "*"}, do="record")
    assert everyone.status_code == 422
    assert (
        posted(desk("marketer"), url(later, "both:maija", "ban"), {**BAN, "controller": "*"}, do="record").status_code
        == 303
    )
    with later.database.connect() as connection:
        wide = connection.execute(text("SELECT max(id) FROM prohibition WHERE controllers = '{}'")).scalar_one()
    word = {"day": "2026-11-03", "hour": "", "method": "phone", "given_by": "self", "reason": "said so"}
    assert posted(dpo, url(later, "both:maija", f"lift/{wide}"), word, do="record").status_code == 422


def test_a_legal_basis_is_tagged_and_ended_and_a_legitimate_interest_needs_its_test(
    later: Register, desk: Desk
) -> None:
    marketer = desk("marketer", controllers={"acme"})
    address = url(later, "crm:aino", "basis")
    assert marketer.get(address).status_code == 200
    basis = {"controller": "acme", "purpose": "customer_care", "basis": "legitimate_interests", "since": "2026-11-01"}
    assert marketer.post(address, basis).status_code == 422
    assert marketer.post(address, {**basis, "reference": "LIA-2026/4"}).status_code == 303
    page = marketer.get(url(later, "crm:aino", "")[:-1]).text
    assert "LIA-2026/4" in page
    assert "legitimate interests" in page
    assert marketer.post(address, {**basis, "controller": "beta", "reference": "x"}).status_code == 422
    ended = marketer.post(address, {**basis, "since": "", "until": "2026-11-15", "end": "1"})
    assert ended.status_code == 303, ended.text
    assert entries(later, "crm:aino").count("legal_basis_set") == 2


def test_an_upload_that_is_too_large_is_refused_and_nothing_is_kept(
    later: Register, desk: Desk, settings: Settings
) -> None:
    marketer = desk("marketer")
    address = url(later, "crm:aino", "record/objected")
    # Written out, because the test client leaves large forms of its own making open on the disk.
    fields = {**OBJECTION, "do": "preview", "csrf_token": marketer.csrf_token}
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = '--cut\r\nContent-Disposition: form-data; name="attachment"; filename="x.bin"\r\n\r\n'
    body = ("".join(parts) + file).encode() + b"x" * 10_100_000 + b"\r\n--cut--\r\n"
    large = marketer.client.post(address, data=body, content_type="multipart/form-data; boundary=cut")
    assert large.status_code == 422, large.text
    empty = posted(marketer, address, OBJECTION, do="preview", attachment=[(io.BytesIO(b""), "x.bin")])
    assert empty.status_code == 422
    assert not list((settings.data_folder / "files" / "attachments").glob("*"))
