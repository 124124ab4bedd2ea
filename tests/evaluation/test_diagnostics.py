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

from lstmcast.distributions import StudentTMixture
from lstmcast.evaluation.diagnostics import TERCILES, diagnose, volatility_terciles
from lstmcast.evaluation.point import expanding_mean, slope_on_changes
from lstmcast.evaluation.reliability import check_ranges
from lstmcast.evaluation.scores import RANGES, row_losses
from lstmcast.evaluation.tails import lower_tail, stated_variance
from lstmcast.predictions import LEVELS, QUANTILES

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


def test_terciles_are_thirds_of_each_symbols_own_origins() -> None:
    bars = {
        "A": bars_from_returns(garch_returns(1, 900)[0]),
        "B": bars_from_returns(5 * garch_returns(2, 700)[0]),
    }
    rows = predict(bars, FIRST, {"A": constant_t(600, 2), "B": constant_t(400, 2)})
    thirds = volatility_terciles(rows, bars)
    for symbol in "AB":
        origins = rows[(rows["symbol"] == symbol) & (rows["horizon"] == 1)]
        shares = thirds[origins.index].value_counts(normalize=True)
        assert shares.to_numpy() == pytest.approx(np.full(3, 1 / 3), abs=0.01)
        moves = origins.assign(third=thirds).groupby("third")["return_actual"].std()
        assert moves.iloc[0] < moves.iloc[2]


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
    assert check_ranges(row_losses(rows), thirds, 1) == ()


def test_ranges_of_the_truth_hold_and_their_errors_are_binomial() -> None:
    rows = table()
    checks = check_ranges(row_losses(rows), volatility_terciles(rows, world()), 1)
    assert len(checks) == 4 * len(RANGES)
    assert all(check.holds for check in checks)
    overall = next(check for check in checks if check.where == "overall" and check.nominal == 80)
    assert overall.error == pytest.approx(np.sqrt(0.8 * 0.2 / 4000), rel=0.2)


def test_a_small_miss_is_tolerated_and_a_large_one_is_not() -> None:
    for scale, holds in ((0.0102, True), (0.0085, False)):
        rows = table(scale=scale)
        checks = check_ranges(row_losses(rows), pd.Series(1, index=rows.index), 1)
        assert all(check.holds for check in checks if check.where == "overall") is holds


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
