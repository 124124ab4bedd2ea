"""Writing a prediction table as Parquet, a few symbols at a time."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import pyarrow.parquet as pq

GROUP_ROWS = 2**16
"""Rows after which a group of rows is written: some 15 MB; tables of fewer rows are one group, and
have the bytes of `DataFrame.to_parquet`."""


def write_predictions(tables: Iterable[pd.DataFrame], path: Path) -> None:
    """Write prediction tables one after the other, as they are made; only a few are in memory.

    Args:
        tables: with the same columns, at least one.
        path: the file, replaced if it is there.
    """
    waiting: list[pd.DataFrame] = []
    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            waiting.append(table)
            if sum(map(len, waiting)) >= GROUP_ROWS:
                writer = _write(waiting, path, writer)
                waiting.clear()
        if waiting or writer is None:
            writer = _write(waiting, path, writer)
    finally:
        if writer is not None:
            writer.close()


def _write(
    tables: list[pd.DataFrame], path: Path, writer: "pq.ParquetWriter | None"
) -> "pq.ParquetWriter":
    """Write a group of rows; the first one opens the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # A table without rows has no types. The others stay where they are: nothing is copied.
    told = [table for table in tables if len(table)] or tables[:1]
    group = pa.concat_tables(pa.Table.from_pandas(table, preserve_index=False) for table in told)
    if writer is None:
        writer = pq.ParquetWriter(path, group.schema)
    writer.write_table(group, row_group_size=max(1, len(group)))
    return writer
