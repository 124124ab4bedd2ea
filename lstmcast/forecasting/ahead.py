"""From a trained run and the newest bars to dated ranges of the coming sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast.distributions import Distribution
from lstmcast.errors import UsageError
from lstmcast.predictions import LEVELS, QUANTILES
from lstmcast.prices.calendar import next_sessions
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Forecaster


@dataclass(frozen=True)
class SymbolForecast:
    """The sessions to come of one symbol.

    Args:
        symbol: the symbol.
        currency: of the prices, where the source told.
        origin: the last session that the forecast knows.
        close: its adjusted close.
        table: a row per session to come: `date`, `assumed` (the date is a day of the market's week,
            not from a calendar), `horizon`, `median`, the 21 quantile columns in prices,
            `mean_return`, and `chance_up`, the probability of a close above the last one (null for
            a point model).
        distribution: of the log returns from the origin, `(1, horizons)`, for quantiles at any
            level; it may reach further than the table.
    """

    symbol: str
    currency: str | None
    origin: pd.Timestamp
    close: float
    table: pd.DataFrame
    distribution: Distribution


def forecast_ahead(
    forecaster: "Forecaster",
    histories: Sequence[PriceHistory],
    horizon: int | None = None,
    symbols: Sequence[str] | None = None,
) -> list[SymbolForecast]:
    """Forecast symbols from their newest bars.

    Args:
        forecaster: a trained ensemble.
        histories: one per symbol, from the first session of training to the newest bar.
        horizon: sessions ahead; all that the ensemble was trained for if None.
        symbols: which to forecast, all if None; the others inform what is common to the pool.

    Raises:
        UsageError: if the ensemble was not trained for that horizon.
        DataError: if a history is too short or lacks a column.
    """
    trained = forecaster.experiment.target.horizon
    wanted = trained if horizon is None else horizon
    if wanted > trained:
        raise UsageError(
            f"`--horizon` {wanted} is longer than the {trained} sessions the run was trained for",
            f"train with `--set target.horizon={wanted}`, or ask for at most {trained}",
        )
    inputs = forecaster.inputs(histories)
    chosen = [history for history in histories if symbols is None or history.symbol in symbols]
    origins = {
        block.symbol: np.array([block.stop - block.start - 1])
        for block in inputs.blocks
        if symbols is None or block.symbol in symbols
    }
    forecasts = forecaster.forecast(inputs, origins)
    return [dated(history, forecasts[history.symbol], wanted) for history in chosen]


def dated(history: PriceHistory, distribution: Distribution, horizon: int) -> SymbolForecast:
    """A forecast of returns from the newest bar as prices with their dates.

    Args:
        history: of the symbol, up to the origin.
        distribution: of the returns, `(1, horizons)`.
        horizon: sessions that are wanted.
    """
    close = float(history.adjusted()["close"].iloc[-1])
    dates, assumed = next_sessions(history, history.last.date(), horizon)
    quantiles = distribution.quantiles(LEVELS)[0, :horizon]
    zero = np.zeros(distribution.shape)
    prices = close * np.exp(quantiles)
    table = pd.DataFrame(
        {
            "date": dates,
            "assumed": assumed,
            "horizon": np.arange(1, horizon + 1),
            "median": close * np.exp(distribution.quantiles([0.5])[0, :horizon, 0]),
            **{name: prices[:, k] for k, name in enumerate(QUANTILES)},
            "mean_return": distribution.mean()[0, :horizon],
            "chance_up": 1 - distribution.cdf(zero)[0, :horizon],
        }
    )
    return SymbolForecast(
        history.symbol, history.currency, history.last, close, table, distribution
    )
