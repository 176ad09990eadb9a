"""The measurements: their data is taken whole by the product, their page tells what was measured, and they run."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from benchmarks.figures import Figure, Section, Spread, Wanted
from benchmarks.installation import REPOSITORY, expect_lines
from benchmarks.page import page
from benchmarks.processes import CommandFailed, Measured, measured

TODAY = date(2026, 11, 20)


def made(folder: Path, contacts: int = 60, rows: int = 80, seed: int = 7) -> Path:
    from benchmarks.made_up import make

    folder.mkdir()
    make(folder, contacts, rows, seed, TODAY)
    return folder


def test_equal_arguments_give_equal_files_and_another_seed_gives_others(tmp_path) -> None:
    one, same, other = made(tmp_path / "one"), made(tmp_path / "same"), made(tmp_path / "other", seed=8)
    for name in ("contacts.jsonl", "register.jsonl", "list.csv", "small.csv", "addresses.csv", "campaign.json"):
        assert (one / name).read_bytes() == (same / name).read_bytes(), name
    for name in ("contacts.jsonl", "register.jsonl", "list.csv"):
        assert (one / name).read_bytes() != (other / name).read_bytes(), name


def test_made_up_people_live_at_example_domains_only(tmp_path) -> None:
    folder = made(tmp_path / "data")
    for name in ("contacts.jsonl", "register.jsonl", "list.csv"):
        text = (folder / name).read_text(encoding="utf-8").lower()
        domains = re.findall(r"@([\w.-]+)", text)
        assert domains, name
        assert all(domain.endswith(".example") for domain in domains), name


def test_the_product_takes_every_document_and_screens_every_row(run_command, environment, tmp_path) -> None:
    run_command("init", "--controller", "acme", "--name", "Acme Oy")
    folder = made(tmp_path / "made")
    run_command("import", folder / "contacts.jsonl")
    run_command("import", folder / "register.jsonl")
    run_command("screen", "--campaign", folder / "campaign.json", folder / "list.csv")
    screened = (folder / "list.screened.csv").read_text(encoding="utf-8")
    assert len(screened.splitlines()) == 81
    assert {"allow", "block"} <= set(re.findall(r"SYKSY-26;(\w+);", screened))


def a_run(seconds: float) -> Measured:
    return Measured(seconds, seconds * 1.5, 123_456_789, "")


def a_page(wanted: Wanted, runs: list[Measured]) -> str:
    section = Section(
        "small", "A heading", figures=[Figure("a figure", "python -m consentmgr x", runs)], wanted=[wanted]
    )
    return page(
        [section],
        command="python -m benchmarks",
        began=datetime(2026, 11, 20, tzinfo=UTC),
        load_before=(0.1, 0.1, 0.1),
        load_after=(0.2, 0.2, 0.2),
        postgres="18.9",
        complete=True,
    )


def test_the_page_tells_each_figure_with_its_command_and_what_was_missed() -> None:
    wanted = Wanted("a thing", "at most 7 s", "9.10 s", met=False)
    text = a_page(wanted, [a_run(3.0), a_run(9.1), a_run(4.25)])
    assert "| a figure | 4.25 (3.00–9.10) | 6.38 (4.50–13.65) | 123 MB | 3 |" in text
    assert "# a figure\npython -m consentmgr x\n" in text
    assert "| a thing | at most 7 s | 9.10 s | **missed** |" in text
    assert "Missed: a thing (wanted at most 7 s, got 9.10 s)." in text
    assert "All 1 were met." in a_page(replace(wanted, met=True), [a_run(1.0)])


def test_a_spread_of_one_run_is_one_number() -> None:
    assert Spread((2.0,)).text(" s") == "2.00 s"
    assert Spread((1234.4, 1.0, 2000.0)).text(" s", 0) == "1,234 s (1–2,000)"


def test_a_process_is_measured_whole(tmp_path) -> None:
    code = "import time; block = bytearray(60_000_000); time.sleep(0.2); print('said')"
    done = measured((sys.executable, "-c", code), folder=tmp_path, environment={})
    assert done.seconds > 0.2
    assert done.peak > 60_000_000
    assert done.said == "said\n"
    with pytest.raises(CommandFailed, match="exit code 3"):
        measured((sys.executable, "-c", "raise SystemExit(3)"), folder=tmp_path, environment={})


def test_a_result_without_every_row_is_no_figure(tmp_path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a\nb\n", encoding="utf-8")
    expect_lines(path, 2)
    with pytest.raises(CommandFailed, match="has 2 lines and should have 3"):
        expect_lines(path, 3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_whole_harness_runs_and_writes_every_figure(tmp_path) -> None:
    """Some twenty commands with a server of their own: what ``make bench`` does, with a handful of people."""
    output = tmp_path / "results.md"
    sizes = ("--contacts", "90", "--rows", "110", "--runs", "1")
    command = (sys.executable, "-m", "benchmarks", *sizes, "--folder", tmp_path / "data", "--output", output)
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    text = output.read_text(encoding="utf-8")
    for what in (
        "the whole import",
        "Raw COPY of the same rows",
        "snapshot of the register",
        "consentmgr screen",
        "bare DuckDB join, addresses in Parquet",
        "bare DuckDB join, addresses in CSV",
        "pandas merge, addresses in CSV",
        "The first screening after the snapshot",
        "which starts and stops the database itself",
        "one address explained",
        "ledger verified",
        "standing folded anew",
        "Canonical form and keyed digest of",
        "contacts a second",
        "1,000,000 links minted",
        "consentmgr serve, one-click",
        "SHA-256 list, first",
        "plain CSV, again",
        "Bare COPY of the same rows",
        "Delta of 1,000 in a process",
    ):
        assert what in text, what
    # Six more for each server there is to try.
    assert len(re.findall(r"\| (met|\*\*missed\*\*) \|", text)) in (18, 24)
    assert "Not the full run" in text
    assert str(tmp_path) not in text
    assert str(REPOSITORY) not in text
    assert not (tmp_path / "data").exists()
