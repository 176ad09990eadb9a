"""Every mail the product sends, as a table of words in three languages.

The words are ours alone. A placeholder (``$link``) stands for something the product itself knows: the controller's
name, a link, a day. Nothing a visitor typed ever gets into a mail, so that a form cannot be made to carry somebody's
message to a stranger. There is no template language: placeholders are replaced, and that is all.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from typing import Literal, NamedTuple

from consentmgr.config import LANGUAGES, Language


class Part(NamedTuple):
    """One piece of a mail. A part with a placeholder that has no value is left out.

    ``button`` and ``link`` have in ``url`` the placeholder they lead to; ``small`` is a closing remark.
    """

    kind: Literal["text", "button", "link", "small"]
    words: str
    url: str = ""


class MailWords(NamedTuple):
    """One mail in one language."""

    subject: str
    parts: tuple[Part, ...]


class MailTemplate(NamedTuple):
    """One kind of mail.

    ``completed_by`` is the ``module:function`` that is asked, when the mail is about to be sent, what stands for the
    placeholders (``consentmgr.mail.completing``): links are made then and kept nowhere. A place and not a function,
    because the rooms that know are above this one.
    """

    name: str
    placeholders: frozenset[str]
    completed_by: str
    words: Mapping[Language, MailWords]


def _text(words: str) -> Part:
    return Part("text", words)


def _small(words: str) -> Part:
    return Part("small", words)


CONFIRM = MailTemplate(
    name="confirm_subscription",
    placeholders=frozenset(("controller", "choices", "confirm_url", "last_day")),
    completed_by="consentmgr.preferences.subscribing:complete_confirmation",
    words={
        "fi": MailWords(
            "Vahvista tilauksesi – $controller",
            (
                _text("Sinä tai joku muu on pyytänyt viestejä tähän sähköpostiosoitteeseen. Lähettäjä: $controller."),
                _text("Tilaus: $choices"),
                Part("button", "Tarkista ja vahvista", "$confirm_url"),
                _text("Mitään ei lähetetä, ennen kuin olet vahvistanut tilauksen. Linkki toimii $last_day asti."),
                _small(
                    "Jos et ole pyytänyt tätä, sinun ei tarvitse tehdä mitään. Et saa asiasta muita viestejä, ja pyyntö"
                    " raukeaa."
                ),
            ),
        ),
        "sv": MailWords(
            "Bekräfta din prenumeration – $controller",
            (
                _text(
                    "Du eller någon annan har bett om meddelanden till den här e-postadressen. Avsändare: $controller."
                ),
                _text("Prenumeration: $choices"),
                Part("button", "Granska och bekräfta", "$confirm_url"),
                _text("Ingenting skickas innan du har bekräftat. Länken gäller till och med $last_day."),
                _small(
                    "Om du inte har bett om detta behöver du inte göra någonting. Du får inga fler meddelanden om saken,"
                    " och begäran förfaller."
                ),
            ),
        ),
        "en": MailWords(
            "Confirm your subscription – $controller",
            (
                _text("You or somebody else asked for messages to this e-mail address. Sender: $controller."),
                _text("Subscription: $choices"),
                Part("button", "Review and confirm", "$confirm_url"),
                _text("Nothing is sent before you have confirmed. The link works until $last_day."),
                _small(
                    "If you did not ask for this, there is nothing you need to do. You will get no more mail about it,"
                    " and the request lapses."
                ),
            ),
        ),
    },
)

MY_LINK = MailTemplate(
    name="my_link",
    placeholders=frozenset(("controller", "preference_url", "leave_url")),
    completed_by="consentmgr.preferences.my_link:complete_my_link",
    words={
        "fi": MailWords(
            "Linkki omiin valintoihisi – $controller",
            (
                _text("Pyysit linkin omiin viestivalintoihisi. Lähettäjä: $controller."),
                Part("button", "Avaa omat valinnat", "$preference_url"),
                _text("Jos haluat lopettaa saman tien kaiken lähettäjän suoramarkkinoinnin:"),
                Part("link", "Lopeta kaikki viestit", "$leave_url"),
                _small(
                    "Linkit ovat vain sinua varten, joten älä lähetä tätä viestiä eteenpäin. Jos et ole pyytänyt tätä,"
                    " sinun ei tarvitse tehdä mitään: mikään ei ole muuttunut."
                ),
            ),
        ),
        "sv": MailWords(
            "Länken till dina egna val – $controller",
            (
                _text("Du bad om länken till dina egna val. Avsändare: $controller."),
                Part("button", "Öppna mina val", "$preference_url"),
                _text("Om du genast vill avsluta all direktmarknadsföring från avsändaren:"),
                Part("link", "Avsluta alla meddelanden", "$leave_url"),
                _small(
                    "Länkarna är bara för dig, så skicka inte det här meddelandet vidare. Om du inte har bett om det"
                    " behöver du inte göra någonting: ingenting har ändrats."
                ),
            ),
        ),
        "en": MailWords(
            "The link to your own choices – $controller",
            (
                _text("You asked for the link to your own choices. Sender: $controller."),
                Part("button", "Open my choices", "$preference_url"),
                _text("If you want to stop all direct marketing from the sender at once:"),
                Part("link", "Stop all messages", "$leave_url"),
                _small(
                    "The links are for you alone, so do not pass this message on. If you did not ask for it, there is"
                    " nothing you need to do: nothing has changed."
                ),
            ),
        ),
    },
)

EXPORT_LINK = MailTemplate(
    name="export_link",
    placeholders=frozenset(
        ("controller", "partner", "list", "download_url", "acknowledge_url", "last_day", "downloads")
    ),
    completed_by="consentmgr.exports.destinations.mail_link:complete_export_link",
    words={
        "fi": MailWords(
            "Tiedosto noudettavissa – $controller",
            (
                _text("$controller on tehnyt teille tiedoston ($partner; $list)."),
                Part("button", "Katso ja nouda", "$download_url"),
                _text("Linkki toimii $last_day asti, ja jokaisen tiedoston voi noutaa enintään $downloads kertaa."),
                _text("Kun tiedosto on otettu käyttöön, ilmoittakaa siitä meille:"),
                Part("link", "Kuittaa vastaanotetuksi", "$acknowledge_url"),
                _small(
                    "Tiedostossa on henkilötietoja, ja jokainen, jolla on linkki, voi noutaa sen. Älkää lähettäkö tätä"
                    " viestiä eteenpäin."
                ),
            ),
        ),
        "sv": MailWords(
            "En fil att hämta – $controller",
            (
                _text("$controller har gjort en fil för er ($partner; $list)."),
                Part("button", "Granska och hämta", "$download_url"),
                _text("Länken gäller till och med $last_day, och varje fil kan hämtas högst $downloads gånger."),
                _text("Meddela oss när filen har tagits i bruk:"),
                Part("link", "Kvittera mottagandet", "$acknowledge_url"),
                _small(
                    "Filen innehåller personuppgifter, och var och en som har länken kan hämta den. Skicka inte det här"
                    " meddelandet vidare."
                ),
            ),
        ),
        "en": MailWords(
            "A file is ready for you – $controller",
            (
                _text("$controller has made a file for you ($partner; $list)."),
                Part("button", "See and download", "$download_url"),
                _text("The link works until $last_day, and each file can be downloaded at most $downloads times."),
                _text("Tell us when the file has been taken into use:"),
                Part("link", "Acknowledge receipt", "$acknowledge_url"),
                _small(
                    "The file holds personal data, and whoever has the link can download it. Do not pass this message"
                    " on."
                ),
            ),
        ),
    },
)

ALARM = MailTemplate(
    name="alarm",
    placeholders=frozenset(("what", "since")),
    completed_by="consentmgr.exports.alarms:complete_alarm",
    words={
        "fi": MailWords(
            "Hälytys – consentmgr",
            (
                _text("$what"),
                _text("Tilanne on jatkunut $since alkaen."),
                _small("Muistutus lähetetään enintään kerran vuorokaudessa, kunnes asia on korjattu."),
            ),
        ),
        "sv": MailWords(
            "Larm – consentmgr",
            (
                _text("$what"),
                _text("Läget har varat sedan $since."),
                _small("En påminnelse skickas högst en gång per dygn tills saken är åtgärdad."),
            ),
        ),
        "en": MailWords(
            "Alarm – consentmgr",
            (
                _text("$what"),
                _text("It has been so since $since."),
                _small("A reminder comes at most once a day until it is mended."),
            ),
        ),
    },
)

INVITATION = MailTemplate(
    name="staff_invitation",
    placeholders=frozenset(("invitation_url", "last_day")),
    completed_by="consentmgr.staff.invitations:complete_invitation",
    words={
        "fi": MailWords(
            "Käyttäjätunnuksesi – consentmgr",
            (
                _text("Sinulle on avattu käyttäjätunnus suostumusrekisterin työpöydälle, tai salasanasi vaihdetaan."),
                Part("button", "Valitse salasana", "$invitation_url"),
                _text("Linkki toimii yhden kerran, $last_day asti."),
                _small(
                    "Linkki on vain sinua varten, joten älä lähetä tätä viestiä eteenpäin. Jos et odottanut tätä, kerro"
                    " siitä organisaatiosi pääkäyttäjälle."
                ),
            ),
        ),
        "sv": MailWords(
            "Ditt användarkonto – consentmgr",
            (
                _text("Du har fått ett konto till samtyckesregistrets skrivbord, eller så ska ditt lösenord bytas."),
                Part("button", "Välj lösenord", "$invitation_url"),
                _text("Länken fungerar en gång, till och med $last_day."),
                _small(
                    "Länken är bara för dig, så skicka inte det här meddelandet vidare. Om du inte väntade dig detta,"
                    " kontakta din organisations administratör."
                ),
            ),
        ),
        "en": MailWords(
            "Your account – consentmgr",
            (
                _text("You have been given an account at the desk of the consent register, or your password is reset."),
                Part("button", "Choose a password", "$invitation_url"),
                _text("The link works once, until $last_day."),
                _small(
                    "The link is for you alone, so do not pass this message on. If you did not expect it, tell your"
                    " organisation's administrator."
                ),
            ),
        ),
    },
)

#: The line every mail ends with.
CLOSING: Mapping[Language, str] = {
    "fi": "Tämä viesti on lähetetty automaattisesti. Lähettäjä: $controller",
    "sv": "Det här meddelandet har skickats automatiskt. Avsändare: $controller",
    "en": "This message was sent automatically. Sender: $controller",
}

TEMPLATES: tuple[MailTemplate, ...] = (CONFIRM, MY_LINK, EXPORT_LINK, ALARM, INVITATION)


def placeholders_of(words: MailWords) -> frozenset[str]:
    """The placeholders these words use. Raises ``ValueError`` for a ``$`` that begins none."""
    found: set[str] = set()
    for text in (words.subject, *(text for part in words.parts for text in (part.words, part.url))):
        template = Template(text)
        if not template.is_valid():
            raise ValueError(f"a stray $ in the words of a mail: {text!r}")
        found.update(template.get_identifiers())
    return frozenset(found)


def _checked(templates: tuple[MailTemplate, ...]) -> dict[str, MailTemplate]:
    """By name. Raises ``ValueError`` where a language is missing or its placeholders are not those of the row."""
    for template in templates:
        for language in LANGUAGES:
            if placeholders_of(template.words[language]) != template.placeholders:
                raise ValueError(f"the mail {template.name} has other placeholders in {language}")
    return {template.name: template for template in templates}


BY_NAME = _checked(TEMPLATES)
