"""Policy as it is set, kept and shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from consentmgr.audit.models import AuditEvent
from consentmgr.campaigns.models import PolicySetting
from consentmgr.campaigns.policy import current, decisions_in_force, history, set_value
from consentmgr.cli import consentmgr
from consentmgr.kit.errors import BadInput
from consentmgr.vocabulary.policy import DEFAULT_POLICY, PolicyError
from consentmgr.vocabulary.printed_rules import rules_document

if TYPE_CHECKING:
    from consentmgr.db import Database
    from tests.conftest import RunCommand

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def test_without_decisions_the_defaults_hold(database: Database) -> None:
    with database.transaction() as session:
        assert current(session) == DEFAULT_POLICY
        assert history(session) == []


def test_the_newest_decision_holds_and_all_are_kept(database: Database) -> None:
    with database.transaction() as session:
        set_value(session, "sole_trader", "b2b", actor="kaisa", now=NOW, reason="counsel's memo 12")
        set_value(session, "soft_bounce_limit", 3, actor="kaisa", now=NOW, reason="our sender asks")
    with database.transaction() as session:
        later = NOW + timedelta(days=1)
        policy = set_value(session, "sole_trader", "strict", actor="lauri", now=later, reason="memo withdrawn")
        assert policy.sole_trader == "strict"
    with database.transaction() as session:
        assert current(session).sole_trader == "strict"
        assert current(session).soft_bounce_limit == 3
        decision = decisions_in_force(session)["sole_trader"]
        assert (decision.set_by, decision.set_at, decision.reason) == ("lauri", later, "memo withdrawn")
        assert [entry.value for entry in history(session, "sole_trader")] == ["strict", "b2b"]
        assert len(history(session)) == 3


def test_null_returns_to_the_default(database: Database) -> None:
    with database.transaction() as session:
        set_value(session, "max_messages_per_7_days", 2, actor="kaisa", now=NOW, reason="trial")
        set_value(session, "max_messages_per_7_days", None, actor="kaisa", now=NOW, reason="trial over")
    with database.transaction() as session:
        assert current(session) == DEFAULT_POLICY


def test_every_kind_of_value_is_kept_as_it_was(database: Database) -> None:
    values = {
        "sole_trader": "b2b",
        "research_bans_before": "2019-01-01",
        "quiet_hours": {"saturday": None},
        "free_mail_domains": ["gmail.com"],
        "country_rules": {"SE": "block"},
        "max_messages_per_7_days": 2,
    }
    with database.transaction() as session:
        for name, value in values.items():
            policy = set_value(session, name, value, actor="kaisa", now=NOW, reason="test")
    with database.transaction() as session:
        assert current(session) == policy


def test_a_change_is_audited(database: Database) -> None:
    with database.transaction() as session:
        set_value(session, "sole_trader", "b2b", actor="kaisa", now=NOW, reason="memo 12")
    with database.transaction() as session:
        event = session.scalars(select(AuditEvent)).one()
        assert (event.actor, event.action, event.object, event.at) == ("kaisa", "policy_set", "policy:sole_trader", NOW)
        assert event.detail == {"before": None, "after": "b2b", "looser_than_default": True, "reason": "memo 12"}


@pytest.mark.parametrize(
    ("name", "value", "actor", "reason"),
    [
        ("sole_traders", "b2b", "kaisa", "memo"),
        ("sole_trader", "allow", "kaisa", "memo"),
        ("role_fresh_months", 36, "kaisa", "memo"),
        ("sole_trader", "b2b", "kaisa", "  "),
        ("sole_trader", "b2b", " ", "memo"),
        ("sole_trader", "b2b", "kaisa", "x" * 3_000),
    ],
)
def test_what_is_refused_leaves_nothing(database: Database, name: str, value: object, actor: str, reason: str) -> None:
    with database.transaction() as session:
        with pytest.raises(BadInput):
            set_value(session, name, value, actor=actor, now=NOW, reason=reason)
        assert session.scalars(select(PolicySetting)).all() == []
        assert session.scalars(select(AuditEvent)).all() == []


def test_a_name_of_another_version_decides_nothing_and_a_bad_value_is_not_passed_over(database: Database) -> None:
    with database.transaction() as session:
        session.add(PolicySetting(name="gone", value="x", set_at=NOW, set_by="kaisa", reason="old"))
        session.flush()
        assert current(session) == DEFAULT_POLICY
        session.add(PolicySetting(name="sole_trader", value="maybe", set_at=NOW, set_by="kaisa", reason="old"))
        session.flush()
        with pytest.raises(PolicyError, match="sole_trader"):
            current(session)


def test_policy_at_the_terminal(environment: dict[str, str]) -> None:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(consentmgr, arguments, env=environment, catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    done = run("policy", "set", "sole_trader", "b2b", "--reason", "counsel's memo 12", "--actor", "kaisa")
    assert done.startswith("sole_trader is now b2b (default review).")
    assert "looser than the default" in done
    table = run("policy", "show")
    row = next(line for line in table.splitlines() if line.startswith("sole_trader "))
    assert row.split()[:5] == ["sole_trader", "b2b", "review", "LOOSER", "kaisa,"]
    assert row.endswith("counsel's memo 12")
    assert table.count("LOOSER") == 1
    entries = {entry["name"]: entry for entry in json.loads(run("policy", "show", "--format", "json"))}
    assert entries["sole_trader"]["value"] == "b2b"
    assert entries["sole_trader"]["looser_than_default"] is True
    assert entries["sole_trader"]["set_by"] == "kaisa"
    assert entries["tax_grouping"]["set_by"] is None
    assert "strict, review, b2b" in run("policy", "show", "sole_trader")
    run("policy", "set", "sole_trader", "default", "--reason", "memo withdrawn")
    assert "LOOSER" not in run("policy", "show")
    past = run("policy", "show", "--history").splitlines()
    assert [line.split("  ")[0] for line in past] == ["sole_trader = default", 'sole_trader = "b2b"']
    assert [entry["value"] for entry in json.loads(run("policy", "show", "--history", "--format", "json"))] == [
        None,
        "b2b",
    ]


def test_a_wrong_policy_is_refused_in_one_clear_sentence(run_command: RunCommand) -> None:
    wrong_value = run_command("policy", "set", "sole_trader", "maybe", "--reason", "x", expect=2)
    assert "field sole_trader: may be strict, review, b2b" in wrong_value.stderr
    wrong_name = run_command("policy", "set", "sole_traders", "b2b", "--reason", "x", expect=2)
    assert "Did you mean sole_trader or" in wrong_name.stderr
    assert "Traceback" not in wrong_value.stderr + wrong_name.stderr


def test_rules_at_the_terminal() -> None:
    for arguments, language in (([], "en"), (["--language", "sv"], "sv")):
        assert CliRunner().invoke(consentmgr, ["rules", "show", *arguments]).stdout == rules_document(language)
    pack = json.loads(CliRunner().invoke(consentmgr, ["rules", "show", "--format", "json"]).stdout)
    assert len(pack["codes"]) == 78
