"""How good the forecasts are: lstmcast beside GARCH, GJR-GARCH, HAR and EWMA on the same rows.

    python benchmarks/skill.py \
        --data prices/four:2008-12-31:2010-12-31:AAPL,GOOG,IBM,MSFT \
        --data prices/ten:2010-12-31:2013-12-31

Each `--data` is a folder of price files (CSV, gzipped or not, or Parquet, one symbol a file), the
last session of training, that of validation, and the symbols if not all; what comes after is the
test. The defaults of lstmcast are trained once for each seed, all horizons in one network. The
standards are fitted as their users would: for one session ahead anew each January on all earlier
rows, for further ones once, on the rows before the test.

Scores are of the return in %, the mean over symbols; lower is better. DM is the Diebold-Mariano t
of the daily mean difference (Newey-West; below -2 lstmcast is better and it is not luck), the
weakest of the seeds; `better on` counts the symbols on which lstmcast has the better log score.
With `--unseen` every symbol is also forecast by networks that were trained on the others alone.
"""

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from lstmcast.baselines import BASELINES, FitCache, baseline_members, standard_tables
from lstmcast.config import Experiment, parse_experiment
from lstmcast.evaluation.comparison import compare
from lstmcast.evaluation.scores import row_losses
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import get_source
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.training import EpochRecord, Trained, predict, train_experiment

STANDARDS = ("ewma", "garch", "gjr", "har_abs", "har_range")
SCORES = ("log_score", "crps", "inside_50", "inside_80", "inside_90")


class Silent:
    """An observer who says nothing."""

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """Say nothing."""

    def on_restart(self, member: int, learning_rate: float) -> None:
        """Say nothing."""

    def on_finish(self, member: int, *, kept: bool) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class DataSet:
    """Histories and where their parts end."""

    name: str
    histories: tuple[PriceHistory, ...]
    train_end: date
    validation_end: date

    @classmethod
    def parse(cls, text: str) -> "DataSet":
        """Read `FOLDER:TRAIN_END:VALIDATION_END[:SYMBOL,SYMBOL]`."""
        folder, train_end, validation_end, *symbols = text.split(":")
        path = Path(folder)
        names = (
            symbols[0].split(",") if symbols else sorted(f.name.split(".")[0] for f in files(path))
        )
        source = get_source("csv", SourceOptions(path=path))
        return cls(
            path.name,
            tuple(source.fetch(name) for name in names),
            date.fromisoformat(train_end),
            date.fromisoformat(validation_end),
        )

    @classmethod
    def sample(cls) -> "DataSet":
        """The four stocks that the package brings along."""
        source = get_source("sample")
        names = ("AAPL", "GOOG", "IBM", "MSFT")
        histories = tuple(source.fetch(name) for name in names)
        return cls("sample", histories, date(2008, 12, 31), date(2010, 12, 31))

    def experiment(self, horizon: int, seed: int, overrides: Sequence[str]) -> Experiment:
        """The defaults on these data."""
        symbols = ", ".join(f"'{history.symbol}'" for history in self.histories)
        return parse_experiment(
            f"name: skill\ndata: {{symbols: [{symbols}]}}\n"
            f"split: {{train_end: {self.train_end}, validation_end: {self.validation_end}}}\n"
            f"target: {{horizon: {horizon}}}\ntraining: {{seed: {seed}}}\n",
            overrides,
        )

    def train(self, horizon: int, seed: int, overrides: Sequence[str]) -> Trained:
        """Train the defaults with a seed."""
        experiment = self.experiment(horizon, seed, overrides)
        companions = baseline_members(experiment.model.pool.baselines)
        return train_experiment(experiment, self.histories, Silent(), companions)

    def without(self, symbol: str) -> "DataSet":
        """The same data but for one symbol."""
        others = tuple(history for history in self.histories if history.symbol != symbol)
        return DataSet(self.name, others, self.train_end, self.validation_end)


def files(folder: Path) -> list[Path]:
    """The price files of a folder."""
    return [path for path in folder.iterdir() if path.suffixes[:1] in ([".csv"], [".parquet"])]


def standards(
    data: DataSet, predictions: pd.DataFrame, horizons: Sequence[int], cache: FitCache
) -> dict[str, pd.DataFrame]:
    """Losses of each standard on the rows of a prediction table, at the given horizons."""
    bars = {history.symbol: history.adjusted() for history in data.histories}
    baselines = [BASELINES[name] for name in STANDARDS]
    near = predictions[predictions["horizon"] == 1]
    losses: dict[str, list[pd.DataFrame]] = {name: [] for name in STANDARDS}
    yearly, _ = standard_tables(baselines, near, bars, refit="yearly", jobs=1, cache=cache)
    for name, standard in yearly.items():
        losses[name].append(row_losses(standard.table))
    if further := [h for h in horizons if h > 1]:
        once, _ = standard_tables(baselines, predictions, bars, jobs=1, cache=cache)
        for name, standard in once.items():
            part = standard.table[standard.table["horizon"].isin(further)]
            losses[name].append(row_losses(part))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in losses.items() if parts}


def mean_scores(losses: pd.DataFrame, horizon: int) -> dict[str, float]:
    """The mean over symbols of each one's scores."""
    rows = losses[losses["horizon"] == horizon]
    by_symbol = rows.groupby("symbol")[list(SCORES)].mean()
    return {name: float(by_symbol[name].mean()) for name in SCORES}


def better_on(model: Sequence[pd.DataFrame], other: pd.DataFrame, horizon: int) -> str:
    """On how many symbols the seeds' mean log score is below the other's."""

    def scores(losses: pd.DataFrame) -> "pd.Series[float]":
        return losses[losses["horizon"] == horizon].groupby("symbol")["log_score"].mean()

    ours = sum((scores(losses) for losses in model[1:]), scores(model[0])) / len(model)
    wins = int((ours < scores(other)).sum())
    return f"{wins} of {len(ours)}"


def weakest(model: Sequence[pd.DataFrame], other: pd.DataFrame, horizon: int, score: str) -> float:
    """The Diebold-Mariano t that speaks least for the model, over the seeds."""
    tests = [getattr(compare(losses, other, horizon), score) for losses in model]
    return max(float(test.statistic) for test in tests)


def print_horizon(
    model: Sequence[pd.DataFrame], others: Mapping[str, pd.DataFrame], horizon: int
) -> None:
    """One table: the model's mean over the seeds, its standard deviation, and the standards."""
    print(f"\n  {horizon} session{'s' * (horizon > 1)} ahead")
    head = ("log score", "CRPS", "50 %", "80 %", "90 %", "DM log", "DM CRPS", "better on")
    print(f"  {'':24}" + "".join(f"{name:>10}" for name in head))
    found = [mean_scores(losses, horizon) for losses in model]
    columns = [[scores[name] for scores in found] for name in SCORES]
    seeds = f"{len(model)} seed{'s' * (len(model) > 1)}"
    print_row(f"lstmcast, {seeds}", [statistics.mean(column) for column in columns])
    if len(model) > 1:
        print_row("  standard deviation", [statistics.stdev(column) for column in columns])
    for name, losses in others.items():
        tests = [weakest(model, losses, horizon, score) for score in ("log_score", "crps")]
        scores = mean_scores(losses, horizon)
        print_row(
            BASELINES[name].label,
            [scores[column] for column in SCORES],
            *(f"{t:.1f}" for t in tests),
            better_on(model, losses, horizon),
        )


def print_row(label: str, scores: Sequence[float], *further: str) -> None:
    """Two scores, three shares, and what follows."""
    cells = [f"{score:.4f}" for score in scores[:2]] + [f"{share:.1%}" for share in scores[2:]]
    print(f"  {label:24}" + "".join(f"{cell:>10}" for cell in (*cells, *further)))


def print_unseen(
    data: DataSet, seen: Trained, horizons: Sequence[int], overrides: Sequence[str]
) -> None:
    """Log scores of each symbol by networks that saw it and by networks that did not."""
    print("\n  log scores with and without the symbol in training, first seed")
    print(f"  {'':10}" + "".join(f"{f'h={h} with':>12}{'without':>10}" for h in horizons))
    longest = seen.prepared.experiment.target.horizon
    differences = []
    for history in data.histories:
        symbol = history.symbol
        trained = data.without(symbol).train(
            longest, seen.prepared.experiment.training.seed, overrides
        )
        inputs = trained.forecaster.inputs([history])
        origins = {symbol: seen.prepared.parts[symbol].test}
        table = predict(trained.forecaster, inputs, origins, seen.prepared.boundaries.test_end)
        known = seen.predictions[seen.predictions["symbol"] == symbol]
        cells = [
            mean_scores(row_losses(part), h)["log_score"]
            for h in horizons
            for part in (known, table)
        ]
        differences.append(np.array(cells[1::2]) - np.array(cells[::2]))
        print(f"  {symbol:10}" + "".join(f"{cell:>11.4f}" for cell in cells))
    mean = np.mean(differences, axis=0)
    print("  worse by  " + "".join(f"{'':11}{change:>+11.4f}" for change in mean))


def main() -> None:
    """Train, compare, print."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="--data FOLDER:TRAIN_END:VALIDATION_END[:SYMBOL,SYMBOL], as often as you like",
    )
    parser.add_argument(
        "--data", action="append", help="price files and dates; by default the bundled sample"
    )
    parser.add_argument("--horizons", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the experiment")
    parser.add_argument("--unseen", action="store_true", help="leave one symbol out in turn")
    parser.add_argument("--cache", type=Path, help="folder that keeps the standards' fits")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cache = FitCache(options.cache or Path(folder))
        for data in [DataSet.parse(text) for text in options.data or ()] or [DataSet.sample()]:
            longest = max(options.horizons)
            runs = [data.train(longest, seed, options.set) for seed in options.seeds]
            first = runs[0].predictions
            rows, days = len(first[first["horizon"] == 1]), first["origin"].nunique()
            fits = ", ".join(f"{run.seconds['fit']:.1f} s" for run in runs)
            print(
                f"\n{data.name}: {len(data.histories)} symbols, {days} sessions, {rows} forecasts"
            )
            print(f"  fitted in {fits}")
            losses = [row_losses(run.predictions) for run in runs]
            others = standards(data, first, options.horizons, cache)
            for horizon in options.horizons:
                print_horizon(losses, others, horizon)
            if options.unseen:
                print_unseen(data, runs[0], options.horizons, options.set)


if __name__ == "__main__":
    main()
