"""What the demonstration says, in the three languages. Verdicts, reasons and files have their names from the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consentmgr.vocabulary.codes import Language


@dataclass(frozen=True, slots=True)
class DemoWords:
    """Texts of one language; ``{…}`` is filled in."""

    title: str
    made_up: str
    register: str
    contacts: str
    organisations: str
    acts: str
    bans: str
    nothing_new: str
    list: str
    rows: str
    more: str
    reports: str
    beside: str
    valid: str
    old: str
    next: str
    why: str
    proof: str
    #: Of the list for a partner.
    exported: str
    addresses: str
    manifest: str
    sent: str
    #: Of the pages; ``folder`` is where the mails are kept.
    pages: str
    leave: str
    choose: str
    subscribe: str
    #: Of the desk; ``{password}`` is everybody's there.
    desk: str
    sign_in: str
    key: str
    code: str
    #: Of the API; ``{address}`` is where it is described.
    api: str
    may_contact: str
    mails: str
    ends: str
    came: str
    ended: str


DEMO_WORDS: Final[Mapping[Language, DemoWords]] = {
    "en": DemoWords(
        title="A made-up register and three lists",
        made_up="Everybody in it is invented: names put together by chance, .example domains, numbers nobody has.",
        register="The register",
        contacts="contacts",
        organisations="organisations",
        acts="entries in the ledger: consents, withdrawals, objections, legal bases",
        bans="standing bans: people's own, Robinson lists, organisations', vendors'",
        nothing_new="It was made on {day}; importing it again changed nothing.",
        list="List",
        rows="Rows",
        more="and {count} others",
        reports="The reports, for a browser",
        beside="Beside each list, in {folder}",
        valid="A screening is good until {until}. The campaigns are planned for {planned}: screen again before sending.",
        old="The register was made on {day} and is growing old. Remove the folder, and the next run makes a fresh one.",
        next="To go on",
        why="why one person may not be written to",
        proof="that list, answers and report are what was signed",
        exported="A partner's nightly list of who must not be written to, run {sequence}",
        addresses="{count} addresses",
        manifest="signed, comes last",
        sent="what was sent, from which state of the register",
        pages="The pages people see: the link in {name}'s newsletter",
        leave="leave the garden letter",
        choose="choose what comes, and see why it came",
        subscribe="subscribe",
        desk="The desk, where staff work; everybody's password is {password}",
        sign_in="Who",
        key="Key for an authenticator",
        code="Code now",
        api="For other systems: an API, described at {address}",
        may_contact="may this person be written to? (a key of this demonstration)",
        mails="No mail leaves this machine: each is kept in {folder}, and its link is shown here.",
        ends="The pages are there until you press Ctrl-C.",
        came="A mail was written",
        ended="Ended.",
    ),
    "fi": DemoWords(
        title="Keksitty rekisteri ja kolme listaa",
        made_up="Kaikki siinä on keksittyä: sattumalta yhdistettyjä nimiä, .example-osoitteita, vapaita numeroita.",
        register="Rekisteri",
        contacts="henkilöä",
        organisations="organisaatiota",
        acts="kirjausta: suostumuksia, peruutuksia, kieltoja, käsittelyperusteita",
        bans="pysyvää kieltoa: omia, Robinson-listojen, organisaatioiden, tietotoimittajien",
        nothing_new="Se on tehty {day}; uusi tuonti ei muuttanut mitään.",
        list="Lista",
        rows="Rivejä",
        more="ja {count} muuta",
        reports="Raportit selaimessa luettaviksi",
        beside="Kunkin listan vieressä, kansiossa {folder}",
        valid="Seulonta on voimassa {until} asti. Kampanjat on suunniteltu {planned}: seulo uudelleen ennen lähetystä.",
        old="Rekisteri on tehty {day} ja alkaa vanheta. Poista kansio, niin seuraava ajo tekee uuden.",
        next="Jatkoksi",
        why="miksi yhdelle henkilölle ei saa kirjoittaa",
        proof="että lista, vastaukset ja raportti ovat allekirjoitetut",
        exported="Kumppanin joka yö saama lista niistä, joille ei saa kirjoittaa, ajo {sequence}",
        addresses="{count} osoitetta",
        manifest="allekirjoitettu, tulee viimeisenä",
        sent="mitä lähti ja mistä rekisterin tilasta",
        pages="Sivut, jotka ihmiset näkevät: uutiskirjeen linkki, saajana {name}",
        leave="lopeta puutarhakirje",
        choose="valitse, mitä tulee, ja katso, miksi viesti tuli",
        subscribe="tilaa",
        desk="Henkilöstön työpöytä; kaikkien salasana on {password}",
        sign_in="Kuka",
        key="Avain todennussovellukseen",
        code="Koodi nyt",
        api="Muille järjestelmille: rajapinta, jonka kuvaus on osoitteessa {address}",
        may_contact="saako tälle henkilölle kirjoittaa? (tämän esittelyn avain)",
        mails="Yhtään viestiä ei lähde tältä koneelta: ne jäävät kansioon {folder}, ja linkki näytetään tässä.",
        ends="Sivut ovat käytössä, kunnes painat Ctrl-C.",
        came="Viesti kirjoitettiin",
        ended="Lopetettu.",
    ),
    "sv": DemoWords(
        title="Ett påhittat register och tre listor",
        made_up="Allt i det är påhittat: namn satta ihop av slumpen, .example-adresser, nummer som ingen har.",
        register="Registret",
        contacts="personer",
        organisations="organisationer",
        acts="registerhändelser: samtycken, återkallelser, invändningar, rättsliga grunder",
        bans="bestående förbud: egna, Robinsonlistornas, organisationers, uppgiftsleverantörers",
        nothing_new="Det gjordes {day}; att importera det igen ändrade ingenting.",
        list="Lista",
        rows="Rader",
        more="och {count} andra",
        reports="Rapporterna, för webbläsaren",
        beside="Bredvid varje lista, i {folder}",
        valid="En kontroll gäller till {until}. Kampanjerna är planerade till {planned}: kontrollera igen före utskick.",
        old="Registret gjordes {day} och börjar bli gammalt. Ta bort mappen, så gör nästa körning ett nytt.",
        next="Att fortsätta med",
        why="varför en person inte får kontaktas",
        proof="att listan, svaren och rapporten är det som undertecknades",
        exported="En partners lista varje natt över dem som inte får kontaktas, körning {sequence}",
        addresses="{count} adresser",
        manifest="undertecknat, kommer sist",
        sent="vad som skickades, och ur vilket läge i registret",
        pages="Sidorna som människor ser: länken i nyhetsbrevet till {name}",
        leave="sluta få Trädgårdsbrevet",
        choose="välj vad som kommer, och se varför meddelandet kom",
        subscribe="prenumerera",
        desk="Skrivbordet där personalen arbetar; allas lösenord är {password}",
        sign_in="Vem",
        key="Nyckel till en autentiseringsapp",
        code="Kod nu",
        api="För andra system: ett gränssnitt som beskrivs på {address}",
        may_contact="får man skriva till personen? (en nyckel för denna demonstration)",
        mails="Ingen post lämnar den här datorn: allt sparas i {folder}, och länken visas här.",
        ends="Sidorna finns tills du trycker på Ctrl-C.",
        came="Ett meddelande skrevs",
        ended="Avslutat.",
    ),
}
