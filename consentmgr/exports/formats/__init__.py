"""What files can be written, one file a format, in one table. Pure: columns in, bytes out."""

from __future__ import annotations

from consentmgr.exports.formats import (
    audiences,
    email_lists,
    hashed_lists,
    json_lines,
    mailchimp,
    phones,
    plain_csv,
    postal,
    sendgrid,
    ses,
    workbook,
)
from consentmgr.exports.formats.format import Format

FORMATS: tuple[Format, ...] = (
    plain_csv.FORMAT,
    json_lines.FORMAT,
    ses.FORMAT,
    sendgrid.FORMAT,
    mailchimp.FORMAT,
    email_lists.HUBSPOT,
    email_lists.KLAVIYO,
    hashed_lists.MD5,
    hashed_lists.SHA1,
    hashed_lists.SHA256,
    hashed_lists.KEYED,
    phones.FORMAT,
    postal.FORMAT,
    audiences.META_AUDIENCE,
    audiences.GOOGLE_AUDIENCE,
    audiences.LINKEDIN_AUDIENCE,
    workbook.FORMAT,
)
BY_NAME = {row.name: row for row in FORMATS}
