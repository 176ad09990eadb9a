"""The wheel is whole: installed in an empty environment, it prepares a register and screens a list from elsewhere."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from consentmgr import __version__

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(TOP)],
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``consentmgr`` in an environment that holds the wheel and nothing else of ours.

    What it depends on is lent by a path file from the environment of the tests, since fetching half a gigabyte again
    would prove nothing; the test below holds that the code itself comes from the wheel.
    """
    folder = tmp_path_factory.mktemp("environment") / "empty"
    venv.create(folder, with_pip=False)
    paths = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", scheme="venv", vars=paths))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--quiet", str(wheel)], check=True, capture_output=True)
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return folder / "bin" / "consentmgr"


def test_it_carries_what_is_not_code(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    for folder, place in (
        ("templates", "consentmgr/_files/templates"),
        ("static", "consentmgr/_files/static"),
        ("migrations", "consentmgr/_files/migrations"),
        ("consentmgr/translations", "consentmgr/translations"),
    ):
        wanted = {
            f"{place}/{path.relative_to(TOP / folder).as_posix()}"
            for path in (TOP / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert wanted
        assert wanted <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "benchmarks/"))]
    assert f"consentmgr-{__version__}.dist-info/licenses/LICENSE" in names


def test_it_screens_a_list_from_another_folder(program: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.defpath, "CONSENTMGR_DATA": str(tmp_path / "data"), "HOME": str(tmp_path)}

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    python = program.with_name("python")
    imported = run(python, "-c", "import consentmgr, consentmgr.files as f; print(f.data_folder('migrations'))")
    assert Path(imported.strip()).is_relative_to(program.parents[1])
    assert run(program, "--version") == f"consentmgr, version {__version__}\n"
    assert "Ready." in run(program, "init", "--controller", "acme", "--name", "Acme Oy")

    (tmp_path / "register.jsonl").write_text(
        json.dumps(
            {
                "type": "prohibition",
                "target": {"email": "birger@esimerkki.example"},
                "source": "self",
                "valid_from": "2026-01-01",
            }
        )
        + "\n"
    )
    run(program, "import", "register.jsonl")
    (tmp_path / "campaign.json").write_text(
        json.dumps(
            {
                "type": "campaign",
                "key": "training",
                "name": "Training",
                "controller": "acme",
                "channel": "email",
                "purpose": "direct_marketing",
                "audience": "consumer",
                "planned_at": "2026-11-24T10:00:00+02:00",
            }
        )
    )
    (tmp_path / "list.csv").write_text("email,name\nbirger@esimerkki.example,Birger\nnobody@esimerkki.example,Nobody\n")
    run(program, "screen", "--campaign", "campaign.json", "list.csv")
    with (tmp_path / "list.screened.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["Birger", "Nobody"]
    assert [row["cm_verdict"] for row in rows] == ["block", "block"]
    assert (tmp_path / "list.report.html").exists()
    run(program, "certificate", "verify", "list.certificate.json")
