"""How far ranges that are exactly right seem wrong: what luck alone does to a coverage table.

    python benchmarks/luck.py --symbols 4 --sessions 543

Returns are simulated: Student-t with six degrees of freedom, of a volatility that wanders, both
partly common to all symbols as those of stocks are. A forecaster that knows the volatility states
exact ranges. Each test scores it as `lstmcast evaluate` does: the share that the 50, 80, 90 and
95 % ranges held, on all days and on each symbol's calm, middle and restless days by its EWMA
volatility, ranked among those of the 500 sessions up to each. `--hindsight` ranks it among the
test's own days instead, later ones too.

The second table is the same forecaster under lstmcast's adaptive calibration, which has followed it
for 500 sessions before the test. It has nothing to repair. It steers against its own misses, which
makes shares over all days better than luck; in the thirds one sees what it does by itself.
"""

import argparse

import numpy as np
import pandas as pd

from lstmcast.distributions import Distribution, StudentTMixture
from lstmcast.evaluation.diagnostics import volatility_terciles
from lstmcast.training.calibration import COVERAGES, Judged, Rows, calibrate

DF = 6.0
BEFORE, VALIDATION = 300, 500
PERSISTENCE, SPREAD = 0.98, 0.4
"""Of the log volatility from day to day, and its standard deviation."""

LEVELS = [*(0.5 - COVERAGES / 2), *(0.5 + COVERAGES / 2)]


def wander(days: int, columns: int, draw: np.random.Generator) -> np.ndarray:
    """Autoregressions of variance 1, `(days, columns)`."""
    steps: np.ndarray = np.sqrt(1 - PERSISTENCE**2) * draw.standard_normal((days, columns))
    steps[0] = draw.standard_normal(columns)
    for day in range(1, days):
        steps[day] += PERSISTENCE * steps[day - 1]
    return steps


def thirds_by_hindsight(rows: pd.DataFrame, bars: dict[str, pd.DataFrame]) -> "pd.Series[int]":
    """Like `volatility_terciles`, among the test's own days."""
    thirds = pd.Series(0, index=rows.index)
    for name, table in rows.groupby("symbol"):
        returns = np.log(bars[str(name)]["close"]).diff().fillna(0.0)
        volatility = (returns**2).ewm(alpha=0.06, adjust=False).mean()[table["origin"]]
        thirds[table.index] = np.ceil(3 * volatility.rank(pct=True)).to_numpy().astype(int) - 1
    return thirds


def one_test(
    symbols: int, sessions: int, correlation: float, hindsight: bool, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Shares held less those stated, `(2, 4, 4)`: as stated and calibrated; all days, thirds."""
    days = BEFORE + VALIDATION + sessions
    parts = np.sqrt(correlation), np.sqrt(1 - correlation)
    logs = parts[0] * wander(days, 1, draw) + parts[1] * wander(days, symbols, draw)
    scale = 0.01 * np.exp(SPREAD * logs)
    normal = parts[0] * draw.standard_normal((days, 1))
    normal = normal + parts[1] * draw.standard_normal((days, symbols))
    returns = scale * normal / np.sqrt(draw.chisquare(DF, (days, symbols)) / DF)
    dates = pd.bdate_range("2000-01-03", periods=days)
    names = [str(k) for k in range(symbols)]
    closes = np.exp(np.cumsum(returns, axis=0))
    judged = [Judged(name, dates, closes[:, k], BEFORE) for k, name in enumerate(names)]

    def exact(rows: Rows) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        for name, chosen in rows.items():
            width = scale[np.minimum(chosen + 1, days - 1), int(name)][None, :, None]
            found[name] = StudentTMixture(np.full_like(width, DF), np.zeros_like(width), width)
        return found

    test = np.arange(BEFORE + VALIDATION - 1, days - 1)
    origins = dict.fromkeys(names, test)
    calibrated = calibrate(exact, judged, origins, "adaptive", dates[BEFORE + VALIDATION - 1])
    rows = pd.DataFrame(
        {"symbol": np.repeat(names, sessions), "origin": np.tile(dates[test], symbols)}
    )
    bars = {name: pd.DataFrame({"close": closes[:, k]}, dates) for k, name in enumerate(names)}
    ranked = thirds_by_hindsight if hindsight else volatility_terciles
    third = ranked(rows, bars).to_numpy().reshape(symbols, sessions).T
    tables = []
    for forecasts in (exact(origins), calibrated):
        bounds = np.stack([forecasts[name].quantiles(LEVELS)[:, 0] for name in names], axis=1)
        outcome = returns[test + 1][..., None]
        held = (outcome >= bounds[..., :4]) & (outcome <= bounds[..., 4:])
        shares = [held.mean(axis=(0, 1)), *(held[third == k].mean(axis=0) for k in range(3))]
        tables.append(np.array(shares) - COVERAGES)
    return tables[0], tables[1]


def show(title: str, found: np.ndarray) -> None:
    """Print what became of `(tests, 4, 4)` misses in points."""
    away = np.abs(found)
    worst = away[:, 1:].max(axis=1)
    print(f"\n{title:38}{'50 %':>7}{'80 %':>7}{'90 %':>7}{'95 %':>7}")
    for name, row in (
        ("points missed on all days, mean", away[:, 0].mean(axis=0)),
        ("in a third, mean", away[:, 1:].mean(axis=(0, 1))),
        ("in the worst third, mean", worst.mean(axis=0)),
        ("in the worst third, one test in 20", np.quantile(worst, 0.95, axis=0)),
        ("too few (-) or many, calm days", found[:, 1].mean(axis=0)),
        ("too few (-) or many, middle", found[:, 2].mean(axis=0)),
        ("too few (-) or many, restless days", found[:, 3].mean(axis=0)),
    ):
        print(f"  {name:36}" + "".join(f"{value:7.1f}" for value in row))
    near = (away[:, 0] < 1.5).all(axis=1), (away[:, 1:] < 3.0).all(axis=(1, 2))
    print(f"  {'tests within 1.5 points on all days':36}{near[0].mean():7.0%}")
    print(f"  {'within 3 points in every third':36}{near[1].mean():7.0%}")
    print(f"  {'both':36}{(near[0] & near[1]).mean():7.0%}")


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--symbols", type=int, default=4)
    parser.add_argument("--sessions", type=int, default=543)
    parser.add_argument("--correlation", type=float, default=0.4, help="share that is common")
    parser.add_argument("--hindsight", action="store_true", help="thirds of the test's own days")
    parser.add_argument("--tests", type=int, default=300, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = np.random.default_rng(options.seed)
    drawn = [
        one_test(options.symbols, options.sessions, options.correlation, options.hindsight, draw)
        for _ in range(options.tests)
    ]
    print(f"{options.symbols} symbols, {options.sessions} sessions, {options.tests} tests")
    for title, part in zip(("exact ranges", "calibrated"), zip(*drawn, strict=True), strict=True):
        show(title, 100 * np.array(part))


if __name__ == "__main__":
    main()
