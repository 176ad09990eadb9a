"""Tables as people bring them: CSV, TSV, XLSX, JSON Lines and Parquet, read whole and certainly or not at all."""

from consentmgr.kit.tabular.delimited import csv_field
from consentmgr.kit.tabular.limits import DEFAULT_LIMITS, Limits
from consentmgr.kit.tabular.table import Table, read_table

__all__ = ["DEFAULT_LIMITS", "Limits", "Table", "csv_field", "read_table"]
