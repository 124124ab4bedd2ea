"""`lstmcast track`, and the record that `forecast` keeps."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.histories import simulated
from support.ledgers import WEIGHTS, evening, issue_daily, mixture, row_of, told
from support.program import Workplace
from support.unlike import tokyo

from lstmcast.ledger import MODEL, Ledger, StoredBars, grade, record, track
from lstmcast.ledger.schema import APPLICATION_ID

DAYS = 12
LEDGER = "ledger.sqlite"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Two symbols; ranges of one are right, those of the other far too narrow.

    Some of what was issued has not come, some was issued twice, some was replayed.
    """
    stocked = Workplace.make(tmp_path_factory.mktemp("track"), simulated(1), tokyo(rows=420))
    path = stocked.store.root / LEDGER
    for number, (history, width) in enumerate(((simulated(1), 1.0), (tokyo(rows=420), 0.03))):
        days = list(range(len(history) - DAYS, len(history)))
        forecast = mixture(DAYS, 2, width=width, seed=number)
        issue_daily(path, stocked.store, history, days, forecast, run="one" if number else None)
    again = told(simulated(1), len(simulated(1)) - 3, row_of(forecast, 0), "one")
    record(path, [again], stocked.store, issued_at=evening(simulated(1).bars.index[-3], 23.9))
    record(path, [again], stocked.store, replayed=True)
    return stocked


def shown(place: Workplace, *words: str | Path) -> Any:
    result = place.invoke("track", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fails(place: Workplace, code: int, *words: str | Path) -> str:
    result = place.invoke(*words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stderr


def test_scores_are_those_of_the_library(place: Workplace) -> None:
    table = grade(Ledger(place.store.root / LEDGER).entries(), StoredBars(place.store))
    expected = track(table[~table["replayed"]]).to_dict()
    found = shown(place, "score")
    assert found == {**expected, "conditions": []}
    assert found["rows"] == {"counted": 42, "waiting": 6, "late": 0, "repeated": 2, "lost": 0}
    assert list(found["overall"]["1"]) == [MODEL, "random_walk", "ewma", "har"]
    assert list(found["symbols"]) == ["7203.T", "AAA"]
    alone = shown(place, "score", "--symbol", "aaa")
    assert alone["overall"]["2"][MODEL] == found["symbols"]["AAA"]["2"][MODEL]
    text = place.invoke("track", "score").stdout
    for word in ("model", "random walk", "EWMA", "HAR", "AAA", "7203.T", *found["months"]):
        assert word in text
    assert f"{found['overall']['1'][MODEL]['coverage_80']:.1%}" in text
    assert text.splitlines()[-1] == "rows at all horizons: 42 counted, 6 waiting, 2 repeated"
    assert "two sessions" not in text
    replayed = place.invoke("track", "score", "--replayed").stdout
    assert "Replayed forecasts, one session ahead" in replayed
    assert "Issued" not in replayed
    further = place.invoke("track", "score", "--horizon", "2").stdout
    assert "Issued forecasts, 2 sessions ahead" in further
    assert f"{found['overall']['2'][MODEL]['coverage_50']:.1%}" in further


def test_entries_are_chosen_by_symbol_run_and_day(place: Workplace) -> None:
    numbers = {
        (): 25,
        ("--symbol", "AAA"): 13,
        ("--symbol", "csv:7203.T"): 12,
        ("--symbol", "AAA", "--symbol", "7203.T"): 25,
        ("--run", "one"): 13,
        ("--run", "pretrained"): 12,
        ("--run", "one", "--symbol", "AAA"): 1,
        ("--replayed",): 1,
        ("--since", f"{simulated(1).last:%Y-%m-%d}", "--symbol", "AAA"): 1,
        ("--until", "1999-01-01"): 0,
    }
    for words, count in numbers.items():
        assert len(shown(place, "show", *words, "--limit", "99")) == count, words
    assert "no entry is like that" in place.invoke("track", "show", "--until", "1999-01-01").stderr


def test_entries_are_shown_with_what_came(place: Workplace) -> None:
    entries = shown(place, "show", "--limit", "3")
    assert [entry["number"] for entry in entries] == [23, 24, 25]
    newest = shown(place, "show", "--symbol", "AAA")[-2]
    assert newest["origin"] == f"{simulated(1).last:%Y-%m-%d}"
    assert newest["weights_sha256"] == WEIGHTS
    assert newest["baselines"] == ["ewma", "har_range", "random_walk"]
    assert [row["state"] for row in newest["sessions"]] == ["waiting"] * 2
    assert newest["sessions"][0]["return_actual"] is None
    text = place.invoke("track", "show", "--symbol", "AAA").stdout
    assert text.startswith("13 entries\n")
    assert "pretrained" in text
    assert text.count("repeated") == 1
    before = shown(place, "show", "--symbol", "AAA")[0]["sessions"][0]
    assert f"{100 * before['q10']:+.2f}" in text
    assert f"{100 * before['return_actual']:+.2f}" in text


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_every_row_is_exported(place: Workplace, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"rows.{form}"
    result = place.invoke("track", "export", path)
    assert (result.exit_code, result.stdout) == (0, "")
    # Two symbols, twelve days, four forecasters, two horizons; and one that was issued again.
    assert result.stderr == f"wrote 200 rows to {path}\n"
    table = (
        pd.read_csv(path) if form == "csv"
        else pd.read_parquet(path) if form == "parquet"
        else pd.DataFrame(json.loads(path.read_text()))
    )  # fmt: skip
    assert len(table) == 200
    expected = grade(Ledger(place.store.root / LEDGER).entries(), StoredBars(place.store))
    expected = expected[~expected["replayed"]].reset_index(drop=True)
    for name in ("q025", "log_density", "return_actual", "close_origin"):
        np.testing.assert_allclose(
            table[name].astype(float), expected[name], rtol=1e-15, atol=1e-300
        )
    assert table["state"].tolist() == expected["state"].tolist()
    assert table["date"].astype(str).str[:10].tolist() == [
        f"{d:%Y-%m-%d}" for d in expected["date"]
    ]


def test_a_condition_that_holds_ends_the_command_after_its_output(place: Workplace) -> None:
    words = ("track", "score", "--symbol", "7203.T", "--fail-if")
    result = place.invoke(*words, "coverage_80<0.8", "--fail-if", "coverage_95<0.05", "--json")
    assert result.exit_code == 12
    found = json.loads(result.stdout)["conditions"]
    assert [one["holds"] for one in found] == [True, False]
    assert f"error: `coverage_80<0.8` since {found[0]['since']}: " in result.stderr
    assert "coverage_95" not in result.stderr
    text = place.invoke(*words, "coverage_80<0.8")
    assert f"coverage_80<0.8: holds since {found[0]['since']}; " in text.stdout
    assert (
        place.invoke("track", "score", "--symbol", "AAA", "--fail-if", "coverage_80<0.8").exit_code
        == 0
    )


def test_a_condition_without_outcomes_says_so(place: Workplace) -> None:
    result = place.invoke("track", "score", "--until", "1999-01-01", "--fail-if", "coverage_80<0.8")
    assert (result.exit_code, result.stdout) == (0, "coverage_80<0.8: no outcome yet\n")
    assert "nothing that counts has come true yet: no forecast" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        (("score", "--fail-if", "crps<1"), 2, "`--fail-if` names `crps`"),
        (("score", "--fail-if", "coverage_80@9<0.7"), 2, "asks for horizon 9"),
        (("score", "--horizon", "9"), 2, "`--horizon` 9 has no outcome"),
        (("score", "--symbol", "ZZZ"), 2, "`--symbol` ZZZ is not in the ledger"),
        (("score", "--symbol", "yahoo:AAA"), 2, "`--symbol` yahoo:AAA is not in the ledger"),
        (("score", "--symbol", "a b"), 2, "cannot be a ticker"),
        (("show", "--run", "two"), 2, "`--run` two is not in the ledger"),
        (("show", "--since", "yesterday"), 2, "`--since` is 'yesterday', which is not a date"),
        (("show", "--since", "2020-01-02", "--until", "2020-01-01"), 2, "is after `--until`"),
        (("export", "rows.xls"), 2, "`FILE` rows.xls does not say which format"),
        (("export", "/dev/full", "--format", "csv"), 10, "`/dev/full` cannot be written"),
        (("export", "/nowhere/rows.csv"), 10, "`/nowhere/rows.csv` cannot be written"),
        (("check", "--expect", "beef"), 17, "`--expect` beef is no entry of the ledger"),
        (("plot", "--level", "85"), 2, "Invalid value for '--level'"),
        (("plot", "--horizon", "9"), 2, "`--horizon` 9 was not forecast"),
        (("plot", "--until", "1999-01-01"), 4, "no forecast that counts has come true yet"),
        (("plot", "-o", "/nowhere/a.png"), 10, "`/nowhere/a.png` cannot be written"),
    ],
)
def test_what_cannot_be_told_is_one_line_and_a_code(
    place: Workplace, words: tuple[str, ...], code: int, fault: str
) -> None:
    assert fault in fails(place, code, "track", *words)


def test_the_chain_is_verified_and_its_end_told(place: Workplace, tmp_path: Path) -> None:
    last = Ledger(place.store.root / LEDGER).entries()[-1]
    found = shown(place, "check", "--expect", last.sha256.upper())
    assert (found["entries"], found["sha256"]) == (26, last.sha256)
    assert last.sha256 in place.invoke("track", "check").stdout
    other = tmp_path / "other.sqlite"
    other.write_bytes((place.store.root / LEDGER).read_bytes())
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("UPDATE quantiles SET q10 = q10 + 1e-12 WHERE entry = 7 AND horizon = 1")
    for words in (("check",), ("score",), ("show",), ("plot",)):
        told_ = fails(place, 17, "track", *words, "--ledger", other)
        assert "was altered: entry 7 is not what its hash was taken of" in told_


def test_coverage_is_drawn_beside_the_ledger_or_where_it_is_asked_for(
    place: Workplace, tmp_path: Path
) -> None:
    result = place.invoke("track", "plot", "--level", "95")
    assert result.exit_code == 0, result.output
    path = place.store.root / "charts" / "coverage-95.png"
    assert result.stderr == f"wrote {path}\n"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert place.invoke("track", "plot", "--horizon", "2", "-o", tmp_path / "a.svg").exit_code == 0
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


BAD = {
    "none": (17, "there is no ledger"),
    "locked": (17, "is locked by another process"),
    "foreign": (17, "is a SQLite database of another program"),
    "newer": (17, "has schema 2, this lstmcast reads up to 1"),
    "damaged": (17, "is not a ledger: file is not a database"),
    "folder": (10, "is a folder"),
}


def spoilt(kind: str, path: Path) -> sqlite3.Connection | None:
    if kind == "damaged":
        path.write_bytes(b"not a ledger" * 400)
    elif kind == "folder":
        path.mkdir()
    elif kind != "none":
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("CREATE TABLE entries (number)")
        if kind != "foreign":
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {2 if kind == 'newer' else 1}")
        if kind == "locked":
            connection.execute("BEGIN EXCLUSIVE")
            return connection
        connection.close()
    return None


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_ledger_is_one_line_and_its_code(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("lstmcast.ledger.database.LOCK_TIMEOUT", 0.05)
    code, fault = BAD[kind]
    path = tmp_path / "bad.sqlite"
    held = spoilt(kind, path)
    for words in (("score",), ("check",), ("export", str(tmp_path / "x.csv"))):
        told_ = fails(place, code, "track", *words, "--ledger", path)
        assert fault in told_
        assert len(told_.splitlines()) == 2  # the error and its hint
    assert not (tmp_path / "x.csv").exists()
    if held:
        held.close()


@pytest.fixture(scope="module")
def issuing(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace.make(tmp_path_factory.mktemp("issue"), simulated(1, 90), tokyo(rows=90))


def forecast(place: Workplace, *words: str | Path) -> Any:
    return place.invoke("forecast", "AAA", "7203.T", "--horizon", "2", *words)


def test_what_is_forecast_is_recorded(issuing: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2012, 5, 7, 22, tzinfo=UTC)
    monkeypatch.setattr("lstmcast.cli.recording._now", lambda: moment)
    shown_ = forecast(issuing, "--json")
    assert shown_.exit_code == 0, shown_.output
    entries = Ledger(issuing.store.root / LEDGER).entries()
    told_ = {each["symbol"]: each for each in json.loads(shown_.stdout)["symbols"]}
    assert [entry.issued.symbol for entry in entries] == list(told_) == ["AAA", "7203.T"]
    for entry in entries:
        each = told_[entry.issued.symbol]
        assert (entry.issued.run, entry.issued.replayed) == (None, False)
        assert entry.issued.moment == moment
        assert (entry.issued.origin, entry.issued.close_origin) == (
            each["origin"], each["close_origin"],
        )  # fmt: skip
        part = entry.issued.statement(MODEL)
        assert part is not None
        assert list(part.dates) == [row["date"] for row in each["sessions"]]
        prices = [[row["q025"], row["q50"], row["q975"]] for row in each["sessions"]]
        found = each["close_origin"] * np.exp(part.numbers[:, [0, 10, 20]])
        np.testing.assert_allclose(found, prices, rtol=1e-12)
    history = issuing.store.load("AAA", "csv")
    assert entries[0].issued.data_sha256 == history.sha256
    # A forecast as of an earlier day is marked, whatever is stored by now; another is not recorded.
    day = f"{history.bars.index[-5]:%Y-%m-%d}"
    assert issuing.invoke("forecast", "AAA", "--as-of", day).exit_code == 0
    assert issuing.invoke("forecast", "AAA", "--no-record").exit_code == 0
    entries = Ledger(issuing.store.root / LEDGER).entries()
    assert [entry.issued.replayed for entry in entries] == [False, False, True]
    assert entries[2].issued.origin == day
    assert entries[2].issued.data_sha256 == history.between(None, day).sha256


def test_a_forecast_is_shown_in_full_where_it_cannot_be_recorded(
    issuing: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gap in the record must be heard of, and is no reason to keep a forecast back."""
    monkeypatch.setattr("lstmcast.ledger.database.LOCK_TIMEOUT", 0.05)
    plain = forecast(issuing, "--no-record")
    for kind in ("locked", "foreign", "damaged", "folder"):
        code, fault = BAD[kind]
        path = tmp_path / f"{kind}.sqlite"
        held = spoilt(kind, path)
        result = forecast(issuing, "--ledger", path, "--csv", tmp_path / f"{kind}.csv")
        assert (result.exit_code, result.stdout) == (code, plain.stdout)
        told_ = result.stderr.splitlines()
        assert told_[-2].startswith("error: the forecasts were not recorded: ")
        assert fault in told_[-2]
        assert told_[-1].startswith("hint: ")
        assert (tmp_path / f"{kind}.csv").exists()
        if held:
            held.close()


def test_a_symbol_that_fails_leaves_the_others_recorded(issuing: Workplace, tmp_path: Path) -> None:
    path = tmp_path / LEDGER
    result = issuing.invoke("forecast", "AAA", "NONE", "--ledger", path)
    assert result.exit_code == 13
    assert [entry.issued.symbol for entry in Ledger(path).entries()] == ["AAA"]
    # Both faults are told, and the code is that of the forecast.
    path.write_bytes(b"not a ledger" * 400)
    result = issuing.invoke("forecast", "AAA", "NONE", "--ledger", path)
    assert result.exit_code == 13
    assert "error: the forecasts were not recorded: " in result.stderr
    assert "error: 1 of 2 symbols failed: NONE" in result.stderr
