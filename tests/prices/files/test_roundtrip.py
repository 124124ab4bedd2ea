"""Whatever bars are written in whatever format: they come back the same, or the file is refused."""

import gzip
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from lstmcast.errors import LstmcastError
from lstmcast.prices.sources import SourceOptions, get_source

DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y",
    "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%m/%d/%y", "%d/%m/%y", "%y-%m-%d", "%d%b%Y",
    "%Y-%m-%d 00:00:00", "%Y-%m-%dT00:00:00Z", "%Y-%m-%d 16:00:00", "s", "ms", "us", "ns", "excel",
)  # fmt: skip
NAMES = (
    ("date", "open", "high", "low", "close", "volume"),
    ("Date", "Open", "High", "Low", "Close/Last", "Volume"),
    ("<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"),
    ("Datum", "Erster", "Hoch", "Tief", "Schlusskurs", "Stuecke"),
    ("Fecha", "Apertura", "Máximo", "Mínimo", "Último", "Vol."),
    ("日期", "开盘", "最高", "最低", "收盘", "成交量"),
    ("일자", "시가", "고가", "저가", "종가", "거래량"),
    ("t", "o", "h", "l", "c", "v"),
    ("", "AAPL.Open", "AAPL.High", "AAPL.Low", "AAPL.Close", "AAPL.Volume"),
    ("Price", "Open", "High", "Low", "Close", "Volume"),
)
MARKS = ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", "'"))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Bars on any days, with prices of any size and any number of decimals.

    They are not monthly: a few of those, dated the first in `%m/%d/%Y`, can be daily bars of one
    January in `%d/%m/%Y`, and the exchange's calendar then decides for daily bars.
    """
    count = draw(st.integers(1, 12))
    step = draw(st.sampled_from(["B", "D", "W", "W-WED"]))
    first = draw(st.dates(pd.Timestamp("1985-01-01").date(), pd.Timestamp("2030-12-31").date()))
    days = pd.date_range(first, periods=count, freq=step)
    decimals = draw(st.integers(0, 4))
    size = draw(st.sampled_from([0.5, 9.0, 180.0, 9400.0, 71300.0, 2.5e6]))
    moves = draw(st.lists(st.floats(-0.04, 0.04), min_size=count, max_size=count))
    close = np.maximum(np.round(size * np.exp(np.cumsum(moves)), decimals), 10.0**-decimals)
    opened = np.maximum(np.round(np.roll(close, 1), decimals), 10.0**-decimals)
    spread = 10.0**-decimals
    bars = {
        "open": opened,
        "high": np.round(np.maximum(opened, close) + spread, decimals),
        "low": np.maximum(np.round(np.minimum(opened, close), decimals), 10.0**-decimals),
        "close": close,
        "volume": draw(st.lists(st.integers(1, 10**9), min_size=count, max_size=count)),
    }
    return pd.DataFrame(bars, index=days).astype("float64").assign(decimals=decimals)


def number(value: float, mark: str, thousands: str, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text.replace(",", "\0").replace(".", mark).replace("\0", thousands)


def day(stamp: pd.Timestamp, form: str) -> str:
    if form == "excel":
        return str((stamp - pd.Timestamp("1899-12-30")).days)
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.get(form)
    return stamp.strftime(form) if scale is None else str(int(stamp.timestamp()) * scale)


def written(frame: pd.DataFrame, how: dict[str, Any]) -> bytes:
    """The text of a frame in one combination of everything that exporters do differently."""
    mark, thousands = how["marks"]
    decimals = int(frame["decimals"].iloc[0])
    names, delimiter = list(how["names"]), how["delimiter"]
    order = how["order"]
    rows = []
    for stamp, *prices, volume, _ in frame.itertuples():
        cells = [day(pd.Timestamp(stamp), how["dates"])]
        cells += [number(price, mark, thousands, decimals) for price in prices]
        cells.append(number(volume, mark, thousands, 0))
        rows.append(cells)
    if how["newest_first"]:
        rows.reverse()
    table = [[names[at] for at in order], *([row[at] for at in order] for row in rows)]
    quote = how["quoted"]
    lines = [
        delimiter.join(f'"{cell}"' if quote or delimiter in cell else cell for cell in cells)
        for cells in table
    ]
    text = how["line"].join([*how["above"], *lines, *how["below"]]) + how["line"]
    content = text.encode(how["encoding"])
    return gzip.compress(content) if how["packed"] else content


WAYS = st.fixed_dictionaries(
    {
        "dates": st.sampled_from(DATES),
        "names": st.sampled_from(NAMES),
        "marks": st.sampled_from(MARKS),
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "order": st.permutations(range(6)).map(tuple) | st.just(tuple(range(6))),
        "quoted": st.booleans(),
        "newest_first": st.booleans(),
        "line": st.sampled_from(["\n", "\r\n"]),
        "above": st.sampled_from([(), ("AAPL US Equity", ""), ("https://prices.example",)]),
        "below": st.sampled_from([(), ("",), ("Source: made up",)]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030", "utf-16-le"]),
        "packed": st.booleans(),
    }
)


@settings(max_examples=60)
@given(frame=frames(), how=WAYS)
def test_bars_come_back_the_same_or_are_refused(
    frame: pd.DataFrame, how: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    if how["names"][0].startswith("<"):  # who writes such names has no locale
        how = {**how, "marks": (".", "")}
    path = tmp_path_factory.getbasetemp() / "roundtrip.txt"
    path.write_bytes(written(frame, how))
    same_or_refused(path, frame)


def same_or_refused(path: Path, frame: pd.DataFrame) -> bool:
    """Whether the file was read; what was read must be the frame."""
    try:
        history = get_source("csv", SourceOptions(path=path)).fetch("AAPL")
    except LstmcastError:
        return False
    assert list(history.bars.index) == list(frame.index), history.details["read"]
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(history.bars[name], frame[name], err_msg=name)
    return True


PLAIN = {
    "names": NAMES[0], "marks": (".", ""), "delimiter": ",", "order": tuple(range(6)),
    "quoted": False, "newest_first": False, "line": "\n", "above": (), "below": (),
    "encoding": "utf-8", "packed": False, "dates": "%Y-%m-%d",
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        *({"dates": form} for form in DATES),
        *({"names": names} for names in NAMES),
        *({"marks": marks, "delimiter": ";"} for marks in MARKS),
        *({"encoding": name} for name in ("utf-8-sig", "utf-16", "utf-16-le")),
        {"above": ("AAPL US Equity", ""), "below": ("Source: made up",), "newest_first": True},
        {"order": (4, 1, 0, 5, 3, 2), "packed": True, "quoted": True},
    ],
    ids=lambda changed: " ".join(f"{name}={value}" for name, value in changed.items())[:60],
)
def test_ordinary_bars_are_read_and_not_refused(changed: dict[str, Any], tmp_path: Path) -> None:
    """So that the property above is not kept by refusing everything."""
    days = pd.bdate_range("2024-05-22", periods=9).delete(3)  # without Memorial Day
    close = np.array([1209.68, 1207.49, 1208.14, 1209.07, 1213.25, 1214.1, 1210.62, 1216.75])
    bars = {"open": close - 1, "high": close + 2, "low": close - 2, "close": close}
    frame = pd.DataFrame({name: values.round(2) for name, values in bars.items()}, index=days)
    frame = frame.assign(volume=np.arange(8) * 1e6 + 5e6, decimals=2)
    path = tmp_path / "prices.txt"
    path.write_bytes(written(frame, {**PLAIN, **changed}))
    assert same_or_refused(path, frame)
