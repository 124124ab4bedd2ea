"""`lstmcast audit` and `lstmcast backtest` from the command line."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from support.histories import simulated
from support.program import Workplace

from lstmcast.evaluation.audit import moments
from lstmcast.features import GROUPS, Bars, FeatureGroup
from lstmcast.features.returns import returns
from lstmcast.run import Run

QUICK = ("--baselines", "random_walk,ewma")
ONE = ("--set", "model.members=1", "--set", "training.epochs=1")


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace.make(tmp_path, simulated(rows=620))


def test_audit_passes_and_is_kept_in_the_run(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "MOMENTS", 1)
    assert place.invoke("train", "-c", place.config, *ONE).exit_code == 0
    result = place.invoke("audit", "--no-training")
    assert result.exit_code == 0, result.output
    assert "passed" in result.stdout
    assert "checking features" in result.stderr
    kept = json.loads((Run.open(None, place.runs).path / "audit.json").read_text())
    assert kept["passed"] is True
    assert [check["name"] for check in kept["checks"]] == [
        "features", "forecasts", "predictions", "scaler", "purge",
    ]  # fmt: skip
    told = place.invoke("audit", "--no-training", "--json")
    assert json.loads(told.stdout)["passed"] is True
    # A whole audit is not replaced by a part of one.
    path = Run.open(None, place.runs).path / "audit.json"
    whole = {"checks": [*kept["checks"], {"name": "random walk", "passed": True}]}
    path.write_text(json.dumps(whole))
    assert place.invoke("audit", "--no-training").exit_code == 0
    assert json.loads(path.read_text()) == whole
    assert json.loads(path.with_name("audit-partial.json").read_text()) | {"checks": []} == {
        "schema_version": 1, "passed": True, "checks": [],
    }  # fmt: skip


def test_a_leak_ends_with_its_exit_code_and_its_name(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moments, "MOMENTS", 1)

    def shifted(bars: Bars) -> pd.DataFrame:
        table = pd.DataFrame(returns(bars))
        return table.assign(abs_return=table["abs_return"].shift(-1).ffill())

    monkeypatch.setitem(GROUPS, "returns", FeatureGroup("returns", ("close",), shifted))
    assert place.invoke("train", "-c", place.config, *ONE).exit_code == 0
    result = place.invoke("audit", "--no-training")
    assert result.exit_code == 11
    assert "LEAKS" in result.stdout
    assert "`abs_return` reads bars up to 1 session ahead" in result.stderr
    assert json.loads((Run.open(None, place.runs).path / "audit.json").read_text())["passed"] is (
        False
    )


def test_prices_that_changed_since_the_run_are_no_leak(place: Workplace) -> None:
    assert place.invoke("train", "-c", place.config, *ONE).exit_code == 0
    history = simulated(rows=620)
    bars = history.bars.copy()
    bars.loc[bars.index[600:], ["open", "high", "low", "close", "adj_close"]] *= 1.01
    place.store.save(replace(history, bars=bars))
    result = place.invoke("audit", "--no-training")
    assert result.exit_code == 8
    assert "the stored prices of AAA have changed since the run" in result.stderr
    assert "LEAKS" not in result.output


@pytest.mark.usefixtures("painted_charts")
def test_backtest_walks_prints_keeps_and_goes_on(place: Workplace) -> None:
    folds = ("--folds", "2", "--from", "2002-12-10", *QUICK, *ONE)
    result = place.invoke("backtest", "-c", place.config, *folds, "--cost-bps", "5")
    assert result.exit_code == 0, result.output
    for words in ("one session ahead", "By year", "Trading rules after costs", "buy and hold"):
        assert words in result.stdout
    assert "fold 2 done (2 of 2)" in result.stderr
    assert re.search(r"2002 +\d+( +-){3} *\n", result.stdout)  # December alone
    assert re.search(r"2003 +\d+ +0?\.?\d+", result.stdout)
    folder = next(place.runs.glob("backtest-small-*"))
    assert (folder / "cumulative.png").stat().st_size > 1000
    metrics = json.loads((folder / "metrics.json").read_text())
    assert [year["year"] for year in metrics["years"]] == [2002, 2003]
    assert metrics["trials"] == 1  # this walk alone
    again = place.invoke("backtest", "-c", place.config, *folds, "--json")
    assert "2 of 2 folds were already done" in again.stderr
    assert json.loads(again.stdout)["strategies"] == []
    assert json.loads((folder / "metrics.json").read_text()) == metrics
    refused = place.invoke(
        "backtest", "-c", place.config, *folds, "--fail-unless", "crps<0.001", "--json"
    )
    assert refused.exit_code == 12


@pytest.mark.usefixtures("painted_charts")
def test_forked_workers_do_the_folds_that_one_process_does(place: Workplace) -> None:
    words = ("backtest", "-c", place.config, "--folds", "2", "--from", "2002-12-10", *ONE)
    names = ("--baselines", "ewma,ridge")
    here = place.invoke(*words, *names, "--runs-dir", place.root / "here", "--json")
    there = place.run(*words, *names, "--runs-dir", place.root / "there", "--json", "--jobs", "2")
    assert there.returncode == 0, there.stderr
    assert json.loads(there.stdout) == json.loads(here.stdout)
    folds = [
        {path.name: path.read_bytes() for path in (place.root / side).glob("*/fold-*.parquet")}
        for side in ("here", "there")
    ]
    assert len(folds[0]) == 2
    assert folds[0] == folds[1]


def test_backtest_with_a_warm_start_says_that_folds_run_in_turn(place: Workplace) -> None:
    folds = ("--folds", "2", "--from", "2002-12-10", *QUICK, *ONE, "--warm-start", "--jobs", "2")
    result = place.invoke("backtest", "-c", place.config, *folds)
    assert result.exit_code == 0, result.output
    assert "folds run in sequence; `--jobs` only spreads the baselines" in result.stderr
    assert result.stderr.index("fold 1 done") < result.stderr.index("fold 2 done")
    folder = next(place.runs.glob("backtest-small-*"))
    assert len(list(folder.glob("fold-*.safetensors"))) == 2
    assert json.loads((folder / "plan.json").read_text())["settings"]["warm_start"] is True


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--baselines", "magic"), 2, "`magic` is not a baseline"),
        (("--fail-unless", "crps<garch", *QUICK), 2, "`garch`, which is not among these baselines"),
        (("--fail-unless", "crps@4<1", *QUICK), 2, "asks for horizon 4"),
        (("--from", "2001-06-01", *QUICK), 4, "sessions before the first forecast"),
        (("--folds", "500", *QUICK), 4, "sessions to forecast for 500 folds"),
        (("--set", "model.members=0"), 3, "model.members"),
    ],
)
def test_bad_input_is_one_line_with_its_exit_code(
    place: Workplace, options: tuple[str, ...], code: int, words: str
) -> None:
    result = place.invoke("backtest", "-c", place.config, *options)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert not list(place.runs.glob("backtest-*/fold-*"))
