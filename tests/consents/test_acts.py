"""Events become entries: what is public, what can be erased, and when two documents are the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consentmgr.consents.acts import (
    EventEntries,
    NewEntry,
    digest_of,
    entry_of,
    event_of,
    legal_basis_entry,
    register_change_entry,
    utc_text,
)
from consentmgr.kit.address_keys import AddressKeys
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.codes import CHANNELS, EVENT_KINDS, PLATFORMS, PURPOSES
from consentmgr.vocabulary.documents import Event, EventFields, Evidence, LegalBasisTag

KEYS = AddressKeys(bytes(range(32)), 1)
AT = datetime(2026, 3, 1, 10, 0, tzinfo=timezone(timedelta(hours=2)))

some_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
# Hypothesis wants its bounds without a zone.
moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC) | st.timezones(),
)
optional_flag = st.none() | st.booleans()
evidences = st.builds(
    Evidence,
    form=st.none() | some_text,
    ip=st.none() | some_text,
    user_agent=st.none() | some_text,
    double_opt_in=st.sampled_from([None, "not_used", "pending", "confirmed"]),
    confirmed_at=st.none() | moments,
    pre_ticked=optional_flag,
    condition_of_service=optional_flag,
    freely_joined=optional_flag,
    express_request=optional_flag,
    recording=st.none() | some_text,
    attachment_sha256=st.none() | st.just("ab" * 32),
)


def listed(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), unique=True, max_size=3).map(tuple)


events = st.builds(
    EventFields,
    event=st.sampled_from(EVENT_KINDS),
    at=moments,
    controller=st.sampled_from([None, "acme", "sister"]),
    method=st.sampled_from([None, "web_form", "import", "phone"]),
    source=st.none() | some_text,
    note=st.none() | some_text,
    channels=listed(CHANNELS),
    purposes=listed(PURPOSES),
    topics=listed(("news", "a,b", 'q"\\', "ä")),
    audiences=listed(PLATFORMS),
    notice=st.sampled_from([None, "signup/3/fi"]),
    evidence=st.none() | evidences,
    prohibition=st.sampled_from([None, "12"]),
    reason=st.none() | some_text,
    given_by=st.sampled_from([None, "self", "representative", "unverified"]),
    imported_without_date=optional_flag,
)


def made(event: EventFields, contact_id: int = 7, default_controller: str | None = "acme") -> NewEntry:
    return entry_of(event, contact_id, default_controller=default_controller, keys=KEYS)


@given(events)
def test_an_entry_gives_back_an_event_that_is_the_same_document(event: EventFields) -> None:
    entry = made(event)
    again = made(event_of(entry))
    assert again.digest == entry.digest
    assert msgspec.structs.replace(again, at=entry.at) == entry
    assert utc_text(again.at) == utc_text(entry.at)


@given(st.lists(events, max_size=4), st.sampled_from([None, "acme"]))
def test_the_digest_is_of_the_content_in_its_documented_order(some: list[EventFields], default: str | None) -> None:
    """Written out once more, plainly: a digest that changed would make every import enter everything again."""
    entries = EventEntries(default_controller=default, keys=KEYS)
    for contact_id, event in enumerate([*some, *some], start=7):
        evidence = event.evidence or Evidence()
        personal = {"note": event.note, "reason": event.reason} | {
            name: getattr(evidence, name) for name in ("form", "ip", "user_agent", "recording", "attachment_sha256")
        }
        consent = event.event in ("consent_given", "guardian_consented")
        content = (
            contact_id,
            event.event,
            None if event.imported_without_date else event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            event.controller or (default if consent else None),
            event.method,
            event.source,
            event.given_by or "self",
            sorted(event.channels or ()),
            sorted(event.purposes or ()),
            sorted(event.topics or ()),
            sorted(event.audiences or ()),
            event.notice,
            event.prohibition,
            evidence.double_opt_in,
            [
                flag is True
                for flag in (
                    evidence.pre_ticked,
                    evidence.condition_of_service,
                    evidence.freely_joined,
                    evidence.express_request,
                )
            ],
            {"confirmed_at": utc_text(evidence.confirmed_at)} if evidence.confirmed_at is not None else {},
            {name: value for name, value in personal.items() if value is not None},
        )
        entry = entries.entry_of(event, contact_id)
        assert entry.digest == digest_of(KEYS, "event", content)
        assert entry == entry_of(event, contact_id, default_controller=default, keys=KEYS)


@given(moments)
def test_a_moment_has_one_text(moment: datetime) -> None:
    assert utc_text(moment) == moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_nothing_personal_is_public() -> None:
    secret = "SECRET"
    evidence = Evidence(form=secret, ip=secret, user_agent=secret, recording=secret, attachment_sha256="cd" * 32)
    entry = made(EventFields(event="consent_given", at=AT, note=secret, reason=secret, evidence=evidence))
    public = msgspec.json.encode(msgspec.structs.replace(entry, personal=None)).decode()
    assert secret not in public
    assert "cd" * 32 not in public
    assert secret not in repr(entry)
    assert entry.has_proof


def test_the_same_act_inside_a_contact_and_on_its_own_is_one_document() -> None:
    inside = EventFields(event="objected", at=AT, controller="acme", channels=("email", "sms"))
    alone = Event(contact="crm:1", event="objected", at=AT, controller="acme", channels=("sms", "email"))
    assert made(inside).digest == made(alone).digest


def test_the_moment_counts_and_not_how_its_offset_is_written() -> None:
    assert (
        made(EventFields(event="objected", at=AT)).digest
        == made(EventFields(event="objected", at=AT.astimezone(UTC))).digest
    )


@pytest.mark.parametrize(
    "other",
    [
        {"at": AT + timedelta(microseconds=1)},
        {"note": "a word"},
        {"channels": ("email",)},
        {"controller": "sister"},
        {"evidence": Evidence(ip="192.0.2.1")},
        {"given_by": "unverified"},
        {"ground": "legal_claims"},
    ],
)
def test_any_difference_makes_another_document(other: dict[str, object]) -> None:
    plain = EventFields(event="objected", at=AT)
    assert made(plain).digest != made(msgspec.structs.replace(plain, **other)).digest
    assert made(plain).digest != made(plain, contact_id=8).digest


def test_the_digest_cannot_be_tried_out_without_the_key() -> None:
    event = EventFields(event="consent_given", at=AT, evidence=Evidence(ip="192.0.2.1"))
    other = entry_of(event, 7, default_controller="acme", keys=AddressKeys(bytes(32), 2))
    assert made(event).digest != other.digest


def test_an_undated_event_imported_on_another_day_is_the_same_document() -> None:
    first = EventFields(event="consent_given", at=AT, imported_without_date=True)
    assert not made(first).order_known
    assert made(first).digest == made(msgspec.structs.replace(first, at=AT + timedelta(days=9))).digest


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_only_consents_take_the_default_controller(kind: str) -> None:
    entry = made(msgspec.convert({"event": kind, "at": AT}, EventFields))
    assert entry.controller == ("acme" if kind in ("consent_given", "guardian_consented") else None)


def test_flags_that_were_not_given_are_false() -> None:
    entry = made(EventFields(event="consent_given", at=AT, evidence=Evidence(double_opt_in="pending")))
    assert entry.double_opt_in == "pending"
    flags = ("pre_ticked", "condition_of_service", "freely_joined", "express_request", "has_proof")
    assert [getattr(entry, flag) for flag in flags] == [False] * 5
    assert entry.personal is None


@pytest.mark.parametrize("field", ["note", "source", "controller"])
def test_a_null_character_is_refused_before_the_database_sees_it(field: str) -> None:
    event = msgspec.structs.replace(EventFields(event="objected", at=AT), **{field: "a\0b"})
    with pytest.raises(BadInput, match="null character"):
        made(event)
    # The six characters that JSON would write for one are innocent.
    assert made(EventFields(event="objected", at=AT, note="\\u0000")).personal == {"note": "\\u0000"}


def test_a_time_that_leaves_the_calendar_names_its_field() -> None:
    first_moment = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    with pytest.raises(BadInput) as refused:
        made(EventFields(event="objected", at=first_moment))
    assert refused.value.field == "at"


def test_a_legal_basis_is_recorded_anew_only_when_it_changes() -> None:
    tag = LegalBasisTag(purpose="newsletter", basis="consent", source="crm")
    other = msgspec.structs.replace(tag, basis="contract")

    def digest(tag: LegalBasisTag, replaces: int | None) -> object:
        return legal_basis_entry(tag, 7, at=AT, default_controller="acme", keys=KEYS, replaces=replaces).digest

    assert digest(tag, None) == digest(tag, None)
    assert digest(tag, None) != digest(other, None)
    # There and back again are two changes.
    assert digest(tag, 33) != digest(tag, None)


def test_a_register_change_names_fields_and_no_values() -> None:
    entry = register_change_entry(7, ["given_name", "born_on"], at=AT, source="crm", change="batch:3:12", keys=KEYS)
    assert (entry.event, entry.detail, entry.personal) == (
        "register_change",
        {"fields": ["born_on", "given_name"]},
        None,
    )
