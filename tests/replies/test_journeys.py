"""From a message to the next screening: what was said by mail is held to."""

from __future__ import annotations

from typing import Any

import pytest

from consentmgr.preferences import proposals
from consentmgr.screening.decide import identifiers_of, told
from consentmgr.screening.service import screen
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.policy import policy_from
from tests.replies.conftest import NOW, Post


def screened(post: Post, address: str, **campaign: Any) -> dict[str, Any]:
    """The answer for one row, with a consent or a business address in the register."""
    with post.database.reading() as session:
        answers = screen(
            session,
            identifiers_of([{"email": address}]),
            Campaign(controller="acme", audience=campaign.pop("audience", "consumer"), **campaign),
            keys=post.office.keys,
            policy=policy_from({}),
            now=NOW,
            language="en",
        )
        (answer,) = told(answers)
    return answer


@pytest.mark.parametrize(
    ("messages", "verdict", "reason"),
    [
        (["other_question"], "allow", "CONSENT_OK"),
        (["auto_gmail_vacation"], "allow", "CONSENT_OK"),
        (["reply_stop"], "allow", "CONSENT_OK"),
        (["bounce_postfix_delayed"], "allow", "CONSENT_OK"),
        (["bounce_postfix_user_unknown"], "block", "ADDRESS_INVALID"),
        (["complaint_named"], "block", "SPAM_COMPLAINT"),
        (["complaint_redacted_with_our_link"], "block", "SPAM_COMPLAINT"),
        (["leave_gmail_button"], "block", "DM_OBJECTION_CHANNEL"),
        (["leave_token_in_subject"], "block", "DM_OBJECTION_CHANNEL"),
    ],
)
def test_the_next_screening_answers_as_the_message_asked(
    post: Post, messages: list[str], verdict: str, reason: str
) -> None:
    assert screened(post, "aino@posti.example")["reason"] == "CONSENT_OK"
    for message in messages:
        post.take(message)
    answer = screened(post, "aino@posti.example")
    assert (answer["verdict"], answer["reason"]) == (verdict, reason)


def test_the_fifth_failed_message_asks_for_review(post: Post) -> None:
    for number in range(5):
        assert screened(post, "aino@posti.example")["verdict"] == "allow"
        post.take(post.raw("bounce_exchange_mailbox_full").replace(b"<n2@", b"<m%d@" % number))
    answer = screened(post, "aino@posti.example")
    assert (answer["verdict"], answer["reason"]) == ("review", "SOFT_BOUNCE_LIMIT")


def test_an_organisations_address_that_bounced_is_blocked(post: Post) -> None:
    business = {"audience": "business", "business_use": True}
    assert screened(post, "info@ekman.example", **business)["verdict"] == "allow"
    post.take("bounce_organisation_address")
    answer = screened(post, "info@ekman.example", **business)
    assert (answer["verdict"], answer["reason"]) == ("block", "ADDRESS_INVALID")


def test_a_stranger_who_complained_is_blocked_when_a_list_brings_the_address(post: Post) -> None:
    post.take("complaint_of_a_stranger")
    assert "SPAM_COMPLAINT" in screened(post, "Stranger@Muualla.example")["reasons"]


def test_a_wish_in_own_words_blocks_once_staff_have_accepted_it(post: Post) -> None:
    post.take("reply_fi_outlook_html")
    assert screened(post, "aino@posti.example")["verdict"] == "allow"
    with post.database.transaction() as session:
        (proposal,) = proposals.open_proposals(session)
        proposals.decide(session, proposal.id, accept=True, actor="test:staff", now=NOW, keys=post.office.keys)
    answer = screened(post, "aino@posti.example")
    assert (answer["verdict"], answer["reason"]) == ("block", "DM_OBJECTION_ALL")
