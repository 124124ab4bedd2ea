"""Tables of figures are whole on any terminal."""

import io
import re

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from lstmcast.cli import console
from lstmcast.cli.walk_tables import _strategy_table
from lstmcast.evaluation.backtest import BacktestReport
from lstmcast.evaluation.backtest.strategies import Performance
from lstmcast.prices.digits import decimals_for, in_digits


def test_zero_has_no_sign_in_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """What rounds to nothing is no loss."""
    assert console.number(-0.00004) == "0.0000"
    rule = Performance("sign", -4e-4, 0.2, -1e-3, 0.58, -4e-4, 0.04, 0.35, 42.5, 0.6)
    report = BacktestReport(None, [], pd.Series(dtype=float), [rule], 5.0, 1)  # type: ignore[arg-type] # not printed
    console.out().print(_strategy_table(report))
    shown = capsys.readouterr().out
    assert "-0.0" not in shown
    assert re.search(r"sign +0\.0%", shown)
    assert " 0.00±0.58" in shown


@pytest.mark.parametrize("columns", [20, 120])
def test_a_narrow_terminal_cuts_no_number(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(console, "out", lambda: Console(file=stream, width=columns))
    table = console.figures("Losses", "a caption that is longer than the table is wide")
    for name in ("forecaster", "log score", "CRPS"):
        table.add_column(name, justify="right")
    table.add_row("HAR on log range, t", "1.70360", "0.82410")
    console.print_table(table)
    assert "HAR on log range, t    1.70360  0.82410" in stream.getvalue()


def forecast_like(level: float, share: float) -> Table:
    """A table as `forecast` prints it, in prices of some size."""
    decimals = decimals_for([level * share], [level])
    price = in_digits(level, decimals)
    table = console.figures("AAA: from the close", "? a caption")
    for name in ("date", "median", "50 %", "80 %", "95 %", "chance\nup"):
        table.add_column(name, justify="left" if name == "date" else "right")
    for day in (1, 2):
        ranges = [f"{price}\N{EN DASH}{price}"] * 3
        table.add_row(f"Thu 2026-01-0{day} ?", price, *ranges, "49.3%")
    return table


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize(
    ("level", "share"),
    [(100_000.0, 0.02), (1234.5, 0.01), (999.9, 0.01), (0.00001234, 0.01), (1.0, 3e-4), (2e9, 0.1)],
)
def test_a_table_that_is_too_wide_goes_on_below(
    monkeypatch: pytest.MonkeyPatch, columns: int, level: float, share: float
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(console, "out", lambda: Console(file=stream, width=columns))
    table = forecast_like(level, share)
    cells = [cell for column in table.columns for cell in column.cells]
    console.print_table(table)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[0] == "AAA: from the close"
    assert lines[-1] == "? a caption"
    for cell in map(str, cells):
        assert re.search(rf"(^|\s){re.escape(cell)}(\s|$)", stream.getvalue()), cell
    blocks = "\n".join(lines[1:]).split("\n\n")
    if columns == 80:
        assert len(blocks) == {0.00001234: 2, 2e9: 2}.get(level, 1)
    for block in blocks:
        assert [line.startswith("Thu 2026-01-0") for line in block.splitlines()].count(True) == 2
