"""A link by mail: the file stays here, a GET uses nothing up, and the link ends when it was agreed to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from consentmgr.config import Settings, load_settings
from consentmgr.db import Database
from consentmgr.exports.delivery_links import BadDeliveryLink, DeliveryLink, LinkEnded, LinkUse, link_of, mint
from consentmgr.exports.destinations import checked
from consentmgr.exports.jobs import end_links
from consentmgr.exports.kept_files import kept_folder
from consentmgr.exports.models import ExportDownload, ExportLink, ExportRun
from consentmgr.exports.runs import Published, run_schedule
from consentmgr.keys import Keys, distrust_link_key, load_link_keys, rotate_link_key
from consentmgr.kit import clock
from consentmgr.kit.errors import BadInput, NotDelivered, UnsafeSetting
from consentmgr.mail.jobs import send_mail
from consentmgr.mail.models import OutgoingMail
from consentmgr.prohibitions.models import Restoration
from tests.application import application
from tests.exports.conftest import Take
from tests.exports.test_runs import OBJECTED, person
from tests.mail.loopback import LoopbackServer, Received

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.conftest import RunningServer

TO = "mail:lists@postitalo.example?days=7&downloads=2&language=fi"


@pytest.fixture
def named(mail_settings: Settings) -> Settings:
    return replace(mail_settings, partner_mail=("@postitalo.example",))


@pytest.fixture
def send(database: Database, named: Settings, keys: Keys, smtp: LoopbackServer) -> Callable[[], Received]:
    """Run the schedule and bring the mail that tells of it."""

    def send() -> Received:
        _run(database, named, keys)
        send_mail(database, named, keys, clock.now())
        return smtp.box.received[-1]

    return send


def _run(database: Database, settings: Settings, keys: Keys) -> Published:
    done = run_schedule(database, settings, keys, "mailer", actor="test", claimed_by="test", now=clock.now())
    assert done is not None
    return done


@pytest.fixture
def web(database: Database, named: Settings) -> Iterator[FlaskClient]:
    with application(named, database) as app:
        yield app.test_client()


def path_of(url: str) -> str:
    assert url.startswith("https://valinnat.acme.example/x/")
    return urlsplit(url).path


def links_in(mail: Received) -> tuple[str, str]:
    """The paths of the downloading and of the acknowledging link."""
    first, second = [line for line in mail.text.splitlines() if "/x/" in line]
    return path_of(first), path_of(second)


def test_the_mail_holds_links_and_never_the_file(
    take: Take, schedule: Callable[..., str], send: Callable[[], Received], named: Settings, database: Database
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    mail = send()
    assert mail.recipients == ["lists@postitalo.example"]
    assert mail.message["Subject"] == "Tiedosto noudettavissa – Acme Oy"
    assert not list(mail.message.iter_attachments())
    assert "objector@x.example" not in mail.text + mail.html
    assert "enintään 2 kertaa" in mail.text
    with database.reading() as session:
        run = session.scalars(select(ExportRun)).one()
        folder = kept_folder(named, run.id)
    assert sorted(path.name for path in folder.iterdir()) == ["mailer-000001.csv", "mailer-000001.manifest.json"]
    assert folder.stat().st_mode & 0o077 == 0


def test_opening_the_link_uses_nothing_up_and_a_button_downloads_the_file_as_often_as_agreed(
    take: Take, schedule: Callable[..., str], send: Callable[[], Received], web: FlaskClient, database: Database
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    path, _ = links_in(send())
    for _ in range(10):
        page = web.get(path)
        assert page.status_code == 200
        assert web.head(path).status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "objector@x.example" not in page.text
    assert 'value="mailer-000001.csv"' in page.text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ExportDownload)) == 0
    for _ in range(2):
        with web.post(path, data={"file": "mailer-000001.csv"}) as file:
            assert file.status_code == 200
            assert b"objector@x.example" in file.data
            assert file.headers["Content-Disposition"] == "attachment; filename=mailer-000001.csv"
            assert file.headers["Cache-Control"] == "no-store"
    assert web.post(path, data={"file": "mailer-000001.csv"}).status_code == 410
    # The manifest is counted by itself.
    with web.post(path, data={"file": "mailer-000001.manifest.json"}) as manifest:
        assert b"register_position" in manifest.data
    assert web.get(path, headers={"Accept": "application/json"}).json["files"][0]["downloads_left"] == 0  # type: ignore[index]


@pytest.mark.parametrize("name", ["", "../../../keys/link.key", "mailer-000001.csv.part", "/etc/passwd"])
def test_a_link_leads_to_its_own_files_and_no_others(
    name: str, take: Take, schedule: Callable[..., str], send: Callable[[], Received], web: FlaskClient
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    path, _ = links_in(send())
    assert web.post(path, data={"file": name}).status_code == 400


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_pages_speak_the_partners_language(
    language: str, take: Take, schedule: Callable[..., str], send: Callable[[], Received], web: FlaskClient
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    told = {"fi": ("Tiedostot: ", "Kuittaa"), "sv": ("Filer till ", "Kvittera"), "en": ("Files for ", "Acknowledge")}
    for path, words in zip(links_in(send()), told[language], strict=True):
        page = web.get(path, headers={"Accept-Language": language})
        assert f"<h1>{words}" in page.text
        assert f'<html lang="{language}">' in page.text
        assert "<script" not in page.text


def test_a_link_ends_with_its_time_and_its_files_go(
    take: Take,
    schedule: Callable[..., str],
    send: Callable[[], Received],
    web: FlaskClient,
    database: Database,
    named: Settings,
    keys: Keys,
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    path, _ = links_in(send())
    assert end_links(database, named, keys, clock.now()) == "0 links ended"
    assert web.get(path).status_code == 200
    assert end_links(database, named, keys, clock.now() + timedelta(days=8)) == "1 links ended"
    assert not list((named.data_folder / "exports" / "kept").iterdir())
    for answer in (web.get(path), web.post(path, data={"file": "mailer-000001.csv"})):
        assert answer.status_code == 410
    told = web.get(path, headers={"Accept": "application/json"})
    assert told.mimetype == "application/problem+json"


def test_a_token_opens_only_what_it_was_made_for_and_only_in_its_time(named: Settings) -> None:
    now = clock.now()
    link = DeliveryLink(LinkUse.DOWNLOAD, UUID(int=7), (now + timedelta(days=1)).replace(microsecond=0))
    token = mint(named, link)
    assert link_of(named, token, now) == link
    with pytest.raises(LinkEnded):
        link_of(named, token, now + timedelta(days=2))
    for place in range(len(token)):
        damaged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        # The last character of a signature has bits that say nothing.
        if place != len(token) - 1:
            with pytest.raises(BadDeliveryLink):
                link_of(named, damaged, now)
    other = mint(named, replace(link, use=LinkUse.ACKNOWLEDGE))
    assert other != token
    assert link_of(named, other, now).use is LinkUse.ACKNOWLEDGE
    for nonsense in ("", ".", "x" * 500, "ä", token + "."):
        with pytest.raises(BadDeliveryLink):
            link_of(named, nonsense, now)


def test_a_key_that_leaked_opens_no_files_and_an_old_one_does(named: Settings) -> None:
    now = clock.now()
    token = mint(named, DeliveryLink(LinkUse.DOWNLOAD, UUID(int=7), now + timedelta(days=1)))
    (key,) = load_link_keys(named)
    rotate_link_key(named, today=now.date())
    assert link_of(named, token, now).subject == UUID(int=7)
    distrust_link_key(named, key.id, today=now.date())
    with pytest.raises(BadDeliveryLink):
        link_of(named, token, now)


def test_an_unknown_link_is_told_to_people_and_to_programmes(web: FlaskClient) -> None:
    assert web.get("/x/nothing.at-all").status_code == 404
    told = web.post("/x/nothing.at-all", headers={"Accept": "application/json"})
    assert (told.status_code, told.mimetype) == (404, "application/problem+json")


def test_links_go_to_addresses_that_the_operator_named_and_to_no_others(
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    mail_settings: Settings,
    named: Settings,
    keys: Keys,
    smtp: LoopbackServer,
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination="mail:lists@postitalo.example,somebody@elsewhere.example")
    for settings in (mail_settings, named):
        with pytest.raises(NotDelivered, match="CONSENTMGR_PARTNER_MAIL"):
            _run(database, settings, keys)
    with pytest.raises(NotDelivered, match="CONSENTMGR_SMTP_URL"):
        _run(
            database,
            replace(named, smtp_url=None, partner_mail=("@postitalo.example", "somebody@elsewhere.example")),
            keys,
        )
    assert not smtp.box.received
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ExportLink)) == 0


def test_a_run_that_is_taken_up_again_mails_no_second_link(
    take: Take, schedule: Callable[..., str], database: Database, named: Settings, keys: Keys
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    _run(database, named, keys)
    with database.transaction() as session:
        run = session.scalars(select(ExportRun)).one()
        # As if the process had died after the mail and before the run was written down as published.
        run.state, run.published_at = "prepared", None
    assert _run(database, named, keys).sequence == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ExportLink)) == 1
        assert session.scalar(select(func.count()).select_from(OutgoingMail)) == 1


def test_a_partner_of_many_lists_gets_every_mail(
    take: Take, schedule: Callable[..., str], database: Database, named: Settings, keys: Keys, smtp: LoopbackServer
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    for _ in range(5):
        _run(database, named, keys)
    send_mail(database, named, keys, clock.now())
    assert len(smtp.box.received) == 5


def test_two_who_take_the_last_download_at_once_do_not_both_get_it(
    take: Take, schedule: Callable[..., str], send: Callable[[], Received], web: FlaskClient
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO.replace("downloads=2", "downloads=1"))
    path, _ = links_in(send())
    app = web.application

    def ask(_: int) -> int:
        with app.test_client().post(path, data={"file": "mailer-000001.csv"}) as answer:
            return answer.status_code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert sorted(answers) == [200, 410, 410, 410]


def test_nothing_is_handed_out_by_a_register_that_was_restored_and_not_recovered(
    take: Take, schedule: Callable[..., str], send: Callable[[], Received], web: FlaskClient, database: Database
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    download, acknowledge = links_in(send())
    now = clock.now()
    with database.transaction() as session:
        session.add(Restoration(backup_taken_at=now, restored_at=now, restored_by="test"))
    assert web.post(download, data={"file": "mailer-000001.csv"}).status_code == 409
    assert web.post(acknowledge).status_code == 409


@pytest.mark.parametrize(
    "address",
    [
        "mail:",
        "mail:nobody",
        "mail:a@x.example?days=0",
        "mail:a@x.example?days=61",
        "mail:a@x.example?downloads=x",
        "mail:a@x.example?language=de",
        "mail:a@x.example?bcc=b@x.example",
        "mail://a@x.example",
    ],
)
def test_what_is_no_address_for_a_link_is_refused(address: str) -> None:
    with pytest.raises(BadInput):
        checked(address)


@pytest.mark.parametrize("value", ["postitalo.example", "a b", "@", "a@x.example,b"])
def test_what_is_no_list_of_partners_is_refused_by_name(value: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeSetting, match="CONSENTMGR_PARTNER_MAIL"):
        load_settings({"CONSENTMGR_DATA": str(tmp_path), "CONSENTMGR_PARTNER_MAIL": value})


def test_a_large_file_comes_whole_from_the_real_server(
    take: Take,
    schedule: Callable[..., str],
    database: Database,
    named: Settings,
    keys: Keys,
    serve: Callable[..., RunningServer],
) -> None:
    take([person("objector", OBJECTED)])
    schedule(destination=TO)
    _run(database, named, keys)
    with database.transaction() as session:
        link = session.scalars(select(ExportLink)).one()
        content = random.Random(1).randbytes(3_000_000)
        (kept_folder(named, link.run_id) / "mailer-000001.csv").write_bytes(content)
        path = f"/x/{mint(named, DeliveryLink(LinkUse.DOWNLOAD, link.id, link.expires_at))}"
    running = serve("--no-jobs")
    answer = httpx.post(running.url + path, data={"file": "mailer-000001.csv"}, timeout=30)
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["Content-Disposition"] == "attachment; filename=mailer-000001.csv"
    assert str(named.data_folder) not in str(answer.headers)
    # Neither the file's name nor the token is logged.
    assert "mailer-000001" not in running.log()
    assert path not in running.log()


def test_whoever_tries_links_by_the_hundred_is_stopped(client: FlaskClient) -> None:
    from consentmgr.edge.limits import DOORS

    most = next(door.most for door in DOORS if door.name == "delivery")
    # Two windows, should the test begin at the end of one.
    answers = [client.post("/x/not-a-link").status_code for _ in range(2 * most + 1)]
    assert answers[0] == 404
    assert answers[-1] == 429
    assert client.get("/x/not-a-link").status_code == 404, "looking is not counted"
