"""The prediction table: its columns, its rows and the errors of reading one."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy import stats
from support.simulated import constant_t, points, random_walk

from lstmcast.errors import RunError
from lstmcast.predictions import (
    COLUMNS,
    LEVELS,
    QUANTILES,
    Actuals,
    is_point,
    read_by_symbol,
    read_predictions,
    reading,
    tabulate,
    write_predictions,
    writing,
)


def actuals(rows: int = 12) -> Actuals:
    bars = random_walk(1, rows=rows - 1)
    return Actuals("X", pd.DatetimeIndex(bars.index), bars["close"].to_numpy())


def test_levels_and_columns_are_the_contract() -> None:
    assert len(LEVELS) == len(QUANTILES) == 21
    assert QUANTILES[:3] == ("q025", "q05", "q10")
    assert QUANTILES[-3:] == ("q90", "q95", "q975")
    assert [float(f"0.{name[1:]}") for name in QUANTILES] == list(LEVELS)
    assert COLUMNS[:7] == (
        "symbol", "origin", "date", "horizon", "close_origin", "close_actual", "return_actual",
    )  # fmt: skip
    assert COLUMNS[-2:] == ("mean", "log_density")


def test_rows_are_every_origin_and_horizon_whose_truth_is_known() -> None:
    truth = actuals(12)
    origins = np.array([7, 8, 9, 10, 11])
    table = tabulate(truth, origins, constant_t(5, 3))
    known = [(o, h) for o in origins for h in (1, 2, 3) if o + h < 12]
    assert list(zip(table["origin"], table["horizon"], strict=True)) == [
        (truth.dates[o], h) for o, h in known
    ]
    assert list(table["date"]) == [truth.dates[o + h] for o, h in known]
    np.testing.assert_array_equal(table["close_actual"], [truth.closes[o + h] for o, h in known])
    np.testing.assert_allclose(
        table["return_actual"], np.log(table["close_actual"] / table["close_origin"]), atol=1e-15
    )
    assert tuple(table.columns) == COLUMNS


def test_figures_are_the_distributions() -> None:
    table = tabulate(actuals(), np.array([5, 6]), constant_t(2, df=4.0, loc=0.001, scale=0.02))
    np.testing.assert_allclose(table["q025"], stats.t.ppf(0.025, 4, 0.001, 0.02), rtol=1e-9)
    np.testing.assert_allclose(
        table["log_density"], stats.t.logpdf(table["return_actual"], 4, 0.001, 0.02), rtol=1e-9
    )
    np.testing.assert_allclose(table["mean"], 0.001)
    assert not is_point(table)


def test_a_point_forecast_states_the_median_alone() -> None:
    table = tabulate(actuals(), np.array([5, 6]), points(2, value=0.003))
    assert is_point(table)
    np.testing.assert_allclose(table["q50"], 0.003)
    assert table["log_density"].isna().all()


def test_round_trip_through_parquet(tmp_path: Path) -> None:
    table = tabulate(actuals(), np.array([5, 6]), constant_t(2))
    path = tmp_path / "predictions.parquet"
    table.to_parquet(path)
    pd.testing.assert_frame_equal(read_predictions(path), table, check_dtype=False)


def test_reading_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    with pytest.raises(RunError, match=r"`predictions.parquet` is missing"):
        read_predictions(path)
    path.write_bytes(b"not parquet")
    with pytest.raises(RunError, match="cannot be read"):
        read_predictions(path)
    pd.DataFrame({"symbol": ["X"]}).to_parquet(path)
    with pytest.raises(RunError, match="lacks origin, date, horizon"):
        read_predictions(path)


def test_a_table_written_in_parts_is_that_of_pandas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [tabulate(actuals(), np.array([5 + k, 6 + k]), constant_t(2)) for k in range(3)]
    whole, path = pd.concat(tables, ignore_index=True), tmp_path / "predictions.parquet"
    whole.to_parquet(tmp_path / "pandas.parquet", index=False)
    write_predictions(iter(tables), path)
    assert path.read_bytes() == (tmp_path / "pandas.parquet").read_bytes()
    monkeypatch.setattr(writing, "GROUP_ROWS", len(tables[0]) + 1)
    write_predictions(iter(tables), path)
    assert pq.ParquetFile(path).num_row_groups == 2
    pd.testing.assert_frame_equal(pd.read_parquet(path), whole)


def test_writing_takes_the_memory_of_a_group_of_rows_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = tabulate(actuals(502), np.arange(500), constant_t(500))
    monkeypatch.setattr(writing, "GROUP_ROWS", 10_000)
    path = tmp_path / "predictions.parquet"
    write_predictions([one], path)
    tracemalloc.start()
    write_predictions((one.copy() for _ in range(25)), path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pq.ParquetFile(path).num_row_groups == 2
    assert peak < 1.4 * 10_000 * one.memory_usage(index=False).sum() / len(one)


def test_tables_without_rows_are_left_out(tmp_path: Path) -> None:
    """A symbol of which no outcome is known has none, wherever it comes."""
    table, path = tabulate(actuals(), np.array([5, 6]), constant_t(2)), tmp_path / "p.parquet"
    write_predictions([table[:0], table, table[:0]], path)
    pd.testing.assert_frame_equal(read_predictions(path), table)
    write_predictions([table[:0]], path)
    assert pd.read_parquet(path).empty


def test_reading_by_symbol_is_reading_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a group of rows ends, and with the same faults told."""
    tables = [
        tabulate(replace(actuals(), symbol=name), np.arange(2, 2 + count), constant_t(count))
        for name, count in (("X", 3), ("A", 1), ("M", 4))
    ]
    path = tmp_path / "predictions.parquet"
    halves = [half for table in tables for half in (table[:1], table[1:])]
    monkeypatch.setattr(writing, "GROUP_ROWS", 2)
    write_predictions(halves, path)
    found: dict[str, pd.DataFrame] = {}
    read_by_symbol(path, found.__setitem__)
    assert list(found) == ["X", "A", "M"]
    pd.testing.assert_frame_equal(pd.concat(found.values()), read_predictions(path))
    with monkeypatch.context() as few:
        few.setattr(reading, "MAX_ROWS", 3)
        for name, rows in found.items():
            pd.testing.assert_frame_equal(read_predictions(path, name), rows)
        assert read_predictions(path, "B").empty
        with pytest.raises(RunError, match=r"has 8 rows, and 3 at most are read at once"):
            read_predictions(path)
    write_predictions([tables[0], tables[1], tables[0]], path)
    with pytest.raises(RunError, match="the rows of X lie apart"):
        read_by_symbol(path, found.__setitem__)
    write_predictions([tables[2][:3], tables[2][2:]], path)
    with pytest.raises(RunError, match="an origin is there twice"):
        read_by_symbol(path, found.__setitem__)
    path.write_bytes(b"not parquet")
    with pytest.raises(RunError, match="cannot be read"):
        read_by_symbol(path, found.__setitem__)
