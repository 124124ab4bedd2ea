"""Files that leave something open: what is refused, and the option that is named does read them."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from lstmcast.errors import DataError, LstmcastError, SymbolNotFoundError, UsageError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.sources.files.date_cells import Days, read_form, read_iso
from lstmcast.prices.sources.files.date_forms import FORMS
from lstmcast.prices.sources.files.options import ReadOptions


def fetch(path: Path, options: str = "", symbol: str = "AAPL") -> PriceHistory:
    words = shlex.split(options)
    given = {
        name.removeprefix("--").replace("-", "_"): value
        for name, value in zip(words[::2], words[1::2], strict=True)
    }
    reading = ReadOptions.parse(**given)
    return get_source("csv", SourceOptions(path=path, reading=reading)).fetch(symbol)


CASES: dict[str, tuple[str, str, str, str]] = {
    # name: (text, what the error says, an option in its hint, the options that read the file)
    "every price may be thousands": (
        "date;close\n2024-01-02;9.400\n2024-01-03;9.375\n",
        "'9.400' and '9.375' in every row, which can be 9.4 or 9400",
        "`--decimal .` reads 9.4, `--decimal ,` reads 9400",
        "--decimal ,",
    ),
    "every price may be thousands, of a comma": (
        'date,close\n2024-01-02,"9,400"\n2024-01-03,"9,375"\n',
        "which can be 9400 or 9.4",
        "`--decimal .` reads 9400, `--decimal ,` reads 9.4",
        "--decimal .",
    ),
    "every volume may be thousands": (
        "date,close,volume\n2024-01-02,2,1.000\n2024-01-03,3,2.000\n",
        "'1.000' and '2.000' in every row, which can be 1 or 1000",
        "`--decimal .` reads 1, `--decimal ,` reads 1000",
        "--decimal ,",
    ),
    "day and month may change places": (
        "date,close\n05/01/2021,1.5\n06/02/2021,2.5\n",
        "`date` is '05/01/2021', which can be %m/%d/%Y or %d/%m/%Y in every row",
        "`--date-format %m/%d/%Y` reads 2021-05-01, `--date-format %d/%m/%Y` reads 2021-01-05",
        "--date-format %d/%m/%Y",
    ),
    "day and month, with hyphens": (
        "date,close\n05-01-2021,1.5\n06-02-2021,2.5\n",
        "which can be %m-%d-%Y or %d-%m-%Y",
        "`--date-format %d-%m-%Y` reads 2021-01-05",
        "--date-format %d-%m-%Y",
    ),
    "two-digit years": (
        "date,close\n01/02/03,1.5\n04/05/06,2.5\n",
        "which can be %m/%d/%y or %d/%m/%y or %y/%m/%d",
        "`--date-format %y/%m/%d` reads 2001-02-03",
        "--date-format %y/%m/%d",
    ),
    "dates that nobody writes so": (
        "date,close\n2021|W02,1.5\n2021|W03,2.5\n",
        "line 2: `date` is '2021|W02', not a date",
        "`--date-format %d.%m.%Y`",
        "",
    ),
    "dates of years and days": (
        "date,close\n2021-154,1.5\n2021-155,2.5\n",
        "`date` is '2021-154', not a date",
        "`--date-format",
        "--date-format %Y-%j",
    ),
    "one date in another form": (
        "date,close\n2024-01-02,1.5\n01/03/2024,2.5\n",
        "line 3: `date` is '01/03/2024', not a date",
        "say how dates are written as '2024-01-02' is",
        "",
    ),
    "a day that there is not": (
        "date,close\n2024-02-28,1.5\n2024-02-30,2.5\n",
        "line 3: `date` is '2024-02-30', not a date",
        "correct the line",
        "",
    ),
    "two columns of closes": (
        "date,close,Close Price\n2024-01-02,1.5,2.5\n",
        "more than one column for `close`: 'close' and 'Close Price'",
        "`--columns close=close` or `--columns close='Close Price'`",
        "--columns 'close=Close Price'",
    ),
    "a name that comes twice": (
        "date,Close,Close.1\n2024-01-02,1.5,2.5\n",
        "more than one column for `close`: 'Close' and 'Close.1'",
        "`--columns close=Close.1`",
        "--columns close=Close.1",
    ),
    "price and last, and no close": (
        "date,price,last\n2024-01-02,1.5,2.5\n",
        "more than one column for `close`: 'price' and 'last'",
        "`--columns close=price` or `--columns close=last`",
        "--columns close=last",
    ),
    "two columns of volumes": (
        "date,close,volume,vol\n2024-01-02,1.5,100,200\n",
        "more than one column for `volume`: 'volume' and 'vol'",
        "`--columns volume=volume` or `--columns volume=vol`",
        "--columns volume=vol",
    ),
    "no close": (
        "date,open,worth\n2024-01-02,1.5,2.5\n",
        "has no column `close` among 'date, open, worth'",
        "`--columns close=worth`",
        "--columns close=worth",
    ),
    "no date": (
        "moment,close\nfirst,1.5\nsecond,2.5\n",
        "has no column `date` among 'moment, close'",
        "`--columns date=moment`",
        "",
    ),
    "columns that are numbered": (
        "Date,0,1,2,3,4\n2024-01-02,10,12,9,11,500\n2024-01-03,11,12,10,11.5,400\n",
        "has no column `close` among 'Date, 0, 1, 2, 3, 4'",
        "`--columns open=0,high=1,low=2,close=3,volume=4`",
        "--columns open=0,high=1,low=2,close=3,volume=4",
    ),
    "no header": (
        "2024-01-02,10,12,9,11,500\n2024-01-03,11,12,10,11.5,400\n",
        "has no header, and 6 columns can be in any order",
        "`--columns date=1,open=2,high=3,low=4,close=5,volume=6`",
        "--columns date=1,open=2,high=3,low=4,close=5,volume=6",
    ),
    "no header, two columns": (
        "2024-01-02;10,5\n2024-01-03;11,5\n",
        "has no header, and 2 columns can be in any order",
        "`--columns date=1,close=2`",
        "--columns date=1,close=2",
    ),
    "another symbol in a column": (
        "date,close,Name\n2024-01-02,1.5,MSFT\n2024-01-03,2.5,MSFT\n",
        "holds MSFT, not AAPL",
        "read it as AAPL with `--columns symbol=-`",
        "--columns symbol=-",
    ),
    "another pair in a column": (
        "date,close,symbol\n2024-01-02,1.5,BTC/USD\n2024-01-03,2.5,BTC/USD\n",
        "holds BTC/USD, not AAPL",
        "fetch BTC-USD, or read it as AAPL",
        "--columns symbol=-",
    ),
    "a name that cannot be a ticker": (
        "date,close,symbol\n2024-01-02,1.5,Müller US\n2024-01-03,2.5,Müller US\n",
        "holds Müller US, not AAPL",
        "read it as AAPL with `--columns symbol=-`",
        "--columns symbol=-",
    ),
    "another symbol in a header": (
        "Date,MSFT\n2024-01-02,1.5\n2024-01-03,2.5\n",
        "holds MSFT, not AAPL",
        "`--columns close=MSFT`",
        "--columns close=MSFT",
    ),
    "other symbols in a column": (
        "date,close,Name\n2024-01-02,1.5,MSFT\n2024-01-02,2.5,IBM\n",
        "holds 2 symbols, and none is AAPL: MSFT, IBM",
        "every symbol of the file with `--all`",
        "",
    ),
    "other symbols in the header": (
        "Date,MSFT,IBM\n2024-01-02,1.5,2.5\n2024-01-03,1.5,2.5\n",
        "holds 2 symbols, and none is AAPL: MSFT, IBM",
        "every symbol of the file with `--all`",
        "--columns close=IBM",
    ),
    "bid and ask": (
        "Date,Bid Close,Ask Close\n2024-01-02,1.5,2.5\n2024-01-03,1.5,2.5\n",
        "has no column `close` among 'Date, Bid Close, Ask Close'",
        "`--columns close='Bid Close'`",
        "--columns 'close=Bid Close'",
    ),
    "two that could be the one": (
        "date,close,ticker\n2024-01-02,1.5,AAPL.O\n2024-01-02,2.5,AAPL.US\n",
        "holds 2 symbols, of which AAPL.O and AAPL.US could each be AAPL",
        "fetch one of these names",
        "",
    ),
    "a listing elsewhere": (
        "date,close,ticker\n2024-01-02,1.5,AAPL.L\n2024-01-03,2.5,AAPL.L\n",
        "holds AAPL.L, not AAPL.DE",
        "fetch AAPL.L",
        "--columns symbol=-",
    ),
    "a price that is no number": (
        "date,close\n2024-01-02,1.5\n2024-01-03,halted\n",
        "line 3: `close` is 'halted' on 2024-01-03, not a number",
        "correct it",
        "",
    ),
    "a volume that is no number": (
        "date,close,volume\n2024-01-02,1.5,12 or so\n2024-01-03,2.5,3\n",
        "line 2: `volume` is '12 or so' on 2024-01-02, not a number",
        "leave the column out with `--columns volume=-`",
        "--columns volume=-",
    ),
    "marks of two kinds": (
        "date;open;close\n2024-01-02;1.25;1,50\n2024-01-03;1.35;1,60\n",
        "`close` is '1,50' on 2024-01-02, not a number (and in 1 more row)",
        "name the column of closes, as in `--columns close=NAME`",
        "--columns close=open",
    ),
    "a decimal comma between commas": (
        "date,close\n2024-01-02,129,98\n2024-01-03,130,15\n",
        "line 2 has 3 cells, its header 2",
        "quote any cell that contains the delimiter",
        "",
    ),
    "a row with too many cells": (
        "date,close\n2024-01-02,1.5\n2024-01-03,2.5,7\n",
        "line 3 has 3 cells, its header 2",
        "correct the line",
        "",
    ),
    "JSON": ('{"date": "2024-01-02", "close": 1.5}\n', "is JSON without a table", "CSV", ""),
    "HTML": ("<html><table><tr><td>1</td></tr></table></html>", "is HTML", "CSV", ""),
    "an empty file": ("", "is empty", "date and close", ""),
    "a sentence": ("nothing to see here\n", "is not a CSV file", "date and close", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_open_is_refused_with_the_option_that_reads_it(name: str, tmp_path: Path) -> None:
    text, says, hint, options = CASES[name]
    path = tmp_path / "prices.csv"
    path.write_text(text, encoding="utf-8")
    symbol = "AAPL.DE" if "AAPL.DE" in says else "AAPL"
    with pytest.raises((DataError, SymbolNotFoundError), match=re.escape(says)) as caught:
        fetch(path, symbol=symbol)
    assert hint in str(caught.value.hint)
    assert "\n" not in caught.value.message
    if options:
        history = fetch(path, options, symbol)
        assert len(history) == len(text.splitlines()) - ("no header" not in name)
        assert history.details["options"] == ReadOptions.parse(**_pairs(options)).written()


def _pairs(options: str) -> dict[str, str]:
    words = shlex.split(options)
    names = (word.removeprefix("--").replace("-", "_") for word in words[::2])
    return dict(zip(names, words[1::2], strict=True))


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 25


def test_options_read_what_they_say(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date;close\n05/01/2021;9.400\n06/01/2021;9.375\n07/01/2021;9.400\n")
    history = fetch(path, "--decimal , --date-format %d/%m/%Y")
    assert history.bars["close"].tolist() == [9400, 9375, 9400]
    assert str(history.first.date()) == "2021-01-05"
    assert fetch(path, "--decimal .").bars["close"].tolist() == [9.4, 9.375, 9.4]


def test_other_columns_tell_what_prices_leave_open(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date;close;change\n2024-01-02;9.400;0,27%\n2024-01-03;9.375;-0,79%\n")
    history = fetch(path)
    assert history.bars["close"].tolist() == [9400, 9375]
    (finding,) = history.findings
    assert finding.message == "numbers have a decimal comma: other columns show a decimal comma"
    path.write_text("date;close;change\n2024-01-02;9.400;0.27%\n2024-01-03;9.375;-0.79%\n")
    assert fetch(path).bars["close"].tolist() == [9.4, 9.375]


def test_an_adjusted_close_alone_is_the_close(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("Date,Open,Adj Close,Volume\n2024-01-02,1.5,1.25,100\n2024-01-03,2,2.25,50\n")
    history = fetch(path)
    assert history.bars["close"].tolist() == [1.25, 2.25]
    assert "close=Adj Close" in history.details["read"]


def test_all_faults_of_a_file_come_in_one_error(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    text = "date,price,last,volume\n05/01/2021,9.400,9.400,x\n06/02/2021,9.375,9.375,1\n"
    path.write_text(text.replace("9.375,9.375", "9.375,9.376"))
    with pytest.raises(DataError, match="has 4 faults") as caught:
        fetch(path)
    for part in (
        "(1) has more than one column for `close`: 'price' and 'last'",
        "(2) `date` is '05/01/2021', which can be",
        "(3) numbers are written as '9.400' and '9.375'",
        "(4) line 2: `volume` is 'x', not a number",
    ):
        assert part in caught.value.message
    for option in ("close=price", "--date-format %m/%d/%Y", "--decimal ,", "volume=-"):
        assert option in str(caught.value.hint)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"columns": "close"}, "`--columns` is 'close'"),
        ({"columns": "cloze=Close"}, "names 'cloze', which is not a price column"),
        ({"columns": "close="}, "gives no name for `close`"),
        ({"columns": "close=A,close=B"}, "names `close` twice"),
        ({"decimal": ";"}, "`--decimal` is ';'"),
        ({"adjusted": "maybe"}, "`--adjusted` is 'maybe'"),
    ],
)
def test_an_option_that_cannot_be_is_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        ReadOptions.parse(**given)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--columns close=Schluss", "`--columns` names 'Schluss' for `close`, and its columns are"),
        ("--encoding klingon", "`--encoding` is 'klingon', which is not an encoding"),
        ("--encoding utf-16", "is not text in utf-16"),
        ("--sheet Prices", "`--sheet` is 'Prices', and"),
        ("--date-format %d/%m/%Y", "`date` is '2024-01-02', not a date in the format '%d/%m/%Y'"),
        ("--date-format ms", "not a date in the format 'ms'"),
        ("--decimal ,", "`close` is '1.5' on 2024-01-02, not a number"),
    ],
)
def test_an_option_that_does_not_fit_the_file_is_refused(
    options: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date,close\n2024-01-02,1.5\n2024-01-03,2.25\n2024-01-04,1.75\n\n")
    with pytest.raises(LstmcastError, match=re.escape(says)):
        fetch(path, options)


def test_a_comma_in_a_name_is_part_of_it() -> None:
    options = ReadOptions.parse(columns="date=Date,close=Close, raw,volume=2")
    assert options.columns == {"date": "Date", "close": "Close, raw", "volume": "2"}


@pytest.mark.parametrize(
    ("symbol", "clock", "dates"),
    [
        ("7203.T", "15:00", ["2024-01-09", "2024-01-10"]),
        ("BHP.AX", "13:00", ["2024-01-09", "2024-01-10"]),
        ("TCS.NS", "18:30", ["2024-01-09", "2024-01-10"]),
        ("SAP.DE", "23:00", ["2024-01-09", "2024-01-10"]),
        ("AAPL", "14:30", ["2024-01-08", "2024-01-09"]),
        ("AAPL", "00:00", ["2024-01-08", "2024-01-09"]),
        ("BTC-USD", "23:00", ["2024-01-08", "2024-01-09"]),
    ],
)
def test_an_instant_is_of_the_exchange_s_own_day(
    symbol: str, clock: str, dates: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(f"time,close\n2024-01-08T{clock}:00Z,1.5\n2024-01-09T{clock}:00Z,2.5\n")
    assert [str(day.date()) for day in fetch(path, symbol=symbol).bars.index] == dates


def test_instants_of_no_known_exchange_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("time,close\n1704726000,1.5\n1704812400,2.5\n")  # midnight in Tokyo
    with pytest.raises(DataError, match=r"2024-01-08 15:00 is 10:00 in America/New_York") as caught:
        fetch(path, symbol="7203")
    assert "such as 7203.T" in str(caught.value.hint)
    assert str(fetch(path, symbol="7203.T").first.date()) == "2024-01-09"


def test_adjusted_says_what_closes_are(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    days = pd.bdate_range("2024-01-02", periods=6)
    close = [100.0, 101, 102, 51.2, 51.5, 51]
    frame = pd.DataFrame({"close": close, "splits": [0, 0, 0, 2, 0, 0]}, index=days)
    frame.to_csv(path, index_label="date")
    assert fetch(path).bars["adj_close"].tolist() == [50.0, 50.5, 51, 51.2, 51.5, 51]
    assert "adj_close" in fetch(path, "--adjusted yes").missing
    frame[["close"]].to_csv(path, index_label="date")
    assert fetch(path).findings == ()
    (finding,) = fetch(path, "--adjusted no").findings
    assert (finding.level, "splits show as jumps" in finding.message) == ("warning", True)


@pytest.mark.parametrize("day", ["2024-02-30", "2024-13-01", "1899-12-29", "2101-01-03"])
def test_a_day_that_does_not_exist_is_named_with_its_line(day: str, tmp_path: Path) -> None:
    path = tmp_path / "AAPL.csv"
    path.write_text(f"date,close\n2024-01-02,9.4\n{day},9.375\n2024-01-04,9.5\n")
    with pytest.raises(DataError, match=f"line 3: `date` is '{day}', not a date"):
        fetch(path)


def test_days_of_iso_8601_are_read_as_by_their_form() -> None:
    """The short way and the one of all forms say the same, to the unit of the stamps."""
    days = pd.date_range("1900-01-01", "2100-12-31", freq="37D")
    cells = pa.array([f"{day:%Y-%m-%d}" for day in days])
    short, long = read_iso(cells), read_form(cells, FORMS[0])
    assert isinstance(long, Days)
    assert short is not None
    assert (short.form, short.aware) == (long.form, long.aware)
    pd.testing.assert_index_equal(short.local, long.local)
    pd.testing.assert_index_equal(short.stamps, long.stamps)
    for other in ("2024-1-2", "2024-01-02 00:00", "2024-02-30", ""):
        assert read_iso(pa.array(["2024-01-02", other])) is None
