"""Addresses as they are shown to those who may not see the register: enough to find a row again, too little to write to."""

from __future__ import annotations

from consentmgr.vocabulary.columns import address_kind

#: Fields of a list that are no person's own and may be shown as they are.
_PLAIN = frozenset({"business_id", "country", "city", "postal_code", "area", "source", "acquired_on"})


def masked_value(field: str, value: str) -> str:
    """The value of a recognised field, masked by what it is."""
    if field in _PLAIN or not value:
        return value
    if field == "email":
        return _email(value)
    if field == "phone":
        return _phone(value)
    if field.endswith("_sha256"):
        return f"{value[:6]}…"
    return f"{value[:1]}…"


def masked_cell(value: str) -> str:
    """A cell of a column nobody knows the meaning of: masked where it looks like an address."""
    kind = address_kind(value)
    if kind == "email":
        return _email(value)
    if kind == "phone":
        return _phone(value)
    return value


def _email(value: str) -> str:
    local, _, domain = value.rpartition("@")
    name, dot, ending = domain.rpartition(".")
    return f"{local[:1]}…@{name[:1]}…{dot}{ending}" if dot else f"{value[:1]}…"


def _phone(value: str) -> str:
    digits = [char for char in value if char.isdigit()]
    return f"…{''.join(digits[-2:])}" if len(digits) > 4 else "…"
