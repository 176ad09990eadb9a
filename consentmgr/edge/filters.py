"""How pages write days, moments and numbers: filters for templates, in the language of the page."""

from __future__ import annotations

import re
from datetime import date, datetime
from datetime import time as time_of_day
from typing import TYPE_CHECKING, Final, Literal

from babel.dates import format_date, format_time, get_day_names
from flask_babel import format_decimal, get_locale, gettext

from consentmgr.kit.clock import HELSINKI, local_date

if TYPE_CHECKING:
    from flask import Flask


#: What stands between a day and a time of day; the word stays with the time.
_AT: Final = {"fi": " klo\u00a0", "sv": " kl.\u00a0"}


def _written_as() -> str:
    """The locale that days and times are written by: English as in Europe, the day before the month."""
    language = str(get_locale())
    return "en_GB" if language == "en" else language


def day(value: date | datetime | str | None) -> str:
    """A day as people write it; of a moment, the Finnish day. ISO text is taken too; nothing is a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, str):
        value = date.fromisoformat(value[:10])
    return _whole(
        format_date(local_date(value) if isinstance(value, datetime) else value, "medium", locale=_written_as())
    )


def _whole(text: str) -> str:
    """The same, so that a narrow column breaks no day and no time in two."""
    return text.replace(" ", "\u00a0")


def moment(value: datetime | None) -> str:
    """A day and a time of day to the minute, Finnish time; nothing is a dash."""
    return _moment(value, "short")


def instant(value: datetime | None) -> str:
    """The same to the second, where the order of things matters."""
    return _moment(value, "medium")


def _moment(value: datetime | None, length: Literal["short", "medium"]) -> str:
    if value is None:
        return "–"
    here = value.astimezone(HELSINKI)
    written_as = _written_as()
    time = _whole(format_time(here, length, locale=written_as))
    return f"{day(value)}{_AT.get(written_as, ', ')}{time}"


#: Timetables that people ask for, as they would say them; ``{time}`` and ``{number}`` are filled in.
_DAILY: Final = re.compile(r"(\d{1,2}) (\d{1,2}) \* \* (\*|1-5|[0-7])")
_HOURLY: Final = re.compile(r"(\d{1,2}) \* \* \* \*")
_STEPS: Final = re.compile(r"\*/(\d{1,2}) \* \* \* \*")


def timetable(cron: str | None) -> str:
    """A timetable (cron) in words, as ``every day at 3.00``; one that is rarer is left as it is."""
    if not cron:
        return "–"
    if found := _DAILY.fullmatch(cron):
        at = time_of_day(int(found[2]) % 24, int(found[1]) % 60)
        said = format_time(at, "short", locale=_written_as())
        match found[3]:
            case "*":
                return str(gettext("every day at %(time)s", time=said))
            case "1-5":
                return str(gettext("on weekdays at %(time)s", time=said))
            case number:
                days = get_day_names("wide", locale=_written_as())
                return str(gettext("%(day)s at %(time)s", day=days[(int(number) - 1) % 7], time=said))
    if found := _HOURLY.fullmatch(cron):
        return str(gettext("every hour, %(number)s minutes past", number=int(found[1])))
    if found := _STEPS.fullmatch(cron):
        return str(gettext("every %(number)s minutes", number=int(found[1])))
    return cron


def count(value: float | None) -> str:
    """A number with the separators of the page's language; nothing is a dash."""
    return "–" if value is None else str(format_decimal(value))


def add_filters(app: Flask) -> None:
    """Make the filters known to every template."""
    app.jinja_env.filters.update(day=day, moment=moment, instant=instant, timetable=timetable, count=count)
