"""The chart of a record draws its table, and says when the range is refuted."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support.charts import day_numbers, has_artist, layout_faults, points_of, words

from lstmcast.errors import DataError
from lstmcast.ledger import Outcomes, band
from lstmcast.plots import coverage_chart


def followed(share: float, days: int = 260) -> pd.DataFrame:
    """Coverage of one symbol's next session over a year."""
    inside = (np.random.default_rng(3).random(days) < share).astype(float)
    dates = pd.bdate_range("2024-01-01", periods=days + 1).to_numpy().astype("datetime64[s]")
    table = band(Outcomes(dates[:-1], dates[1:], inside, 1))
    told = pd.Series(inside, index=table.index)
    return table.assign(so_far=told.expanding().mean(), recent=told.rolling(60).mean())


def draw(share: float, days: int = 260) -> tuple[Figure, pd.DataFrame]:
    table = followed(share, days)
    return coverage_chart(table, nominal=80, title="AAA", details="ledger"), table


@pytest.mark.parametrize("share", [0.55, 0.8, 0.99])
def test_lines_are_those_of_the_table_and_words_say_what_they_mean(share: float) -> None:
    figure, table = draw(share)
    axes = figure.axes[0]
    points = points_of(axes, "_so_far")
    np.testing.assert_allclose(points[:, 1], table["so_far"])
    np.testing.assert_allclose(points[:, 0], day_numbers(table.index))
    said = " ".join(words(figure)).replace("\n", " ")
    assert f"{100 * table['so_far'].iloc[-1]:.1f} % of the closes were inside" in said
    refuted = table[(table["high"] < 0.8) | (table["low"] > 0.8)]
    assert refuted.empty == (share == 0.8)
    assert has_artist(axes, "_refuted") == (share != 0.8)
    if share == 0.8:
        assert "the difference from 80 % is within sampling error" in said
    else:
        first = pd.Timestamp(refuted.index[0])
        kind = "too narrow" if share < 0.8 else "too wide"
        assert f"since {first.day} {first:%b %Y} that is beyond sampling error" in said
        assert f"the range is {kind}." in said
        np.testing.assert_allclose(points_of(axes, "_refuted")[0, 0], day_numbers([first])[0])
    low, high = axes.get_ylim()
    assert low < 0.8 < high
    assert layout_faults(figure) == []


@pytest.mark.parametrize("days", [1, 3, 20])
def test_few_days_are_drawn(days: int) -> None:
    figure, _ = draw(0.8, days)
    assert layout_faults(figure) == []
    axes = figure.axes[0]
    figure.canvas.draw()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert not [label for label in labels if ":" in label], labels  # no time of day
    (line,) = [line for line in axes.lines if line.get_label() == "_so_far"]
    assert (line.get_marker() == "o") is (days == 1)  # of one point no line is seen


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(DataError, match="`table` has no day to draw"):
        coverage_chart(followed(0.8).iloc[:0], nominal=80, title="AAA")
