"""What people write when they want to be left alone, what they write when they do not, and where their words end."""

from __future__ import annotations

import time

import pytest

from consentmgr.replies.first_text import MOST_NEW_TEXT, first_new_text
from consentmgr.replies.leave_words import find_leave_words

ASKING = [
    ("fi", "Poista minut postituslistalta"),
    ("fi", "Poistakaa minut listaltanne, kiitos."),
    ("fi", "Hei! Poistakaa ystävällisesti sähköpostiosoitteeni listalta. T. Aino"),
    ("fi", "Voisitteko poistaa minut tältä listalta?"),
    ("fi", "Pyydän poistamaan osoitteeni rekisteristänne"),
    ("fi", "Haluan pois postituslistalta"),
    ("fi", "Haluan poistua listalta."),
    ("fi", "Peruuttakaa tilaus"),
    ("fi", "peruutan uutiskirjeen? Siis peruuttakaa uutiskirje."),
    ("fi", "Haluaisin perua uutiskirjeen"),
    ("fi", "Lopettakaa mainosten lähettäminen"),
    ("fi", "Lopettakaa tämä spämmääminen"),
    ("fi", "Älkää lähettäkö enää mitään"),
    ("fi", "Alkaa lahettako enaa naita"),
    ("fi", "Älä lähetä enää."),
    ("fi", "En halua enää teidän uutiskirjeitänne."),
    ("fi", "En halua saada mainospostia"),
    ("fi", "Kiellän suoramarkkinoinnin."),
    ("fi", "Kiellän teitä lähettämästä minulle mitään"),
    ("fi", "En ole tilannut tätä, poistakaa minut listalta"),
    ("fi", "LOPETA"),
    ("fi", "Poista!"),
    ("sv", "Ta bort mig från listan"),
    ("sv", "Ta bort mig från er e-postlista, tack!"),
    ("sv", "Var vänlig och ta bort min adress"),
    ("sv", "Kan ni ta bort mig från utskicken?"),
    ("sv", "Avregistrera"),
    ("sv", "Avregistrera mig tack"),
    ("sv", "Jag vill avregistrera mig"),
    ("sv", "Vänligen avsluta min prenumeration"),
    ("sv", "Avprenumerera mig från nyhetsbrevet."),
    ("sv", "Jag vill inte längre ha era nyhetsbrev"),
    ("sv", "Jag vill inte få reklam"),
    ("sv", "Sluta skicka mejl till mig"),
    ("sv", "Skicka inte mer, tack"),
    ("sv", "Stryk mig från listan"),
    ("sv", "Jag undanber mig fler utskick."),
    ("sv", "STOPP"),
    ("en", "unsubscribe"),
    ("en", "Please unsubscribe me from this list"),
    ("en", "please remove me"),
    ("en", "Hi, could you please remove me from your mailing list? Thanks"),
    ("en", "STOP"),
    ("en", "Stop."),
    ("en", "Take me off this list"),
    ("en", "I want to unsubscribe"),
    ("en", "How do I unsubscribe?"),
    ("en", "I would like to be removed"),
    ("en", "Stop sending me emails"),
    ("en", "Please don't send me any more newsletters"),
    ("en", "I don’t want to receive your marketing"),
    ("en", "I no longer wish to receive these messages"),
    ("en", "I have not ordered this, remove me from the list"),
    ("en", "Cancel my subscription"),
    ("en", "Opt me out"),
    ("en", "No more emails!"),
]

SAYING_SOMETHING_ELSE = [
    "Älkää poistako minua listalta",
    "Ålkaa poistako minua",
    "Älkää missään tapauksessa poistako osoitettani",
    "En halua että poistatte minut",
    "En halua perua tilausta",
    "Älkää lopettako uutiskirjettä!",
    "Miksi poistitte minut listalta?",
    "Kiitos hienosta uutiskirjeestä!",
    "Montako paikkaa kurssilla on jäljellä?",
    "Ta inte bort mig",
    "Avregistrera mig inte",
    "Jag vill inte avregistrera mig",
    "Jag vill inte att ni tar bort mig",
    "Varför har ni tagit bort mig?",
    "Sluta inte skicka nyhetsbrevet",
    "Tack för brevet, det var trevligt.",
    "do not remove me",
    "Please do not remove me from the list",
    "Don't, please, remove me",
    "please don't unsubscribe me",
    "I don't want to unsubscribe",
    "I do not want to be removed",
    "Never stop sending these",
    "Why did you unsubscribe me?",
    "To unsubscribe click here",
    "You can unsubscribe at any time by pressing the link below",
    "The bus stop is in front of the house",
    "Please stop by our office",
    "We removed the old model from our range",
    "I want to hear more about your course",
    "",
    "\n\n  \n",
]


@pytest.mark.parametrize(("language", "words"), ASKING)
def test_words_that_ask_to_leave_are_found_in_their_language(language: str, words: str) -> None:
    found = find_leave_words(words)
    assert found is not None
    assert found.language == language


@pytest.mark.parametrize("words", SAYING_SOMETHING_ELSE)
def test_words_that_ask_for_something_else_or_the_opposite_are_not(words: str) -> None:
    assert find_leave_words(words) is None


@pytest.mark.parametrize(
    "words", ["Poistakaa kaikki tietoni", "Radera mina uppgifter", "Unsubscribe me. Delete all my data, please."]
)
def test_asking_to_be_erased_is_told_apart_from_leaving(words: str) -> None:
    found = find_leave_words(words)
    assert found is not None
    assert found.wish == "erase"


def test_the_words_kept_are_the_persons_own_and_short() -> None:
    found = find_leave_words("Hei vaan. " + "Poistakaa minut listalta " + "heti " * 200)
    assert found is not None
    assert found.words.startswith("Poistakaa minut listalta")
    assert len(found.words) <= 200


QUOTED = {
    "english": "On Tue, 3 Nov 2026 at 10:12, Acme Oy <news@acme.example> wrote:",
    "english over two lines": "On Tue, 3 Nov 2026 at 10:12, Acme Oy\n<news@acme.example> wrote:",
    "finnish": "ti 3. marrask. 2026 klo 10.12 Acme Oy (news@acme.example) kirjoitti:",
    "swedish": "Den tis 3 nov. 2026 kl 10:12 skrev Acme Oy <news@acme.example>:",
    "outlook": "________________________________\nFrom: Acme Oy <news@acme.example>\nSent: Tuesday",
    "outlook in finnish": "Lähettäjä: Acme Oy <news@acme.example>\nLähetetty: tiistai 3. marraskuuta 2026",
    "outlook in swedish": "Från: Acme Oy <news@acme.example>\nSkickat: den 3 november 2026",
    "separator": "-----Alkuperäinen viesti-----",
    "separator in swedish": "----- Ursprungligt meddelande -----",
    "marks": "> Acme Oy",
    "signature": "-- ",
    "telephone": "Lähetetty iPhonesta",
    "telephone in swedish": "Skickat från min iPhone",
}


@pytest.mark.parametrize("form", QUOTED)
def test_what_is_quoted_or_signed_does_not_speak_for_the_person(form: str) -> None:
    text = f"Kiitos, mielenkiintoista!\n\n{QUOTED[form]}\nPoista minut postituslistalta\n> unsubscribe\n"
    assert first_new_text(text) == "Kiitos, mielenkiintoista!"


def test_words_below_the_quotation_count_where_nothing_stands_above_it() -> None:
    text = f"{QUOTED['english']}\n> Our news\n> Unsubscribe\n\nplease remove me\n"
    assert first_new_text(text) == "please remove me"


def test_a_sentence_about_writing_is_no_quotation() -> None:
    text = "Jag skrev till er förra veckan\nTa bort mig från listan"
    assert first_new_text(text) == text


def test_hostile_text_is_looked_at_in_no_time() -> None:
    started = time.perf_counter()
    for piece in (
        "on " * 40_000,
        "skrev " * 20_000,
        "poista nyt " * 10_000,
        "don't " * 20_000,
        ",;" * 50_000,
        "a>" * 50_000,
    ):
        kept = first_new_text(piece.replace(";", "\n", 150))
        assert len(kept) <= MOST_NEW_TEXT
        find_leave_words(piece)
    assert time.perf_counter() - started < 5
