"""Stylised facts against independent computations, and on series whose facts are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support.simulated import garch_returns
from support.worlds import Values

from lstmcast.simulation.facts import (
    FACTS,
    LAGS,
    NEIGHBOUR_FACTS,
    autocorrelations,
    covered,
    measure,
    measure_neighbours,
    quantiles,
)


def bars_of(returns: Values, night: float = 0.5, reach: float = 0.5) -> dict[str, pd.DataFrame]:
    """Bars with returns in percent, a share of each overnight, and ranges about their size."""
    before = np.vstack([np.zeros((1, returns.shape[1])), np.cumsum(returns, axis=0)[:-1]])
    close, opening = before + returns, before + night * returns
    tables = {
        "open": opening,
        "high": np.maximum(opening, close) + reach * np.abs(returns),
        "low": np.minimum(opening, close) - reach * np.abs(returns),
        "close": close,
    }
    return {name: pd.DataFrame(50 * np.exp(each / 100)) for name, each in tables.items()}


@pytest.fixture(scope="module")
def garch() -> dict[str, pd.DataFrame]:
    series = [garch_returns(seed, 900, alpha=0.05, gamma=0.1)[0] for seed in (1, 2)]
    volume = 1e6 * np.exp(np.random.default_rng(3).normal(size=(900, 2)))
    return {**bars_of(100 * np.stack(series, axis=1)), "volume": pd.DataFrame(volume)}


def test_a_row_for_each_series_and_a_column_for_each_fact(garch: dict[str, pd.DataFrame]) -> None:
    found = measure(garch)
    assert list(found.columns) == list(FACTS)
    assert list(found.index) == [0, 1]
    assert found.notna().all(axis=None)
    for k in found.index:
        alone = measure({name: table[[k]] for name, table in garch.items()})
        pd.testing.assert_frame_equal(alone, found.loc[[k]], rtol=1e-12)


def test_moments_and_correlations_are_those_of_scipy(garch: dict[str, pd.DataFrame]) -> None:
    found = measure(garch).loc[0]
    returns = 100 * np.diff(np.log(garch["close"][0]))
    size = np.abs(returns)
    assert found["volatility"] == pytest.approx(np.sqrt(np.mean(returns**2)))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(returns, fisher=False))
    later = np.array([size[t + 1 : t + 6].mean() for t in range(len(size) - 5)])
    assert found["leverage"] == pytest.approx(stats.spearmanr(returns[:-5], later)[0])
    width = 100 * np.log((garch["high"][0] / garch["low"][0]).to_numpy())
    later = np.array([width[t + 2 : t + 7].mean() for t in range(len(size) - 5)])
    assert found["range_leverage"] == pytest.approx(stats.spearmanr(returns[:-5], later)[0])
    parkinson = width.mean() / np.sqrt(4 * np.log(2))
    assert found["range_to_return"] == pytest.approx(parkinson / found["volatility"])
    assert found["overnight"] == pytest.approx(0.5)


def test_autocorrelations_are_sums_over_pairs() -> None:
    values = np.random.default_rng(1).normal(size=400).cumsum()
    centred = values - values.mean()
    found = autocorrelations(pd.DataFrame({"a": values}), (1, 7, 150, 250))
    for lag in (1, 7, 150):
        pairs = [centred[t] * centred[t - lag] for t in range(lag, 400)]
        assert found[lag]["a"] == pytest.approx(np.mean(pairs) / values.var())
    assert np.isnan(found[250]["a"])  # fewer pairs than sessions apart


def test_independent_returns_have_no_memory_and_no_leverage() -> None:
    returns = np.random.default_rng(2).normal(size=(2500, 16))
    found = measure(bars_of(returns))
    error = 1 / np.sqrt(2500 * 16)
    assert found["kurtosis"].mean() == pytest.approx(3, abs=4 * np.sqrt(24) * error)
    for name in (*(f"memory_{lag}" for lag in LAGS), "return_memory", "leverage"):
        # The mean taken off makes each autocorrelation smaller by 1 / n.
        assert found[name].mean() == pytest.approx(0, abs=4 * error + 1 / 2500), name
    assert found["unchanged"].max() == 0
    # A block of 22 normal returns states log volatility to 1 / sqrt(2 * 22), about.
    assert found["volatility_spread"].mean() == pytest.approx(1 / np.sqrt(44), rel=0.05)


def test_a_quarter_shows_large_moves_63_sessions_apart_and_no_others() -> None:
    random = np.random.default_rng(4)

    def reports(cycle: int) -> float:
        returns = random.normal(size=(2500, 8))
        for market in range(8):
            returns[np.arange(31, 2490, cycle) + random.integers(-2, 3), market] *= 6
        return float(measure(bars_of(returns))["quarter"].mean())

    assert reports(63) > 0.2
    assert abs(reports(40)) < 0.1


def test_unchanged_closes_are_counted() -> None:
    returns = np.random.default_rng(5).normal(size=(401, 1))
    returns[100:140] = 0
    found = measure(bars_of(returns)).loc[0]
    assert found["unchanged"] == 0.1
    # Sessions without a range are left out of its logarithm.
    assert np.isfinite(found[["range_spread", "range_memory_5"]].to_numpy(dtype=float)).all()


def test_volume_that_follows_absolute_returns_over_a_trend_is_seen() -> None:
    returns = np.random.default_rng(6).normal(size=(1500, 2))
    volume = np.exp(np.linspace(10, 16, 1500)[:, None] + [0.0, 1.0] * np.abs(returns))
    found = measure({**bars_of(returns), "volume": pd.DataFrame(volume)})["volume"]
    assert abs(found[0]) < 4 / np.sqrt(1500)
    assert found[1] > 0.98


def test_what_a_series_lacks_is_nan(garch: dict[str, pd.DataFrame]) -> None:
    found = measure({"close": garch["close"]})
    lacking = {name for name in FACTS if name.startswith("range")} | {"overnight", "volume"}
    assert set(found.columns[found.isna().all()]) == lacking
    short = measure({"close": garch["close"][:100]})
    assert np.isnan(short["memory_250"][0])
    assert np.isfinite(short["memory_22"][0])


def test_a_series_that_never_moves_has_no_memory() -> None:
    found = measure({"close": pd.DataFrame({"flat": np.full(300, 10.0)})}).loc["flat"]
    assert found["unchanged"] == 1
    assert found["volatility"] == 0
    assert found.drop(["unchanged", "volatility"]).isna().all()


def test_the_scale_of_prices_changes_nothing(garch: dict[str, pd.DataFrame]) -> None:
    larger = {name: table if name == "volume" else 1000 * table for name, table in garch.items()}
    pd.testing.assert_frame_equal(measure(larger), measure(garch), rtol=1e-8)


def test_neighbours_correlate_as_they_were_made() -> None:
    random = np.random.default_rng(7)
    common, own = random.normal(size=(4000, 1)), random.normal(size=(4000, 6))
    wave = np.exp(np.sin(np.arange(4000) / 100))[:, None]
    returns = wave * (np.sqrt(0.4) * common + np.sqrt(0.6) * own)
    close = bars_of(returns)["close"]
    found = measure_neighbours(close)
    assert list(found.index) == list(NEIGHBOUR_FACTS)
    assert found["return_correlation"] == pytest.approx(0.4, abs=4 / np.sqrt(4000))
    assert found["volatility_correlation"] > 0.8
    close.iloc[:50, 0] = np.nan  # listed later
    later = measure_neighbours(close)
    pd.testing.assert_series_equal(later, measure_neighbours(close.iloc[50:]))


def test_covered_says_which_real_values_lie_among_the_simulated() -> None:
    simulated = pd.DataFrame({"a": np.linspace(0, 100, 101), "b": np.linspace(0, 1, 101)})
    real = pd.DataFrame({"a": [4.9, 5.1, 95.0], "b": [2.0, np.nan, 0.5]}, index=["X", "Y", "Z"])
    found = covered(simulated, real)
    assert found["a"].tolist() == [False, True, True]
    assert list(found["b"].isna()) == [False, True, False]
    assert list(found["b"].dropna()) == [False, True]
    np.testing.assert_allclose(quantiles(simulated).loc["a"], [5, 25, 50, 75, 95])
