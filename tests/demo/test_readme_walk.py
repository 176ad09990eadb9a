"""The README's five minutes, run as they are written: what a newcomer copies works, and prints what is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from consentmgr.config import VARIABLES
from tests.conftest import AS_INSTALLED

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: Whose folder the README shows.
SHOWN_FOLDER = "/home/aino/acme"
#: What differs from run to run: days with a time, the certificate's id, the thumbprint of the key.
_MOMENT = re.compile(r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INVITATION = re.compile(r"(?<=/desk/invitation/)[\w-]+")
_THUMBPRINT = re.compile(r"key [\w-]{43}")
_BLOCK = re.compile(r"```(sh|text)\n(.*?)```\n", re.DOTALL)


def walk() -> list[tuple[str, str]]:
    """Pairs of what to type and what is printed."""
    section = README.split("## Five minutes", 1)[1].split("\n## ", 1)[0]
    blocks = _BLOCK.findall(section)
    commands, shown = blocks[::2], blocks[1::2]
    assert {kind for kind, _ in commands} == {"sh"}
    assert {kind for kind, _ in shown} == {"text"}
    return [(typed, told) for (_, typed), (_, told) in zip(commands, shown, strict=True)]


def settled(text: str, folder: Path) -> list[str]:
    """The lines without what differs from run to run, and without blanks at their ends."""
    text = text.replace(str(folder), SHOWN_FOLDER).removeprefix("\ufeff")
    for pattern in (_MOMENT, _ID, _THUMBPRINT, _INVITATION):
        text = pattern.sub("…", text)
    return [line.rstrip() for line in text.rstrip().splitlines()]


def test_the_five_minutes(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "consentmgr").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m consentmgr "$@"\n', encoding="utf-8")
    (commands / "consentmgr").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTMGR_")}
    environment |= {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": AS_INSTALLED,
        "CONSENTMGR_DATA": str(folder / "data"),
        "LC_ALL": "C.UTF-8",
    }
    pairs = walk()
    assert len(pairs) >= 6
    for typed, told in pairs:
        done = subprocess.run(
            ["sh", "-e"],
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=environment,
            cwd=folder,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert settled(done.stdout, folder) == settled(told, folder), typed


def test_every_setting_is_in_the_readme() -> None:
    table = README.split("## Settings", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"CONSENTMGR_[A-Z_]*[A-Z]", table)) == {name for name, _ in VARIABLES}


def test_every_file_the_documents_point_to_is_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} points to {target}"
