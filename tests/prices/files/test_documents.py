"""Prices in JSON and HTML: the table is found wherever it lies, and whose it is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstmcast.errors import DataError, LstmcastError, SymbolNotFoundError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source

DAYS = pd.DatetimeIndex(["2024-06-26", "2024-06-27", "2024-06-28"], name="date")
BARS = pd.DataFrame(
    {"open": [1.125, 2.0, 3.0], "close": [1.5, 2.25, 2.875], "volume": [10, 20, 30]}, index=DAYS
)
ROWS: list[dict[str, Any]] = [
    {"date": "2024-06-26", "open": 1.125, "close": 1.5, "volume": 10},
    {"date": "2024-06-27", "open": 2.0, "close": 2.25, "volume": 20},
    {"date": "2024-06-28", "open": 3.0, "close": 2.875, "volume": 30},
]
OPENS = [int(pd.Timestamp(f"{day:%Y-%m-%d} 09:30-04:00").timestamp()) for day in DAYS]
TEXTS = [
    {"date": row["date"], "close": str(row["close"]), "volume": str(row["volume"])} for row in ROWS
]


def fetch(path: Path, symbol: str = "AAPL") -> PriceHistory:
    return get_source("csv", SourceOptions(path=path)).fetch(symbol)


def written(folder: Path, text: Any, name: str = "AAPL.json") -> Path:
    path = folder / name
    path.write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
    return path


DOCUMENTS: dict[str, Any] = {
    "records": ROWS,
    "records, a line each": "\n".join(map(json.dumps, ROWS)),
    "records within an answer": {"symbol": "AAPL", "historical": ROWS[::-1]},
    "texts within an answer": {"meta": {"symbol": "AAPL", "currency": "USD"}, "values": TEXTS},
    "a record for each date": {
        "Meta Data": {"2. Symbol": "AAPL"},
        "Time Series (Daily)": {
            row["date"]: {"4. close": str(row["close"]), "5. volume": str(row["volume"])}
            for row in ROWS
        },
    },
    "a list for each column": {
        "c": [1.5, 2.25, 2.875], "v": [10, 20, 30], "t": OPENS, "s": "ok",
    },
    "a chart of Yahoo's": {
        "chart": {
            "result": [
                {
                    "meta": {"symbol": "AAPL"},
                    "timestamp": OPENS,
                    "indicators": {
                        "quote": [{"close": [1.5, 2.25, 2.875], "volume": [10, 20, 30]}],
                        "adjclose": [{"adjclose": [1.5, 2.25, 2.875]}],
                    },
                }
            ]
        }
    },
    "records of MongoDB": [
        {**row, "date": {"$date": row["date"]}, "close": {"$numberDouble": str(row["close"])}}
        for row in ROWS
    ],
    "pandas, columns": BARS.to_json(date_format="iso"),
    "pandas, index": BARS.to_json(orient="index", date_format="iso"),
    "pandas, split": BARS.to_json(orient="split", date_format="iso"),
    "pandas, table": BARS.to_json(orient="table"),
    "pandas, numbered rows": BARS.reset_index().to_json(date_format="iso"),
    "objects by symbol": {
        "AAPL": {"bars": ROWS}, "MSFT": {"bars": [{**row, "close": 7.5} for row in ROWS]},
    },
    "a list by symbol": [
        {"symbol": "MSFT", "historical": [{**row, "close": 7.5} for row in ROWS]},
        {"symbol": "AAPL", "historical": ROWS},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_table_is_found_in_json(name: str, tmp_path: Path) -> None:
    bars = fetch(written(tmp_path, DOCUMENTS[name])).bars
    assert [f"{day:%Y-%m-%d}" for day in bars.index] == [row["date"] for row in ROWS]
    assert bars["close"].tolist() == [1.5, 2.25, 2.875]
    assert bars["volume"].tolist() == [10, 20, 30]


def test_pairs_and_rows_without_names(tmp_path: Path) -> None:
    stamps = [1000 * int(day.timestamp()) for day in DAYS]
    prices = [[stamp, close] for stamp, close in zip(stamps, BARS["close"], strict=True)]
    path = written(tmp_path, {"prices": prices, "market_caps": [[s, 9.5] for s in stamps]})
    assert fetch(path, "BTC-USD").bars["close"].tolist() == [1.5, 2.25, 2.875]
    with pytest.raises(DataError, match="has no header, and 3 columns can be in any order"):
        fetch(written(tmp_path, [[*pair, 1] for pair in prices]))


def test_numbers_that_are_missing_are_missing(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS]
    rows[0]["open"], rows[1]["open"] = None, float("nan")
    opens = fetch(written(tmp_path, rows)).bars["open"].tolist()
    assert np.isnan(opens[:2]).all()
    assert opens[2] == 3.0


def test_the_symbol_that_a_document_states_counts(tmp_path: Path) -> None:
    path = written(tmp_path, {"symbol": "MSFT", "historical": ROWS})
    with pytest.raises(SymbolNotFoundError, match="holds MSFT, not AAPL"):
        fetch(path)
    by_symbol = written(tmp_path, DOCUMENTS["objects by symbol"])
    assert fetch(by_symbol, "MSFT").bars["close"].tolist() == [7.5] * 3
    with pytest.raises(SymbolNotFoundError, match="holds 2 symbols, and none is IBM: AAPL, MSFT"):
        fetch(by_symbol, "IBM")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ({"Note": "Our limit is 25 requests"}, "closes: it says 'Our limit is 25 requests'"),
        (json.dumps(ROWS)[:-9], "is JSON that cannot be read: "),
        ("[" * 5000 + "]" * 5000, "is JSON that cannot be read: "),
        ({"columns": ["date", "close"], "data": [], "index": []}, "is JSON without a table"),
        ([[ROWS, [{**row, "close": 7.5} for row in ROWS]]], "is JSON without a table"),
    ],
)
def test_json_without_prices_says_what_it_is(text: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(LstmcastError, match=says):
        fetch(written(tmp_path, text))


PAGES = {
    "a page": "<!DOCTYPE html><html><table><tr><td>menu</td><td>1</td></tr></table><table>"
    "<caption>AAPL</caption><tr><th>Date</th><th>Close*</th><th>Volume</th></tr>"
    "<tr><td>Jun 26, 2024</td><td>1.50</td><td>10</td></tr>"
    "<tr><td>Jun 27, 2024</td><td>2.25</td><td>20</td></tr>"
    "<tr><td>Jun 28, 2024</td><td>2.875</td><td>30</td></tr></table></html>",
    "a page that ends nothing": "<table><tr><td><table><tr><th>Date<th>Close<th>Volume"
    "<tr><td>2024-06-26<td>1.5<td>1&nbsp;000<tr><td>2024-06-27<td>2.25<td>2&nbsp;000"
    "<tr><td>2024-06-28<td><b>2.875</b><td>3&nbsp;000</table>",
    "a sheet as XML": '<?xml version="1.0"?><Workbook xmlns:ss="urn:x"><Worksheet><Table>'
    "<Row><Cell><Data>Date</Data></Cell><Cell><Data>Note</Data></Cell>"
    "<Cell><Data>Close</Data></Cell></Row>"
    + "".join(
        f'<Row><Cell><Data ss:Type="DateTime">2024-06-{day}T00:00:00.000</Data></Cell>'
        f'<Cell ss:Index="3"><Data>{close}</Data></Cell></Row>'
        for day, close in ((26, 1.5), (27, 2.25), (28, 2.875))
    )
    + "</Table></Worksheet></Workbook>",
}


@pytest.mark.parametrize("name", PAGES)
def test_the_table_of_a_page_is_read_whatever_the_file_is_called(name: str, tmp_path: Path) -> None:
    bars = fetch(written(tmp_path, PAGES[name], "AAPL.xls")).bars
    assert [day.day for day in bars.index] == [26, 27, 28]
    assert bars["close"].tolist() == [1.5, 2.25, 2.875]


@pytest.mark.parametrize("text", ["<html><p>403 Forbidden</p></html>", "<html><![x[ y ]]></html>"])
def test_a_page_without_prices_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is HTML or XML, not a table"):
        fetch(written(tmp_path, text))
