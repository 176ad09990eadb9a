"""Does a message say and offer what its campaign states? Read from one finished message (RFC 5322). Pure.

What a machine can see it says: headers, the coverage of the DKIM signature (RFC 6376), links, the sender's name, the
words of the law. What it cannot, such as whether a subject is honest, it leaves to a person and says so. Nothing of
the message but the sender's domain is repeated in what is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import Final, Literal
from urllib.parse import urlsplit

from consentmgr.kit.errors import BadInput
from consentmgr.screening.message_words import CHECK_NAMES, SENTENCES
from consentmgr.vocabulary.codes import Language
from consentmgr.vocabulary.documents import Campaign
from consentmgr.vocabulary.reason_codes import BY_CODE

State = Literal["ok", "failed", "unknown"]

#: A message larger than this is refused: an example needs no attachments.
LARGEST_MESSAGE: Final = 10_000_000
_ONE_CLICK: Final = "List-Unsubscribe=One-Click"
_MOST_TEXT: Final = 2_000_000

_PLACEHOLDER: Final = re.compile(
    r"\{\{|\}\}|\{%|\*\||\|\*|%%|\[\[|<%|\$\{|#\{|(?<![\w/])cm_(?:one_click|preference)_url"
)
_REFUSING: Final = re.compile(
    r"unsubscrib|opt[ -]?out|stop receiving|preferences|no longer (?:wish|want)"
    r"|peruuta|peruut\w+|en halua|kiell\w+|kieltää|lopeta tilaus|poistu listalta|tilausaset|viestiaset"
    r"|avregistrer|avsluta|avbeställ|avprenumerer|vill inte|tacka nej|inställningar för utskick",
    re.IGNORECASE,
)
_OBJECTION: Final = re.compile(
    r"right to object|object to (?:direct )?marketing|you (?:may|can) (?:at any time )?(?:object|refuse|forbid)"
    r"|oikeus (?:vastustaa|kieltää)|kieltää (?:suora)?markkinoin|vastustaa (?:suora)?markkinoin|suoramarkkinointikiel"
    r"|rätt att (?:invända|motsätta|förbjuda)|invända mot (?:direkt)?marknadsföring|förbjuda (?:direkt)?marknadsföring"
    r"|motsätta dig",
    re.IGNORECASE,
)
_PRIVACY: Final = re.compile(
    r"privacy|data protection|tietosuoja|rekisteriseloste|dataskydd|integritet|personuppgift", re.IGNORECASE
)
_SOURCE: Final = re.compile(
    r"(?:address|data) source|source of (?:your |the )?(?:address|data|details)|your (?:address|details) (?:was|were) obtained"
    r"|osoitelähde|tietolähde|osoitteesi on saatu|yhteystietosi on (?:saatu|hankittu)|osoite(?:tiedot)? on (?:saatu|hankittu)"
    r"|osoitteet?\s*:\s*\S+|adresskälla|adressuppgifterna|uppgiftskälla|din adress har (?:fåtts|hämtats)"
    r"|uppgifterna (?:har hämtats|kommer) från",
    re.IGNORECASE,
)
_REPLY: Final = re.compile(r"^\s*(?:re|fw|fwd|vs|vl|sv|vb|aw)\s*:", re.IGNORECASE)
_LEAVING_PATHS: Final = ("/u/", "/p/")


@dataclass(frozen=True, slots=True)
class OurLink:
    """What a link of ours says: of which campaign, controller and channel it is."""

    campaign: str | None
    controller: str
    channel: str


#: Opens the token of one of our links, by the path it stands under (``/u/`` or ``/p/``); None where it does not open.
OpenLink = Callable[[str, str], OurLink | None]


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose message it should be: the controller's key, name, and where its privacy notice is, as far as known."""

    key: str
    name: str | None = None
    privacy_url: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, the gate (reason code) it belongs to, how it came out, and a sentence for a person."""

    check: str
    gate: str
    state: State
    sentence: str
    law: str

    def name(self, language: Language) -> str:
        return CHECK_NAMES[self.check][language]


@dataclass(frozen=True, slots=True, repr=False)
class _Body:
    text: str
    links: tuple[tuple[str, str], ...]


class _Telling:
    """Makes findings in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.findings: list[Finding] = []

    def add(self, check: str, gate: str, state: State, sentence: str, **filled: object) -> None:
        told = SENTENCES[sentence][self.language].format(**filled)
        self.findings.append(Finding(check, gate, state, told, BY_CODE[gate].law(self.language)))


def check_message(
    message: bytes,
    campaign: Campaign,
    sender: Sender,
    *,
    public_url: str,
    open_link: OpenLink,
    language: Language,
    is_marketing: bool = True,
) -> list[Finding]:
    """What one finished message of a campaign has and lacks, in the order of the gates.

    ``public_url`` is where our links begin. ``is_marketing``: how the campaign is judged (``Question.is_marketing``); a
    plain service message needs neither a way to refuse nor a source. Raises ``BadInput`` for what is no message.
    """
    if len(message) > LARGEST_MESSAGE:
        raise BadInput(f"the message is larger than {LARGEST_MESSAGE // 1_000_000} MB: take the attachments out")
    parsed = message_from_bytes(message, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    if not parsed.keys() or not any(parsed.get(name) for name in ("From", "Subject", "To", "Date", "MIME-Version")):
        raise BadInput("this is no e-mail message: save one as .eml with its headers")
    body = _body_of(parsed)
    telling = _Telling(language)
    if is_marketing:
        _check_sender(telling, parsed, body, sender)
        _check_subject(telling, parsed)
    _check_recipients(telling, parsed)
    uris = _check_header(telling, parsed, needed=is_marketing)
    if is_marketing:
        _check_dkim(telling, parsed)
        _check_links(telling, body, uris, campaign, sender, public_url, open_link)
        _check_words(telling, body, campaign, sender, public_url)
    return telling.findings


# --- the head ---------------------------------------------------------------------------------------------------------


def _values(message: EmailMessage, name: str) -> list[str]:
    """Every field of this name, unfolded; what cannot be decoded is shown as it stands."""
    found = []
    for value in message.get_all(name, []):
        try:
            found.append(" ".join(str(value).split()))
        except (ValueError, LookupError):
            found.append("")
    return found


def _check_sender(telling: _Telling, message: EmailMessage, body: _Body, sender: Sender) -> None:
    fields = _values(message, "From")
    if not any("@" in address for _, address in getaddresses(fields)):
        telling.add("sender", "CAMPAIGN_NO_SENDER", "failed", "sender_no_from")
    elif not sender.name:
        telling.add("sender", "CAMPAIGN_NO_SENDER", "unknown", "sender_unknown")
    else:
        where = f"{' '.join(fields)} {body.text}".casefold()
        bare = re.sub(r"\b(?:oy|oyj|ab|abp|ry|rf|ltd|plc|osk|ky|tmi)\b\.?", "", sender.name.casefold()).strip(" ,.")
        named = sender.name.casefold() in where or (len(bare) > 2 and re.search(rf"\b{re.escape(bare)}\b", where))
        outcome: tuple[State, str] = ("ok", "sender_ok") if named else ("failed", "sender_missing")
        telling.add("sender", "CAMPAIGN_NO_SENDER", *outcome, name=sender.name)


def _check_subject(telling: _Telling, message: EmailMessage) -> None:
    subject = " ".join(_values(message, "Subject")).strip()
    if not subject:
        telling.add("subject", "CAMPAIGN_DISGUISED", "failed", "subject_missing")
    elif _REPLY.match(subject) and not (message.get("In-Reply-To") or message.get("References")):
        telling.add("subject", "CAMPAIGN_DISGUISED", "failed", "subject_reply")
    else:
        telling.add("subject", "CAMPAIGN_DISGUISED", "unknown", "subject_look")


def _check_recipients(telling: _Telling, message: EmailMessage) -> None:
    fields = [value for name in ("To", "Cc", "Bcc") for value in _values(message, name)]
    count = len({address.casefold() for _, address in getaddresses(fields) if "@" in address})
    if count > 1:
        telling.add("recipients", "CAMPAIGN_EXPOSES_RECIPIENTS", "failed", "recipients_shown", count=count)
    else:
        telling.add("recipients", "CAMPAIGN_EXPOSES_RECIPIENTS", "ok", "recipients_ok")


def _check_header(telling: _Telling, message: EmailMessage, *, needed: bool) -> list[str]:
    """The addresses of List-Unsubscribe (RFC 2369: in angle brackets, commas between)."""
    fields, posts = _values(message, "List-Unsubscribe"), _values(message, "List-Unsubscribe-Post")
    uris = [re.sub(r"\s+", "", uri) for field in fields for uri in re.findall(r"<([^<>]*)>", field)]
    gate = "CAMPAIGN_NO_ONE_CLICK"
    if not needed and not fields:
        telling.add("header", gate, "ok", "header_not_needed")
    elif not fields:
        telling.add("header", gate, "failed", "header_missing")
    elif len(fields) > 1 or len(posts) > 1:
        telling.add("header", gate, "failed", "header_twice")
    elif any(_PLACEHOLDER.search(field) for field in fields):
        telling.add("header", gate, "unknown", "link_placeholder")
    elif not any(uri.lower().startswith("https://") for uri in uris):
        telling.add("header", gate, "failed", "header_no_https")
    elif posts != [_ONE_CLICK]:
        telling.add("header", gate, "failed", "header_no_post")
    else:
        telling.add("header", gate, "ok", "header_ok")
    return uris


def _check_dkim(telling: _Telling, message: EmailMessage) -> None:
    """One signature must cover both fields (RFC 8058, section 4)."""
    wanted = ("list-unsubscribe", "list-unsubscribe-post")
    best: tuple[str, ...] | None = None
    for value in _values(message, "DKIM-Signature"):
        tags = dict(part.strip().split("=", 1) for part in value.split(";") if "=" in part)
        tags = {name.strip(): re.sub(r"\s+", "", text) for name, text in tags.items()}
        covered = {name.lower() for name in tags.get("h", "").split(":")}
        missing = tuple(name for name in wanted if name not in covered)
        if not missing:
            domain = tags.get("d", "")
            telling.add("dkim", "CAMPAIGN_NO_ONE_CLICK", "ok", "dkim_ok", domain=domain if _is_domain(domain) else "?")
            return
        best = missing if best is None or len(missing) < len(best) else best
    if best is None:
        telling.add("dkim", "CAMPAIGN_NO_ONE_CLICK", "unknown", "dkim_unsigned")
    else:
        names = ", ".join("-".join(part.capitalize() for part in name.split("-")) for name in best)
        telling.add("dkim", "CAMPAIGN_NO_ONE_CLICK", "failed", "dkim_uncovered", missing=names)


def _is_domain(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9.-]{1,253}", text) is not None


# --- the text ---------------------------------------------------------------------------------------------------------


def _check_links(
    telling: _Telling,
    body: _Body,
    uris: Sequence[str],
    campaign: Campaign,
    sender: Sender,
    public_url: str,
    open_link: OpenLink,
) -> None:
    gate = "CAMPAIGN_NO_UNSUB"
    candidates = [*uris, *(href for href, _ in body.links)]
    ours = [found for uri in candidates if (found := _our_token(uri, public_url)) is not None]
    opened = [open_link(path, token) for path, token in ours]
    if any(link is None for link in opened):
        telling.add("link", gate, "failed", "link_bad")
    elif any(link is not None and not _is_of(link, campaign, sender) for link in opened):
        telling.add("link", gate, "failed", "link_other")
    elif opened:
        telling.add("link", gate, "ok", "link_ok")
    elif any(_PLACEHOLDER.search(uri) for uri in candidates) or _PLACEHOLDER.search(body.text):
        telling.add("link", gate, "unknown", "link_placeholder")
    elif uris or any(_REFUSING.search(f"{href} {text}") for href, text in body.links):
        telling.add("link", gate, "unknown", "link_foreign")
    else:
        telling.add("link", gate, "failed", "link_none")


def _our_token(uri: str, public_url: str) -> tuple[str, str] | None:
    """The path (``/u/`` or ``/p/``) and token of an address that is one of ours for leaving or choosing."""
    for path in _LEAVING_PATHS:
        if uri.startswith(public_url + path):
            return path, urlsplit(uri).path.rpartition("/")[2]
    return None


def _is_of(link: OurLink, campaign: Campaign, sender: Sender) -> bool:
    same_campaign = link.campaign is None or link.campaign == campaign.key
    return same_campaign and link.controller == sender.key and link.channel == campaign.channel


def _check_words(telling: _Telling, body: _Body, campaign: Campaign, sender: Sender, public_url: str) -> None:
    offered = any(
        _our_token(href, public_url) is not None or _REFUSING.search(f"{href} {text}") for href, text in body.links
    )
    replies = campaign.message.unsubscribe in ("reply", "free_number") and _REFUSING.search(body.text)
    if offered or replies:
        telling.add("refusing", "CAMPAIGN_NO_UNSUB", "ok", "refusing_ok")
    else:
        telling.add("refusing", "CAMPAIGN_NO_UNSUB", "failed", "refusing_missing")
    told = _OBJECTION.search(body.text)
    telling.add(
        "objection", "CAMPAIGN_NO_UNSUB", "ok" if told else "unknown", "objection_ok" if told else "objection_look"
    )
    privacy = any(
        (sender.privacy_url and href.startswith(sender.privacy_url)) or _PRIVACY.search(f"{href} {text}")
        for href, text in body.links
    )
    outcome: tuple[State, str] = ("ok", "privacy_ok") if privacy else ("failed", "privacy_missing")
    telling.add("privacy", "ART14_NOT_INFORMED", *outcome)
    if campaign.list_source not in ("vendor", "population_register"):
        telling.add("source", "CAMPAIGN_NO_SOURCE", "ok", "source_not_needed")
    elif _SOURCE.search(body.text):
        telling.add("source", "CAMPAIGN_NO_SOURCE", "ok", "source_ok")
    else:
        telling.add("source", "CAMPAIGN_NO_SOURCE", "failed", "source_missing")


def _body_of(message: EmailMessage) -> _Body:
    """The words of the text and HTML parts, and their links with the words on them."""
    texts: list[str] = []
    links: list[tuple[str, str]] = []
    for part in message.walk():
        if part.get_content_type() not in ("text/plain", "text/html") or part.is_attachment():
            continue
        text = _text_of(part)[:_MOST_TEXT]
        if part.get_content_type() == "text/html":
            reader = _Reader()
            reader.feed(_readable(text))
            reader.close()
            texts.append(" ".join(reader.words))
            links += [(href.strip(), " ".join(words)) for href, words in reader.links]
        else:
            texts.append(text)
            # In plain text the words before an address, on its line or the one above, say what it is for.
            for found in re.finditer(r"https?://[^\s<>\"]+", text):
                before = text[max(0, found.start() - 160) : found.start()]
                links.append((found.group().rstrip(".,;)"), " ".join(before.splitlines()[-2:])))
    return _Body(" ".join(" ".join(texts).split()), tuple(links))


def _readable(html: str) -> str:
    """The HTML without comments, marked sections and a tag that never ends, as a browser shows it.

    The parser looks for the end of each of these anew to the end of the text, which takes hours where thousands begin
    and none ends.
    """
    shown, place = [], 0
    while (start := html.find("<!--", place)) >= 0:
        shown.append(html[place:start])
        end = html.find("-->", start + 4)
        place = end + 3 if end >= 0 else len(html)
    text = "".join([*shown, html[place:]]).replace("<![", "<")
    unended = text.find("<", text.rfind(">") + 1)
    return text if unended < 0 else text[:unended]


def _text_of(part: EmailMessage) -> str:
    try:
        content = part.get_content()
        return content if isinstance(content, str) else ""
    except (LookupError, ValueError, KeyError, AssertionError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


class _Reader(HTMLParser):
    """The words a person sees, and each link with its words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[tuple[str, list[str]]] = []
        self._hidden = 0
        self._in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag in ("style", "script", "head", "title"):
            self._hidden += 1
        elif tag in ("a", "area") and told.get("href"):
            self.links.append((told["href"] or "", []))
            self._in_link = tag == "a"
        elif tag == "img" and told.get("alt"):
            self.handle_data(told["alt"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script", "head", "title"):
            self._hidden = max(0, self._hidden - 1)
        elif tag == "a":
            self._in_link = False

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        self.words.append(data)
        if self._in_link and self.links:
            self.links[-1][1].append(data)
