"""The command: what it makes, what it prints, and which folders it leaves alone."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from consentmgr.config import Settings
from consentmgr.demo.register import Size
from consentmgr.demo.run import MARKER, demonstrate
from consentmgr.importing.changes import NEW
from consentmgr.kit.errors import BadInput
from tests.conftest import AS_INSTALLED, RunCommand

LISTS = ("1-uutiskirje.csv", "2-paattajat.xlsx", "3-soittolista.csv")
ENDINGS = ("screened.csv", "allowed.csv", "report.html", "report.json", "certificate.json")
SMALL = Size(contacts=260, organisations=60)


def consentmgr(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in ``folder``, with no installation but the one that ``variables`` name."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTMGR_")}
    return subprocess.run(
        [sys.executable, "-m", "consentmgr", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=kept | {"PYTHONPATH": AS_INSTALLED} | variables,
        cwd=folder,
        check=False,
    )


def test_the_whole_demonstration(tmp_path: Path) -> None:
    began = monotonic()
    done = consentmgr(tmp_path, "demo", CONSENTMGR_DEMO_ONCE="1")
    took = monotonic() - began
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "consentmgr-demo"
    codes: set[str] = set()
    for name in LISTS:
        stem = (folder / "lists" / name).with_suffix("")
        report = json.loads(Path(f"{stem}.report.json").read_text(encoding="utf-8"))
        for ending in ENDINGS:
            assert Path(f"{stem}.{ending}").stat().st_size > 0
        assert sum(report["verdicts"].values()) == report["rows"] > 300
        assert all(count > report["rows"] / 20 for count in report["verdicts"].values()), report["verdicts"]
        with Path(f"{stem}.screened.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";" if name.startswith("1") else ","))
        assert len(rows) == report["rows"]
        codes |= {code for row in rows for code in row["cm_reasons"].split(";")}
        assert f"{stem}.report.html" in done.stdout
        assert name in done.stdout
    assert len(codes) >= 30, sorted(codes)
    for told in ("2,000", "300", "CONSENT_OK", "ROBINSON_PHONE", "Consent is needed and missing."):
        assert told in done.stdout

    # The commands it proposes are good as they are printed.
    proposed = [
        line.strip().split(" -m consentmgr ")[1] for line in done.stdout.splitlines() if " -m consentmgr " in line
    ]
    assert [line.split()[0] for line in proposed] == ["explain", "certificate", "export"]
    for line in proposed:
        told = consentmgr(tmp_path, *line.split(), CONSENTMGR_DATA=str(folder))
        assert told.returncode == 0, told.stderr
        assert any(word in told.stdout for word in ("DM_OBJECTION_ALL", "holds", '"register_position"'))

    # A partner's list has left, and its manifest is there and names it.
    manifest = json.loads((folder / "partner" / "postitalo-000001.manifest.json").read_text(encoding="utf-8"))
    (listed,) = manifest["files"]
    assert (folder / "partner" / listed["name"]).stat().st_size == listed["bytes"]
    assert listed["rows"] > 100
    assert "postitalo-000001.csv" in done.stdout

    # Two people wait for this at a time, and others test beside it.
    assert took < 40


@pytest.mark.slow
def test_in_a_folder_of_its_own_it_may_run_again(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path / "demo")
    now = datetime.now(UTC)
    first = demonstrate(settings, seed=4, language="sv", actor="test", now=now, size=SMALL)
    assert first.imported.rejected == 0
    assert first.imported.changes.total(NEW) == len(first.register.documents)
    assert [report.language for _, report in first.screened] == ["sv"] * 3
    again = demonstrate(settings, seed=4, language="fi", actor="test", now=now + timedelta(days=8))
    assert again.imported.changes.is_nothing
    assert again.made_on == first.made_on
    for (one, before), (_, after) in zip(first.screened, again.screened, strict=True):
        assert before.rows == after.rows, one.file
        planned = after.campaign.planned_at, before.campaign.planned_at
        assert planned[0] is not None
        assert planned[1] is not None
        assert planned[0] > planned[1]
    with pytest.raises(BadInput, match="the demonstration of seed 4"):
        demonstrate(settings, seed=5, language="fi", actor="test", now=now)


def test_at_its_end_the_pages_are_there_with_links_that_work(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    settings = Settings(data_folder=folder)
    demonstrate(settings, seed=4, language="fi", actor="test", now=datetime.now(UTC), size=SMALL)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTMGR_")}
    told = tmp_path / "told"
    with told.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "consentmgr", "demo", "--folder", str(folder), "--seed", "4", "--language", "fi"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=kept | {"PYTHONPATH": AS_INSTALLED, "PYTHONUNBUFFERED": "1"},
            cwd=tmp_path,
        )

    def wait_for(pattern: str) -> str:
        deadline = monotonic() + 60
        while not (found := re.search(pattern, told.read_text(encoding="utf-8"))):
            assert process.poll() is None, told.read_text(encoding="utf-8")
            assert monotonic() < deadline, told.read_text(encoding="utf-8")
            sleep(0.1)
        return found[0]

    def ask(address: str, **form: str) -> tuple[int, str]:
        body = urlencode(form).encode() if form else None
        with urlopen(Request(address, body, {"Accept-Language": "fi"}), timeout=30) as answer:
            return answer.status, answer.read().decode()

    try:
        wait_for("kunnes painat Ctrl-C")
        leave, choose, form = (wait_for(rf"http://localhost:\d+/{door}/\S+") for door in "ups")
        assert "Puutarhakirje" in ask(leave)[1]
        status, text = ask(choose)
        assert status == 200
        assert "Viikon tarjoukset" in text
        assert "data:image/svg+xml" in text
        assert ask(leave, **{"List-Unsubscribe": "One-Click"})[0] == 200
        assert "Esimerkkipuoti" in ask(form)[1]
        # Somebody asks for the link that was lost: the mail is kept, and its link is shown.
        address = leave.split("/u/")[0]
        register = folder / "register.jsonl"
        contacts = [json.loads(line) for line in register.read_text(encoding="utf-8").splitlines()]
        mailbox = next(
            point["value"]
            for contact in contacts
            if contact["type"] == "contact" and contact.get("language") == "fi"
            for point in contact.get("points", ())
            if point["channel"] == "email" and point["value"].isascii()
        )
        assert ask(f"{address}/link", email=mailbox, controller="puoti")[0] == 200
        came = wait_for(r"Viesti kirjoitettiin: \S+\.eml\n +http://localhost:\d+/\S+")
        assert ask(came.split()[-1])[0] == 200
        mail = Path(came.split()[2]).read_text(encoding="utf-8")
        assert mail.count(f"To: {mailbox}") == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    log = (folder / "server.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert mailbox not in log
    assert told.read_text(encoding="utf-8").endswith("Lopetettu.\n")


def test_it_leaves_a_register_with_people_alone(
    own_installation: Settings, environment: dict[str, str], run_command: RunCommand, tmp_path: Path
) -> None:
    folder = own_installation.data_folder
    environment.pop("CONSENTMGR_DATABASE_URL")
    environment["CONSENTMGR_DATA"] = str(folder)
    documents = tmp_path / "people.jsonl"
    documents.write_text('{"type":"contact","ref":"crm:1","given_name":"Aino"}\n', encoding="utf-8")
    run_command("import", documents)
    before = sorted(path.name for path in folder.iterdir())
    done = run_command("demo", expect=2)
    assert "name another folder with --folder" in done.stderr
    assert done.stdout == ""
    assert sorted(path.name for path in folder.iterdir()) == before


def test_it_leaves_an_installation_alone_whose_register_is_elsewhere(
    run_command: RunCommand, settings: Settings
) -> None:
    done = run_command("demo", expect=2)
    assert "whose register is elsewhere" in done.stderr
    assert not (settings.data_folder / MARKER).exists()


def test_it_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "summer.jpg").write_bytes(b"")
    done = consentmgr(tmp_path, "demo", "--folder", "photographs")
    assert done.returncode == 2
    assert "holds other things" in done.stderr
    assert [path.name for path in (tmp_path / "photographs").iterdir()] == ["summer.jpg"]


def test_a_marker_that_was_changed_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / MARKER).write_text("{}", encoding="utf-8")
    settings = replace(Settings(data_folder=tmp_path), data_folder=folder)
    with pytest.raises(BadInput, match="no longer what the demonstration wrote"):
        demonstrate(settings, seed=1, language="en", actor="test", now=datetime.now(UTC))
