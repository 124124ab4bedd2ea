"""A baseline as an external member of an ensemble, fitted again whenever it forecasts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmcast.baselines.base import Baseline, BaselineInputs
from lstmcast.baselines.divergence import checked_forecast
from lstmcast.distributions import Distribution, StudentTMixture
from lstmcast.errors import DataError
from lstmcast.prices.history import PriceHistory


@dataclass(frozen=True)
class BaselineMember:
    """Forecasts with a baseline that is fitted on the sessions up to given dates.

    It has no weights to keep: it is fitted anew whenever it forecasts, on the same rows, so that a
    run that is loaded again forecasts the same.
    """

    baseline: Baseline

    @property
    def name(self) -> str:
        """How the configuration calls it."""
        return self.baseline.name

    def check(self, history: PriceHistory, horizon: int, fit_end: pd.Timestamp) -> None:
        """Fail before a long training, not after it.

        Raises:
            DataError: if the history does not have what the baseline needs.
        """
        dates = pd.DatetimeIndex(history.bars.index)
        self._inputs(history, dates[dates <= fit_end][-1:], horizon, fit_end)

    def forecast(
        self,
        history: PriceHistory,
        origins: pd.DatetimeIndex,
        horizon: int,
        fit_ends: Sequence[pd.Timestamp],
    ) -> Distribution:
        """Forecast returns over 1..`horizon` sessions from the close of each origin.

        Args:
            history: the symbol's.
            origins: sessions, in order.
            horizon: sessions ahead.
            fit_ends: it is fitted once for each, on the sessions up to it, and forecasts with the
                last of these fits that an origin may know; with the first before that.

        Raises:
            DataError: if the history does not have what the baseline needs.
        """
        ends = pd.DatetimeIndex(list(fit_ends))
        fit = np.maximum(ends.searchsorted(origins, side="right") - 1, 0)
        parts = []
        for number in np.unique(fit):
            inputs = self._inputs(history, origins[fit == number], horizon, fit_ends[number])
            part = self._checked(inputs)
            if not isinstance(part, StudentTMixture):
                raise DataError(
                    f"`model.pool.baselines` names {self.name}, which states no distribution",
                    "leave it out of `model.pool.baselines`",
                )
            parts.append(part)
        return StudentTMixture.stacked(parts)

    def _checked(self, inputs: BaselineInputs) -> Distribution:
        """Forecast, and refuse what diverges: one such member spoils the mixture."""
        try:
            return checked_forecast(self.baseline, inputs).distribution
        except DataError as error:
            raise self._refused(inputs.symbol, error.message) from error

    def _refused(self, symbol: str, reason: str) -> DataError:
        return DataError(
            f"`model.pool.baselines` names {self.name}, and {symbol} {reason}",
            "leave it out of `model.pool.baselines`",
        )

    def _inputs(
        self, history: PriceHistory, origins: pd.DatetimeIndex, horizon: int, fit_end: pd.Timestamp
    ) -> BaselineInputs:
        bars = history.adjusted()
        sessions = pd.DatetimeIndex(bars.index)
        inputs = BaselineInputs(
            symbol=history.symbol,
            bars=bars,
            fit_rows=int(sessions.searchsorted(fit_end, side="right")),
            origins=np.asarray(sessions.get_indexer(origins), dtype=np.intp),
            horizons=horizon,
        )
        reason = self.baseline.unable(inputs)
        if reason is not None:
            raise self._refused(history.symbol, reason)
        return inputs
