"""Forecasts of one symbol from short histories: the default, no fitting at all, and the baselines.

    python benchmarks/short_histories.py --data prices/four:2010-12-31:AAPL,GOOG,IBM,MSFT \
        --data prices/ten:2013-12-31::2015-12-31 --years 1 2 4 8 --seeds 0 1 2

Each `--data` is a folder of price files (one symbol a file), the last session before the test, the
symbols if not all, and the last session of the test if not the newest. Every symbol is forecast by
itself from the given years before the test, of which the last fifth is for validation. Baselines
are fitted anew each January. The log score is of the return in %, one session ahead, the mean over
symbols: lower is better.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skill import BASELINE_NAMES, beside, files

from lstmcast.baselines import BASELINES, baseline_tables
from lstmcast.config import parse_experiment
from lstmcast.evaluation.scores import row_losses
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import get_source
from lstmcast.prices.sources.base import SourceOptions
from lstmcast.training import SilentObserver, Trained, resolve_experiment, train_experiment

VALIDATION = 0.2


@dataclass(frozen=True)
class Case:
    """Histories, the last session before their test, and the last one of it."""

    name: str
    histories: tuple[PriceHistory, ...]
    before: date
    end: date | None

    @classmethod
    def parse(cls, text: str) -> "Case":
        """Read `FOLDER:BEFORE[:SYMBOL,SYMBOL[:END]]`."""
        folder, before, *rest = text.split(":")
        path = Path(folder)
        names = (
            rest[0].split(",")
            if rest and rest[0]
            else sorted(f.name.split(".")[0] for f in files(path))
        )
        end = date.fromisoformat(rest[1]) if len(rest) > 1 else None
        source = get_source("csv", SourceOptions(path=path))
        histories = tuple(source.fetch(name) for name in names)
        return cls(path.name, histories, date.fromisoformat(before), end)

    def cut(self, history: PriceHistory, years: int) -> PriceHistory:
        """The given years before the test, and the test."""
        first = pd.Timestamp(self.before) - pd.DateOffset(years=years)
        return history.between(first, self.end)

    def train(self, history: PriceHistory, seed: int, overrides: Sequence[str]) -> Trained:
        """One symbol trained by itself."""
        sessions = pd.DatetimeIndex(history.bars.index)
        known = sessions[sessions <= pd.Timestamp(self.before)]
        middle = known[int(len(known) * (1 - VALIDATION))]
        experiment = parse_experiment(
            f"name: short\ndata: {{symbols: ['{history.symbol}']}}\n"
            f"split: {{train_end: {middle:%Y-%m-%d}, validation_end: {known[-1]:%Y-%m-%d}}}\n"
            f"target: {{horizon: 1}}\ntraining: {{seed: {seed}}}\n",
            overrides,
        )
        return train_experiment(
            resolve_experiment(experiment, [history]), [history], SilentObserver(), ()
        )


COLUMNS = ("log_score", "crps", "inside_50", "inside_80", "inside_95")


def scores(tables: Sequence[pd.DataFrame]) -> NDArray[np.float64]:
    """Mean over symbols of the log score, CRPS, and coverage of the 50, 80 and 95 % intervals."""
    rows = [row_losses(table)[list(COLUMNS)].mean() for table in tables]
    return pd.concat(rows, axis=1).mean(axis=1).to_numpy(dtype=np.float64)


def print_row(case: Case, years: int, name: str, values: NDArray[np.float64]) -> None:
    """One forecaster's scores."""
    cells = "".join(f"{value:9.4f}" for value in values)
    print(f"{case.name:10} {years:3} y  {name:28}{cells}", flush=True)


def compare(case: Case, years: int, options: argparse.Namespace) -> None:
    """Score the default, the networks without fitting, variants and baselines on the same rows."""
    cut = [case.cut(history, years) for history in case.histories]
    variants = {"default": (), "not fitted": ("training.epochs=0",)}
    variants |= {text: tuple(text.split(";")) for text in options.variant}
    kept: list[Trained] = []
    for name, settings in variants.items():
        seeds = options.seeds[:1] if "training.epochs=0" in settings else options.seeds
        found = []
        for seed in seeds:
            runs = [case.train(h, seed, (*options.overrides, *settings)) for h in cut]
            found.append(scores([run.predictions for run in runs]))
            kept = kept or runs
        print_row(case, years, name, np.mean(found, axis=0))
    for name in options.baselines:
        tables: list[pd.DataFrame] = []
        notes: tuple[str, ...] = ()
        for history, run in zip(cut, kept, strict=True):
            features, context = beside([history], run)
            done, notes = baseline_tables(
                [BASELINES[name]],
                run.predictions,
                {history.symbol: history.adjusted()},
                features=features,
                context=context,
                refit="yearly",
                jobs=1,
            )
            tables += [part.table for part in done.values()]
        if len(tables) == len(cut):
            print_row(case, years, BASELINES[name].label, scores(tables))
        else:
            print(f"{case.name} {years} y {name} is left out: {notes[0]}", file=sys.stderr)


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--years", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--baselines", nargs="*", default=BASELINE_NAMES[:-1])
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--variant", action="append", default=[], help="overrides, ;-separated")
    options = parser.parse_args()
    print(f"{'':37}" + "".join(f"{name:>9}" for name in ("log", "CRPS", "50 %", "80 %", "95 %")))
    for case in map(Case.parse, options.data):
        for years in options.years:
            compare(case, years, options)


if __name__ == "__main__":
    main()
