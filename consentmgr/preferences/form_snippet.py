"""A subscription form as HTML to put into a page of one's own. It needs no script."""

from __future__ import annotations

from html import escape

from consentmgr.config import Language
from consentmgr.preferences.subscription_forms import ShownForm

#: The words of the snippet: what to choose, the address, the button.
_WORDS: dict[Language, tuple[str, str, str]] = {
    "fi": ("Mitä haluat saada?", "Sähköpostiosoite", "Tilaa"),
    "sv": ("Vad vill du få?", "E-postadress", "Prenumerera"),
    "en": ("What would you like to get?", "E-mail address", "Subscribe"),
}


def html_snippet(form: ShownForm, language: Language, address: str) -> str:
    """A plain form of HTML in this language; ``address`` is where the hosted form is."""
    what, where, button = _WORDS[language]
    lines = [
        f'<form method="post" action="{escape(address)}?lang={language}" lang="{language}">',
        f'  <input type="hidden" name="notice" value="{escape(form.notice.ref)}">',
    ]
    if form.offers_choice:
        lines.append(f"  <fieldset>\n    <legend>{what}</legend>")
        lines += [
            f'    <p><label><input type="checkbox" name="topic" value="{escape(topic.key)}">'
            f" {escape(topic.name)}</label></p>"
            for topic in form.topics
        ]
        lines.append("  </fieldset>")
    lines += [
        f'  <p><label>{where}<br><input type="email" name="email" autocomplete="email" required></label></p>',
        f'  <p lang="{form.notice.language}">{escape(form.notice.words)}</p>',
        f"  <p><button>{button}</button></p>",
        "</form>",
    ]
    return "\n".join(lines) + "\n"
