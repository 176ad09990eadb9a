"""Sending services whose webhooks are taken in, one file each, in one table."""

from __future__ import annotations

from consentmgr.replies.senders import brevo, mailgun, postmark, sendgrid, ses
from consentmgr.replies.senders.sender import Sender

SENDERS: tuple[Sender, ...] = (ses.SENDER, sendgrid.SENDER, mailgun.SENDER, postmark.SENDER, brevo.SENDER)
BY_KIND = {sender.kind: sender for sender in SENDERS}
