# ruff: noqa: RUF001  # the full-width commas are in what Tushare says
"""Tushare, FRED and AKShare, each with its own client against its wire format on the loopback."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.bars import make_frame
from support.loopback import Loopback, Reply, Request

from lstmcast.errors import (
    BadResponseError,
    BlockedError,
    LstmcastError,
    NetworkTroubleError,
    NoDataInRangeError,
    RateLimitedError,
    ServerTroubleError,
    SymbolNotFoundError,
    UsageError,
)
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.sources import SourceOptions, get_source, retry, tushare

TOKEN = "not-a-real-token"  # noqa: S105  # as it says


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSE", 0.01)


@pytest.fixture
def options(loopback: Loopback) -> SourceOptions:
    return SourceOptions(proxy=loopback.url, ca_bundle=loopback.authority.bundle, timeout=8.0)


class FakeTushare:
    """`daily` and `adj_factor` for 600036.SH, newest first, at most `tushare.ROWS` rows a page."""

    def __init__(self) -> None:
        self.frame = make_frame(300, calendar="XSHG").round(2)
        self.factor = np.where(np.arange(300) < 200, 1.0, 1.25)
        self.questions: list[dict[str, Any]] = []
        self.refuses: dict[str, tuple[int, str]] = {}

    def __call__(self, request: Request) -> Reply:
        assert (request.method, request.host, request.path) == ("POST", "api.tushare.pro", "/")
        question = request.json()
        self.questions.append(question)
        name = question["api_name"]
        if name in self.refuses:
            code, text = self.refuses[name]
            return Reply.of({"request_id": "1", "code": code, "msg": text, "data": None})
        return Reply.of({"request_id": "1", "code": 0, "msg": "", "data": self._data(question)})

    def _data(self, question: dict[str, Any]) -> dict[str, Any]:
        fields = ["ts_code", *question["fields"].split(",")[::-1]]  # in an order of its own
        params = question["params"]
        items = []
        for at in range(len(self.frame) - 1, -1, -1):
            day = f"{self.frame.index[at]:%Y%m%d}"
            if not params["start_date"] <= day <= params["end_date"]:
                continue
            row = self.frame.iloc[at]
            values = {
                "ts_code": params["ts_code"],
                "trade_date": day,
                "vol": row["volume"] / 100,
                "adj_factor": self.factor[at],
                **{name: row[name] for name in ("open", "high", "low", "close")},
            }
            items.append([values[field] for field in fields])
        if params["ts_code"] != "600036.SH":
            items = []
        return {"fields": fields, "items": items[: tushare.ROWS], "has_more": False}


@pytest.fixture
def fake_tushare(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> FakeTushare:
    monkeypatch.setenv("TUSHARE_TOKEN", TOKEN)
    fake = FakeTushare()
    loopback.handlers["api.tushare.pro"] = fake
    return fake


def test_tushare_bars_are_adjusted_by_its_factor(
    fake_tushare: FakeTushare, options: SourceOptions
) -> None:
    history = get_source("tushare", options).fetch("600036.SS")
    frame = fake_tushare.frame
    assert (history.symbol, history.currency, history.exchange) == ("600036.SS", "CNY", "SSE")
    pd.testing.assert_series_equal(history.bars["close"], frame["close"], check_freq=False)
    np.testing.assert_allclose(history.bars["volume"], frame["volume"], rtol=1e-12)
    expected = frame["close"] * fake_tushare.factor / 1.25
    np.testing.assert_allclose(history.bars["adj_close"], expected, rtol=1e-12)
    assert history.missing == ("dividends", "splits")
    assert history.findings == ()
    assert {question["token"] for question in fake_tushare.questions} == {TOKEN}
    assert {q["params"]["ts_code"] for q in fake_tushare.questions} == {"600036.SH"}
    assert TOKEN not in json.dumps(dict(history.details))


def test_tushare_pages_until_it_has_every_row(
    fake_tushare: FakeTushare, options: SourceOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tushare, "ROWS", 120)
    history = get_source("tushare", options).fetch("600036.SH", date(2023, 6, 1))
    part = fake_tushare.frame.loc["2023-06-01":]
    assert list(history.bars.index) == list(part.index)
    names = [question["api_name"] for question in fake_tushare.questions]
    assert names == ["daily"] * 3 + ["adj_factor"] * 3


def test_tushare_without_the_right_to_factors_says_that_prices_are_raw(
    fake_tushare: FakeTushare, options: SourceOptions
) -> None:
    fake_tushare.refuses["adj_factor"] = (2002, "抱歉，您没有接口访问权限")
    history = get_source("tushare", options).fetch("600036.SH")
    assert "adj_close" in history.missing
    (finding,) = history.findings
    assert finding.check == "raw_prices"
    assert "prices are unadjusted" in finding.message


@pytest.mark.parametrize(
    ("code", "text", "kind", "tries"),
    [
        (-2001, "您的token不对，请确认。", BlockedError, 1),
        (2002, "抱歉，您没有接口访问权限", BlockedError, 1),
        (40203, "抱歉，您每分钟最多访问该接口5次", RateLimitedError, 4),
        (50101, "系统内部错误", BadResponseError, 4),
    ],
)
def test_tushare_s_refusals(
    fake_tushare: FakeTushare,
    options: SourceOptions,
    code: int,
    text: str,
    kind: type[LstmcastError],
    tries: int,
) -> None:
    fake_tushare.refuses["daily"] = (code, text)
    with pytest.raises(kind, match=text) as caught:
        get_source("tushare", options).fetch("600036.SH")
    assert caught.value.hint
    assert TOKEN not in caught.value.message
    assert len(fake_tushare.questions) == tries


def test_tushare_s_other_troubles(
    fake_tushare: FakeTushare,
    options: SourceOptions,
    loopback: Loopback,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = get_source("tushare", options)
    with pytest.raises(NoDataInRangeError, match=r"Tushare has no bars of 600000\.SH"):
        source.fetch("600000.SH")
    with pytest.raises(SymbolNotFoundError, match="AAPL is not one"):
        source.fetch("AAPL")
    loopback.handlers["api.tushare.pro"] = lambda _: Reply.html("<html>login</html>")
    with pytest.raises(BadResponseError, match="Tushare's answer cannot be read"):
        source.fetch("600036.SH")
    loopback.handlers["api.tushare.pro"] = lambda _: Reply(503)
    with pytest.raises(ServerTroubleError, match="HTTP 503"):
        source.fetch("600036.SH")
    loopback.handlers["api.tushare.pro"] = lambda _: Reply(drop=True)
    with pytest.raises(NetworkTroubleError, match=r"connection to api\.tushare\.pro failed"):
        source.fetch("600036.SH")
    monkeypatch.delenv("TUSHARE_TOKEN")
    with pytest.raises(UsageError, match="`TUSHARE_TOKEN` is not set"):
        get_source("tushare", options)


def test_tushare_through_the_program_updates_by_the_factor(
    fake_tushare: FakeTushare, program: Any
) -> None:
    whole = fake_tushare.frame
    fake_tushare.frame = whole.iloc[:250]
    first = program.fetch("600036.SH", "--source", "tushare")
    assert first.exit_code == 0, first.stderr
    fake_tushare.frame = whole
    assert program.fetch("600036.SH", "--source", "tushare").json[0]["action"] == "extended"
    fake_tushare.factor = np.where(np.arange(300) < 299, 1.25, 2.0)  # an event on the last day
    (outcome,) = program.fetch("600036.SH", "--source", "tushare").json
    assert outcome["action"] == "replaced"
    assert outcome["why"] == "the source revised its adjusted closes"


FRED_CSV = """observation_date,CPIAUCSL
2024-01-01,309.685
2024-02-01,310.326
2024-03-01,.
2024-04-01,
2024-05-01,-1.5
"""


@pytest.fixture
def fake_fred(loopback: Loopback) -> list[Request]:
    asked: list[Request] = []

    def answer(request: Request) -> Reply:
        asked.append(request)
        if request.query["id"] != "CPIAUCSL":
            return Reply.html("<html>not found</html>", 404)
        return Reply(body=FRED_CSV.encode(), content_type="application/csv")

    loopback.handlers["fred.stlouisfed.org"] = answer
    return asked


def test_fred_gives_levels(fake_fred: list[Request], options: SourceOptions) -> None:
    history = get_source("fred", options).fetch("cpiaucsl", date(2024, 1, 1))
    assert history.kind == "level"
    assert history.bars["close"].tolist() == [309.685, 310.326, -1.5]
    assert [str(day.date()) for day in history.bars.index][-1] == "2024-05-01"
    (request,) = fake_fred
    assert request.path == "/graph/fredgraph.csv"
    assert dict(request.query) == {"id": "CPIAUCSL", "cosd": "2024-01-01"}
    with pytest.raises(SymbolNotFoundError, match="FRED has no series NOPE"):
        get_source("fred", options).fetch("NOPE")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply.html("<html>login</html>"), BadResponseError),
        (Reply(body=b""), BadResponseError),
        (Reply(body=b"observation_date,CPIAUCSL\nsoon,1\n"), BadResponseError),
        (Reply(body=b"observation_date,CPIAUCSL\n"), NoDataInRangeError),
        (Reply(429), RateLimitedError),
        (Reply(500), ServerTroubleError),
        (Reply(403), BlockedError),
    ],
)
def test_fred_s_troubles(
    loopback: Loopback, options: SourceOptions, reply: Reply, kind: type[LstmcastError]
) -> None:
    loopback.handlers["fred.stlouisfed.org"] = lambda _: reply
    with pytest.raises(kind, match="FRED"):
        get_source("fred", options).fetch("CPIAUCSL")


def test_fred_through_the_program(fake_fred: list[Request], program: Any) -> None:
    ran = program.fetch("fred:CPIAUCSL")
    assert ran.exit_code == 0, ran.stderr
    assert ran.json[0]["source"] == "fred"
    assert program.store.load("CPIAUCSL", "fred").kind == "level"
    assert fake_fred


def eastmoney(frame: pd.DataFrame) -> Callable[[Request], Reply]:
    """Answer as push2his.eastmoney.com does: a line of text a day, volume in lots."""

    def answer(request: Request) -> Reply:
        assert request.path == "/api/qt/stock/kline/get"
        query = request.query
        if query["secid"] != "1.600036":
            return Reply.of({"rc": 0, "data": None})
        factor = 0.5 if query["fqt"] == "1" else 1.0
        days = [f"{day:%Y-%m-%d}" for day in frame.index]
        table = (frame[["open", "close", "high", "low"]] * factor).round(2)
        table["volume"] = frame["volume"] // 100
        lines = [
            f"{day},{','.join(map(str, row))},1.0,0,0,0,0"
            for day, row in zip(days, table.to_numpy().tolist(), strict=True)
            if query["beg"] <= day.replace("-", "") <= query["end"]
        ]
        return Reply.of({"rc": 0, "data": {"code": "600036", "market": 1, "klines": lines}})

    return answer


@pytest.fixture
def _to_loopback(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("akshare", reason="the optional extra `akshare` is not installed")
    for name, value in loopback.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow  # importing AKShare takes seconds
@pytest.mark.usefixtures("_to_loopback")
def test_akshare(loopback: Loopback) -> None:
    frame = make_frame(60, calendar="XSHG")
    loopback.handlers["eastmoney.com"] = eastmoney(frame)
    source = get_source("akshare", SourceOptions(timeout=8.0))
    history: PriceHistory = source.fetch("600036.SS", date(2024, 5, 6))
    part = frame.loc["2024-05-06":]
    assert list(history.bars.index) == list(part.index)
    np.testing.assert_allclose(history.bars["close"], part["close"], atol=0.006)
    np.testing.assert_allclose(history.bars["adj_close"], part["close"] / 2, atol=0.006)
    np.testing.assert_allclose(history.bars["volume"], part["volume"] // 100 * 100)
    assert len(loopback.requests) == 2

    with pytest.raises(NoDataInRangeError, match=r"AKShare has no bars of 600000\.SH"):
        source.fetch("600000.SH")
    with pytest.raises(SymbolNotFoundError, match="AAPL is not one"):
        source.fetch("AAPL")
    with pytest.raises(UsageError, match="AKShare does not use"):
        get_source("akshare", SourceOptions(proxy="http://127.0.0.1:1"))
    loopback.handlers["eastmoney.com"] = lambda _: Reply.html("<html>login</html>")
    with pytest.raises(BadResponseError, match="Eastmoney's answer for 600036 cannot be read"):
        source.fetch("600036.SS")
    loopback.handlers["eastmoney.com"] = lambda _: Reply(drop=True)
    with pytest.raises(NetworkTroubleError, match="Eastmoney could not be reached"):
        source.fetch("600036.SS")
