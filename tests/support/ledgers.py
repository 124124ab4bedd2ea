"""Issued forecasts without networks: Student-t distributions over simulated bars, and ledgers."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.distributions import Distribution, StudentTMixture
from lstmcast.forecasting import SymbolForecast
from lstmcast.forecasting.issued import IssuedForecast
from lstmcast.ledger import Entry, record
from lstmcast.predictions import LEVELS, QUANTILES
from lstmcast.prices.calendar import next_sessions
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore

WEIGHTS = "a" * 64


def mixture(rows: int, horizons: int, *, width: float = 1.0, seed: int = 0) -> StudentTMixture:
    """Two Student-t a row that differ from row to row, about as wide as simulated returns."""
    random = np.random.default_rng(seed)
    shape = (2, rows, horizons)
    growth = np.sqrt(np.arange(1, horizons + 1))
    return StudentTMixture(
        df=random.uniform(4, 12, shape),
        loc=random.normal(0, 5e-4, shape),
        scale=width * random.uniform(0.007, 0.01, shape) * growth,
        weights=np.array([0.3, 0.7]),
    )


def row_of(forecast: StudentTMixture, row: int) -> StudentTMixture:
    """One row of a mixture."""
    chosen = slice(row, row + 1)
    parts = (forecast.df, forecast.loc, forecast.scale, forecast.shares)
    return StudentTMixture(*(part[:, chosen] for part in parts))


def told(
    history: PriceHistory, session: int, forecast: Distribution, run: str | None = None
) -> IssuedForecast:
    """A forecast from the close of a history's session, counted from its first.

    Args:
        history: the bars; those after the session are not looked at.
        session: its row.
        forecast: `(1, horizons)`.
        run: name of a run.
    """
    known = history.between(None, history.bars.index[session])
    horizons = forecast.shape[1]
    dates, assumed = next_sessions(known, known.last.date(), horizons)
    close = float(known.adjusted()["close"].iloc[-1])
    prices = close * np.exp(forecast.quantiles(LEVELS)[0])
    table = pd.DataFrame(
        {
            "date": dates,
            "assumed": assumed,
            "horizon": np.arange(1, horizons + 1),
            "median": prices[:, 10],
            **{name: prices[:, k] for k, name in enumerate(QUANTILES)},
            "mean_return": forecast.mean()[0],
            "chance_up": 0.5,
        }
    )
    ahead = SymbolForecast(known.symbol, known.currency, known.last, close, table, forecast)
    return IssuedForecast(ahead, known.source, run, WEIGHTS, known.sha256, 0, None)


def evening(session: pd.Timestamp, hours: float = 23.5) -> datetime:
    """A moment on the day of a session, in UTC."""
    return datetime.combine(session.date(), datetime.min.time(), UTC) + timedelta(hours=hours)


def issue_daily(
    path: Path,
    store: PriceStore,
    history: PriceHistory,
    sessions: Sequence[int],
    forecast: StudentTMixture,
    run: str | None = None,
) -> list[Entry]:
    """Record a forecast on the evening of each of some sessions, the rows of a mixture in turn."""
    entries = []
    for row, session in enumerate(sessions):
        each = told(history, session, row_of(forecast, row), run)
        entries += record(path, [each], store, issued_at=evening(history.bars.index[session]))
    return entries


def document(entry: Entry, forecaster: str) -> dict[str, object]:
    """The distribution that an entry keeps of a forecaster."""
    part = entry.issued.statement(forecaster)
    assert part is not None
    values: dict[str, object] = json.loads(part.distribution)
    return values
