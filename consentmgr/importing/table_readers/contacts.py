"""Tables of contacts: a row is a person with their addresses and their role in an organisation."""

from __future__ import annotations

from typing import Literal, cast

from consentmgr.importing import cell_values
from consentmgr.importing.table_readers.reader import POST, Draft, Reader
from consentmgr.importing.table_readers.row import Row, Unusable
from consentmgr.vocabulary.codes import Language, PointUse, Position
from consentmgr.vocabulary.documents import Contact, Organisation, Point, PostalAddress, Role, RoleArea


class ContactReader(Reader):
    fields = (
        "ref", "email", "phone", *POST, "given_name", "family_name", "language", "municipality", "born_on",
        "business_id", "organisation_name", "title", "position", "area", "source", "acquired_on", "verified_on",
        "informed_on", "use",
    )  # fmt: skip
    needed = ("ref", "email", "phone", "street")

    def read(self, row: Row) -> Draft:
        country = row.country()
        business_id = self.business_id(row, country)
        points = self._points(row, country, business_id)
        draft = self.person(row, country)
        roles = self._roles(row, business_id)
        language = cast("Language | None", row.code("language", "language"))
        born_on = row.day("born_on")
        organisation = self._organisation(row, country, business_id)
        draft.fixed = (organisation,) if organisation is not None else ()
        draft.documents = lambda ref: [
            Contact(
                ref=ref,
                controllers=self.controllers(row),
                given_name=row.text("given_name"),
                family_name=row.text("family_name"),
                language=language,
                country=country,
                municipality=row.text("municipality"),
                born_on=born_on,
                points=points,
                roles=roles,
            )
        ]
        return draft

    def _points(self, row: Row, country: str | None, business_id: str | None) -> tuple[Point, ...]:
        use = cast("PointUse | None", row.code("use", "use")) or self.options.use
        source = row.text("source") or self.options.source
        acquired_on, informed_on = row.day("acquired_on"), row.day("informed_on")
        # The day in a table of decision-makers is the day on which the duties were asked, not the address.
        verified_on = row.day("verified_on") if row.text("area") is None else None

        def point(channel: Literal["email", "phone", "post"], value: str | PostalAddress) -> Point:
            return Point(
                channel=channel,
                value=value,
                use=use,
                # A home address does not become the firm's because its owner works there.
                organisation=business_id if use != "private" and channel != "post" else None,
                source=source,
                acquired_on=acquired_on,
                verified_on=verified_on,
                informed_on=informed_on,
            )

        points = []
        if (email := self.email(row)) is not None:
            points.append(point("email", email))
        if (phone := self.phone(row, country)) is not None:
            points.append(point("phone", phone))
        if (post := self.post(row, country)) is not None:
            points.append(point("post", post))
        return tuple(points)

    def _roles(self, row: Row, business_id: str | None) -> tuple[Role, ...]:
        areas = row.parsed("area", cell_values.parse_areas) or ()
        if business_id is None:
            if areas:
                raise Unusable("is a duty at no organisation: the business id is blank", "area")
            return ()
        title, position = row.text("title"), None
        if (word := row.text("position")) is not None:
            try:
                position = cast(Position, cell_values.parse_code("position", word))
            except ValueError:
                # "Position" and "Asema" head columns of plain job titles as well as of register roles.
                title = title or word
        evidence, source = self.options.area_evidence, row.text("source") or self.options.source
        verified_on = row.day("verified_on") if areas else None
        return (
            Role(
                organisation=business_id,
                title=title,
                position=position,
                areas=tuple(
                    RoleArea(area=area, evidence=evidence, verified_on=verified_on, source=source) for area in areas
                ),
            ),
        )

    def _organisation(self, row: Row, country: str | None, business_id: str | None) -> Organisation | None:
        name = row.text("organisation_name")
        if name is None or business_id is None:
            return None
        return Organisation(business_id=business_id, country=country, name=name)
