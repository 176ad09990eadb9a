"""How the oracle reads documents, dates and addresses: nothing here decides anything.

Documents are taken as dictionaries, or as the product's structs turned into dictionaries.
"""

import calendar
import hashlib
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from consentmgr.kit import address_keys as forms

HELSINKI = ZoneInfo("Europe/Helsinki")
EASTER = {2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2028: (4, 16)}


def day(text):
    """The Helsinki day of an ISO date or time; None of None."""
    if text and "T" in text:
        return datetime.fromisoformat(text).astimezone(HELSINKI).date()
    return date.fromisoformat(text) if text else None


def months_on(start, months):
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def public_holiday(today):
    when = (today.month, today.day)
    saturday = today.weekday() == 5 and ((6, 20) <= when <= (6, 26) or (10, 31) <= when <= (11, 6))
    fixed = when in {(1, 1), (1, 6), (5, 1), (12, 6), (12, 25), (12, 26)}
    return saturday or fixed or (today - date(today.year, *EASTER[today.year])).days in (-2, 0, 1, 39, 49)


def address_forms(kind, value):
    """Every form an address is met in: the canonical one, and hashed as hashed lists do. Empty where it has none."""
    if kind == "post":
        parts = {"country": "FI", **value}
        return {forms.canonical_post(*map(parts.get, ["street", "apartment", "postal_code", "city", "country"]))} - {
            None
        }
    if kind.endswith("_sha256"):
        return {value.strip().lower()}
    form = forms.canonical_email(value) if kind == "email" else forms.canonical_phone(value)
    return {form, *(hashlib.sha256(text.encode()).hexdigest() for text in (form, form.strip("+")))} if form else set()


def name_of(person):
    return forms.canonical_name(person.get("given_name"), person.get("family_name"))


class Register:
    """What the documents say, told once: contacts by ref (their documents laid together), the rest as it stands."""

    def __init__(self, documents):
        self.contacts, self.organisations, self.notices, self.bans, self.lists, self.default = (
            {},
            {},
            {},
            [],
            {},
            "acme",
        )
        #: The newest version of each notice that says it changes the substance.
        self.replaced = {}
        for one in (one if isinstance(one, dict) else msgspec.to_builtins(one) for one in documents):
            if one["type"] in ("contact", "event"):
                known = self.contacts.setdefault(one.get("ref") or one["contact"], {"events": []})
                self.lay_on(known, one if one["type"] == "contact" else {"events": [one]})
            elif one["type"] == "organisation":
                name = one.get("business_id") or one["ref"]
                self.lay_on(self.organisations.setdefault(name, {"name": name}), {**one, "name": name})
            elif one["type"] == "notice":
                self.notices[f"{one['key']}/{one['version']}/{one['language']}"] = one
                if one.get("supersedes") == "major":
                    self.replaced[one["key"]] = max(one["version"], self.replaced.get(one["key"], 0))
            elif one["type"] == "prohibition":
                self.bans.append(one)
            elif one["type"] == "external_list":
                self.lists[one["source"]] = max(one["as_of"], self.lists.get(one["source"], ""))
            elif one["type"] == "controller" and one.get("default"):
                self.default = one["key"]
        # Erasure leaves the reference, the acts (of which ``restricted_since`` is one) and the keys of the addresses.
        for contact in self.contacts.values():
            contact["kept"] = set()
            if any(event["event"] == "erased" for event in contact["events"]):
                contact["kept"].update(*(point["forms"] for point in contact.get("points", ())))
                for field in contact.keys() - {"ref", "events", "kept", "restricted_since"}:
                    del contact[field]

    @staticmethod
    def lay_on(known, document):
        for field, value in document.items():
            if field == "points":
                value = [{**point, "forms": address_forms(point["channel"], point["value"])} for point in value]
            many = isinstance(value, list | tuple)
            known[field] = [*known.get(field, ()), *value] if many else known.get(field) if value is None else value

    def resolve(self, row, kinds, shared):
        """([(contact or {}, the address to be used)], every form the row gives, is the address unreadable).

        ``shared``: what is sent to the address reaches whoever else has it, so that they are contacts of the row too.
        """
        given = {kind: address_forms(kind, row[kind]) for kind in ("email", "phone") if row.get(kind)}
        for kind in ("email", "phone"):
            if row.get(f"{kind}_sha256"):
                given[kind] = address_forms("_sha256", row[f"{kind}_sha256"])
        if row.get("street"):
            given["post"] = address_forms("post", row)
        asked = [given[kind] for kind in kinds if kind in given] or list(given.values())
        everything, named = set().union(*given.values()), name_of(row)

        def holds(contact, address):
            same = [point for point in contact.get("points", ()) if point["forms"] & address]
            return any(point["channel"] != "post" or named in (None, name_of(contact)) for point in same)

        def address_of(owner):
            points = (*owner.get("points", ()), *listed)
            own = [one["forms"] for kind in kinds for one in points if one["channel"] == kind]
            return next((given[kind] for kind in kinds if given.get(kind)), own[0] if own else set())

        listed = self.organisations.get(row.get("business_id"), {}).get("points", ())
        everyone = self.contacts.values()
        contacts = [one for one in everyone if one.get("ref") == row.get("ref", "") or holds(one, everything)]
        found = [(one, address_of(one)) for one in contacts or [{}]]
        used = [address for _, address in found if shared]
        found += [(one, address) for address in used for one in everyone if one not in contacts and holds(one, address)]
        return found, everything, bool(asked) and not any(asked)

    def whose(self, contact, address, row, today):
        """(the point, its organisation or {}): of the point, else as the row, the domain or the one current role tell."""
        own = next((point for point in contact.get("points", ()) if point["forms"] & address), None)
        listed = [(org, point) for org in self.organisations.values() for point in org.get("points", ())
                  if point["forms"] & address]  # fmt: skip
        point = own or next((point for _, point in listed), {})
        texts = address | point.get("forms", set()) | address_forms("email", row.get("email") or "")
        domain = next((text.partition("@")[2] for text in texts if "@" in text), None)
        at_domain = [org for org in self.organisations.values()
                     if domain in {forms.canonical_domain(one) for one in org.get("domains", ())}]  # fmt: skip
        roles = {role["organisation"] for role in current_roles(contact, today)}
        one_role = [self.organisations[name] for name in roles if len(roles) == 1 and name in self.organisations]
        candidates = [self.organisations.get(point.get("organisation")), *(org for org, _ in listed),
                      self.organisations.get(row.get("business_id")), *at_domain, *one_role]  # fmt: skip
        return point, bool(listed), domain, bool(at_domain), next((org for org in candidates if org), {})


def current_roles(contact, today):
    return [role for role in contact.get("roles", ()) if (day(role.get("since")) or today) <= today <= (day(role.get("until")) or today)]  # fmt: skip
