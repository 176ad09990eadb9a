"""Every destination against a real server of its kind: whole files, the manifest last, and nothing in part."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

import asyncssh
import pytest
from botocore.session import get_session
from moto.server import ThreadedMotoServer
from standardwebhooks.webhooks import Webhook

from consentmgr.edge.web_requests import LARGEST_ANSWER, trusted
from consentmgr.exports.destinations import checked, opened
from consentmgr.exports.destinations.destination import Destination, Readable
from consentmgr.kit.errors import NotDelivered

HERE = (ip_network("127.0.0.0/8"),)
BODY = b"address\n=a@x.example\n" + bytes(range(256)) * 5_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "list-000001.csv"
    path.write_bytes(BODY)
    return path


# --- folder ----------------------------------------------------------------------------------------------------------


def test_a_folder_shows_a_file_whole_or_not_at_all(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "in"
    target.mkdir()
    destination = opened(checked(f"folder:{target}"), {}, ())
    destination.put("a.csv", source)
    destination.put("a.csv", source)
    assert [path.name for path in target.iterdir()] == ["a.csv"]
    assert (target / "a.csv").read_bytes() == BODY
    target.rename(tmp_path / "away")
    with pytest.raises(NotDelivered):
        destination.put("b.csv", source)


# --- SFTP ------------------------------------------------------------------------------------------------------------


class SftpServer:
    """asyncssh's own server in a thread, its root a folder; it can drop the connection or be full after so many bytes
    of a file, or allow nothing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.drop_after: int | None = None
        self.full_after: int | None = None
        self.denied = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(self._start())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> Any:
        outer = self

        class Users(asyncssh.SSHServer):
            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                return (username, password) == ("list", "right")

        class Files(asyncssh.SFTPServer):
            def __init__(self, channel: Any) -> None:
                super().__init__(channel, chroot=str(outer.root))

            def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
                if outer.denied:
                    raise asyncssh.SFTPPermissionDenied("not allowed")
                return super().open(path, pflags, attrs)

            async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
                if outer.full_after is not None and offset + len(data) > outer.full_after:
                    raise asyncssh.SFTPFailure("no space left on device")
                if outer.drop_after is not None and offset + len(data) > outer.drop_after:
                    self.channel.get_connection().abort()
                    raise asyncssh.SFTPFailure("cut")
                return int(super().write(file_obj, offset, data))  # type: ignore[arg-type]

        return await asyncssh.create_server(Users, "127.0.0.1", 0, server_host_keys=[self.host_key], sftp_factory=Files)

    @property
    def public_key(self) -> str:
        return self.host_key.export_public_key().decode().strip()

    def close(self) -> None:
        async def stop() -> None:
            self._server.close()
            await self._server.wait_closed()

        self._do(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    root = tmp_path / "sftp"
    root.mkdir()
    server = SftpServer(root)
    yield server
    server.close()


def sftp_destination(server: SftpServer, **secrets: str) -> Destination:
    options = checked(f"sftp://list@127.0.0.1:{server.port}/")
    return opened(options, {"host_key": server.public_key, "password": "right", **secrets}, HERE)


def test_sftp_renames_a_whole_file_into_its_place(sftp: SftpServer, source: Path) -> None:
    destination = sftp_destination(sftp)
    destination.put("a.csv", source)
    destination.put("a.csv", source)
    assert [path.name for path in sftp.root.iterdir()] == ["a.csv"]
    assert (sftp.root / "a.csv").read_bytes() == BODY


def test_another_host_key_than_the_pinned_one_gets_nothing(sftp: SftpServer, source: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    with pytest.raises(NotDelivered, match="another host key"):
        sftp_destination(sftp, host_key=other).put("a.csv", source)
    assert not list(sftp.root.iterdir())


def test_a_wrong_password_is_said_without_repeating_it(sftp: SftpServer, source: Path) -> None:
    with pytest.raises(NotDelivered, match="does not let list in") as refused:
        sftp_destination(sftp, password="wrong").put("a.csv", source)
    assert "wrong" not in str(refused.value)


def test_a_connection_cut_anywhere_leaves_no_file_under_its_name(sftp: SftpServer, source: Path) -> None:
    destination = sftp_destination(sftp)
    (sftp.root / "a.csv").write_bytes(b"the old one")
    for cut in (1, 40_000, len(BODY) - 1):
        sftp.drop_after = cut
        with pytest.raises(NotDelivered):
            destination.put("a.csv", source)
        assert (sftp.root / "a.csv").read_bytes() == b"the old one"
    sftp.drop_after = None
    destination.put("a.csv", source)
    assert (sftp.root / "a.csv").read_bytes() == BODY


def test_what_a_partner_leaves_at_sftp_is_read_and_nothing_else_is_waited_for(sftp: SftpServer) -> None:
    destination = sftp_destination(sftp)
    assert isinstance(destination, Readable)
    assert destination.read("a.ack.json") is None
    (sftp.root / "a.ack.json").write_bytes(b"{}")
    assert destination.read("a.ack.json") == b"{}"
    (sftp.root / "a.ack.json").write_bytes(bytes(LARGEST_ANSWER + 1))
    assert destination.read("a.ack.json") is None


# --- S3 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def test_s3_takes_an_object_with_its_hash_signed(s3: str, source: Path) -> None:
    store = get_session().create_client(
        "s3",
        endpoint_url=s3,
        region_name="eu-north-1",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    )
    store.create_bucket(Bucket="lists", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    options = checked(f"s3://lists/bans/daily?endpoint={s3}&region=eu-north-1")
    destination = opened(options, {"access_key": "id", "secret_key": "secret"}, HERE)
    destination.put("a.csv", source)
    destination.put("a.csv", source)
    assert store.get_object(Bucket="lists", Key="bans/daily/a.csv")["Body"].read() == BODY
    # What a partner leaves there is read back, and what is not there or too large is none.
    assert isinstance(destination, Readable)
    assert destination.read("a.ack.json") is None
    for size in (2, LARGEST_ANSWER + 1):
        store.put_object(Bucket="lists", Key="bans/daily/a.ack.json", Body=bytes(size))
        assert destination.read("a.ack.json") == (bytes(size) if size == 2 else None)
    store.close()
    destination.close()


def test_a_bucket_that_is_not_there_is_not_delivered_to(s3: str, source: Path) -> None:
    destination = opened(checked(f"s3://nowhere?endpoint={s3}"), {"access_key": "i", "secret_key": "s"}, HERE)
    with pytest.raises(NotDelivered, match="404"):
        destination.put("a.csv", source)
    destination.close()


# --- HTTPS and webhooks ----------------------------------------------------------------------------------------------


class Receiver:
    """A receiver that keeps what it got, and fails as often as ``failing`` says."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.failing: Callable[[], bool] = lambda: False
        self.url = ""


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # A request that did not end is none (RFC 9112, section 8).
                self.close_connection = True
                return
            if receiver.failing():
                self.send_response(503)
            else:
                receiver.files[self.path] = body
                receiver.requests.append((self.path, dict(self.headers), body))
                self.send_response(201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST = _take  # noqa: N815 - the names the base class calls

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/in"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_an_upload_carries_token_length_and_hash(source: Path) -> None:
    with receiving() as receiver:
        destination = opened(checked(receiver.url), {"token": "of the partner"}, HERE)
        destination.put("a.csv", source)
        destination.close()
    path, headers, body = receiver.requests[0]
    assert (path, body) == ("/in/a.csv", BODY)
    assert headers["Authorization"] == "Bearer of the partner"
    assert headers["Repr-Digest"].startswith("sha-256=:")
    assert headers["Host"].startswith("127.0.0.1:")


def test_a_receiver_that_fails_three_times_in_ten_has_everything_in_the_end(source: Path) -> None:
    random = Random(4)
    with receiving() as receiver:
        receiver.failing = lambda: random.random() < 0.3
        destination = opened(checked(receiver.url), {}, HERE)
        for number in range(20):
            for _ in range(50):
                try:
                    destination.put(f"{number}.csv", source)
                    break
                except NotDelivered:
                    continue
        destination.close()
        assert len(receiver.files) == 20
        assert {hashlib.sha256(body).hexdigest() for body in receiver.files.values()} == {
            hashlib.sha256(BODY).hexdigest()
        }


def test_whoever_is_sent_to_shows_a_certificate_of_the_name_it_was_asked_by() -> None:
    believed = trusted()
    assert believed.verify_mode is ssl.CERT_REQUIRED
    assert believed.check_hostname
    assert believed.get_ca_certs()


def test_nobody_answering_is_not_delivered(source: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    destination = opened(checked(f"http://127.0.0.1:{port}/in"), {}, HERE)
    with pytest.raises(NotDelivered, match="did not answer"):
        destination.put("a.csv", source)
    destination.close()


def test_a_webhook_posts_the_manifest_alone_signed_so_that_the_standard_library_takes_it(
    tmp_path: Path, source: Path
) -> None:
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    manifest = tmp_path / "list-000001.manifest.json"
    manifest.write_text(json.dumps({"sequence": 1}))
    with receiving() as receiver:
        destination = opened(checked(f"webhook+{receiver.url}"), {"signing_secret": secret}, HERE)
        destination.put("list-000001.csv", source)
        destination.put(manifest.name, manifest)
        destination.put(manifest.name, manifest)
        destination.close()
    (_, headers, body), (_, again, _) = receiver.requests
    told = Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    assert told == {"type": "export.published", "data": {"sequence": 1}}
    assert again["webhook-id"] == headers["webhook-id"]


def test_a_missing_secret_is_named(source: Path) -> None:
    for address, name in (
        ("sftp://list@partner.example/", "host_key"),
        ("s3://lists", "access_key"),
        ("webhook+https://partner.example/hook", "signing_secret"),
    ):
        with pytest.raises(NotDelivered, match=name):
            opened(checked(address), {}, ())
