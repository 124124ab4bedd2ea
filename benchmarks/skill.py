"""How good the forecasts are: lstmcast beside GARCH, GJR-GARCH, HAR and EWMA on the same rows.

    python benchmarks/skill.py \
        --data prices/four:2008-12-31:2010-12-31:AAPL,GOOG,IBM,MSFT \
        --data prices/ten:2010-12-31:2013-12-31

Each `--data` is a folder of price files (CSV, gzipped or not, or Parquet, one symbol a file), the
last session of training, that of validation, and the symbols if not all; what comes after is the
test. The defaults of lstmcast are trained once for each seed, all horizons in one network. The
baselines are fitted as their users would: for one session ahead anew each January on all earlier
rows, for further ones once, on the rows before the test.

Scores are of the return in %, the mean over symbols; lower is better. DM is the Diebold-Mariano t
of the daily mean difference (Newey-West; below -2 lstmcast is better and it is not luck), the
weakest of the seeds; `better on` counts the symbols on which lstmcast has the better log score.
With `--unseen` every symbol is also forecast by networks that were trained on the others alone.

    python benchmarks/skill.py --peers neuralforecast darts

puts general forecasting libraries beside them one session ahead, on the same rows and with the same
seeds, each in a Python of its own (`benchmarks/peers/` tells how to make it), and shows after how
long lstmcast passes their scores. lstmcast is then fitted again for one session ahead, as the
libraries are: the default, and one member for 1, 2, 4 .. epochs, from the linear model that is
fitted first and from nothing (`model.start: random`, so that all it knows its network has learned).
The scores of those fits are of the test rows and choose nothing. Imports are in nobody's time.
"""

import argparse
import itertools
import math
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from peers.run import (
    PEERS,
    Forecasts,
    PeerError,
    averaged,
    passed_after,
    pythons,
    returns_table,
    run_peer,
)

from lstmcast.baselines import (
    BASELINES,
    BaselineContext,
    FitCache,
    baseline_context,
    baseline_members,
    baseline_tables,
)
from lstmcast.config import Experiment, parse_experiment
from lstmcast.evaluation.comparison import compare
from lstmcast.evaluation.scores import row_losses
from lstmcast.features import build_matrices
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import get_source
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.training import SilentObserver, Trained, predict, resolve_experiment, train_experiment

BASELINE_NAMES = (
    "ewma", "garch", "gjr", "har_abs", "har_range", "har_calibrated", "linear", "pretrained",
)  # fmt: skip
SCORES = ("log_score", "crps", "inside_50", "inside_80", "inside_90")
EPOCHS = (1, 2, 4, 8, 16, 32)
STARTS = ("pretrained", "random")


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
        external_members = baseline_members(experiment.model.pool.baselines)
        resolved = resolve_experiment(experiment, self.histories)
        return train_experiment(resolved, self.histories, SilentObserver(), external_members)

    def without(self, symbol: str) -> "DataSet":
        """The same data but for one symbol."""
        others = tuple(history for history in self.histories if history.symbol != symbol)
        return DataSet(self.name, others, self.train_end, self.validation_end)


def files(folder: Path) -> list[Path]:
    """The price files of a folder."""
    return [path for path in folder.iterdir() if path.suffixes[:1] in ([".csv"], [".parquet"])]


def beside(
    histories: Sequence[PriceHistory], trained: Trained
) -> tuple[dict[str, pd.DataFrame], BaselineContext]:
    """What baselines read of a run beside the bars: its features, and those of `pretrained`."""
    experiment = trained.prepared.experiment
    matrices = build_matrices(histories, experiment.features or ())
    features = {symbol: matrix.table for symbol, matrix in matrices.items()}
    return features, baseline_context(experiment, histories, BASELINE_NAMES, features)


def baseline_losses(
    data: DataSet, trained: Trained, horizons: Sequence[int], cache: FitCache
) -> dict[str, pd.DataFrame]:
    """Losses of each baseline on the rows of a run's test forecasts, at the given horizons."""
    predictions = trained.predictions
    bars = {history.symbol: history.adjusted() for history in data.histories}
    baselines = [BASELINES[name] for name in BASELINE_NAMES]
    features, context = beside(data.histories, trained)
    read: dict[str, Any] = {"features": features, "context": context, "jobs": 1, "cache": cache}
    near = predictions[predictions["horizon"] == 1]
    losses: dict[str, list[pd.DataFrame]] = {name: [] for name in BASELINE_NAMES}
    yearly, _ = baseline_tables(baselines, near, bars, refit="yearly", **read)
    for name, result in yearly.items():
        losses[name].append(row_losses(result.table))
    if further := [h for h in horizons if h > 1]:
        once, _ = baseline_tables(baselines, predictions, bars, **read)
        for name, result in once.items():
            part = result.table[result.table["horizon"].isin(further)]
            losses[name].append(row_losses(part))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in losses.items() if parts}


def mean_scores(losses: pd.DataFrame, horizon: int) -> dict[str, float]:
    """The mean over symbols of each one's scores."""
    rows = losses[losses["horizon"] == horizon]
    by_symbol = rows.groupby("symbol")[list(SCORES)].mean()
    return {name: float(by_symbol[name].mean()) for name in SCORES}


def mean_over(losses: Sequence[pd.DataFrame], horizon: int) -> dict[str, float]:
    """The mean over seeds of `mean_scores`."""
    found = [mean_scores(each, horizon) for each in losses]
    return {name: statistics.mean(scores[name] for scores in found) for name in SCORES}


def better_on(
    model: Sequence[pd.DataFrame], other: Sequence[pd.DataFrame], horizon: int, score: str
) -> str:
    """On how many symbols the seeds' mean score is below the other's."""

    def scores(losses: Sequence[pd.DataFrame]) -> "pd.Series[float]":
        every = pd.concat(losses)
        return every[every["horizon"] == horizon].groupby("symbol")[score].mean()

    ours = scores(model)
    return f"{int((ours < scores(other)).sum())} of {len(ours)}"


def weakest(
    model: Sequence[pd.DataFrame], other: Sequence[pd.DataFrame], horizon: int, score: str
) -> float:
    """The Diebold-Mariano t that speaks least for the model, over the seeds; NaN without scores."""
    tests = [
        getattr(compare(ours, theirs, horizon), score)
        for ours, theirs in itertools.product(model, other)
    ]
    return max((float(test.statistic) for test in tests if test is not None), default=math.nan)


@dataclass(frozen=True)
class Rival:
    """A row of the table beside lstmcast: losses of each seed, and seconds of a seed's fit."""

    label: str
    losses: Sequence[pd.DataFrame]
    fit_seconds: float | None = None


def print_horizon(model: Sequence[pd.DataFrame], others: Sequence[Rival], horizon: int) -> None:
    """One table: the model's mean over the seeds, its standard deviation, and the others."""
    print(f"\n  {horizon} session{'s' * (horizon > 1)} ahead")
    head = ["log score", "CRPS", "50 %", "80 %", "90 %", "DM log", "DM CRPS", "better on"]
    head += ["fit"] * any(rival.fit_seconds is not None for rival in others)
    print(f"  {'':24}" + "".join(f"{name:>10}" for name in head))
    found = [mean_scores(losses, horizon) for losses in model]
    columns = [[scores[name] for scores in found] for name in SCORES]
    seeds = f"{len(model)} seed{'s' * (len(model) > 1)}"
    print_row(f"lstmcast, {seeds}", [statistics.mean(column) for column in columns])
    if len(model) > 1:
        print_row("  standard deviation", [statistics.stdev(column) for column in columns])
    for rival in others:
        tests = [weakest(model, rival.losses, horizon, score) for score in ("log_score", "crps")]
        scores = mean_over(rival.losses, horizon)
        deciding = "crps" if math.isnan(scores["log_score"]) else "log_score"
        print_row(
            rival.label,
            [scores[column] for column in SCORES],
            *("-" if math.isnan(t) else f"{t:.1f}" for t in tests),
            better_on(model, rival.losses, horizon, deciding),
            *([] if rival.fit_seconds is None else [f"{rival.fit_seconds:.1f} s"]),
        )


def print_row(label: str, scores: Sequence[float], *further: str) -> None:
    """Two scores, three shares, and what follows."""
    cells = ["-" if math.isnan(score) else f"{score:.4f}" for score in scores[:2]]
    cells += [f"{share:.1%}" for share in scores[2:]]
    print(f"  {label:24}" + "".join(f"{cell:>10}" for cell in (*cells, *further)))


def run_peers(
    data: DataSet, predictions: pd.DataFrame, options: argparse.Namespace
) -> dict[str, list[Forecasts]]:
    """Every variant of every library that was asked for, a run a seed, by its label."""
    returns = returns_table(data.histories, data.train_end, data.validation_end)
    near = predictions[predictions["horizon"] == 1]
    threads = data.experiment(1, 0, options.set).training.threads
    return {
        variant.label: [
            run_peer(name, variant, python, returns, near, seed=seed, threads=threads)
            for seed in options.seeds
        ]
        for name, python in options.pythons.items()
        for variant in PEERS[name]
    }


def peer_rows(peers: Mapping[str, Sequence[Forecasts]]) -> list[Rival]:
    """The libraries' rows: the mean over seeds, and the seeds averaged into one forecast."""
    rows = []
    for label, seeds in peers.items():
        seconds = statistics.mean(each.fit_seconds for each in seeds)
        rows.append(Rival(label, [each.losses for each in seeds], seconds))
        if len(seeds) > 1:
            pool = averaged(seeds)
            rows.append(Rival("  its seeds as one", [pool.losses], pool.fit_seconds))
    return rows


def print_race(
    data: DataSet, peers: Mapping[str, Sequence[Forecasts]], seed: int, overrides: Sequence[str]
) -> None:
    """How long lstmcast needs to pass the libraries' test scores, looked at after the fact."""
    print("\n  seconds to fit, and scores of the test rows one session ahead, first seed")
    print(f"  {'':30}{'fit':>10}{'log score':>10}{'CRPS':>10}")

    def fitted(label: str, *settings: str) -> tuple[float, dict[str, float]]:
        trained = data.train(1, seed, [*overrides, *settings])
        seconds = sum(trained.seconds[part] for part in ("prepare", "fit", "pool"))
        scores = mean_scores(row_losses(trained.predictions), 1)
        print(f"  {label:30}{seconds:>8.2f} s{scores['log_score']:>10.4f}{scores['crps']:>10.4f}")
        return seconds, scores

    whole, _ = fitted("lstmcast, the default")
    steps = {
        start: [
            fitted(
                f"one member, {start}, {epochs} epoch{'s' * (epochs > 1)}",
                "model.members=1",
                f"model.start={start}",
                f"training.epochs={epochs}",
            )
            for epochs in EPOCHS
        ]
        for start in STARTS
    }
    for label, seeds in peers.items():
        theirs, scores = seeds[0].fit_seconds, mean_scores(seeds[0].losses, 1)
        log_score = "-" if math.isnan(scores["log_score"]) else f"{scores['log_score']:.4f}"
        print(f"  {label:30}{theirs:>8.2f} s{log_score:>10}{scores['crps']:>10.4f}")
        print(f"    the default takes {whole / theirs:.1%} of its time")
        for start in STARTS:
            passed = passed_after(steps[start], scores)
            result = (
                "does not pass it"
                if passed is None
                else f"passes it in {passed:.2f} s, {passed / theirs:.1%} of its time"
            )
            print(f"    one member, {start}, {result}")


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
    parser.add_argument("--cache", type=Path, help="folder that keeps the baselines' fits")
    parser.add_argument(
        "--peers", nargs="+", default=[], choices=PEERS, help="libraries to put beside it"
    )
    parser.add_argument(
        "--peer-python",
        action="append",
        default=[],
        help="NAME=PATH of a library's Python; by default .venv-NAME/bin/python",
    )
    options = parser.parse_args()
    if options.peers and 1 not in options.horizons:
        parser.error("--peers forecast one session ahead: name 1 among --horizons")
    try:
        options.pythons = pythons(options.peers, options.peer_python)
        run(options)
    except PeerError as error:
        sys.exit(f"error: {error}")


def run(options: argparse.Namespace) -> None:
    """One table a data set and horizon."""
    with tempfile.TemporaryDirectory() as folder:
        cache = FitCache(options.cache or Path(folder))
        for data in [DataSet.parse(text) for text in options.data or ()] or [DataSet.sample()]:
            longest = max(options.horizons)
            runs = [data.train(longest, seed, options.set) for seed in options.seeds]
            first = runs[0].predictions
            count, days = len(first[first["horizon"] == 1]), first["origin"].nunique()
            fits = ", ".join(f"{run.seconds['fit']:.1f} s" for run in runs)
            print(
                f"\n{data.name}: {len(data.histories)} symbols, {days} sessions, {count} forecasts"
            )
            print(f"  fitted in {fits}")
            losses = [row_losses(run.predictions) for run in runs]
            others = [
                Rival(BASELINES[name].label, [table])
                for name, table in baseline_losses(data, runs[0], options.horizons, cache).items()
            ]
            peers = run_peers(data, first, options)
            for horizon in options.horizons:
                rows = peer_rows(peers) if horizon == 1 else []
                print_horizon(losses, [*others, *rows], horizon)
            if peers:
                print_race(data, peers, options.seeds[0], options.set)
            if options.unseen:
                print_unseen(data, runs[0], options.horizons, options.set)


if __name__ == "__main__":
    main()
