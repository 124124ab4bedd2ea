"""The page on running it daily: its script is run, on symbols of which one fails."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from support.histories import simulated

from lstmcast import errors

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
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lstmcast "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(place: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *words],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "LSTMCAST": str(place / "program"),
            "LSTMCAST_DATA_DIR": str(place / "data"),
            "LSTMCAST_RUNS_DIR": str(place / "runs"),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="there is no shell")
def test_a_day_with_a_symbol_that_fails(place: Path) -> None:
    output = place / "out"
    options = ("--source", "csv", "--path", str(place / "files"))
    done = run(place, str(place / "symbols.txt"), str(output), *options)
    assert done.returncode == 13, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith(("error: ", "BAD: error: "))] == [
        line for line in lines if not line.strip().startswith("hint: ")
    ]
    assert lines.count("error: 1 of 3 symbols failed: BAD") == 2
    assert "BAD.csv` has 2 faults" in done.stderr
    (table,) = output.glob("*.parquet")
    assert set(pd.read_parquet(table)["symbol"]) == {"AAA", "BBB"}
    (summary,) = (path for path in output.glob("*.txt") if path.name != "score.txt")
    assert "AAA" in summary.read_text(encoding="utf-8")


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
