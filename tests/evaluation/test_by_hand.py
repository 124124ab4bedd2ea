"""The report's figures against statsmodels, scipy, arch and plain loops over the rows.

The pieces are checked elsewhere; here it is that the report puts them together as it says.
"""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from arch.bootstrap import StationaryBootstrap
from scipy import stats
from statsmodels.stats.multitest import multipletests
from support.simulated import bars_from_returns, constant_t, points, predict, random_walk

from lstmcast.evaluation.comparison import compare_days
from lstmcast.evaluation.coverage import check_coverage
from lstmcast.evaluation.evaluator import assemble
from lstmcast.evaluation.point import PointReport, examine_point
from lstmcast.evaluation.report import Report
from lstmcast.evaluation.scores import row_losses, score_table
from lstmcast.evaluation.significance import degrees_of_freedom, skill_interval
from lstmcast.evaluation.terciles import TERCILES
from lstmcast.predictions import RANGES

FIRST, ROWS, HORIZONS = 300, 1500, 3
NAMES = "ABCD"
DAY_KEYS = ["horizon", "date"]

SCALES = {
    "A": (0.0100, 0.0135),
    "B": (0.0150, 0.0100),
    "C": (0.0102, 0.0108),
    "D": (0.0102, 0.0112),
}
"""Of the model and of the baseline: the truth is 0.01, so the model is much better on A, worse on
B, and a little better on C and D."""


def world() -> dict[str, pd.DataFrame]:
    return {name: random_walk(30 + k, rows=ROWS) for k, name in enumerate(NAMES)}


def table(which: int) -> pd.DataFrame:
    forecasts = {
        name: constant_t(ROWS - FIRST, HORIZONS, loc=0.0004 * (1 - which), scale=scales[which])
        for name, scales in SCALES.items()
    }
    return predict(world(), FIRST, forecasts)


@lru_cache(maxsize=1)
def report() -> Report:
    tables = {"model": table(0), "ewma": table(1)}
    return assemble(tables, {"model": "M", "ewma": "E"}, world())


def difference() -> pd.DataFrame:
    """CRPS of the model minus that of the baseline, row by row."""
    ours, theirs = (row_losses(table(which)) for which in (0, 1))
    return ours[["symbol", *DAY_KEYS]].assign(d=ours["crps"] - theirs["crps"])


def by_statsmodels(d: np.ndarray, horizon: int) -> tuple[float, float]:
    """Statistic and p-value of Diebold and Mariano by a regression on a constant."""
    lags, n = 5 + 3 * (horizon - 1), len(d)
    fitted = sm.OLS(d, np.ones(n)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    statistic = float(fitted.tvalues[0])
    return statistic, 2 * float(stats.t.sf(abs(statistic), degrees_of_freedom(n, lags)))


@pytest.mark.parametrize("horizon", [1, 2, 3])
def test_comparisons_are_those_of_statsmodels_at_every_horizon(horizon: int) -> None:
    rows = difference()
    d = rows[rows["horizon"] == horizon].groupby("date")["d"].mean().to_numpy()
    found = report().comparisons["ewma"][horizon].crps
    assert found is not None
    assert (found.statistic, found.p_value) == pytest.approx(by_statsmodels(d, horizon), rel=1e-6)
    losses = row_losses(table(0))
    losses = losses[losses["horizon"] == horizon]
    square = (losses["square"] - losses["walk_square"]).groupby(losses["date"]).mean().to_numpy()
    point = report().point_tests[horizon]
    assert (point.statistic, point.p_value) == pytest.approx(
        by_statsmodels(square, horizon), rel=1e-6
    )


def test_symbols_alone_are_those_of_statsmodels_after_holm_and_only_gains_are_counted() -> None:
    rows = difference()
    p, better = [], []
    for name in NAMES:
        d = rows[(rows["horizon"] == 1) & (rows["symbol"] == name)]["d"].to_numpy()
        p.append(by_statsmodels(d, 1)[1])
        better.append(bool(d.mean() < 0))
    adjusted = multipletests(p, method="holm")[1]
    found = report().symbol_tests
    for k, name in enumerate(NAMES):
        assert found[name]["p_value"] == pytest.approx(p[k], rel=1e-6)
        assert found[name]["p_holm"] == pytest.approx(adjusted[k], rel=1e-6)
    # The world is such that every way to miscount gives another number.
    assert better == [True, False, True, True]
    counted = {
        "right": int(sum((adjusted < 0.05) & better)),
        "without Holm": int(sum((np.array(p) < 0.05) & better)),
        "with losses": int(sum(adjusted < 0.05)),
    }
    assert counted == {"right": 1, "without Holm": 3, "with losses": 2}
    assert (
        "Taken singly, 1 of 4 symbols is significantly better (5 %, Holm-corrected)."
        in (report().verdict.lines["range"])
    )


def test_interval_of_the_skill_is_that_of_arch() -> None:
    """Losses that persist and that both share: neither single days nor one of the means will do."""
    draw = np.random.default_rng(5)
    n = 900
    shared = np.exp(0.5 * draw.standard_normal(n))
    wave = np.convolve(draw.standard_normal(n + 19), np.ones(20) / np.sqrt(20), mode="valid")
    model, baseline = shared * (0.97 + 0.02 * wave), shared
    found = skill_interval(model, baseline)
    theirs = StationaryBootstrap(round(1.75 * n ** (1 / 3)), model, baseline, seed=1)
    low, high = theirs.conf_int(
        lambda ours, other: 1 - ours.mean() / other.mean(), 4000, method="percentile"
    )[:, 0]
    assert found.value == pytest.approx(1 - model.mean() / baseline.mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.12 * (high - low))
    days = pd.DataFrame({"crps": model, "log_score": model, "walk_square": 1.0})
    theirs_by_day = days.assign(crps=baseline)
    compared = compare_days(days, theirs_by_day, 1, interval=True)
    assert (compared.skill, compared.low, compared.high) == (found.value, found.low, found.high)


def median_report(loc: np.ndarray, horizon: int, *, bars: pd.DataFrame) -> PointReport:
    """The report of medians `loc` at one horizon."""
    forecast = np.repeat(loc[:, None], horizon, axis=1)
    rows = predict({"X": bars}, FIRST, {"X": type(points(1))(forecast)})
    return examine_point(rows, bars, horizon)


def test_median_against_the_mean_of_the_past_by_a_loop() -> None:
    bars = random_walk(3, rows=ROWS)
    path = np.log(bars["close"].to_numpy())
    origins = np.arange(FIRST, len(path) - HORIZONS)
    squares = against = 0.0
    for t in origins:
        came = path[t + HORIZONS] - path[t]
        squares += (came - 0.002) ** 2
        against += (came - HORIZONS * np.mean(np.diff(path[: t + 1]))) ** 2
    found = median_report(np.full(ROWS - FIRST, 0.002), HORIZONS, bars=bars)
    assert found.r2_mean == pytest.approx(1 - squares / against, rel=1e-9)
    assert found.r2_mean != pytest.approx(found.r2_zero, abs=1e-4)


@pytest.mark.parametrize("horizon", [1, 3])
def test_slope_of_the_report_is_that_of_statsmodels(horizon: int) -> None:
    """Forecasts and outcomes that overlap, so that lags are needed."""
    bars = random_walk(4, rows=ROWS)
    draw = np.random.default_rng(6)
    said = np.convolve(draw.standard_normal(ROWS - FIRST + 4), np.ones(5), mode="valid") * 2e-3
    found = median_report(said, horizon, bars=bars)
    path = np.log(bars["close"].to_numpy())
    origins = np.arange(FIRST, len(path) - horizon)
    came = path[origins + horizon] - path[origins]
    lags = 5 + 3 * (horizon - 1)
    fitted = sm.OLS(came, sm.add_constant(said[: len(came)])).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    assert found.slope == pytest.approx(fitted.params[1], rel=1e-9)
    assert found.slope_error == pytest.approx(fitted.bse[1], rel=1e-6)
    tail = stats.t.sf(abs(fitted.tvalues[1]), degrees_of_freedom(len(came), lags))
    assert found.slope_p == pytest.approx(2 * tail, rel=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_direction_is_tested_on_the_side_of_knowledge(sign: int) -> None:
    bars = random_walk(5, rows=ROWS)
    coming = np.diff(np.log(bars["close"].to_numpy()))[FIRST:]
    noise = np.random.default_rng(7).normal(scale=0.02, size=len(coming))
    found = median_report(sign * coming + noise, 1, bars=bars)
    assert (found.hit_rate > 0.6) is (sign == 1)
    assert found.direction_p < 1e-3 if sign == 1 else found.direction_p > 0.999


def test_a_copy_that_is_too_low_throughout_is_still_a_copy() -> None:
    """Prices rise by 1 % a day: by its distance alone it would be that of two days earlier."""
    moves = 0.01 + 0.003 * np.random.default_rng(9).standard_normal(ROWS)
    found = median_report(np.full(ROWS - FIRST, -0.02), 1, bars=bars_from_returns(moves))
    assert (found.best_shift, found.copies) == (1, True)


def test_tail_tests_follow_the_order_of_days_in_every_symbol() -> None:
    """Rows in any order; bursts are seen, by loops over the days."""
    rows = table(0)
    bursts = (rows["date"].dt.day <= 2) & (rows["date"].dt.month == 5)
    fallen = rows["return_actual"].mask(bursts, 1.5 * rows["q05"])
    rows = rows.assign(return_actual=fallen)
    shuffled = rows.sample(frac=1, random_state=3)
    tables = {"model": shuffled, "ewma": table(1)}
    found = assemble(tables, {"model": "M", "ewma": "E"}, world()).forecasters["model"].diagnostics
    assert found is not None
    for name in NAMES:
        days = rows[(rows["symbol"] == name) & (rows["horizon"] == 1)].sort_values("date")
        hits = (days["return_actual"] < days["q05"]).to_list()
        n, count = len(hits), sum(hits)
        number = 2 * (stats.binom.logpmf(count, n, count / n) - stats.binom.logpmf(count, n, 0.05))
        order = 0.0
        before = hits[:-1]
        pooled = sum(hits[1:]) / (n - 1)
        for state in (True, False):
            after = [b for a, b in zip(before, hits[1:], strict=True) if a is state]
            rate = sum(after) / len(after)
            order += 2 * sum(np.log(rate if b else 1 - rate) for b in after)
            order -= 2 * sum(np.log(pooled if b else 1 - pooled) for b in after)
        tail = found.tail[name]["0.05"]
        assert (tail["days"], tail["found"], tail["expected"]) == (n, count, 0.05 * n)
        assert tail["kupiec"] == pytest.approx(stats.chi2.sf(number, 1), rel=1e-6)
        assert tail["independence"] == pytest.approx(stats.chi2.sf(order, 1), rel=1e-6)
        assert tail["conditional"] == pytest.approx(
            stats.chi2.sf(number + order, 2), rel=1e-6, abs=0
        )


def test_winkler_of_every_range_and_the_absolute_error_by_hand() -> None:
    rows = table(0)
    bounds = {50: ("q25", "q75"), 80: ("q10", "q90"), 90: ("q05", "q95"), 95: ("q025", "q975")}
    assert bounds == RANGES
    scores = score_table(rows)[1]["B"][2]
    rows = rows[(rows["symbol"] == "B") & (rows["horizon"] == 2)]
    actual = 100 * rows["return_actual"]
    for nominal, names in bounds.items():
        low, high = (100 * rows[name] for name in names)
        outside = (low - actual).clip(lower=0) + (actual - high).clip(lower=0)
        expected = (high - low + 2 * outside / (1 - nominal / 100)).mean()
        assert getattr(scores, f"winkler_{nominal}") == pytest.approx(expected, rel=1e-9)
    price = rows["close_origin"] * np.exp(rows["q50"])
    ours = (price - rows["close_actual"]).abs().mean()
    walk = (rows["close_origin"] - rows["close_actual"]).abs().mean()
    assert scores.mae_ratio == pytest.approx(ours / walk, rel=1e-9)
    assert scores.mae_ratio != pytest.approx(1, abs=1e-5)


def flags(days: int, share: float) -> pd.DataFrame:
    """Losses of days on which every range held with one share, in random order."""
    held = np.zeros(days)
    held[: round(share * days)] = 1.0
    held = np.random.default_rng(8).permutation(held)
    ranges = {f"inside_{nominal}": held for nominal in RANGES}
    origins = pd.bdate_range("1900-01-01", periods=days)
    return pd.DataFrame({"symbol": "X", "origin": origins, "horizon": 1, **ranges})


@pytest.mark.parametrize(
    ("days", "where", "miss", "holds"),
    [
        (30_000, "overall", 0.0145, True),
        (30_000, "overall", 0.0155, False),
        (30_000, "overall", -0.0155, False),
        (30_000, "high_volatility", 0.029, True),
        (30_000, "high_volatility", 0.031, False),
        (400, "overall", 0.065, True),
        (400, "overall", -0.065, True),
        (400, "overall", 0.08, False),
        (400, "high_volatility", 0.08, False),
    ],
)
def test_ranges_hold_within_what_is_stated(days: int, where: str, miss: float, holds: bool) -> None:
    """1.5 points on all days, 3 in a third, or 2.8 errors: 0.5 / sqrt(days) of a 50 % range."""
    losses = flags(days, 0.5 + miss)
    thirds = pd.Series(2, index=losses.index)
    check = next(
        check
        for check in check_coverage(losses, thirds, 1)
        if check.subset == where and check.nominal == 50
    )
    assert where in {"overall", TERCILES[2]}
    assert check.coverage == pytest.approx(0.5 + miss, abs=2e-3)
    assert check.standard_error == pytest.approx(0.5 / np.sqrt(days), rel=0.1)
    assert check.calibrated is holds
