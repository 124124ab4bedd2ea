"""`lstmcast data`: what is stored, from where, how fresh, and whether it is whole."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.bars import make_frame, make_history
from typer.testing import CliRunner

from lstmcast.cli.app import app
from lstmcast.errors import StoreError, UsageError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.maintenance import find, sessions_behind, with_freshness
from lstmcast.prices.store import PriceStore, StoreEntry


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the sample's AAPL and IBM; copied by each test."""
    folder = tmp_path_factory.mktemp("sample") / "data"
    words = ["fetch", "AAPL", "IBM", "--source", "sample", "--data-dir", str(folder)]
    assert CliRunner().invoke(app, words).exit_code == 0
    return folder


@pytest.fixture
def stocked(program: Any, fetched: Path) -> PriceStore:
    """A store with the sample's AAPL and IBM, and an AAPL of one's own."""
    shutil.copytree(fetched, program.store.root)
    program.store.save(make_history("AAPL", "csv"))
    store: PriceStore = program.store
    return store


def test_list(program: Any, stocked: PriceStore) -> None:
    ran = program.run("data", "list")
    assert ran.exit_code == 0
    head, _, *rows = ran.stdout.splitlines()  # a rule lies below the header
    assert [line.split()[:3] for line in (head, *rows)] == [
        ["symbol", "source", "sessions"],
        ["AAPL", "csv", "300"],
        ["AAPL", "sample", "3270"],
        ["IBM", "sample", "3270"],
    ]
    assert "just now" in ran.stdout
    entries = program.run("data", "list", "--json").json
    assert entries[1]["last"] == "2013-03-01"
    assert entries[1]["sha256"] == stocked.load("AAPL", "sample").sha256
    assert entries[1]["sessions_behind"] == sessions_behind(stocked.load("AAPL", "sample"))
    shown = " ".join(ran.stdout.split())
    assert f"AAPL sample 3270 2000-03-01 2013-03-01 {entries[1]['sessions_behind']:,} just" in shown
    stocked.path("IBM", "sample").write_bytes(b"nothing")
    assert "damaged" in program.run("data", "list").stdout


def test_an_empty_store_says_how_to_begin(program: Any) -> None:
    ran = program.run("data", "list")
    assert (ran.exit_code, ran.stdout) == (0, "")
    assert "start with: lstmcast fetch AAPL" in ran.stderr
    assert program.run("data", "check", "--json").json == []


@pytest.mark.usefixtures("stocked")
def test_show(program: Any) -> None:
    ran = program.run("data", "show", "ibm", "--rows", "2")
    assert ran.exit_code == 0, ran.stderr
    assert "Quandl WIKI, public domain" in ran.stdout
    assert "2013-03-01" in ran.stdout
    about = program.run("data", "show", "sample:AAPL", "--json").json
    assert about["missing"] == ["dividends", "splits"]
    assert [bar["date"] for bar in about["bars"]][-1] == "2013-03-01"
    assert about["bars"][-1]["close"] == 430.47
    assert about["findings"][0]["check"] == "large_move"
    several = program.run("data", "show", "AAPL")
    assert several.exit_code == 2
    assert "`AAPL` is stored from csv and sample" in several.stderr
    absent = program.run("data", "show", "TSLA")
    assert absent.exit_code == 7
    assert "hint: `lstmcast fetch TSLA`" in absent.stderr


def test_check_names_every_file_that_is_not_whole(program: Any, stocked: PriceStore) -> None:
    ran = program.run("data", "check")
    assert ran.exit_code == 0, ran.stderr
    assert "IBM from sample: 3270 sessions, hash verified" in ran.stdout
    assert "warning: AAPL fell 51.9 % on 2000-09-29: check for an unrecorded split" in ran.stdout
    path = stocked.path("IBM", "sample")
    path.write_bytes(path.read_bytes()[:-100])
    ran = program.run("data", "check", "--json")
    assert ran.exit_code == 7
    assert "error: 1 of 3 files cannot be used: sample:IBM" in ran.stderr
    assert [bool(item["problem"]) for item in ran.json] == [False, False, True]
    assert len(program.run("data", "check", "AAPL", "--json").json) == 2
    assert len(program.run("data", "check", "csv:AAPL", "--json").json) == 1
    assert program.run("data", "check", "TSLA").exit_code == 7


def test_export_and_back(program: Any, stocked: PriceStore, tmp_path: Path) -> None:
    history = stocked.load("IBM", "sample")
    folder = tmp_path / "files"
    for form in ("csv", "parquet"):
        ran = program.run(
            "data", "export", "IBM", "-o", str(folder / f"I.{form}"), "--format", form
        )
        assert ran.exit_code == 0, ran.stderr
        back = program.run(
            "fetch", f"{form}", "--source", "csv", "--path", str(folder / f"I.{form}")
        )
        assert back.exit_code == 0, back.stderr
        assert stocked.load(form, "csv").sha256 == history.sha256
    ran = program.run("data", "export", "IBM", "csv:AAPL", "-o", str(folder))
    assert ran.exit_code == 0
    assert {path.name for path in folder.iterdir()} == {"I.csv", "I.parquet", "IBM.csv", "AAPL.csv"}
    printed = program.run("data", "export", "IBM")
    assert printed.stdout == (folder / "IBM.csv").read_text()
    assert printed.stderr == ""


def test_export_adjusted(program: Any, stocked: PriceStore, tmp_path: Path) -> None:
    target = tmp_path / "adjusted.csv"
    program.run("data", "export", "IBM", "-o", str(target), "--adjusted")
    frame = pd.read_csv(target, index_col="date", parse_dates=True)
    assert list(frame) == ["open", "high", "low", "close", "volume"]
    history = stocked.load("IBM", "sample")
    assert frame["close"].tolist() == history.bars["adj_close"].tolist()


@pytest.mark.usefixtures("stocked")
def test_what_export_refuses(program: Any, tmp_path: Path) -> None:
    ran = program.run("data", "export", "IBM", "csv:AAPL")
    assert ran.exit_code == 2
    assert "`--output` is missing" in ran.stderr
    (tmp_path / "file").write_text("in the way")
    ran = program.run("data", "export", "IBM", "-o", str(tmp_path / "file" / "ibm.csv"))
    assert ran.exit_code == 10
    assert "cannot be made: File exists" in ran.stderr
    assert ran.stderr.count("\n") == 2


@pytest.mark.usefixtures("stocked")
def test_remove_asks_first(program: Any) -> None:
    ran = program.run("data", "remove", "IBM")
    assert ran.exit_code == 2
    assert "`--yes` is missing" in ran.stderr
    assert program.store.sources("IBM") == ["sample"]
    ran = program.run("data", "remove", "IBM", "csv:AAPL", "--yes")
    assert ran.exit_code == 0
    assert "IBM from sample: removed" in ran.stderr
    assert [(entry.symbol, entry.source) for entry in program.store.entries()] == [
        ("AAPL", "sample")
    ]
    assert program.run("data", "remove", "IBM", "--yes").exit_code == 7


def test_finding_what_is_meant(stocked: PriceStore) -> None:
    assert find(stocked, "ibm") == ("sample", "IBM")
    assert find(stocked, "csv:aapl") == ("csv", "AAPL")
    assert find(stocked, "AAPL", "sample") == ("sample", "AAPL")
    with pytest.raises(StoreError, match="IBM is stored from sample, not from yahoo"):
        find(stocked, "yahoo:IBM")
    with pytest.raises(UsageError, match="cannot be a ticker"):
        find(stocked, "csv:../../etc")


@pytest.mark.parametrize(
    ("today", "behind"),
    [
        (date(2024, 6, 28), 0),
        (date(2024, 6, 30), 0),  # a weekend
        (date(2024, 7, 1), 0),  # Monday's session is not over
        (date(2024, 7, 2), 1),
        (date(2024, 7, 8), 4),  # with the holiday of 4 July
    ],
)
def test_how_far_behind_a_history_is(today: date, behind: int) -> None:
    history = PriceHistory.from_frame(make_frame(), symbol="AAPL", source="csv")
    assert sessions_behind(history, today) == behind


def test_how_far_behind_each_stored_history_is(tmp_path: Path) -> None:
    """Each by its own exchange, over 4 July 2024: from a Friday to the Tuesday after next."""
    store, today = PriceStore(tmp_path), date(2024, 7, 9)
    shanghai = make_frame(last="2024-06-28", calendar="XSHG", sessions=900)
    for symbol, frame in {
        "AAPL": make_frame(sessions=900),
        "600036.SS": shanghai,
        "BTC-USD": make_frame(last="2024-06-29", calendar="every day"),
        "NEW": make_frame(last="2024-07-08", sessions=5),
        "BAD": make_frame(),
    }.items():
        store.save(PriceHistory.from_frame(frame, symbol=symbol, source="csv"))
    level = make_frame()[["close"]]
    store.save(PriceHistory.from_frame(level, symbol="DGS10", source="fred", kind="level"))
    path = store.path("BAD", "csv")
    content = bytearray(path.read_bytes())
    content[200] ^= 1  # a bar; the metadata at the end are whole
    path.write_bytes(content)
    found = {entry.symbol: (behind, entry.state) for entry, behind in _fresh(store, today)}
    assert found == {
        "600036.SS": (6, "readable"),
        "AAPL": (5, "readable"),
        "BAD": (None, "damaged"),
        "BTC-USD": (9, "readable"),
        "DGS10": (None, "readable"),
        "NEW": (0, "readable"),
    }
    assert [entry.problem for entry, _ in _fresh(store, today) if entry.symbol == "BAD"] != [None]


def _fresh(store: PriceStore, today: date) -> list[tuple[StoreEntry, int | None]]:
    return list(with_freshness(store, store.entries(), today))
