"""The desk's catalogue: what the register speaks of, and by which rules. Pages only; every room writes its own rows."""
