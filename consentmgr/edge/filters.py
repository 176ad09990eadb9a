"""How pages write days, moments and numbers: filters for templates, in the language of the page."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from flask_babel import format_date, format_datetime, format_decimal

from consentmgr.kit.clock import HELSINKI, local_date

if TYPE_CHECKING:
    from flask import Flask


def day(value: date | datetime | str | None) -> str:
    """A day as people write it; of a moment, the Finnish day. ISO text is taken too; nothing is a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, str):
        value = date.fromisoformat(value[:10])
    return str(format_date(local_date(value) if isinstance(value, datetime) else value, "medium"))


def moment(value: datetime | None) -> str:
    """A day and a time of day, Finnish time; nothing is a dash."""
    if value is None:
        return "–"
    return str(format_datetime(value.astimezone(HELSINKI), "medium", rebase=False))


def count(value: float | None) -> str:
    """A number with the separators of the page's language; nothing is a dash."""
    return "–" if value is None else str(format_decimal(value))


def add_filters(app: Flask) -> None:
    """Make the filters known to every template."""
    app.jinja_env.filters.update(day=day, moment=moment, count=count)
