"""Tables of figures are whole on any terminal."""

import io

import pytest
from rich.console import Console

from lstmcast.cli import console


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
