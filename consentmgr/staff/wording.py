"""Words for what services say in codes, in the language of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _

from consentmgr.config import LANGUAGES, Language
from consentmgr.edge.filters import moment
from consentmgr.i18n import choose_language
from consentmgr.staff.roles import BY_KEY

if TYPE_CHECKING:
    from flask import Flask


def page_language() -> Language:
    """The language of the page."""
    return choose_language(str(get_locale()), None, LANGUAGES[-1])


def password_fault(code: str) -> str:
    """What is wrong with an answer on an account's pages, by the message of its ``BadInput``."""
    words = {
        "short": gettext(
            "A password has at least 12 characters. Four words that have nothing to do with each other do."
        ),
        "long": gettext("A password has at most 200 characters."),
        "usual": gettext("This password is easily guessed. Choose words that have nothing to do with each other."),
        "personal": gettext("The password is too close to your name or address. Choose another one."),
        "this is no e-mail address": gettext("Enter an e-mail address in the form name@example.com."),
        "there is an account of this address already": gettext("There is an account of this address already."),
        "a name is needed, in one line": gettext("Enter a name."),
        "this is the last administrator; make another one first": gettext(
            "This is the last administrator. Make another one first."
        ),
        "a role is for all controllers, or for one at least": gettext("Choose at least one controller, or all."),
        "the account is closed; open it first": gettext("The account is closed. Open it first."),
    }
    return str(words.get(code) or gettext("This cannot be taken as it is."))


def role_name(key: str) -> str:
    """What a role is called."""
    role = BY_KEY.get(key)
    return role.names[page_language()] if role is not None else key


def role_names(grants: Iterable[tuple[str, Collection[str] | None]]) -> str:
    """Roles with their controllers, as one line."""
    told = (f"{role_name(role)} ({', '.join(keys)})" if keys is not None else role_name(role) for role, keys in grants)
    return ", ".join(told)


def add_wording(app: Flask) -> None:
    """Make the words known to the templates."""
    app.jinja_env.globals.update(role_name=role_name, role_names=role_names, method_name=method_name)


#: What an entry of the audit log tells besides, by the names it is kept under; one that is not here is shown as it is.
DETAILS = {
    "rows": _("rows"),
    "row": _("row"),
    "file": _("file"),
    "what": _("what"),
    "reason": _("reason"),
    "kind": _("kind"),
    "contacts": _("contacts"),
    "approved_by": _("approved by"),
    "asked_by": _("asked by"),
    "sequence": _("sequence"),
    "fields": _("fields"),
    "controller": _("controller"),
    "controllers": _("controllers"),
    "screening": _("screening"),
    "list": _("list"),
    "campaign": _("campaign"),
    "keys_kept": _("keys kept"),
    "form": _("form"),
    "expires_at": _("expires"),
    "consent_records": _("consent records"),
    "verdict": _("verdict"),
    "role": _("role"),
    "mode": _("mode"),
    "method": _("method"),
    "bans": _("bans"),
    "entries": _("entries"),
    "organisation": _("organisation"),
    "notice": _("notice"),
    "partner": _("partner"),
    "schedule": _("schedule"),
    "destination": _("destination"),
    "format": _("format"),
    "scopes": _("rights"),
    "day": _("day"),
    "before": _("before"),
    "after": _("after"),
    "part": _("part"),
    "session": _("session"),
    "bytes": _("bytes"),
}

#: A moment as entries of the audit log keep it.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*(?:Z|[+-]\d\d:\d\d)")

#: What was done, by the action of the audit log. An action that is not here is shown as it is.
ACTIONS = {
    "read": _("Personal data read"),
    "sign_in": _("Signed in"),
    "sign_in.refused": _("Sign-in refused"),
    "sign_out": _("Signed out"),
    "account.create": _("Account made"),
    "account.invite": _("Invitation made"),
    "account.grant": _("Role given"),
    "account.revoke": _("Role taken away"),
    "account.disable": _("Account closed"),
    "account.enable": _("Account opened"),
    "account.describe": _("Name or language changed"),
    "account.set_password": _("Password set"),
    "account.set_up_second_factor": _("Second factor set up"),
    "account.reset_second_factor": _("Second factor reset"),
    "account.renew_recovery_codes": _("New recovery codes"),
    "account.use_recovery_code": _("Recovery code used"),
    "account.add_passkey": _("Passkey added"),
    "account.remove_passkey": _("Passkey removed"),
    "account.link_provider": _("Linked to the organisation's sign-in"),
    "account.end_sessions": _("Sessions ended"),
    "api_key.add": _("API key made"),
    "api_key.rotate": _("New secret of an API key"),
    "api_key.revoke": _("API key revoked"),
    "screening_asked": _("Screening asked for"),
    "screened": _("List screened"),
    "screening_cancelled": _("Screening cancelled"),
    "list_brought": _("List brought"),
    "list_forgotten": _("List and result removed"),
    "list_handed": _("List handed over"),
    "list_withdrawn": _("List taken back"),
    "downloaded": _("File fetched"),
    "review_decided": _("Rows to review decided"),
    "review_carried_over": _("Decisions carried over"),
    "uploaded": _("File brought"),
    "upload removed": _("Brought file removed"),
    "import asked for": _("Import asked for"),
    "documents.bring": _("Documents brought by the API"),
    "catalogue.add": _("Added to the catalogue"),
    "catalogue.change": _("Catalogue changed"),
    "form.add": _("Subscription form opened"),
    "form.close": _("Subscription form closed"),
    "policy_set": _("Policy switch decided"),
    "merged": _("People merged"),
    "contacts.erase": _("Person erased"),
    "contacts.refuse_erasure": _("Erasure refused"),
    "contacts.extend_erasure": _("Time to answer a request to be erased extended"),
    "contacts.erase_listed": _("List of people to erase made"),
    "prohibitions.lift": _("Bans lifted"),
    "link_mailed": _("Person's link mailed"),
    "proposal_accepted": _("Proposal accepted"),
    "proposal_rejected": _("Proposal rejected"),
    "exported": _("Export run"),
    "acknowledged": _("Export acknowledged"),
    "export schedule created": _("Export made"),
    "export schedule changed": _("Export changed"),
    "export schedule paused": _("Export stopped"),
    "export schedule resumed": _("Export started again"),
    "link_key_rotated": _("New key of links"),
    "link_key_distrusted": _("Key of links distrusted"),
    "standing.rebuilt": _("Standing rebuilt"),
    "restored": _("Backup restored"),
    "recovered": _("Register recovered"),
    "senders.add": _("Sending service connected"),
    "senders.replace_secrets": _("New secret of a sending service"),
    "senders.disable": _("Sending service disabled"),
    "senders.enable": _("Sending service enabled"),
    "senders.remove": _("Sending service removed"),
    "webhooks.add": _("Webhook added"),
    "webhooks.change": _("Webhook changed"),
    "webhooks.rotate": _("New secret of a webhook"),
    "webhooks.replay": _("Webhook told again"),
    "webhooks.enable": _("Webhook enabled"),
    "webhooks.disable": _("Webhook disabled"),
    "webhooks.remove": _("Webhook removed"),
    "account.end_session": _("Session ended"),
    "approval.ask": _("A second person asked"),
    "approval.accept": _("Accepted by a second person"),
    "approval.refuse": _("Refused by a second person"),
}


def action_name(action: str) -> str:
    """What an action of the audit log is called."""
    return str(ACTIONS.get(action, action))


def detail_name(name: str) -> str:
    """What a part of an entry's detail is called."""
    return str(DETAILS.get(name, name))


def detail_told(value: object) -> str:
    """A part of an entry's detail as people write it: moments by the clock here, lists with commas between."""
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, str):
        return _moment_told(value) if _MOMENT.fullmatch(value) else value
    if isinstance(value, list) and all(isinstance(one, str | int) for one in value):
        return ", ".join(map(detail_told, value))
    return str(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)


def _moment_told(text: str) -> str:
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def method_name(method: str) -> str:
    """How somebody signed in."""
    words = {
        "password+totp": gettext("password and code"),
        "password+recovery": gettext("password and recovery code"),
        "invitation+totp": gettext("invitation and code"),
        "passkey": gettext("passkey"),
        "oidc+totp": gettext("your organisation's sign-in and code"),
    }
    return str(words.get(method, method))
