"""Graded entries as flat tables and plain values, for files and other programs."""

import io
import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from lstmcast.ledger.entries import HEADER, Entry
from lstmcast.ledger.schema import MODEL

FORMATS = ("csv", "parquet", "json")

_SHOWN = ("date", "horizon", "q025", "q10", "q25", "q50", "q75", "q90", "q975", "mean",
          "return_actual", "state")  # fmt: skip


def exported(graded: pd.DataFrame, form: str) -> bytes:
    """A graded table as the bytes of a file: one row per entry, forecaster and horizon.

    Args:
        graded: of `grade`.
        form: one of `FORMATS`; JSON is a list of records, with null for what is not known.
    """
    if form == "parquet":
        buffer = io.BytesIO()
        graded.to_parquet(buffer, index=False)
        return buffer.getvalue()
    if form == "csv":
        return graded.to_csv(index=False, date_format="%Y-%m-%d").encode()
    days = {name: graded[name].dt.strftime("%Y-%m-%d") for name in ("origin", "date")}
    records = graded.assign(**days).to_dict("records")
    return (json.dumps([_plain(row) for row in records], indent=2, allow_nan=False) + "\n").encode()


def entry_values(entries: Sequence[Entry], graded: pd.DataFrame) -> list[dict[str, Any]]:
    """Entries with what the model said and what came of it.

    Args:
        entries: of the ledger.
        graded: of `grade`, with these entries' rows.
    """
    numbers = [entry.number for entry in entries]
    rows = graded[(graded["forecaster"] == MODEL) & graded["entry"].isin(numbers)]
    shown = rows[list(_SHOWN)].assign(date=rows["date"].dt.strftime("%Y-%m-%d"))
    sessions: dict[int, list[dict[str, Any]]] = {number: [] for number in numbers}
    for number, row in zip(rows["entry"], shown.to_dict("records"), strict=True):
        sessions[number].append(_plain(row))
    return [
        {
            "number": entry.number,
            **{name: getattr(entry.issued, name) for name in HEADER},
            "baselines": _baselines(entry),
            "sessions": sessions[entry.number],
            "previous": entry.previous,
            "sha256": entry.sha256,
        }
        for entry in entries
    ]


def _baselines(entry: Entry) -> Sequence[str]:
    return [part.forecaster for part in entry.issued.statements if part.forecaster != MODEL]


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(name): None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
