"""The chart of the test range shows the table's own prices, errors and dates, legibly."""

import time
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support.charts import (
    World,
    day_numbers,
    has_artist,
    layout_faults,
    one_artist,
    outline_of,
    points_of,
    words,
    world,
)

from lstmcast.dataset import Boundaries
from lstmcast.errors import DataError, UsageError
from lstmcast.plots import View, forecast_chart
from lstmcast.plots.forecasts import CLEAR_SESSIONS, DETAIL_SESSIONS


def draw(scene: World, **options: Any) -> Figure:
    return forecast_chart(scene.predictions, scene.closes, split=scene.ends, **options)


@pytest.fixture(scope="module")
def drawn() -> Figure:
    """The chart of 200 sessions, laid out, which no test alters."""
    return draw(world(200))


def legend_entry(figure: Figure, start: str) -> str:
    found = [label for label in words(figure) if label.startswith(start)]
    assert len(found) == 1, f"{start!r} in {words(figure)}"
    return found[0]


def test_the_lines_are_the_tables_own_prices(drawn: Figure) -> None:
    scene = world(200)
    table = scene.predictions
    main = drawn.axes[0]
    days = day_numbers(table["date"])
    actual = np.column_stack([days, table["close_actual"]])
    np.testing.assert_array_equal(points_of(main, "_actual"), actual)
    median = np.column_stack([days, table["close_origin"] * np.exp(table["q50"])])
    np.testing.assert_allclose(points_of(main, "_median"), median, rtol=1e-14)


@pytest.mark.parametrize(("label", "low", "high"), [("_80", "q10", "q90"), ("_95", "q025", "q975")])
def test_the_bands_are_the_tables_own_quantiles(
    drawn: Figure, label: str, low: str, high: str
) -> None:
    scene = world(200)
    table = scene.predictions
    edge = outline_of(drawn.axes[0], label)
    origin = table["close_origin"]
    assert edge[:, 1].min() == pytest.approx((origin * np.exp(table[low])).min(), rel=1e-12)
    assert edge[:, 1].max() == pytest.approx((origin * np.exp(table[high])).max(), rel=1e-12)
    for name in (low, high):
        points = np.column_stack([day_numbers(table["date"]), origin * np.exp(table[name])])
        distance = np.abs(edge[None] - points[:, None]).sum(axis=2).min(axis=1)
        assert distance.max() < 1e-9, f"a point of {name} is not on the edge of the band"


def test_the_enlarged_panel_shows_forecast_close_before_and_close_apart(drawn: Figure) -> None:
    scene = world(200)
    tail = scene.predictions.tail(DETAIL_SESSIONS)
    axes = drawn.axes[1]
    median = np.array(one_artist(axes, "_median").get_segments())
    before = np.array(one_artist(axes, "_before").get_segments())
    actual = points_of(axes, "_actual")
    np.testing.assert_array_equal(actual[:, 1], tail["close_actual"])
    np.testing.assert_allclose(before[:, 0, 1], tail["close_origin"], rtol=1e-14)
    expected = tail["close_origin"] * np.exp(tail["q50"])
    np.testing.assert_allclose(median[:, 0, 1], expected, rtol=1e-14)
    # The line of the close before begins at the dot of that very close.
    np.testing.assert_allclose(before[1:, 0], actual[:-1])
    for label, names in (("_80", ["q10", "q90"]), ("_95", ["q025", "q975"])):
        paths = one_artist(axes, label).get_paths()
        bars = [path.get_extents() for path in paths]
        assert all(len(np.unique(path.vertices, axis=0)) == 4 for path in paths)  # rectangles
        ends = tail[["close_origin"]].to_numpy() * np.exp(tail[names].to_numpy())
        np.testing.assert_allclose([bar.intervaly for bar in bars], ends, rtol=1e-14)
        np.testing.assert_allclose([bar.intervalx.mean() for bar in bars], actual[:, 0], atol=1e-9)


def test_the_legend_states_the_errors_and_the_shares_of_these_rows() -> None:
    scene = world(200)
    table = scene.predictions
    figure = draw(scene, currency="USD")
    median = table["close_origin"] * np.exp(table["q50"])
    model, walk = (
        f"RMSE {((point - table['close_actual']) ** 2).mean() ** 0.5:.4f} USD"
        for point in (median, table["close_origin"])
    )
    assert legend_entry(figure, "Median forecast") == f"Median forecast: {model}"
    assert legend_entry(figure, "Previous close") == f"Previous close (random walk): {walk}"
    for percent, low, high in ((80, "q10", "q90"), (95, "q025", "q975")):
        inside = table["return_actual"].between(table[low], table[high])
        share = f"{percent} % range: contained {100 * inside.mean():.1f} % of closes"
        assert legend_entry(figure, f"{percent} % range") == share
    assert legend_entry(figure, "Outside") == f"Outside the 95 % range: {(~inside).sum()} of 200"


@pytest.mark.parametrize(("rows", "horizon", "point"), [(59, 1, False), (296, 20, True)])
def test_too_few_sessions_are_said_to_conclude_nothing_instead_of_a_number(
    rows: int, horizon: int, point: bool
) -> None:
    scene = world(rows, horizons=horizon, point=point)
    said = words(draw(scene, horizon=horizon))
    count = (scene.predictions["horizon"] == horizon).sum()
    assert any(f"{count} sessions, too few to conclude anything" in line for line in said)
    assert not any("RMSE" in line or "contained" in line or f" of {count}" in line for line in said)
    enough = words(draw(world(rows + horizon + 3, horizons=horizon, point=point), horizon=horizon))
    assert any("RMSE" in line for line in enough)
    assert not any("conclude" in line for line in enough)


def test_every_miss_is_marked_and_nothing_else(drawn: Figure) -> None:
    scene = world(200)
    table = scene.predictions
    low, high = (table["close_origin"] * np.exp(table[name]) for name in ("q025", "q975"))
    missed = (table["close_actual"] < low) | (table["close_actual"] > high)
    assert 0 < missed.sum() < 30
    marks = np.column_stack([day_numbers(table["date"]), table["close_actual"]])[missed]
    np.testing.assert_array_equal(points_of(drawn.axes[0], "_missed"), marks)


def test_a_point_model_has_no_bands_and_says_forecast() -> None:
    figure = draw(world(200, point=True))
    assert not any(has_artist(axes, f"_{k}") for axes in figure.axes for k in (80, 95))
    assert any(label.startswith("Forecast: RMSE") for label in words(figure))
    assert not any("range for" in label or "% range" in label for label in words(figure))


def test_the_overview_marks_each_part_from_its_first_to_its_last_session(drawn: Figure) -> None:
    scene = world(200)
    strip = drawn.axes[-1]
    sessions = scene.closes.index
    first = {
        "_Training": sessions[0],
        "_Validation": sessions[sessions > scene.ends.train_end][0],
        "_Test": sessions[sessions > scene.ends.validation_end][0],
    }
    last = dict(
        zip(first, (scene.ends.train_end, scene.ends.validation_end, sessions[-1]), strict=True)
    )
    for part, begin in first.items():
        box = one_artist(strip, part).get_bbox()
        np.testing.assert_allclose(box.x0 + 0.5, day_numbers([begin]))
        np.testing.assert_allclose(box.x1 - 0.5, day_numbers([last[part]]))
    label = f"Test {first['_Test'].day} {first['_Test']:%b %Y} to"
    assert any(text.startswith(label) and text.endswith("(200)") for text in words(drawn))


def test_the_split_of_the_dataset_will_do() -> None:
    scene = world(100)
    ends = Boundaries(scene.ends.train_end, scene.ends.validation_end, scene.ends.test_end)
    figure = forecast_chart(scene.predictions, scene.closes, split=ends)
    assert words(figure) == words(draw(scene))


def test_a_dividend_paid_since_the_run_does_not_break_the_history() -> None:
    scene = world(200)
    later = forecast_chart(scene.predictions, 0.97 * scene.closes, split=scene.ends, view="history")
    prices = points_of(later.axes[0], "_closes")[:, 1]
    np.testing.assert_allclose(prices, scene.closes.iloc[: len(prices)], rtol=1e-12)


@pytest.mark.parametrize(
    ("rows", "panels"), [(1, 2), (DETAIL_SESSIONS, 2), (DETAIL_SESSIONS + 1, 3), (500, 3)]
)
def test_a_short_test_range_is_enlarged_at_once(rows: int, panels: int) -> None:
    assert len(draw(world(rows)).axes) == panels


def test_a_long_test_range_is_shown_as_moves_too() -> None:
    scene = world(CLEAR_SESSIONS + 1)
    figure = draw(scene)
    assert len(figure.axes) == 4
    low, high = figure.axes[1].get_ylim()
    moves = 100 * np.expm1(scene.predictions["return_actual"])
    assert low < moves.min()
    assert moves.max() < high


@pytest.mark.parametrize("horizon", [1, 5])
def test_one_horizon_is_drawn(horizon: int) -> None:
    scene = world(120, horizons=5)
    figure = draw(scene, horizon=horizon)
    expected = scene.predictions.query("horizon == @horizon")
    drawn = points_of(figure.axes[0], "_actual")[:, 1]
    np.testing.assert_array_equal(drawn, expected["close_actual"])
    assert ("5 sessions ahead" in words(figure)[0]) == (horizon == 5)


def test_rows_in_any_order_give_the_same_chart() -> None:
    scene = world(100)
    mixed = World(scene.closes[::-1], scene.ends, scene.predictions.sample(frac=1, random_state=1))
    one, other = (points_of(draw(each).axes[0], "_actual") for each in (scene, mixed))
    np.testing.assert_array_equal(one, other)


def test_a_close_that_is_not_known_yet_is_left_out_of_the_figures() -> None:
    scene = world(100)
    known = draw(World(scene.closes, scene.ends, scene.predictions.iloc[:-1]))
    table = scene.predictions.copy()
    table.loc[table.index[-1], ["close_actual", "return_actual"]] = np.nan
    figure = draw(World(scene.closes, scene.ends, table))
    for start in ("Median", "Previous", "80 %", "95 %"):
        assert legend_entry(figure, start) == legend_entry(known, start)


LEGIBLE: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
    (1, {}, {}),
    (7, {}, {"currency": "USD"}),
    (60, {}, {"details": "Run aapl-20260105-0900, five members of 48 units, trained on 4 symbols"}),
    (61, {}, {"view": "history"}),
    (250, {"level": 0.02}, {"currency": "GBp"}),
    (250, {"level": 800_000.0}, {"currency": "KRW"}),
    (250, {"level": 4e7}, {"currency": "IDR", "view": "history"}),
    (500, {"point": True}, {"currency": "EUR"}),
    (500, {"horizons": 20, "symbol": "^LONGNAME.XX"}, {"horizon": 20, "currency": "USD"}),
    (800, {}, {"currency": "USD", "details": "word " * 60}),
    (3000, {"history": 9000}, {"currency": "USD"}),
]


@pytest.mark.parametrize(("rows", "scene", "options"), LEGIBLE)
def test_no_words_touch_or_leave_the_picture(
    rows: int, scene: dict[str, Any], options: dict[str, Any]
) -> None:
    assert layout_faults(draw(world(rows, **scene), **options)) == []


def test_dollar_signs_are_just_dollar_signs() -> None:
    figure = draw(world(20, symbol="$A$B"), details="run $x_1$")
    assert words(figure)[0].startswith("$A$B: ")
    assert layout_faults(figure) == []
    assert not any(text.get_parse_math() for text in figure.texts)


def test_settings_of_matplotlib_stay_as_they_were() -> None:
    with mpl.rc_context({"font.size": 23.0, "axes.grid": False, "text.usetex": True}):
        before = dict(mpl.rcParams)
        figure = draw(world(70))
        assert dict(mpl.rcParams) == before
    # Nor do a user's settings reach the chart.
    assert {text.get_fontsize() for text in figure.texts} == {14.0, 10.0}
    assert not any(text.get_usetex() for text in figure.texts)


def test_a_symbol_must_be_named_where_there_are_several() -> None:
    one, two = world(30, symbol="AAA"), world(30, symbol="BBB")
    both = World(one.closes, one.ends, pd.concat([one.predictions, two.predictions]))
    with pytest.raises(UsageError, match="`symbol` is needed: the run has 2") as raised:
        draw(both)
    assert raised.value.hint == "choose from AAA, BBB"
    with pytest.raises(UsageError, match="`symbol` CCC is not in the run"):
        draw(both, symbol="CCC")
    assert words(draw(both, symbol="BBB"))[0].startswith("BBB:")


def test_what_cannot_be_drawn_is_said() -> None:
    scene = world(30, horizons=2)
    with pytest.raises(UsageError, match="`horizon` 7 was not forecast for ABC") as raised:
        draw(scene, horizon=7)
    assert raised.value.hint == "choose from 1, 2"
    with pytest.raises(UsageError, match="`view` sideways is not one of the views"):
        draw(scene, view=cast("View", "sideways"))
    with pytest.raises(DataError, match="`predictions` lacks origin, q025"):
        draw(World(scene.closes, scene.ends, scene.predictions.drop(columns=["origin", "q025"])))
    with pytest.raises(DataError, match="`predictions` has no rows"):
        draw(World(scene.closes, scene.ends, scene.predictions.iloc[:0]))
    with pytest.raises(DataError, match="`closes` has no known price"):
        draw(World(scene.closes * np.nan, scene.ends, scene.predictions))


def test_five_hundred_sessions_take_less_than_a_second_and_a_half_of_work() -> None:
    scene = world(500, history=3000)
    spent = []
    for _ in range(3):
        start = time.process_time()
        canvas: Any = draw(scene).canvas
        canvas.draw()
        spent.append(time.process_time() - start)
        if spent[-1] < 1.5:  # else a busy machine has another two tries
            break
    assert min(spent) < 1.5


def test_the_history_shows_forecasts_of_all_parts_and_says_what_each_held() -> None:
    scene = world(300, history=1000)
    whole = world(1250, history=50).predictions
    first = scene.predictions["date"].min()
    # The same prices, so the same forecasts, from nearly the beginning on.
    earlier = whole[whole["date"] < first]
    figure = draw(scene, view="history", earlier=earlier)
    drawn = points_of(figure.axes[0], "_earliermedian")
    np.testing.assert_array_equal(drawn[:, 0], day_numbers(earlier["date"]))
    expected = earlier["close_origin"] * np.exp(earlier["q50"])
    np.testing.assert_allclose(drawn[:, 1], expected, rtol=1e-9)
    shares = []
    for rows in (
        earlier[earlier["date"] <= scene.ends.train_end],
        earlier[earlier["date"] > scene.ends.train_end],
        scene.predictions,
    ):
        inside = (rows["return_actual"] >= rows["q025"]) & (rows["return_actual"] <= rows["q975"])
        shares.append(f"{100 * inside.mean():.1f} %")
    assert (
        f"the 95 % range contained: training {shares[0]}, validation {shares[1]}, test {shares[2]}"
        in " ".join(" ".join(words(figure)).split())
    )
    assert layout_faults(figure) == []


def test_forecasts_of_other_parts_follow_a_dividend_paid_since() -> None:
    scene = world(300, history=1000)
    whole = world(1250, history=50).predictions
    earlier = whole[whole["date"] < scene.predictions["date"].min()]
    figures = [
        forecast_chart(
            scene.predictions, factor * scene.closes, split=scene.ends, view="history",
            earlier=earlier,
        )
        for factor in (1.0, 0.97)
    ]  # fmt: skip
    drawn = [points_of(figure.axes[0], "_earliermedian") for figure in figures]
    np.testing.assert_allclose(drawn[0], drawn[1], rtol=1e-9)


def test_a_far_move_is_drawn_at_the_edge_and_counted() -> None:
    scene = world(300, history=1000)
    earlier = world(1250, history=50).predictions
    earlier = earlier[earlier["date"] < scene.predictions["date"].min()].reset_index(drop=True)
    earlier.loc[500, "close_actual"] = 3 * earlier.loc[500, "close_origin"]
    figure = draw(scene, view="history", earlier=earlier)
    assert any("beyond" in line and "drawn at the edge" in line for line in words(figure))
    assert figure.axes[1].get_ylim()[1] < 40
    assert layout_faults(figure) == []
