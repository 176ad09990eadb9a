"""What the oracle knows of a row before it judges: addresses, days, the register, and a person's acts. Plain Python."""

import calendar
import hashlib
import json
import re
import unicodedata
from datetime import date, datetime
from zoneinfo import ZoneInfo

HELSINKI, WEIGHTS = ZoneInfo("Europe/Helsinki"), ("allow", "review", "block")
EASTER = {2024: (3, 31), 2025: (4, 20), 2026: (4, 5), 2027: (3, 28), 2028: (4, 16)}
ELECTRONIC, OPT_OUT = {"email", "sms", "instant_message", "automated_call", "fax"}, {"phone", "post"}
CONSENTS = ("consent_given", "guardian_consented")
OWN_SOURCES = ("self", "guardian", "staff", "complaint", "court")
LISTS = """channels purposes topics controllers audiences points roles areas events customer_of messages_sent domains
    joint_controllers unsubscribe_needs""".split()


class Of(dict):
    """A document whose fields are attributes: what is absent is None, or an empty list."""

    def __getattr__(self, name):
        value = self.get(name)
        return [] if value is None and name in LISTS else value


def plain(document):
    return json.loads(json.dumps(document), object_hook=Of)


def day(text):
    return datetime.fromisoformat(text).astimezone(HELSINKI).date() if "T" in text else date.fromisoformat(text)


def months_on(start, months):
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def public_holiday(today):
    when, after_easter = (today.month, today.day), (today - date(today.year, *EASTER[today.year])).days
    if today.weekday() == 5 and ((6, 20) <= when <= (6, 26) or (10, 31) <= when <= (11, 6)):
        return True
    return when in {(1, 1), (1, 6), (5, 1), (12, 6), (12, 25), (12, 26)} or after_easter in (-2, 0, 1, 39, 49)


def domain_of(text):
    return unicodedata.normalize("NFKC", text).strip().lower().encode("idna").decode()


def forms(kind, value):
    """Every form in which an address (or a name) is met, hashed ones too; empty where it has none."""
    parts = [value.get(part) for part in ("street", "apartment", "postal_code")] if kind == "post" else [value]
    text = form = unicodedata.normalize("NFKC", " ".join(filter(None, parts))).strip().lower()
    if kind == "email":
        local, _, domain = text.rpartition("@")
        form = f"{local}@{domain_of(domain)}" if local and "." in domain and " " not in text else ""
    elif kind == "phone":
        text = re.sub(r"\(0\)|[\s().\-/]", "", text)
        form = re.sub("^0", "+358", re.sub("^00", "+", text)) if re.fullmatch(r"\+?\d{6,15}", text) else ""
    elif kind in ("post", "name"):
        form = re.sub(r"[\W_]", "", text)
    hashed = {hashlib.sha256(one.encode()).hexdigest() for one in (form, form.strip("+"))}
    return {form, *(hashed if kind in ("email", "phone") else ())} if form else set()


def name_of(who):
    return forms("name", f"{who.given_name or ''}{who.family_name or ''}")


def target_of(ban):
    return next((kind, value) for kind, value in (ban.target or {"contact": ""}).items() if value is not None)


def later(event, act):
    """Strictly later: of a day only a later day is; where no order is known, nothing is."""
    if event.imported_without_date or act.imported_without_date or not (act.at or act.valid_from):
        return False
    if act.at:
        return datetime.fromisoformat(event.at) > datetime.fromisoformat(act.at)
    return day(event.at) > day(act.valid_from)


class Register:
    """What the documents say: contacts by ref, organisations by name (all documents of one laid together)."""

    def __init__(self, documents):
        told = plain(list(documents))
        self.contacts, self.organisations = {}, {}
        self.notices = {f"{one.key}/{one.version}/{one.language}": one for one in told if one.type == "notice"}
        self.bans = [one for one in told if one.type == "prohibition"]
        self.lists = [one for one in told if one.type == "external_list"]
        self.default = next((one.key for one in told if one.type == "controller" and one.default), "acme")
        for one in told:
            if one.type in ("contact", "event"):
                known = self.contacts.setdefault(one.ref or one.contact, Of())
                self.lay_on(known, one if one.ref else {"events": [one]})
            elif one.type == "organisation":
                name = one.business_id or one.ref
                self.lay_on(self.organisations.setdefault(name, Of()), {**one, "name": name})
        parts = [part for who in self.contacts.values() for part in (*who.points, *who.roles)]
        for one in (*parts, *(ban.target for ban in self.bans if ban.target)):
            if one.organisation:
                one["organisation"] = self.firm(one.organisation) or one.organisation
        for ban in self.bans:
            if ban.target.contact:
                self.contacts.setdefault(ban.target.contact, Of(ref=ban.target.contact))
        for who in self.contacts.values():
            # Erasure leaves the reference, the acts (``restricted_since`` is one) and the keys of the addresses; of
            # somebody who consented since, nothing went.
            erased = [event for event in who.events if event.event == "erased"]
            own = [event for event in who.events if event.event in CONSENTS and event.method not in (None, "import")]
            own = [event for event in own if event.given_by != "unverified"]
            if erased and not any(all(later(event, act) for act in erased) for event in own):
                kept = set().union(*(point.forms for point in who.points))
                for field in who.keys() - {"ref", "events", "restricted_since"}:
                    del who[field]
                who["kept"] = kept

    def firm(self, text):
        """The organisation told by just this name; else the one whose business id it is, however it is written."""
        told = {one.ref: name for name, one in self.organisations.items()} | {name: name for name in self.organisations}
        digits = {re.sub(r"\W", "", name): name for name in self.organisations}
        return told.get(text, digits.get(re.sub(r"^FI|\W", "", text or ""))) if text else None

    def lay_on(self, known, document):
        for point in document.get("points", ()):
            point["forms"] = forms(point.channel, point.value)
        for field, value in document.items():
            if value is not None:
                known[field] = [*known.get(field, ()), *value] if isinstance(value, list) else value


class Facts:
    """A row of a campaign (``c``, ``row``, ``purpose``, ...) and, one at a time, whom it is about."""

    def contacts(self):
        """(contact, its address): all that have the row's ref, e-mail or phone, and whoever else has that address."""
        c, row, everyone = self.c, self.row, list(self.register.contacts.values())
        named = ("email", "phone", "email_sha256", "phone_sha256")
        given = {kind.split("_")[0]: forms(kind, row[kind]) for kind in named if row.get(kind)}
        given |= {"post": forms("post", row)} if row.street else {}
        kinds = (c.channel,) if c.channel in ("email", "post") else ("phone",)
        kinds = ("email", "phone") if self.audience or self.inmail else kinds
        asked = [given[kind] for kind in kinds if kind in given] or list(given.values())
        self.given, self.unreadable = set().union(*given.values()), bool(asked) and not any(asked)
        firm = self.register.organisations.get(self.register.firm(row.business_id), Of()).points

        def holds(who, address):
            same = [point.channel for point in who.points if point.forms & address]
            return any(channel != "post" or name_of(row) in (set(), name_of(who)) for channel in same)

        def address_of(who):
            own = [point.forms for kind in kinds for point in (*who.points, *firm) if point.channel == kind]
            return next((given[kind] for kind in kinds if given.get(kind)), own[0] if own else set())

        named = [who for who in everyone if who.ref == (row.ref or "") or holds(who, self.given)] or [Of()]
        found = [(who, address_of(who)) for who in named]
        shared = [] if self.inmail or c.channel == "post" else [address for _, address in found]
        others = [who for who in everyone if who not in named]
        return found + [(who, address) for address in shared for who in others if holds(who, address)]

    def look_at(self, who, address):
        """Whom (``who``), at which ``point``, of which organisation (``org``)."""
        firms, row, today = self.register.organisations, self.row, str(self.today)
        own = next((point for point in who.points if point.forms & address), None)
        listed = [(org.name, point) for org in firms.values() for point in org.points if point.forms & address]
        self.who, self.listed, self.seen = who, bool(listed), self.given | address
        self.point = own or next((point for _, point in listed), Of())
        if self.point.use in (None, "unknown") and any(point.use == "generic" for _, point in listed):
            self.point = Of({**self.point, "use": "generic"})
        texts = address | (self.point.forms or set()) | forms("email", row.email or "")
        self.mailbox, _, self.domain = next((text for text in texts if "@" in text), "").rpartition("@")
        owners = [name for name, org in firms.items() if self.domain in map(domain_of, org.domains)]
        self.roles = [role for role in who.roles if (role.since or "") <= today <= (role.until or "9")]
        employers = list({role.organisation for role in self.roles})
        self.known = bool(who or self.point or len(owners) == 1)
        names = [self.point.organisation, *(name for name, _ in listed), self.register.firm(row.business_id)]
        names += [one for found in (owners, employers) for one in found if len(found) == 1]
        self.org = next((firms[name] for name in names if name in firms), Of())
        self.has_address, self.reachable = bool(address), bool(address or self.companies or self.inmail)

    def ours(self, one):
        return (one.controller or self.register.default) == self.by

    def over(self, text, months):
        return bool(text) and months_on(day(text), months) < self.today

    def younger(self, years):
        born, today = self.who.born_on and day(self.who.born_on), self.today
        return bool(born) and today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < years

    def relations(self, who, *, but=()):
        """Customer relations to the campaign's own controller and product group."""
        group = self.c.product_group
        same = [one for one in who.customer_of if group and one.product_group == group and self.ours(one)]
        return [one for one in same if one.relation not in but]
