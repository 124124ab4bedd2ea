"""Axes that suit any price and any number of sessions."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.plots.axes import is_logarithmic, price_axis, session_axis
from lstmcast.plots.sheet import Sheet


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-3, 1e7), st.floats(1.0, 1e4))
def test_a_price_axis_holds_the_prices_and_labels_each_tick_with_its_value(
    low: float, growth: float
) -> None:
    axes = Sheet().panel(2.0)
    high = low * growth
    price_axis(axes, low, high)
    bottom, top = axes.get_ylim()
    assert bottom < low
    assert high < top
    assert (axes.get_yscale() == "log") == is_logarithmic(low, high)
    ticks = [tick for tick in axes.get_yticks() if bottom <= tick <= top]
    assert 1 <= len(ticks) <= 8
    labels = axes.yaxis.get_major_formatter().format_ticks(list(axes.get_yticks()))
    for tick, label in zip(axes.get_yticks(), labels, strict=True):
        unit = 1e6 if label.endswith(" M") else 1.0
        number = float(label.removesuffix(" M").replace(",", ""))
        assert number * unit == pytest.approx(tick, rel=1e-6, abs=1e-9 * high)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400))
def test_a_session_axis_has_few_labels_each_with_its_own_session(sessions: int) -> None:
    dates = pd.bdate_range("2019-11-20", periods=sessions)
    axes = Sheet().panel(2.0)
    session_axis(axes, dates)
    ticks = [int(tick) for tick in axes.get_xticks()]
    labels = axes.xaxis.get_major_formatter().format_ticks([float(tick) for tick in ticks])
    assert 1 <= len(ticks) <= 14
    assert "\n" in labels[0]
    for tick, label in zip(ticks, labels, strict=True):
        day, *year = label.split("\n")
        assert day == f"{dates[tick].day} {dates[tick]:%b}"
        assert year in ([], [str(dates[tick].year)])


@pytest.mark.parametrize("before", range(90, 110))
def test_a_number_and_its_percent_sign_stand_in_one_line(before: int) -> None:
    sheet = Sheet()
    sheet.text("x " * (before // 2) + "y" * (before % 2) + " -5 %, volume -12 % and the rest")
    lines = sheet.finish().texts[0].get_text().split("\n")
    assert len(lines) == 2
    assert not any(line.startswith("%") for line in lines)
