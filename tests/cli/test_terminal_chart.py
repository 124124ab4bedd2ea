"""Charts in the terminal: every mark where the table has it, as wide as the terminal."""

import math

import numpy as np
import pandas as pd
import pytest
from support.charts import fan_table, world

from lstmcast.cli.terminal import (
    CLOSE,
    INNER,
    LINE,
    MISS,
    SHADE,
    Curve,
    draw,
    judged,
    legend,
    to_come,
)


def rows_of(lines: list[str], mark: str, column: int) -> list[int]:
    """Rows in which a column of the picture holds a mark."""
    return [k for k, line in enumerate(lines) if column < len(line) and line[column] == mark]


def test_marks_stand_where_the_table_has_them() -> None:
    scene = world(40)
    curve = judged(scene.predictions, "ABC", 1)
    lines = draw(curve, 100, 20)
    picture, dates = lines[:-1], lines[-1]
    assert len(picture) == 20
    left = len(dates) - len(dates.lstrip())
    closes = curve.close
    places = []
    for k in range(40):
        found = rows_of(picture, CLOSE, left + k) + rows_of(picture, MISS, left + k)
        assert len(found) == 1
        outside = not curve.outer[0][k] <= closes[k] <= curve.outer[1][k]
        assert picture[found[0]][left + k] == (MISS if outside else CLOSE)
        places.append(found[0])
    # Higher on the screen is a higher price, evenly.
    slope, start = np.polyfit(closes, places, 1)
    assert slope < 0
    assert np.abs(start + slope * closes - places).max() < 0.6
    assert dates.split()[0] == f"{curve.dates[0]:%Y-%m-%d}"
    assert dates.split()[-1] == f"{curve.dates[-1]:%Y-%m-%d}"


@pytest.mark.parametrize("width", [30, 60, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for scene in (
        world(300),
        world(300, level=4e7),
        world(300, level=0.0004),
        world(61, point=True),
    ):
        lines = draw(judged(scene.predictions, "ABC", 1), width)
        assert max(map(len, lines)) <= width
        assert any(CLOSE in line for line in lines)


def test_sessions_to_come_follow_the_last_closes() -> None:
    closes = world(100).closes
    forecast = fan_table(closes, 10)
    curve = to_come(closes, forecast, 60)
    assert len(curve.dates) == 70
    lines = draw(curve, 100)
    left = len(lines[-1]) - len(lines[-1].lstrip())
    for column in range(60, 70):
        assert rows_of(lines[:-1], CLOSE, left + column) == []
        (median,) = rows_of(lines[:-1], LINE, left + column)
        shaded = rows_of(lines[:-1], SHADE, left + column) + rows_of(
            lines[:-1], INNER, left + column
        )
        assert not shaded or min(shaded) <= median <= max(shaded)
    for column in range(60):
        assert rows_of(lines[:-1], LINE, left + column) == []


def test_an_encoding_without_the_marks_gets_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain:
        encoding = "ascii"

        def isatty(self) -> bool:
            return False

    lines = draw(judged(world(40).predictions, "ABC", 1))
    monkeypatch.setattr("sys.stdout", Plain())
    plain = draw(judged(world(40).predictions, "ABC", 1))
    told = legend()
    monkeypatch.undo()
    assert all(line.isascii() for line in [*plain, told])
    assert [len(line) for line in plain] == [len(line) for line in lines]


def test_a_price_that_never_moves_is_one_line() -> None:
    dates = pd.bdate_range("2012-01-02", periods=5)
    level, none = np.full(5, 7.0), np.full(5, math.nan)
    lines = draw(Curve(dates, level, none, (none, none), (none, none)), 60)
    assert sum(CLOSE in line for line in lines) == 1
