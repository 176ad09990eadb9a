"""What the check of a message says, in Finnish, Swedish and English: one sentence for each thing that can be found.

Every sentence says what was found and, where something is amiss, what to do. ``{…}`` is filled in by the check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consentmgr.vocabulary.codes import Language

#: Each check as a table names it.
CHECK_NAMES: Final[Mapping[str, Mapping[Language, str]]] = {
    "sender": {"en": "Sender", "fi": "Lähettäjä", "sv": "Avsändare"},
    "subject": {"en": "Subject", "fi": "Aihe", "sv": "Ämnesrad"},
    "recipients": {"en": "Recipients", "fi": "Vastaanottajat", "sv": "Mottagare"},
    "header": {"en": "One-click headers", "fi": "Yhden napsautuksen otsakkeet", "sv": "Rubriker för ett klick"},
    "dkim": {"en": "DKIM signature", "fi": "DKIM-allekirjoitus", "sv": "DKIM-signatur"},
    "link": {"en": "Links", "fi": "Linkit", "sv": "Länkar"},
    "refusing": {"en": "Refusing in the message", "fi": "Kieltäminen viestissä", "sv": "Att säga nej i meddelandet"},
    "objection": {"en": "Right to object", "fi": "Vastustamisoikeus", "sv": "Rätten att invända"},
    "privacy": {"en": "Privacy notice", "fi": "Tietosuojaseloste", "sv": "Dataskyddsbeskrivning"},
    "source": {"en": "Source of the address", "fi": "Osoitelähde", "sv": "Adresskälla"},
}

STATE_NAMES: Final[Mapping[str, Mapping[Language, str]]] = {
    "ok": {"en": "in order", "fi": "kunnossa", "sv": "i sin ordning"},
    "failed": {"en": "missing", "fi": "puuttuu", "sv": "saknas"},
    "unknown": {"en": "a person must look", "fi": "ihmisen katsottava", "sv": "en människa måste se efter"},
}

SENTENCES: Final[Mapping[str, Mapping[Language, str]]] = {
    "sender_ok": {
        "en": "The message names {name}.",
        "fi": "Viestissä nimetään {name}.",
        "sv": "{name} nämns i meddelandet.",
    },
    "sender_missing": {
        "en": "Neither the sender's field nor the text names {name}. Put the name into the From field.",
        "fi": "{name} ei näy lähettäjäkentässä eikä tekstissä. Lisää nimi From-kenttään.",
        "sv": "{name} nämns varken i avsändarfältet eller i texten. Skriv namnet i From-fältet.",
    },
    "sender_no_from": {
        "en": "The message has no sender's address (From).",
        "fi": "Viestissä ei ole lähettäjän osoitetta (From).",
        "sv": "Meddelandet har ingen avsändaradress (From).",
    },
    "sender_unknown": {
        "en": "The controller's name is not known here, so look yourself whether the sender is named.",
        "fi": "Rekisterinpitäjän nimeä ei tunneta, joten tarkista itse, että lähettäjä nimetään.",
        "sv": "Den personuppgiftsansvarigas namn är inte känt här; se själv efter att avsändaren nämns.",
    },
    "subject_missing": {
        "en": "The message has no subject.",
        "fi": "Viestissä ei ole aihetta.",
        "sv": "Meddelandet saknar ämnesrad.",
    },
    "subject_reply": {
        "en": "The subject pretends to be a reply or a forwarded message. Take the beginning out.",
        "fi": "Aihe näyttää vastaukselta tai välitetyltä viestiltä, vaikka viesti ei ole sellainen. Poista alku.",
        "sv": "Ämnesraden ser ut som ett svar eller en vidarebefordran, vilket den inte är. Ta bort början.",
    },
    "subject_look": {
        "en": "Nothing false was found. Look yourself whether it shows that this is marketing, and of what.",
        "fi": "Mitään väärää ei löytynyt. Tarkista itse, näkyykö siitä, että kyse on mainonnasta ja mistä.",
        "sv": "Inget falskt hittades. Se själv efter att det framgår att det är reklam, och för vad.",
    },
    "recipients_ok": {
        "en": "The message shows at most one recipient.",
        "fi": "Viestissä näkyy enintään yksi vastaanottaja.",
        "sv": "Meddelandet visar högst en mottagare.",
    },
    "recipients_shown": {
        "en": "The message shows {count} recipients to each other. Send to each alone.",
        "fi": "Viesti näyttää {count} vastaanottajaa toisilleen. Lähetä kullekin erikseen.",
        "sv": "Meddelandet visar {count} mottagare för varandra. Skicka till var och en för sig.",
    },
    "header_ok": {
        "en": "List-Unsubscribe has an https address and List-Unsubscribe-Post is as RFC 8058 wants it.",
        "fi": "List-Unsubscribe-otsakkeessa on https-osoite, ja List-Unsubscribe-Post on RFC 8058:n mukainen.",
        "sv": "List-Unsubscribe har en https-adress och List-Unsubscribe-Post är som RFC 8058 kräver.",
    },
    "header_missing": {
        "en": "There is no List-Unsubscribe header. Have the sending system put in the row's cm_one_click_url.",
        "fi": "List-Unsubscribe-otsake puuttuu. Lisää lähetysjärjestelmässä rivin cm_one_click_url.",
        "sv": "Rubriken List-Unsubscribe saknas. Låt utskickssystemet lägga in radens cm_one_click_url.",
    },
    "header_twice": {
        "en": "A header for leaving stands in the message more than once; receivers may take either.",
        "fi": "Peruutusotsake on viestissä useammin kuin kerran; vastaanottaja voi lukea kumman vain.",
        "sv": "En avregistreringsrubrik finns flera gånger i meddelandet; mottagaren kan läsa vilken som helst.",
    },
    "header_no_https": {
        "en": "List-Unsubscribe has no https address, which leaving with one click needs.",
        "fi": "List-Unsubscribe-otsakkeessa ei ole https-osoitetta, jota yhden napsautuksen peruutus edellyttää.",
        "sv": "List-Unsubscribe har ingen https-adress, som avregistrering med ett klick kräver.",
    },
    "header_no_post": {
        "en": "List-Unsubscribe-Post is missing or is not exactly “List-Unsubscribe=One-Click”.",
        "fi": "List-Unsubscribe-Post puuttuu tai ei ole täsmälleen ”List-Unsubscribe=One-Click”.",
        "sv": "List-Unsubscribe-Post saknas eller är inte exakt ”List-Unsubscribe=One-Click”.",
    },
    "header_not_needed": {
        "en": "This campaign needs no headers for leaving.",
        "fi": "Tämä kampanja ei tarvitse peruutusotsakkeita.",
        "sv": "Den här kampanjen behöver inga avregistreringsrubriker.",
    },
    "dkim_ok": {
        "en": "A DKIM signature of {domain} covers both headers. Whether it holds is for the receiver to check.",
        "fi": "Verkkotunnuksen {domain} DKIM-allekirjoitus kattaa molemmat otsakkeet. Vastaanottaja tarkistaa sen.",
        "sv": "En DKIM-signatur av {domain} täcker båda rubrikerna. Mottagaren kontrollerar att den stämmer.",
    },
    "dkim_uncovered": {
        "en": "No DKIM signature covers {missing}, so receivers ignore leaving with one click. Add it to h=.",
        "fi": "DKIM-allekirjoitus ei kata otsaketta {missing}, joten yhden napsautuksen peruutusta ei näytetä. "
        "Lisää se h=-luetteloon.",
        "sv": "Ingen DKIM-signatur täcker {missing}, och mottagare bortser därför från avregistrering med ett klick. "
        "Lägg till den i h=.",
    },
    "dkim_unsigned": {
        "en": "The message is not signed. The sending server does that: check one that has arrived in a mailbox.",
        "fi": "Viestiä ei ole allekirjoitettu. Sen tekee lähettävä palvelin: tarkista perille tullut viesti.",
        "sv": "Meddelandet är inte signerat. Det gör den sändande servern: granska ett som kommit fram.",
    },
    "link_ok": {
        "en": "The links for leaving are ours, and of this campaign.",
        "fi": "Peruutuslinkit ovat omiamme ja tämän kampanjan.",
        "sv": "Avregistreringslänkarna är våra och hör till den här kampanjen.",
    },
    "link_other": {
        "en": "A link of ours is of another campaign, controller or channel. Use this list's own links.",
        "fi": "Oma linkkimme kuuluu toiseen kampanjaan, rekisterinpitäjään tai kanavaan. Käytä tämän listan linkkejä.",
        "sv": "En av våra länkar hör till en annan kampanj, ansvarig eller kanal. Använd den här listans länkar.",
    },
    "link_bad": {
        "en": "A link of ours does not open: it was cut or changed on its way into the message.",
        "fi": "Oma linkkimme ei aukea: se on katkennut tai muuttunut matkalla viestiin.",
        "sv": "En av våra länkar går inte att öppna: den har kapats eller ändrats på väg till meddelandet.",
    },
    "link_foreign": {
        "en": "The link for leaving leads elsewhere. Make sure that those who leave there are told to us.",
        "fi": "Peruutuslinkki vie muualle. Varmista, että siellä peruuttaneet ilmoitetaan meille.",
        "sv": "Avregistreringslänken leder någon annanstans. Se till att vi får veta vilka som avregistrerar sig där.",
    },
    "link_placeholder": {
        "en": "The link for leaving is a placeholder still. Check a message as it is sent.",
        "fi": "Peruutuslinkin paikalla on vielä täyte. Tarkista viesti sellaisena kuin se lähetetään.",
        "sv": "Avregistreringslänken är fortfarande en platshållare. Granska ett meddelande så som det skickas.",
    },
    "link_none": {
        "en": "There is no link for leaving, neither in the headers nor in the text.",
        "fi": "Peruutuslinkkiä ei ole otsakkeissa eikä tekstissä.",
        "sv": "Det finns ingen avregistreringslänk, varken i rubrikerna eller i texten.",
    },
    "refusing_ok": {
        "en": "The text offers a way to refuse.",
        "fi": "Tekstissä tarjotaan tapa kieltää viestit.",
        "sv": "Texten erbjuder ett sätt att säga nej.",
    },
    "refusing_missing": {
        "en": "The text itself offers no way to refuse. Put the row's cm_preference_url into it, with clear words.",
        "fi": "Tekstissä ei ole tapaa kieltää viestejä. Lisää rivin cm_preference_url selkein sanoin.",
        "sv": "Texten erbjuder inget sätt att säga nej. Lägg in radens cm_preference_url med tydliga ord.",
    },
    "objection_ok": {
        "en": "The text tells of the right to object.",
        "fi": "Tekstissä kerrotaan oikeudesta vastustaa suoramarkkinointia.",
        "sv": "Texten berättar om rätten att invända.",
    },
    "objection_look": {
        "en": "No words on the right to object were recognised. The first message must tell of it, clearly and apart.",
        "fi": "Vastustamisoikeutta koskevaa tekstiä ei tunnistettu. Ensimmäisessä viestissä siitä on kerrottava "
        "selkeästi ja erillään.",
        "sv": "Inga ord om rätten att invända kändes igen. Det första meddelandet måste berätta om den, tydligt och "
        "för sig.",
    },
    "privacy_ok": {
        "en": "The text leads to the privacy notice.",
        "fi": "Tekstistä pääsee tietosuojaselosteeseen.",
        "sv": "Texten leder till dataskyddsbeskrivningen.",
    },
    "privacy_missing": {
        "en": "No link to a privacy notice was found.",
        "fi": "Linkkiä tietosuojaselosteeseen ei löytynyt.",
        "sv": "Ingen länk till en dataskyddsbeskrivning hittades.",
    },
    "source_ok": {
        "en": "The text says where the address was obtained.",
        "fi": "Tekstissä kerrotaan, mistä osoite on saatu.",
        "sv": "Texten säger varifrån adressen har fåtts.",
    },
    "source_missing": {
        "en": "The list was obtained from elsewhere, and no line saying so was found.",
        "fi": "Lista on hankittu muualta, eikä osoitelähteestä kertovaa riviä löytynyt.",
        "sv": "Listan är anskaffad från annat håll, men ingen rad som säger det hittades.",
    },
    "source_not_needed": {
        "en": "The addresses are the sender's own, so no source need be named.",
        "fi": "Osoitteet ovat lähettäjän omia, joten lähdettä ei tarvitse mainita.",
        "sv": "Adresserna är avsändarens egna, så ingen källa behöver anges.",
    },
}
