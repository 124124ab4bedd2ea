"""The interface of baselines: forecasters of the same rows as a trained model, from bars alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.baselines.cache import FitCache
from lstmcast.distributions import Distribution, FloatArray, StudentTMixture

Refit = Literal["never", "yearly", "quarterly", "monthly"]
"""When the baselines are fitted: once, before the first forecast, or again in each new period."""


@dataclass(frozen=True)
class Columns:
    """Features with their names.

    Args:
        names: of the columns.
        groups: feature groups that they belong to.
        values: `(rows of bars, columns)`, NaN where there are none yet.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    values: FloatArray


@dataclass(frozen=True)
class BaselineInputs:
    """What a baseline may see of one symbol.

    Args:
        symbol: the symbol.
        bars: adjusted bars (`PriceHistory.adjusted()`): open, high, low, close, volume,
            dollar_volume; open, high and low are NaN where the source lacks them.
        fit_rows: parameters may be fitted on `bars.iloc[:fit_rows]` and on nothing later.
        origins: `(rows,)` row numbers of the sessions at whose close a forecast is made; a
            forecast may use every bar up to and including its origin.
        horizons: forecasts are wanted for 1..`horizons` sessions ahead.
        features: `(rows of bars, columns)` the model's own causal features, NaN where there are
            none yet; None where the caller has none.
        cache: where slow fits are kept; None fits anew.
        market: who it closes together with, as in `lstmcast.prices.closing`.
        defaults: columns of the default feature groups; None where the caller has none.
    """

    symbol: str
    bars: pd.DataFrame
    fit_rows: int
    origins: NDArray[np.intp]
    horizons: int
    features: FloatArray | None = None
    cache: FitCache | None = None
    market: str = ""
    defaults: Columns | None = None

    def returns(self) -> FloatArray:
        """`(rows,)` log returns of each session as fractions; the first is 0."""
        log_close = np.log(self.bars["close"].to_numpy(dtype=np.float64))
        return np.diff(log_close, prepend=log_close[0])

    def first_move(self) -> int:
        """Row of the first close that is not the first one; the number of rows where none is.

        Prices that stand still from the beginning (a listing before it trades, a filled gap) have
        no width that a return could be measured in.
        """
        moved = self.returns() != 0
        return int(moved.argmax()) if moved.any() else len(moved)

    def cumulative_returns(self) -> FloatArray:
        """`(fit_rows, horizons)` log returns from each row's close over 1..horizons sessions ahead.

        NaN from the row on where a target lies outside the rows that may be fitted, and on the rows
        before the first move.
        """
        log_close = np.log(self.bars["close"].to_numpy(dtype=np.float64)[: self.fit_rows])
        padded = np.append(log_close, np.full(self.horizons, np.nan))
        ahead = np.arange(self.fit_rows)[:, None] + np.arange(1, self.horizons + 1)
        ahead_returns: FloatArray = padded[ahead] - log_close[:, None]
        ahead_returns[: self.first_move()] = np.nan
        return ahead_returns

    @property
    def has_range(self) -> bool:
        """Whether every bar has a high and a low."""
        return bool(self.bars[["high", "low"]].notna().to_numpy().all())


@dataclass(frozen=True)
class BaselineForecast:
    """The distributions of every origin, and what the reader should know of the fit.

    Args:
        distribution: forecasts of shape `(origins, horizons)`.
        notes: one line each, such as a fit that failed and what replaced it.
    """

    distribution: Distribution
    notes: tuple[str, ...] = ()


class Baseline(Protocol):
    """A forecaster that a model must beat to be worth its cost."""

    @property
    def name(self) -> str:
        """How commands and files call it."""
        ...

    @property
    def label(self) -> str:
        """How tables and charts call it."""
        ...

    def unable(self, inputs: BaselineInputs) -> str | None:
        """Why it cannot forecast these rows (a column that the source lacks), or None."""
        ...

    def forecast(self, inputs: BaselineInputs) -> BaselineForecast:
        """Forecast the returns from every origin.

        Raises:
            DataError: if there are too few rows to fit.
        """
        ...


@dataclass(frozen=True)
class PooledInputs:
    """What a baseline that is fitted to all symbols at once needs of one of them.

    Args:
        inputs: the symbol's, with the origins that are wanted.
        refit: when the baseline is fitted.
    """

    inputs: BaselineInputs
    refit: Refit


@dataclass(frozen=True)
class PerSymbolForecast:
    """Forecasts of one symbol before calibration, which pools the outcomes of all symbols.

    Args:
        inputs: the symbol's, with the origins that are wanted.
        first: row of the first forecast.
        forecasts: of every row from there to the last origin or beyond.
    """

    inputs: BaselineInputs
    first: int
    forecasts: StudentTMixture

    def at(self, rows: NDArray[np.intp]) -> StudentTMixture:
        """The forecasts of some rows."""
        chosen = rows - self.first
        parts = (self.forecasts.df, self.forecasts.loc, self.forecasts.scale)
        return StudentTMixture(*(part[:, chosen] for part in parts))


PerSymbol = TypeVar("PerSymbol", PerSymbolForecast, PooledInputs)
"""What each symbol contributes to a pooled baseline."""


SymbolSource = Iterable[tuple[Any, Callable[[], FloatArray]]]
"""What each symbol contributes, `PerSymbolForecast` or `PooledInputs`, and what reads its features
alone, as in `BaselineInputs`. In the order of the symbols, each read when it is asked for."""


@runtime_checkable
class PooledBaseline(Baseline, Protocol[PerSymbol]):
    """A baseline whose forecast of a symbol depends on the other symbols as well.

    Everything but `fitted` is done symbol by symbol, and may run in a worker process.
    """

    @property
    def prepares_quickly(self) -> bool:
        """Whether `prepare` is sooner done again than kept."""
        ...

    def prepare(self, inputs: BaselineInputs, refit: Refit) -> PerSymbol:
        """The part that can be computed for one symbol by itself."""
        ...

    def fitted(self, symbols: SymbolSource) -> Any:
        """What is fitted to all symbols, of which there is one at least; can be pickled."""
        ...

    def before_calibration(self, fitted: Any, prepared: PerSymbol) -> PerSymbolForecast:
        """The forecasts of one symbol, which are then calibrated with the others'."""
        ...
