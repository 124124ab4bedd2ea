"""Diagnostics of ranges, tails and the median against loops, closed forms and known truths."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from support.simulated import (
    bars_from_returns,
    constant_t,
    garch_returns,
    points,
    predict,
    random_walk,
)

from lstmcast.baselines.scaled import ewma_volatility
from lstmcast.distributions import StudentTMixture
from lstmcast.evaluation.coverage import check_coverage, check_covered, overlap
from lstmcast.evaluation.coverage_check import CoverageCheck
from lstmcast.evaluation.diagnostics import diagnose
from lstmcast.evaluation.model_rows import ModelRows
from lstmcast.evaluation.point import expanding_mean, slope_on_changes
from lstmcast.evaluation.scores import row_losses
from lstmcast.evaluation.tails import lower_tail, stated_variance
from lstmcast.evaluation.terciles import TERCILES, volatility_terciles
from lstmcast.predictions import LEVELS, QUANTILES, RANGES, inside_ranges

FIRST = 300


def table(rows: int = 4300, horizons: int = 1, scale: float = 0.01) -> pd.DataFrame:
    bars = {"X": random_walk(1, rows=rows)}
    return predict(bars, FIRST, {"X": constant_t(rows - FIRST, horizons, scale=scale)})


def world(rows: int = 4300) -> dict[str, pd.DataFrame]:
    return {"X": random_walk(1, rows=rows)}


@pytest.mark.parametrize("df", [2.5, 4.0, 8.0, 50.0])
def test_variance_and_tail_of_a_student_t_are_exact(df: float) -> None:
    bars = {"X": random_walk(2, rows=120)}
    rows = predict(bars, 100, {"X": constant_t(20, df=df, loc=0.001, scale=0.02)})
    np.testing.assert_allclose(stated_variance(rows), 0.02**2 * df / (df - 2), rtol=2e-3)
    np.testing.assert_allclose(
        lower_tail(rows, 0.01), stats.t.ppf(0.01, df, 0.001, 0.02), rtol=1e-4
    )


def test_tail_of_a_pool_is_close_to_its_own() -> None:
    generator = np.random.default_rng(3)
    shape = (5, 40, 1)
    pool = StudentTMixture(
        df=generator.uniform(3, 8, size=shape),
        loc=generator.normal(scale=5e-4, size=shape),
        scale=0.01 * generator.uniform(0.85, 1.15, size=shape),
    )
    rows = predict({"X": random_walk(4, rows=140)}, 100, {"X": pool})
    np.testing.assert_allclose(lower_tail(rows, 0.01), pool.quantiles((0.01,))[:, 0, 0], rtol=0.03)


def test_pit_and_pinball_are_the_loops() -> None:
    rows, terciles = table(700), pd.Series(0, index=range(400))
    found = diagnose(rows, terciles, 1)
    assert found is not None
    inner = list(QUANTILES[1:-1])
    counts = np.zeros(20)
    for _, row in rows.iterrows():
        counts[sum(row["return_actual"] > row[name] for name in inner)] += 1
    np.testing.assert_allclose(found.pit, counts / len(rows))
    gaps = [
        abs(np.mean(rows["return_actual"] <= rows[name]) - level)
        for name, level in zip(QUANTILES, LEVELS, strict=True)
    ]
    assert found.pit_distance == pytest.approx(max(gaps))
    below = 100 * (rows["q05"] - rows["return_actual"])
    expected = np.mean(np.where(below > 0, 0.95 * below, -0.05 * below))
    assert found.pinball["q05"] == pytest.approx(expected)


def test_the_truth_is_uniform_and_a_narrow_forecast_is_not() -> None:
    terciles = volatility_terciles(table(), world())
    true, narrow = (diagnose(table(scale=s), terciles, 1) for s in (0.01, 0.006))
    assert true is not None
    assert narrow is not None
    assert true.pit_distance < 1.36 / np.sqrt(4000)
    assert narrow.pit_distance > 0.05
    assert max(true.pit) < 0.065
    tail = true.tail["X"]["0.01"]
    assert tail["kupiec"] > 0.05
    assert narrow.tail["X"]["0.05"]["kupiec"] < 1e-6


def test_terciles_rank_each_symbols_volatility_among_its_last_500() -> None:
    bars = {
        "A": bars_from_returns(garch_returns(1, 1400)[0]),
        "B": bars_from_returns(5 * garch_returns(2, 900)[0]),
    }
    rows = predict(bars, FIRST, {"A": constant_t(1100, 2), "B": constant_t(600, 2)})
    thirds = volatility_terciles(rows, bars)
    for symbol in "AB":
        of_symbol = rows[(rows["symbol"] == symbol) & (rows["horizon"] == 1)]
        moves = of_symbol.assign(third=thirds).groupby("third")["return_actual"].std()
        assert moves.iloc[0] < moves.iloc[2]
        close = bars[symbol]["close"]
        returns = np.log(close).diff().fillna(0.0).to_numpy()
        volatility = pd.Series(ewma_volatility(returns, 0.94), close.index)
        for index in of_symbol.index[::7]:
            past = volatility[: of_symbol.loc[index, "origin"]].iloc[-500:]
            assert thirds[index] == np.ceil(3 * (past <= past.iloc[-1]).mean()) - 1


def test_terciles_know_nothing_of_what_follows() -> None:
    bars = {"A": bars_from_returns(garch_returns(1, 900)[0])}
    rows = predict(bars, FIRST, {"A": constant_t(600, 1)})
    cut = 700
    before = rows[rows["origin"] < bars["A"].index[cut]]
    wild = bars["A"].copy()
    wild.loc[wild.index[cut] :, "close"] *= np.exp(
        np.random.default_rng(1).normal(size=len(wild) - cut)
    )
    for changed in (wild, bars["A"].iloc[:cut]):
        pd.testing.assert_series_equal(
            volatility_terciles(before, {"A": changed}),
            volatility_terciles(rows, bars)[: cut - FIRST],
        )


def test_coverage_by_tercile_and_year_is_the_mean_of_its_rows() -> None:
    rows = table(900)
    terciles = volatility_terciles(rows, world(900))
    found = diagnose(rows, terciles, 1)
    assert found is not None
    inside = (rows["return_actual"] >= rows["q10"]) & (rows["return_actual"] <= rows["q90"])
    for k, name in enumerate(TERCILES):
        assert found.by_tercile[name]["80"] == pytest.approx(inside[terciles == k].mean())
    year = str(rows["date"].iloc[-1].year)
    last = rows["date"].dt.year == int(year)
    assert found.by_year[year]["80"] == pytest.approx(inside[last].mean())


def test_longer_horizons_overlap_and_have_no_tail_tests() -> None:
    rows = table(700, horizons=3)
    found = diagnose(rows, pd.Series(0, index=rows.index), 3)
    assert found is not None
    assert found.tail == {}


def test_a_point_forecast_has_no_diagnostics() -> None:
    rows = predict(world(400), FIRST, {"X": points(100)})
    thirds = pd.Series(0, index=rows.index)
    assert diagnose(rows, thirds, 1) is None
    assert check_coverage(row_losses(rows), thirds, 1) == ()


def test_ranges_of_the_truth_hold_and_their_errors_are_binomial() -> None:
    rows = table()
    checks = check_coverage(row_losses(rows), volatility_terciles(rows, world()), 1)
    assert len(checks) == 4 * len(RANGES)
    assert all(check.calibrated for check in checks)
    overall = next(check for check in checks if check.subset == "overall" and check.nominal == 80)
    assert overall.standard_error == pytest.approx(np.sqrt(0.8 * 0.2 / 4000), rel=0.2)


def test_a_small_miss_is_tolerated_and_a_large_one_is_not() -> None:
    for scale, holds in ((0.0102, True), (0.0085, False)):
        rows = table(scale=scale)
        checks = check_coverage(row_losses(rows), pd.Series(1, index=rows.index), 1)
        assert all(check.calibrated for check in checks if check.subset == "overall") is holds


def test_thirds_add_up_to_all_days_though_symbols_and_thirds_differ_in_length() -> None:
    bars = {"A": random_walk(1, rows=1000), "B": random_walk(2, rows=700)}
    rows = predict(bars, FIRST, {"A": constant_t(700, 1), "B": constant_t(400, 1)})
    thirds = pd.Series(np.random.default_rng(1).choice(3, len(rows), p=(0.6, 0.3, 0.1)))
    losses = row_losses(rows)
    found = {(c.subset, c.nominal): c for c in check_coverage(losses, thirds, 1)}
    weights = 1 / losses.groupby("symbol")["symbol"].transform("size")
    shares = [weights[thirds == k].sum() / weights.sum() for k in range(3)]
    for nominal in RANGES:
        parts = [found[where, nominal].coverage for where in TERCILES]
        assert found["overall", nominal].coverage == pytest.approx(np.dot(shares, parts))
        of_symbols = losses.groupby("symbol")[f"inside_{nominal}"].mean()
        assert found["overall", nominal].coverage == pytest.approx(of_symbols.mean())


def test_error_of_a_third_is_that_of_a_regression_clustered_by_day() -> None:
    bars = {"A": random_walk(1, rows=1000), "B": random_walk(2, rows=1000)}
    rows = predict(bars, FIRST, dict.fromkeys("AB", constant_t(700, 1)))
    thirds = pd.Series(np.random.default_rng(1).choice(3, len(rows)))
    checks = check_coverage(row_losses(rows), thirds, 1)
    low = {c.nominal: c for c in checks if c.subset == "low_volatility"}
    part = row_losses(rows)[thirds == 0]
    order = part.sort_values("origin")
    day = order["origin"].rank(method="dense").astype(int).to_numpy()
    fitted = sm.OLS(order["inside_80"].to_numpy(), np.ones(len(order))).fit(
        cov_type="hac-groupsum",
        cov_kwds={"time": day, "maxlags": 5, "use_correction": False, "df_correction": False},
    )
    assert low[80].days == day.max()
    assert low[80].coverage == pytest.approx(fitted.params[0])
    assert low[80].standard_error == pytest.approx(fitted.bse[0], rel=1e-6)


def test_a_wide_range_that_luck_never_broke_is_no_finding() -> None:
    """On 70 days a right 95 % range is never missed once in forty times: its error is not zero."""
    rows = table(FIRST + 70)
    losses = row_losses(rows).assign(inside_95=1.0)
    checks = check_coverage(losses, pd.Series(0, index=rows.index), 1)
    check = next(c for c in checks if c.nominal == 95)
    assert check.coverage == 1.0
    assert check.standard_error == pytest.approx(np.sqrt(0.95 * 0.05 / 70))
    assert check.calibrated is True


def test_exact_ranges_are_seldom_called_wrong() -> None:
    """Of 100 simulated tests of one symbol, as many looks as evaluate takes each."""
    draw = np.random.default_rng(12)
    origins = pd.bdate_range("2020-01-01", periods=490)
    wrong = 0
    for _ in range(100):
        depth = draw.random(490)
        inside = {f"inside_{n}": (depth < n / 100).astype(float) for n in RANGES}
        losses = pd.DataFrame({"symbol": "X", "origin": origins, "horizon": 1, **inside})
        thirds = pd.Series(np.repeat([0, 1, 2], [70, 140, 280]))
        wrong += any(check.calibrated is False for check in check_coverage(losses, thirds, 1))
    assert wrong <= 8


@pytest.mark.parametrize("horizon", [2, 10])
def test_error_further_ahead_is_no_less_than_overlapping_returns_have(horizon: int) -> None:
    """Exact ranges of a random walk: 300 tests of 400 days, forecast every day."""
    draw = np.random.default_rng(horizon)
    days = pd.bdate_range("2020-01-01", periods=400)
    checks: list[list[CoverageCheck]] = []
    for _ in range(300):
        path = np.cumsum(draw.standard_normal(len(days) + horizon))
        table = predict_normal((path[horizon:] - path[:-horizon]) / np.sqrt(horizon), days, horizon)
        checks.append(covered_checks(table, horizon))
    for k, nominal in enumerate(RANGES):
        spread = np.std([row[k].coverage for row in checks])
        stated = np.mean([row[k].standard_error for row in checks])
        assert checks[0][k].nominal == nominal
        assert spread < stated < 1.5 * spread
    assert sum(any(c.calibrated is False for c in row) for row in checks) <= 0.05 * len(checks)


def predict_normal(moved: np.ndarray, days: pd.DatetimeIndex, horizon: int) -> pd.DataFrame:
    """What coverage is read from of prediction rows that state a standard normal."""
    bounds = dict(zip(QUANTILES, stats.norm.ppf(LEVELS), strict=True))
    fixed = {"symbol": "X", "horizon": horizon, "return_actual": moved, **bounds}
    return pd.DataFrame({"origin": days, **fixed})


def covered_checks(rows: pd.DataFrame, horizon: int) -> list[CoverageCheck]:
    """The coverage of prediction rows of one horizon."""
    covered = rows[["symbol", "origin"]].assign(**inside_ranges(rows))
    return list(check_covered(lambda _: covered, [horizon]))


def test_overlap_is_that_of_correlated_normals() -> None:
    """Whether 3-session returns one and two apart are both within their 80 % range, by hand."""
    bound = stats.norm.ppf(0.9)
    apart = []
    for k in (1, 2):
        both = stats.multivariate_normal(cov=[[1, 1 - k / 3], [1 - k / 3, 1]])
        inside = both.cdf([bound, bound], lower_limit=[-bound, -bound])
        apart.append((inside - 0.8**2) / (0.8 * 0.2))
    assert apart[0] < (2 / 3) ** 2
    assert apart[1] < (1 / 3) ** 2
    assert 1 + 2 * sum(apart) < overlap(3) < 1.25 * (1 + 2 * sum(apart))
    assert overlap(1) == 1


def test_a_point_forecast_has_no_ranges_further_ahead() -> None:
    rows = predict(world(400), FIRST, {"X": points(100, 2)})
    assert check_covered(ModelRows.of({"X": rows}).covered, [2]) == ()


def test_too_few_days_of_a_third_are_no_finding() -> None:
    rows = table(scale=0.004)
    thirds = pd.Series(0, index=rows.index)
    thirds.iloc[:59], thirds.iloc[59:119] = 2, 1
    checks = {c.subset: c for c in check_coverage(row_losses(rows), thirds, 1) if c.nominal == 80}
    assert {where: c.calibrated for where, c in checks.items()} == {
        "overall": False,
        "low_volatility": False,
        "medium_volatility": False,
        "high_volatility": None,
    }
    assert checks["high_volatility"].days == 59


def test_slope_is_the_regression_of_statsmodels() -> None:
    generator = np.random.default_rng(5)
    forecast = generator.normal(scale=0.001, size=500)
    actual = 0.7 * forecast + generator.normal(scale=0.01, size=500)
    fitted = sm.OLS(actual, sm.add_constant(forecast)).fit(
        cov_type="HAC", cov_kwds={"maxlags": 5, "use_correction": False}
    )
    slope, error = slope_on_changes(actual, forecast, 5)
    assert slope == pytest.approx(fitted.params[1], rel=1e-9)
    assert error == pytest.approx(fitted.bse[1], rel=1e-6)
    assert np.isnan(slope_on_changes(actual, np.zeros(500), 5)[0])


def test_expanding_mean_knows_only_the_past() -> None:
    bars = random_walk(6, rows=50)
    returns = np.diff(np.log(bars["close"].to_numpy()))
    found = expanding_mean(bars, pd.DatetimeIndex(bars.index[[20, 40]]))
    np.testing.assert_allclose(found, [returns[:20].mean(), returns[:40].mean()], rtol=1e-9)
