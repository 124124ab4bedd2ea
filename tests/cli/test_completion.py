"""What a shell offers after TAB, and that asking costs nothing heavy."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "pandas", "numpy", "pyarrow", "yaml", "yfinance", "matplotlib")

ASK = """
import contextlib, io, json, os, sys
from lstmcast.cli.app import app
os.environ["_LSTMCAST_COMPLETE"] = "complete_bash"
told = []
for line in json.loads(sys.argv[1]):
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = line, str(len(line.split(" ")) - 1)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        app(prog_name="lstmcast")
    told.append(out.getvalue().split())
print(json.dumps({"told": told, "heavy": [n for n in json.loads(sys.argv[2]) if n in sys.modules]}))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for source, name in (("yahoo", "AAPL"), ("csv", "AAPL"), ("yahoo", "%5EGSPC"), ("csv", "MSFT")):
        folder = tmp_path / "data" / "prices" / source
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.parquet").touch()
        (folder / f".{name}.lock").touch()
    for name, file in (
        ("20260101-000000-a", "run.json"),
        ("20260102-000000-b", "run.json"),
        ("backtest-a-01", "plan.json"),
        (".20260103.partial", "run.json"),
        ("notes", "thoughts.txt"),
    ):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / file).touch()
    return tmp_path


def test_what_a_shell_offers(place: Path) -> None:
    runs = ["20260101-000000-a", "20260102-000000-b"]
    symbols = ["AAPL", "MSFT", "^GSPC"]
    expected = {
        "lstmcast data s": ["show"],
        "lstmcast data show ": symbols,
        "lstmcast data remove AAPL M": ["MSFT"],
        "lstmcast data export csv:": ["csv:AAPL", "csv:MSFT"],
        "lstmcast fetch ^": ["^GSPC"],
        "lstmcast train A": ["AAPL"],
        "lstmcast evaluate ": [*runs, "backtest-a-01"],
        "lstmcast audit ": runs,
        "lstmcast forecast 2": runs,
        "lstmcast forecast A": ["AAPL"],
        "lstmcast plot 20260102": runs[1:],
        "lstmcast runs show ": runs,
        "lstmcast runs compare 20260101-000000-a 20260102": runs[1:],
        "lstmcast runs remove ": [*runs, "backtest-a-01"],
        "lstmcast fetch --source ": ["akshare", "csv", "fred", "sample", "tushare", "yahoo"],
        "lstmcast fetch --source s": ["sample"],
        # Folders that are not there, files in their place, values that no command takes.
        f"lstmcast evaluate --runs-dir {place}/absent ": [],
        f"lstmcast data show --data-dir {place}/data/prices/csv/MSFT.parquet ": [],
        f"lstmcast data show --data-dir {place}/absent ": [],
        "lstmcast fetch --timeout nan ": symbols,
        "lstmcast evaluate --jobs 99999999999 ": [*runs, "backtest-a-01"],
        "lstmcast data show nosuch:": [],
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps([*expected]), json.dumps(HEAVY)],
        env={"LSTMCAST_DATA_DIR": str(place / "data"), "LSTMCAST_RUNS_DIR": str(place / "runs"),
             "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert dict(zip(expected, answer["told"], strict=True)) == expected
    assert answer["heavy"] == []
    assert done.stderr == ""
