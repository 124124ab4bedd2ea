"""The charts of gates and of what inputs are worth: what is drawn is what was found."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from support.charts import layout_faults, points_of, words

from lstmcast.errors import UsageError
from lstmcast.explain import Effect, GateTrace, Importance
from lstmcast.plots import gates_chart, importance_chart


def trace(rows: int = 250, units: int = 8) -> GateTrace:
    random = np.random.default_rng(0)
    gates = random.uniform(size=(3, rows, units))
    return GateTrace(
        symbol="ABC",
        dates=pd.bdate_range("2012-01-02", periods=rows),
        closes=50 * np.exp(np.cumsum(0.01 * random.standard_normal(rows))),
        forget=gates[0],
        input=gates[1],
        output=gates[2],
        memory=random.standard_normal((rows, units)),
        hidden=random.standard_normal((rows, units)),
        layer=1,
        layers=1,
        difference=0.0,
    )


def found(groups: int = 3, columns: int = 20, networks: int = 3) -> Importance:
    random = np.random.default_rng(1)

    def effect(name: str, kind: str, size: float) -> Effect:
        worth = tuple(float(x) for x in size * random.uniform(0.5, 1.5, networks))
        return Effect(name, "group" if kind == "group" else "column", worth, worth[::-1])

    effects = [effect(f"group {k}", "group", 0.1 / (1 + k)) for k in range(groups)]
    effects += [
        effect(f"a_long_name_of_column_{k:02d}", "column", 0.1 / (1 + k)) for k in range(columns)
    ]
    day = pd.Timestamp("2012-01-02")
    return Importance(tuple(effects), (1.0,) * networks, 500, day, day + pd.Timedelta(days=700))


def widths(axes: Axes) -> dict[int, float]:
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    return {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in bars}


def test_each_panel_shows_the_units_that_were_chosen() -> None:
    seen = trace()
    figure = gates_chart(seen, [5, 2], currency="USD")
    np.testing.assert_array_equal(points_of(figure.axes[0], "_closes")[:, 1], seen.closes)
    for axes, name in zip(figure.axes[1:], ("forget", "input", "output", "memory"), strict=True):
        for unit in (5, 2):
            drawn = points_of(axes, f"_{name} {unit}")[:, 1]
            np.testing.assert_array_equal(drawn, getattr(seen, name)[:, unit])
        dashes = {str(line.get_linestyle()) for line in axes.lines if " " in str(line.get_label())}
        assert len(dashes) == 2
    assert {"Unit 5", "Unit 2", "Adjusted close, USD"} <= set(words(figure))


@pytest.mark.parametrize("rows", [1, 5, 250, 3000])
def test_no_words_of_gates_touch_or_leave_the_picture(rows: int) -> None:
    assert layout_faults(gates_chart(trace(rows), [0, 1, 2, 3, 4, 5], details="run abc")) == []


@pytest.mark.parametrize("units", [[], [8], [0, 1, 2, 3, 4, 5, 6]])
def test_units_that_cannot_be_drawn_are_refused(units: list[int]) -> None:
    with pytest.raises(UsageError, match=r"`units` .* cannot be drawn"):
        gates_chart(trace(), units)


def test_bars_are_means_and_marks_are_networks() -> None:
    seen = found()
    figure = importance_chart(seen)
    for axes, kind in zip(figure.axes, ("group", "column"), strict=True):
        for place, effect in enumerate(seen.of("group" if kind == "group" else "column")[:12]):
            assert widths(axes)[place] == pytest.approx(np.mean(effect.permutation))
            marks = points_of(axes, f"_networks {effect.name}")
            assert sorted(marks[:, 0]) == sorted(effect.permutation)
            held = points_of(axes, f"_held {effect.name}")
            assert held[0, 0] == pytest.approx(np.mean(effect.occlusion))


def test_lags_are_drawn_as_far_as_they_tell() -> None:
    lags = pd.DataFrame({"a": 0.5 ** np.arange(60.0), "b": 0.25 ** np.arange(60.0)})
    axes = importance_chart(found(), lags).axes[2]
    heights = [patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(heights) == 2 * 10
    assert sum(heights) == pytest.approx(float(lags.iloc[:10].sum().sum()))


@pytest.mark.parametrize(("groups", "columns", "networks"), [(1, 1, 1), (8, 40, 5)])
def test_no_words_of_importance_touch_or_leave_the_picture(
    groups: int, columns: int, networks: int
) -> None:
    lags = pd.DataFrame(np.ones((60, groups)), columns=[f"group {k}" for k in range(groups)])
    figure = importance_chart(found(groups, columns, networks), lags, details="run abc")
    assert layout_faults(figure) == []
