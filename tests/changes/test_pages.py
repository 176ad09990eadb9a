"""Webhooks at the desk and at the terminal."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consentmgr.changes.delivering import deliver_due
from consentmgr.config import Settings
from consentmgr.keys import Keys
from consentmgr.kit import clock
from tests.changes.conftest import Changing, act, person
from tests.changes.receivers import receiving
from tests.changes.test_delivering import HERE

if TYPE_CHECKING:
    from tests.conftest import RunCommand
    from tests.staff.signing_in import Desk


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Receivers of this machine may be told."""
    return replace(settings, private_destinations=HERE)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_desk_shows_how_webhooks_stand_in_every_language(
    desk: Desk, changing: Changing, settings: Settings, keys: Keys, language: str
) -> None:
    client = desk("administrator")
    assert client.get(f"/desk/webhooks/?lang={language}").status_code == 200
    with receiving(lambda _: 500) as receiver:
        page = client.post("/desk/webhooks/add", data={"url": receiver.url, "reach": "all", "type": "objected"})
        secret = re.search(r'value="(whsec_[^"]+)"', page.text)
        assert secret is not None, page.text
        changing.take_well(person("aino", act("objected")))
        deliver_due(changing.database, settings, keys, clock.now())
    listed = client.get(f"/desk/webhooks/?lang={language}").text
    (number,) = set(re.findall(r"/desk/webhooks/(\d+)", listed))
    shown = html.unescape(client.get(f"/desk/webhooks/{number}?lang={language}").text)
    assert "answered 500" in shown
    for text in (listed, shown):
        assert secret[1] not in text


def test_an_administrator_disables_enables_replays_rotates_and_removes(desk: Desk, changing: Changing) -> None:
    client = desk("administrator")
    with receiving() as receiver:
        client.post("/desk/webhooks/add", data={"url": receiver.url, "reach": "all"})
        (number,) = set(re.findall(r"/desk/webhooks/(\d+)", client.get("/desk/webhooks/").text))
        path = f"/desk/webhooks/{number}"
        changing.append(1, 2)
        assert client.post(f"{path}/disable").status_code == 303
        assert "/enable" in client.get(path).text
        assert client.post(f"{path}/enable").status_code == 303
        assert client.post(f"{path}/replay", data={"from": "day", "since": "2020-01-01"}).status_code == 303
        assert client.post(f"{path}/replay", data={"from": "day", "since": "soon"}).status_code == 422
        assert client.post(f"{path}/replay", data={"from": "now"}).status_code == 303
        assert "whsec_" in client.post(f"{path}/rotate", data={"overlap": "1"}).text
        assert client.post(f"{path}/remove").status_code == 303
        assert client.get(path).status_code == 404
    refused = client.post("/desk/webhooks/add", data={"url": "https://10.0.0.1/", "reach": "all"})
    assert refused.status_code == 422
    assert desk("marketer").get("/desk/webhooks/").status_code == 403


def test_the_terminal_does_all_that_the_desk_does(
    run_command: RunCommand, changing: Changing, environment: dict[str, str], settings: Settings, keys: Keys
) -> None:
    environment["CONSENTMGR_PRIVATE_DESTINATIONS"] = "127.0.0.0/8"
    with receiving() as receiver:
        told = run_command("webhooks", "add", receiver.url, "--controller", "acme", "--type", "objected").stdout
        secret = told.split()[-1]
        number = re.findall(r"Webhook (\d+)", told)[0]
        changing.take_well(person("aino", act("objected")))
        deliver_due(changing.database, settings, keys, clock.now())
        receiver.verify(receiver.taken[0], secret)
        listed = run_command("webhooks", "list").stdout
        assert "1 taken, 0 waiting" in listed
        assert secret not in listed
        assert "taken (204)" in run_command("webhooks", "attempts", number).stdout
        assert "has 1 entries before it" in run_command("webhooks", "replay", number, "--since", "2020-01-01").stdout
        assert "has 1 entries" in run_command("webhooks", "replay", number, "--after", "beginning").stdout
        assert "whsec_" in run_command("webhooks", "rotate", number).stdout
        for command in ("disable", "enable", "remove"):
            run_command("webhooks", command, number)
        assert "no webhooks" in run_command("webhooks", "list").stdout
        run_command("webhooks", "enable", number, expect=2)
        run_command("webhooks", "add", "http://partner.example/", expect=2)
