"""Events of sending services: verified as each documents it, taken once, and nothing of them lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from consentmgr.config import Settings
from consentmgr.db import Database
from consentmgr.keys import Keys
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput
from consentmgr.replies import sender_connections
from consentmgr.replies.jobs import forget_sender_events
from consentmgr.replies.senders import BY_KIND, SENDERS
from consentmgr.replies.senders.ses import is_of_sns
from tests.replies.conftest import Post

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from tests.conftest import RunCommand

TOPIC = "arn:aws:sns:eu-north-1:123456789012:bounces"
AINO, UNKNOWN = "aino@posti.example", "nobody@posti.example"
CREDENTIALS = "postmark:a-long-password"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A cloud of one's own is on this machine."""
    return replace(settings, private_destinations=(ip_network("127.0.0.0/8"),))


class SendGrid:
    """Signs as SendGrid does."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.secrets = {"verification_key": base64.b64encode(public).decode()}
        self.options: dict[str, str] = {}

    def request(self, events: Any, *, at: datetime | None = None) -> dict[str, Any]:
        body = json.dumps(events).encode()
        timestamp = str(int((at or clock.now()).timestamp()))
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }
        return {"data": body, "headers": headers, "content_type": "application/json"}

    def events(self, act: str, address: str, number: int = 1) -> list[dict[str, Any]]:
        told: dict[str, Any] = {
            "bounce_permanent": {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 no such user"},
            "bounce_temporary": {"event": "bounce", "type": "blocked", "reason": "421 busy"},
            "complaint": {"event": "spamreport"},
            "unsubscribe": {"event": "group_unsubscribe", "asm_group_id": 10},
            "other": {"event": "dropped", "reason": "Bounced Address"},
        }[act]
        return [
            {"email": address, "timestamp": int(clock.now().timestamp()) - 60, "sg_event_id": f"{act}{number}", **told}
        ]


class Mailgun:
    """Signs as Mailgun does; each request has a token of its own."""

    secrets = {"signing_key": "key-0123456789abcdef"}  # noqa: RUF012 - a row
    options: dict[str, str] = {}  # noqa: RUF012
    count = 0

    def request(self, events: Any, *, at: datetime | None = None, token: str | None = None) -> dict[str, Any]:
        Mailgun.count += 1
        timestamp, token = str(int((at or clock.now()).timestamp())), token or f"token{Mailgun.count}"
        signature = hmac.new(self.secrets["signing_key"].encode(), (timestamp + token).encode(), hashlib.sha256)
        signed = {"timestamp": timestamp, "token": token, "signature": signature.hexdigest()}
        return {"json": {"signature": signed, "event-data": events}}

    def events(self, act: str, address: str, number: int = 1) -> dict[str, Any]:
        told: dict[str, Any] = {
            "bounce_permanent": {"event": "failed", "severity": "permanent", "reason": "bounce"},
            "bounce_temporary": {"event": "failed", "severity": "temporary", "reason": "generic"},
            "complaint": {"event": "complained"},
            "unsubscribe": {"event": "unsubscribed"},
            "other": {"event": "failed", "severity": "permanent", "reason": "suppress-complaint"},
        }[act]
        return {"id": f"{act}-{number}", "timestamp": 1_790_000_000.5, "recipient": address, **told}


class Postmark:
    secrets = {"credentials": CREDENTIALS}  # noqa: RUF012 - a row
    options: dict[str, str] = {}  # noqa: RUF012

    def request(self, events: Any) -> dict[str, Any]:
        basic = base64.b64encode(CREDENTIALS.encode()).decode()
        return {"json": events, "headers": {"Authorization": f"Basic {basic}"}}

    def events(self, act: str, address: str, number: int = 1) -> dict[str, Any]:
        bounce = {"RecordType": "Bounce", "ID": number, "Email": address, "BouncedAt": "2026-11-01T12:00:00.1234567Z"}
        told: dict[str, Any] = {
            "bounce_permanent": {**bounce, "Type": "HardBounce"},
            "bounce_temporary": {**bounce, "Type": "SoftBounce"},
            "complaint": {"RecordType": "SpamComplaint", "Email": address, "BouncedAt": "2026-11-01T12:00:00Z"},
            "unsubscribe": {
                "RecordType": "SubscriptionChange", "Recipient": address, "ChangedAt": "2026-11-01T12:00:00Z",
                "Origin": "Recipient", "SuppressSending": True, "SuppressionReason": "ManualSuppression",
            },
            "other": {**bounce, "Type": "AutoResponder"},
        }[act]  # fmt: skip
        return {"MessageID": f"00000000-0000-0000-0000-{number:012}", **told}


class Brevo:
    secrets = {"token": "a-long-token-of-brevo"}  # noqa: RUF012 - a row
    options: dict[str, str] = {}  # noqa: RUF012

    def request(self, events: Any) -> dict[str, Any]:
        return {"json": events, "headers": {"Authorization": "Bearer a-long-token-of-brevo"}}

    def events(self, act: str, address: str, number: int = 1) -> dict[str, Any]:
        event = {
            "bounce_permanent": "hard_bounce", "bounce_temporary": "soft_bounce", "complaint": "spam",
            "unsubscribe": "unsubscribed", "other": "blocked",
        }[act]  # fmt: skip
        return {
            "event": event, "email": address, "id": 26224, "ts_event": 1_790_000_000,
            "message-id": f"<{number}@smtp-relay.example>",
        }  # fmt: skip


class Sns:
    """Signs as Amazon SNS does, with a certificate that lies on a server of this machine."""

    def __init__(self, version: str = "2") -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self.version = version
        self.visits: list[str] = []
        self.base = ""
        self.secrets: dict[str, str] = {}

    @property
    def options(self) -> dict[str, str]:
        return {"topic": TOPIC, "certificates": self.base}

    def certificate(self, *, days: int = 30) -> bytes:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.example")])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .sign(self._key, SHA256())
            .public_bytes(Encoding.PEM)
        )

    def message(self, kind: str = "Notification", **fields: str) -> dict[str, str]:
        message = {
            "Type": kind, "MessageId": "1", "TopicArn": TOPIC, "Timestamp": "2026-11-01T12:00:00.000Z",
            "SignatureVersion": self.version, "SigningCertURL": f"{self.base}good.pem", "Message": "hello", **fields,
        }  # fmt: skip
        names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        signature = self._key.sign(text.encode(), PKCS1v15(), SHA1() if self.version == "1" else SHA256())
        return {**message, "Signature": base64.b64encode(signature).decode()}

    def request(self, events: Any) -> dict[str, Any]:
        return self.sent(self.message(Message=json.dumps(events), Subject="Amazon SES Email Event Notification"))

    def sent(self, message: dict[str, str]) -> dict[str, Any]:
        return {"data": json.dumps(message), "content_type": "text/plain; charset=UTF-8"}

    def events(self, act: str, address: str, number: int = 1) -> dict[str, Any]:
        def bounce(kind: str, subtype: str) -> dict[str, Any]:
            return {
                "notificationType": "Bounce",
                "bounce": {
                    "bounceType": kind, "bounceSubType": subtype, "feedbackId": f"f{number}",
                    "timestamp": "2026-11-01T12:00:00.000Z", "bouncedRecipients": [{"emailAddress": address}],
                },
            }  # fmt: skip

        told: dict[str, Any] = {
            "bounce_permanent": bounce("Permanent", "General"),
            "bounce_temporary": bounce("Transient", "MailboxFull"),
            "other": bounce("Permanent", "OnAccountSuppressionList"),
            "complaint": {
                "eventType": "Complaint",
                "complaint": {
                    "feedbackId": f"f{number}", "timestamp": "2026-11-01T12:00:00.000Z",
                    "complaintFeedbackType": "abuse", "complainedRecipients": [{"emailAddress": address}],
                },
            },
            "unsubscribe": {
                "eventType": "Subscription",
                "mail": {"messageId": f"m{number}", "destination": [address]},
                "subscription": {
                    "timestamp": "2026-11-01T12:00:00.000Z", "source": "UnsubscribeHeader",
                    "newTopicPreferences": {"unsubscribeAll": True},
                },
            },
        }  # fmt: skip
        found: dict[str, Any] = told[act]
        return found


@contextmanager
def sns(version: str = "2") -> Iterator[Sns]:
    cloud = Sns(version)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cloud.visits.append(self.path)
            body = cloud.certificate(days=-1 if "old" in self.path else 30)
            self.send_response(404 if "missing" in self.path else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    cloud.base = f"http://127.0.0.1:{server.server_port}/certificates/"
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def vendor(kind: str) -> Iterator[Any]:
    if kind == "ses":
        with sns() as cloud:
            yield cloud
    else:
        yield {"sendgrid": SendGrid, "mailgun": Mailgun, "postmark": Postmark, "brevo": Brevo}[kind]()


class Door:
    """The door of senders of the test's register."""

    def __init__(self, client: FlaskClient, post: Post, keys: Keys) -> None:
        self.client = client
        self.post = post
        self.keys = keys

    def connect(self, kind: str, secrets: dict[str, str], options: dict[str, str], controller: str = "acme") -> None:
        with self.post.database.transaction() as session:
            sender_connections.add(
                session, "ours", kind, controller, secrets=secrets, options=options,
                address_key=self.keys.address_key, actor="test", now=clock.now(),
            )  # fmt: skip

    def tell(self, kind: str, request: dict[str, Any]) -> TestResponse:
        return self.client.post(f"/in/{kind}/ours", **request)

    def taken(self, kind: str, request: dict[str, Any]) -> dict[str, int]:
        answer = self.tell(kind, request)
        assert answer.status_code == 200, answer.status
        found: dict[str, int] = answer.get_json()["taken"]
        return found


@pytest.fixture
def door(client: FlaskClient, post: Post, keys: Keys) -> Door:
    return Door(client, post, keys)


KINDS = [sender.kind for sender in SENDERS]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_sender_tells_is_taken_once_and_means_what_its_documents_say(door: Door, kind: str) -> None:
    with vendor(kind) as theirs:
        door.connect(kind, theirs.secrets, theirs.options)
        requests = {}
        for number, (act, address) in enumerate(
            [
                ("bounce_temporary", AINO),
                ("bounce_permanent", AINO),
                ("complaint", AINO),
                ("unsubscribe", AINO),
                ("complaint", UNKNOWN),
                ("unsubscribe", "someone@else.example"),
                ("bounce_permanent", "away@posti.example"),
            ],
            start=1,
        ):
            requests[number] = theirs.request(theirs.events(act, address, number))
            assert door.taken(kind, requests[number]) == {act: 1}, act
        before = door.post.unchanged()
        assert door.taken(kind, theirs.request(theirs.events("other", AINO, 99))) in ({"other": 1}, {})
        for request in requests.values():
            # A sender that got no answer tells it again, word for word.
            assert door.taken(kind, request) == {}
        assert door.post.unchanged() == before

    assert door.post.point(AINO) == ("hard_bounce", 1)
    (complaint,) = door.post.entries("complaint")
    assert complaint[:4] == (door.post.contact_id("crm:aino"), "acme", ["email"], f"{kind}:ours")
    assert [(source, channels, controllers) for _, source, channels, controllers in door.post.bans()] == [
        ("self", ["email"], ["acme"]),
        ("complaint", ["email"], ["acme"]),
        ("self", ["email"], ["acme"]),
    ]
    assert {ban[0] for ban in door.post.bans()} == {
        door.post.address_key(address) for address in (AINO, UNKNOWN, "someone@else.example")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_the_senders_own_is_refused_without_a_word_and_changes_nothing(door: Door, kind: str) -> None:
    with vendor(kind) as theirs, vendor(kind) as others:
        door.connect(kind, theirs.secrets, theirs.options)
        before = door.post.unchanged()
        good = theirs.request(theirs.events("complaint", AINO))
        bare = {name: value for name, value in good.items() if name != "headers"}
        spoiled: list[dict[str, Any]] = [{"data": b""}, {"data": b"[]"}, {"json": {}}, {"data": b"\xff{"}]
        if kind in ("sendgrid", "postmark", "brevo"):
            spoiled.append(bare)
            spoiled.append(
                {**bare, "headers": {"Authorization": "Bearer no", "X-Twilio-Email-Event-Webhook-Signature": "é"}}
            )
        if kind == "sendgrid":
            spoiled.append({**good, "data": good["data"] + b" "})
            spoiled.append(theirs.request([], at=clock.now() - timedelta(days=2)))
            spoiled.append(others.request(theirs.events("complaint", AINO)))
        if kind == "mailgun":
            spoiled.append(theirs.request(theirs.events("complaint", AINO), at=clock.now() - timedelta(days=2)))
            forged = theirs.request(theirs.events("complaint", AINO))
            forged["json"]["signature"]["token"] = "another"
            spoiled.append(forged)
        if kind == "ses":
            message = json.loads(good["data"])
            spoiled += [
                theirs.sent({**message, "Message": message["Message"].replace(AINO, UNKNOWN)}),
                theirs.sent({**message, "SignatureVersion": "3"}),
                theirs.sent(theirs.message(TopicArn=TOPIC + "-of-somebody-else")),
                theirs.sent(theirs.message(SigningCertURL=f"{others.base}good.pem")),
                theirs.sent(theirs.message(SigningCertURL=f"{theirs.base}old.pem")),
                theirs.sent(theirs.message(SigningCertURL=f"{theirs.base}missing.pem")),
                theirs.sent(theirs.message("SubscriptionConfirmation", Token="t", SubscribeURL=f"{others.base}yes")),
            ]
        for request in spoiled:
            answer = door.tell(kind, request)
            assert answer.status_code == 401, request
            assert b"signature" not in answer.data
        assert door.client.post(f"/in/{kind}/unknown", **good).status_code == 401
        assert door.client.post("/in/nothing/ours", **good).status_code == 401
        assert door.post.unchanged() == before


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_subscription_of_a_topic_is_confirmed_and_certificates_are_fetched_once(door: Door, version: str) -> None:
    with sns(version) as cloud:
        door.connect("ses", {}, cloud.options)
        asked = cloud.message("SubscriptionConfirmation", Token="t", SubscribeURL=f"{cloud.base}?Action=Confirm")
        assert door.taken("ses", cloud.sent(asked)) == {}
        assert cloud.visits == ["/certificates/good.pem", "/certificates/?Action=Confirm"]
        assert door.taken("ses", cloud.request(cloud.events("bounce_permanent", AINO))) == {"bounce_permanent": 1}
        assert len(cloud.visits) == 2
        assert door.taken("ses", cloud.sent(cloud.message(Message="Successfully validated SNS topic"))) == {}
        refused = cloud.message("SubscriptionConfirmation", Token="t", SubscribeURL=f"{cloud.base}missing")
        # SNS asks again where it could not be confirmed.
        assert door.tell("ses", cloud.sent(refused)).status_code == 503


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://sns.eu-north-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem", True),
        ("https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef.pem", True),
        ("http://sns.eu-north-1.amazonaws.com/x.pem", False),
        ("https://sns.eu-north-1.amazonaws.com.evil.example/x.pem", False),
        ("https://sns.eu-north-1.amazonaws.com@evil.example/x.pem", False),
        ("https://evil.example/sns.eu-north-1.amazonaws.com/x.pem", False),
        ("https://sns.eu-north-1.amazonaws.com:8443/x.pem", False),
        ("https://s3.eu-north-1.amazonaws.com/bucket/x.pem", False),
        ("https://sns.amazonaws.com.example/x.pem", False),
        ("https://sns.eu/north.amazonaws.com/x.pem", False),
        ("https://[sns.eu-north-1.amazonaws.com/x.pem", False),
    ],
)
def test_only_addresses_of_sns_itself_are_asked(url: str, good: bool) -> None:
    assert is_of_sns(url, None) is good


def test_a_batch_with_a_bad_item_is_taken_but_for_that_item(door: Door) -> None:
    theirs = SendGrid()
    door.connect("sendgrid", theirs.secrets, {})
    events = [
        *theirs.events("complaint", AINO, 1),
        {"event": "bounce"},
        "nonsense",
        {**theirs.events("complaint", "not an address", 2)[0]},
        {**theirs.events("complaint", "null\0@posti.example", 3)[0]},
        *theirs.events("unsubscribe", UNKNOWN, 4),
        *theirs.events("bounce_permanent", AINO, 5),
        *theirs.events("bounce_permanent", AINO, 5),
    ]
    answer = door.tell("sendgrid", theirs.request(events))
    assert answer.get_json() == {
        "taken": {"complaint": 1, "unsubscribe": 1, "bounce_permanent": 1}, "taken_before": 0, "unread": 4,
    }  # fmt: skip
    assert door.post.point(AINO)[0] == "hard_bounce"


def test_a_token_of_mailgun_is_good_for_its_own_event_alone(door: Door) -> None:
    theirs = Mailgun()
    door.connect("mailgun", theirs.secrets, {})
    first = theirs.request(theirs.events("complaint", UNKNOWN, 1), token="once")
    assert door.taken("mailgun", first) == {"complaint": 1}
    assert door.taken("mailgun", first) == {}
    used = theirs.request(theirs.events("complaint", AINO, 2), token="once")
    assert door.tell("mailgun", used).status_code == 401
    assert not door.post.entries("complaint")


def test_one_complaint_told_by_two_webhooks_of_postmark_is_one(door: Door) -> None:
    theirs = Postmark()
    door.connect("postmark", theirs.secrets, {})
    assert door.taken("postmark", theirs.request(theirs.events("complaint", AINO))) == {"complaint": 1}
    change = {**theirs.events("unsubscribe", AINO), "SuppressionReason": "SpamComplaint"}
    assert door.taken("postmark", theirs.request(change)) == {}
    assert len(door.post.entries("complaint")) == 1
    reopened = {**theirs.events("unsubscribe", AINO), "SuppressSending": False}
    assert door.taken("postmark", theirs.request(reopened)) == {"other": 1}


def test_an_unsubscribe_is_in_the_journal_and_one_of_before_a_later_consent_is_older_than_it(door: Door) -> None:
    theirs = Brevo()
    door.connect("brevo", theirs.secrets, {})
    assert door.taken("brevo", theirs.request([theirs.events("unsubscribe", AINO)])) == {"unsubscribe": 1}
    folder = door.post.settings.data_folder / "journal"
    written = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert door.post.address_key(AINO).hex.encode() in written
    assert AINO.encode() not in written
    (day,) = {row[0] for row in door.post.rows("SELECT valid_from FROM prohibition")}
    assert day == datetime.fromtimestamp(1_790_000_000, UTC).date()


def test_what_cannot_be_made_durable_is_answered_so_that_the_sender_tells_it_again(
    door: Door, database: Database
) -> None:
    theirs = SendGrid()
    door.connect("sendgrid", theirs.secrets, {})
    request = theirs.request(theirs.events("complaint", AINO))
    with database.engine.connect() as connection:
        from sqlalchemy import text

        connection.execute(text("ALTER TABLE sender_event RENAME TO sender_event_away"))
        connection.commit()
        try:
            assert door.tell("sendgrid", request).status_code >= 500
        finally:
            connection.execute(text("ALTER TABLE sender_event_away RENAME TO sender_event"))
            connection.commit()
    assert not door.post.entries("complaint")
    assert door.taken("sendgrid", request) == {"complaint": 1}


@pytest.mark.parametrize(
    ("kind", "secrets", "options", "field"),
    [
        ("nobody", {}, {}, "kind"),
        ("ses", {}, {}, "topic"),
        ("ses", {}, {"topic": "bounces"}, "topic"),
        ("ses", {"key": "x"}, {"topic": TOPIC}, "key"),
        ("ses", {}, {"topic": TOPIC, "certificates": "http://elsewhere.example/"}, "certificates"),
        ("sendgrid", {"verification_key": "abc"}, {}, "verification_key"),
        ("mailgun", {"signing_key": "short"}, {}, "signing_key"),
        ("postmark", {"credentials": "no-colon-in-here-at-all"}, {}, "credentials"),
        ("brevo", {}, {}, "credentials or token"),
        ("brevo", {"token": "guess"}, {}, "token"),
    ],
)
def test_a_connection_that_could_not_work_is_refused(
    door: Door, kind: str, secrets: dict[str, str], options: dict[str, str], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        door.connect(kind, secrets, options)
    assert refused.value.field == field


def test_connections_are_made_listed_and_removed_at_the_terminal_and_show_no_secret(
    run_command: RunCommand, door: Door, database: Database, settings: Settings, keys: Keys
) -> None:
    secret = Brevo.secrets["token"]
    told = run_command(
        "senders",
        "add",
        "ours",
        "--kind",
        "brevo",
        "--controller",
        "acme",
        "--secret-file",
        "token=-",
        stdin=f"{secret}\n",
    ).stdout
    assert "/in/brevo/ours" in told
    theirs = Brevo()
    assert door.taken("brevo", theirs.request([theirs.events("complaint", AINO)])) == {"complaint": 1}
    listed = run_command("senders", "list").stdout
    assert "1 complaint" in listed
    stored = str(door.post.rows("SELECT encode(secrets, 'escape'), options::text FROM sender_connection"))
    audited = str(door.post.rows("SELECT action, object, detail::text FROM audit_event"))
    for text in (told, listed, stored, audited):
        assert secret not in text
    run_command("senders", "secrets", "ours", "--secret-file", "token=-", stdin="another-long-token-of-ours")
    assert door.tell("brevo", theirs.request([])).status_code == 401
    assert forget_sender_events(database, settings, keys, clock.now() + timedelta(days=91)) == "1 events forgotten"
    run_command("senders", "remove", "ours")
    assert "No sender" in run_command("senders", "list").stdout


def test_a_secret_that_the_service_is_told_is_made_and_shown_once_at_the_terminal(
    run_command: RunCommand, door: Door
) -> None:
    told = run_command("senders", "add", "ours", "--kind", "postmark", "--controller", "acme").stdout
    user, password = re.findall(r"https?://(.+):(.+)@", told)[0]
    postmark = Postmark()
    assert door.taken("postmark", _signed(postmark, user, password)) == {"complaint": 1}
    run_command("senders", "disable", "ours")
    assert "disabled" in run_command("senders", "list").stdout
    assert door.tell("postmark", _signed(postmark, user, password)).status_code == 401
    run_command("senders", "enable", "ours")
    again = run_command("senders", "secrets", "ours").stdout
    assert password not in again
    assert door.tell("postmark", _signed(postmark, user, password)).status_code == 401
    user, password = re.findall(r"https?://(.+):(.+)@", again)[0]
    assert door.tell("postmark", _signed(postmark, user, password)).status_code == 200


def _signed(postmark: Postmark, user: str, password: str) -> dict[str, Any]:
    """A complaint as Postmark posts it, with this user and password."""
    request = postmark.request(postmark.events("complaint", AINO))
    given = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {**request, "headers": {**request.get("headers", {}), "Authorization": f"Basic {given}"}}


def test_every_sender_says_where_its_documents_are() -> None:
    from importlib import import_module

    for kind in BY_KIND:
        assert "https://" in (import_module(f"consentmgr.replies.senders.{kind}").__doc__ or "")
