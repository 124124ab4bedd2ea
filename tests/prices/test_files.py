"""Prices from files: what is read, and what is refused with the line or the column named."""

import gzip
import zipfile
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.bars import make_frame

from lstmcast.errors import (
    DataError,
    NoDataInRangeError,
    SymbolNotFoundError,
    UsageError,
)
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source, source_names
from lstmcast.prices.sources.sample import read_sample

CSV = """date,open,high,low,close,adj_close,volume
2024-01-02,10,11,9,10.5,10.25,1000
2024-01-03,10.5,12,10,11.5,11.25,2000
"""


def fetch(path: Path, symbol: str = "AAPL") -> PriceHistory:
    return get_source("csv", SourceOptions(path=path)).fetch(symbol)


def write(folder: Path, text: str, name: str = "AAPL.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_with_its_provenance(tmp_path: Path) -> None:
    history = fetch(write(tmp_path, CSV))
    assert history.bars["adj_close"].tolist() == [10.25, 11.25]
    assert history.missing == ("dividends", "splits")
    assert history.details == {
        "file": str(tmp_path / "AAPL.csv"),
        "read": "date=date (%Y-%m-%d), open=open, high=high, low=low, close=close,"
        " adj_close=adj_close, volume=volume",
    }


@pytest.mark.parametrize(
    "text",
    [
        CSV.replace("date,open", "Date,Open").replace("adj_close", "Adj Close"),
        CSV.replace(",", ";"),
        CSV.replace(",", "\t"),
        CSV.replace("\n", "\r\n"),
        "\ufeff" + CSV,
        CSV.replace("2024-01-02", "2024/01/02").replace("2024-01-03", "20240103"),
        CSV.replace("2024-01-02", "2024-01-02 00:00:00-05:00").replace("-03,", "-03T00:00:00Z,"),
        """close,low,volume,high,open,adj_close,date,extra
10.5,9,1000,11,10,10.25,2024-01-02,x
11.5,10,2000,12,10.5,11.25,2024-01-03,y
""",
        """date,open,high,low,close,adj_close,volume
2024-01-03,10.5,12,10,11.5,11.25,2000
2024-01-02,10,11,9,10.5,10.25,1000
""",
    ],
    ids=[
        "yfinance's names",
        "semicolons",
        "tabs",
        "Windows lines",
        "byte order mark",
        "other ISO dates",
        "times and zones",
        "columns in another order",
        "newest first",
    ],
)
def test_forms_of_the_same_table_give_the_same_history(tmp_path: Path, text: str) -> None:
    plain = fetch(write(tmp_path, CSV, "plain.csv"))
    assert fetch(write(tmp_path, text)).sha256 == plain.sha256


def test_date_and_close_are_enough(tmp_path: Path) -> None:
    history = fetch(write(tmp_path, "date,close\n2024-01-02,1\n2024-01-03,2\n"))
    assert history.missing == ("open", "high", "low", "adj_close", "volume", "dividends", "splits")


def test_gzip_and_parquet(tmp_path: Path) -> None:
    plain = fetch(write(tmp_path, CSV, "plain.csv"))
    packed = tmp_path / "AAPL.csv.gz"
    packed.write_bytes(gzip.compress(CSV.encode()))
    assert fetch(packed).sha256 == plain.sha256
    bars = plain.bars.drop(columns=["dividends", "splits"])
    bars.to_parquet(tmp_path / "index.parquet")
    assert fetch(tmp_path / "index.parquet").sha256 == plain.sha256
    bars.reset_index().to_parquet(tmp_path / "column.parquet")
    assert fetch(tmp_path / "column.parquet").sha256 == plain.sha256


def test_decimal_numbers_of_parquet_keep_their_last_digit(tmp_path: Path) -> None:
    closes = ["99.07", "97.54", "0.29"]
    days = pa.array(pd.date_range("2024-01-02", periods=3))
    numbers = pa.array(map(Decimal, closes), pa.decimal128(12, 4))
    pq.write_table(pa.table({"date": days, "close": numbers}), tmp_path / "AAPL.parquet")
    assert fetch(tmp_path / "AAPL.parquet").bars["close"].tolist() == [99.07, 97.54, 0.29]


def test_a_device_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which is neither a file nor a folder"):
        fetch(Path("/dev/null"))
    with pytest.raises(UsageError, match="where there is no file or folder"):
        fetch(tmp_path / "AAPL.csv")


def test_a_folder_is_searched_for_the_symbol(tmp_path: Path) -> None:
    write(tmp_path, CSV, "brk-b.csv")
    write(tmp_path, CSV, "%5EGSPC.csv")
    assert fetch(tmp_path, "BRK-B").symbol == "BRK-B"
    assert fetch(tmp_path, "^gspc").symbol == "^GSPC"
    with pytest.raises(SymbolNotFoundError, match="has no file for MSFT") as caught:
        fetch(tmp_path, "MSFT")
    assert caught.value.hint == "it would be MSFT.csv or MSFT.csv.gz or MSFT.parquet"
    (tmp_path / "BRK-B.parquet").write_bytes(b"")
    with pytest.raises(DataError, match="has 2 files for BRK-B"):
        fetch(tmp_path, "BRK-B")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("date,close\n", "has a header and no rows"),
        ("a,b\n1,2\n", "has no column `date` among 'a, b'"),
        ("date,worth\n2024-01-02,2\n2024-01-03,x\n", "has no column `close`"),
        ("date,close,Close\n2024-01-02,1,2\n", "more than one column for `close`"),
        ("date,close\n2024-01-02,1\n01/03/2024,2\n", "line 3: `date` is '01/03/2024', not a date"),
        ("date,close\n2024-02-30,1\n", "line 2: `date` is '2024-02-30', not a date"),
        ("date,close\n2024-01-02,1\n,2\n", "line 3: `date` is '', not a date"),
        ("date,close\n2024-01-02,1\n2024-01-02,2\n", "more than one row for 2024-01-02"),
        ("date,close\n2024-01-02,abc\n", "`close` is 'abc' on 2024-01-02"),
        ('date,close\n2024-01-02,"1,23,4.5"\n', "`close` is '1,23,4.5' on 2024-01-02"),
        ("date,close\n2024-01-02,129,98\n", "line 2 has 3 cells, its header 2"),
        ("date,close\n2024-01-02,0\n", "`close` is 0 on 2024-01-02"),
        ("date,close\n2024-01-02,-1\n", "`close` is -1 on 2024-01-02"),
        ("date,close\n2024-01-02,1,2\n", "is not a CSV file"),
        ("date,high,low,close\n2024-01-02,1,2,1\n", "`high` 1 is below `low` 2"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        fetch(write(tmp_path, text))
    assert says in caught.value.message
    assert "\n" not in caught.value.message


def test_all_prices_missing_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataInRangeError, match="no row has a `close`"):
        fetch(write(tmp_path, "date,close\n2024-01-02,\n"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x1f\x8b\x08broken", "damaged gzip"),
        (gzip.compress(CSV.encode())[:-9], "damaged gzip"),
        (b"\xff\xfe\x00date", "not a text file"),
    ],
    ids=["not gzip", "gzip cut off", "not text"],  # never the bytes: gzip writes the time into them
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "AAPL.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        fetch(path)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, CSV, "AAPL.parquet")
    with pytest.raises(DataError, match="is not a Parquet file"):
        fetch(path)


@pytest.mark.parametrize(
    "dates",
    [
        pa.array([{"day": 1}, {"day": 2}]),
        pa.array([[1], [2]]),
        pa.array([1, 2], pa.duration("s")),
        pa.array([1, 2], pa.time64("us")),
    ],
    ids=["struct", "list", "duration", "time"],
)
def test_a_parquet_column_that_holds_no_dates_is_named(tmp_path: Path, dates: pa.Array) -> None:
    path = tmp_path / "AAPL.parquet"
    pq.write_table(pa.table({"date": dates, "close": [1.0, 2.0]}), path)
    with pytest.raises(DataError, match=r"row 1: `date` is .*, not a date"):
        fetch(path)


@pytest.mark.parametrize("text", [b"{", b"[]", b"3", b"[" * 100_000, b"\xff"])
def test_parquet_with_odd_pandas_metadata_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "AAPL.parquet"
    table = pa.table({"date": ["2024-01-02", "2024-01-03"], "close": [1.0, 2.0]})
    pq.write_table(table.replace_schema_metadata({b"pandas": text}), path)
    with pytest.raises(DataError, match="is not a Parquet file"):
        fetch(path)


def test_the_path_is_asked_for_and_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`--path` is missing"):
        get_source("csv")
    with pytest.raises(UsageError, match="where there is no file or folder"):
        fetch(tmp_path / "nowhere.csv")


def test_yfinance_s_own_export_can_be_read_back(tmp_path: Path) -> None:
    frame = make_frame(60).tz_localize("America/New_York")
    frame.columns = pd.Index(
        ["Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"]
    )
    frame.to_csv(tmp_path / "AAPL.csv", index_label="Date")
    history = fetch(tmp_path / "AAPL.csv")
    assert history.missing == ()
    assert (
        history.sha256
        == PriceHistory.from_frame(make_frame(60), symbol="AAPL", source="csv").sha256
    )


def test_the_sample_is_what_its_page_says() -> None:
    counts = {"AAPL": 3270, "GOOG": 2148, "IBM": 3270, "MSFT": 3270}
    assert read_sample()["symbol"].value_counts().to_dict() == counts
    source = get_source("sample")
    for symbol, rows in counts.items():
        history = source.fetch(symbol)
        assert len(history) == rows
        assert str(history.last.date()) == "2013-03-01"
        assert history.missing == ("dividends", "splits")
        assert history.findings == ()
    aapl = source.fetch("AAPL").bars
    assert aapl.loc["2000-03-01", "close"] == 130.31
    assert aapl.loc["2000-03-01", "adj_close"] == 4.186662803811
    split = aapl["close"].loc["2005-02-25":"2005-02-28"]
    assert 1.9 < split.iloc[0] / split.iloc[1] < 2.1  # as traded: the 2:1 split shows
    with pytest.raises(SymbolNotFoundError, match="the sample holds AAPL, GOOG, IBM, MSFT, not F"):
        source.fetch("F")


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="`--source` is 'bloomberg'") as caught:
        get_source("bloomberg")
    for name in source_names():
        assert name in str(caught.value.hint)


def test_a_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstmcast.prices.sources.files.text.LARGEST", 1000)
    packed = tmp_path / "AAPL.csv.gz"
    packed.write_bytes(gzip.compress(b"a" * 1001))
    zipped = tmp_path / "AAPL.zip"
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("AAPL.csv", b"a" * 1001)
    for path in (packed, zipped):
        with pytest.raises(DataError, match=r"unpacks to more than 0\.977 KiB"):
            fetch(path)
