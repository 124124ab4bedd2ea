"""What every baseline promises: causality, no currency, ranges that widen, proper distributions."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from support.histories import as_history
from support.simulated import bars_from_returns, garch_returns

from lstmcast.baselines import BASELINES, Baseline, BaselineInputs, get_baseline
from lstmcast.baselines.base import Columns
from lstmcast.distributions import Distribution
from lstmcast.errors import UsageError
from lstmcast.features import build_matrices, default_groups

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
every_baseline = pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)


def features(bars: pd.DataFrame) -> np.ndarray:
    """Two causal columns, not there in the first sessions."""
    returns = np.diff(np.log(bars["close"].to_numpy()), prepend=np.nan)
    absolute = pd.Series(np.abs(returns)).rolling(10).mean().to_numpy()
    return np.column_stack([returns, absolute])


def defaults(bars: pd.DataFrame) -> Columns:
    """What the pretrained networks read."""
    frame = bars.drop(columns="dollar_volume").assign(adj_close=bars["close"])
    history = as_history(frame, "X")
    groups = default_groups([history])
    table = build_matrices([history], groups)["X"].table
    names = tuple(str(name) for name in table.columns)
    return Columns(names, groups, table.reindex(bars.index).to_numpy())


def inputs(bars: pd.DataFrame, fit_rows: int = 600, horizons: int = 2) -> BaselineInputs:
    origins = np.arange(fit_rows - 1, len(bars) - 1)
    return BaselineInputs("X", bars, fit_rows, origins, horizons, features(bars))


def forecast(baseline: Baseline, given: BaselineInputs) -> Distribution:
    """What a baseline says, with the columns that only the pretrained networks read."""
    if baseline.name == "pretrained":
        given = replace(given, defaults=defaults(given.bars))
    return baseline.forecast(given).distribution


@lru_cache
def simulated(seed: int, rows: int = 900) -> pd.DataFrame:
    """Shared, so leave them as they are."""
    return bars_from_returns(garch_returns(seed, rows)[0])


@every_baseline
def test_later_bars_change_no_earlier_forecast(baseline: Baseline) -> None:
    bars = simulated(7)
    factor = np.ones((len(bars), 1))
    factor[701:] = np.random.default_rng(0).uniform(0.5, 2.0, size=(len(bars) - 701, 1))
    altered = bars * factor
    given = replace(inputs(bars), origins=np.arange(599, 701))
    other = replace(given, bars=altered, features=features(altered))
    before, after = (forecast(baseline, i).quantiles(LEVELS) for i in (given, other))
    np.testing.assert_array_equal(before, after)


@every_baseline
def test_rows_after_the_fit_change_no_parameter(baseline: Baseline) -> None:
    """A forecast from the last fitted row is the same whatever rows follow."""
    bars = simulated(8)
    whole = replace(inputs(bars), origins=np.array([599]))
    known = bars.iloc[:600]
    cut = replace(whole, bars=known, features=features(known))
    # Single precision rounds a longer sequence a little differently.
    rounding = 1e-6 if baseline.name in {"linear", "pretrained"} else 0.0
    np.testing.assert_allclose(
        forecast(baseline, whole).quantiles(LEVELS),
        forecast(baseline, cut).quantiles(LEVELS),
        rtol=rounding,
    )


@every_baseline
def test_forecasts_do_not_depend_on_the_currency(baseline: Baseline) -> None:
    bars = simulated(8)
    pence = bars.assign(**{name: 100 * bars[name] for name in ("open", "high", "low", "close")})
    one, hundred = (forecast(baseline, inputs(unit)).quantiles(LEVELS) for unit in (bars, pence))
    np.testing.assert_allclose(hundred, one, rtol=1e-3, atol=1e-7)


@every_baseline
def test_ranges_widen_with_the_horizon(baseline: Baseline) -> None:
    bars = simulated(10, 1800)
    quantiles = forecast(baseline, inputs(bars, fit_rows=1600, horizons=10)).quantiles((0.1, 0.9))
    width = (quantiles[..., 1] - quantiles[..., 0]).mean(axis=0)
    assert np.all(np.diff(width) > 0)
    assert width[9] / width[0] == pytest.approx(np.sqrt(10), rel=0.35)


@every_baseline
def test_quantiles_density_and_distribution_function_agree(baseline: Baseline) -> None:
    bars = simulated(11)
    found = forecast(baseline, inputs(bars))
    assert found.shape == (301, 2)
    quantiles = found.quantiles(LEVELS)
    assert np.all(np.diff(quantiles, axis=-1) > 0)
    for k, level in enumerate(LEVELS):
        np.testing.assert_allclose(found.cdf(quantiles[..., k]), level, atol=0.02)
    step = 1e-5
    # Between two of them: at a bound of a range that is stretched the density jumps.
    at = quantiles[..., 2:4].mean(axis=-1)
    slope = (found.cdf(at + step) - found.cdf(at - step)) / (2 * step)
    np.testing.assert_allclose(np.exp(found.log_density(at)), slope, rtol=1e-3)
    assert np.isnan(found.log_density(np.full(found.shape, np.nan))).all()


@every_baseline
def test_coverage_on_the_data_it_was_made_for(baseline: Baseline) -> None:
    bars = simulated(12, 3000)
    given = inputs(bars, fit_rows=1500, horizons=1)
    low, high = np.moveaxis(forecast(baseline, given).quantiles((0.1, 0.9))[:, 0], -1, 0)
    moved = given.returns()[given.origins + 1]
    assert np.mean((moved >= low) & (moved <= high)) == pytest.approx(0.8, abs=0.05)


def test_names_and_labels_are_unique() -> None:
    assert len({baseline.label for baseline in BASELINES.values()}) == len(BASELINES)
    assert all(get_baseline(name).name == name for name in BASELINES)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="`magic` is not a baseline"):
        get_baseline("magic")
