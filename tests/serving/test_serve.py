"""``consentmgr serve`` as a process: it starts, says where, refuses what is unsafe, and ends when told."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.conftest import RunCommand, RunningServer, free_port

Serve = Callable[..., RunningServer]


def fetch(url: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    try:
        with urlopen(Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def test_it_serves_until_it_is_told_to_end(serve: Serve) -> None:
    web = serve(alone=True)
    status, text, headers = fetch(f"{web.url}/healthz")
    assert (status, json.loads(text)) == (200, {"status": "ok"})
    assert re.fullmatch("[0-9a-f]{16}", headers["x-request-id"])
    assert fetch(f"{web.url}/", **{"Accept-Language": "sv"})[1].count('lang="sv"') >= 1
    assert web.stop() == 0, web.log()
    lines = [json.loads(line) for line in web.log().splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines][-1] == "ended"
    assert "Serving " in web.log()


def test_a_second_one_at_the_same_port_says_so_and_ends(web: RunningServer, run_command: RunCommand) -> None:
    port = web.url.rpartition(":")[2]
    done = run_command("serve", "--port", port, expect=3)
    assert done.stderr == (
        f"consentmgr: cannot serve at 127.0.0.1 port {port}: another program listens there already; "
        "--port names another\n"
    )
    assert fetch(f"{web.url}/healthz")[0] == 200


def test_ctrl_c_ends_it_too(serve: Serve) -> None:
    web = serve(alone=True)
    web.process.send_signal(signal.SIGINT)
    assert web.process.wait(30) == 0


def test_port_0_is_a_free_one_and_is_told(serve: Serve) -> None:
    web = serve(port=0)
    found = re.search(r"^Serving (http://127\.0\.0\.1:\d+)/", web.log(), re.MULTILINE)
    assert found
    assert not found[1].endswith(":0")
    assert fetch(f"{found[1]}/healthz")[0] == 200


def test_others_are_not_let_in_while_links_lead_to_this_machine(run_command: RunCommand) -> None:
    done = run_command("serve", "--host", "0.0.0.0", "--port", "0", expect=3)
    assert "set CONSENTMGR_PUBLIC_URL to the https:// address people use" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CONSENTMGR_TRUSTED_PROXIES", "0.0.0.0/0", "may not be everybody"),
        ("CONSENTMGR_TRUSTED_PROXIES", "proxy", "must name addresses or networks"),
        ("CONSENTMGR_METRICS", "0.0.0.0:9464", "not for the public"),
        ("CONSENTMGR_METRICS", "127.0.0.1", "must be an address of this machine and a port"),
        ("CONSENTMGR_PUBLIC_URL", "http://consent.example", "must begin with https://"),
    ],
)
def test_unsafe_settings_are_refused(
    variable: str, value: str, said: str, run_command: RunCommand, environment: dict[str, str]
) -> None:
    environment[variable] = value
    assert said in run_command("serve", "--port", "0", expect=3).stderr


def test_metrics_are_at_an_address_of_their_own(serve: Serve) -> None:
    address = f"127.0.0.1:{free_port()}"
    web = serve(CONSENTMGR_METRICS=address)
    assert fetch(f"{web.url}/metrics")[0] == 404
    fetch(f"{web.url}/healthz")
    text = fetch(f"http://{address}/metrics")[1]
    assert 'consentmgr_requests_total{endpoint="house.health",method="GET",status="200"} 1.0' in text
    assert 'consentmgr_requests_total{endpoint="none",method="GET",status="404"} 1.0' in text


def test_it_runs_timed_work_unless_told_not_to(serve: Serve, run_command: RunCommand) -> None:
    web = serve("--no-jobs")
    fetch(f"{web.url}/healthz")
    assert "done" not in run_command("jobs", "list").stdout
    assert web.stop() == 0
    assert '"jobs":false' in web.log()
