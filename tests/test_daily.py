"""The page on running it daily: its script is run, on symbols of which one fails."""

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from support.histories import simulated
from typer.testing import CliRunner

from lstmcast import errors
from lstmcast.cli.app import app

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "daily.sh"
PAGE = (ROOT / "docs" / "daily.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Files of two symbols on days of their own and of one without prices, a list, a program."""
    (tmp_path / "files").mkdir()
    today = pd.Timestamp(datetime.now(UTC).date())
    for number, (symbol, rows) in enumerate((("AAA", 260), ("BBB", 120))):
        bars = simulated(number, rows).bars[["open", "high", "low", "close", "volume"]]
        bars.index = pd.bdate_range(end=today - pd.Timedelta(days=1 + number), periods=rows)
        bars.to_csv(tmp_path / "files" / f"{symbol}.csv", index_label="date")
    (tmp_path / "files" / "BAD.csv").write_text("date,close\nno,price\n")
    (tmp_path / "symbols.txt").write_text("AAA  # the first\n\n# BAD comes between\nBAD\nBBB\n")
    (tmp_path / "program").touch(0o755)
    return tmp_path


def run(place: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *words],
        env={
            **os.environ,
            "LSTMCAST": str(place / "program"),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="there is no shell")
def test_a_day_with_a_symbol_that_fails(place: Path) -> None:
    """What the script calls is written down, and called in this process."""
    output = place / "out"
    recorder = '#!/bin/sh\nprintf "%s\\n" "$@" END >> "$(dirname "$0")/asked"\n'
    (place / "program").write_text(recorder)
    options = ("--source", "csv", "--path", str(place / "files"))
    done = run(place, str(place / "symbols.txt"), str(output), *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    asked = (place / "asked").read_text().split("END\n")[:-1]
    folders = {f"LSTMCAST_{kind}_DIR": str(place / kind.lower()) for kind in ("DATA", "RUNS")}
    results = [CliRunner(env=folders).invoke(app, words.splitlines()) for words in asked]
    assert [result.exit_code for result in results] == [13, 13, 0]
    lines = [line for result in results for line in result.stderr.splitlines()]
    assert [line for line in lines if line.startswith(("error: ", "BAD: error: "))] == [
        line for line in lines if not line.strip().startswith("hint: ")
    ]
    assert lines.count("error: 1 of 3 symbols failed: BAD") == 2
    assert any("BAD.csv` has 2 faults" in line for line in lines)
    (table,) = output.glob("*.parquet")
    assert set(pd.read_parquet(table)["symbol"]) == {"AAA", "BBB"}
    assert "AAA" in results[1].stdout
    names = {path.name for path in output.glob("*.txt")}
    assert names == {f"{table.stem}.txt", "score.txt"}


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="there is no shell")
@pytest.mark.parametrize(
    ("failing", "code", "ran"),
    [
        ("none", 0, ["fetch", "forecast", "track"]),
        ("fetch 13", 13, ["fetch", "forecast", "track"]),
        ("forecast 13", 13, ["fetch", "forecast", "track"]),
        ("fetch 6", 6, ["fetch"]),
        ("forecast 7", 7, ["fetch", "forecast"]),
        ("track 12", 12, ["fetch", "forecast", "track"]),
    ],
)
def test_what_the_script_ends_with(place: Path, failing: str, code: int, ran: list[str]) -> None:
    """Each step in turn fails; a program that only writes down what it is asked takes its place."""
    (place / "program").write_text(
        f'#!/bin/sh\necho "$2" >> {place}/asked\n'
        f'case "$2" in ${{FAILING% *}}) exit ${{FAILING#* }};; esac\n'
    )
    done = run(place, str(place / "symbols.txt"), str(place / "out"), FAILING=failing)
    assert (done.returncode, done.stderr) == (code, "")
    assert (place / "asked").read_text().split() == ran


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="there is no shell")
def test_a_wrong_call_of_the_script_runs_nothing(place: Path) -> None:
    (place / "program").write_text(f"#!/bin/sh\ntouch {place}/asked\n")
    (place / "file").touch()
    for words, code in (
        ((), 2),
        ((str(place / "absent.txt"), str(place / "out")), 2),
        ((str(place / "symbols.txt"), str(place / "file")), 10),
    ):
        done = run(place, *words)
        assert done.returncode == code
        assert done.stderr
    assert not (place / "asked").exists()


def test_the_page_speaks_of_codes_and_variables_that_there_are() -> None:
    codes = {cls.exit_code for cls in errors.LstmcastError.__subclasses__()}
    table = re.findall(r"^\| (\d+) \| (.+?) \|", PAGE, re.MULTILINE)
    assert {int(code) for code, _ in table} <= codes | {0}
    forced = re.search(r"RestartForceExitStatus=(\d+)", PAGE)
    passed = re.search(r"SuccessExitStatus=(\d+)", PAGE)
    assert forced is not None
    assert passed is not None
    assert int(forced[1]) == errors.SourceError.exit_code
    assert int(passed[1]) == errors.PartialFailureError.exit_code
    assert SCRIPT.read_text(encoding="utf-8").strip() in PAGE
