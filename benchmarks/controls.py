"""Whether the verdict claims skill where there is none, and finds it where it is.

    python benchmarks/controls.py
    python benchmarks/controls.py --worlds 100 --symbols 1 --rows 2500

Each world is a pool of simulated stocks, on which the default experiment is trained and tested as
on real ones. In a random walk the days are independent and equally wide: no forecast can beat the
best of the baselines, and a claim is luck, which the verdict's tests allow in one world of forty (5
% in either direction together). In a GARCH the width of each day is known: a forecast must beat the
random walk and a width that never changes, and the GARCH baseline cannot be beaten. `the truth` is
the forecast of one who knows the simulation: nobody can be found more often.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config

from lstmcast.config import parse_experiment
from lstmcast.distributions import FloatArray, StudentTMixture
from lstmcast.evaluation import Report, evaluate
from lstmcast.evaluation.audit import simulate
from lstmcast.evaluation.finding import interpret
from lstmcast.features import build_matrices
from lstmcast.predictions import Actuals, tabulate
from lstmcast.prices.history import PriceHistory
from lstmcast.training import SilentObserver, resolve_experiment, train_experiment

FINDINGS = ("better", "level", "worse")
AGAINST = {
    "price": "price, against the last close",
    "best": "range, against the best of the baselines",
    "random_walk": "range, against the random walk",
    "constant": "range, against one width for all days",
}


@dataclass(frozen=True)
class Outcome:
    """What was found of one world.

    Args:
        days: of the test.
        ours, theirs: findings by the keys of `AGAINST`, of the networks and of the truth.
        gain: share by which the CRPS of the networks is below that of the best baseline.
        hold: whether the verdict says that the ranges hold.
        following: correlation of the stated with the true width, NaN where that never changes.
    """

    days: int
    ours: dict[str, str]
    theirs: dict[str, str]
    gain: float
    hold: bool
    following: float


def world(kind: str, seed: int, rows: int) -> tuple[PriceHistory, FloatArray]:
    """A simulated stock and the volatility of each of its sessions."""
    if kind == "GARCH":
        return simulate.garch(seed, rows)
    return simulate.random_walk(seed, rows), np.full(rows, simulate.DAILY)


def truth(history: PriceHistory, volatility: FloatArray, first: pd.Timestamp) -> pd.DataFrame:
    """One session ahead, by one who knows the volatility of the coming session and its shocks."""
    sessions = pd.DatetimeIndex(history.bars.index)
    origins = np.arange(int(sessions.searchsorted(first)), len(sessions) - 1)
    df = simulate.DF
    scale = (volatility[origins + 1] * np.sqrt((df - 2) / df))[None, :, None]
    forecast = StudentTMixture(np.full_like(scale, df), np.zeros_like(scale), scale)
    closes: FloatArray = history.adjusted()["close"].to_numpy(dtype=np.float64)
    return tabulate(Actuals(history.symbol, sessions, closes), origins, forecast)


def found(report: Report) -> dict[str, str]:
    """What the tests say one session ahead, by the keys of `AGAINST`."""
    tests = {name: report.comparisons[name][1].crps for name in ("random_walk", "constant")}
    return {
        "price": str(report.verdict.point),
        "best": str(report.verdict.distribution),
        **{name: str(interpret(test)) for name, test in tests.items()},
    }


def judge(kind: str, number: int, options: argparse.Namespace) -> Outcome:
    """Simulate a world, train on it, and evaluate as the command does."""
    stocks = {
        f"S{k}": world(kind, options.symbols * number + k, options.rows)
        for k in range(options.symbols)
    }
    histories = [replace(history, symbol=name) for name, (history, _) in stocks.items()]
    experiment = parse_experiment(
        f"name: control\ndata: {{symbols: [{', '.join(stocks)}]}}\n"
        f"training: {{seed: {number}, threads: 1}}\n"
    )
    experiment = resolve_experiment(experiment, histories)
    trained = train_experiment(experiment, histories, SilentObserver())
    groups = trained.forecaster.experiment.features or ()
    features = {name: part.table for name, part in build_matrices(histories, groups).items()}
    bars = {history.symbol: history.adjusted() for history in histories}
    report = evaluate(trained.predictions, bars, features=features, jobs=1)
    near = trained.predictions[trained.predictions["horizon"] == 1]
    first = pd.Timestamp(near["origin"].min())
    known = pd.concat([truth(h, stocks[h.symbol][1], first) for h in histories], ignore_index=True)
    theirs = evaluate(known, bars, features=features, jobs=1)
    return Outcome(
        days=report.verdict.days,
        ours=found(report),
        theirs=found(theirs),
        gain=report.verdict.distribution_gain or 0.0,
        hold=report.verdict.ranges_hold is True,
        following=_following(near, known) if kind == "GARCH" else float("nan"),
    )


def _following(ours: pd.DataFrame, known: pd.DataFrame) -> float:
    keys = ["symbol", "origin"]
    both = ours.merge(known, on=keys, suffixes=("", "_true"))
    ours_wide, truly_wide = (
        np.log((both[f"q75{end}"] - both[f"q25{end}"]).to_numpy(dtype=np.float64))
        for end in ("", "_true")
    )
    return float(np.corrcoef(ours_wide, truly_wide)[0, 1])


def show(kind: str, outcomes: Sequence[Outcome]) -> None:
    """Count what the verdicts said."""
    worlds = len(outcomes)
    print(f"\n{worlds} worlds of a {kind}, {outcomes[0].days} test days each")
    print(f"  {'':42}" + "".join(f"{name:>8}" for name in FINDINGS) + "   the truth better")
    for key, label in AGAINST.items():
        counts = Counter(outcome.ours[key] for outcome in outcomes)
        known = sum(outcome.theirs[key] == "better" for outcome in outcomes)
        print(f"  {label:42}" + "".join(f"{counts[name]:8}" for name in FINDINGS) + f"{known:19}")
    hold = sum(outcome.hold for outcome in outcomes)
    print(f"  {'its ranges hold':42}{hold:8} of {worlds}")
    gain = 100 * float(np.mean([outcome.gain for outcome in outcomes]))
    print(f"  {'CRPS lower than the best by, mean':42}{gain:8.2f} %")
    following = np.array([outcome.following for outcome in outcomes])
    if np.isfinite(following).all():
        label = "correlation with the true width, mean"
        print(f"  {label:42}{following.mean():8.2f} (least {following.min():.2f})")


def main() -> None:
    """Simulate, train, count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worlds", type=int, default=20, help="of each kind")
    parser.add_argument("--symbols", type=int, default=4, help="stocks of a world")
    parser.add_argument("--rows", type=int, default=5000, help="sessions of a stock")
    parser.add_argument("--jobs", type=int, default=-1, help="worlds at once; -1 for every core")
    options = parser.parse_args()
    for kind in ("random walk", "GARCH"):
        with parallel_config(backend="loky", inner_max_num_threads=1):
            outcomes = Parallel(n_jobs=options.jobs)(
                delayed(judge)(kind, number, options) for number in range(options.worlds)
            )
        show(kind, outcomes)


if __name__ == "__main__":
    main()
