"""Who may do what at the desk: every permission, and the roles that hold them, in one table.

A role is granted to an account for all controllers or for some (``staff.accounts``); a view names the one permission
it needs (``staff.access.needs``). Nobody has a permission that no row below gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from consentmgr.config import Language


class Permission(StrEnum):
    """One thing a member of staff may do. The values are stored and logged, and are never renamed."""

    SEE_DASHBOARD = "dashboard.read"
    #: Contacts and their data, organisations, standing, the ledger.
    SEE_REGISTER = "register.read"
    #: Consents, withdrawals, objections and bans taken by phone, letter or mail.
    RECORD_ACTS = "acts.write"
    LIFT_BANS = "bans.lift"
    SCREEN = "screening.run"
    DECIDE_REVIEW = "screening.decide"
    #: Only what was handed to the account by name.
    HANDED_LISTS = "lists.handed"
    IMPORT = "import.run"
    DESCRIBE_CAMPAIGNS = "campaigns.write"
    #: Organisations, topics, notices, controllers.
    CATALOGUE = "catalogue.write"
    SEE_EXPORTS = "exports.read"
    RUN_EXPORTS = "exports.run"
    SEE_AUDIT = "audit.read"
    SET_POLICY = "policy.write"
    MERGE = "contacts.merge"
    ERASE = "contacts.erase"
    KEYS = "keys.write"
    STAFF = "staff.write"
    #: To be the second of two people.
    APPROVE = "approvals.decide"


P = Permission


class Role(NamedTuple):
    """``names`` and ``told`` are by language: what the role is called, and what it is for, in one sentence."""

    key: str
    permissions: frozenset[Permission]
    names: Mapping[Language, str]
    told: Mapping[Language, str]


ROLES: Final[tuple[Role, ...]] = (
    Role(
        "marketer",
        frozenset(
            {P.SEE_DASHBOARD, P.SEE_REGISTER, P.RECORD_ACTS, P.SCREEN, P.DECIDE_REVIEW, P.SEE_EXPORTS}
            | {P.DESCRIBE_CAMPAIGNS}
        ),
        {"fi": "Markkinoija", "sv": "Marknadsförare", "en": "Marketer"},
        {
            "fi": "Tarkistaa lähetyslistat, katsoo rekisteriä ja kirjaa, mitä ihmiset ovat päättäneet.",
            "sv": "Granskar utskickslistor, läser registret och antecknar vad människor har bestämt.",
            "en": "Screens campaign lists, reads the register and records what people have decided.",
        },
    ),
    Role(
        "data_steward",
        frozenset(
            {P.SEE_DASHBOARD, P.SEE_REGISTER, P.RECORD_ACTS, P.SCREEN, P.DECIDE_REVIEW, P.IMPORT, P.CATALOGUE}
            | {P.SEE_EXPORTS, P.RUN_EXPORTS, P.MERGE, P.DESCRIBE_CAMPAIGNS}
        ),
        {"fi": "Tietovastaava", "sv": "Dataförvaltare", "en": "Data steward"},
        {
            "fi": "Tuo ja vie tietoja, yhdistää henkilöitä ja ylläpitää aiheita, kampanjoita ja organisaatioita.",
            "sv": "Importerar och exporterar, slår ihop personer och sköter ämnen, kampanjer och organisationer.",
            "en": "Imports and exports, merges people, and keeps topics, campaigns and organisations.",
        },
    ),
    Role(
        "mailer",
        frozenset({P.HANDED_LISTS}),
        {"fi": "Postittaja", "sv": "Utskickare", "en": "Mailer"},
        {
            "fi": "Hakee listat, jotka hänelle on luovutettu, eikä näe muuta.",
            "sv": "Hämtar de listor som lämnats till hen och ser inget annat.",
            "en": "Fetches the lists handed over to them, and sees nothing else.",
        },
    ),
    Role(
        "auditor",
        frozenset({P.SEE_DASHBOARD, P.SEE_REGISTER, P.SEE_EXPORTS, P.SEE_AUDIT}),
        {"fi": "Tarkastaja", "sv": "Revisor", "en": "Auditor"},
        {
            "fi": "Lukee rekisteriä, vientejä ja tapahtumalokia, eikä muuta mitään.",
            "sv": "Läser registret, exporterna och händelseloggen men ändrar ingenting.",
            "en": "Reads the register, the exports and the audit trail, and changes nothing.",
        },
    ),
    Role(
        "dpo",
        frozenset(
            {P.SEE_DASHBOARD, P.SEE_REGISTER, P.RECORD_ACTS, P.LIFT_BANS, P.SCREEN, P.DECIDE_REVIEW, P.SEE_EXPORTS}
            | {P.SEE_AUDIT, P.SET_POLICY, P.MERGE, P.ERASE, P.APPROVE}
        ),
        {"fi": "Tietosuojavastaava", "sv": "Dataskyddsombud", "en": "Data protection officer"},
        {
            "fi": "Vastaa rekisteröidyille, poistaa tietoja, kumoaa kieltoja ja päättää linjauksista.",
            "sv": "Svarar registrerade, raderar uppgifter, häver förbud och bestämmer om riktlinjer.",
            "en": "Answers people, erases, lifts bans and decides on policy.",
        },
    ),
    Role(
        "administrator",
        frozenset(
            {P.SEE_DASHBOARD, P.CATALOGUE, P.SEE_EXPORTS, P.RUN_EXPORTS, P.SEE_AUDIT, P.SET_POLICY, P.KEYS, P.STAFF}
            | {P.APPROVE, P.DESCRIBE_CAMPAIGNS}
        ),
        {"fi": "Pääkäyttäjä", "sv": "Administratör", "en": "Administrator"},
        {
            "fi": "Hoitaa käyttäjät, avaimet ja asetukset; ei näe ihmisten tietoja.",
            "sv": "Sköter användare, nycklar och inställningar; ser inga personuppgifter.",
            "en": "Looks after users, keys and settings; sees no personal data.",
        },
    ),
)

BY_KEY: Final[Mapping[str, Role]] = {role.key: role for role in ROLES}


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """What these roles may do together; a role that is not in the table may do nothing."""
    return frozenset().union(*(BY_KEY[key].permissions for key in roles if key in BY_KEY))
