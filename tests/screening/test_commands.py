"""The screening commands as people and scripts use them: real processes, real files, exit codes and sentences."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunCommand

CAMPAIGN = {"key": "nov", "name": "November", "controller": "acme", "product_group": "training"}
REGISTER: list[dict[str, Any]] = [
    {"type": "controller", "key": "acme", "name": "Acme Oy", "default": True},
    {"type": "notice", "key": "signup", "version": 1, "language": "fi", "text": "Haluan sähköpostia.",
     "controllers": ["acme"], "channels": ["email"], "purposes": ["direct_marketing"]},
    {"type": "contact", "ref": "crm:1", "given_name": "Aino", "family_name": "Aalto",
     "points": [{"channel": "email", "value": "aino@posti.example", "use": "private", "source": "web_form"}],
     "events": [{"event": "consent_given", "at": "2026-08-01T10:00:00+03:00", "controller": "acme", "method": "web_form",
                 "channels": ["email"], "purposes": ["direct_marketing"], "notice": "signup/1/fi"}]},
    {"type": "contact", "ref": "crm:2", "given_name": "Birger", "family_name": "Berg",
     "points": [{"channel": "email", "value": "birger@posti.example", "use": "private", "source": "web_form"}],
     "events": [{"event": "objected", "at": "2026-09-01T10:00:00+03:00", "controller": "acme", "method": "phone",
                 "note": "ei enää"}]},
]  # fmt: skip
LIST = "email;note\naino@posti.example;=1+1\nBIRGER@posti.example;\n\nnobody@posti.example;x\n"


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.json"
    path.write_text(json.dumps(CAMPAIGN), encoding="utf-8")
    return path


@pytest.fixture
def register(tmp_path: Path, run_command: RunCommand) -> None:
    path = tmp_path / "register.jsonl"
    path.write_text("".join(json.dumps(document) + "\n" for document in REGISTER), encoding="utf-8")
    run_command("import", path)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


@pytest.mark.usefixtures("register")
def test_a_list_comes_back_whole_with_every_file_beside_it(
    campaign: Path, tmp_path: Path, run_command: RunCommand
) -> None:
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    run_command("screen", "--campaign", campaign, "list.csv")
    rows = rows_of((tmp_path / "list.screened.csv").read_text(encoding="utf-8"))
    assert [(row["email"], row["note"], row["cm_verdict"], row["cm_reason"]) for row in rows] == [
        ("aino@posti.example", "=1+1", "allow", "CONSENT_OK"),
        ("BIRGER@posti.example", "", "block", "DM_OBJECTION_ALL"),
        ("nobody@posti.example", "x", "block", "CONSENT_MISSING"),
    ]
    assert (tmp_path / "list.allowed.csv").read_text(encoding="utf-8") == "email;note\naino@posti.example;=1+1\n"
    report = json.loads((tmp_path / "list.report.json").read_text(encoding="utf-8"))
    assert report["verdicts"] == {"allow": 1, "review": 0, "block": 2}
    assert "<script" not in (tmp_path / "list.report.html").read_text(encoding="utf-8")
    verified = run_command("certificate", "verify", "list.certificate.json")
    assert "expired" not in verified.stdout.lower()
    (tmp_path / "list.allowed.csv").write_text("email;note\nbirger@posti.example;\n", encoding="utf-8")
    run_command("certificate", "verify", "list.certificate.json", expect=1)


@pytest.mark.usefixtures("register")
def test_it_works_as_a_unix_filter(campaign: Path, tmp_path: Path, run_command: RunCommand) -> None:
    done = run_command("screen", "--campaign", campaign, "-", stdin=LIST)
    assert [row["cm_verdict"] for row in rows_of(done.stdout)] == ["allow", "block", "block"]
    assert not list(tmp_path.glob("*.certificate.json"))


@pytest.mark.usefixtures("register")
@pytest.mark.parametrize(("language", "word"), [("fi", "suostunut"), ("sv", "samtyckt"), ("en", "consented")])
def test_explanations_are_in_the_language_asked_for(
    language: str, word: str, campaign: Path, run_command: RunCommand
) -> None:
    done = run_command("screen", "--campaign", campaign, "--language", language, "-", stdin=LIST)
    assert word in rows_of(done.stdout)[0]["cm_explanation"]


@pytest.mark.usefixtures("register")
def test_a_list_without_rows_is_screened_and_empty(campaign: Path, run_command: RunCommand) -> None:
    done = run_command("screen", "--campaign", campaign, "-", stdin="email\n")
    assert done.stdout.startswith("email,cm_verdict")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.usefixtures("register")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1"),
        ('{"channel": "pigeon"}', "channel"),
        ('{"colour": "red"}', "colour"),
        ('{"controller": "nobody"}', "controller"),
        ('{"controller": "acme", "joint_controllers": ["beta"]}', "joint_controllers"),
        ('{"controller": "acme", "planned_at": "2026-02-30T10:00:00+02:00"}', "planned_at"),
        ("[]", "object"),
        ("", "line 1"),
    ],
)
def test_a_broken_campaign_is_refused_by_file_and_field_and_nothing_is_written(
    text: str, told: str, tmp_path: Path, run_command: RunCommand
) -> None:
    (tmp_path / "broken.json").write_text(text, encoding="utf-8")
    (tmp_path / "list.csv").write_text(LIST, encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    done = run_command("screen", "--campaign", "broken.json", "list.csv", expect=2)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("register")
def test_a_campaign_may_be_stored_and_named_by_its_key(tmp_path: Path, run_command: RunCommand) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps({"type": "campaign", **CAMPAIGN}) + "\n", encoding="utf-8")
    run_command("import", "c.jsonl")
    done = run_command("screen", "--campaign", "nov", "-", stdin=LIST)
    assert [row["cm_verdict"] for row in rows_of(done.stdout)] == ["allow", "block", "block"]
    missing = run_command("screen", "--campaign", "dec", "-", stdin=LIST, expect=2)
    assert "dec" in missing.stderr


@pytest.mark.usefixtures("register")
def test_explain_tells_the_answer_the_law_and_every_entry_consulted(campaign: Path, run_command: RunCommand) -> None:
    done = run_command("explain", "birger@posti.example", "--campaign", campaign, "--format", "json")
    answer = json.loads(done.stdout)
    assert (answer["verdict"], answer["reason"]) == ("block", "DM_OBJECTION_ALL")
    assert [act["event"] for act in answer["consulted"]["acts"]] == ["objected"]
    assert "21" in answer["reasons"][0]["explanation"]
    assert "birger" not in done.stdout.lower()
    assert "ei enää" not in done.stdout
    text = run_command("explain", "crm:2", "--campaign", campaign, "--language", "sv").stdout
    assert "Samtyckesliggare" in text
    assert "Sökt som: ref" in text


@pytest.mark.usefixtures("register")
def test_explain_names_the_controllers_and_json_keeps_their_keys(
    campaign: Path, tmp_path: Path, run_command: RunCommand
) -> None:
    ban = {"type": "prohibition", "target": {"email": "birger@posti.example"}, "controllers": ["acme"],
           "source": "self"}  # fmt: skip
    (tmp_path / "ban.jsonl").write_text(json.dumps(ban) + "\n", encoding="utf-8")
    run_command("import", "ban.jsonl")
    text = run_command("explain", "birger@posti.example", "--campaign", campaign).stdout
    assert "controller Acme Oy" in text
    assert "controllers Acme Oy" in text
    assert "acme" not in text
    done = run_command("explain", "birger@posti.example", "--campaign", campaign, "--format", "json")
    answer = json.loads(done.stdout)
    assert answer["controller_names"] == {"acme": "Acme Oy"}
    assert [act["controller"] for act in answer["consulted"]["acts"]] == ["acme"]
    assert [one["controllers"] for one in answer["consulted"]["prohibitions"] if "controllers" in one] == [["acme"]]


def test_decide_ends_with_1_where_an_expectation_is_not_met(tmp_path: Path, run_command: RunCommand) -> None:
    case = {
        "id": "x", "now": "2026-11-02T09:00:00+02:00", "register": REGISTER[1:], "campaign": CAMPAIGN,
        "row": {"email": "aino@posti.example"}, "expect": {"verdict": "allow", "reason": "CONSENT_OK"},
    }  # fmt: skip
    wrong = {**case, "id": "y", "expect": {"verdict": "block", "reason": "CONSENT_OK"}}
    (tmp_path / "good.jsonl").write_text(json.dumps(case) + "\n", encoding="utf-8")
    (tmp_path / "wrong.jsonl").write_text(json.dumps(case) + "\n" + json.dumps(wrong) + "\n", encoding="utf-8")
    answer = json.loads(run_command("decide", "good.jsonl").stdout)
    assert (answer["id"], answer["verdict"], answer["ground"], answer["matches"]) == ("x", "allow", "CONSENT_OK", True)
    done = run_command("decide", "wrong.jsonl", expect=1)
    assert [json.loads(line)["matches"] for line in done.stdout.splitlines()] == [True, False]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"now": "yesterday"}, "now"),
        ({"row": {"shoe": "42"}}, "row.shoe"),
        ({"policy": {"sole_trader": "maybe"}}, "sole_trader"),
        ({"register": [{"type": "contact", "ref": "a", "born_on": "2026-13-01"}]}, "register[0]"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_broken_case_is_named_by_line_and_field(
    change: dict[str, Any], field: str, tmp_path: Path, run_command: RunCommand
) -> None:
    case = {"id": "x", "now": "2026-11-02T09:00:00+02:00", "campaign": CAMPAIGN, "row": {"email": "a@b.example"}}
    (tmp_path / "cases.jsonl").write_text(json.dumps({**case, **change}) + "\n", encoding="utf-8")
    done = run_command("decide", "cases.jsonl", expect=2)
    assert field in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_case_keeps_no_other_from_its_answer(tmp_path: Path, run_command: RunCommand) -> None:
    """One that is no case, one whose register the importer refuses, and a sound one after them."""
    case = {"id": "x", "now": "2026-11-02T09:00:00+02:00", "campaign": CAMPAIGN, "row": {"email": "a@b.example"}}
    refused = [{"type": "organisation", "business_id": "1234567-8", "country": "FI"}]
    lines = [json.dumps({**case, "register": refused}), "{", json.dumps(case)]
    (tmp_path / "cases.jsonl").write_text("\n\n".join(lines), encoding="utf-8")
    done = run_command("decide", "cases.jsonl", expect=2)
    first, second, third = map(json.loads, done.stdout.splitlines())
    assert (first["id"], first["matches"], "verdict" in first) == ("x", False, False)
    assert "line 1, field register[0].business_id" in first["error"]
    assert "line 3: this is not JSON" in second["error"]
    assert third["verdict"] == "block"
    assert "line 1" in done.stderr


@pytest.mark.usefixtures("register")
def test_snapshots_are_built_listed_and_pruned(run_command: RunCommand) -> None:
    assert "no snapshot" in run_command("snapshot", "list").stdout
    assert "2 contacts" in run_command("snapshot", "build").stdout
    assert "2 contacts" in run_command("snapshot", "list").stdout
    assert "removed 1" in run_command("snapshot", "prune", "--keep", "0").stdout
