"""What an assistant is told: a short sentence, and the same as data. Whatever is not plainly allowed is *do not contact*.

An assistant acts on what it reads, so nothing here may be misread as a yes: the sentence begins with the answer, and an
unknown verdict, a refusal, a fault and a silence of the API are all the same no.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from consentmgr.client import ApiError, AsyncClient, Problem, Verdict

#: What the API calls a campaign that is only asked about.
ASKED: Final = "asked-by-an-assistant"


class MayContact(TypedDict, total=False):
    """The answer as data. ``may_contact`` is True only where the register has said *allow*.

    ``explanation`` is the headline with its law; ``reasons`` are the codes of every rule that fired.
    """

    may_contact: bool
    verdict: str
    sentence: str
    explanation: str | None
    reason: str | None
    reasons: list[str]
    ground: str | None
    legal_basis: str | None
    problem: str | None


class MintedLinks(TypedDict, total=False):
    """The links of one message; ``problem`` says why there are none."""

    minted: bool
    sentence: str
    preference_url: str | None
    one_click_url: str | None
    headers: dict[str, str]
    problem: str | None


async def may_contact(
    register: AsyncClient,
    person: Mapping[str, str | None],
    *,
    campaign: str | None,
    channel: str | None,
    purpose: str | None,
    controller: str | None,
) -> MayContact:
    """Ask the register; never raises."""
    row = {name: value for name, value in person.items() if value}
    if not row:
        return refused("nobody was named: give an e-mail address, a phone number or a ref")
    if campaign:
        asked: str | dict[str, Any] = campaign
    elif channel and purpose:
        document = {"key": ASKED, "channel": channel, "purpose": purpose, "controller": controller}
        asked = {name: value for name, value in document.items() if value}
    else:
        return refused("give a campaign, or a channel and a purpose")
    try:
        return told(await register.check(asked, row, language="en"))
    except ApiError as error:
        return refused(_said(error))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the answer is no
        return refused(type(error).__name__)


def told(verdict: Verdict) -> MayContact:
    """A verdict as an assistant reads it."""
    if verdict.allowed:
        beginning = "May contact: yes."
    elif verdict.verdict == "review":
        beginning = "Do not contact before a person has decided."
    else:
        beginning = "Do not contact."
    return {
        "may_contact": verdict.allowed,
        "verdict": verdict.verdict,
        "sentence": f"{beginning} {verdict.explanation}".strip(),
        "explanation": verdict.explanation,
        "reason": verdict.reason,
        "reasons": list(verdict.reasons),
        "ground": verdict.ground,
        "legal_basis": verdict.legal_basis,
        "problem": None,
    }


def refused(problem: str) -> MayContact:
    """No answer could be had, and so the answer is no."""
    return {
        "may_contact": False,
        "verdict": "unknown",
        "sentence": f"Do not contact: the register could not answer ({problem}).",
        "explanation": None,
        "reason": None,
        "reasons": [],
        "ground": None,
        "legal_basis": None,
        "problem": problem,
    }


async def mint_link(register: AsyncClient, ref: str, campaign: str) -> MintedLinks:
    """The links of one message to a person; never raises."""
    try:
        (found,) = await register.mint_links(campaign, [{"ref": ref}])
    except ApiError as error:
        return _no_links(_said(error))
    except Exception as error:  # noqa: BLE001 - an assistant is told that there are none, whatever the reason
        return _no_links(type(error).__name__)
    if found.status != "minted":
        return _no_links("; ".join(one.detail for one in found.errors) or "refused")
    return {
        "minted": True,
        "sentence": "The links are below. Minting them allows nothing: ask may_contact before anything is sent.",
        "preference_url": found.preference_url,
        "one_click_url": found.one_click_url,
        "headers": found.headers,
        "problem": None,
    }


def _no_links(problem: str) -> MintedLinks:
    return {
        "minted": False,
        "sentence": f"There are no links ({problem}).",
        "preference_url": None,
        "one_click_url": None,
        "headers": {},
        "problem": problem,
    }


def _said(error: ApiError) -> str:
    """What the API said, which holds nothing personal; of other faults only that they happened."""
    if isinstance(error, Problem) and error.errors:
        return "; ".join(str(one.get("detail", "")) for one in error.errors)
    return str(error)
