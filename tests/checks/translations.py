"""Holds the three languages complete; ``--compile`` writes the catalogues' machine form.

The English texts in templates and code are the keys. Finnish and Swedish must have each of them, no more, with the
same placeholders, and the compiled catalogue beside each must be of this text. Every reason code has a sentence in
all three.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from consentmgr.config import LANGUAGES as REASON_LANGUAGES
from consentmgr.vocabulary.reason_codes import BY_CODE

TOP = Path(__file__).resolve().parents[2]
CATALOGUES = TOP / "consentmgr" / "translations"
LANGUAGES = ("fi", "sv")
METHODS = [("consentmgr/**.py", "python"), ("templates/**.html", "jinja2")]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|{\w+}")


def faults(*, compile_them: bool = False) -> list[str]:
    """What is missing, too much or stale; empty when all is well."""
    return [*_catalogue_faults(compile_them), *_reason_faults()]


def _catalogue_faults(compile_them: bool) -> list[str]:
    wanted = {message for _, _, message, _, _ in extract_from_dir(TOP, METHODS, directory_filter=_ours)}
    found = []
    for language in LANGUAGES:
        source = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
        with source.open("rb") as file:
            catalogue = read_po(file, locale=language)
        texts = {message.id: message.string for message in catalogue if message.id}
        found += [f"{source}: no translation of {text!r}" for text in sorted(wanted - texts.keys(), key=str)]
        found += [f"{source}: {text!r} is used nowhere" for text in sorted(texts.keys() - wanted, key=str)]
        for text, translated in texts.items():
            if not translated or set(PLACEHOLDER.findall(str(text))) != set(PLACEHOLDER.findall(str(translated))):
                found.append(f"{source}: {text!r} is empty or has other placeholders")
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        target = source.with_suffix(".mo")
        if compile_them:
            target.write_bytes(compiled.getvalue())
        elif not target.exists() or target.read_bytes() != compiled.getvalue():
            found.append(f"{target}: not made from the text beside it; run make translations")
    return found


def _ours(folder: str) -> bool:
    return not Path(folder).name.startswith((".", "_"))


def _reason_faults() -> list[str]:
    """Each reason code has its own sentence in each language, with the same placeholders, and a citation."""
    found = []
    for code, reason in BY_CODE.items():
        sentences = {language: reason.text(language).strip() for language in REASON_LANGUAGES}
        found += [f"{code}: no sentence in {language}" for language, text in sentences.items() if not text]
        if len(set(sentences.values())) < len(sentences):
            found.append(f"{code}: the same sentence in two languages")
        if len({frozenset(PLACEHOLDER.findall(text)) for text in sentences.values()}) > 1:
            found.append(f"{code}: other placeholders in one language than in another")
        found += [f"{code}: no citation in {language}" for language in REASON_LANGUAGES if not reason.law(language)]
    return found


if __name__ == "__main__":
    complaints = faults(compile_them="--compile" in sys.argv[1:])
    sys.stdout.write("".join(f"{complaint}\n" for complaint in complaints) or "translations: complete\n")
    sys.exit(bool(complaints))
