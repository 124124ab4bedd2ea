"""Every fault that Yahoo, or the way to it, is known for: the real client over loopback.

For each: what the user is told, the exit code, how often Yahoo was asked, that the time budget
held, and that the store stayed as it was.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from support.fake_yahoo import NOT_FOUND, FakeYahoo, Fault, asks_for_range, edited
from support.histories import as_history
from support.loopback import Reply

Chart = dict[str, Any]
TIMEOUT = 4.0
SHORT = 1.0
"""Seconds that a fetch may take which Yahoo keeps waiting to the end."""
RANGE = ("--start", "2025-12-01", "--end", "2026-06-30", "--timeout", str(TIMEOUT))

BUSY = Reply(429, b"Too Many Requests\r\n")
BROKEN = Reply.of(
    {"finance": {"result": None, "error": {"code": "Internal", "description": "x"}}}, 500
)
BAD_CRUMB = Reply.of(
    {"finance": {"result": None, "error": {"code": "401", "description": "Invalid Crumb"}}},
    401,
)
NO_SUCH_DATES = Reply.of(
    {
        "chart": {
            "result": None,
            "error": {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1"},
        }
    },
    400,
)


def quote(chart: Chart) -> dict[str, list[Any]]:
    block: dict[str, list[Any]] = chart["indicators"]["quote"][0]
    return block


def columns(chart: Chart) -> list[list[Any]]:
    """Return every column of the answer, the stamps first."""
    adjusted = chart["indicators"]["adjclose"][0]["adjclose"]
    return [chart["timestamp"], *quote(chart).values(), adjusted]


def without(rows: list[int], names: tuple[str, ...]) -> Callable[..., None]:
    def change(chart: Chart) -> None:
        for row in rows:
            for name in names:
                quote(chart)[name][row] = None
            chart["indicators"]["adjclose"][0]["adjclose"][row] = None

    return change


def doubled(row: int, later: int = 0) -> Callable[..., None]:
    def change(chart: Chart) -> None:
        at = row % len(chart["timestamp"])
        for column in columns(chart):
            column.insert(at + 1, column[at])
        chart["timestamp"][at + 1] += later
        quote(chart)["volume"][at + 1] += 1000

    return change


def shuffled(chart: Chart) -> None:
    order = np.random.default_rng(1).permutation(len(chart["timestamp"]))
    for column in columns(chart):
        column[:] = [column[at] for at in order]


def unsplit(chart: Chart) -> None:
    day = chart["timestamp"].index(int(next(iter(chart["events"]["splits"]))))
    for name, column in zip(("t", *quote(chart), "adjusted"), columns(chart), strict=True):
        if name not in ("t", "volume"):
            column[:day] = [4 * price for price in column[:day]]


def in_pence(chart: Chart) -> None:
    for name, column in zip(("t", *quote(chart), "adjusted"), columns(chart), strict=True):
        if name not in ("t", "volume"):
            column[40] *= 100


def gap(chart: Chart) -> None:
    for column in columns(chart):
        del column[40], column[70]


def too_late(chart: Chart) -> None:
    for column in columns(chart):
        column.append(column[-1])
    chart["timestamp"][-1] += 3 * 86400


def emptied(chart: Chart) -> None:
    chart.pop("events", None)
    chart.pop("timestamp")
    chart["indicators"] = {"quote": [{}], "adjclose": [{}]}


def prices(reply: Reply | Callable[[Reply], Reply], times: int | None = None) -> Fault:
    """Return a fault of the request for bars alone."""
    return Fault("chart", reply, times, asks_for_range)


@dataclass(frozen=True)
class Failure:
    """A fault that ends in an error."""

    name: str
    faults: list[Fault]
    kind: str
    exit_code: int
    says: str
    most_requests: int
    symbol: str = "AAPL"
    seconds: float = TIMEOUT


PRICES = ("open", "high", "low", "close")
FAILURES = [
    Failure("unknown symbol", [], "SymbolNotFoundError", 5, "no symbol NOPE", 18, "NOPE"),
    Failure(
        "404 on prices",
        [prices(Reply.of(NOT_FOUND, 404))],
        "SymbolNotFoundError",
        5,
        "may be delisted",
        10,
    ),
    Failure("429, cold", [Fault("chart", BUSY)], "RateLimitedError", 6, "429", 40),
    Failure("429 on prices", [prices(BUSY)], "RateLimitedError", 6, "after 4 tries", 40),
    Failure("500, cold", [Fault("chart", BROKEN)], "ServerTroubleError", 6, "HTTP 500", 60),
    Failure("500 on prices", [prices(BROKEN)], "ServerTroubleError", 6, "HTTP 500", 40),
    Failure(
        "500 with HTML",
        [prices(Reply.html("<html>Internal error</html>", 500))],
        "ServerTroubleError",
        6,
        "HTTP 500",
        40,
    ),
    Failure(
        "503, will be right back",
        [prices(Reply.html("<html>Will be right back...</html>", 503))],
        "ServerTroubleError",
        6,
        "HTTP 503",
        40,
    ),
    Failure("401, bad crumb", [prices(BAD_CRUMB)], "BlockedError", 6, "HTTP 401", 10),
    Failure(
        "403, region",
        [Fault("chart", Reply.html("<html>not accessible from mainland China</html>", 403))],
        "BlockedError",
        6,
        "HTTP 403",
        20,
    ),
    Failure(
        "login page",
        [prices(Reply.html("<html>login</html>"))],
        "BadResponseError",
        6,
        "cannot be used",
        20,
    ),
    Failure(
        "slow",
        [prices(Reply(delay=0.75))],
        "NetworkTroubleError",
        6,
        "not answer within 1 s",
        20,
        seconds=SHORT,
    ),
    Failure(
        "trickle",
        [prices(Reply(body=b"{" * 200, trickle=0.2))],
        "NetworkTroubleError",
        6,
        "did not answer",
        20,
        seconds=SHORT,
    ),
    Failure(
        "connection dropped",
        [prices(Reply(drop=True))],
        "NetworkTroubleError",
        6,
        "the connection to .* failed",
        20,
    ),
    Failure(
        "body cut short",
        [prices(lambda normal: replace(normal, cut=len(normal.body) // 2))],
        "NetworkTroubleError",
        6,
        "the connection to .* failed",
        20,
    ),
    Failure(
        "half the JSON",
        [prices(lambda normal: replace(normal, body=normal.body[: len(normal.body) // 2]))],
        "BadResponseError",
        6,
        "it is not JSON",
        20,
    ),
    Failure("empty body", [prices(Reply())], "BadResponseError", 6, "it is not JSON", 20),
    Failure(
        "result is null",
        [prices(Reply.of({"chart": {"result": None, "error": None}}))],
        "NoDataInRangeError",
        5,
        "from 2025-12-01 to 2026-06-30",
        10,
    ),
    Failure(
        "no result",
        [prices(Reply.of({"chart": {"result": [], "error": None}}))],
        "NoDataInRangeError",
        5,
        "no finished bars",
        10,
    ),
    Failure("no rows", [prices(edited(emptied))], "NoDataInRangeError", 5, "no finished bars", 10),
    Failure(
        "400, no such dates",
        [prices(NO_SUCH_DATES)],
        "NoDataInRangeError",
        5,
        "Data doesn't exist for startDate",
        10,
    ),
    Failure(
        "split not applied",
        [prices(edited(unsplit))],
        "DataError",
        4,
        "seems not to be applied",
        10,
    ),
    Failure("one row x100", [prices(edited(in_pence))], "DataError", 4, "change of unit", 10),
    Failure(
        "no adjusted closes",
        [prices(edited(lambda chart: chart["indicators"].pop("adjclose")))],
        "BadResponseError",
        6,
        "no adjusted closes",
        20,
    ),
    Failure(
        "columns of different length",
        [prices(edited(lambda chart: quote(chart)["close"].pop()))],
        "BadResponseError",
        6,
        "cannot be used",
        20,
    ),
    Failure(
        "no time zone",
        [prices(edited(lambda chart: chart["meta"].pop("exchangeTimezoneName")))],
        "BadResponseError",
        6,
        "exchangeTimezoneName",
        20,
    ),
    Failure(
        "another symbol's answer",
        [prices(edited(lambda chart: chart["meta"].update(symbol="MSFT")))],
        "BadResponseError",
        6,
        "it is about MSFT",
        20,
    ),
    Failure(
        "a currency that the store would not read again",
        [prices(edited(lambda chart: chart["meta"].update(currency=["USD"])))],
        "DataError",
        4,
        r"the currency of AAPL from yahoo is \['USD'\], which cannot be one",
        20,
    ),
    Failure(
        "a reason without end",
        [prices(Reply.of({"chart": {"error": {"description": "no bars " * 10_000}}}, 404))],
        "SymbolNotFoundError",
        5,
        r"^.{100,250}$",
        10,
    ),
    Failure(
        "black hole",
        [Fault("any", Reply(delay=30.0))],
        "NetworkTroubleError",
        6,
        "did not answer within 1 s",
        60,
        seconds=SHORT,
    ),
]


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: case.name)
def test_a_fault_ends_in_its_error_and_leaves_the_store_alone(
    case: Failure, yahoo: FakeYahoo, program: Any
) -> None:
    bars = yahoo.listings["AAPL"].until(date(2026, 5, 29)).bars
    known = as_history(bars, "AAPL", source="yahoo")
    program.store.save(replace(known, details={"requested_start": "2025-12-01"}))
    stored = program.store.path("AAPL", "yahoo").read_bytes()
    yahoo.faults = [replace(fault) for fault in case.faults]

    ran = program.fetch(case.symbol, "--full", *RANGE, "--timeout", str(case.seconds))

    assert ran.exit_code == case.exit_code, ran.stderr
    (outcome,) = ran.json
    assert outcome["error"]["kind"] == case.kind
    assert re.search(case.says, outcome["error"]["message"]), outcome["error"]["message"]
    assert outcome["error"]["hint"]
    assert ran.stderr.count("error:") == 1
    assert "Traceback" not in ran.stderr
    assert 1 <= len(yahoo.kinds) <= case.most_requests
    assert ran.seconds < case.seconds + 1
    assert program.store.path("AAPL", "yahoo").read_bytes() == stored
    assert [entry.symbol for entry in program.store.entries()] == ["AAPL"]


@dataclass(frozen=True)
class Survival:
    """A fault that leaves usable bars: how many, and what is said of it."""

    name: str
    faults: list[Fault]
    rows: int
    finding: str | None = None
    says: str = ""


SURVIVALS = [
    Survival("no fault", [], 120),
    Survival("429 once", [prices(BUSY, times=1)], 120),
    Survival("500 twice", [prices(BROKEN, times=2)], 120),
    Survival("429 on the crumb", [Fault("crumb", BUSY)], 120),
    Survival("cookie host drops", [Fault("cookie", Reply(drop=True))], 120),
    Survival("cookie host hangs", [Fault("cookie", Reply(404, delay=3.0))], 120),
    Survival(
        "prices missing, volume there",
        [prices(edited(without([50, -1], PRICES)))],
        118,
        "missing_prices",
        "2 rows without a price left out: 2026-03-20, 2026-06-30",
    ),
    Survival(
        "prices and volume missing",
        [prices(edited(without([50, -1], (*PRICES, "volume"))))],
        118,
        "missing_prices",
        "2026-03-20, 2026-06-30",
    ),
    Survival(
        "close missing",
        [prices(edited(without([50], ("close",))))],
        119,
        "missing_prices",
        "1 row without",
    ),
    Survival("last bar twice", [prices(edited(doubled(-1)))], 120, "duplicate_rows", "2026-06-30"),
    Survival(
        "last bar twice, the second live",
        [prices(edited(doubled(-1, later=23400)))],
        120,
        "duplicate_rows",
        "2026-06-30",
    ),
    Survival(
        "middle bar twice", [prices(edited(doubled(50)))], 120, "duplicate_rows", "2026-03-20"
    ),
    Survival("out of order", [prices(edited(shuffled))], 120, "row_order", "out of order"),
    Survival(
        "two sessions missing",
        [prices(edited(gap))],
        118,
        "missing_sessions",
        r"missing 2 of 120 sessions of XNYS \(1.7 %, up to 1 in a row\)",
    ),
    Survival("a row after the end", [prices(edited(too_late))], 120),
]


@pytest.mark.parametrize("case", SURVIVALS, ids=lambda case: case.name)
def test_what_can_be_used_is_stored_and_what_was_odd_is_said(
    case: Survival, yahoo: FakeYahoo, program: Any
) -> None:
    yahoo.faults = [replace(fault) for fault in case.faults]

    ran = program.fetch("AAPL", *RANGE)

    assert ran.exit_code == 0, ran.stderr
    (outcome,) = ran.json
    assert outcome["rows"] == case.rows
    assert outcome["last"] <= "2026-06-30"
    said = {finding["check"]: finding["message"] for finding in outcome["findings"]}
    if case.finding is None:
        assert said == {}
    else:
        assert re.search(case.says, said[case.finding]), said
        assert said[case.finding] in ran.stderr
    assert ran.seconds < TIMEOUT + 1
    history = program.store.load("AAPL", "yahoo")
    assert len(history) == case.rows
    assert [finding.check for finding in history.findings] == list(said)


@pytest.mark.parametrize(
    ("row", "volume", "empty"),
    [(50, None, 0), (50, 0, 1), (-2, 0, 0), (-2, None, 1), (-1, None, 0), (-1, 0, 1)],
)
def test_of_a_day_sent_twice_the_row_with_numbers_is_kept(
    row: int, volume: int | None, empty: int, yahoo: FakeYahoo, program: Any
) -> None:
    def once_empty(chart: Chart) -> None:
        at = row % len(chart["timestamp"])
        doubled(row, later=60)(chart)
        without([at + empty], (*PRICES, "volume"))(chart)
        quote(chart)["volume"][at + empty] = volume

    wanted = yahoo.listings["AAPL"].bars
    yahoo.faults = [prices(edited(once_empty))]
    ran = program.fetch("AAPL", *RANGE)
    assert ran.exit_code == 0, ran.stderr
    assert [finding["check"] for finding in ran.json[0]["findings"]] == ["duplicate_rows"]
    stored = program.store.load("AAPL", "yahoo").bars
    for name in (*PRICES, "adj_close"):
        np.testing.assert_allclose(stored[name], wanted[name], rtol=1e-12)
    np.testing.assert_allclose(stored["volume"], wanted["volume"], atol=1000)


@pytest.mark.parametrize("lacking", [None, 0.0])
def test_old_bars_without_an_open_keep_their_rows(
    lacking: float | None, yahoo: FakeYahoo, program: Any
) -> None:
    def old(chart: Chart) -> None:
        quote(chart)["open"][:40] = [lacking] * 40

    wanted = yahoo.listings["AAPL"].bars
    yahoo.faults = [prices(edited(old))]
    ran = program.fetch("AAPL", *RANGE)
    assert ran.exit_code == 0, ran.stderr
    (finding,) = ran.json[0]["findings"]
    assert finding["message"].startswith("40 rows kept without `open`: from ")
    stored = program.store.load("AAPL", "yahoo").bars
    np.testing.assert_allclose(stored["close"], wanted["close"], rtol=1e-12)
    assert list(stored["open"].isna()) == [True] * 40 + [False] * 80


def test_suspect_prices_are_stored_when_accepted(yahoo: FakeYahoo, program: Any) -> None:
    yahoo.faults = [prices(edited(in_pence))]
    ran = program.fetch("AAPL", *RANGE, "--accept-suspect")
    assert ran.exit_code == 0, ran.stderr
    (outcome,) = ran.json
    assert [finding["check"] for finding in outcome["findings"]] == ["wrong_scale"]
    assert "x100" in outcome["findings"][0]["message"]


def test_waiting_is_what_the_server_asked_for(yahoo: FakeYahoo, program: Any) -> None:
    yahoo.faults = [prices(replace(BUSY, headers=(("Retry-After", "900"),)))]
    (outcome,) = program.fetch("AAPL", *RANGE).json
    assert "wait 900 s" in outcome["error"]["hint"]


def test_a_certificate_that_is_not_trusted_is_not_asked_again(
    yahoo: FakeYahoo, program: Any, tmp_path: Any
) -> None:
    other = type(program.loopback.authority)(tmp_path)
    ran = program.run(
        "fetch", "AAPL", "--json", "--proxy", program.loopback.url, "--ca-bundle", str(other.bundle)
    )
    assert ran.exit_code == 6
    assert "certificate of query2.finance.yahoo.com is not trusted" in ran.stderr
    assert "--ca-bundle" in ran.stderr
    assert "tries" not in ran.stderr
    assert yahoo.kinds == []
