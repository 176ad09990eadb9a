"""What ``make check`` looks for is there, and it finds what is wrong."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.checks import templates, translations

TOP = Path(__file__).resolve().parents[2]


def test_the_product_passes_its_own_checks() -> None:
    assert templates.faults() == []
    assert translations.faults() == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{% if %}", "Expected an expression"),
        ("<script>1</script>", "a script"),
        ('<p onclick="x">', "a script"),
        ('<a href="javascript:x">', "a script"),
        ('<p style="x">', "style in the page"),
        ('<img src="//cdn.example/x">', "another host"),
    ],
)
def test_a_page_that_the_browser_would_refuse_is_found(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "page.html").write_text(text)
    assert any(fault in found for found in templates.faults(tmp_path))


def test_every_dependency_is_locked_with_hashes_and_says_why() -> None:
    source = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(source)["project"]
    for lock, wanted in (
        ("runtime", project["dependencies"]),
        ("dev", [*project["dependencies"], *project["optional-dependencies"]["dev"]]),
    ):
        text = (TOP / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
        locked = re.findall(r"^([a-z0-9.-]+)==", text, re.MULTILINE)
        assert len(locked) == len(re.findall(r"^\S+==\S+ \\\n    --hash=sha256:", text, re.MULTILINE))
        for requirement in wanted:
            assert re.split(r"[\[<>=]", requirement)[0].lower() in locked
        assert "://" not in text
        assert "--index" not in text
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if re.fullmatch(r'    "[A-Za-z0-9.-]+(\[\w+\])?[<>=].*",', line):
            assert lines[number - 1].lstrip().startswith("# "), line


def test_no_file_names_a_package_index() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    index = re.compile("pypi" + r"\.org|pythonhosted" + r"\.org|registry\.npm" + "js", re.IGNORECASE)
    found = [
        name
        for name in tracked.stdout.split("\0")
        if name and (TOP / name).is_file() and index.search((TOP / name).read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []


def test_code_of_others_is_as_it_was_published() -> None:
    folder = TOP / "static" / "desk" / "vendor"
    told = dict(
        re.findall(r"^\| `([^`]+)` \|.*\| ([0-9a-f]{64}) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.*s")}
    assert told == there
    assert len(there) == 3
