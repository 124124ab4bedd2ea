"""What `benchmarks/simulator.py` reads and says of simulated and real series."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from simulator import RealSeries, outside, print_markdown, print_table
from support.histories import as_history, simulated_bars


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stocks listed at other times, and one of closes alone."""
    path = tmp_path_factory.mktemp("prices")
    for symbol, first in (("AAA", "2001-01-02"), ("BBB", "2002-06-03")):
        simulated_bars(1, 900, first=first).to_csv(path / f"{symbol}.csv")
    simulated_bars(3, 900)[["close"]].to_csv(path / "CCC.csv")
    (path / "notes.txt").write_text("not prices")
    return path


def test_real_series_end_with_training(folder: Path) -> None:
    read = RealSeries.parse(f"{folder}:2004-12-31")
    assert list(read.bars) == ["AAA", "BBB", "CCC"]
    assert max(bars.index[-1] for bars in read.bars.values()) <= pd.Timestamp("2004-12-31")
    facts = read.facts()
    assert list(facts.index) == ["AAA", "BBB", "CCC"]
    assert facts.loc[["AAA", "BBB"]].notna().all(axis=None)
    lacking = {name for name in facts if facts[name].isna()["CCC"]}
    assert lacking >= {"range_to_return", "overnight", "volume"}
    assert read.neighbour_facts().notna().all(axis=None)


def test_one_symbol_has_no_neighbours(folder: Path) -> None:
    read = RealSeries.parse(f"{folder}:2004-12-31:AAA")
    assert list(read.bars) == ["AAA"]
    assert read.neighbour_facts().isna().all(axis=None)
    assert list(RealSeries.parse(f"{folder}:BBB").bars) == ["BBB"]


def test_prices_are_adjusted_for_splits() -> None:
    bars = simulated_bars(1, 300)
    split = bars.copy()
    split.loc[split.index[150] :, ["open", "high", "low", "close"]] /= 2  # adj_close stays
    whole, halved = (
        RealSeries.of("x", [as_history(each)], date(2030, 1, 1)) for each in (bars, split)
    )
    names = ["kurtosis", "memory_1", "range_to_return", "overnight"]
    pd.testing.assert_frame_equal(halved.facts()[names], whole.facts()[names])


def test_what_is_not_covered_is_named_with_its_side(capsys: pytest.CaptureFixture[str]) -> None:
    simulated = pd.DataFrame({"a": range(101), "b": range(101)}, dtype=float)
    real = pd.DataFrame({"a": [2.0, 50.0, 99.0], "b": [50.0, None, 60.0]}, index=["X", "Y", "Z"])
    assert outside(simulated, real) == ["a: 2 of 3 outside (X below, Z above)"]
    print_table("prices", simulated, real)
    rows = capsys.readouterr().out.splitlines()
    assert rows[-2].split()[:6] == ["a", "5.000", "25.000", "50.000", "75.000", "95.000"]
    assert rows[-2].split()[-3:] == ["2.000*", "50.000", "99.000*"]
    assert rows[-1].split()[-3:] == ["50.000", "-", "60.000"]
    print_markdown([(simulated, {"prices": real, "one": real.iloc[2:]})])
    rows = capsys.readouterr().out.splitlines()
    assert rows[-2].endswith("| 2.000 to 99.000 (2 of 3 outside) | 99.000 (outside) |")
    assert rows[-1].endswith("| 50.000 to 60.000 | 60.000 |")
