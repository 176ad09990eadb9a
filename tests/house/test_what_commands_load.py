"""A command loads what its own work needs: people wait for the rest, each time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import AS_INSTALLED, RunCommand

#: What lists are screened and answers explained without: they ask in plain SQL.
OF_SESSIONS = {"sqlalchemy"}
#: Engines of long lists, the web, formats and destinations that nobody asked for, and every country's holidays.
NEEDLESS = {
    "alembic", "apscheduler", "asyncssh", "botocore", "duckdb", "fastexcel", "flask", "fsspec", "holidays",
    "marshmallow", "pandas", "polars", "prometheus_client", "pyspark", "python_calamine", "werkzeug", "xlsxwriter",
}  # fmt: skip
_PROGRAM = """
import gc, sys
from consentmgr.cli import main
try:
    main()
finally:
    searches = sum(told["collections"] for told in gc.get_stats())
    print(*{name.partition(".")[0] for name in sys.modules}, searches, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "needless"),
    [
        (("screen", "list.csv", "--campaign", "campaign.json"), NEEDLESS | OF_SESSIONS),
        (("explain", "birger@posti.example", "--campaign", "campaign.json"), NEEDLESS | OF_SESSIONS),
        (("check", "birger@posti.example", "--campaign", "campaign.json"), NEEDLESS | OF_SESSIONS),
        (("export", "run", "hashed"), NEEDLESS),
    ],
    ids=["screen", "explain", "check", "export"],
)
def test_it_loads_no_more(
    words: tuple[str, ...],
    needless: set[str],
    run_command: RunCommand,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    controller = {"type": "controller", "key": "acme", "name": "Acme Oy", "default": True}
    ban = {"type": "prohibition", "source": "self", "target": {"email": "birger@posti.example"}}
    (tmp_path / "register.jsonl").write_text(f"{json.dumps(controller)}\n{json.dumps(ban)}\n", encoding="utf-8")
    (tmp_path / "campaign.json").write_text('{"key": "nov", "name": "November"}', encoding="utf-8")
    (tmp_path / "list.csv").write_text("email\naino@posti.example\nbirger@posti.example\n", encoding="utf-8")
    (tmp_path / "partner").mkdir()
    run_command("import", "register.jsonl")
    to = ("--format", "sha256", "--channel", "email", "--to", f"folder:{tmp_path / 'partner'}")
    run_command("export", "create", "hashed", "--partner", "Postitalo", *to)

    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        env={**environment, "PYTHONPATH": AS_INSTALLED},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    *loaded, searches = done.stderr.splitlines()[-1].split()
    assert needless & {*loaded} == set()
    # Nor does it once look for dead objects among those it has only just made (a few times before it was asked not to).
    assert int(searches) < 40
