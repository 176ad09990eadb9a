"""Tables of prohibitions: a row is a ban on whoever and whatever it names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import cast

from consentmgr.importing.table_readers.reader import POST, Draft, Item, Reader
from consentmgr.importing.table_readers.row import Row, Unusable
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.kit.canonical.hashes import canonical_sha256
from consentmgr.kit.clock import local_date
from consentmgr.vocabulary.codes import PROHIBITION_SOURCES, Channel, ProhibitionSource, Purpose
from consentmgr.vocabulary.documents import ExternalList, Prohibition, ProhibitionTarget

#: Years an entry of the Robinson lists is good for, where the list does not say (law.md section 6).
_ROBINSON_YEARS = 3


#: Sources whose lists have a date of their own, on which their freshness is judged.
DATED_SOURCES: tuple[ProhibitionSource, ...] = (
    "robinson_phone", "robinson_post", "population_register", "telecom_authority",
)  # fmt: skip


#: What a ban of these sources covers where the table does not say.
_SCOPE_OF_SOURCE: dict[str, tuple[tuple[Channel, ...], tuple[Purpose, ...]]] = {
    "robinson_phone": (("phone",), ("direct_marketing",)),
    "robinson_post": (("post",), ("direct_marketing",)),
    "complaint": (("email",), ("direct_marketing",)),
}


class ProhibitionReader(Reader):
    """A row is one ban for each address, contact, organisation or domain it names."""

    fields = (
        "contact", "email", "phone", *POST, "business_id", "domain", "email_sha256", "phone_sha256", "channels",
        "purposes", "topics", "controller", "source", "valid_from", "valid_until", "reference",
    )  # fmt: skip
    needed = (
        "contact", "email", "phone", "street", "business_id", "domain", "email_sha256", "phone_sha256",
    )  # fmt: skip

    def check(self) -> None:
        source = self.options.source
        codes = ", ".join(PROHIBITION_SOURCES)
        if source is None and "source" not in self.premises.columns:
            raise self.refuse(f"whose bans are these? Say it with --source, one of {codes}")
        if source is not None and source not in PROHIBITION_SOURCES:
            raise self.refuse(f"--source of prohibitions must be one of {codes}")
        if source in ("robinson_phone", "robinson_post") and self.options.at is None:
            raise self.refuse(f"of which day is the {source} list? Say it with --at, such as --at 2026-11-01")

    def read(self, row: Row) -> Draft:
        country = row.country()
        targets = self._targets(row, country)
        if not targets:
            raise Unusable("names nobody: every column that says whom the ban protects is blank")
        source = cast("ProhibitionSource | None", row.code("source", "source") or self.options.source)
        if source is None:
            raise Unusable(
                f"is blank, and no --source says whose ban it is: {', '.join(PROHIBITION_SOURCES)}", "source"
            )
        usual_channels, usual_purposes = _SCOPE_OF_SOURCE.get(source, ((), ()))
        channels = cast("tuple[Channel, ...]", row.codes("channels", "channel")) or self.options.channels
        purposes = cast("tuple[Purpose, ...]", row.codes("purposes", "purpose")) or self.options.purposes
        valid_from, valid_until = self._window(row, source)
        documents = [
            Prohibition(
                target=target,
                channels=channels or usual_channels,
                purposes=purposes or usual_purposes,
                topics=row.keys("topics") or self.options.topics,
                controllers=self.controllers(row),
                source=source,
                valid_from=valid_from,
                valid_until=valid_until,
                reference=row.text("reference") or self.options.reference,
            )
            for target in targets
        ]
        return Draft(fixed=documents)

    def closing(self, line: int) -> Iterator[Item]:
        source = self.options.source
        if source in DATED_SOURCES and self.options.at is not None:
            # Last, so that a list whose import was cut off does not look fresh.
            yield line, ExternalList(source=source, as_of=local_date(self.options.at))

    def _targets(self, row: Row, country: str | None) -> list[ProhibitionTarget]:
        targets = []
        if (contact := row.key("contact")) is not None:
            targets.append(ProhibitionTarget(contact=contact))
        if (email := self.email(row)) is not None:
            targets.append(ProhibitionTarget(email=email))
        if (phone := self.phone(row, country)) is not None:
            targets.append(ProhibitionTarget(phone=phone))
        if (post := self.post(row, country)) is not None:
            targets.append(ProhibitionTarget(post=post))
        if (business_id := self.business_id(row, country)) is not None:
            targets.append(ProhibitionTarget(organisation=business_id))
        if (domain := row.text("domain")) is not None:
            if canonical_domain(domain) is None:
                raise Unusable("is not a domain", "domain")
            targets.append(ProhibitionTarget(domain=domain))
        if (digest := self._digest(row, "email_sha256")) is not None:
            targets.append(ProhibitionTarget(email_sha256=digest))
        if (digest := self._digest(row, "phone_sha256")) is not None:
            targets.append(ProhibitionTarget(phone_sha256=digest))
        return targets

    def _digest(self, row: Row, name: str) -> str | None:
        text = row.text(name)
        digest = canonical_sha256(text) if text is not None else None
        if text is not None and digest is None:
            raise Unusable("must be 64 hexadecimal digits", name)
        return digest

    def _window(self, row: Row, source: str) -> tuple[date | None, date | None]:
        valid_from, valid_until = row.day("valid_from"), row.day("valid_until")
        if source in ("robinson_phone", "robinson_post") and valid_until is None:
            # Without a day of its own an entry was made on the list's day at the latest: it is banned the longer.
            begins = valid_from or (local_date(self.options.at) if self.options.at else None)
            if begins is not None:
                valid_from, valid_until = begins, _years_after(begins, _ROBINSON_YEARS)
        if valid_from is not None and valid_until is not None and valid_until < valid_from:
            raise Unusable("lies before the day from which the ban is valid", "valid_until")
        return valid_from, valid_until


def _years_after(day: date, years: int) -> date:
    """The last day of a term of ``years`` that begins on ``day``."""
    try:
        return day.replace(year=day.year + years) - timedelta(days=1)
    except ValueError:
        # From 29 February the term ends on the last day of February.
        return date(day.year + years, 2, 28)
