"""Tables of organisations: a row is one, with what it lists as its own."""

from __future__ import annotations

from typing import Literal, cast

from consentmgr.importing import cell_values
from consentmgr.importing.table_readers.reader import POST, Draft, Reader
from consentmgr.importing.table_readers.row import Row, Unusable
from consentmgr.kit.canonical.emails import canonical_domain
from consentmgr.vocabulary.codes import OrganisationForm, OrganisationStatus
from consentmgr.vocabulary.documents import Organisation, Point, PostalAddress


class OrganisationReader(Reader):
    fields = (
        "business_id", "ref", "organisation_name", "name", "form", "status", "employees", "domains", "industry",
        "generic_email", "email", "phone", *POST, "source", "acquired_on", "verified_on",
    )  # fmt: skip
    needed = ("business_id", "ref")

    def read(self, row: Row) -> Draft:
        country = row.country()
        business_id, ref = self.business_id(row, country), row.key("ref")
        if business_id is None and ref is None:
            raise Unusable("names no organisation: business id and ref are both blank")
        domains = row.parsed("domains", cell_values.parse_list) or ()
        if any(canonical_domain(domain) is None for domain in domains):
            raise Unusable("is not a domain", "domains")
        document = Organisation(
            business_id=business_id,
            ref=ref if business_id is None else None,
            country=country,
            name=row.text("organisation_name") or row.text("name"),
            form=cast("OrganisationForm | None", row.code("form", "form")),
            status=cast("OrganisationStatus | None", row.code("status", "status")),
            employees=row.parsed("employees", cell_values.parse_count),
            domains=domains,
            industry=row.text("industry"),
            source=row.text("source") or self.options.source,
            verified_on=row.day("verified_on"),
            points=self._points(row, country),
        )
        return Draft(fixed=(document,))

    def _points(self, row: Row, country: str | None) -> tuple[Point, ...]:
        """What an organisation lists is its general address; people's own addresses come with contacts."""
        source, acquired_on = row.text("source") or self.options.source, row.day("acquired_on")
        emails = dict.fromkeys(self.email(row, name) for name in ("generic_email", "email"))
        values: list[tuple[Literal["email", "phone", "post"], str | PostalAddress | None]] = [
            *(("email", email) for email in emails),
            ("phone", self.phone(row, country)),
            ("post", self.post(row, country)),
        ]
        return tuple(
            Point(channel=channel, value=value, use="generic", source=source, acquired_on=acquired_on)
            for channel, value in values
            if value is not None
        )
