"""How far ranges that are right seem wrong: what luck alone does to a coverage table.

    python benchmarks/sampling_error.py --symbols 4 --sessions 543

Returns are simulated: Student-t with six degrees of freedom, of a volatility that wanders, both
partly common to all symbols as those of stocks are. Three forecasters state ranges:

- one that knows the volatility: its ranges are exact;
- the same under lstmcast's adaptive calibration, which has followed it for 500 sessions before the
  test. It has nothing to repair. It steers against its own misses, which makes shares over all days
  better than luck; in the thirds one sees what it does by itself;
- one that knows the past alone, as all do outside a simulation: its ranges hold what they state for
  every EWMA volatility at the origin, as learned from as many days as one likes.

Each test scores them as `lstmcast evaluate` does: the share that the 50, 80, 90 and 95 % ranges
held, on all days and on each symbol's calm, middle and restless days by its EWMA volatility, ranked
among those of the 500 sessions up to each, and whether that is called more than luck. `--hindsight`
ranks it among the test's own days instead, later ones too.
"""

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lstmcast.baselines.scaled import ewma_volatility
from lstmcast.calibration import COVERAGES, CalibrationSeries, RowsBySymbol, calibrate
from lstmcast.distributions import Distribution, StudentTMixture
from lstmcast.evaluation.coverage import check_coverage
from lstmcast.evaluation.coverage_check import OVERALL, CoverageCheck
from lstmcast.evaluation.terciles import TERCILES, volatility_terciles

DF = 6.0
BEFORE, VALIDATION = 500, 500
PERSISTENCE, SPREAD = 0.98, 0.4
"""Of the log volatility from day to day, and its standard deviation."""

LEVELS = [*(0.5 - COVERAGES / 2), *(0.5 + COVERAGES / 2)]
NAMES = ("exact ranges", "exact ranges, calibrated", "right ranges of one who knows the past")


def wander(days: int, columns: int, draw: np.random.Generator) -> np.ndarray:
    """Autoregressions of variance 1, `(days, columns)`."""
    steps: np.ndarray = np.sqrt(1 - PERSISTENCE**2) * draw.standard_normal((days, columns))
    steps[0] = draw.standard_normal(columns)
    for day in range(1, days):
        steps[day] += PERSISTENCE * steps[day - 1]
    return steps


def market(
    days: int, symbols: int, correlation: float, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns and the scale of each day, `(days, symbols)`."""
    parts = np.sqrt(correlation), np.sqrt(1 - correlation)
    logs = parts[0] * wander(days, 1, draw) + parts[1] * wander(days, symbols, draw)
    scale = 0.01 * np.exp(SPREAD * logs)
    normal = parts[0] * draw.standard_normal((days, 1))
    normal = normal + parts[1] * draw.standard_normal((days, symbols))
    return scale * normal / np.sqrt(draw.chisquare(DF, (days, symbols)) / DF), scale


def volatilities(returns: np.ndarray) -> np.ndarray:
    """EWMA volatility of every column."""
    return np.stack([ewma_volatility(column, 0.94) for column in returns.T], axis=1)


@dataclass(frozen=True)
class Past:
    """Half widths of the four ranges by EWMA volatility, learned from a long simulation."""

    volatility: np.ndarray
    halves: np.ndarray

    @classmethod
    def learn(cls, draw: np.random.Generator, bins: int = 400) -> "Past":
        """From 400 symbols of 1500 days, in bins of equal size."""
        returns, _ = market(1500, 400, 0.0, draw)
        known = volatilities(returns)[500:-1].ravel()
        moved = np.abs(returns[501:]).ravel()
        parts = np.array_split(np.argsort(known), bins)
        return cls(
            np.array([np.median(known[part]) for part in parts]),
            np.array([np.quantile(moved[part], COVERAGES) for part in parts]),
        )

    def ranges(self, volatility: np.ndarray) -> np.ndarray:
        """Half widths `(..., 4)`."""
        each = [np.interp(volatility, self.volatility, half) for half in self.halves.T]
        return np.stack(each, axis=-1)


def thirds_by_hindsight(rows: pd.DataFrame, bars: dict[str, pd.DataFrame]) -> "pd.Series[int]":
    """Like `volatility_terciles`, among the test's own days."""
    thirds = pd.Series(0, index=rows.index)
    for name, table in rows.groupby("symbol"):
        returns = np.log(bars[str(name)]["close"]).diff().fillna(0.0)
        volatility = (returns**2).ewm(alpha=0.06, adjust=False).mean()[table["origin"]]
        thirds[table.index] = np.ceil(3 * volatility.rank(pct=True)).to_numpy().astype(int) - 1
    return thirds


def one_test(options: argparse.Namespace, past: Past, draw: np.random.Generator) -> list["Found"]:
    """What each forecaster's ranges held."""
    days = BEFORE + VALIDATION + options.sessions
    returns, scale = market(days, options.symbols, options.correlation, draw)
    dates = pd.bdate_range("2000-01-03", periods=days)
    names = [str(k) for k in range(options.symbols)]
    closes = np.exp(np.cumsum(returns, axis=0))
    series = [CalibrationSeries(name, dates, closes[:, k], BEFORE) for k, name in enumerate(names)]

    def exact(rows: RowsBySymbol) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        for name, chosen in rows.items():
            width = scale[np.minimum(chosen + 1, days - 1), int(name)][None, :, None]
            found[name] = StudentTMixture(np.full_like(width, DF), np.zeros_like(width), width)
        return found

    test = np.arange(BEFORE + VALIDATION - 1, days - 1)
    origins = dict.fromkeys(names, test)
    calibrated = calibrate(exact, series, origins, "adaptive")
    rows = pd.DataFrame(
        {
            "symbol": np.repeat(names, len(test)),
            "origin": np.tile(dates[test], len(names)),
            "horizon": 1,
        }
    )
    bars = {name: pd.DataFrame({"close": closes[:, k]}, dates) for k, name in enumerate(names)}
    thirds = (thirds_by_hindsight if options.hindsight else volatility_terciles)(rows, bars)
    outcome = returns[test + 1][..., None]
    half = past.ranges(volatilities(returns)[test])
    inside = [np.abs(outcome) <= half]
    for forecasts in (calibrated, exact(origins)):
        bounds = np.stack([forecasts[name].quantiles(LEVELS)[:, 0] for name in names], axis=1)
        inside.insert(0, (outcome >= bounds[..., :4]) & (outcome <= bounds[..., 4:]))
    return [Found.of(rows, held, thirds) for held in inside]


@dataclass(frozen=True)
class Found:
    """One forecaster in one test.

    Args:
        missed: points `(4, 4)` by place (all days, then the thirds) and range.
        called_wrong: whether `evaluate` would say that a range does not hold.
    """

    missed: np.ndarray
    called_wrong: bool

    @classmethod
    def of(cls, rows: pd.DataFrame, held: np.ndarray, thirds: "pd.Series[int]") -> "Found":
        """From what was inside, `(days, symbols, 4)`."""
        columns = held.transpose(1, 0, 2).reshape(-1, 4).astype(float)
        inside = {f"inside_{100 * c:.0f}": columns[:, k] for k, c in enumerate(COVERAGES)}
        checks = check_coverage(rows.assign(**inside), thirds, 1)
        by_place: dict[str, list[CoverageCheck]] = {}
        for check in checks:
            by_place.setdefault(check.subset, []).append(check)
        missed = [
            [100 * check.coverage - check.nominal for check in by_place[where]]
            if where in by_place
            else [np.nan] * 4
            for where in (OVERALL, *TERCILES)
        ]
        return cls(np.array(missed), any(check.calibrated is False for check in checks))


def show(title: str, found: list[Found]) -> None:
    """Print what became of the tests of one forecaster."""
    missed = np.array([test.missed for test in found])
    away = np.abs(missed)
    worst = np.nanmax(away[:, 1:], axis=1)
    print(f"\n{title:38}{'50 %':>7}{'80 %':>7}{'90 %':>7}{'95 %':>7}")
    for name, row in (
        ("points missed on all days, mean", away[:, 0].mean(axis=0)),
        ("in a third, mean", np.nanmean(away[:, 1:], axis=(0, 1))),
        ("in the worst third, mean", worst.mean(axis=0)),
        ("in the worst third, one test in 20", np.quantile(worst, 0.95, axis=0)),
        ("too few (-) or many, calm days", np.nanmean(missed[:, 1], axis=0)),
        ("too few (-) or many, middle", np.nanmean(missed[:, 2], axis=0)),
        ("too few (-) or many, restless days", np.nanmean(missed[:, 3], axis=0)),
    ):
        print(f"  {name:36}" + "".join(f"{value:7.1f}" for value in row))
    near = (away[:, 0] < 1.5).all(axis=1), (worst < 3.0).all(axis=1)
    wrong = np.mean([test.called_wrong for test in found])
    print(f"  {'tests within 1.5 points on all days':36}{near[0].mean():7.0%}")
    print(f"  {'within 3 points in every third':36}{near[1].mean():7.0%}")
    print(f"  {'both':36}{(near[0] & near[1]).mean():7.0%}")
    print(f"  {'called more than luck':36}{wrong:7.1%}")


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
    past = Past.learn(draw)
    drawn = [one_test(options, past, draw) for _ in range(options.tests)]
    print(f"{options.symbols} symbols, {options.sessions} sessions, {options.tests} tests")
    for title, found in zip(NAMES, zip(*drawn, strict=True), strict=True):
        show(title, list(found))


if __name__ == "__main__":
    main()
