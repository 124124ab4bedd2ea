"""What two simple trading rules would have earned after costs. No claim beyond these figures.

    volatility target   hold the share of one's money that makes the stated volatility 15 % a year,
                        never more than all of it
    sign                hold the stock when the median is above the last close, else nothing; left
                        out where it always is
    buy and hold        hold the stock

A forecast is made of a day's close, so nobody can trade on it at that close: a position is taken at
the next session's open, or at its close where the source has no opens, and held until the next one
is. A change of it costs `cost_bps` of what is traded. Several symbols share the money equally.

Every rule holds stocks and earns what stocks earn. What it knows is in what it earns beyond buying
and holding as large a share of one's money as it holds on average: that is what is tested.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.plain_values import plain_fields
from lstmcast.evaluation.significance import LAGS, long_run_variance
from lstmcast.evaluation.tails import stated_variance
from lstmcast.predictions import is_point

SESSIONS_A_YEAR = 252
TARGET = 0.15
"""Volatility a year that the first rule aims at."""

_EULER = 0.5772156649


@dataclass(frozen=True)
class Performance:
    """One rule over the whole backtest, after costs.

    Args:
        name: of the rule.
        annual_return, annual_volatility: fractions a year, of simple daily returns.
        sharpe: their ratio; no interest is deducted.
        sharpe_error: its standard error, Newey-West.
        beyond: return a year beyond buy and hold with the rule's average share; NaN for buy and
            hold, as the next two.
        beyond_error: its standard error, Newey-West.
        deflated: probability that the Sharpe ratio of what is beyond is above what the best of as
            many trials without skill would show (0.95 and more is the usual bar).
        turnover: share of the money traded in a year.
        drawdown: largest loss from a peak, a fraction.
    """

    name: str
    annual_return: float
    annual_volatility: float
    sharpe: float
    sharpe_error: float
    beyond: float
    beyond_error: float
    deflated: float
    turnover: float
    drawdown: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with null for NaN."""
        return plain_fields(self)


def trade(
    table: pd.DataFrame, bars: Mapping[str, pd.DataFrame], *, cost_bps: float, trials: int
) -> list[Performance]:
    """Follow each rule through the one-session forecasts of a table.

    Args:
        table: prediction rows.
        bars: adjusted bars of each symbol in it, which hold every date.
        cost_bps: cost of a trade in basis points of what is traded.
        trials: how many models have been tried on these symbols and days, this one included.
    """
    rows = table[table["horizon"] == 1].sort_values(["symbol", "origin"], kind="stable")
    simple = np.concatenate(
        [_held(part, bars[str(symbol)]) for symbol, part in rows.groupby("symbol", sort=True)]
    )
    rules: dict[str, FloatArray] = {"buy and hold": np.ones(len(rows))}
    if not is_point(rows):
        yearly = np.sqrt(SESSIONS_A_YEAR * stated_variance(rows))
        rules["volatility target"] = np.minimum(1.0, TARGET / yearly)
    sign = (rows["q50"].to_numpy(dtype=np.float64) > 0).astype(np.float64)
    if not sign.all():  # a median that always rises holds the stock always
        rules["sign"] = sign
    # By symbol and then by origin: what was held before is in the row before.
    first = (rows["symbol"] != rows["symbol"].shift()).to_numpy()
    columns: dict[str, FloatArray] = {}
    for name, position in rules.items():
        before = np.where(first, 0.0, np.append(0.0, position[:-1]))
        traded = np.abs(position - before)
        columns[f"net {name}"] = position * simple - cost_bps * 1e-4 * traded
        columns[f"traded {name}"] = traded
    daily = pd.DataFrame(columns).groupby(rows["origin"].to_numpy(), sort=True).mean()
    results = []
    holding = daily["net buy and hold"].to_numpy(dtype=np.float64)
    for name, position in rules.items():
        net, turnover = (
            daily[f"{part} {name}"].to_numpy(dtype=np.float64) for part in ("net", "traded")
        )
        beyond = net - float(position.mean()) * holding
        results.append(_performance(name, net, beyond, float(turnover.mean()), trials))
    return results


def _held(rows: pd.DataFrame, bars: pd.DataFrame) -> FloatArray:
    """Simple return of each row's position, from the first price after the forecast on.

    Args:
        rows: of one symbol, by origin.
        bars: its adjusted bars.
    """
    traded = bars.loc[rows["date"]]
    close = traded["close"].to_numpy(dtype=np.float64)
    price = traded["open"].to_numpy(dtype=np.float64)
    price = close if np.isnan(price).all() else np.where(np.isnan(price), close, price)
    held: FloatArray = np.append(price[1:], close[-1]) / price - 1
    return held


def _performance(
    name: str, net: FloatArray, beyond: FloatArray, turnover: float, trials: int
) -> Performance:
    year = np.sqrt(SESSIONS_A_YEAR)
    deviation, more = float(net.std()), float(beyond.std())
    error = np.sqrt(long_run_variance(beyond, LAGS) / len(beyond))
    daily = float(net.mean()) / deviation if deviation > 0 else float("nan")
    wealth = np.cumprod(1 + net)
    peak = np.maximum.accumulate(np.maximum(wealth, 1.0))
    return Performance(
        name=name,
        annual_return=SESSIONS_A_YEAR * float(net.mean()),
        annual_volatility=year * deviation,
        sharpe=year * daily,
        sharpe_error=year * sharpe_error(net) if deviation > 0 else float("nan"),
        beyond=SESSIONS_A_YEAR * float(beyond.mean()) if more > 0 else float("nan"),
        beyond_error=SESSIONS_A_YEAR * float(error) if more > 0 else float("nan"),
        deflated=deflated_sharpe(beyond, trials) if more > 0 else float("nan"),
        turnover=SESSIONS_A_YEAR * turnover,
        drawdown=float(np.max(1 - wealth / peak)),
    )


def sharpe_error(returns: FloatArray) -> float:
    """Newey-West standard error of the Sharpe ratio of one period.

    By the delta method on mean and variance, whose influence on the ratio S is
    `x - S / 2 (x^2 - 1)` for standardised returns x.

    Source: Lo (2002), The statistics of Sharpe ratios.
    """
    x = (returns - returns.mean()) / returns.std()
    ratio = float(returns.mean() / returns.std())
    influence = x - ratio / 2 * (x**2 - 1)
    return float(np.sqrt(long_run_variance(influence, LAGS) / len(returns)))


def deflated_sharpe(returns: FloatArray, trials: int) -> float:
    """Probability that the Sharpe ratio exceeds what the best of `trials` without skill would show.

    The trials' ratios are taken to spread as those of as many strategies without skill,
    `1 / (n - 1)` in variance. With one trial it is the probability of a ratio above 0.

    Source: Bailey and Lopez de Prado (2014), The deflated Sharpe ratio.
    """
    n = len(returns)
    x = (returns - returns.mean()) / returns.std()
    ratio = float(returns.mean() / returns.std())
    luck = 0.0
    if trials > 1:
        expected = (1 - _EULER) * ndtri(1 - 1 / trials) + _EULER * ndtri(1 - 1 / (trials * np.e))
        luck = float(expected) / np.sqrt(n - 1)
    skew, kurtosis = float(np.mean(x**3)), float(np.mean(x**4))
    spread = 1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2
    return float(ndtr((ratio - luck) * np.sqrt(n - 1) / np.sqrt(max(spread, 1e-12))))
