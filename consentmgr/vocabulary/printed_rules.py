"""The rule pack as a document (``docs/rules.md``) and as JSON: what ``consentmgr rules show`` prints. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from consentmgr.vocabulary.citations import SOURCES
from consentmgr.vocabulary.codes import LANGUAGES, Language
from consentmgr.vocabulary.policy import POLICY, PolicyRow, plain_value, shown_value
from consentmgr.vocabulary.policy_words import SETTING_WORDS
from consentmgr.vocabulary.policy_words.values import allowed_values, setting_value
from consentmgr.vocabulary.reason_codes import (
    CONFIDENCE_NAMES,
    KIND_NAMES,
    LEGAL_BASIS_OF_GROUND,
    REASON_CODES,
    RULE_PACK_VERSION,
    STAGES,
    legal_basis_text,
)
from consentmgr.vocabulary.reasons.reason_code import ReasonCode

_LANGUAGE_NAMES: Final[Mapping[Language, str]] = {"en": "English", "fi": "suomi", "sv": "svenska"}
_PRINTED_LANGUAGES: Final[tuple[Language, ...]] = ("en", "fi", "sv")

_WORDS: Final[Mapping[str, Mapping[Language, str]]] = {
    "title": {
        "en": "Rules, rule pack {version}",
        "fi": "Säännöt, sääntöpaketti {version}",
        "sv": "Regler, regelpaket {version}",
    },
    "printed": {
        "en": "Printed from the code by `consentmgr rules show`; change the code, not this text. A cautious reading of "
        "Finnish and EU law, made for software. It is not legal advice.",
        "fi": "Tulostettu ohjelmasta komennolla `consentmgr rules show`; muuta ohjelmaa, älä tätä tekstiä. Varovainen "
        "tulkinta Suomen ja EU:n oikeudesta ohjelmistoa varten. Tämä ei ole oikeudellinen neuvo.",
        "sv": "Utskriven ur programmet med `consentmgr rules show`; ändra programmet, inte denna text. En försiktig "
        "tolkning av finsk rätt och EU-rätt, gjord för programvara. Detta är inte juridisk rådgivning.",
    },
    "how": {
        "en": "How an answer comes about",
        "fi": "Miten vastaus syntyy",
        "sv": "Hur ett svar uppstår",
    },
    "order": {
        "en": "Every row of a list gets a verdict: allow, review or block. The rules below are asked in nine stages, in "
        "this order, and every stage is asked of every row unless a rule says otherwise. A stop blocks or asks for "
        "review. A ground allows, or asks for review where a person must agree.\n\n"
        "- The verdict is **block** if a stop blocks or no ground holds; otherwise **review** if a stop or the ground "
        "asks for it; otherwise **allow**.\n"
        "- The headline reason is the first stop in order; where nothing stops, the ground. Every reason that holds is "
        "kept beside it.\n"
        "- Where the first stop only asks for review and a later one blocks, the explanation gives both.\n"
        "- A review is decided by a named person, for that row and that campaign. The decision is kept, and overturns "
        "no block.\n"
        "- Marketing looks for its ground in this order: a valid consent, the customer exception, telephone or post, "
        "the duties a person has in an organisation. The first that holds is the ground; if none does, one code says "
        "which came nearest.\n"
        "- What is unknown is not allowed. All is asked again at sending.",
        "fi": "Jokainen listan rivi saa ratkaisun: sallittu, tarkistettava tai estetty. Alla olevat säännöt käydään läpi "
        "yhdeksässä vaiheessa tässä järjestyksessä, ja jokainen vaihe koskee jokaista riviä, ellei säännössä toisin "
        "sanota. Este estää tai vaatii tarkistuksen. Peruste sallii tai vaatii tarkistuksen silloin, kun ihmisen on "
        "hyväksyttävä se.\n\n"
        "- Ratkaisu on **estetty**, jos jokin este estää tai mikään peruste ei täyty; muuten **tarkistettava**, jos este "
        "tai peruste sitä vaatii; muuten **sallittu**.\n"
        "- Pääsyy on järjestyksessä ensimmäinen este tai, jos estettä ei ole, peruste. Kaikki täyttyneet syyt "
        "säilytetään sen rinnalla.\n"
        "- Jos ensimmäinen este vaatii vain tarkistuksen ja myöhempi estää, selitys kertoo molemmat.\n"
        "- Tarkistettavan rivin ratkaisee nimetty henkilö kyseistä riviä ja kampanjaa varten. Päätös säilytetään, eikä "
        "se kumoa mitään estoa.\n"
        "- Markkinoinnin perustetta haetaan tässä järjestyksessä: voimassa oleva suostumus, asiakaspoikkeus, puhelin "
        "tai posti, henkilön tehtävät organisaatiossa. Ensimmäinen täyttyvä on peruste; jos mikään ei täyty, yksi koodi "
        "kertoo, mikä oli lähimpänä.\n"
        "- Mitä ei tiedetä, se ei ole sallittua. Kaikki tarkistetaan uudelleen lähetettäessä.",
        "sv": "Varje rad i en lista får ett utslag: tillåten, ska granskas eller spärrad. Reglerna nedan prövas i nio "
        "steg i denna ordning, och varje steg gäller varje rad om inte en regel säger annat. Ett hinder spärrar eller "
        "kräver granskning. En grund tillåter, eller kräver granskning där en människa måste godkänna.\n\n"
        "- Utslaget är **spärrad** om ett hinder spärrar eller ingen grund gäller; annars **ska granskas** om ett "
        "hinder eller grunden kräver det; annars **tillåten**.\n"
        "- Huvudskälet är det första hindret i ordningen eller, om inget hindrar, grunden. Alla skäl som gäller sparas "
        "bredvid det.\n"
        "- Om det första hindret bara kräver granskning och ett senare spärrar, ger förklaringen båda.\n"
        "- En rad som ska granskas avgörs av en namngiven person, för den raden och den kampanjen. Beslutet sparas och "
        "upphäver ingen spärr.\n"
        "- Marknadsföringens grund söks i denna ordning: giltigt samtycke, kundundantaget, telefon eller post, "
        "personens uppgifter i en organisation. Den första som gäller är grunden; om ingen gäller säger en kod vilken "
        "som var närmast.\n"
        "- Det som inte är känt är inte tillåtet. Allt prövas på nytt vid utskicket.",
    },
    "stage": {"en": "Stage", "fi": "Vaihe", "sv": "Steg"},
    "weight": {"en": "Weight", "fi": "Vaikutus", "sv": "Verkan"},
    "confidence": {"en": "How sure", "fi": "Varmuus", "sv": "Säkerhet"},
    "reviews": {"en": "the reviews", "fi": "tarkistettavat", "sv": "granskningarna"},
    "when": {"en": "When", "fi": "Milloin", "sv": "När"},
    "basis": {"en": "Legal basis", "fi": "Käsittelyn oikeusperuste", "sv": "Rättslig grund"},
    "sentence": {"en": "Sentence", "fi": "Lause", "sv": "Mening"},
    "policy": {"en": "Policy", "fi": "Linjaukset", "sv": "Policy"},
    "switches": {"en": "Policy switches", "fi": "Linjausvalinnat", "sv": "Policyval"},
    "switches_why": {
        "en": "Where law is silent or at odds, a switch decides, and its default is the cautious choice. `block`, "
        "`review` and `allow` are the weight with which the code fires (`allow`: not at all; for a ground, its own "
        "weight). `strict` blocks and `b2b` passes. `consentmgr policy set` changes a value, with a reason that is "
        "kept; reports and certificates print what is in force and mark what is looser than default.",
        "fi": "Missä laki vaikenee tai on ristiriitainen, ratkaisee linjaus, jonka oletus on varovainen. `block`, `review` "
        "ja `allow` kertovat, millä painolla koodi vaikuttaa (`allow`: ei lainkaan; perusteella sen oma paino). "
        "`strict` estää ja `b2b` päästää läpi. `consentmgr policy set` muuttaa arvon, ja syy säilytetään; raportit ja "
        "todistukset tulostavat voimassa olevat arvot ja merkitsevät oletusta väljemmät.",
        "sv": "Där lagen tiger eller är motstridig avgör ett policyval vars standard är försiktig. `block`, `review` och "
        "`allow` är den verkan koden har (`allow`: ingen alls; för en grund dess egen verkan). `strict` spärrar och "
        "`b2b` släpper igenom. `consentmgr policy set` ändrar ett värde, och skälet sparas; rapporter och intyg skriver "
        "ut det som gäller och märker det som är lösare än standard.",
    },
    "limits": {"en": "Limits", "fi": "Rajat", "sv": "Gränser"},
    "sources": {"en": "Sources", "fi": "Lähteet", "sv": "Källor"},
    "lists": {"en": "Lists", "fi": "Luettelot", "sv": "Förteckningar"},
    "name": {"en": "Name", "fi": "Nimi", "sv": "Namn"},
    "default": {"en": "Default", "fi": "Oletus", "sv": "Standard"},
    "allowed": {"en": "May be", "fi": "Sallitut arvot", "sv": "Tillåtna värden"},
    "changes": {"en": "What it decides", "fi": "Mitä ratkaisee", "sv": "Vad det avgör"},
    "why": {"en": "Why it is open", "fi": "Miksi avoin", "sv": "Varför öppet"},
    "codes": {"en": "Codes", "fi": "Koodit", "sv": "Koder"},
}  # fmt: skip


def rules_document(language: Language = "en") -> str:
    """The whole rule pack in Markdown: in English with every sentence in three languages, or with headings, sentences
    and citations in ``language`` alone.
    """
    return "\n".join(_lines(language)) + "\n"


def _lines(language: Language) -> Iterator[str]:
    def word(key: str) -> str:
        return _WORDS[key][language]

    yield f"# {word('title').format(version=RULE_PACK_VERSION)}"
    yield ""
    yield word("printed")
    yield ""
    yield f"## {word('how')}"
    yield ""
    yield word("order")
    yield ""
    for stage, names in STAGES.items():
        rows = [row for row in REASON_CODES if row.stage == stage]
        yield f"## {stage}. {names[language]}" if stage <= 9 else f"## {names[language]}"
        yield ""
        for row in rows:
            yield from _code_lines(row, language)
    yield f"## {word('switches')}"
    yield ""
    yield word("switches_why")
    yield ""
    yield from _policy_table([row for row in POLICY if row.kind in ("switch", "date")], language)
    yield f"## {word('limits')}"
    yield ""
    yield from _policy_table([row for row in POLICY if row.kind in ("limit", "hours")], language)
    yield f"## {word('lists')}"
    for policy in POLICY:
        if policy.kind in ("list", "countries"):
            yield ""
            codes = ", ".join(f"`{code}`" for code in policy.codes)
            words = SETTING_WORDS[policy.name]
            yield f"**`{policy.name}`** ({codes}): {words.decides[language]}. {words.why[language]}"
            yield ""
            items = (" ".join(pair) for pair in policy.default) if policy.kind == "countries" else policy.default
            yield ", ".join(f"`{item}`" for item in items)
    yield ""
    yield f"## {word('sources')}"
    yield ""
    for source in SOURCES.values():
        if source.link:
            yield f"- {source.name(language)}: <{source.link}>"


def _code_lines(row: ReasonCode, language: Language) -> Iterator[str]:
    def word(key: str) -> str:
        return _WORDS[key][language]

    yield f"### `{row.code}`"
    yield ""
    yield f"- {word('weight')}: {KIND_NAMES[row.kind][language]}"
    yield f"- {word('when')}: {row.when(language)}"
    for each in _PRINTED_LANGUAGES if language == "en" else (language,):
        label = _LANGUAGE_NAMES[each] if language == "en" else word("sentence")
        yield f"- {label}: {row.text(each).removesuffix('.')} ({row.law(each)})."
    if row.kind == "ground":
        yield f"- {word('basis')}: {legal_basis_text(row.code, language)}"
    yield f"- {word('confidence')}: {_confidence(row, language)}"
    switches = [policy.name for policy in POLICY if row.code in policy.codes]
    if switches:
        yield f"- {word('policy')}: {', '.join(f'`{name}`' for name in switches)}"
    yield ""


def _confidence(row: ReasonCode, language: Language) -> str:
    text = ", ".join(CONFIDENCE_NAMES[mark][language] for mark in row.confidence)
    if row.review_confidence:
        reviews = ", ".join(CONFIDENCE_NAMES[mark][language] for mark in row.review_confidence)
        text += f"; {_WORDS['reviews'][language]}: {reviews}"
    return text


def _policy_table(rows: list[PolicyRow], language: Language) -> Iterator[str]:
    heads = [_WORDS[key][language] for key in ("name", "default", "allowed", "changes", "why", "codes")]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        # The value of a switch, and a day, stand as they are typed; numbers and hours as they are read.
        typed = row.kind in ("switch", "date")
        default = shown_value(row.default) if typed else setting_value(row, row.default, language)
        words = SETTING_WORDS[row.name]
        codes = " ".join(f"`{code}`" for code in row.codes)
        told = (allowed_values(row, language), words.decides[language], words.why[language])
        cells = [f"`{row.name}`", default, *told, codes]
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    yield ""


def rules_as_json() -> dict[str, Any]:
    """The whole rule pack as JSON values: version, stages, codes in evaluation order, policy rows."""
    return {
        "rule_pack": RULE_PACK_VERSION,
        "stages": {str(stage): dict(names) for stage, names in STAGES.items()},
        "codes": [_code_as_json(row) for row in REASON_CODES],
        "policy": [
            {
                "name": row.name,
                "kind": row.kind,
                "default": plain_value(row.default),
                "allowed": list(row.values) or row.allowed,
                "unit": row.unit or None,
                "changes": SETTING_WORDS[row.name].decides["en"],
                "why": SETTING_WORDS[row.name].why["en"],
                "name_in": dict(SETTING_WORDS[row.name].name),
                "changes_in": dict(SETTING_WORDS[row.name].decides),
                "why_in": dict(SETTING_WORDS[row.name].why),
                "codes": list(row.codes),
            }
            for row in POLICY
        ],
    }


def _code_as_json(row: ReasonCode) -> dict[str, Any]:
    return {
        "code": row.code,
        "stage": row.stage,
        "kind": row.kind,
        "confidence": list(row.confidence),
        "review_confidence": list(row.review_confidence),
        "citation": row.citation,
        "law": {language: row.law(language) for language in LANGUAGES},
        "when": row.when("en"),
        "when_in": {language: row.when(language) for language in LANGUAGES},
        "sentence": {language: row.text(language) for language in LANGUAGES},
        "legal_basis": LEGAL_BASIS_OF_GROUND.get(row.code),
        "policy": [policy.name for policy in POLICY if row.code in policy.codes],
        "since": row.since,
    }
