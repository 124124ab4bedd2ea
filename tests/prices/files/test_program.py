"""Price files on the command line: what is said, tried without storing, and remembered."""

import datetime as dt
import gzip
import io
import sys
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from lstmcast.errors import DataError, UsageError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.sources.files.options import ReadOptions

EXPORTS = Path(__file__).parent / "exports"


def fetch(path: Path, symbol: str = "AAPL", **options: str) -> PriceHistory:
    reading = ReadOptions.parse(**options)
    return get_source("csv", SourceOptions(path=path, reading=reading)).fetch(symbol)


def test_a_fetch_says_what_it_read(program: Any) -> None:
    ran = program.run("fetch", "AAPL", "--source", "csv", "--path", str(EXPORTS / "nasdaq.csv"))
    assert ran.exit_code == 0, ran.stderr
    assert (
        "\n  read: date=Date (%m/%d/%Y), open=Open, high=High, low=Low, close=Close/Last,"
        " volume=Volume; not in the file: adj_close\n"
    ) in ran.stderr
    shown = program.run("data", "show", "AAPL", "--json").json
    assert shown["details"]["read"].startswith("date=Date")


def test_a_dry_run_shows_rows_and_stores_nothing(program: Any) -> None:
    arguments = (
        "fetch",
        "AAPL",
        "--source",
        "csv",
        "--path",
        str(EXPORTS / "bse.csv"),
        "--dry-run",
    )
    ran = program.run(*arguments)
    assert ran.exit_code == 0, ran.stderr
    assert "6 sessions from 2024-06-20 to 2024-06-27, not stored" in ran.stderr
    assert "read: date=Date (%d %b %Y)" in ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ["2024-06-20", "209.93", "210.18", "207.11", "209.68", "86172451"] in lines
    assert ["2024-06-27", "214.69", "215.74", "212.35", "214.1", "49772707"] in lines
    (told,) = program.run(*arguments, "--json").json
    assert told["last_rows"][-1] == {
        "date": "2024-06-27",
        "open": 214.69,
        "high": 215.74,
        "low": 212.35,
        "close": 214.1,
        "volume": 49772707.0,
    }
    assert not program.store.entries()


def test_all_takes_every_symbol_of_a_file(program: Any) -> None:
    path = str(EXPORTS / "kaggle-long.csv")
    ran = program.run("fetch", "--all", "--source", "csv", "--path", path)
    assert ran.exit_code == 0, ran.stderr
    assert [entry.symbol for entry in program.store.entries()] == ["AAPL", "MSFT"]
    assert program.store.load("MSFT", "csv").bars["close"].iloc[0] == 445.70
    again = program.run("fetch", "MSFT", "AAPL", "--source", "csv", "--path", path)
    assert again.exit_code == 0, again.stderr
    assert again.stderr.count("nothing new, 6 sessions") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--all", "AAPL"), "`--all` and symbols were given"),
        (("--all",), "names no symbols"),
        (("AAPL", "MSFT"), "`--path` is one file, and 2 symbols were given"),
        (("MSFT", "--columns", "close"), "`--columns` is 'close'"),
    ],
)
def test_what_cannot_be_asked_of_a_file(
    arguments: tuple[str, ...], says: str, program: Any
) -> None:
    path = str(EXPORTS / "bse.csv")
    ran = program.run("fetch", *arguments, "--source", "csv", "--path", path)
    assert ran.exit_code == 2
    assert says in ran.stderr


def test_the_next_fetch_reads_the_file_in_the_same_way(program: Any, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    rows = ["date;close", "05/02/2024;9.400", "06/02/2024;9.375", "07/02/2024;9.450"]
    path.write_text("\n".join(rows))
    start = ("fetch", "BBCA.JK", "--source", "csv")
    assert program.run(*start, "--path", str(path)).exit_code == 4
    given = ("--decimal", ",", "--date-format", "%d/%m/%Y")
    assert program.run(*start, "--path", str(path), *given).exit_code == 0
    path.write_text("\n".join([*rows, "09/02/2024;9.500"]))
    for where in ((), ("--path", str(path))):
        ran = program.run(*start, *where, "--allow-gaps")
        assert ran.exit_code == 0, ran.stderr
        assert "; with --date-format %d/%m/%Y --decimal ," in ran.stderr
        assert program.store.load("BBCA.JK", "csv").bars["close"].tolist()[-2:] == [9450, 9500]
    other = program.run("fetch", "OTHER", "--source", "csv")
    assert (other.exit_code, "`--path` is missing" in other.stderr) == (2, True)


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


HEADER = ["Date", "Close", "Volume"]
ROWS = [[dt.datetime(2024, 1, 2), 1.5, 100], [dt.datetime(2024, 1, 3), 2.5, 200]]  # noqa: DTZ001


def test_the_sheet_with_prices_is_found_or_named(tmp_path: Path) -> None:
    path = tmp_path / "prices.xlsx"
    path.write_bytes(workbook({"About": [["made up"]], "Bars": [["title"], HEADER, *ROWS]}))
    assert fetch(path).bars["close"].tolist() == [1.5, 2.5]
    second = [
        [day, close, volume]
        for (day, *_), close, volume in zip(ROWS, (15, 25), (1, 2), strict=True)
    ]
    path.write_bytes(workbook({"Bars": [HEADER, *ROWS], "More bars": [HEADER, *second]}))
    with pytest.raises(DataError, match="has prices in 2 sheets: Bars, More bars") as caught:
        fetch(path)
    assert "`--sheet Bars`" in str(caught.value.hint)
    assert fetch(path, sheet="More bars").bars["close"].tolist() == [15, 25]
    with pytest.raises(UsageError, match=r"`--sheet` is 'None', and .* has 'Bars, More bars'"):
        fetch(path, sheet="None")
    path.write_bytes(workbook({"About": [["made up"]]}))
    with pytest.raises(DataError, match="has no sheet with a date and a price"):
        fetch(path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match=r"is (not a workbook|a damaged zip file)"):
        fetch(path)


def test_a_sheet_may_have_a_level_of_tickers(tmp_path: Path) -> None:
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-03"], name="Date")
    columns = pd.MultiIndex.from_product(
        [["Close", "High", "Volume"], ["AAPL", "MSFT"]], names=["Price", "Ticker"]
    )
    values = [[1.5, 11.5, 2.0, 12.0, 100, 200], [2.5, 12.5, 3.0, 13.0, 110, 210]]
    path = tmp_path / "prices.xlsx"
    pd.DataFrame(values, days, columns).to_excel(path)
    bars = fetch(path, "MSFT").bars
    assert bars["close"].tolist() == [11.5, 12.5]
    assert bars["high"].tolist() == [12, 13]
    assert bars["volume"].tolist() == [200, 210]


def test_days_that_excel_counts_are_dates(tmp_path: Path) -> None:
    path = tmp_path / "prices.xlsx"
    path.write_bytes(workbook({"Bars": [HEADER, [45293, 1.5, 100], [45294, 2.5, 200]]}))
    assert str(fetch(path).first.date()) == "2024-01-02"


def test_without_the_package_for_sheets_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(
        UsageError, match="the package that reads workbooks is not installed"
    ) as caught:
        fetch(EXPORTS / "excel.xlsx")
    assert "pip install 'lstmcast[excel]'" in str(caught.value.hint)


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"Close": [1.5, 2.5]}, index=pd.DatetimeIndex(["2024-01-02", "2024-01-03"], name="Date")
    )
    writers = {
        "AAPL.CSV": frame.to_csv().encode(),
        "packed.csv": gzip.compress(frame.to_csv().encode()),
        "INPUT.PARQUET": frame.to_parquet(),
        "parquet.csv": frame.to_parquet(),
        "sheet.txt": workbook({"Bars": [HEADER, *ROWS]}),
    }
    for name, content in writers.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert fetch(path).bars["close"].tolist() == [1.5, 2.5], name


def test_a_file_named_parquet_that_is_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "AAPL.pq"
    path.write_text("date,close\n2024-01-02,1\n")
    with pytest.raises(DataError, match="is not a Parquet file"):
        fetch(path)
