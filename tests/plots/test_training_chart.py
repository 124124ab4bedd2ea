"""The training chart: every member's losses, and the epoch whose weights were kept."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support.charts import has_artist, layout_faults, words

from lstmcast.errors import DataError
from lstmcast.plots import training_chart


def history(members: int, epochs: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {
            "member": member,
            "epoch": epoch,
            "train_loss": 1.7 + np.exp(-epoch / 4) + 0.01 * rng.standard_normal(),
            "validation_loss": 1.72 + np.exp(-epoch / 3) + 0.003 * (epoch - 7 + member) ** 2,
        }
        for member in range(members)
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows)


def lines(figure: Figure, label: str) -> list[np.ndarray]:
    found = [line for line in figure.axes[0].lines if line.get_label() == label]
    return [np.asarray(line.get_xydata()) for line in found]


@pytest.mark.parametrize("members", [1, 3])
def test_the_curves_are_the_tables_and_the_mark_is_the_lowest_validation_loss(members: int) -> None:
    table = history(members)
    figure = training_chart(table.sample(frac=1, random_state=0))
    for member in range(members):
        rows = table[table["member"] == member]
        np.testing.assert_array_equal(
            lines(figure, "_training")[member], rows[["epoch", "train_loss"]]
        )
        np.testing.assert_array_equal(
            lines(figure, "_validation")[member], rows[["epoch", "validation_loss"]]
        )
        best = rows.sort_values("validation_loss").iloc[0]
        np.testing.assert_array_equal(
            lines(figure, "_best")[member], [[best["epoch"], best["validation_loss"]]]
        )
        entry = f"Member {member}: epoch {best['epoch']:.0f}, loss {best['validation_loss']:.3f}"
        assert entry in words(figure)


def test_the_mark_is_at_the_kept_epoch_where_the_table_says_which() -> None:
    """A gain too small to count leaves an earlier epoch's weights in place."""
    table = history(2)
    table["kept"] = table["epoch"] == 3 + table["member"]
    figure = training_chart(table)
    for member in range(2):
        loss = table["validation_loss"][(table["member"] == member) & table["kept"]]
        np.testing.assert_array_equal(lines(figure, "_best")[member], [[3 + member, loss.iloc[0]]])
        entry = f"Member {member}: epoch {3 + member}, loss {loss.iloc[0]:.3f}"
        assert entry in words(figure)


def test_members_differ_in_more_than_their_colour() -> None:
    figure = training_chart(history(8))
    marks = [line.get_marker() for line in figure.axes[0].lines if line.get_label() == "_best"]
    assert len(set(marks)) == 8


def test_without_validation_nothing_is_marked() -> None:
    figure = training_chart(history(2).assign(validation_loss=None))
    assert not has_artist(figure.axes[0], "_best")
    assert "Member 0: no validation" in words(figure)


def test_the_learning_rate_has_a_panel_of_its_own_with_the_kept_epoch() -> None:
    table = history(2)
    table["learning_rate"] = 1e-3 * (1 + table["member"]) / table["epoch"]
    rates = training_chart(table, details="Run abc").axes[1]
    for member in range(2):
        rows = table[table["member"] == member]
        (drawn, kept) = (
            [np.asarray(x.get_xydata()) for x in rates.lines if x.get_label() == label][member]
            for label in ("_rate", "_kept rate")
        )
        np.testing.assert_array_equal(drawn, rows[["epoch", "learning_rate"]])
        best = rows.sort_values("validation_loss").iloc[0]
        np.testing.assert_array_equal(kept, [[best["epoch"], best["learning_rate"]]])
    assert layout_faults(training_chart(table, details="Run abc")) == []


def test_one_epoch_is_visible() -> None:
    figure = training_chart(history(1, epochs=1))
    line = next(line for line in figure.axes[0].lines if line.get_label() == "_training")
    assert line.get_marker() == "."


@pytest.mark.parametrize(("members", "epochs"), [(1, 1), (2, 5), (5, 40), (12, 300)])
def test_no_words_touch_or_leave_the_picture(members: int, epochs: int) -> None:
    assert layout_faults(training_chart(history(members, epochs), details="Run abc")) == []


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(DataError, match="`history` lacks epoch"):
        training_chart(history(1).drop(columns="epoch"))
    with pytest.raises(DataError, match="`history` has no rows"):
        training_chart(history(1).iloc[:0])
