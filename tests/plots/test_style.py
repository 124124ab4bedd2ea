"""Words for numbers, prices and dates, and axes that suit any price."""

import colorsys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmcast.plots import style


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (9.8713, "9.871"),
        (0.00039124, "0.0003912"),
        (12345.6, "12,346"),
        (0.0, "0"),
        (-1.5, "-1.500"),
        (float("nan"), "n/a"),
        (999.96, "1,000.0"),
    ],
)
def test_significant_digits(value: float, expected: str) -> None:
    assert style.significant(value) == expected


def test_numbers_that_are_compared_have_as_many_decimals() -> None:
    assert style.alike(9.871, 10.02) == ["9.871", "10.020"]
    assert style.alike(0.00039124, 0.001) == ["0.0003912", "0.0010000"]
    assert style.alike(float("nan"), 0.0) == ["n/a", "0"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0213, "0.02130"),
        (1.5, "1.50"),
        (430.474, "430.47"),
        (9999.5, "9,999.50"),
        (8e5, "800,000"),
    ],
)
def test_prices(value: float, expected: str) -> None:
    assert style.price(value) == expected


@given(st.floats(1e-6, 1e9))
def test_a_price_in_words_is_the_price(value: float) -> None:
    words = style.price(value).replace(",", "")
    number = float(words.removesuffix(" M")) * (1e6 if words.endswith(" M") else 1)
    assert number == pytest.approx(value, rel=6e-3)


def test_currencies() -> None:
    assert style.in_currency(None) == ""
    assert style.in_currency("USD") == ", USD"
    assert style.in_currency("GBp") == ", pence (GBp)"
    assert style.money("3.2", None) == "3.2"
    assert style.money("3.2", "USD") == "3.2 USD"


def test_counts_and_days() -> None:
    assert style.count(1, "session") == "1 session"
    assert style.count(1200, "session") == "1,200 sessions"
    assert style.day(pd.Timestamp("2013-03-01")) == "1 Mar 2013"


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-3, 1e7), st.floats(1.0, 1e4))
def test_a_price_axis_holds_the_prices_and_labels_each_tick_with_its_value(
    low: float, growth: float
) -> None:
    axes = style.Sheet().panel(2.0)
    high = low * growth
    style.price_axis(axes, low, high)
    bottom, top = axes.get_ylim()
    assert bottom < low
    assert high < top
    assert (axes.get_yscale() == "log") == style.is_logarithmic(low, high)
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
    axes = style.Sheet().panel(2.0)
    style.session_axis(axes, dates)
    ticks = [int(tick) for tick in axes.get_xticks()]
    labels = axes.xaxis.get_major_formatter().format_ticks([float(tick) for tick in ticks])
    assert 1 <= len(ticks) <= 14
    assert "\n" in labels[0]
    for tick, label in zip(ticks, labels, strict=True):
        day, *year = label.split("\n")
        assert day == f"{dates[tick].day} {dates[tick]:%b}"
        assert year in ([], [str(dates[tick].year)])


def lightness(color: str) -> float:
    """Relative luminance, which is what is left of a colour printed in grey (Rec. 709)."""
    channels = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_what_lies_on_one_another_differs_in_lightness() -> None:
    layers = ["#ffffff", style.WIDE_BAND, style.MIDDLE_BAND, style.NARROW_BAND]
    tones = [lightness(color) for color in layers]
    assert all(above - below > 0.1 for above, below in pairwise(tones))
    contrast = (lightness(style.MIDDLE_BAND) + 0.05) / (lightness(style.MEDIAN) + 0.05)
    assert contrast > 1.8
    assert len({colorsys.rgb_to_hls(*_channels(color)) for color in style.SERIES}) == 8


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue
