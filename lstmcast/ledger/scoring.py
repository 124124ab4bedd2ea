"""Scores of graded forecasts: the model beside the baselines that were issued with it.

They are those of `lstmcast evaluate`: one piece of code scores both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.evaluation.scores import row_losses, score_losses
from lstmcast.ledger.grading import COUNTED, STATES
from lstmcast.ledger.recording import BASELINE_NAMES
from lstmcast.ledger.schema import MODEL
from lstmcast.predictions import COLUMNS, RANGES

SHOWN = ("rows", *(f"coverage_{nominal}" for nominal in RANGES), "crps", "log_score")
"""The scores that are told, of each symbol and month."""

COMPARED = ("crps", "log_score")

Line = dict[str, float | int | None]
"""Scores of one forecaster; of a baseline also `crps_gain` and `log_score_gain`: by how much the
model's is lower on the rows that both forecast."""

Lines = dict[int, dict[str, Line]]
"""Lines by horizon and forecaster."""


@dataclass(frozen=True)
class TrackRecord:
    """What the record shows so far.

    Args:
        states: how many of the model's rows there are of each of `STATES`.
        overall: over all symbols, each with the same weight.
        symbols: the same of each symbol, as `names_of` calls it.
        months: the same of each month in which outcomes came, as `2026-11`.
    """

    states: Mapping[str, int]
    overall: Lines = field(default_factory=dict)
    symbols: Mapping[str, Lines] = field(default_factory=dict)
    months: Mapping[str, Lines] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": dict(self.states),
            "overall": _plain(self.overall),
            "symbols": {name: _plain(lines) for name, lines in self.symbols.items()},
            "months": {name: _plain(lines) for name, lines in self.months.items()},
        }


def track(graded: pd.DataFrame) -> TrackRecord:
    """Score the rows that count.

    Args:
        graded: of `grade`, with live forecasts alone or replayed ones alone.
    """
    model = graded[graded["forecaster"] == MODEL] if len(graded) else graded
    found = model["state"].value_counts()
    states = {state: int(found.get(state, 0)) for state in STATES}
    rows = graded[graded["state"] == COUNTED]
    if rows.empty:
        return TrackRecord(states)
    losses = _losses(rows)
    names = sorted(losses[MODEL]["symbol"].unique())
    months = sorted(losses[MODEL]["month"].unique())
    return TrackRecord(
        states,
        _lines(losses),
        {name: _lines(_part(losses, "symbol", name)) for name in names},
        {month: _lines(_part(losses, "month", month)) for month in months},
    )


def names_of(graded: pd.DataFrame) -> pd.Series:
    """How to call the symbol of each row: `SOURCE:SYMBOL` where there are several sources of it."""
    sources = graded.groupby("symbol")["source"].transform("nunique")
    return graded["symbol"].where(sources == 1, graded["source"] + ":" + graded["symbol"])


def _losses(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Losses of each forecaster's rows, with the entry and the month of each."""
    rows = rows.assign(symbol=names_of(rows))
    found = {}
    for name, kinds in {MODEL: (MODEL,), **BASELINE_NAMES}.items():
        part = rows[rows["forecaster"].isin(kinds)].reset_index(drop=True)
        if len(part):
            found[name] = row_losses(part[list(COLUMNS)]).assign(
                entry=part["entry"], month=part["date"].dt.strftime("%Y-%m")
            )
    return found


def _part(losses: Mapping[str, pd.DataFrame], column: str, value: str) -> dict[str, pd.DataFrame]:
    parts = {name: table[table[column] == value] for name, table in losses.items()}
    return {name: table for name, table in parts.items() if len(table)}


def _lines(losses: Mapping[str, pd.DataFrame]) -> Lines:
    model = losses[MODEL]
    lines: Lines = {}
    for name, table in losses.items():
        scores = score_losses(table)[0]
        both = scores if name == MODEL else score_losses(_same_rows(model, table))[0]
        for horizon, found in scores.items():
            values = found.to_dict()
            line = {key: values[key] for key in SHOWN}
            if name != MODEL:
                for key in COMPARED:
                    gain = getattr(found, key) - getattr(both[horizon], key)
                    line[f"{key}_gain"] = float(gain) if np.isfinite(gain) else None
            lines.setdefault(horizon, {})[name] = line
    return lines


def _same_rows(model: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """The model's rows that another forecaster has too."""
    if len(model) == len(other):
        return model
    keys = pd.MultiIndex.from_frame(other[["entry", "horizon"]])
    return model[pd.MultiIndex.from_frame(model[["entry", "horizon"]]).isin(keys)]


def _plain(lines: Lines) -> dict[str, dict[str, Line]]:
    return {str(horizon): lines[horizon] for horizon in sorted(lines)}
