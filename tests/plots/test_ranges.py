"""The calibration chart shows the checks' own figures and marks those beyond sampling error."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from support.charts import layout_faults, one_artist, points_of, words
from support.simulated import constant_t, predict, random_walk

from lstmcast.errors import DataError
from lstmcast.evaluation.coverage import (
    CRITICAL_ERRORS,
    check_coverage,
    check_coverage_by_year,
    pit_shares,
    subset_label,
)
from lstmcast.evaluation.coverage_check import CoverageCheck
from lstmcast.evaluation.scores import row_losses
from lstmcast.evaluation.terciles import volatility_terciles
from lstmcast.plots import ranges_chart
from lstmcast.plots.style import MEDIAN, MIDDLE_BAND
from lstmcast.predictions import RANGES

PIT = [(0.05, 0.01)] * 20


def evaluated(scale: float, rows: int = 1300) -> tuple[pd.DataFrame, tuple[CoverageCheck, ...]]:
    """Forecasts of one width for two symbols whose scale is 1 %, and the checks of their ranges."""
    bars = {name: random_walk(k, rows=rows) for k, name in enumerate("AB")}
    forecast = constant_t(rows - 600, scale=scale)
    table = predict(bars, 600, dict.fromkeys(bars, forecast))
    losses = row_losses(table)
    checks = check_coverage(losses, volatility_terciles(table, bars), 1)
    checks += check_coverage_by_year(losses, 1)
    return table, checks


def draw(scale: float, rows: int = 1300) -> tuple[Figure, tuple[CoverageCheck, ...]]:
    table, checks = evaluated(scale, rows)
    return ranges_chart(checks, pit_shares(table, 1), title="two", details="run x"), checks


@pytest.mark.parametrize("scale", [0.0085, 0.01, 0.013])
def test_marks_are_the_misses_of_the_checks_and_colour_is_the_finding(scale: float) -> None:
    figure, checks = draw(scale)
    axes = figure.axes[0]
    for check in checks:
        label = f"_{check.subset} {check.nominal}"
        ((x, _),) = points_of(axes, label)
        assert x == pytest.approx(100 * check.coverage - check.nominal)
        face = to_hex(one_artist(axes, label).get_markerfacecolor())
        expected = {True: MIDDLE_BAND, False: MEDIAN, None: "#ffffff"}[check.calibrated]
        assert face == expected
    broken = [check for check in checks if check.calibrated is False]
    assert bool(broken) == (scale != 0.01)
    assert ("Beyond sampling error" in words(figure)) == bool(broken)
    assert layout_faults(figure) == []


def test_rows_stand_in_the_order_of_the_checks_with_their_days() -> None:
    figure, checks = draw(0.01)
    days = {check.subset: check.days for check in checks}
    labels = [f"{subset_label(name)}\n{days[name]:,} days" for name in days]
    assert [label.split("\n")[0] for label in labels[:2]] == ["all days", "low volatility"]
    ticks = figure.axes[0].get_yticklabels()
    assert [tick.get_text() for tick in ticks] == labels
    rows = {
        check.subset: points_of(figure.axes[0], f"_{check.subset} 50")[0, 1] for check in checks
    }
    assert [round(row) for row in rows.values()] == list(range(len(rows)))


def test_the_bars_below_are_the_shares_between_the_steps() -> None:
    table, _ = evaluated(0.013)
    shares = pit_shares(table, 1)
    steps = table[[f"q{5 * k:02d}" for k in range(1, 20)]].to_numpy()
    bins = (table["return_actual"].to_numpy()[:, None] > steps).sum(axis=1)
    expected = np.bincount(bins, minlength=20) / len(bins)
    np.testing.assert_allclose([found for found, _ in shares], expected)
    figure, _ = draw(0.013)
    bars = figure.axes[1].containers[1]
    np.testing.assert_allclose([bar.get_height() for bar in bars], 100 * expected)


def test_the_error_of_a_share_is_that_of_luck() -> None:
    """Of 20 shares that are right, the band leaves one out in few worlds."""
    worlds = 60
    left_out = 0
    for seed in range(worlds):
        bars = {"A": random_walk(seed, rows=900)}
        table = predict(bars, 300, {"A": constant_t(600)})
        left_out += any(
            abs(found - 0.05) > CRITICAL_ERRORS * e for found, e in pit_shares(table, 1)
        )
    assert left_out / worlds < 0.25  # 20 looks at 2.8 errors: 10 %, skewed as shares of 5 % are


def test_a_year_is_judged_by_its_own_days() -> None:
    table, checks = evaluated(0.013)
    year = table["date"].dt.year == 2014
    for nominal, (low, high) in RANGES.items():
        inside = table["return_actual"].between(table[low], table[high])[year].mean()
        (check,) = (c for c in checks if c.subset == "2014" and c.nominal == nominal)
        assert check.coverage == pytest.approx(inside)
        assert check.days == table.loc[year, "origin"].nunique()


def test_few_days_conclude_nothing() -> None:
    figure, checks = draw(0.01, rows=640)
    assert {check.calibrated for check in checks} == {None}
    said = words(figure)
    assert any("40 sessions, too few to conclude anything" in line for line in said)
    assert "Too few days" in said
    assert "Beyond sampling error" not in said
    assert layout_faults(figure) == []


def test_a_point_forecast_has_no_ranges_to_draw() -> None:
    with pytest.raises(DataError, match="no range to draw"):
        ranges_chart((), PIT, title="x")
