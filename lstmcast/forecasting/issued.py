"""The result of one call: forecasts, who made them, what failed, and warnings.

Both the command line and programs get forecasts from here, so whatever is to happen to each
forecast that is issued has one place to happen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast.errors import (
    DataError,
    LstmcastError,
    NoSuchDataError,
    PartialFailureError,
    RunError,
    SourceError,
    StoreError,
    UsageError,
)
from lstmcast.forecasting.ahead import SymbolForecast
from lstmcast.forecasting.forecast_warnings import ForecastWarning
from lstmcast.forecasting.levels import columns_of, ranges

if TYPE_CHECKING:
    from lstmcast.evaluation.trust import Trust
    from lstmcast.explain import Widening

PRETRAINED = "pretrained"
"""What forecasts without a run are called in the place of a run's name."""

_KINDS = (SourceError, StoreError, RunError, NoSuchDataError, DataError, UsageError)
"""Of several failures of different kinds the first of these is told: another try may help there."""


@dataclass(frozen=True)
class IssuedForecast:
    """The forecast of one symbol with where it comes from.

    Args:
        ahead: the forecast itself.
        source: of the prices.
        run: the run whose networks made it; None for the pretrained ones.
        weights: hex SHA-256 of the file of their weights.
        bars: hex SHA-256 of the symbol's bars that it knows.
        past: how many of its sessions had come on the day it was made.
        trust: coverage of its ranges on past days; None where there are too few.
        why: what makes the next range wide; None where that was not asked for, and of points.
    """

    ahead: SymbolForecast
    source: str
    run: str | None
    weights: str
    bars: str
    past: int
    trust: "Trust | None"
    why: "Widening | None" = None

    @property
    def symbol(self) -> str:
        """The symbol."""
        return self.ahead.symbol

    @property
    def forecaster(self) -> str:
        """The run's name, or `PRETRAINED`."""
        return self.run or PRETRAINED

    def sessions(self, levels: Sequence[float] = ()) -> pd.DataFrame:
        """A row per session: symbol and origin before the forecast's table, ranges behind it."""
        table = self.ahead.table.copy()
        table.insert(0, "symbol", self.symbol)
        table.insert(1, "origin", self.ahead.origin)
        table.insert(2, "close_origin", self.ahead.close)
        return table.join(ranges(self.ahead, levels)).assign(forecaster=self.forecaster)

    def summary(self, levels: Sequence[float]) -> pd.DataFrame:
        """One row: the last of the sessions with its ranges, and their coverage so far."""
        row = self.sessions(levels).iloc[[-1]]
        ends = [name for level in levels for name in columns_of(level)]
        first = ["symbol", "origin", "close_origin", "date", "assumed", "horizon", "median"]
        return row[[*first, *ends, "chance_up", "forecaster"]].assign(
            sessions_past=self.past,
            judged_days=self.trust.days if self.trust else 0,
            coverage_80=_coverage(self.trust),
        )

    def to_dict(self, levels: Sequence[float] = (), *, summary: bool = False) -> dict[str, Any]:
        """Plain values: dates as text, what is not stated as null."""
        shown = self.ahead.table.join(ranges(self.ahead, levels))
        return {
            "symbol": self.symbol,
            "source": self.source,
            "currency": self.ahead.currency,
            "run": self.run,
            "forecaster": "trained" if self.run else PRETRAINED,
            "origin": f"{self.ahead.origin:%Y-%m-%d}",
            "close_origin": self.ahead.close,
            "sessions_past": self.past,
            "stale": self.past > 0,
            "all_past": self.past == len(self.ahead.table),
            "trust": self.trust.to_dict() if self.trust else None,
            **({"why": self.why.to_dict()} if self.why else {}),
            "sessions": [_plain(row) for row in shown[-1 if summary else 0 :].to_dict("records")],
        }


def _coverage(trust: "Trust | None") -> float:
    """Coverage of the 80 % range; NaN where none is known."""
    found = trust.to_dict()["coverage"].get("80") if trust else None
    return math.nan if found is None else float(found)


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {
        str(name): None if isinstance(value, float) and math.isnan(value) else value
        for name, value in row.items()
    }
    values["date"] = f"{row['date']:%Y-%m-%d}"
    return values


@dataclass(frozen=True)
class Failure:
    """A symbol that could not be forecast, or not be brought up to date."""

    symbol: str
    error: LstmcastError

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "symbol": self.symbol,
            "kind": type(self.error).__name__,
            "exit_code": self.error.exit_code,
            "message": self.error.message,
            "hint": self.error.hint,
        }


@dataclass(frozen=True)
class Issued:
    """All forecasts of one call.

    Args:
        forecasts: of each symbol, in the order in which they were asked for.
        failures: of the other symbols.
        warnings: what to beware of.
        today: the day they were made on, or made as of.
    """

    forecasts: tuple[IssuedForecast, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[ForecastWarning, ...]
    today: date

    @property
    def run(self) -> str | None:
        """The run that made all of them; None for several, and for the pretrained networks."""
        runs = {issued.run for issued in self.forecasts}
        return runs.pop() if len(runs) == 1 else None

    @property
    def trust(self) -> "Trust | None":
        """The trust that all forecasts share; None where each has its own."""
        found = [issued.trust for issued in self.forecasts]
        return found[0] if found and all(trust is found[0] for trust in found) else None

    def sessions(self, levels: Sequence[float] = ()) -> pd.DataFrame:
        """All forecasts in one table, a row per symbol and session."""
        return pd.concat([issued.sessions(levels) for issued in self.forecasts], ignore_index=True)

    def summary(self, levels: Sequence[float]) -> pd.DataFrame:
        """All forecasts in one table, a row per symbol."""
        return pd.concat([issued.summary(levels) for issued in self.forecasts], ignore_index=True)

    def with_failures(self, before: "Sequence[Failure]") -> "Issued":
        """The same with failures of before, each symbol's first error alone."""
        found = {failure.symbol: failure for failure in reversed((*before, *self.failures))}
        order = dict.fromkeys(failure.symbol for failure in (*before, *self.failures))
        return replace(self, failures=tuple(found[symbol] for symbol in order))

    def failure(self) -> LstmcastError | None:
        """The error to end with, or None where nothing failed.

        A symbol that was asked for alone ends with its own. Where none of several was forecast, it
        is of their kind, and else a partial failure.
        """
        if not self.failures:
            return None
        names = dict.fromkeys(failure.symbol for failure in self.failures)
        everyone = {*names, *(issued.symbol for issued in self.forecasts)}
        if len(everyone) == 1:
            return self.failures[-1].error
        message = f"{len(names)} of {len(everyone)} symbols failed: {', '.join(names)}"
        if self.forecasts:
            return PartialFailureError(message)
        errors = [failure.error for failure in self.failures]
        kinds = (kind for kind in _KINDS if any(isinstance(error, kind) for error in errors))
        return next(kinds, PartialFailureError)(message)

    def to_dict(self, levels: Sequence[float] = (), *, summary: bool = False) -> dict[str, Any]:
        """Plain values."""
        kinds = {"trained" if issued.run else PRETRAINED for issued in self.forecasts}
        return {
            "run": self.run,
            "forecaster": kinds.pop() if len(kinds) == 1 else "several",
            "trust": self.trust.to_dict() if self.trust else None,
            "warnings": [warning.to_dict() for warning in self.warnings],
            "symbols": [issued.to_dict(levels, summary=summary) for issued in self.forecasts],
            "failed": [failure.to_dict() for failure in self.failures],
        }
