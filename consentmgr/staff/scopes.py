"""What a key of the API may do, in one table; a door of the API names the one scope it needs (``staff.api_access``)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from consentmgr.config import Language


class Scope(StrEnum):
    """One thing a key may do. The values are stored, logged and named by other systems, and are never renamed."""

    READ_CONTACTS = "contacts:read"
    WRITE_CONTACTS = "contacts:write"
    WRITE_EVENTS = "events:write"
    READ_PROHIBITIONS = "prohibitions:read"
    ADD_PROHIBITIONS = "prohibitions:add"
    LIFT_PROHIBITIONS = "prohibitions:lift"
    #: Controllers, organisations, topics, notices, campaigns.
    READ_CATALOGUE = "catalogue:read"
    WRITE_CATALOGUE = "catalogue:write"
    CHECK = "check"
    READ_SCREENINGS = "screenings:read"
    RUN_SCREENINGS = "screenings:run"
    MINT_LINKS = "links:mint"
    READ_EXPORTS = "exports:read"
    RUN_EXPORTS = "exports:run"
    ACKNOWLEDGE_EXPORTS = "exports:acknowledge"
    READ_DOCUMENTS = "documents:read"
    WRITE_DOCUMENTS = "documents:write"
    READ_CHANGES = "changes:read"
    WRITE_WEBHOOKS = "webhooks:write"
    READ_RECORDS = "records:read"


#: What each is for, for whoever gives a key.
TOLD: Final[Mapping[Scope, Mapping[Language, str]]] = {
    Scope.READ_CONTACTS: {
        "fi": "Lukee yhteyshenkilöitä ja heidän tietojaan",
        "sv": "Läser kontakter och deras uppgifter",
        "en": "Reads contacts and their data",
    },
    Scope.WRITE_CONTACTS: {
        "fi": "Lisää ja muuttaa yhteyshenkilöitä",
        "sv": "Lägger till och ändrar kontakter",
        "en": "Adds and changes contacts",
    },
    Scope.WRITE_EVENTS: {
        "fi": "Kirjaa suostumuksia, peruutuksia ja vastustuksia",
        "sv": "Antecknar samtycken, återkallelser och invändningar",
        "en": "Records consents, withdrawals and objections",
    },
    Scope.READ_PROHIBITIONS: {"fi": "Lukee kieltoja", "sv": "Läser förbud", "en": "Reads prohibitions"},
    Scope.ADD_PROHIBITIONS: {"fi": "Lisää kieltoja", "sv": "Lägger till förbud", "en": "Adds prohibitions"},
    Scope.LIFT_PROHIBITIONS: {
        "fi": "Kumoaa kieltoja henkilön oman teon perusteella",
        "sv": "Häver förbud på grund av personens egen handling",
        "en": "Lifts prohibitions by a person's own act",
    },
    Scope.READ_CATALOGUE: {
        "fi": "Lukee rekisterinpitäjiä, organisaatioita, aiheita, tekstejä ja kampanjoita",
        "sv": "Läser personuppgiftsansvariga, organisationer, ämnen, texter och kampanjer",
        "en": "Reads controllers, organisations, topics, notices and campaigns",
    },
    Scope.WRITE_CATALOGUE: {
        "fi": "Muuttaa organisaatioita, aiheita, tekstejä ja kampanjoita",
        "sv": "Ändrar organisationer, ämnen, texter och kampanjer",
        "en": "Changes organisations, topics, notices and campaigns",
    },
    Scope.CHECK: {
        "fi": "Kysyy, saako henkilöön ottaa yhteyttä",
        "sv": "Frågar om en person får kontaktas",
        "en": "Asks whether a person may be contacted",
    },
    Scope.READ_SCREENINGS: {
        "fi": "Lukee seulontojen tuloksia",
        "sv": "Läser granskningarnas resultat",
        "en": "Reads the results of screenings",
    },
    Scope.RUN_SCREENINGS: {"fi": "Seuloo listoja", "sv": "Granskar listor", "en": "Screens lists"},
    Scope.MINT_LINKS: {
        "fi": "Tekee henkilökohtaisia linkkejä viesteihin",
        "sv": "Skapar personliga länkar för meddelanden",
        "en": "Makes personal links for messages",
    },
    Scope.READ_EXPORTS: {"fi": "Lukee vientejä", "sv": "Läser exporter", "en": "Reads exports"},
    Scope.RUN_EXPORTS: {"fi": "Käynnistää vientejä", "sv": "Startar exporter", "en": "Runs exports"},
    Scope.ACKNOWLEDGE_EXPORTS: {
        "fi": "Kuittaa vientejä vastaanotetuiksi",
        "sv": "Kvitterar exporter som mottagna",
        "en": "Acknowledges exports",
    },
    Scope.READ_DOCUMENTS: {
        "fi": "Vie koko rekisterin asiakirjoina",
        "sv": "Exporterar hela registret som dokument",
        "en": "Exports the register as documents",
    },
    Scope.WRITE_DOCUMENTS: {
        "fi": "Tuo asiakirjoja rekisteriin",
        "sv": "Importerar dokument till registret",
        "en": "Imports documents into the register",
    },
    Scope.READ_CHANGES: {"fi": "Seuraa muutoksia", "sv": "Följer ändringar", "en": "Follows changes"},
    Scope.WRITE_WEBHOOKS: {
        "fi": "Hoitaa webhook-ilmoituksia",
        "sv": "Sköter webhook-aviseringar",
        "en": "Looks after webhooks",
    },
    Scope.READ_RECORDS: {
        "fi": "Lukee suostumustietueita",
        "sv": "Läser samtyckesposter",
        "en": "Reads consent records",
    },
}
