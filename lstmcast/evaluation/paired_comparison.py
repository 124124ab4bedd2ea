"""Paired comparison of separate runs over the rows that all of them forecast.

A row is a symbol, an origin and a horizon. Only rows whose outcome is the same for all count: where
a source revised its prices between two trainings, the two were asked about different days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.errors import RunError
from lstmcast.evaluation.comparison import LOSSES, Comparison, compare_days, daily_means
from lstmcast.evaluation.plain_values import by_horizon
from lstmcast.evaluation.scores import ByHorizon, row_losses, score_losses
from lstmcast.evaluation.significance import Test, diebold_mariano, holm

ROW = ["symbol", "origin", "date", "horizon"]

SAME_RETURN = 1e-6
"""Two log returns that differ by less are one outcome: prices are stored with so many digits."""


@dataclass(frozen=True)
class PairedDifference:
    """A forecaster against the first one at one horizon.

    Args:
        ranges: their CRPS and log score; its skill is 1 - CRPS / that of the first.
        square: of the squared errors of the median return in %; the one test there is of points.
        p_holm: p-value of the CRPS, or of points of the squared error, adjusted for the number of
            forecasters that are compared with the first; NaN where there is none.
    """

    ranges: Comparison
    square: Test
    p_holm: float

    @property
    def test(self) -> Test:
        """Of the CRPS, and of points of the squared error."""
        return self.square if self.ranges.crps is None else self.ranges.crps

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **self.ranges.to_dict(),
            "square": self.square.to_dict(),
            "p_holm": self.p_holm if np.isfinite(self.p_holm) else None,
        }


@dataclass(frozen=True)
class PairedComparison:
    """Forecasters over the rows that they share.

    Args:
        rows: shared rows of each symbol.
        first, last: the first and the last date that was forecast.
        days: dates at the shortest horizon.
        revised: shared rows that are left out, since their outcomes differ.
        scores: of each forecaster by horizon, the mean over symbols.
        symbols: the same of each symbol.
        differences: of each forecaster but the first against the first, by horizon.
    """

    rows: dict[str, int]
    first: str
    last: str
    days: int
    revised: int
    scores: dict[str, ByHorizon]
    symbols: dict[str, dict[str, ByHorizon]]
    differences: dict[str, dict[int, PairedDifference]]

    @property
    def horizons(self) -> list[int]:
        """Sessions ahead that all of them forecast."""
        return sorted(next(iter(self.scores.values())))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "rows": self.rows,
            "first": self.first,
            "last": self.last,
            "days": self.days,
            "revised_rows_left_out": self.revised,
            "horizons": self.horizons,
            "scores": {
                name: {
                    "pooled": by_horizon(part),
                    "symbols": {
                        symbol: by_horizon(own) for symbol, own in self.symbols[name].items()
                    },
                }
                for name, part in self.scores.items()
            },
            "differences": {name: by_horizon(part) for name, part in self.differences.items()},
        }


def compare_tables(tables: Mapping[str, pd.DataFrame]) -> PairedComparison:
    """Score prediction tables on the rows that they share, and test each against the first.

    Args:
        tables: at least two, by the names that errors have for them.

    Raises:
        RunError: if they share no row, and why.
    """
    shared, revised = _shared(tables)
    losses = {name: row_losses(table) for name, table in shared.items()}
    scored = {name: score_losses(part) for name, part in losses.items()}
    days = {
        name: daily_means(part[["symbol", "horizon", "date", *LOSSES, "square", "walk_square"]])
        for name, part in losses.items()
    }
    reference, *others = tables
    table = shared[reference]
    nearest = table["horizon"].min()
    return PairedComparison(
        rows={str(symbol): len(part) for symbol, part in table.groupby("symbol", sort=True)},
        first=f"{table['date'].min():%Y-%m-%d}",
        last=f"{table['date'].max():%Y-%m-%d}",
        days=int(table.loc[table["horizon"] == nearest, "date"].nunique()),
        revised=revised,
        scores={name: pooled for name, (pooled, _) in scored.items()},
        symbols={name: symbols for name, (_, symbols) in scored.items()},
        differences=_differences({name: days[name] for name in others}, days[reference]),
    )


def _differences(
    days: Mapping[str, Mapping[int, pd.DataFrame]], first: Mapping[int, pd.DataFrame]
) -> dict[str, dict[int, PairedDifference]]:
    found: dict[str, dict[int, PairedDifference]] = {name: {} for name in days}
    for horizon, theirs in first.items():
        tests = {name: _difference(part[horizon], theirs, horizon) for name, part in days.items()}
        adjusted = holm({name: test.test.p_value for name, test in tests.items()})
        for name, test in tests.items():
            found[name][horizon] = PairedDifference(test.ranges, test.square, adjusted[name])
    return found


def _difference(ours: pd.DataFrame, theirs: pd.DataFrame, horizon: int) -> PairedDifference:
    gap = (ours["square"] - theirs["square"]).to_numpy(dtype=np.float64)
    square = diebold_mariano(gap, horizon)
    return PairedDifference(compare_days(ours, theirs, horizon), square, float("nan"))


def _shared(tables: Mapping[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], int]:
    """Each table's part of the rows that all share, in one order, and how many were revised.

    Raises:
        RunError: if there is none.
    """
    indexed = {name: table.set_index(ROW).sort_index() for name, table in tables.items()}
    common = reduce(pd.MultiIndex.intersection, (table.index for table in indexed.values()))
    if common.empty:
        raise _nothing_shared(tables)
    found = {name: table.loc[common] for name, table in indexed.items()}
    outcomes = np.column_stack([part["return_actual"].to_numpy() for part in found.values()])
    same = np.ptp(outcomes, axis=1) <= SAME_RETURN
    if not same.any():
        raise RunError(
            f"none of the {len(common):,} rows that {_listed(tables)} share has the same outcome: "
            "their prices differ",
            "train them again on the same stored prices",
        )
    kept = {name: part[same].reset_index() for name, part in found.items()}
    return kept, int((~same).sum())


def _nothing_shared(tables: Mapping[str, pd.DataFrame]) -> RunError:
    """Why tables share no row: other symbols, horizons or days."""
    if empty := [name for name, table in tables.items() if table.empty]:
        return RunError(
            f"{empty[0]} has no test forecast that came true", "leave it out, or train it again"
        )
    for column, word in (("symbol", "symbols"), ("horizon", "horizons")):
        sets = {name: set(table[column]) for name, table in tables.items()}
        if not set.intersection(*sets.values()):
            each = "; ".join(f"{name}: {_few(values)}" for name, values in sets.items())
            return RunError(
                f"{_listed(tables)} have no {word} in common ({each})",
                f"compare runs that forecast the same {word}",
            )
    each = "; ".join(
        f"{name}: {table['origin'].min():%Y-%m-%d} to {table['origin'].max():%Y-%m-%d}"
        for name, table in tables.items()
    )
    return RunError(
        f"{_listed(tables)} have no test day of a symbol in common ({each})",
        "train them with the same `split`, given as dates",
    )


def _listed(names: Mapping[str, object]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}"


def _few(values: set[Any], most: int = 5) -> str:
    shown = ", ".join(str(value) for value in sorted(values)[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown
