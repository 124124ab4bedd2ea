"""Forecasters made apart, beside one another: on the rows that all share, and no others."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.histories import as_history, simulated, simulated_bars
from support.runs import forecasts

from lstmcast.errors import RunError
from lstmcast.evaluation.comparison import daily_means
from lstmcast.evaluation.paired_comparison import compare_tables
from lstmcast.evaluation.scores import ByHorizon, row_losses, score_table
from lstmcast.evaluation.significance import diebold_mariano, holm
from lstmcast.predictions import QUANTILES

# Unlike symbols: other first days and lengths, and BBB lacks a month in the middle of the test.
GAPPED = simulated_bars(2, 700, first="2001-03-05")
HISTORIES = (
    simulated(1, 620),
    as_history(GAPPED.drop(GAPPED.index[640:660]), "BBB"),
)


def table(scale: float, first: int = 500, horizons: int = 2) -> pd.DataFrame:
    return forecasts(HISTORIES, first=first, scale=scale, horizons=horizons)


def plain(scores: ByHorizon) -> dict[int, dict[str, Any]]:
    """Scores with null for NaN, which is not itself."""
    return {horizon: part.to_dict() for horizon, part in scores.items()}


def test_scores_are_those_of_the_shared_rows_alone() -> None:
    wide, narrow = table(0.012), table(0.009, first=540, horizons=3)
    found = compare_tables({"wide": wide, "narrow": narrow})
    shared = narrow[narrow["horizon"] <= 2]
    assert found.horizons == [1, 2]
    assert found.rows == {
        str(symbol): len(part) for symbol, part in shared.groupby("symbol", sort=True)
    }
    pooled, symbols = score_table(shared)
    assert plain(found.scores["narrow"]) == plain(pooled)
    for symbol in ("AAA", "BBB"):
        assert plain(found.symbols["narrow"][symbol]) == plain(symbols[symbol])
    assert found.days == shared.loc[shared["horizon"] == 1, "date"].nunique()
    assert (found.first, found.last) == (str(shared["date"].min())[:10], "2003-11-07")


def test_the_test_is_of_daily_means_paired_by_date() -> None:
    """Against the same in a few lines, with the rows of the second in another order."""
    one, other = table(0.012), table(0.02).sample(frac=1, random_state=3)
    found = compare_tables({"one": one, "other": other}).differences["other"]
    for horizon in (1, 2):
        losses = [row_losses(part)[["symbol", "horizon", "date", "crps"]] for part in (other, one)]
        days = [daily_means(part)[horizon]["crps"] for part in losses]
        expected = diebold_mariano((days[0] - days[1]).to_numpy(), horizon)
        assert found[horizon].test == expected
        assert found[horizon].p_holm == expected.p_value
        assert found[horizon].ranges.skill == pytest.approx(1 - days[0].mean() / days[1].mean())


def test_p_values_of_several_are_adjusted() -> None:
    tables = {"a": table(0.012), "b": table(0.0121), "c": table(0.013), "d": table(0.0115)}
    found = compare_tables(tables).differences
    assert list(found) == ["b", "c", "d"]
    raw = {name: part[1].test.p_value for name, part in found.items()}
    assert {name: part[1].p_holm for name, part in found.items()} == holm(raw)


def test_a_forecaster_is_level_with_itself() -> None:
    found = compare_tables({"a": table(0.01), "b": table(0.01)}).differences["b"][1]
    assert (found.test.mean, found.p_holm, found.ranges.skill) == (0.0, 1.0, 0.0)


def test_point_forecasts_are_tested_by_their_squared_error() -> None:
    point = table(0.01)
    lacking = [name for name in QUANTILES if name != "q50"]
    point[[*lacking, "log_density"]] = np.nan
    point["q50"] = 0.001
    found = compare_tables({"ranges": table(0.01), "point": point}).differences["point"][1]
    assert found.ranges.crps is None
    assert found.test == found.square
    assert np.isfinite(found.p_holm)


def test_rows_with_other_outcomes_are_left_out() -> None:
    """A source that pays a dividend later moves one month's returns; rounding moves none."""
    before, after = table(0.012), table(0.009)
    month = after["date"].between("2003-01-01", "2003-01-31")
    after.loc[month, "return_actual"] += 0.004
    after["return_actual"] += 1e-9
    found = compare_tables({"before": before, "after": after})
    assert found.revised == month.sum() > 0
    assert sum(found.rows.values()) == len(before) - month.sum()
    assert plain(found.scores["before"]) == plain(score_table(before[~month.to_numpy()])[0])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            table(0.01).assign(symbol="ZZZ"),
            r"one and other have no symbols in common \(one: AAA, BBB; other: ZZZ\)",
        ),
        (
            table(0.01).assign(horizon=lambda t: t["horizon"] + 5),
            r"one and other have no horizons in common \(one: 1, 2; other: 6, 7\)",
        ),
        (
            table(0.01).assign(
                origin=lambda t: t["origin"] + pd.DateOffset(years=20),
                date=lambda t: t["date"] + pd.DateOffset(years=20),
            ),
            r"have no test day of a symbol in common \(one: 2002-12-03 to .*; other: 2022-12-03",
        ),
        (
            table(0.01).assign(return_actual=lambda t: t["return_actual"] + 0.1),
            r"none of the .* rows that one and other share has the same outcome",
        ),
        (table(0.01).iloc[:0], r"other has no test forecast that came true"),
    ],
    ids=["symbols", "horizons", "days", "outcomes", "empty"],
)
def test_tables_that_share_nothing_are_told_why(other: pd.DataFrame, words: str) -> None:
    with pytest.raises(RunError, match=words):
        compare_tables({"one": table(0.01), "other": other})
