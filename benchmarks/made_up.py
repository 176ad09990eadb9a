"""A made-up register and a campaign list of any size, written fast: column expressions, a piece at a time.

Run as a process of its own (``python -m benchmarks.made_up``), so that its memory is not taken for that of what is
measured after it. Everything is invented; every domain ends in ``.example``. Equal arguments give equal files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from consentmgr.demo.invented_numbers import business_ids
from consentmgr.demo.names import FAMILY_NAMES, GIVEN_NAMES, MAIL_DOMAINS, plain

#: Rows made at a time: enough that the calls cost nothing, few enough to stay small in memory.
PIECE = 200_000
#: One organisation for so many contacts.
CONTACTS_PER_ORGANISATION = 200
NOTICE = "signup/1/fi"
#: Of a list's rows: known to the register, repeated, and written otherwise than the register has them.
KNOWN, REPEATED, UNTIDY = 0.80, 0.02, 0.04
#: How often each domain of ``MAIL_DOMAINS`` is drawn; the last has a letter outside ASCII and is as rare as in life.
_MAIL_SHARES = (0.40, 0.25, 0.15, 0.10, 0.099, 0.001)

Part = str | pl.Expr


def joined(*parts: Part) -> pl.Expr:
    """Texts and columns put one after the other."""
    return pl.concat_str([pl.lit(part) if isinstance(part, str) else part for part in parts])


def where(condition: str, text: pl.Expr) -> pl.Expr:
    """The text in rows where the column ``condition`` is true, else nothing."""
    return pl.when(pl.col(condition)).then(text).otherwise(pl.lit(""))


class Chance:
    """Columns drawn with a seed; ``name`` keeps streams apart."""

    def __init__(self, seed: int, name: str, piece: int, today: date) -> None:
        self._random = np.random.default_rng([seed, piece, *name.encode()])
        self._today = today

    def share(self, rows: int, percent: float) -> np.ndarray:
        return self._random.random(rows) * 100 < percent

    def pick(self, rows: int, things: tuple[str, ...], shares: tuple[float, ...] | None = None) -> pl.Series:
        return pl.Series(things).gather(self._random.choice(len(things), rows, p=shares))

    def number(self, rows: int, below: int) -> np.ndarray:
        return self._random.integers(0, below, rows)

    def day(self, rows: int, nearest: int, farthest: int) -> pl.Series:
        """ISO dates from ``nearest`` to ``farthest`` days ago."""
        ago = self._random.integers(nearest, farthest, rows, endpoint=True)
        days = [str(self._today - timedelta(days=back)) for back in range(farthest + 1)]
        return pl.Series(days).gather(ago)

    def clock(self, rows: int) -> pl.Series:
        """Times of day at which people are awake, with Finnish winter time's offset."""
        minutes = [f"T{7 + minute // 60:02d}:{minute % 60:02d}:{minute % 59:02d}+02:00" for minute in range(840)]
        return pl.Series(minutes).gather(self._random.integers(0, 840, rows))


def contacts(first: int, rows: int, organisations: list[str], seed: int, today: date) -> pl.DataFrame:
    """What is drawn for contacts ``first`` and on; both registers are written from it."""
    chance = Chance(seed, "contacts", first, today)
    given = pl.Series("given", [name for names in GIVEN_NAMES.values() for name in names])
    family = pl.Series("family", [name for names in FAMILY_NAMES.values() for name in names])
    which_given, which_family = chance.number(rows, len(given)), chance.number(rows, len(family))
    works = chance.share(rows, 35)
    firm = chance.number(rows, len(organisations))
    numbers = pl.Series("number", np.arange(first, first + rows))
    frame = pl.DataFrame(
        {
            "number": numbers,
            "given": given.gather(which_given),
            "family": family.gather(which_family),
            "local_given": pl.Series([plain(name) for name in given]).gather(which_given),
            "local_family": pl.Series([plain(name) for name in family]).gather(which_family),
            "mail_domain": chance.pick(rows, MAIL_DOMAINS, _MAIL_SHARES),
            "works": works,
            "firm": firm,
            "business_id": pl.Series(organisations).gather(firm),
            "has_role": works & chance.share(rows, 50),
            "is_hr": chance.share(rows, 20),
            "role_day": chance.day(rows, 20, 1200),
            "language": chance.pick(rows, ("fi", "sv", "en"), (0.9, 0.06, 0.04)),
            "consented": chance.day(rows, 100, 1400),
            "consented_clock": chance.clock(rows),
            "for_email": chance.share(rows, 80),
            "confirmed": chance.share(rows, 70),
            "ip_a": chance.number(rows, 256),
            "withdrew": chance.share(rows, 6),
            "withdrew_day": chance.day(rows, 1, 99),
            "objected": chance.share(rows, 2),
            "objected_day": chance.day(rows, 1, 900),
            "complained": chance.share(rows, 0.2),
            "clock": chance.clock(rows),
            "buys": chance.share(rows, 25),
            "bought": chance.day(rows, 1, 1400),
            "heard": chance.share(rows, 60),
            "heard_day": chance.day(rows, 1, 700),
            "bounces": chance.share(rows, 2),
            "got_mail": chance.share(rows, 3),
            "got_day": chance.day(rows, 1, 20),
            "banned": chance.share(rows, 4),
            "banned_day": chance.day(rows, 1, 1500),
        }
    )
    own_domain = joined("yritys", pl.col("firm").cast(pl.String), ".example")
    domain = pl.when("works").then(own_domain).otherwise(pl.col("mail_domain"))
    local = joined(pl.col("local_given"), ".", pl.col("local_family"), ".", pl.col("number").cast(pl.String))
    return frame.with_columns(email=joined(local, "@", domain), ref=joined("crm:", pl.col("number").cast(pl.String)))


def _consent(channels: pl.Expr, purpose: pl.Expr) -> pl.Expr:
    """The one consent of a contact, with the words shown and what shows that they were."""
    return joined(
        '{"event":"consent_given","at":"', pl.col("consented"), pl.col("consented_clock"),
        '","controller":"acme","method":"web_form","source":"tilauslomake","channels":["', channels, '"],"purposes":["',
        purpose, f'"],"notice":"{NOTICE}","evidence":{{"form":"tilauslomake-3","ip":"192.0.2.',
        pl.col("ip_a").cast(pl.String), '","user_agent":"Mozilla/5.0","double_opt_in":"',
        pl.when("confirmed").then(pl.lit("confirmed")).otherwise(pl.lit("not_used")), '"}}',
    )  # fmt: skip


def _person(point_more: pl.Expr, more: pl.Expr, events: pl.Expr) -> pl.Expr:
    return joined(
        '{"type":"contact","ref":"', pl.col("ref"), '","controllers":["acme"],"given_name":"', pl.col("given"),
        '","family_name":"', pl.col("family"), '","language":"', pl.col("language"), '","country":"FI"',
        ',"points":[{"channel":"email","value":"', pl.col("email"), '","use":"',
        pl.when("works").then(pl.lit("work")).otherwise(pl.lit("private")), '","source":"web_form","acquired_on":"',
        pl.col("consented"), '","informed_on":"', pl.col("consented"), '"', point_more, "}]", more,
        ',"events":[', events, "]}",
    )  # fmt: skip


def plain_contact() -> pl.Expr:
    """One e-mail and one consent, and nothing else: the contact of the import figure."""
    return _person(pl.lit(""), pl.lit(""), _consent(pl.lit("email"), pl.lit("direct_marketing")))


def contact_with_history() -> pl.Expr:
    """The contact of the screening figures: consents of two kinds, withdrawals, objections, purchases, roles, bounces."""
    employer = where("works", joined(',"organisation":"', pl.col("business_id"), '"'))
    bounce = where("bounces", pl.lit(',"state":"hard_bounce","soft_bounces":3'))
    role = where(
        "has_role",
        joined(
            ',"roles":[{"organisation":"', pl.col("business_id"), '","title":"päällikkö","since":"', pl.col("role_day"),
            '","areas":[{"area":"', pl.when("is_hr").then(pl.lit("human_resources")).otherwise(pl.lit("sales")),
            '","evidence":"organisation","verified_on":"', pl.col("role_day"), '"}]}]',
        ),
    )  # fmt: skip
    customer = where(
        "buys",
        joined(
            ',"customer_of":[{"controller":"acme","product_group":"training","relation":"purchase","last_purchase_on":"',
            pl.col("bought"), '","address_from_sale":true,"opt_out_offered":true}]',
        ),
    )  # fmt: skip
    heard = where("heard", joined(',"last_interaction_on":"', pl.col("heard_day"), '"'))
    messages = where(
        "got_mail",
        joined(
            ',"messages_sent":[{"at":"', pl.col("got_day"), 'T10:00:00+02:00","controller":"acme","channel":"email",'
            '"purpose":"direct_marketing","campaign":"edellinen"}]',
        ),
    )  # fmt: skip
    channels = pl.when("for_email").then(pl.lit("email")).otherwise(pl.lit("sms"))
    later = '","controller":"acme","method":"email_link","channels":["email"],"purposes":["direct_marketing"]}'
    withdrawal = where(
        "withdrew",
        joined(',{"event":"consent_withdrawn","at":"', pl.col("withdrew_day"), pl.col("clock"), later),
    )
    objection = where(
        "objected",
        joined(',{"event":"objected","at":"', pl.col("objected_day"), pl.col("clock"), '","controller":"acme"}'),
    )
    complaint = where(
        "complained",
        joined(',{"event":"complaint","at":"', pl.col("withdrew_day"), pl.col("clock"), '","channels":["email"]}'),
    )
    return _person(
        joined(employer, bounce),
        joined(role, customer, heard, messages),
        joined(_consent(channels, pl.lit("direct_marketing")), withdrawal, objection, complaint),
    )


def prohibition() -> pl.Expr:
    return joined(
        '{"type":"prohibition","target":{"email":"', pl.col("email"), '"},"channels":["email"],'
        '"purposes":["direct_marketing"],"source":"self","valid_from":"', pl.col("banned_day"),
        '","reference":"vanha estolista"}',
    )  # fmt: skip


def may_be_sent() -> pl.Expr:
    """What a marketer's own table would say of an address: the one column the rivals have."""
    stopped = pl.any_horizontal("withdrew", "objected", "complained", "bounces", "banned")
    return pl.col("for_email") & ~stopped


def outsiders(rows: int, seed: int, today: date) -> pl.DataFrame:
    """Addresses on the list that the register does not know."""
    chance = Chance(seed, "outsiders", 0, today)
    given = [plain(name) for name in GIVEN_NAMES["fi"]]
    numbers = pl.Series("number", np.arange(rows))
    frame = pl.DataFrame({"number": numbers, "given": pl.Series(given).gather(chance.number(rows, len(given)))})
    email = joined(pl.col("given"), ".", pl.col("number").cast(pl.String), "@tuntematon.example")
    return frame.select(email=email, etunimi="given", sukunimi=pl.lit("Tuntematon"))


def catalogue(today: date) -> Iterator[str]:
    """Documents that come before any contact."""
    yield json.dumps(
        {
            "type": "notice", "key": "signup", "version": 1, "language": "fi", "text": "Haluan markkinointia.",
            "controllers": ["acme"], "channels": ["email", "sms"], "purposes": ["direct_marketing", "newsletter"],
        }
    )  # fmt: skip
    yield json.dumps({"type": "topic", "key": "training", "kind": "product_group", "controller": "acme"})
    yield json.dumps({"type": "external_list", "source": "robinson_phone", "as_of": str(today)})


def organisation_documents(identities: list[str], today: date) -> Iterator[str]:
    forms = ("limited_company",) * 7 + ("sole_trader", "association", "municipality")
    for number, identity in enumerate(identities):
        yield json.dumps(
            {
                "type": "organisation", "business_id": identity, "country": "FI", "name": f"Yritys {number} Oy",
                "form": forms[number % len(forms)], "status": "active", "employees": number % 250,
                "domains": [f"yritys{number}.example"], "source": "ytj", "verified_on": str(today - timedelta(days=60)),
            }
        )  # fmt: skip


def campaign_list(known: pl.DataFrame, unknown: pl.DataFrame, rows: int, seed: int, today: date) -> pl.DataFrame:
    """The list: known and unknown addresses shuffled, a few untidy, a few repeated. Finnish headers."""
    random = np.random.default_rng([seed, *b"list"])
    repeated = int(rows * REPEATED)
    wanted_known = int((rows - repeated) * KNOWN)
    some = random.choice(len(known), wanted_known, replace=wanted_known > len(known))
    once = pl.concat([known[some], unknown.head(rows - repeated - wanted_known)])
    whole = pl.concat([once, once[random.integers(0, len(once), repeated)]])
    whole = whole[random.permutation(rows)]
    chance = Chance(seed, "untidy", 0, today)
    shouted, spaced = chance.share(rows, UNTIDY * 50), chance.share(rows, UNTIDY * 50)
    email = pl.when(pl.lit(pl.Series(shouted))).then(pl.col("email").str.to_titlecase()).otherwise(pl.col("email"))
    return whole.select(
        pl.when(pl.lit(pl.Series(spaced))).then(joined(" ", email, "  ")).otherwise(email).alias("sähköposti"),
        "etunimi",
        "sukunimi",
        pl.lit("SYKSY-26").alias("kampanjakoodi"),
    )


def _write_lines(file: BinaryIO, lines: pl.Series) -> None:
    # A frame of one text column without header, separator or quotes is just its lines.
    lines.to_frame().write_csv(file, include_header=False, quote_style="never")


def make(folder: Path, count: int, rows: int, seed: int, today: date) -> None:
    """Write every file the measurements need into ``folder``."""
    organisations = list(islice(business_ids(), max(1, count // CONTACTS_PER_ORGANISATION)))
    unknown_rows = rows - int((rows - int(rows * REPEATED)) * KNOWN)
    unknown = outsiders(unknown_rows, seed, today)
    people, addresses = [], []
    with (folder / "contacts.jsonl").open("wb") as simple, (folder / "register.jsonl").open("wb") as whole:
        first_lines = [*catalogue(today)]
        simple.write((first_lines[0] + "\n").encode())
        first_lines += organisation_documents(organisations, today)
        whole.write("".join(f"{line}\n" for line in first_lines).encode())
        for first in range(0, count, PIECE):
            piece = contacts(first, min(PIECE, count - first), organisations, seed, today)
            _write_lines(simple, piece.select(line=plain_contact())["line"])
            _write_lines(whole, piece.select(line=contact_with_history())["line"])
            _write_lines(whole, piece.filter("banned").select(line=prohibition())["line"])
            people.append(piece.select("email", etunimi="given", sukunimi="family"))
            addresses.append(piece.select(address="email", may_be_sent=may_be_sent()))
        # Bans on addresses that are no contact's.
        strangers = unknown.head(max(1, count // 100)).with_columns(banned_day=pl.lit(str(today - timedelta(days=400))))
        _write_lines(whole, strangers.select(line=prohibition())["line"])
    known = pl.concat(addresses)
    known.write_parquet(folder / "addresses.parquet")
    known.write_csv(folder / "addresses.csv", separator=";")
    lst = campaign_list(pl.concat(people), unknown, rows, seed, today)
    lst.write_csv(folder / "list.csv", separator=";", quote_style="never")
    lst.head(1000).write_csv(folder / "small.csv", separator=";", quote_style="never")
    campaign = {
        "type": "campaign", "key": "2026-syksy", "name": "Syksyn koulutukset", "controller": "acme", "channel": "email",
        "purpose": "direct_marketing", "product_group": "training", "audience": "consumer",
    }  # fmt: skip
    (folder / "campaign.json").write_text(json.dumps(campaign, ensure_ascii=False), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.made_up", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--contacts", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--today", type=date.fromisoformat, required=True)
    given = parser.parse_args()
    make(given.folder, given.contacts, given.rows, given.seed, given.today)


if __name__ == "__main__":
    main()
