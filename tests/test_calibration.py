"""Calibration makes ranges hold: on simulated breaks, per horizon, from what is known alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstmcast.calibration import (
    COVERAGES,
    CalibrationSeries,
    IntervalFactors,
    Kind,
    RowsBySymbol,
    adaptive,
    calibrate,
    calibrate_each,
    in_order,
    outcomes,
    series,
)
from lstmcast.calibration.adaptive import GAIN
from lstmcast.calibration.fixed_point import FixedPoint
from lstmcast.calibration.outcomes import ForecastOutcomes
from lstmcast.calibration.series import HalfWidths
from lstmcast.distributions import Distribution, PointForecast, StudentTMixture
from lstmcast.predictions import LEVELS

FIRST, VALIDATION_END, END = 300, 900, 2400
DF = 6.0


def series_of(returns: np.ndarray, name: str = "X") -> CalibrationSeries:
    closes = 50 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    dates = pd.bdate_range("2001-01-02", periods=len(closes))
    return CalibrationSeries(name, dates, closes, FIRST)


def constant(scale: float, horizons: int = 1) -> "Raw":
    return Raw(scale, horizons)


class Raw:
    """Forecasts of a constant scale, whatever the rows."""

    def __init__(self, scale: float, horizons: int) -> None:
        self.scale = scale * np.sqrt(np.arange(1, horizons + 1))

    def __call__(self, rows: RowsBySymbol) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        for name, chosen in rows.items():
            shape = (1, len(chosen), len(self.scale))
            scale = np.broadcast_to(self.scale, shape).copy()
            found[name] = StudentTMixture(np.full(shape, DF), np.zeros(shape), scale)
        return found


def coverage(
    symbol: CalibrationSeries, distribution: Distribution, rows: np.ndarray, h: int = 0
) -> np.ndarray:
    log_close = np.log(symbol.closes)
    moved = log_close[rows + h + 1] - log_close[rows]
    levels = sorted([*(0.5 - COVERAGES / 2), *(0.5 + COVERAGES / 2)])
    quantiles = distribution.quantiles(levels)[:, h]
    inside = [
        (moved >= quantiles[:, 3 - k]) & (moved <= quantiles[:, 4 + k])
        for k in range(len(COVERAGES))
    ]
    return np.asarray(np.mean(inside, axis=1))


def run(kind: Kind, symbol: CalibrationSeries, raw: Raw, rows: np.ndarray) -> Distribution:
    return calibrate(raw, [symbol], {symbol.name: rows}, kind)[symbol.name]


def independent(seed: int, rows: int = END, scale: float = 0.01) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_t(DF, size=rows)


TEST = np.arange(VALIDATION_END, END - 5)


@pytest.mark.parametrize("scale", [0.006, 0.02])
def test_adaptive_repairs_a_wrong_width(scale: float) -> None:
    symbol = series_of(independent(2))
    found = coverage(symbol, run("adaptive", symbol, constant(scale), TEST), TEST)
    assert found == pytest.approx(COVERAGES, abs=0.03)


def test_adaptive_follows_a_break_that_no_earlier_row_tells_of() -> None:
    returns = independent(3)
    returns[VALIDATION_END:] *= 1.6
    symbol, raw = series_of(returns), constant(0.01)
    late = TEST[300:]
    kinds: tuple[Kind, ...] = ("none", "adaptive")
    gaps = {
        kind: np.abs(coverage(symbol, run(kind, symbol, raw, late), late) - COVERAGES).max()
        for kind in kinds
    }
    assert gaps["none"] > 0.15
    assert gaps["adaptive"] < 0.04


def test_each_horizon_is_calibrated_by_itself() -> None:
    symbol = series_of(independent(5))

    class TooNarrowFarAhead(Raw):
        def __init__(self) -> None:
            super().__init__(0.01, 3)
            self.scale[2] *= 0.6

    forecast = run("adaptive", symbol, TooNarrowFarAhead(), TEST)
    for h in (0, 2):
        assert coverage(symbol, forecast, TEST, h) == pytest.approx(COVERAGES, abs=0.055)


def test_later_closes_change_no_earlier_forecast() -> None:
    symbol = series_of(independent(6))
    rows = np.arange(1000, 1201)
    closes = symbol.closes.copy()
    closes[1201:] *= np.random.default_rng(0).uniform(0.5, 2, size=len(closes) - 1201)
    altered = replace(symbol, closes=closes)
    cut = replace(symbol, closes=closes[:1201], dates=symbol.dates[:1201])
    ours = run("adaptive", symbol, constant(0.008, 3), rows).quantiles((0.05, 0.9))
    for other in (altered, cut):
        theirs = run("adaptive", other, constant(0.008, 3), rows).quantiles((0.05, 0.9))
        np.testing.assert_array_equal(ours, theirs)


def test_the_outcome_of_the_origins_own_day_counts() -> None:
    """A forecast at the close of day t may use what came true on day t, and does."""
    symbol = series_of(independent(7))
    wild = symbol.closes.copy()
    wild[1000:] *= 1.5
    rows = np.array([999, 1000])
    other = replace(symbol, closes=wild)
    ours, theirs = (run("adaptive", s, constant(0.01), rows) for s in (symbol, other))
    width = [f.quantiles((0.1, 0.9))[:, 0] @ [-1, 1] for f in (ours, theirs)]
    assert width[0][0] == width[1][0]
    assert width[1][1] != width[0][1]


def test_symbols_learn_from_each_other() -> None:
    shifted = independent(8)
    shifted[VALIDATION_END:] *= 1.6
    break_, calm = series_of(shifted, "A"), series_of(independent(9), "B")
    rows = {"A": TEST[-1:], "B": TEST[-1:]}
    both = calibrate(constant(0.01), [break_, calm], rows, "adaptive")
    alone = calibrate(constant(0.01), [calm], {"B": TEST[-1:]}, "adaptive")
    widths = [f["B"].quantiles((0.9,))[0, 0, 0] for f in (both, alone)]
    assert widths[0] > widths[1]


@pytest.mark.parametrize("h", [1, 3])
def test_the_factors_are_the_recursion_written_out(h: int) -> None:
    """Three symbols, of which one is there for the second half alone."""
    symbols = [series_of(independent(10 + k, rows=400), name) for k, name in enumerate("ABC")]
    first = {"A": FIRST, "B": FIRST, "C": 350}
    raw = constant(0.008, horizons=h)
    spans = {name: np.arange(row, 400) for name, row in first.items()}
    forecasts = raw(spans)
    compared = [
        ForecastOutcomes.of(s, spans[s.name], HalfWidths.of(forecasts[s.name])) for s in symbols
    ]
    found = IntervalFactors.learned(compared, h, "").known_at(symbols[0].dates[FIRST:400])
    log_close = {s.name: np.log(s.closes) for s in symbols}
    halves = forecasts["A"].quantiles([0.5 + c / 2 for c in COVERAGES])[0, h - 1]
    log_factor: dict[int, np.ndarray] = {}
    now = np.zeros(4)
    for t in range(FIRST, 400):
        # Today's outcomes were forecast h sessions ago, by the factor of that day.
        origin = t - h
        errors = []
        for name in (name for name, row in first.items() if row <= origin):
            away = np.log(abs(log_close[name][t] - log_close[name][origin]))
            missed = 1 / (1 + np.exp(-(away - log_factor[origin] - np.log(halves)) / 0.05))
            errors.append(missed - (1 - COVERAGES))
        if errors:
            now = now + GAIN / np.sqrt(h) * np.mean(errors, axis=0)
        log_factor[t] = now
        np.testing.assert_allclose(found[t - FIRST, h - 1], np.exp(now), rtol=4e-6)


class Exact:
    """What `FixedPoint` is, with the numbers as they were."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.codes = values, values[None]

    @classmethod
    def of(cls, values: np.ndarray, *_: object) -> "Exact":
        return cls(values)

    def rows(self, rows: slice) -> np.ndarray:
        return self.values[rows]


def test_what_is_kept_takes_nine_bytes_a_forecast_and_moves_no_factor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of one symbol, whose roundings nothing averages; its tails and widths change every day."""
    symbol, horizons = series_of(independent(80, rows=1500)), 10
    rows, generator = np.arange(1500), np.random.default_rng(81)
    shape = (1, len(rows), horizons)
    scale = 0.01 * np.exp(0.3 * generator.normal(size=shape)) * np.sqrt(range(1, horizons + 1))
    forecast = StudentTMixture(generator.uniform(2.1, 40, size=shape), 0.1 * scale, scale)
    widths = HalfWidths.of(forecast)
    kept = ForecastOutcomes.of(symbol, rows, widths)
    nbytes = kept.distance.nbytes + kept.stale.nbytes + sum(b.nbytes for b in kept.bounds)
    assert nbytes <= 9.2 * len(rows) * horizons
    factors = IntervalFactors.learned([kept], horizons, "").logs
    monkeypatch.setattr(outcomes, "FixedPoint", Exact)
    exact = IntervalFactors.learned([ForecastOutcomes.of(symbol, rows, widths)], horizons, "").logs
    assert np.abs(exact).max() > 0.05
    np.testing.assert_allclose(factors, exact, rtol=0, atol=4e-6)


def test_fixed_point_keeps_numbers_within_half_a_step() -> None:
    values = np.random.default_rng(82).normal(size=(40, 3))
    values[7, 1] = np.nan
    part = slice(5, 30)
    for width in (2, 3):
        kept = FixedPoint.of(values, -1, 0.5, width)
        expected, step = np.clip(values[part], -1, 0.5), 1.5 / (256**width - 2)
        np.testing.assert_allclose(kept.rows(part), expected, rtol=0, atol=0.51 * step)
        assert kept.nbytes == width * 40 * 3
    assert FixedPoint.of(values[:0], -1, 1, 2).rows(slice(0, 0)).shape == (0, 3)


def test_the_factors_are_the_same_for_every_symbol_of_a_market() -> None:
    """Also for one of which no outcome is known."""
    known, other = series_of(independent(30), "A"), series_of(independent(31), "B")
    other = replace(other, first=len(other.closes))
    raw, rows = constant(0.02), {"A": TEST, "B": TEST}
    found = calibrate(raw, [known, other], rows, "adaptive")
    ours, theirs = (found[name].quantiles((0.9,)) for name in "AB")
    np.testing.assert_array_equal(ours, theirs)
    assert (ours < 0.9 * raw(rows)["A"].quantiles((0.9,))).all()


def test_right_intervals_are_left_nearly_as_they_are() -> None:
    """The factors of a forecast that is right wander about 1 and cost next to nothing."""
    symbols = [series_of(independent(70 + k), str(k)) for k in range(4)]
    raw, wanted = constant(0.01), {s.name: TEST for s in symbols}
    found = calibrate(raw, symbols, wanted, "adaptive")
    costs = []
    for s in symbols:
        moved = np.diff(np.log(s.closes))[TEST][:, None]
        exact = raw(wanted)[s.name].log_density(moved)
        costs.append(np.mean(exact - found[s.name].log_density(moved)))
        widths = found[s.name].quantiles((0.75, 0.9, 0.95)) / raw(wanted)[s.name].quantiles(
            (0.75, 0.9, 0.95)
        )
        np.testing.assert_allclose(widths, 1, atol=0.2)
    assert np.mean(costs) < 0.003


def test_factors_are_bounded_and_do_not_wind_up() -> None:
    """After years of intervals that are far too wide, those of ordinary days are soon right."""
    returns = independent(71, rows=6000)
    returns[:4000] *= 0.05
    rows, raw = np.array([4000, 5000]), constant(0.01)
    symbol = series_of(returns)
    found = run("adaptive", symbol, raw, rows).quantiles((0.75, 0.9))[:, 0]
    factors = found / raw({"X": rows})["X"].quantiles((0.75, 0.9))[:, 0]
    np.testing.assert_allclose(factors[0], 0.5)
    np.testing.assert_allclose(factors[1], 1, atol=0.15)


def test_ranges_with_the_wrong_tails_are_repaired_one_by_one() -> None:
    """One factor cannot: forecasts with thin tails have the wide ranges too narrow alone."""
    draws = 0.01 * np.random.default_rng(15).standard_t(2.5, size=(8, 4000))
    symbols = [series_of(returns, str(k)) for k, returns in enumerate(draws)]
    rows, raw = np.arange(1500, 3990), constant(0.0125)
    wanted = {symbol.name: rows for symbol in symbols}

    def held(forecasts: Mapping[str, Distribution]) -> np.ndarray:
        each = [coverage(symbol, forecasts[symbol.name], rows) for symbol in symbols]
        return np.asarray(np.mean(each, axis=0) - COVERAGES)

    before = held(raw(wanted))
    assert before[0] > 0.05
    assert before[-1] < -0.01
    after = held(calibrate(raw, symbols, wanted, "adaptive"))
    assert np.abs(after).max() < 0.005


def test_ranges_stay_inside_one_another() -> None:
    halves = np.array([[[0.5, 1.0, 1.3, 1.6]]])
    found = in_order(halves, np.array([1.9, 0.6, 1.0, 0.5]))
    np.testing.assert_allclose(found, [[[0.95, 1.05, 1.75, 1.81]]])


def test_no_range_narrows_from_one_horizon_to_the_next() -> None:
    halves = np.array([0.5, 1.0, 1.3, 1.6]) * np.sqrt(np.arange(40, 60))[:, None]
    factors = np.exp(np.random.default_rng(16).normal(0, 0.05, size=(30, 20, 4)))
    found = in_order(np.broadcast_to(halves, factors.shape), factors)
    assert (np.diff(halves * factors, axis=1) < 0).any()
    assert (np.diff(found, axis=1) >= 0).all()
    assert (np.diff(found, axis=2) > 0).all()


def test_before_the_first_outcome_forecasts_stay_as_they_are() -> None:
    symbol = series_of(independent(11))
    rows = np.array([100, FIRST])
    raw = constant(0.01, horizons=4)
    ours = run("adaptive", symbol, raw, rows).quantiles((0.05, 0.95))
    np.testing.assert_allclose(ours, raw({"X": rows})["X"].quantiles((0.05, 0.95)), rtol=1e-12)


def test_points_are_left_alone() -> None:
    point = PointForecast(np.zeros((1, 1)))
    symbol = series_of(independent(12))
    found = calibrate(lambda _: {"X": point}, [symbol], {"X": TEST[:1]}, "adaptive")
    assert found["X"] is point


def altered_from(symbol: CalibrationSeries, row: int, factor: float = 1.3) -> CalibrationSeries:
    """The symbol with another close from a row on."""
    return replace(symbol, closes=np.where(np.arange(END + 1) < row, 1, factor) * symbol.closes)


@pytest.mark.parametrize(("market", "late"), [("New York", 1), ("Tokyo", 0)])
def test_what_closes_later_is_known_on_a_later_date(market: str, late: int) -> None:
    """New York's bar of a date is no news in Tokyo on that date, Tokyo's own is."""
    here = replace(series_of(independent(40), "A"), market="Tokyo")
    there = replace(series_of(independent(41), "B"), market=market)
    raw, row = constant(0.008), VALIDATION_END
    rows = np.arange(row - 3, row + 4)

    def widths(other: CalibrationSeries) -> np.ndarray:
        found = calibrate(raw, [here, other], {"A": rows, "B": rows}, "adaptive")["A"]
        return np.asarray(found.quantiles((0.9,))[:, 0, 0])

    honest, knows = widths(there), widths(altered_from(there, row))
    np.testing.assert_array_equal(honest[: 3 + late], knows[: 3 + late])
    assert honest[3 + late] != knows[3 + late]


def test_each_market_follows_a_path_of_its_own_and_one_market_the_usual_one() -> None:
    ours, theirs = (series_of(independent(50 + k), name) for k, name in enumerate("AB"))
    raw, rows = constant(0.008, horizons=2), {"A": TEST, "B": TEST}
    alike = [calibrate(raw, [s, t], rows, "adaptive")["A"].quantiles((0.9,)) for s, t in (
        (ours, theirs), (replace(ours, market="X"), replace(theirs, market="X")),
    )]  # fmt: skip
    np.testing.assert_array_equal(alike[0], alike[1])
    apart = calibrate(raw, [ours, replace(theirs, market="X")], rows, "adaptive")
    assert np.abs(apart["A"].quantiles((0.9,)) / alike[0] - 1).max() < 0.02


def test_symbols_of_other_days_are_calibrated_with_each_other() -> None:
    """A coin, a stock that ended, one listed late: by dates and never by row numbers."""
    whole = series_of(independent(60), "A")
    weekends = pd.date_range(whole.dates[0], periods=END + 1)
    coin = replace(series_of(independent(61), "COIN"), dates=weekends, market="UTC")
    ended = series_of(independent(62, rows=1500), "ENDED")
    late = replace(series_of(independent(63, rows=900), "LATE"), first=0)
    late = replace(late, dates=whole.dates[-901:])
    symbols = [whole, coin, ended, late]
    rows = {"A": TEST, "COIN": TEST, "ENDED": np.arange(900, 1500), "LATE": np.arange(200, 890)}
    found = calibrate(constant(0.006), symbols, rows, "adaptive")
    for symbol in symbols:
        held = coverage(symbol, found[symbol.name], rows[symbol.name])
        assert held == pytest.approx(COVERAGES, abs=0.06)


def test_symbols_and_days_are_taken_a_few_at_a_time_with_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where symbols have other days, and closes that others know a day later."""
    whole = series_of(independent(60, rows=700), "A")
    weekends = pd.date_range(whole.dates[0], periods=701)
    coin = replace(series_of(independent(61, rows=700), "COIN"), dates=weekends, market="UTC")
    ended = series_of(independent(62, rows=500), "ENDED")
    rows = {"A": np.arange(500, 700), "COIN": np.arange(600, 690), "ENDED": np.arange(400, 480)}
    raw, asked = constant(0.007, horizons=3), []

    def told(some: RowsBySymbol) -> Mapping[str, Distribution]:
        asked.append(len(some))
        return raw(some)

    found = []
    for few in (16, 1):
        monkeypatch.setattr(series, "PORTION", few)
        monkeypatch.setattr(adaptive, "OUTCOMES_AT_ONCE", 72 * few - 1)
        forecasts = calibrate(told, [whole, coin, ended], rows, "adaptive")
        found.append({name: part.quantiles((0.1, 0.9)) for name, part in forecasts.items()})
    assert asked == [3, 3, 1, 1, 1, 1, 1, 1]
    for name in rows:
        np.testing.assert_array_equal(found[0][name], found[1][name])


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_so_many_symbols_are_calibrated_together_and_each_is_searched_once(at_once: int) -> None:
    """For its own ranges and for what is written down; before, as often as anybody asked."""
    symbols = [series_of(independent(90 + k, rows=500), str(k)) for k in range(3)]
    rows = {symbol.name: np.arange(400, 480) for symbol in symbols}
    raw, asked, together = constant(0.01, horizons=2), [0, 0, 0], []

    class Counted(StudentTMixture):
        number = 0

        def quantiles(self, levels: Sequence[float]) -> np.ndarray:
            asked[self.number] += len(self.df[0]) == len(rows["0"])
            return super().quantiles(levels)

    def counted(some: RowsBySymbol) -> dict[str, Distribution]:
        found: dict[str, Distribution] = {}
        for name, part in raw(some).items():
            assert isinstance(part, StudentTMixture)
            found[name] = type("One", (Counted,), {"number": int(name)})(
                part.df, part.loc, part.scale
            )
        return found

    def told(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        waiting = list(items)
        together.append(len(waiting))
        return [function(item) for item in waiting]

    found = dict(
        calibrate_each(counted, symbols, rows, "adaptive", map_function=told, at_once=at_once)
    )
    expected = calibrate(raw, symbols, rows, "adaptive")
    assert list(found) == list(expected) == list(rows)
    assert together == {1: [3, 1, 1, 1], 2: [3, 2, 1], 5: [3, 3]}[at_once]
    for name, part in found.items():
        for levels in ((0.1, 0.9), LEVELS):
            np.testing.assert_array_equal(part.quantiles(levels), expected[name].quantiles(levels))
        np.testing.assert_array_equal(part.mean(), expected[name].mean())
    assert asked == [1, 1, 1]


def test_a_halted_symbol_does_not_move_the_ranges_of_the_others() -> None:
    """It is inside every range on every day, and says nothing of how far a price moves."""
    live, still = series_of(independent(21), "LIVE"), independent(22)
    still[FIRST:] = 0.0
    halted, raw = series_of(still, "HALTED"), constant(0.01)
    wanted = {"LIVE": TEST}
    with_it = calibrate(raw, [live, halted], wanted, "adaptive")["LIVE"]
    alone = calibrate(raw, [live], wanted, "adaptive")["LIVE"]
    ours, theirs = (part.quantiles((0.1, 0.9)) @ [-1, 1] for part in (with_it, alone))
    assert np.mean(ours / theirs) == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(ours, theirs, rtol=0.03)  # before it counts as halted it has a say
