"""What a data-minded marketer would write: read both files, tidy the addresses, merge, write a verdict."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd


def main() -> None:
    lst, register, target = sys.argv[1:]
    rows = pd.read_csv(lst, sep=";", dtype=str)
    known = pd.read_csv(register, sep=";")
    rows["address"] = rows["sähköposti"].str.strip().str.lower()
    merged = rows.merge(known, on="address", how="left")
    merged["verdict"] = np.where(merged["may_be_sent"].eq(True), "allow", "block")
    merged.drop(columns=["address", "may_be_sent"]).to_csv(target, sep=";", index=False)


if __name__ == "__main__":
    main()
