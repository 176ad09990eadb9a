"""What services keep in codes, told as people write it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from consentmgr.staff.wording import detail_told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2027-02-20T17:48:38.928306+00:00", "20.2.2027 klo\u00a019.48"),
        (["check", "changes:read"], "check, changes:read"),
        ({"from": 1}, '{"from": 1}'),
        (71588, "71588"),
        ("demo-newsletter", "demo-newsletter"),
        ("2027-02-31T25:00:00+00:00", "2027-02-31T25:00:00+00:00"),
    ],
)
def test_a_detail_of_the_audit_trail_is_told_as_people_write_it(value: object, told: str) -> None:
    app = Flask("words")
    Babel(app)
    with app.test_request_context(), force_locale("fi"):
        assert detail_told(value) == told
