"""Every command on symbols with other exchanges, weeks, first and last days, and a hole."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.program import Workplace
from support.unlike import unlike_pool

from lstmcast.evaluation.audit import moments
from lstmcast.run import Run

POOL = unlike_pool()
SYMBOLS = [history.symbol for history in POOL]
OVERRIDES = (
    "--set", f"data.symbols=[{', '.join(SYMBOLS)}]", "--set", "calibration.kind=adaptive",
    "--set", "model.members=1", "--set", "training.epochs=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A store that was filled from files, and a run."""
    place = Workplace.make(tmp_path_factory.mktemp("unlike"))
    files = place.root / "files"
    files.mkdir()
    for history in POOL:
        bars = history.bars.drop(columns=["dividends", "splits"])
        bars.to_csv(files / f"{history.symbol}.csv")
    fetched = place.invoke("fetch", *SYMBOLS, "--source", "csv", "--path", files, "--allow-gaps")
    assert fetched.exit_code == 0, fetched.output
    trained = place.invoke("train", "-c", place.config, *OVERRIDES)
    assert trained.exit_code == 0, trained.output
    assert "ENDED: no session in the test period" in trained.stderr
    return place


def test_every_session_of_the_test_part_has_a_forecast(place: Workplace) -> None:
    run = Run.open(None, place.runs)
    near = run.predictions().query("horizon == 1")
    end = run.boundaries["validation_end"]
    for history in POOL:
        days = history.bars.index
        found = near.loc[near["symbol"] == history.symbol, "date"]
        assert list(found) == list(days[days > end]), history.symbol


def test_evaluate_scores_all_kinds_of_baselines_on_the_same_rows(place: Workplace) -> None:
    """One baseline of each way to fit: of each symbol, of the pool, and of none."""
    names = ["ewma", "har_range", "har_calibrated", "linear", "pretrained"]
    result = place.invoke(
        "evaluate", "--json", "--refit", "yearly", "--jobs", "1", "--baselines", ",".join(names)
    )
    assert result.exit_code == 0, result.output
    metrics = json.loads(result.stdout)
    assert list(metrics["forecasters"]) == ["model", *names]
    assert set(metrics["rows"]) == set(SYMBOLS) - {"ENDED"}
    scores = [part["pooled"]["1"]["crps"] for part in metrics["forecasters"].values()]
    assert np.max(scores) < 1.5 * np.min(scores)


@pytest.mark.parametrize("kind", ["test", "fan", "ranges"])
def test_plot_draws_what_there_is(place: Workplace, kind: str) -> None:
    result = place.invoke("plot", "--kind", kind)
    assert result.exit_code == 0, result.output
    if kind == "test":
        assert "ENDED has no session after" in result.stderr
        refused = place.invoke("plot", "--symbol", "ENDED")
        assert refused.exit_code == 2
        assert "ENDED has no session after" in refused.stderr


def test_the_fan_of_one_symbol_is_what_forecast_says_of_it(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool's columns need all symbols, also where one is drawn."""
    from lstmcast import plots

    drawn: list[pd.DataFrame] = []
    honest = plots.fan_chart

    def kept(closes: pd.Series, table: pd.DataFrame, **rest: object) -> object:
        drawn.append(table)
        return honest(closes, table, **rest)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(plots, "fan_chart", kept)
    assert place.invoke("plot", "--kind", "fan", "--symbol", "7203.T").exit_code == 0
    forecast = place.invoke("forecast", "--json")
    assert forecast.exit_code == 0, forecast.output
    told = next(f for f in json.loads(forecast.stdout)["symbols"] if f["symbol"] == "7203.T")
    assert [row["q10"] for row in told["sessions"]] == pytest.approx(list(drawn[0]["q10"]))


def test_the_audit_passes(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOMENTS", 1)
    result = place.invoke("audit", "--no-training")
    assert result.exit_code == 0, result.output


def test_backtest_walks(place: Workplace, tmp_path: Path) -> None:
    result = place.invoke(
        "backtest", "-c", place.config, *OVERRIDES, "--folds", "1", "--from", "2013-08-01",
        "--baselines", "ewma,har_calibrated", "--runs-dir", tmp_path, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    # A symbol joins with 400 sessions: neither the one listed late nor the one that ended has them.
    assert set(json.loads(result.stdout)["rows"]) == {"AAA", "7203.T", "BTC-USD", "SHORT"}


def test_data_commands(place: Workplace) -> None:
    for command in (("list",), ("check",), ("show", "BTC-USD")):
        result = place.invoke("data", *command)
        assert result.exit_code == 0, result.output
