"""Codes of exports as pages name them, in the language of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import lazy_gettext as _

from consentmgr.edge import application
from consentmgr.vocabulary.codes import CHANNELS, PURPOSES
from consentmgr.vocabulary.reason_codes import BY_CODE, CHANNEL_LABELS, PURPOSE_NAMES

CONTENTS: Final[Mapping[str, Any]] = {
    "suppressed": _("Those who said no, or may not be written to"),
    "allowed": _("Those who may be written to"),
}
MODES: Final[Mapping[str, Any]] = {
    "full": _("the whole list every time"),
    "delta": _("what changed since the last acknowledged one"),
}
RUN_MODES: Final[Mapping[str, Any]] = {"full": _("whole"), "delta": _("changes")}
RUN_STATES: Final[Mapping[str, Any]] = {
    "claimed": _("begun"),
    "prepared": _("prepared, not delivered yet"),
    "published": _("delivered"),
    "failed": _("failed"),
}
FORMATS: Final[Mapping[str, Any]] = {
    "csv": _("Plain CSV"),
    "jsonl": _("JSON Lines"),
    "ses": _("Amazon SES suppression list"),
    "sendgrid": _("SendGrid suppression lists"),
    "mailchimp": _("Mailchimp contacts"),
    "hubspot": _("HubSpot opt-out list"),
    "klaviyo": _("Klaviyo suppression list"),
    "md5": _("MD5 of each address"),
    "sha1": _("SHA-1 of each address"),
    "sha256": _("SHA-256 of each address"),
    "keyed": _("Digests under a key agreed with the partner"),
    "e164": _("Telephone numbers, one a line"),
    "postal": _("Names and postal addresses"),
    "meta": _("Meta audience"),
    "google": _("Google audience"),
    "linkedin": _("LinkedIn audience"),
    "xlsx": _("Excel workbook for people"),
}
DESTINATIONS: Final[Mapping[str, Any]] = {
    "folder": _("A folder of this machine"),
    "sftp": _("An SFTP server"),
    "s3": _("An S3-compatible store"),
    "https": _("An address files are put to (HTTPS)"),
    "http": _("An address of this machine (HTTP)"),
    "webhook+https": _("A webhook that is told of each run"),
    "webhook+http": _("A webhook of this machine"),
    "mail": _("A link by e-mail to files kept here"),
}
SECRETS: Final[Mapping[str, Any]] = {
    "host_key": _("The server's host key"),
    "password": _("Password"),
    "private_key": _("Private key"),
    "token": _("Bearer token"),
    "access_key": _("Access key"),
    "secret_key": _("Secret key"),
    "signing_secret": _("Signing secret, which begins with whsec_"),
    "digest_key": _("The key of digests agreed with the partner"),
}
#: What stands in the way of a form, by the option the service names.
FIELDS: Final[Mapping[str, str]] = {
    "KEY": "key",
    "--partner": "partner",
    "--controller": "controller",
    "--channel": "channel",
    "--purpose": "purpose",
    "--topic": "topic",
    "--format": "format",
    "--cron": "cron",
    "--time-zone": "time_zone",
    "--encrypt-to": "encrypt_to",
    "--to": "destination",
    "--lag-ends-certificates": "most_lag",
    "--digest-key-file": "secret_digest_key",
    "--secret-file": "destination",
    "--allowed": "campaign",
}
FAULTS: Final[Mapping[str, Any]] = {
    "key": _("Give a name of small letters, digits, - and _ that no other export has."),
    "partner": _("Write who gets it."),
    "controller": _("Choose a controller."),
    "channel": _("Choose a channel."),
    "purpose": _("Choose a purpose."),
    "topic": _("The register knows no such topic."),
    "format": _("This form of file does not fit: it takes other addresses, or is not for these people."),
    "cron": _("Write minute, hour, day, month and weekday: 0 3 * * * is three o'clock every night."),
    "time_zone": _("Write a time zone such as Europe/Helsinki."),
    "encrypt_to": _("Write the partner's age key, which begins with age1."),
    "destination": _("Files cannot go there: look at the address and its secrets."),
    "secret_digest_key": _("This form of file needs a key of at least 32 characters, agreed with the partner."),
    "campaign": _("The register knows no such campaign."),
    "most_lag": _("Certificates depend on lists of those who said no, where hours are given."),
    "hours": _("Write a whole number of hours, or nothing."),
}


def word(words: Mapping[str, Any], code: str) -> str:
    """The word of a code; the code itself where there is none."""
    return str(words.get(code, code))


def channel(code: str) -> str:
    return str(CHANNEL_LABELS.get(code, {}).get(application.language(), code))  # type: ignore[call-overload]


def purpose(code: str) -> str:
    return str(PURPOSE_NAMES.get(code, {}).get(application.language(), code))  # type: ignore[call-overload]


def reason(code: str) -> str:
    """The sentence of a reason code, of whatever channel it speaks."""
    return (
        BY_CODE[code].text(application.language()).replace("{channel}", str(_("this channel's")))
        if code in BY_CODE
        else code
    )


def channels() -> list[tuple[str, str]]:
    return [(code, channel(code)) for code in CHANNELS]


def purposes() -> list[tuple[str, str]]:
    return [(code, purpose(code)) for code in PURPOSES]
