"""The least a machine can do: DuckDB joins the list to the register's addresses and writes one column more.

No reasons, no law, no report, no signature, and a copy of the register that is as old as the file.
"""

from __future__ import annotations

import sys

import duckdb


def main() -> None:
    lst, register, target = sys.argv[1:]
    known = f"read_csv('{register}', delim = ';')" if register.endswith(".csv") else f"'{register}'"
    duckdb.sql(
        f"""
        COPY (
            SELECT l.*, CASE WHEN r.may_be_sent THEN 'allow' ELSE 'block' END AS verdict
            FROM read_csv('{lst}', delim = ';', header = true, all_varchar = true) l
            LEFT JOIN {known} r ON r.address = lower(trim(l."sähköposti"))
        ) TO '{target}' (delimiter ';', header)
        """
    )


if __name__ == "__main__":
    main()
