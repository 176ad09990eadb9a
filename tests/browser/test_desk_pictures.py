"""Pictures tell what their numbers tell: a bar twice as long stands for twice as many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import render_template_string

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.conftest import RunningServer
    from tests.staff.signing_in import Desk

_PAGE = '{% import "desk/parts.html" as parts with context %}{{ parts.bars(rows, "Rows") }}'


def test_bars_are_as_long_as_their_numbers_say(browser: Browser, web: RunningServer, desk: Desk) -> None:
    values = (448, 433, 224, 45, 1)
    with desk.app.test_request_context("/desk/"):
        made = render_template_string(_PAGE, rows=[(f"row {value}", value, None, "good") for value in values])
    page = browser.new_page(viewport={"width": 320, "height": 600})
    sheets = "".join(
        f'<link rel="stylesheet" href="{web.url}/static/{name}.css">' for name in ("house/page", "desk/desk")
    )
    page.goto(f"{web.url}/livez")
    page.set_content(f'<html><head>{sheets}</head><body class="desk"><main>{made}</main></body></html>')
    page.wait_for_load_state("networkidle")
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 600})
        lengths = page.eval_on_selector_all(".bar", "bars => bars.map(bar => bar.getBoundingClientRect().width)")
        for value, length in zip(values, lengths, strict=True):
            assert length == pytest.approx(lengths[0] * value / values[0], abs=max(2.5, lengths[0] / 90)), width
    page.close()
