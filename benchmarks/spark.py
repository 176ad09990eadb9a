"""DuckDB and Spark side by side on one list: the same answers to the byte, and how long each takes.

``python -m benchmarks.spark FOLDER`` in a folder that ``benchmarks.large`` has made; needs Java. Spark runs on this
machine, start of its JVM included, so that its time says what it costs to use it here and not what a cluster does.
"""

from __future__ import annotations

import argparse
import filecmp
from pathlib import Path

from benchmarks.installation import Installation, expect_lines, lines_of


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("benchmarks/data-large"))
    parser.add_argument("--list", default="list.csv")
    given = parser.parse_args()
    register = Installation(given.folder.absolute(), "register")
    with register.database_running():
        for engine in ("duckdb", "spark"):
            output = f"{engine}.screened.csv"
            done = register.run(
                "screen", "--campaign", "campaign.json", "--engine", engine, "--output", output, "--no-side-files",
                given.list,
            )  # fmt: skip
            expect_lines(register.folder / output, lines_of(register.folder / given.list))
            print(f"{engine}: {done.seconds:.1f} s, {done.processor:.1f} processor seconds, {done.peak / 1e6:,.0f} MB")
    same = filecmp.cmp(register.folder / "duckdb.screened.csv", register.folder / "spark.screened.csv", shallow=False)
    print("identical" if same else "NOT identical")
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
