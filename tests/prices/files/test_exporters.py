"""Files in the exact formats of exporters, with made-up prices: all dates and numbers come back."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.sources.files.choice import ALIKE, compare
from lstmcast.prices.sources.files.formats import EXPORTERS, Exporter
from lstmcast.prices.sources.files.names import NAMES, plain

EXPORTS = Path(__file__).parent / "exports"

SYMBOLS = {
    "yfinance-tickers": "MSFT",
    "yfinance-grouped": "MSFT",
    "yfinance-parquet": "MSFT",
    "yfinance-tokyo-utc": "7203.T",
    "stacked-frame": "MSFT",
    "closes-wide": "MSFT",
    "flattened-tuples": "MSFT",
    "flattened-names": "MSFT",
    "investing-de": "SAP.DE",
    "investing-es": "SAN.MC",
    "investing-pt": "VALE3.SA",
    "investing-fr": "MC.PA",
    "investing-tr": "THYAO.IS",
    "investing-it": "ENI.MI",
    "investing-id": "BBCA.JK",
    "investing-ja": "7203.T",
    "stooq-pl": "PKO.WA",
    "finam": "SBER.ME",
    "binance-klines": "BTC-USD",
    "binance-us": "BTC-USD",
    "binance-futures": "BTC-USD",
    "ccxt": "BTC-USD",
    "kraken": "BTC-USD",
    "coinbase": "BTC-USD",
    "cryptodatadownload": "BTC-USD",
    "tushare": "600519.SS",
    "akshare": "600519.SS",
    "netease": "600519.SS",
    "wind": "600519.SS",
    "csmar": "600519.SS",
    "twse": "2330.TW",
    "nse-history": "TCS.NS",
    "nse-bhavcopy": "TCS.NS",
    "nse-full-bhavcopy": "TCS.NS",
    "bse": "TCS.BO",
    "krx": "005930.KS",
    "yahoo-japan": "7203.T",
    "ariva": "SAP.DE",
    "onvista": "SAP.DE",
    "comdirect": "SAP.DE",
    "boerse-frankfurt": "SAP.DE",
    "boursorama": "MC.PA",
    "abcbourse": "FR0000121014",
    "euronext": "MC.PA",
    "bme": "SAN.MC",
    "nasdaq-nordic": "VOLV-B.ST",
    "borsa-istanbul": "THYAO.IS",
    "b3": "VALE3.SA",
    "fred": "^GSPC",
    "polygon-flat": "MSFT",
    "lse": "VOD.L",
    "asx": "BHP.AX",
    "kaggle-long": "MSFT",
    "moex": "SBER.ME",
    "dukascopy": "EURUSD=X",
    "b3-cotahist": "VALE3.SA",
    "j-quants": "7203.T",
    "coingecko": "BTC-USD",
    "upbit": "BTC-KRW",
    "cboe-vix": "^VIX",
    "naver": "005930.KS",
}
"""The symbol to ask for where it is not AAPL."""


def file_of(exporter: Exporter) -> Path:
    """The file in a format; its suffix is the exporter's own."""
    (path,) = (
        path
        for path in EXPORTS.iterdir()
        if path.is_file() and path.name.partition(".")[0] == exporter.key
    )
    return path


@lru_cache(maxsize=len(EXPORTERS))
def fetch(key: str) -> PriceHistory:
    """The bars in the file of a format, found out without any option; leave them as they are."""
    exporter = next(exporter for exporter in EXPORTERS if exporter.key == key)
    return get_source("csv", SourceOptions(path=file_of(exporter))).fetch(SYMBOLS.get(key, "AAPL"))


@pytest.mark.parametrize("exporter", EXPORTERS, ids=lambda exporter: exporter.key)
def test_the_file_of_an_exporter_is_read_as_it_is_meant(exporter: Exporter) -> None:
    expected = pd.read_csv(EXPORTS / "expected" / f"{exporter.key}.csv", parse_dates=["date"])
    expected = expected.set_index("date")
    history = fetch(exporter.key)
    bars = history.bars.drop(columns=list(history.missing))
    assert list(bars.index) == list(expected.index)
    assert sorted(bars.columns) == sorted(expected.columns)
    for name in expected.columns:
        np.testing.assert_array_equal(bars[name], expected[name], err_msg=name)
    said = history.details["read"]
    assert said.startswith("date="), said
    assert ", close=" in said, said


def test_each_format_has_one_file_which_begins_as_the_documentation_says() -> None:
    keys = [exporter.key for exporter in EXPORTERS]
    assert len(keys) == len(set(keys)) >= 40
    assert {path.name.partition(".")[0] for path in EXPORTS.iterdir() if path.is_file()} == set(
        keys
    )
    for exporter in EXPORTERS:
        if not exporter.header:
            continue
        content = file_of(exporter).read_bytes()
        encodings = ("utf-8", "gb18030", "cp949", "cp932", "big5", "cp1252", "cp1254", "utf-16")
        coded = [exporter.header.encode(name, "ignore") for name in encodings]
        assert any(header.removeprefix(b"\xff\xfe") in content for header in coded), exporter.key


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("nasdaq", "date=Date (%m/%d/%Y), open=Open, high=High, low=Low, close=Close/Last,"),
        ("investing-en", "not used: Change %; not in the file: adj_close"),
        ("mt5", "volume=<TICKVOL>; not used: <VOL>, <SPREAD>"),
        ("yfinance-tickers", "close=Close MSFT, volume=Volume MSFT, symbol=MSFT (one of 2)"),
        ("ariva", "volume=Stuecke; not used: Volumen"),
        ("euronext", "close=Close, volume=Number of Shares; not used: Last,"),
        ("wsj", "not in the file: adj_close, volume"),
    ],
)
def test_what_was_read_is_said(key: str, says: str) -> None:
    assert says in fetch(key).details["read"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("google-sheets", "dates are %m/%d/%Y: its days follow each other on sessions of XNYS"),
        ("yfinance-tokyo-utc", "2024-06-19 15:00 is of 2024-06-20"),
        ("netease", "decoded as gb18030"),
        ("krx", "decoded as cp949"),
        ("yahoo-japan", "decoded as cp932"),
        ("comdirect", "decoded as cp1252"),
        ("borsa-istanbul", "decoded as cp1254"),
        ("excel-unicode", "decoded as utf-16"),
        ("binance-klines", "no header: read as Binance klines"),
        ("barchart", "left out 1 line below the table"),
        ("yahoo-page-copied", "1 row of dividends and splits between the bars"),
    ],
)
def test_what_was_decided_is_noted(key: str, says: str) -> None:
    assert any(says in finding.message for finding in fetch(key).findings)


def test_a_name_stands_for_one_column() -> None:
    roles: dict[str, set[str]] = {}
    for line in NAMES:
        for name in line.names.split("|"):
            roles.setdefault(plain(name), set()).add(line.role)
    several = {name: found for name, found in roles.items() if len(found) > 1}
    assert several == {"start": {"date", "open"}}  # Germans call the open so


@pytest.mark.parametrize(
    ("wanted", "given", "same"),
    [
        ("AAPL", "AAPL US Equity", True),
        ("AAPL", "NASDAQ:AAPL", True),
        ("BRK-B", "BRK.B", True),
        ("BRK-B", "BRK.A", False),
        ("BTC-USD", "BTC/USD", True),
        ("BTC-USD", "BTC/USDT", False),
        ("600519.SS", "sh.600519", True),
        ("600519.SS", "600519.SZ", False),
        ("000001.SZ", "1", True),
        ("7203.T", "72030", True),
        ("VOD.L", "VOD LN Equity", True),
        ("VOD.L", "VOD", True),
        ("VOD.L", "VOD.US", False),
        ("VOD", "VOD.L", False),
        ("600519", "600519.SH", True),
        ("BTC-USD", "COINBASE:BTCUSD", True),
        ("AAPL", "MSFT", False),
    ],
)
def test_symbols_are_compared_by_what_they_mean(wanted: str, given: str, same: bool) -> None:
    assert (compare(wanted, given) >= ALIKE) is same


def test_a_folder_of_stooq_s_is_searched_by_its_own_names(tmp_path: Path) -> None:
    content = (EXPORTS / "stooq-bulk.txt").read_bytes()
    (tmp_path / "aapl.us.txt").write_bytes(content)
    assert len(get_source("csv", SourceOptions(path=tmp_path)).fetch("AAPL")) == 6
