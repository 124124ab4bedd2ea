"""Files as people have them: other scripts and calendars, sheets of terminals, broken downloads."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from lstmcast.errors import DataError, LstmcastError, SymbolNotFoundError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.sources.files.date_forms import century
from lstmcast.prices.sources.files.options import ReadOptions

DAYS = ["2024-06-26", "2024-06-27", "2024-06-28"]
CLOSES = [5213.25, 5214.1, 5210.62]


def fetch(path: Path, columns: str = "", symbol: str = "AAPL") -> PriceHistory:
    reading = ReadOptions.parse(columns=columns)
    return get_source("csv", SourceOptions(path=path, reading=reading)).fetch(symbol)


def written(folder: Path, text: str | bytes, name: str = "AAPL.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def days_of(history: PriceHistory) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in history.dates]


PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
ARABIC = str.maketrans("0123456789.,", "٠١٢٣٤٥٦٧٨٩٫٬")
WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")

SAME: dict[str, str | bytes] = {
    "Persian digits": "تاریخ;قیمت پایانی\n2024/06/26;5213.25\n2024/06/27;5214.1\n"
    "2024/06/28;5210.62\n".translate(PERSIAN),
    "Arabic digits and marks, right to left": "التاريخ;الأخير\n2024-06-26;\u200f5,213.25\n"
    "2024-06-27;\u200f5,214.1\n2024-06-28;\u200f5,210.62\n".translate(ARABIC),
    "full-width digits": "日付,終値\n2024年6月26日,5213.25\n2024年6月27日,5214.1\n"
    "2024年6月28日,5210.62\n".translate(WIDE),
    "years of the Buddhist era": "วันที่,ราคาปิด\n26/6/2567,5213.25\n27/6/2567,5214.1\n"
    "28/6/2567,5210.62\n",
    "spaces within dates": '"날짜","종가"\n"2024- 06- 26","5,213.25"\n"2024- 06- 27","5,214.1"\n'
    '"2024- 06- 28","5,210.62"\n',
    "days of the week behind dates": "日期,收盘价\n2024年6月26日 星期三,5213.25\n"
    "2024年6月27日 星期四,5214.1\n2024年6月28日 星期五,5210.62\n",
    "days of the week before dates": "Date,Close\nWed 26/06/2024,5213.25\nThu 27/06/2024,5214.1\n"
    "Fri 28/06/2024,5210.62\n",
    "weeks of ISO 8601": "date,close\n2024-W26-3,5213.25\n2024-W26-4,5214.1\n2024-W26-5,5210.62\n",
    "Greek months": "Ημερομηνία;Κλείσιμο\n26 Ιουν 2024;5213,25\n27 Ιουν 2024;5214,1\n"
    "28 Ιουν 2024;5210,62\n",
    "Dutch": 'Datum,Openen,Sluiten\n26-06-2024,"5213,00","5213,25"\n'
    '27-06-2024,"5214,00","5214,10"\n'
    '28-06-2024,"5210,50","5210,62"\n',
    "totals in another language": "Datum;Schluss;Volumen\n26.06.2024;5213,25;10\n"
    "27.06.2024;5214,10;20\n28.06.2024;5210,62;30\nGesamt;;60\nØ;5212,66;20\n",
    "footnotes with the delimiter": "Date,Close\n2024-06-26,5213.25\n2024-06-27,5214.1\n"
    "2024-06-28,5210.62\n\nSource: X, 1 Main St, all rights reserved\n",
    "blocks that were never written": b"Date,Close\n2024-06-26,5213.25\n2024-06-27,5214.1\n"
    b"2024-06-28,5210.62\n" + bytes(512),
    "a date in three columns": "Year,Month,Day,Close\n2024,6,26,5213.25\n2024,6,27,5214.1\n"
    "2024,6,28,5210.62\n",
    "a date in three columns, with the month's name": "Day;Month;Year;Close\n26;Jun;2024;5213.25\n"
    "27;Jun;2024;5214.1\n28;Jun;2024;5210.62\n",
    "as pandas prints it": "              close  volume\ndate                      \n"
    "2024-06-26  5213.25      10\n2024-06-27  5214.10      20\n2024-06-28  5210.62      30\n",
    "arrows": "Date,Close\n2024-06-26,5213.25 ▲\n2024-06-27,5214.1 ▲\n2024-06-28,5210.62 ▼\n",
    "text kept from a spreadsheet": 'Date,Close,Note\n="2024-06-26",="5213.25",a\n'
    '="2024-06-27",="5214.1",b\n"=""2024-06-28""","=""5210.62""",c\n',
    "dates of JavaScript": "Date;Close\n"
    "Wed Jun 26 2024 00:00:00 GMT-0400 (Eastern Daylight Time);5213.25\n"
    "Thu Jun 27 2024 00:00:00 GMT-0400 (Eastern Daylight Time);5214.1\n"
    "Fri Jun 28 2024 00:00:00 GMT-0400 (Eastern Daylight Time);5210.62\n",
    "dates of Java": "Date,Close\n2024-06-26T16:00:00-04:00[America/New_York],5213.25\n"
    "2024-06-27T16:00:00-04:00[America/New_York],5214.1\n"
    "2024-06-28T16:00:00-04:00[America/New_York],5210.62\n",
    "dates of .NET": "Date,Close\n/Date(1719360000000)/,5213.25\n/Date(1719446400000)/,5214.1\n"
    "/Date(1719532800000)/,5210.62\n",
    "dates of C": "Date,Close\nWed Jun 26 00:00:00 2024,5213.25\n"
    "Thu Jun 27 00:00:00 2024,5214.1\nFri Jun 28 00:00:00 2024,5210.62\n",
    "dates of SAS": "Date,Close\n26JUN2024:00:00:00,5213.25\n27JUN2024:00:00:00,5214.1\n"
    "28JUN2024:00:00:00,5210.62\n",
    "dates of six characters": "Date,Close\n26JUN24,5213.25\n27JUN24,5214.1\n28JUN24,5210.62\n",
    "dots about a month's name": "Date;Close\n26.Jun.2024;5213,25\n27.Jun.2024;5214,10\n"
    "28.Jun.2024;5210,62\n",
    "Hungarian": "Dátum;Záró\n2024. jún. 26.;5213,25\n2024. jún. 27.;5214,10\n"
    "2024. jún. 28.;5210,62\n",
    "quotes within spaces": '"Date" , "Close" \n"2024-06-26" , " 5213.25 "\n'
    '"2024-06-27" , " 5214.1 "\n"2024-06-28" , " 5210.62 "\n',
    "single quotes": "'Date','Close'\n'2024-06-26','5213.25'\n'2024-06-27','5214.1'\n"
    "'2024-06-28','5210.62'\n",
    "carets": "Date^Close\n2024-06-26^5213.25\n2024-06-27^5214.1\n2024-06-28^5210.62\n",
    "a line cut off": "Date,Close,Volume\n2024-06-26,5213.25,10\n2024-06-27,5214.1,20\n"
    "2024-06-28,5210.62,30\n2024-07-01,52",
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_prices_are_read_however_they_are_written(name: str, tmp_path: Path) -> None:
    history = fetch(written(tmp_path, SAME[name]))
    assert days_of(history) == DAYS
    assert history.bars["close"].tolist() == CLOSES


def test_a_last_line_as_short_as_others_is_whole(tmp_path: Path) -> None:
    text = "Date,Close,Note\n2024-06-26,1.5\n2024-06-27,2.5,split\n2024-06-28,3.5"
    assert fetch(written(tmp_path, text)).bars["close"].tolist() == [1.5, 2.5, 3.5]


def test_words_for_nothing_in_other_languages_are_missing(tmp_path: Path) -> None:
    rows = [f"2024-06-{day},{word},1" for day, word in ((24, "missing"), (25, "#NV"), (26, "?"))]
    text = "\n".join(["date,open,close", *rows, "2024-06-27,1,1"])
    opens = fetch(written(tmp_path, text)).bars["open"].tolist()
    assert np.isnan(opens[:3]).all()
    assert opens[3] == 1.0


def test_two_digit_years_are_never_far_ahead() -> None:
    found = century(np.array([62, 99, 0, 26, 27, 28]), date(2026, 11, 27))
    assert found.tolist() == [1962, 1999, 2000, 2026, 2027, 1928]


# --- tables side by side -------------------------------------------------------------------------

TITLED = """AAPL US Equity,,,MSFT US Equity,
Date,PX_LAST,,Date,PX_LAST
2024-06-26,1.5,,2024-06-25,7.5
2024-06-27,2.5,,2024-06-26,8.5
2024-06-28,3.5,,,
"""
UNTITLED = """Date,AAPL,Date,MSFT
2024-06-26,1.5,2024-06-25,7.5
2024-06-27,2.5,2024-06-26,8.5
2024-06-28,3.5,2024-06-27,9.5
"""


@pytest.mark.parametrize("text", [TITLED, UNTITLED], ids=["titled", "untitled"])
def test_each_of_several_tables_side_by_side_has_its_own_days(text: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    apple, microsoft = fetch(path), fetch(path, symbol="MSFT")
    assert days_of(apple) == DAYS
    assert apple.bars["close"].tolist() == [1.5, 2.5, 3.5]
    assert days_of(microsoft)[:2] == ["2024-06-25", "2024-06-26"]
    assert microsoft.bars["close"].tolist()[:2] == [7.5, 8.5]
    with pytest.raises(SymbolNotFoundError, match=r"2 tables side by side, and none is only IBM's"):
        fetch(path, symbol="IBM")
    source = get_source("csv", SourceOptions(path=path))
    assert len(source.symbols()) == 2  # type: ignore[attr-defined]


def test_tables_side_by_side_without_symbols_are_not_guessed(tmp_path: Path) -> None:
    path = written(tmp_path, UNTITLED.replace("AAPL", "Close").replace("MSFT", "Close"))
    with pytest.raises(DataError, match="2 tables side by side, and not a symbol above each"):
        fetch(path)
    assert fetch(path, "date=3,close=4").bars["close"].tolist() == [7.5, 8.5, 9.5]


# --- what is refused -----------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, str, str]] = {
    "a second header in another order": (
        "Date,Open,Close\n2024-06-26,1,2\nDate,Close,Open\n2024-06-27,2,1\n",
        "line 3: the columns change",
        "put the rows from there in another file",
    ),
    "names that come twice": (
        "Date,Close,Close\n2024-06-26,1,2\n2024-06-27,2,1\n",
        "more than one column for `close`: 'Close' and 'Close'",
        "`--columns close=2` or `--columns close=3`",
    ),
    "prices in thirty-seconds": (
        "Date,Settle\n2024-06-26,110'165\n2024-06-27,110'170\n",
        '`close` is "110\'165" and the like, which is thirty-seconds',
        "decimal numbers",
    ),
    "years of the Persian calendar": (
        "date,close\n1403/04/06,2\n1403/04/07,1\n",
        "line 2: `date` is '1403/04/06', not a date: is its year one of the Persian",
        "to the Gregorian calendar",
    ),
    "dates in the header": (
        "Field,2024-06-26,2024-06-27,2024-06-28\nopen,1,2,3\nclose,2,3,4\n",
        "has its dates in the header",
        "transpose it",
    ),
    "columns that are no tickers": (
        "Date,Return,Signal\n2024-06-26,0.1,1\n2024-06-27,0.2,1\n",
        "no column `close` among 'Date, Return, Signal'",
        "`--columns close=Return`",
    ),
    "a day with two closes": (
        "Date,Close\n2024-06-26,1\n2024-06-27,2\n2024-06-27,2.5\n2024-06-28,2\n",
        "more than one row for 2024-06-27, with `close` 2 and 2.5",
        "keep the right one",
    ),
    "bars of hours": (
        "Date,Close\n2024-06-27 09:30:00-04:00,1\n2024-06-27 10:30:00-04:00,2\n",
        "more than one row for 2024-06-27, with `close` 1 and 2",
        "resample intraday bars",
    ),
    "pence and pounds": (
        "Date,Close\n2024-06-26,98.5p\n2024-06-27,£1.02\n",
        "`close` is in more than one currency: p and £",
        "one currency",
    ),
    "high and low in each other's column": (
        "Date,High,Low,Close\n" + "".join(f"2024-06-{day},1,3,2\n" for day in (24, 25, 26, 27)),
        "`high` 1 is below `low` 3 on 2024-06-24",
        "check which column is which",
    ),
    "a PDF": ("%PDF-1.4\n1 0 obj\n<< /Type, /Catalog >>\n", "is a PDF, not a table", "save it"),
    "a pointer of Git LFS": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n",
        "a pointer to a file that Git LFS keeps",
        "`git lfs pull`",
    ),
    "a message": ("Exceeded the daily hits limit\n", "'Exceeded the daily hits limit'", "header"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_says_what_it_is(name: str, tmp_path: Path) -> None:
    text, says, hint = REFUSED[name]
    with pytest.raises(LstmcastError, match=says) as caught:
        fetch(written(tmp_path, text))
    assert caught.value.hint is not None
    assert hint in caught.value.hint
