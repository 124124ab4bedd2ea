"""Whether the ledger grades as a backtest does: past days replayed one by one, beside one table.

    python benchmarks/replay.py
    python benchmarks/replay.py --days 50          quicker

The pretrained networks forecast a stock of the bundled sample as of each of 250 days, from the
bars up to that day alone, and the ledger grades what it recorded. The same networks forecast the
same days in one go. Scores are compared in float64, and in the float32 that networks usually
compute in, whose rounding depends on how many rows are computed at once.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lstmcast.evaluation.scores import score_table
from lstmcast.forecasting import forecast_ahead
from lstmcast.forecasting.issued import IssuedForecast
from lstmcast.ledger import MODEL, Ledger, StoredBars, grade, record, track
from lstmcast.nn import Network
from lstmcast.predictions import Actuals, tabulate
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import get_source
from lstmcast.prices.store import PriceStore
from lstmcast.training import Forecaster
from lstmcast.training.group import Graphs, Group
from lstmcast.training.zero_shot import zero_shot_forecaster

HORIZON = 5
SESSIONS = 900


class InFloat64:
    """Runs networks in float64, whatever they were trained in."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self.networks = [network.double() for network in networks]

    def run(
        self, features: np.ndarray, scale: np.ndarray, symbols: Sequence[int], horizon: int
    ) -> list[dict[str, np.ndarray]]:
        """The parameters of each network's head at every step; see `group.Runner`."""
        del horizon
        x, unit = (torch.from_numpy(values).double() for values in (features, scale))
        numbers = torch.tensor(list(symbols))
        with torch.inference_mode():
            found = [network(x, unit, symbols=numbers)[0]._asdict() for network in self.networks]
        return [{name: value.numpy() for name, value in params.items()} for params in found]


def in_float32(history: PriceHistory) -> Forecaster:
    """The pretrained networks as they are."""
    return zero_shot_forecaster(history, HORIZON)


def in_float64(history: PriceHistory) -> Forecaster:
    """The same networks, computing in float64."""
    plain = in_float32(history)
    (group,) = plain.groups
    graphs = Graphs(len(group.networks), InFloat64(group.networks), None)
    return Forecaster(plain.experiment, [Group(plain.experiment, group.scaling, [], graphs=graphs)])


def at_once(
    history: PriceHistory, sessions: pd.DatetimeIndex, make: Callable[[PriceHistory], Forecaster]
) -> pd.DataFrame:
    """The prediction table of all days."""
    forecaster = make(history)
    inputs = forecaster.inputs([history])
    rows = np.asarray(inputs.dates[0].get_indexer(sessions), dtype=np.intp)
    forecast = forecaster.forecast(inputs, {history.symbol: rows})[history.symbol]
    return tabulate(Actuals(history.symbol, inputs.dates[0], inputs.closes), rows, forecast)


def day_by_day(
    history: PriceHistory, sessions: pd.DatetimeIndex, make: Callable[[PriceHistory], Forecaster]
) -> pd.DataFrame:
    """What the ledger makes of the same forecasts, each from the bars that were known."""
    with tempfile.TemporaryDirectory() as name:
        store, path = PriceStore(Path(name)), Path(name) / "ledger.sqlite"
        store.save(history)
        for session in sessions:
            known = history.between(None, session)
            (ahead,) = forecast_ahead(make(known), [known])
            issued = IssuedForecast(ahead, known.source, None, "", known.sha256, 0, None)
            record(path, [issued], store, replayed=True)
        return grade(Ledger(path).entries(), StoredBars(store))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=250)
    options = parser.parse_args()
    whole = get_source("sample").fetch("AAPL")
    history = whole.between(whole.bars.index[-SESSIONS], None)
    sessions = history.dates[len(history) - options.days - HORIZON : len(history) - HORIZON]
    for make in (in_float64, in_float32):
        began = time.perf_counter()
        table = at_once(history, sessions, make)
        graded = day_by_day(history, sessions, make)
        expected, found = score_table(table)[0], track(graded).overall
        worst = max(
            abs(float(found[horizon][MODEL][name] or 0) - getattr(expected[horizon], name))
            for horizon in expected
            for name in found[horizon][MODEL]
        )
        print(
            f"{make.__name__}: {options.days} days, {HORIZON} horizons: largest difference of a "
            f"score {worst:.1e} ({time.perf_counter() - began:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
