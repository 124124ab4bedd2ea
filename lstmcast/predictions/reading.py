"""Reading `predictions.parquet`: a run may come from a stranger, so what it holds is checked.

Apart from writing, which needs none of the limits and messages here.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lstmcast.errors import RunError
from lstmcast.predictions.columns import COLUMNS, QUANTILES
from lstmcast.reading import RUN_BYTES, read_file

MAX_ROWS = 20_000_000
"""Rows of a prediction table that is read; each takes some 250 bytes."""


def read_predictions(path: Path) -> pd.DataFrame:
    """Read `predictions.parquet` and check what it holds.

    Raises:
        RunError: if the file is missing or unreadable, lacks a column, or holds what no forecast
            can be.
    """
    hint = "train the run again with `lstmcast train --config`"
    where = f"`{path.name}` of the run {path.parent}"
    if not path.is_file():
        raise RunError(f"`{path.name}` is missing from the run {path.parent}", hint)
    try:
        file = pq.ParquetFile(pa.BufferReader(read_file(path, RUN_BYTES)))
        if file.metadata.num_rows > MAX_ROWS:
            raise RunError(f"{where} has more than {MAX_ROWS:,} rows", hint)
        table: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        raise RunError(f"{where} cannot be read", hint) from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RunError(f"{where} lacks {', '.join(missing)}", hint)
    table = table[list(COLUMNS)]
    if fault := fault_of(table):
        raise RunError(f"{where} cannot be used: {fault}", hint)
    return table


def fault_of(table: pd.DataFrame) -> str | None:
    """What a table with the columns of a forecast holds that no forecast can; None if nothing."""
    if fault := wrong_type(table):
        return fault
    numbers = table[["close_origin", "close_actual", "return_actual", "mean"]].to_numpy()
    positive = bool((numbers[:, :2] > 0).all())
    moved = np.log(numbers[:, 1] / numbers[:, 0]) if positive else numbers[:, 2]
    quantiles = table[list(QUANTILES)].to_numpy()
    faults = {
        "a close, a return or a mean is not a number": not np.isfinite(numbers).all(),
        "a close is not above 0": not positive,
        "returns are not those of the closes": not np.allclose(
            moved, numbers[:, 2], rtol=0, atol=1e-6, equal_nan=True
        ),
        "a forecast does not lie after its origin": (table["date"] <= table["origin"]).any()
        or not table["horizon"].between(1, 1000).all(),
        "quantiles are not in their order": np.isinf(quantiles).any()
        or (np.diff(quantiles, axis=1) < 0).any(),
        "a density is infinite": np.isposinf(table["log_density"].to_numpy()).any(),
        "an origin is there twice": table.duplicated(["symbol", "origin", "horizon"]).any(),
    }
    return next((fault for fault, found in faults.items() if found), None)


def wrong_type(table: pd.DataFrame) -> str | None:
    """Which column holds other things than a forecast's; None if none."""
    for name in COLUMNS:
        kind = table[name].dtype
        if name == "symbol":
            right = all(isinstance(value, str) for value in table[name].unique())
        elif name in ("origin", "date"):
            right = kind.kind == "M" and getattr(kind, "tz", None) is None
            right = right and not table[name].isna().any()
        else:
            right = kind.kind == ("i" if name == "horizon" else "f")
        if not right:
            return f"`{name}` is of another type"
    return None
