"""Every message of the collection: what it is taken for, and what it brings about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from consentmgr.consents.verification import verify
from consentmgr.prohibitions.service import lift
from tests.replies.conftest import MESSAGES, NOW, Post

KINDS = {
    "auto_": "auto_reply",
    "bounce_another_message_gave_up": "bounce_temporary",
    "bounce_base64_status": "bounce_permanent",
    "bounce_exchange_mailbox_full": "bounce_temporary",
    "bounce_exchange_not_found": "bounce_permanent",
    "bounce_forwarded_address": "bounce_permanent",
    "bounce_gmail_disabled": "bounce_permanent",
    "bounce_gmail_unknown": "bounce_permanent",
    "bounce_no_domain": "bounce_permanent",
    "bounce_organisation_address": "bounce_permanent",
    "bounce_other_address_our_link": "bounce_permanent",
    "bounce_outlook_policy": "bounce_temporary",
    "bounce_postfix_delayed": "bounce_temporary",
    "bounce_postfix_delayed_again": "bounce_temporary",
    "bounce_postfix_gave_up": "bounce_temporary",
    "bounce_postfix_user_unknown": "bounce_permanent",
    "bounce_sender_refused": "bounce_temporary",
    "bounce_ses_permanent": "bounce_permanent",
    "bounce_smtputf8": "bounce_permanent",
    "bounce_two_recipients": "bounce_permanent",
    "bounce_unknown_address": "bounce_unmatched",
    "bounce_vague_refusal": "bounce_temporary",
    "bounce_vague_unknown_user": "bounce_permanent",
    "complaint_named": "complaint",
    "complaint_of_a_stranger": "complaint",
    "complaint_outlook": "complaint",
    "complaint_redacted": "complaint_unmatched",
    "complaint_redacted_with_our_address": "complaint",
    "complaint_redacted_with_our_link": "complaint",
    "complaint_taken_back": "not_spam",
    "delivery_": "delivery_notice",
    "leave_forged_address": "other",
    "leave_": "leave",
    "other_": "other",
    "reply_do_not_": "other",
    "reply_": "leave_proposal",
    "report_of_fraud": "other",
}
NAMES = sorted(path.stem for path in MESSAGES.glob("*.eml"))


def expected(name: str) -> str:
    return KINDS.get(name) or next(kind for start, kind in KINDS.items() if start[-1] == "_" and name.startswith(start))


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_taken_for_what_it_is_and_once(post: Post, name: str) -> None:
    first = post.taken(name)
    assert (first.kind, first.now) == (expected(name), True)
    after = post.unchanged()
    again = post.taken(name)
    assert (again.kind, again.now) == (first.kind, False)
    assert post.unchanged() == after


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in NAMES
        if expected(name)
        in ("auto_reply", "other", "delivery_notice", "not_spam", "bounce_unmatched", "complaint_unmatched")
    ],
)
def test_a_message_that_says_nothing_changes_nothing(post: Post, name: str) -> None:
    before = post.unchanged()
    post.take(name)
    assert post.unchanged() == before


@pytest.mark.parametrize("name", [name for name in NAMES if expected(name) == "bounce_permanent" and "two" not in name])
def test_an_address_that_does_not_exist_is_a_hard_bounce_with_an_entry_in_the_ledger(post: Post, name: str) -> None:
    address = {"bounce_organisation_address": "info@ekman.example", "bounce_smtputf8": "jörgen@posti.example"}.get(
        name, "aino@posti.example"
    )
    post.take(name)
    assert post.point(address) == ("hard_bounce", 0)
    ((contact_id, controller, channels, source, detail),) = post.entries("register_change")
    assert (controller, channels, source, detail["fields"]) == (None, [], "bounce", ["points.state"])
    if name == "bounce_organisation_address":
        assert contact_id is None
        assert detail["organisation"] == post.rows("SELECT id FROM organisation")[0][0]
    else:
        assert contact_id is not None
    with post.database.reading() as session:
        assert verify(session).whole


def test_a_message_delayed_twice_and_given_up_counts_once_and_another_one_again(post: Post) -> None:
    for name in ("bounce_postfix_delayed", "bounce_postfix_delayed_again", "bounce_postfix_gave_up"):
        post.take(name)
        assert post.point("aino@posti.example") == ("ok", 1)
    post.take("bounce_another_message_gave_up")
    assert post.point("aino@posti.example") == ("ok", 2)
    assert [entry[4] for entry in post.entries("register_change")] == [{"fields": ["points.soft_bounces"]}] * 2


@pytest.mark.parametrize(
    "name", ["bounce_exchange_mailbox_full", "bounce_outlook_policy", "bounce_vague_refusal", "bounce_sender_refused"]
)
def test_a_full_mailbox_and_a_refusal_of_us_are_no_hard_bounce(post: Post, name: str) -> None:
    post.take(name)
    assert post.point("aino@posti.example") == ("ok", 1)


def test_each_recipient_of_a_report_counts_for_itself(post: Post) -> None:
    post.take("bounce_two_recipients")
    assert post.point("birger@posti.example") == ("hard_bounce", 0)
    assert post.point("aino@posti.example") == ("ok", 0)
    assert post.point("daniel@posti.example") == ("ok", 1)


def test_an_address_imported_as_invalid_stays_so(post: Post) -> None:
    post.register.take_well(
        {
            "type": "contact",
            "ref": "crm:aino",
            "points": [{"channel": "email", "value": "aino@posti.example", "state": "invalid"}],
        }
    )
    post.take("bounce_postfix_user_unknown")
    assert post.point("aino@posti.example") == ("invalid", 0)
    assert post.entries("register_change") == []


def test_a_complaint_is_an_event_of_the_contact_in_the_channel_email(post: Post) -> None:
    post.take("complaint_named")
    ((contact_id, controller, channels, source, _),) = post.entries("complaint")
    assert (contact_id, controller, channels, source) == (post.contact_id("crm:aino"), None, ["email"], "mailbox")
    assert post.bans() == []


@pytest.mark.parametrize("name", ["complaint_redacted_with_our_link", "complaint_redacted_with_our_address"])
def test_our_own_link_tells_whose_complaint_a_blacked_out_report_is(post: Post, name: str) -> None:
    post.take(name)
    ((contact_id, controller, channels, _, _),) = post.entries("complaint")
    assert (contact_id, controller, channels) == (post.contact_id("crm:aino"), "acme", ["email"])


def test_a_complaint_of_nobody_we_know_bans_the_address(post: Post) -> None:
    post.take("complaint_of_a_stranger")
    assert post.bans() == [(post.address_key("stranger@muualla.example"), "complaint", ["email"], [])]
    assert post.rows("SELECT document FROM prohibition") == [(None,)]


def test_a_complaint_by_link_of_one_who_changed_address_reaches_the_person_and_the_old_address(post: Post) -> None:
    post.link = replace(post.link, address_key=post.address_key("aino.ennen@posti.example"))
    post.take("complaint_redacted_with_our_link")
    assert [entry[0] for entry in post.entries("complaint")] == [post.contact_id("crm:aino")]
    assert post.bans() == [(post.address_key("aino.ennen@posti.example"), "complaint", ["email"], ["acme"])]


def test_a_new_complaint_after_the_ban_was_lifted_is_a_ban_again(post: Post) -> None:
    post.take("complaint_of_a_stranger")
    with post.database.transaction() as session:
        (ban,) = [row[0] for row in session.execute(text("SELECT id FROM prohibition"))]
        lift(
            session, [ban], at=datetime(2026, 11, 11, tzinfo=UTC), method="phone", reason="asked to", evidence={"call": "1"},
            keys=post.office.keys, actor="test", now=datetime(2026, 11, 11, 1, tzinfo=UTC),
        )  # fmt: skip
    assert post.bans() == []
    post.take(post.raw("complaint_of_a_stranger").replace(b"10:40:08", b"10:41:09"))
    assert len(post.bans()) == 1


@pytest.mark.parametrize(
    "name", ["leave_gmail_button", "leave_apple_button", "leave_auto_generated", "leave_token_in_subject"]
)
def test_a_message_to_the_address_made_for_it_leaves_at_once(post: Post, name: str) -> None:
    assert post.take(name) == "leave"
    assert post.bans() == [(post.address_key("aino@posti.example"), "self", ["email"], ["acme"])]
    assert post.proposals() == []


def test_an_auto_reply_to_the_address_for_leaving_does_not_leave(post: Post) -> None:
    assert post.take("auto_away_to_the_leave_address") == "auto_reply"
    assert post.bans() == []


@pytest.mark.parametrize(
    ("name", "ref", "controller", "language", "phrase"),
    [
        ("reply_fi_outlook_html", "crm:aino", None, "fi", "Poistakaa minut tältä postituslistalta"),
        ("reply_sv_iphone", "crm:birger", None, "sv", "Ta bort mig från listan"),
        ("reply_en_with_our_link_quoted", None, "acme", "en", "please remove me"),
        ("reply_stop", "crm:aino", None, "en", "STOP"),
        ("reply_wish_in_subject", "crm:aino", None, "fi", "Poista minut sähköpostilistalta"),
        ("reply_through_a_mailing_list", "crm:aino", None, "sv", "Avregistrera mig tack"),
    ],
)
def test_a_wish_in_own_words_is_proposed_to_staff_and_not_done(
    post: Post, name: str, ref: str | None, controller: str | None, language: str, phrase: str
) -> None:
    post.take(name)
    ((kind, contact_id, named, source, data),) = post.proposals()
    assert (kind, source, named) == ("reply_leave", "mailbox", controller)
    assert contact_id == (post.contact_id(ref) if ref is not None else None)
    assert (data["language"], data["phrase"], data["wish"], data["sender"]) == (language, phrase, "leave", "unverified")
    assert data["address_key"] == str(post.address_key(data["address"]))
    assert post.bans() == []
    assert post.entries("objected") == []


def test_the_collection_holds_every_kind_that_a_message_can_be() -> None:
    assert len(NAMES) >= 30
    assert {expected(name) for name in NAMES} >= {
        "bounce_permanent", "bounce_temporary", "bounce_unmatched", "delivery_notice", "complaint",
        "complaint_unmatched", "not_spam", "auto_reply", "leave", "leave_proposal", "other",
    }  # fmt: skip


def test_what_happened_is_told_from_the_messages_arrival(post: Post) -> None:
    post.take("complaint_named")
    assert post.rows("SELECT at FROM ledger_entry WHERE event = 'complaint'") == [
        (datetime(2026, 11, 4, 10, 40, 8, tzinfo=UTC),)
    ]
    late = post.raw("complaint_named").replace(b"4 Nov 2026", b"4 Nov 2036")
    post.take(late)
    assert (NOW,) in post.rows("SELECT at FROM ledger_entry WHERE event = 'complaint'")


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ("Auto-Submitted: no", "leave"),
        ("Auto-Submitted: auto-generated", "leave"),
        ("X-Auto-Response-Suppress: All", "leave"),
        ("In-Reply-To: <n1@mail.acme.example>", "leave"),
        ("Precedence: list", "leave"),
        ("Auto-Submitted: auto-replied", "auto_reply"),
        ("Auto-Submitted: auto-replied; owner-email=x", "auto_reply"),
        ("Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All", "auto_reply"),
        ("Auto-Submitted: auto-generated\nReferences: <n1@mail.acme.example>", "auto_reply"),
        ("Precedence: bulk", "auto_reply"),
        ("X-Autoreply: yes", "auto_reply"),
        ("X-POST-MessageClass: 9; Autoresponder", "auto_reply"),
        ("Return-Path: <>", "auto_reply"),
    ],
)
def test_a_persons_own_message_leaves_and_a_programmes_answer_does_not(post: Post, headers: str, kind: str) -> None:
    assert post.take(headers.encode() + b"\n" + post.raw("leave_gmail_button")) == kind
    assert len(post.bans()) == (1 if kind == "leave" else 0)


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Automatic reply: Uutiskirje", "auto_reply"),
        ("Out of office", "auto_reply"),
        ("Poissaoloilmoitus: Uutiskirje", "auto_reply"),
        ("Olen lomalla 15.7. asti", "auto_reply"),
        ("Frånvaromeddelande", "auto_reply"),
        ("På semester", "auto_reply"),
        ("Autosvar: Nyhetsbrev", "auto_reply"),
        ("SV: Semester i fjällen", "leave_proposal"),
        ("Re: Out of office products", "leave_proposal"),
        ("VS: Lomalla kotimaassa", "leave_proposal"),
        ("Lomamatkat", "leave_proposal"),
        ("", "leave_proposal"),
    ],
)
def test_a_subject_that_says_away_is_automatic_and_one_about_holidays_is_not(
    post: Post, subject: str, kind: str
) -> None:
    assert post.take(f"Subject: {subject}\nFrom: aino@posti.example\n\nPoistakaa minut listalta".encode()) == kind
