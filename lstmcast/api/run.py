"""A trained experiment as a program has it: `Run`, in memory after `fit` or in a folder."""

import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast.api.charts import OF_ALL_SYMBOLS, ChartKind, Gates, charts_of
from lstmcast.api.settings import Prices, own_histories, store_of
from lstmcast.config import Experiment
from lstmcast.errors import UsageError
from lstmcast.folders import runs_folder
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.run import FittedRun
from lstmcast.run import Run as Kept

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lstmcast.baselines import Refit
    from lstmcast.evaluation import Report

PathLike = str | os.PathLike[str]

LEVELS = (50.0, 80.0, 95.0)
"""Prediction intervals that are stated by default, in %."""


class Run:
    """Trained networks with their test forecasts: what `fit` returns and `Run.open` reads.

    Args:
        kept: the run, in memory or in a folder.
        prices: histories that take the place of stored ones.
        data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.

    Example:
        >>> run = lstmcast.fit("AAPL", start="2009-01-01", epochs=0)  # 0: as pretrained
        >>> path = run.save()
        >>> run = lstmcast.Run.open(path.name)
        >>> report = run.evaluate(["random_walk", "ewma"])
        >>> report.to_frame()[["forecaster", "horizon", "crps"]].shape
        (30, 3)
        >>> report.verdict.days > 100
        True
        >>> run.plot("fan").savefig("fan.png")
    """

    def __init__(
        self,
        kept: Kept,
        *,
        prices: Sequence[PriceHistory] = (),
        data_dir: PathLike | None = None,
    ) -> None:
        self._kept, self._prices, self._data_dir = kept, tuple(prices), data_dir

    @classmethod
    def open(
        cls,
        run: PathLike | None = None,
        *,
        prices: Prices | None = None,
        runs_dir: PathLike | None = None,
        data_dir: PathLike | None = None,
    ) -> "Run":
        """Open a run that was saved, or trained by `lstmcast train`.

        Args:
            run: its folder, or its name in `runs_dir`; the newest by default.
            prices: its symbols' own prices, where the store does not have them.
            runs_dir: folder of the runs; by default `LSTMCAST_RUNS_DIR` or `runs`.
            data_dir: folder of the store; by default `LSTMCAST_DATA_DIR` or the platform's own.

        Raises:
            RunError: if there is none, or it is incomplete, damaged or of a newer schema.
        """
        kept = Kept.open(None if run is None else Path(run), runs_folder(runs_dir))
        return cls(kept, prices=own_histories(prices), data_dir=data_dir)

    def __repr__(self) -> str:
        return f"Run({self.name!r}, symbols={self.symbols}, horizon={self.horizon})"

    # --- what it is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of its folder, or of the experiment while there is none."""
        return self._kept.name

    @property
    def path(self) -> Path | None:
        """Its folder; None until it is saved."""
        return None if isinstance(self._kept, FittedRun) else self._kept.path

    @property
    def symbols(self) -> list[str]:
        """What it was trained on and forecasts."""
        return [entry.symbol for entry in self._kept.symbols]

    @property
    def horizon(self) -> int:
        """The most sessions ahead that it forecasts."""
        return self.experiment.target.horizon

    @property
    def status(self) -> str:
        """`complete`, or `interrupted` where training was ended before its time."""
        return str(self._kept.record["status"])

    @property
    def experiment(self) -> Experiment:
        """The resolved configuration, which trains the same run again: `fit(config=...)`."""
        return self._kept.experiment()

    @property
    def split(self) -> dict[str, pd.Timestamp]:
        """`train_end`, `validation_end` and `test_end`: the last session of each part."""
        return self._kept.boundaries

    @property
    def record(self) -> Mapping[str, Any]:
        """What `run.json` says: versions, seeds, device, timings, the prices and their hashes."""
        return self._kept.record

    @property
    def history(self) -> pd.DataFrame:
        """The training history: a row per network (`member`) and epoch, as in `history.csv`."""
        return self._kept.history()

    @property
    def predictions(self) -> pd.DataFrame:
        """The forecasts of the test part: a row per symbol, origin and horizon.

        Columns: `symbol, origin, date, horizon, close_origin, close_actual, return_actual`, 21
        quantiles `q025` to `q975`, `mean` and `log_density`. Returns and quantiles are cumulative
        log returns from the origin's close, as fractions.
        """
        return self._kept.predictions()

    # --- what it does ----------------------------------------------------------------------------

    def predict(
        self,
        horizon: int | None = None,
        levels: float | Sequence[float] = LEVELS,
        *,
        symbols: str | Sequence[str] | None = None,
        prices: Prices | None = None,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Forecast the sessions to come, from the newest bars.

        Args:
            horizon: sessions ahead; all that the run was trained for by default.
            levels: nominal coverage of the prediction intervals, in % (80 for the range that
                should contain 80 % of the closes); one or several.
            symbols: which to forecast, also ones that the run was not trained on; its own by
                default.
            prices: newer prices, in the place of those that the run has or the store.
            as_of: forecast from the bars up to this day, which must not lie before the end of the
                validation part; by default the newest bar.

        Returns:
            A row per symbol and session: `symbol`, `origin` (the last session known), `date`,
            `horizon`, `close_origin`, `median`, `lower_80` and `upper_80` for each level, all in
            prices, `mean_return` (of the log return), `chance_up`, and `assumed` (the date is
            not from the exchange's calendar). `attrs["warnings"]` lists what to beware of, such as
            old prices, and `attrs["trust"]` says how such intervals held on the test part.

        Raises:
            UsageError: for a horizon, level or day that the run cannot forecast.
            StoreError: if a symbol's prices are not stored.
            DataError: if there are too few.
        """
        from lstmcast.api.forecasts import by_run

        chosen = [symbols] if isinstance(symbols, str) else list(symbols or ())
        return by_run(self._kept, self._store(prices), chosen, horizon, levels, as_of)

    def evaluate(
        self,
        baselines: str | Sequence[str] | None = None,
        *,
        refit: "Refit" = "never",
        n_jobs: int = 1,
        prices: Prices | None = None,
    ) -> "Report":
        """Score the test forecasts beside the baselines on the same rows, with a verdict.

        Args:
            baselines: names, such as `["random_walk", "ewma", "garch", "har_range"]`; all by
                default.
            refit: fit the baselines once (`never`), or again `yearly`, `quarterly` or `monthly` on
                all rows before.
            n_jobs: worker processes for several symbols; -1 takes every core.
            prices: the prices of the test part, in the place of those that the run has.

        Returns:
            The report: `to_frame()` has the scores, `verdict.summary` and `verdict.text` the answer
            in words, `to_dict()` all of it.

        Raises:
            UsageError: if there is no such baseline.
            StoreError: if a symbol's prices are not stored.
            DataError: if no session of the test part has come true.
        """
        from lstmcast.api.evaluation import evaluate_run, fit_cache

        store = self._store(prices)
        return evaluate_run(
            self._kept,
            store,
            baselines=[baselines] if isinstance(baselines, str) else baselines,
            refit=refit,
            jobs=max(n_jobs, 0),
            cache=fit_cache(store) if store.root.is_dir() else None,
        )

    def plot(
        self,
        kind: ChartKind = "test",
        *,
        symbol: str | None = None,
        horizon: int | None = None,
        gates: Gates | None = None,
        prices: Prices | None = None,
    ) -> "Figure":
        """Draw a chart, which notebooks show.

        Args:
            kind: `test` draws the test forecasts against the closes that came, `history` all
                sessions, `fan` the sessions to come, `training` the losses by epoch, `ranges` how
                often prediction intervals held, `gates` the LSTM's gates, `importance` what the
                inputs are worth.
            symbol: which of several; the first by default, all of them for `ranges`.
            horizon: sessions ahead; 1 by default, all that were trained for `fan`.
            gates: which sessions, units and network, for `gates`.
            prices: in the place of those that the run has.

        Returns:
            A matplotlib figure; `savefig` writes it. `charts` draws every symbol.

        Raises:
            UsageError: for a kind, symbol or horizon that there is not.
            StoreError: if a symbol's prices are not stored.
        """
        chosen = symbol or (None if kind in OF_ALL_SYMBOLS else self.symbols[0])
        drawn = self._drawn(kind, chosen, horizon, gates, prices)
        return next(iter(drawn.values()))

    def charts(
        self,
        kind: ChartKind = "test",
        *,
        horizon: int | None = None,
        gates: Gates | None = None,
        prices: Prices | None = None,
    ) -> "Mapping[str, Figure]":
        """Draw a chart for each symbol, by name, such as `AAPL-test`; arguments are `plot`'s."""
        return self._drawn(kind, None, horizon, gates, prices)

    def save(self, runs_dir: PathLike | None = None) -> Path:
        """Write the run into a new folder, whole or not at all; commands find it there.

        From then on the run is that folder. It keeps no prices: `save_prices` keeps own ones.

        Args:
            runs_dir: folder of the runs; by default `LSTMCAST_RUNS_DIR` or `runs`.

        Returns:
            The run's folder; that of a run which is kept already, where `runs_dir` is its place.

        Raises:
            UsageError: if the run is kept elsewhere already.
            OutputError: if it cannot be written.
        """
        place = runs_folder(runs_dir)
        if isinstance(self._kept, FittedRun):
            self._kept = self._kept.write(place)
        elif runs_dir is not None and self._kept.path.parent.resolve() != place.resolve():
            raise UsageError(f"the run is kept in {self._kept.path} already", "copy that folder")
        return self._kept.path

    # --- in between ------------------------------------------------------------------------------

    def _store(self, prices: Prices | None = None) -> PriceStore:
        """Where prices are looked up: those just given, else those of the run, then the store."""
        given = own_histories(prices)
        if prices is not None and not given:
            raise UsageError("`prices` are symbols here", "give histories or DataFrames")
        return store_of(given or self._prices, self._data_dir)

    def _drawn(
        self,
        kind: str,
        symbol: str | None,
        horizon: int | None,
        gates: Gates | None,
        prices: Prices | None,
    ) -> "Mapping[str, Figure]":
        store = self._store(prices)
        return charts_of(
            self._kept, store, kind, symbol=symbol, horizon=horizon, gates=gates or Gates()
        )


def load(
    run: PathLike | None = None,
    *,
    prices: Prices | None = None,
    runs_dir: PathLike | None = None,
    data_dir: PathLike | None = None,
) -> Run:
    """Open a run that was saved; the same as `Run.open`."""
    return Run.open(run, prices=prices, runs_dir=runs_dir, data_dir=data_dir)
