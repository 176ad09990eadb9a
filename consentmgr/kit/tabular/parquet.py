"""Parquet files: columns with types of their own."""

from __future__ import annotations

import pyarrow as pa

from consentmgr.kit.errors import BadInput
from consentmgr.kit.tabular.limits import Limits


def read_parquet(data: bytes, file: str, limits: Limits) -> pa.Table:
    """Every column with its own type. Raises ``BadInput`` where the file is damaged or unpacks to too much."""
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(pa.BufferReader(data))
        metadata = parquet.metadata
        unpacked = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
        if unpacked > limits.unpacked_bytes:
            most = limits.unpacked_bytes
            raise BadInput(f"the file unpacks to more than {most:,} bytes, the most that is read: split it", file=file)
        if metadata.num_rows > limits.rows or metadata.num_columns > limits.columns:
            raise BadInput(f"the file has more than {limits.columns} columns or {limits.rows} rows", file=file)
        table = parquet.read()
    except (pa.ArrowException, OSError):
        raise BadInput("the Parquet file is damaged or encrypted: export it again", file=file) from None
    if not table.num_columns:
        raise BadInput("the Parquet file has no columns", file=file)
    return table
