"""Charts of a search: what they show, and that no two texts touch."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.charts import layout_faults, points_of, words

from lstmcast.errors import DataError
from lstmcast.plots import tuning_history_chart, tuning_importance_chart


def trials(losses: list[float | None], states: list[str] | None = None) -> pd.DataFrame:
    found = states or ["complete" if loss is not None else "pruned" for loss in losses]
    return pd.DataFrame({"number": range(len(losses)), "state": found, "loss": losses})


def test_the_history_shows_every_trial_and_the_lowest_so_far() -> None:
    figure = tuning_history_chart(trials([2.0, None, 1.9, 1.95, 1.8]), start=1.98, details="study")
    axes = figure.axes[0]
    np.testing.assert_array_equal(
        points_of(axes, "_trials"), [[0, 2.0], [2, 1.9], [3, 1.95], [4, 1.8]]
    )
    np.testing.assert_array_equal(points_of(axes, "_best")[:, 1], [1.98, 1.98, 1.9, 1.9, 1.8])
    np.testing.assert_array_equal(points_of(axes, "_gone")[:, 0], [1])
    assert "Pruned or failed: 1" in words(figure)
    assert "Starting configuration: 1.980" in words(figure)
    assert layout_faults(figure) == []


def test_a_hopeless_trial_does_not_press_the_others_into_a_line() -> None:
    losses = [2.0 + 0.01 * k for k in range(20)]
    figure = tuning_history_chart(trials([*losses, 90.0]), start=None)
    axes = figure.axes[0]
    assert axes.get_ylim()[1] < 3
    np.testing.assert_array_equal(points_of(axes, "_above")[:, 0], [20])
    assert layout_faults(figure) == []


@pytest.mark.parametrize("losses", [[1.5], [1.5, 1.5], [None, 1.5]])
def test_few_trials_make_a_chart(losses: list[float | None]) -> None:
    assert layout_faults(tuning_history_chart(trials(losses), start=1.5)) == []


def test_a_chart_of_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="none that is complete"):
        tuning_history_chart(trials([None, None]))
    with pytest.raises(DataError, match="lacks loss"):
        tuning_history_chart(trials([1.0]).drop(columns="loss"))
    with pytest.raises(DataError, match="`importances` is empty"):
        tuning_importance_chart({})


def test_importances_fall_and_name_their_keys() -> None:
    shares = {"model.dropout": 0.1, "training.learning_rate": 0.7, "training.weight_decay": 0.2}
    figure = tuning_importance_chart(shares, details="study tune-aapl")
    patches: list[Any] = list(figure.axes[0].patches)
    bars = sorted(patches, key=lambda bar: -bar.get_y())
    assert [round(bar.get_width(), 3) for bar in bars] == [0.7, 0.2, 0.1]
    named = [text for text in words(figure) if "." in text]
    assert named[:3] == [
        "training.learning_rate  70%", "training.weight_decay  20%", "model.dropout  10%",
    ]  # fmt: skip
    assert layout_faults(figure) == []


def test_one_key_alone_has_room() -> None:
    assert layout_faults(tuning_importance_chart({"training.learning_rate": 1.0})) == []
