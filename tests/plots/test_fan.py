"""The fan opens at the last close, and its words are the forecast's own numbers."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.charts import fan_table, has_artist, layout_faults, outline_of, points_of, words, world

from lstmcast.errors import DataError
from lstmcast.plots import fan_chart
from lstmcast.plots.fan import _spread

CLOSES = world(20, history=200).closes


@pytest.mark.parametrize("sessions", [1, 5, 20, 60])
def test_every_band_opens_exactly_at_the_last_close(sessions: int) -> None:
    axes = fan_chart(CLOSES, fan_table(CLOSES, sessions), symbol="ABC").axes[0]
    here = tuple(points_of(axes, "_closes")[-1].tolist())
    assert here[1] == CLOSES.iloc[-1]
    assert tuple(points_of(axes, "_median")[0].tolist()) == here
    for name in ("_50 %", "_80 %", "_95 %"):
        outline = outline_of(axes, name)
        at_start = outline[outline[:, 0] == outline[:, 0].min()]
        assert {tuple(point) for point in at_start.tolist()} == {here}


def test_the_bands_and_the_median_are_the_forecasts_own() -> None:
    table = fan_table(CLOSES, 20, drift=0.001)
    axes = fan_chart(CLOSES, table, symbol="ABC").axes[0]
    median = points_of(axes, "_median")
    np.testing.assert_array_equal(median[1:, 1], table["median"])
    for name, low, high in (
        ("_50 %", "q25", "q75"),
        ("_80 %", "q10", "q90"),
        ("_95 %", "q025", "q975"),
    ):
        outline = outline_of(axes, name)
        for row in range(20):
            here = outline[outline[:, 0] == median[row + 1, 0]][:, 1]
            assert set(here) == {table[low][row], table[high][row]}


def test_the_end_and_the_last_close_are_written_out() -> None:
    table = fan_table(CLOSES, 20)
    shown = words(fan_chart(CLOSES, table, symbol="ABC", currency="USD"))
    end = table.iloc[-1]
    date = f"{end['date'].day} {end['date']:%b}"
    summary = next(line for line in shown if line.startswith(f"On {date}"))
    for name in ("median", "q10", "q90"):
        assert f"{end[name]:.2f}" in summary
    today = CLOSES.index[-1]
    last = f"Last close {CLOSES.iloc[-1]:.2f} USD\n{today.day} {today:%b %Y}"
    assert last in shown
    for share, name in (("95 %", "q975"), ("80 %", "q10"), ("50 %", "q25")):
        assert f"{share}  {end[name]:.2f}" in shown
    assert any(line.startswith(date) for line in shown if not line.startswith("On "))


@pytest.mark.parametrize(
    ("level", "share", "close"),
    [
        (1.0, 1e-4, "1.00000"),
        (1.25, 0.003, "1.2500"),
        (0.00002, 0.02, "0.00002000"),
        (1e5, 0.02, "100,000"),
        (3e7, 0.02, "30.00 M"),
    ],
)
def test_prices_in_words_have_the_digits_of_their_ranges(
    level: float, share: float, close: str
) -> None:
    """A pegged coin's labels must not all read 1.00, and one chart has one format."""
    closes = CLOSES * (level / CLOSES.iloc[-1])
    table = fan_table(closes, 5)
    ends = ["q025", "q10", "q25", "median", "q75", "q90", "q975"]
    table[ends] = level * (1 + share * np.arange(-3, 4))
    shown = words(fan_chart(closes, table, symbol="ABC"))
    assert any(line.startswith(f"Last close {close}\n") for line in shown)
    labels = [line.split("  ")[1] for line in shown if re.match(r"(median|\d\d %)  ", line)]
    assert len(set(labels)) == 7
    assert len({label.partition(".")[2] and len(label.partition(".")[2]) for label in labels}) == 1


def test_the_axis_dates_the_sessions_that_it_labels() -> None:
    table = fan_table(CLOSES, 20)
    axes = fan_chart(CLOSES, table, symbol="ABC", past=90).axes[0]
    dates = pd.DatetimeIndex([*CLOSES.index[-90:], *table["date"]])
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert len(labels) >= 4
    for place, label in zip(axes.get_xticks(), labels, strict=True):
        assert label.split("\n")[0] == f"{dates[int(place)].day} {dates[int(place)]:%b}"
    assert int(axes.get_xticks()[-1]) == len(dates) - 1


def test_a_guessed_date_is_said_to_be_one() -> None:
    table = fan_table(CLOSES, 5)
    note = "No exchange calendar: dates are the market's weekdays and may shift with holidays."
    assert note in words(fan_chart(CLOSES, table.assign(assumed=True), symbol="ABC"))
    assert note not in words(fan_chart(CLOSES, table.assign(assumed=False), symbol="ABC"))
    assert note not in words(fan_chart(CLOSES, table, symbol="ABC"))


def test_a_forecast_without_ranges_is_a_line() -> None:
    table = fan_table(CLOSES, 5)
    table.loc[:, table.columns.str.startswith("q")] = np.nan
    figure = fan_chart(CLOSES, table.rename(columns={"median": "q50"}), symbol="ABC")
    assert not any("%" in line or "8 in 10" in line for line in words(figure))
    assert has_artist(figure.axes[0], "_median")
    assert layout_faults(figure) == []


@pytest.mark.parametrize(
    ("sessions", "level", "currency", "drift"),
    [
        (1, 0.02, None, 0.0), (60, 0.02, None, 0.0), (1, 50.0, "USD", 0.004),
        (2, 50.0, "USD", 0.004), (20, 8e5, "GBp", -0.01), (60, 8e5, "GBp", -0.01),
        (1, 4e7, "IDR", 0.03), (20, 4e7, "IDR", 0.03),
    ],
)  # fmt: skip
def test_no_words_touch_or_leave_the_picture(
    sessions: int, level: float, currency: str | None, drift: float
) -> None:
    closes = CLOSES / CLOSES.iloc[-1] * level
    table = fan_table(closes, sessions, drift=drift).assign(assumed=True)
    figure = fan_chart(closes, table, symbol="ABC", currency=currency, details="Run abc")
    assert layout_faults(figure) == []


@pytest.mark.parametrize("level", [0.02, 50.0])
def test_the_words_about_the_last_close_stand_above_every_price(level: float) -> None:
    closes = CLOSES / CLOSES.iloc[-1] * level
    for each in (closes, closes[::-1].set_axis(closes.index)):
        figure = fan_chart(each, fan_table(each, 20), symbol="ABC")
        assert layout_faults(figure) == []
        axes = figure.axes[0]
        note = next(text for text in axes.texts if text.get_text().startswith("Last close"))
        highest = max(each.tail(90).max(), fan_table(each, 20)["q975"].max())
        assert note.get_window_extent().y0 > axes.transData.transform((0.0, highest))[1]


def test_one_close_is_enough() -> None:
    figure = fan_chart(CLOSES.tail(1), fan_table(CLOSES, 3), symbol="ABC")
    assert layout_faults(figure) == []


@given(
    st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=7).map(sorted),
    st.floats(0.01, 0.14),
)
def test_labels_are_moved_apart_in_order_and_no_more_than_needed(
    wanted: list[float], gap: float
) -> None:
    places = _spread(np.array(wanted), gap)
    assert np.all(np.diff(places) >= gap - 1e-9)
    assert places[0] >= gap / 2 - 1e-9
    assert places[-1] <= 1 - gap / 2 + 1e-9
    apart = np.all(np.diff(wanted) >= gap) and wanted[0] >= gap / 2 and wanted[-1] <= 1 - gap / 2
    if apart:
        np.testing.assert_allclose(places, wanted, atol=1e-9)


def test_what_cannot_be_drawn_is_said() -> None:
    table = fan_table(CLOSES, 5)
    with pytest.raises(DataError, match="`forecast` lacks median, q90"):
        fan_chart(CLOSES, table.drop(columns=["median", "q90"]), symbol="ABC")
    with pytest.raises(DataError, match="`forecast` has no rows"):
        fan_chart(CLOSES, table.iloc[:0], symbol="ABC")
    with pytest.raises(DataError, match="not after the last close") as raised:
        fan_chart(CLOSES, table.assign(date=CLOSES.index[-5:]), symbol="ABC")
    assert raised.value.hint == "make the forecast again from the newest bars"
    with pytest.raises(DataError, match="one row for every session from 1"):
        fan_chart(CLOSES, table.iloc[[0, 4]], symbol="ABC")
    with pytest.raises(DataError, match="`closes` has no known price"):
        fan_chart(CLOSES.iloc[:0], table, symbol="ABC")
