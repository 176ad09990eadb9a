"""Policy: the switches where law is silent or at odds, the limits of freshness, and the lists rules ask.

Every value has a cautious default. An installation may set another, with who, when and why
(``consentmgr.campaigns.policy``); what is in force is printed in every report and certificate, and a value looser
than its default is marked there. ``POLICY`` is the table of them and ``policy_words`` what a lawyer reads of each;
``Policy`` holds the values rules use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final, Literal

from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.kit.errors import BadInput

Weight = Literal["block", "review", "allow"]
BusinessForm = Literal["strict", "review", "b2b"]
CountryRule = Literal["block", "named", "review", "allow"]


class PolicyError(BadInput, ValueError):
    """A policy name nobody knows, or a value it may not have; the message says which ones it may."""


@dataclass(frozen=True, slots=True)
class CallHours:
    """When marketing calls may be made, Finnish time: first hour and the hour that ends them, or ``None`` for never.

    ``(9, 20)``: from 9.00, and no longer at 20.00. A public holiday has its own row, whatever weekday it falls on.
    """

    monday_to_friday: tuple[int, int] | None = (9, 20)
    saturday: tuple[int, int] | None = (9, 18)
    sunday: tuple[int, int] | None = None
    public_holiday: tuple[int, int] | None = None


#: Providers that give mailboxes to private persons. An address there is a person's own, whoever pays for the work.
FREE_MAIL_DOMAINS: Final[tuple[str, ...]] = tuple(
    sorted(
        {
            # Finnish: webmail, and the mail that comes with a home connection.
            "luukku.com", "suomi24.fi", "iki.fi", "kolumbus.fi", "elisanet.fi", "welho.com", "saunalahti.fi",
            "dnainternet.net", "inet.fi", "pp.inet.fi", "co.inet.fi", "netti.fi", "sci.fi", "surffi.net",
            "mbnet.fi", "jippii.fi", "kotiposti.net", "kopteri.net", "netikka.fi", "multi.fi", "phnet.fi",
            "pp.phnet.fi", "htv.fi", "pp.htv.fi", "dlc.fi", "kymp.net", "nettilinja.fi", "sunpoint.net", "mpynet.fi",
            "kaisanet.fi", "aland.net", "hotmail.fi", "live.fi",
            # Worldwide.
            "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "windowslive.com",
            "yahoo.com", "ymail.com", "rocketmail.com", "icloud.com", "me.com", "mac.com", "aol.com",
            "aim.com", "proton.me", "protonmail.com", "protonmail.ch", "pm.me", "tutanota.com", "tutanota.de",
            "tutamail.com", "tuta.io", "tuta.com", "gmx.com", "gmx.net", "gmx.eu", "gmx.us", "mail.com", "email.com",
            "fastmail.com", "fastmail.fm", "zohomail.com", "zohomail.eu", "hey.com", "hushmail.com", "mailfence.com",
            "mailbox.org", "posteo.de", "posteo.net", "duck.com", "usa.net", "runbox.com", "startmail.com",
            # Sweden, Norway, Denmark, Iceland.
            "hotmail.se", "live.se", "yahoo.se", "spray.se", "passagen.se", "bredband.net", "comhem.se",
            "glocalnet.net", "tele2.se", "home.se", "swipnet.se", "telia.com", "algonet.se",
            "hotmail.no", "live.no", "yahoo.no", "online.no", "start.no", "hotmail.dk", "live.dk", "outlook.dk",
            "yahoo.dk", "jubii.dk", "mail.dk", "mail.tele.dk", "stofanet.dk", "simnet.is", "visir.is",
            # The Baltic countries and Russia.
            "mail.ee", "hot.ee", "online.ee", "inbox.lv", "inbox.lt", "one.lv", "mail.ru", "inbox.ru", "list.ru",
            "bk.ru", "yandex.ru", "yandex.com", "ya.ru", "rambler.ru",
            # The rest of Europe, and the largest elsewhere.
            "gmx.de", "gmx.at", "gmx.ch", "web.de", "t-online.de", "freenet.de", "arcor.de", "hotmail.de", "live.de",
            "outlook.de", "yahoo.de", "bluewin.ch", "aon.at", "hotmail.co.uk", "live.co.uk", "yahoo.co.uk",
            "btinternet.com", "virginmedia.com", "ntlworld.com", "talktalk.net", "hotmail.fr", "live.fr",
            "outlook.fr", "yahoo.fr", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr", "hotmail.nl",
            "live.nl", "ziggo.nl", "kpnmail.nl", "planet.nl", "xs4all.nl", "telenet.be", "skynet.be", "hotmail.es",
            "outlook.es", "yahoo.es", "hotmail.it", "live.it", "outlook.it", "yahoo.it", "libero.it", "virgilio.it",
            "alice.it", "tiscali.it", "sapo.pt", "wp.pl", "o2.pl", "interia.pl", "onet.pl", "op.pl", "seznam.cz",
            "email.cz", "centrum.cz", "freemail.hu", "abv.bg", "ukr.net", "comcast.net", "verizon.net", "att.net",
            "sbcglobal.net", "cox.net", "qq.com", "163.com", "126.com", "sina.com", "foxmail.com", "naver.com",
            "yahoo.co.jp", "yahoo.co.in", "rediffmail.com",
        }
    )
)  # fmt: skip

#: Local parts of mailboxes where a public body takes in official business; ``*`` stands for anything.
REGISTRY_MAILBOXES: Final[tuple[str, ...]] = (
    "kirjaamo", "kirjaamo.*", "kirjaamo-*", "*.kirjaamo", "*-kirjaamo", "registraattori", "registraattori.*",
    "registratur", "registratur.*", "registrator", "registrator.*", "registratorskontor*", "registry", "registry.*",
    "diarium", "diariet", "asianhallinta",
)  # fmt: skip

#: Sources that are not the person; ``*`` stands for anything. No source at all is always an outside one.
OUTSIDE_SOURCES: Final[tuple[str, ...]] = (
    "vendor", "vendor-*", "vendor:*", "vendor_*", "ytj", "population_register", "website",
)  # fmt: skip

#: What a recipient's country asks, where not Finland. ``*`` is every country not named.
#: ``block``: business e-channels blocked without consent; ``named``: only addresses of named persons are, the rest is
#: reviewed; ``review``: a person decides; ``allow``: judged by Finnish law alone.
COUNTRY_RULES: Final[tuple[tuple[str, CountryRule], ...]] = (
    ("*", "review"), ("DE", "block"), ("DK", "block"), ("NO", "named"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policy:
    """The values in force. Names are those of the table ``POLICY``; defaults are the cautious ones."""

    soft_opt_in_quote_only: Weight = "block"
    soft_opt_in_free_account: Weight = "review"
    soft_opt_in_max_age_months: int = 36
    stop_reply_other_channels: Weight = "review"
    robinson_own_customer: Weight = "review"
    robinson_business_number: Weight = "review"
    robinson_list_missing: Weight = "review"
    robinson_research: Weight = "allow"
    research_after_dm_objection: Weight = "review"
    research_bans_before: date = date(2018, 5, 25)
    dvv_ban_on_own_data: Weight = "allow"
    b2b_customer_relation: Weight = "allow"
    private_address_of_officer: Weight = "block"
    private_address_published: Weight = "review"
    housing_company_private_address: Weight = "review"
    sole_trader: BusinessForm = "review"
    sole_trader_private_address: BusinessForm = "strict"
    tax_grouping: BusinessForm = "strict"
    objection_follows_person: Weight = "review"
    b2b_instant_message: Weight = "review"
    b2b_text_message: Weight = "review"
    registry_mailbox: Weight = "review"
    exclusion_audience: Weight = "block"
    audience_legitimate_interest: Weight = "block"

    role_fresh_months: int = 12
    role_stale_block_months: int = 24
    consent_inactive_review_months: int = 36
    address_verified_max_months: int = 36
    robinson_list_max_age_days: int = 30
    soft_bounce_limit: int = 5
    small_company_employees: int = 20
    vendor_licence_months: int = 2
    certificate_valid_hours: int = 24
    max_messages_per_7_days: int | None = None
    quiet_hours: CallHours = CallHours()

    free_mail_domains: tuple[str, ...] = FREE_MAIL_DOMAINS
    registry_mailboxes: tuple[str, ...] = REGISTRY_MAILBOXES
    outside_sources: tuple[str, ...] = OUTSIDE_SOURCES
    country_rules: tuple[tuple[str, CountryRule], ...] = COUNTRY_RULES

    def registry_mailbox_pattern(self) -> str:
        """A regular expression (RE2 and Python alike) that a registry mailbox's whole canonical e-mail matches."""
        return rf"^{_alternatives(self.registry_mailboxes)}@"

    def outside_source_pattern(self) -> str:
        """A regular expression that a whole lower-case source name matches where it is an outside source."""
        return rf"^{_alternatives(self.outside_sources)}$"


def _alternatives(patterns: tuple[str, ...]) -> str:
    # Nothing to match is written as a class that holds no character; an empty group would match everything.
    if not patterns:
        return r"(?:[^\s\S])"
    return f"(?:{'|'.join(re.escape(pattern).replace(re.escape('*'), '.*') for pattern in patterns)})"


# --- the table ------------------------------------------------------------------------------------------------------

Kind = Literal["switch", "limit", "date", "hours", "list", "countries"]


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One switch, limit or list: what it may be and whose answers it changes; its words are in ``policy_words``.

    ``values`` are the allowed ones of a switch, from strict to loose. ``looser`` says, for a limit or a date, which
    way is looser. ``case`` names the decision case that shows it. Limits lie between ``lowest`` and ``highest``.
    """

    name: str
    kind: Kind
    default: Any
    codes: tuple[str, ...] = ()
    case: str = ""
    values: tuple[str, ...] = ()
    looser: Literal["higher", "lower", "any"] = "higher"
    unit: str = ""
    lowest: int = 1
    highest: int = 1200
    nullable: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values, as a sentence gives them."""
        return _ALLOWED[self.kind](self)


_WEIGHTS = ("block", "review", "allow")
_FORMS = ("strict", "review", "b2b")


def _switch(name: str, codes: tuple[str, ...], case: str, values: tuple[str, ...] = _WEIGHTS) -> PolicyRow:
    return PolicyRow(name, "switch", _DEFAULTS[name], codes, case, values, "any")


def _limit(
    name: str,
    unit: str,
    codes: tuple[str, ...],
    *,
    lowest: int = 1,
    highest: int = 1200,
    nullable: bool = False,
    case: str = "",
) -> PolicyRow:
    return PolicyRow(
        name,
        "limit",
        _DEFAULTS[name],
        codes,
        case,
        (),
        "higher",
        unit,
        lowest=lowest,
        highest=highest,
        nullable=nullable,
    )


DEFAULT_POLICY: Final = Policy()
_DEFAULTS: Final[dict[str, Any]] = {item.name: getattr(DEFAULT_POLICY, item.name) for item in fields(Policy)}
_ROBINSON = ("ROBINSON_PHONE", "ROBINSON_POST")
_OWN_BANS = ("DM_OBJECTION_ALL", "DM_OBJECTION_CHANNEL", "DM_OBJECTION_TOPIC")

POLICY: Final[tuple[PolicyRow, ...]] = (
    _switch("soft_opt_in_quote_only", ("SOFT_OPT_IN_NO_SALE",), "A24"),
    _switch("soft_opt_in_free_account", ("SOFT_OPT_IN_NO_SALE",), "A26"),
    _limit("soft_opt_in_max_age_months", "months", ("SOFT_OPT_IN_STALE", *_ROBINSON), case="A29"),
    _switch("stop_reply_other_channels", ("DM_OBJECTION_CHANNEL",), "A53"),
    _switch("robinson_own_customer", _ROBINSON, "B6, B20"),
    _switch("robinson_business_number", _ROBINSON, "C45"),
    _switch("robinson_list_missing", ("ROBINSON_STALE",), ""),
    _switch("robinson_research", _ROBINSON, "E7"),
    _switch("research_after_dm_objection", ("RESEARCH_OK",), "E2"),
    PolicyRow(
        "research_bans_before",
        "date",
        DEFAULT_POLICY.research_bans_before,
        ("RESEARCH_OBJECTION",),
        case="E3",
        looser="lower",
    ),
    _switch("dvv_ban_on_own_data", ("DVV_DM_BAN",), "B22"),
    _switch("b2b_customer_relation", ("B2B_CUSTOMER_OK",), "C15"),
    _switch("private_address_of_officer", ("B2B_PRIVATE_ADDRESS",), "C17"),
    _switch("private_address_published", ("B2B_PRIVATE_ADDRESS",), "C18"),
    _switch("housing_company_private_address", ("B2B_PRIVATE_ADDRESS",), "C25"),
    _switch("sole_trader", ("B2B_NOT_LEGAL_PERSON",), "C19", _FORMS),
    _switch("sole_trader_private_address", ("B2B_NOT_LEGAL_PERSON",), "C20", _FORMS),
    _switch("tax_grouping", ("B2B_NOT_LEGAL_PERSON",), "C31", _FORMS),
    _switch("objection_follows_person", _OWN_BANS, "C33"),
    _switch("b2b_instant_message", ("CONSENT_MISSING",), "C47"),
    _switch("b2b_text_message", ("B2B_ROLE_OK",), "C41"),
    _switch("registry_mailbox", ("B2B_GENERIC_OK",), "C29"),
    _switch("exclusion_audience", _OWN_BANS, "F6"),
    _switch("audience_legitimate_interest", ("SOCIAL_CONSENT_MISSING",), "F9"),
    _limit("role_fresh_months", "months", ("B2B_ROLE_STALE",)),
    _limit("role_stale_block_months", "months", ("B2B_ROLE_STALE",)),
    _limit("consent_inactive_review_months", "months", ("CONSENT_STALE",)),
    _limit("address_verified_max_months", "months", ("DATA_STALE",)),
    _limit("robinson_list_max_age_days", "days", ("ROBINSON_STALE",), highest=366),
    _limit("soft_bounce_limit", "deliveries", ("SOFT_BOUNCE_LIMIT",), highest=1_000),
    _limit("small_company_employees", "persons", ("B2B_ROLE_OK", "B2B_ROLE_MISMATCH"), lowest=0, highest=100_000),
    _limit("vendor_licence_months", "months", ("VENDOR_LICENCE_EXPIRED",), lowest=0),
    _limit("certificate_valid_hours", "hours", ("SCREENING_EXPIRED",), highest=744),
    _limit("max_messages_per_7_days", "messages", ("FREQ_CAP",), highest=1_000, nullable=True),
    PolicyRow("quiet_hours", "hours", DEFAULT_POLICY.quiet_hours, ("QUIET_HOURS",), looser="any"),
    PolicyRow(
        "free_mail_domains", "list", FREE_MAIL_DOMAINS, ("B2B_PRIVATE_ADDRESS", "B2B_NOT_LEGAL_PERSON"), looser="lower"
    ),
    PolicyRow("registry_mailboxes", "list", REGISTRY_MAILBOXES, ("B2B_GENERIC_OK",), looser="lower"),
    PolicyRow("outside_sources", "list", OUTSIDE_SOURCES, ("ART14_NOT_INFORMED", "NON_DISCLOSURE"), looser="any"),
    PolicyRow(
        "country_rules",
        "countries",
        COUNTRY_RULES,
        ("FOREIGN_LAW",),
        case="C50, C51, A54",
        values=("block", "named", "review", "allow"),
    ),
)

BY_NAME: Final[Mapping[str, PolicyRow]] = {row.name: row for row in POLICY}

#: The fields of ``CallHours``, as JSON names them.
CALL_DAYS: Final = tuple(item.name for item in fields(CallHours))

_ALLOWED: Final[dict[Kind, Callable[[PolicyRow], str]]] = {
    "switch": lambda row: ", ".join(row.values),
    "limit": lambda row: f"a whole number from {row.lowest} to {row.highest}" + (", or null" if row.nullable else ""),
    "date": lambda row: "an ISO date",  # noqa: ARG005
    "hours": lambda row: f"hours as [from, to] or null for {', '.join(CALL_DAYS)}",  # noqa: ARG005
    "list": lambda row: "a list of domains" if row.name == "free_mail_domains" else "a list of names, * for anything",
    "countries": lambda row: f"two-letter country codes or *, each {', '.join(row.values)}",
}


def policy_row(name: str) -> PolicyRow:
    """The row of ``name``; ``PolicyError`` with the nearest names where there is none."""
    row = BY_NAME.get(name)
    if row is None:
        import difflib

        near = difflib.get_close_matches(name, BY_NAME, n=3) if len(name) < 100 else []
        hint = f" Did you mean {' or '.join(near)}?" if near else f" Known: {', '.join(BY_NAME)}."
        raise PolicyError(f"There is no policy switch or limit of that name.{hint}", field=name[:100])
    return row


# --- from and to plain values ---------------------------------------------------------------------------------------


def policy_from(overrides: Mapping[str, object]) -> Policy:
    """The default policy with ``overrides`` by name, as JSON gives them. ``None`` means the default.

    Raises ``PolicyError`` (a ``ValueError``) that names the switch and what it may be.
    """
    values = {name: checked_value(name, value) for name, value in overrides.items()}
    policy = Policy(**values)
    if policy.role_stale_block_months < policy.role_fresh_months:
        raise PolicyError(
            f"may not be less than role_fresh_months ({policy.role_fresh_months})", field="role_stale_block_months"
        )
    return policy


def checked_value(name: str, value: object) -> Any:
    """``value`` (JSON, or already of the right type) as ``Policy`` keeps it; ``PolicyError`` where it is not allowed."""
    row = policy_row(name)
    if value is None:
        return row.default
    try:
        return _CHECKS[row.kind](row, value)
    except (TypeError, ValueError, KeyError, AttributeError):
        raise PolicyError(f"may be {row.allowed}", field=name) from None


def _checked_switch(row: PolicyRow, value: object) -> str:
    if value not in row.values:
        raise ValueError
    return str(value)


def _checked_limit(row: PolicyRow, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not row.lowest <= value <= row.highest:
        raise ValueError
    return value


def _checked_date(_row: PolicyRow, value: object) -> date:
    return value if type(value) is date else date.fromisoformat(str(value))


def _checked_hours(_row: PolicyRow, value: object) -> CallHours:
    if isinstance(value, CallHours):
        value = {name: getattr(value, name) for name in CALL_DAYS}
    if not isinstance(value, Mapping) or not value or set(value) - set(CALL_DAYS):
        raise ValueError
    return CallHours(**{name: _checked_span(span) for name, span in value.items()})


def _checked_span(span: object) -> tuple[int, int] | None:
    if span is None:
        return None
    if not isinstance(span, list | tuple) or len(span) != 2 or not all(type(hour) is int for hour in span):
        raise TypeError
    first, end = span
    if not 0 <= first < end <= 24:
        raise ValueError
    return first, end


def _checked_list(row: PolicyRow, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    items = []
    for item in value:
        if not isinstance(item, str) or not 0 < len(item.strip()) <= 200:
            raise ValueError
        item = item.strip().lower().removesuffix("@") if row.name != "free_mail_domains" else canonical_domain(item)
        if not item:
            raise ValueError
        items.append(item)
    return tuple(sorted(set(items))) if row.name == "free_mail_domains" else tuple(dict.fromkeys(items))


def _checked_countries(row: PolicyRow, value: object) -> tuple[tuple[str, CountryRule], ...]:
    # A country not spoken of keeps its default: to loosen Germany is not to loosen Denmark.
    rules: dict[str, CountryRule] = dict(COUNTRY_RULES)
    for country, rule in dict(value).items():  # type: ignore[call-overload]
        if rule not in row.values or not re.fullmatch(r"\*|[A-Z]{2}", country) or country == "FI":
            raise ValueError
        rules[country] = rule
    return tuple(sorted(rules.items()))


_CHECKS: Final[dict[Kind, Callable[[PolicyRow, object], Any]]] = {
    "switch": _checked_switch,
    "limit": _checked_limit,
    "date": _checked_date,
    "hours": _checked_hours,
    "list": _checked_list,
    "countries": _checked_countries,
}


def plain_value(value: object) -> Any:
    """A policy value as JSON keeps it; ``checked_value`` of it gives the value back."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, CallHours):
        spans = {name: getattr(value, name) for name in CALL_DAYS}
        return {name: list(span) if span else None for name, span in spans.items()}
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def value_of_text(name: str, text: str) -> object:
    """What a person types for ``name`` at a terminal, as a JSON value still to be checked.

    ``default`` (or nothing) returns to the default; lists may be written with commas; hours and countries are JSON.
    """
    row = policy_row(name)
    text = text.strip()
    if text.lower() in ("", "default", "null", "none"):
        return None
    if row.kind == "list" and not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if row.kind in ("limit", "list", "hours", "countries"):
        import json

        try:
            return json.loads(text)
        except ValueError:
            raise PolicyError(f"may be {row.allowed}", field=name) from None
    return text


def shown_value(value: object) -> str:
    """A policy value in a few words, for tables."""
    if value is None:
        return "no cap"
    if isinstance(value, CallHours):
        return shown_hours(value)
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return ", ".join(f"{country} {rule}" for country, rule in value)
    if isinstance(value, tuple):
        return f"{len(value)} entries" if len(value) > 4 else ", ".join(value) or "none"
    return str(value)


def shown_hours(hours: CallHours) -> str:
    """``Mon-Fri 9-20, Sat 9-18, Sun never, public holidays never``."""
    names = ("Mon–Fri", "Sat", "Sun", "public holidays")
    spans = (getattr(hours, name) for name in CALL_DAYS)
    return ", ".join(
        f"{name} {span[0]}–{span[1]}" if span else f"{name} never" for name, span in zip(names, spans, strict=True)
    )


# --- looser than default --------------------------------------------------------------------------------------------


def looser_than_default(policy: Policy) -> list[str]:
    """Names, in table order, of values that let through what the default would not."""
    return [row.name for row in POLICY if is_looser(row, getattr(policy, row.name))]


def is_looser(row: PolicyRow, value: Any) -> bool:
    """Whether ``value`` is looser than the default of ``row``."""
    if value == row.default:
        return False
    return _LOOSER[row.kind](row, value)


def _looser_switch(row: PolicyRow, value: Any) -> bool:
    return row.values.index(value) > row.values.index(row.default)


def _looser_limit(row: PolicyRow, value: Any) -> bool:
    # No cap is the loosest of all.
    return value is None or (row.default is not None and value > row.default)


def _looser_hours(row: PolicyRow, value: Any) -> bool:
    def hours(span: tuple[int, int] | None) -> set[int]:
        return set(range(*span)) if span else set()

    return any(hours(getattr(value, name)) - hours(getattr(row.default, name)) for name in CALL_DAYS)


def _looser_list(row: PolicyRow, value: Any) -> bool:
    # Free-mail domains and registry mailboxes hold back; one taken out lets through. A source moved to either side of
    # the line loosens one rule and tightens another, so every change of that list is marked.
    return row.looser == "any" or bool(set(row.default) - set(value))


def _looser_countries(row: PolicyRow, value: Any) -> bool:
    default, now = dict(row.default), dict(value)
    order = row.values.index
    return any(
        order(now.get(country, now["*"])) > order(default.get(country, default["*"]))
        for country in set(default) | set(now)
    )


_LOOSER: Final[dict[Kind, Callable[[PolicyRow, Any], bool]]] = {
    "switch": _looser_switch,
    "limit": _looser_limit,
    "date": lambda row, value: bool(value < row.default),
    "hours": _looser_hours,
    "list": _looser_list,
    "countries": _looser_countries,
}
