"""`lstmcast fetch` from the outside: as a process, and many symbols at once."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.bars import make_frame
from support.fake_yahoo import FakeYahoo, Fault, asks_for_range, listing
from support.loopback import Loopback, Reply

from lstmcast.features import build_features, default_groups
from lstmcast.prices import batch
from lstmcast.prices.store import PriceStore


def run_process(
    folder: Path, loopback: Loopback, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, led to the loopback internet by its environment alone."""
    clean = {
        name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")
    }
    environment = {
        **clean,
        **loopback.environment(),
        "LSTMCAST_DATA_DIR": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    return subprocess.run(
        [sys.executable, "-m", "lstmcast", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_the_program_fetches_through_the_real_client(tmp_path: Path, loopback: Loopback) -> None:
    fake = FakeYahoo()
    fake.add(listing(sessions=400))
    loopback.handlers["yahoo.com"] = fake
    done = run_process(tmp_path, loopback, "fetch", "AAPL")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "AAPL from yahoo: 400 sessions" in done.stderr
    assert fake.kinds == ["cookie", "crumb", "chart", "chart"]
    hosts = {request.host for request, _ in loopback.requests}
    assert hosts == {"fc.yahoo.com", "query1.finance.yahoo.com", "query2.finance.yahoo.com"}
    history = PriceStore(tmp_path / "data").load("AAPL", "yahoo")
    assert (len(history), history.currency, history.timezone) == (400, "USD", "America/New_York")
    assert history.missing == ()
    features = build_features(history, default_groups([history]))
    assert len(features.table) > 300  # it can be trained on

    fake.kinds.clear()
    again = run_process(tmp_path, loopback, "fetch", "AAPL", "NOPE", "--json")
    assert again.returncode == 13, again.stderr
    known, unknown = json.loads(again.stdout)
    assert known["action"] == "unchanged"
    assert fake.kinds[:2] == ["crumb", "chart"]  # the cookie and the time zone are on disk
    assert unknown["error"]["message"].startswith("Yahoo has no symbol NOPE")
    assert again.stderr.endswith("error: 1 of 2 symbols failed: NOPE\n")
    assert "Traceback" not in again.stderr


@pytest.mark.slow
def test_neither_help_nor_a_fetch_loads_what_it_does_not_need(tmp_path: Path) -> None:
    """One process after another command: what one has loaded is loaded for those after it."""
    code = (
        "import sys\n"
        "from lstmcast.cli.app import app\n"
        "for command in sys.argv[1:]:\n"
        "    try: app(command.split())\n"
        "    except SystemExit as ended: assert not ended.code, command\n"
        "    names = sorted({name.partition('.')[0] for name in sys.modules})\n"
        "    print('\\nmodules:', *names)\n"
    )
    shows = ("data list", "data show AAPL", "data check", "data export AAPL")
    done = subprocess.run(
        [sys.executable, "-c", code, "fetch --help", "fetch AAPL --source sample", *shows],
        env={**os.environ, "LSTMCAST_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("modules: ")]
    helped, fetched, *shown = (set(line.split()) for line in lines)
    assert len(shown) == len(shows)
    assert not helped & {"torch", "pandas", "yfinance", "matplotlib", "numpy"}
    assert "pandas" in fetched
    needless = {"torch", "yfinance", "matplotlib", "scipy", "sklearn"}
    assert not set().union(fetched, *shown) & needless


def test_one_failure_does_not_stop_the_others(yahoo: FakeYahoo, program: Any) -> None:
    yahoo.add(listing("MSFT"), listing("IBM"))
    ran = program.fetch("AAPL", "NOPE", "MSFT", "IBM", "aapl")
    assert ran.exit_code == 13
    assert [item["symbol"] for item in ran.json] == ["AAPL", "NOPE", "MSFT", "IBM"]
    assert ran.json[1]["error"]["kind"] == "SymbolNotFoundError"
    assert "NOPE: error: Yahoo has no symbol NOPE" in ran.stderr
    assert ran.stderr.splitlines()[-1] == "error: 1 of 4 symbols failed: NOPE"
    assert [entry.symbol for entry in program.store.entries()] == ["AAPL", "IBM", "MSFT"]


def test_a_source_that_cannot_be_reached_is_asked_for_one_symbol(
    yahoo: FakeYahoo, program: Any
) -> None:
    """No proxy listens at port 9; the sample needs no network and goes on."""
    away = ("--proxy", "http://127.0.0.1:9", "--timeout", "5", "--json")
    ran = program.run("fetch", "AAPL", "MSFT", "IBM", *away)
    assert ran.exit_code == 6
    first, *others = [item["error"] for item in ran.json]
    assert first["kind"] == "NetworkTroubleError"
    assert "the connection to query2.finance.yahoo.com failed" in first["message"]
    for error in others:
        assert error["message"] == "not tried: its source could not be reached for AAPL"
        assert (error["kind"], error["exit_code"]) == ("NetworkTroubleError", 6)
    assert ran.stderr.splitlines()[-1] == "error: 3 of 3 symbols failed: AAPL, MSFT, IBM"
    some = program.run("fetch", "AAPL", "sample:IBM", "MSFT", *away)
    assert some.exit_code == 13
    assert [list(item)[2] for item in some.json] == ["error", "action", "error"]
    assert yahoo.kinds == []


def test_hosts_that_say_nothing_cost_one_time_budget(yahoo: FakeYahoo, program: Any) -> None:
    yahoo.faults.append(Fault("any", Reply(delay=3.0)))
    ran = program.fetch("AAPL", "MSFT", "IBM", "--timeout", "1")
    assert ran.exit_code == 6
    assert ran.seconds < 3
    assert "did not answer within 1 s" in ran.json[0]["error"]["message"]
    assert ran.json[2]["error"]["message"].startswith("not tried: ")


def test_a_symbol_whose_answer_breaks_does_not_stop_the_others(
    yahoo: FakeYahoo, program: Any
) -> None:
    yahoo.add(listing("MSFT"))

    def broken(normal: Reply) -> Reply:
        return replace(normal, drop=b'"AAPL"' in normal.body)

    yahoo.faults.append(Fault("chart", broken, None, asks_for_range))
    ran = program.fetch("AAPL", "MSFT", "--timeout", "3")
    assert (ran.exit_code, [len(item) > 3 for item in ran.json]) == (13, [False, True])


@pytest.mark.parametrize(
    ("symbols", "code"), [(("NOPE", "NADA"), 5), (("NOPE", "nowhere:X"), 2), (("NOPE",), 5)]
)
def test_where_none_was_fetched_the_code_is_that_of_their_kind(
    yahoo: FakeYahoo, program: Any, symbols: tuple[str, ...], code: int
) -> None:
    assert program.fetch(*symbols).exit_code == code


def test_symbols_may_come_from_a_file(program: Any, tmp_path: Path) -> None:
    names = tmp_path / "symbols.txt"
    names.write_text("# my stocks\nIBM, MSFT\n\ngoog  # search\nIBM\n")
    ran = program.run("fetch", "AAPL", "--symbols-file", str(names), "--source", "sample")
    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout == ""
    lines = ran.stderr.splitlines()
    table = lines[next(at for at, line in enumerate(lines) if line.startswith("symbol")) :]
    names_shown = [line.split()[0] for line in table if line[0].isalpha()]
    assert names_shown == ["symbol", "AAPL", "IBM", "MSFT", "GOOG"]
    assert len(program.store.entries()) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "`SYMBOL` is missing"),
        (("a/b",), 2, "cannot be a ticker"),
        (("A" * 300,), 2, "has 300 characters"),
        (("AAPL", "--source", "nowhere"), 2, "`--source` is 'nowhere'"),
        (("AAPL", "--source", "csv"), 2, "`--path` is missing"),
        (("AAPL", "--source", "csv", "--path", "/no/such/file"), 2, "no file or folder"),
        (("AAPL", "--path", "mine.csv"), 2, "`--path` is 'mine.csv', and yahoo reads no files"),
        (("AAPL", "--start", "2024"), 2, "`--start` is '2024'"),
        (("AAPL", "--start", "2024-02-01", "--end", "2024-01-01"), 2, "is after `--end`"),
        (("AAPL", "--symbols-file", "/no/such/file"), 2, "cannot be read"),
        (("AAPL", "--ca-bundle", "/no/such/file"), 2, "where there is no file"),
        (("F", "--source", "sample"), 5, "the sample holds AAPL, GOOG, IBM, MSFT, not F"),
        (("AAPL", "--source", "sample", "--start", "2020-01-01"), 5, "has no bars from 2020-01-01"),
    ],
)
def test_wrong_use_is_one_error_with_its_code(
    program: Any, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ran = program.run("fetch", *arguments)
    assert ran.exit_code == code
    assert ran.stdout == ""
    first, *rest = ran.stderr.splitlines()
    assert first.startswith("error: ")
    assert says in first
    assert len(rest) <= 1
    assert not program.store.root.exists() or program.store.entries() == []


def test_one_file_serves_one_symbol(program: Any, tmp_path: Path) -> None:
    make_frame().to_csv(tmp_path / "mine.csv", index_label="date")
    one = ("--source", "csv", "--path", str(tmp_path / "mine.csv"))
    ran = program.run("fetch", "MINE", *one, "--json")
    assert ran.exit_code == 0, ran.stderr
    assert ran.json[0]["rows"] == 300
    two = program.run("fetch", "MINE", "OTHER", *one)
    assert two.exit_code == 2
    assert "`--path` is one file, and 2 symbols were given" in two.stderr


def test_start_cuts_a_file_before_anything_is_checked(program: Any, tmp_path: Path) -> None:
    frame = make_frame()
    frame.loc[frame.index[20], "high"] = 1.0
    frame.to_csv(tmp_path / "MINE.csv", index_label="date")
    fetch = ("fetch", "MINE", "--source", "csv", "--path", str(tmp_path), "--json")
    assert program.run(*fetch).exit_code == 4
    cut = program.run(*fetch, "--start", str(frame.index[21].date()))
    assert cut.exit_code == 0, cut.stderr
    assert (cut.json[0]["rows"], cut.json[0]["findings"]) == (279, [])
    again = program.run(*fetch)  # the start is remembered, as for every source
    assert (again.exit_code, again.json[0]["action"]) == (0, "unchanged")


def test_a_broken_fetch_goes_on_where_it_stopped(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for symbol in ("AAA", "BBB"):
        make_frame().to_csv(folder / f"{symbol}.csv", index_label="date")
    (folder / "BAD.csv").write_text("date,close\nno,price\n")
    words = ("AAA", "BAD", "BBB", "--source", "csv", "--path", str(folder), "--json")

    def fetched(*options: str) -> tuple[int, list[str]]:
        ran = program.run("fetch", *words, *options)
        told.append(ran.stderr)
        return ran.exit_code, [entry["symbol"] for entry in ran.json]

    told: list[str] = []
    assert fetched("--resume") == (13, ["AAA", "BAD", "BBB"])
    # The one that failed is still one of three, whatever of them was asked for this time.
    assert fetched("--resume") == (13, ["BAD"])
    assert "2 of 3 symbols were fetched recently and are skipped" in told[-1]
    assert "BAD: error: `" in told[-1]
    assert "error: 1 of 3 symbols failed: BAD" in told[-1]
    make_frame(sessions=80).to_csv(folder / "BAD.csv", index_label="date")
    assert fetched("--resume") == (0, ["BAD"])
    assert fetched("--resume") == (0, [])
    program.store.path("BBB", "csv").write_bytes(b"damaged")
    assert fetched("--resume", "--full") == (0, ["BBB"])
    monkeypatch.setattr(batch, "LATELY", 0)
    assert fetched("--resume") == (0, ["AAA", "BAD", "BBB"])
