"""Whatever people are called, and whatever is written of them, comes out as text."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from consentmgr.kit import clock
from consentmgr.preferences.proposals import propose
from tests.people.people import Register

if TYPE_CHECKING:
    from tests.staff.signing_in import Desk

PAYLOADS = (
    "\"><script>alert(1)</script><img src=x onerror=alert(1)>", "'><svg onload=alert(1)></textarea><b>{{ 7919*7919 }}",
    "javascript:alert(1)",
)  # fmt: skip


class Looking(HTMLParser):
    """Elements and attributes that no page of ours has."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if tag in ("svg", "img", "b", "iframe") or (tag == "script" and "src" not in names):
            self.found.append(tag)
        self.found += [name for name in names if name.startswith("on")]
        self.found += [str(value) for name, value in attrs
                       if name in ("href", "src", "action") and str(value).startswith("javascript:")]  # fmt: skip


def clean(page: Any) -> None:
    assert page.status_code in (200, 303, 422), page.status_code
    looking = Looking()
    looking.feed(page.text)
    assert not looking.found, looking.found
    assert "62710561" not in page.text


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_of_a_person_becomes_markup(register: Register, desk: Desk, payload: str) -> None:
    register.take(
        {
            "type": "notice", "key": "hostile", "version": 1, "language": "fi", "text": payload, "controllers": ["acme"],
            "channels": ["email"], "purposes": ["newsletter"], "topics": ["hostile"],
        },
        {"type": "topic", "key": "hostile", "kind": "newsletter", "controller": "acme", "names": {"en": payload}},
        {"type": "organisation", "ref": "hostile-org", "name": payload},
        {"type": "processing_purpose", "key": "hostile", "controller": "acme", "names": {"en": payload},
         "basis": "contract", "balancing_test": payload},
        {
            "type": "contact", "ref": f"ref {payload}", "controllers": ["acme"], "given_name": payload,
            "family_name": payload, "municipality": payload,
            "points": [
                {"channel": "email", "value": "hostile@posti.example", "source": payload},
                {"channel": "post", "value": {"street": f"Katu 1 {payload}", "postal_code": "00100", "city": payload}},
            ],
            "roles": [
                {"organisation": "hostile-org", "title": payload,
                 "areas": [{"area": payload, "source": payload, "evidence": "vendor"}]}
            ],
            "customer_of": [{"controller": "acme", "product_group": payload, "relation": "purchase"}],
            "legal_bases": [{"controller": "acme", "purpose": "hostile", "basis": "contract", "source": payload}],
            "messages_sent": [{"at": "2026-11-01T10:00:00+02:00", "controller": "acme", "campaign": payload}],
            "events": [
                {
                    "event": "consent_given", "at": "2026-10-01T10:00:00+03:00", "controller": "acme", "source": payload,
                    "note": payload, "channels": ["email"], "purposes": ["newsletter"], "topics": ["hostile"],
                    "notice": "hostile/1/fi",
                    "evidence": {"form": payload, "ip": payload, "user_agent": payload, "recording": payload},
                }
            ],
        },
        {"type": "prohibition", "target": {"contact": f"ref {payload}"}, "source": "self", "channels": ["sms"],
         "reference": payload, "evidence": {"note": payload, payload: payload}},
    )  # fmt: skip
    number = register.id_of(f"ref {payload}")
    with register.writing() as session:
        propose(
            session, kind="name_correction", contact_id=number, controller="acme", source=payload,
            data={"given_name": payload}, digest=uuid4(), now=clock.now(),
        )  # fmt: skip
    dpo, steward = desk("dpo"), desk("data_steward")
    here = f"/desk/people/{number}"
    with register.database.connect() as connection:
        ban = connection.execute(text("SELECT max(id) FROM prohibition")).scalar_one()
    for path in ("", "/edit", "/ban", f"/lift/{ban}", "/basis", "/merge", "/record/objected", "/record/consent_given",
                 "/record/consent_given?notice=hostile/1/fi"):  # fmt: skip
        page = (dpo if "lift" in path else steward).get(here + path)
        clean(page)
    assert "&lt;" in steward.get(here).text or payload in steward.get(here).text
    clean(steward.get("/desk/people/proposals"))
    clean(steward.post("/desk/people/", {"q": "hostile@posti.example"}))
    clean(steward.post("/desk/people/", {"q": payload}))
    form = {"controller": "acme", "method": "phone", "day": "2026-11-01", "hour": "", "note": payload}
    clean(
        dpo.post(
            f"{here}/record/objected",
            {**form, "do": "preview", "attachment": (io.BytesIO(b"x"), f"{payload}.pdf")},
        )
    )
    clean(dpo.post(f"{here}/record/objected", {**form, "day": payload, "do": "record"}))
    ban_form = {**form, "target": "contact", "source": "self", "reference": payload, "do": "preview"}
    clean(dpo.post(f"{here}/ban", ban_form))
    clean(dpo.post(f"{here}/lift/{ban}", {**form, "reason": payload, "do": "preview"}))
    clean(steward.post(f"{here}/merge", {"ref": payload, "reason": payload, "do": "preview"}))
    clean(steward.post(f"{here}/merge", {"ref": "crm:aino", "reason": payload, "do": "preview"}))
    clean(steward.post(f"{here}/edit", {"given_name": payload, "email": payload, "country": payload}))
    clean(
        steward.post(
            f"{here}/basis", {"controller": "acme", "purpose": payload, "basis": "contract", "reference": payload}
        )
    )
    clean(steward.post("/desk/people/new", {"given_name": payload, "email": payload, "ref": payload}))
    clean(
        steward.post(f"{here}/why", {"controller": "acme", "line": "email", "purpose": "newsletter", "topic": payload})
    )
