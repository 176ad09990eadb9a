"""How many addresses a second get their canonical form and keyed digest, on one core. Prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time

import polars as pl

from consentmgr.config import load_settings
from consentmgr.keys import load_keys
from consentmgr.kit.address_keys import AddressKeys


def main() -> None:
    keys = load_keys(load_settings(os.environ))
    made = AddressKeys(keys.address_key, keys.address_key_id)
    emails = pl.read_csv(sys.argv[1], separator=";", columns=["sähköposti"])["sähköposti"].to_arrow()
    began, processor = time.perf_counter(), time.process_time()
    digests = made.column("email", emails)
    done = {"seconds": time.perf_counter() - began, "processor": time.process_time() - processor}
    print(json.dumps(done | {"addresses": len(digests) - digests.null_count}))


if __name__ == "__main__":
    main()
