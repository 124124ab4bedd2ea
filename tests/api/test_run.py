"""`fit` and `Run`: in memory and kept, with own prices and stored ones, and what commands say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support.experiments import Recorder, small
from support.histories import as_history, cut_after, simulated, simulated_bars
from support.program import Workplace

import lstmcast
from lstmcast.api.charts import Gates
from lstmcast.api.run import Run
from lstmcast.errors import (
    ConfigError,
    DataError,
    LstmcastError,
    OutputError,
    RunError,
    StoreError,
    UsageError,
)

GRAPHS = 1e-5
"""How far a kept run's graphs may be from the networks that PyTorch runs, as a fraction."""

ONE: dict[str, Any] = {"config": small(), "members": 1, "epochs": 1}


def test_a_run_in_memory_is_what_its_folder_is(run: Run, tmp_path: Path) -> None:
    assert (run.path, run.name, run.status) == (None, "small", "complete")
    assert repr(run) == "Run('small', symbols=['AAA'], horizon=3)"
    before = run.predictions, run.history, run.experiment, run.split, dict(run.record)
    assert list(tmp_path.joinpath("here").iterdir()) == []
    path = run.save()
    assert path.parent == tmp_path / "runs"
    assert run.path == path
    for opened in (run, Run.open(str(path), prices=simulated()), lstmcast.load(path.name)):
        pd.testing.assert_frame_equal(opened.predictions, before[0])
        pd.testing.assert_frame_equal(opened.history, before[1])
        assert (opened.experiment, opened.split) == before[2:4]
        same = {key: value for key, value in opened.record.items() if key in before[4]}
        assert {**same, "created": 0} == {**before[4], "created": 0}
    assert run.save() == path
    with pytest.raises(UsageError, match=r"the run is kept in .* already"):
        run.save(tmp_path / "elsewhere")
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_a_run_in_memory_and_a_kept_one_forecast_and_score_alike(run: Run) -> None:
    ahead, report = run.predict(), run.evaluate(["random_walk", "ewma"])
    kept = Run.open(run.save(), prices=simulated())
    pd.testing.assert_frame_equal(kept.predict(), ahead, rtol=GRAPHS)
    assert kept.evaluate(["random_walk", "ewma"]).to_dict() == report.to_dict()


def test_commands_say_the_same(run: Run, tmp_path: Path) -> None:
    place = Workplace.make(tmp_path)
    run.save()
    scores = json.loads(
        place.invoke("evaluate", "--baselines", "random_walk,ewma", "--json").stdout
    )
    report = Run.open().evaluate(["random_walk", "ewma"])
    assert json.loads(json.dumps(report.to_dict())) == {
        key: value for key, value in scores.items() if key in report.to_dict()
    }
    (said,) = json.loads(place.invoke("forecast", run.name, "--json").stdout)["symbols"]
    table = Run.open().predict()
    assert [f"{day:%Y-%m-%d}" for day in table["date"]] == [row["date"] for row in said["sessions"]]
    for name, quantile in (("lower_80", "q10"), ("upper_95", "q975"), ("median", "median")):
        assert list(table[name]) == [row[quantile] for row in said["sessions"]]


def test_fit_trains_what_the_command_trains(tmp_path: Path) -> None:
    place = Workplace.make(tmp_path)
    sets = ("--set", "model.members=1", "--set", "training.epochs=1")
    assert place.invoke("train", "-c", place.config, *sets).exit_code == 0
    by_command = Run.open()
    for prices in (None, "AAA", simulated()):
        fitted = lstmcast.fit(prices, **ONE)
        pd.testing.assert_frame_equal(fitted.predictions, by_command.predictions)
        assert fitted.experiment.model_copy(update={"data": by_command.experiment.data}) == (
            by_command.experiment
        )


def test_fit_says_nothing_and_tells_an_observer(capfd: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    run = lstmcast.fit(simulated(), observer=recorder, **ONE)
    run.predict()
    run.plot("fan")
    assert recorder.finished == {0: True}
    assert capfd.readouterr() == ("", "")


def test_own_prices_are_enough_for_everything() -> None:
    frames = {"AAA": simulated_bars(1, 420), "BBB": simulated_bars(2, 400, first="2001-02-05")}
    run = lstmcast.fit(frames, name="pair", **ONE)
    assert (run.symbols, run.name) == (["AAA", "BBB"], "pair")
    assert list(run.predict(horizon=1)["symbol"]) == ["AAA", "BBB"]
    assert run.evaluate(["ewma"]).to_frame(by_symbol=True)["symbol"].nunique() == 2
    kept = Run.open(run.save())
    with pytest.raises(StoreError, match=r"2 of 2 .* AAA was given by a program") as caught:
        kept.predict()
    assert "`lstmcast.save_prices`" in str(caught.value.hint)
    pd.testing.assert_frame_equal(kept.predict(prices=frames), run.predict(), rtol=GRAPHS)
    lstmcast.save_prices(lstmcast.load_prices(frames))
    pd.testing.assert_frame_equal(kept.predict(), run.predict(), rtol=GRAPHS)


def test_newer_prices_move_the_origin_and_older_days_can_be_asked_for(run: Run) -> None:
    longer = simulated(rows=450)
    assert set(run.predict()["origin"]) == {simulated().last}
    assert set(run.predict(prices=longer)["origin"]) == {longer.last}
    day = simulated().dates[-20]
    past = run.predict(horizon=1, as_of=day)
    cut = run.predict(horizon=1, prices=cut_after(simulated(), day))
    pd.testing.assert_frame_equal(past, cut)
    rows = run.predictions.query("origin == @day and horizon == 1")
    assert past["mean_return"].tolist() == pytest.approx(rows["mean"].tolist(), abs=1e-7)


def test_levels_become_columns_in_order_of_width(run: Run) -> None:
    table = run.predict(horizon=2, levels=[99.5, 80, 0.5])
    assert list(table.columns[-6:]) == [
        "lower_50", "upper_50", "lower_80", "upper_80", "lower_99.5", "upper_99.5",
    ]  # fmt: skip
    assert (table["lower_99.5"] < table["lower_80"]).all()
    assert (table["upper_80"] > table["upper_50"]).all()
    assert "sessions are past" in table.attrs["warnings"][0]
    assert "the 80 % range contained" in table.attrs["trust"]["AAA"]
    assert run.predict(levels=[]).columns[-1] == "assumed"
    one: Any
    for one in (80, "80", np.int64(80), (80.0,), np.array([80])):
        assert list(run.predict(1, one).columns[-2:]) == ["lower_80", "upper_80"]


@pytest.mark.parametrize("kind", ["test", "history", "fan", "training", "ranges", "importance"])
def test_charts_are_figures(
    run: Run, kind: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lstmcast.api.inside.ORIGINS", 1)
    ((name, figure),) = run.charts(kind).items()
    assert isinstance(figure, Figure)
    assert kind in name
    assert not (tmp_path / "runs").exists()


def test_gates_are_drawn_of_the_sessions_that_are_asked_for(run: Run) -> None:
    day = simulated().dates[-30].date()
    figure = run.plot("gates", gates=Gates(first=day, units=1))
    assert isinstance(figure, Figure)


def test_a_report_shows_itself_in_a_line(run: Run) -> None:
    report = run.evaluate("ewma")
    assert repr(report) == f"Report(model, ewma: {report.verdict.summary})"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda run: run.predict(horizon=4), UsageError, "`--horizon` 4 is longer than the 3"),
        (lambda run: run.predict(horizon=0), UsageError, "`horizon` is 0"),
        (lambda run: run.predict(horizon="2"), UsageError, "`horizon` is '2'"),
        (lambda run: run.predict(horizon=1.5), UsageError, "`horizon` is 1.5"),
        (lambda run: run.predict(levels=[100]), UsageError, "`--level` is 100"),
        (lambda run: run.predict(as_of="x"), UsageError, "`as_of` is 'x', which is not a date"),
        (lambda run: run.predict(as_of="2999-01-01"), UsageError, "is in the future"),
        (lambda run: run.predict(as_of="2001-03-01"), UsageError, "was fitted"),
        (lambda run: run.predict(symbols="NOPE"), StoreError, "NOPE"),
        (lambda run: run.predict(prices="AAA"), UsageError, "`prices` are symbols here"),
        (lambda run: run.evaluate(["nope"]), UsageError, "`nope` is not a baseline"),
        (lambda run: run.evaluate(prices=as_history(simulated_bars(9, 420), "AAA")), RunError,
         "AAA"),
        (lambda run: run.plot("pie"), UsageError, "`kind` is 'pie', which is not a chart"),
        (lambda run: run.plot(symbol="BBB"), UsageError, "BBB is not in the run"),
        (lambda run: run.plot("ranges", horizon=9), UsageError, "`--horizon` 9 was not forecast"),
        (lambda run: run.save("/dev/null/x"), OutputError, "cannot be made"),
        (lambda _: Run.open("nope"), RunError, "there is no run `nope`"),
        (lambda _: Run.open(), RunError, "there is no run under"),
        (lambda _: lstmcast.fit("AAA"), StoreError, "AAA is not in the store"),
        (lambda _: lstmcast.fit(simulated(rows=30)), DataError, "longer than the validation part"),
        (lambda _: lstmcast.fit(simulated(), network="nope"), ConfigError, "`model.network`"),
        (lambda _: lstmcast.fit(simulated(), device="cuda:7"), LstmcastError, "cuda"),
        (lambda _: lstmcast.forecast("AAA"), StoreError, "AAA is not in the store"),
        (lambda _: lstmcast.forecast(simulated(), horizon=61), UsageError, "longer than the 60"),
        (lambda _: lstmcast.forecast(simulated(rows=30)), DataError, "30 sessions"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_an_error_of_the_package(
    run: Run, call: Any, error: type[LstmcastError], words: str
) -> None:
    with pytest.raises(error, match=words):
        call(run)
    assert run.path is None


def test_forecasts_without_training_do_not_depend_on_what_else_is_asked_for() -> None:
    one, other = simulated(), as_history(simulated_bars(7, 200, first="2003-05-01"), "BBB")
    both = lstmcast.forecast([other, one], horizon=2, levels=[80])
    alone = lstmcast.forecast(one, horizon=2, levels=[80])
    assert list(both["symbol"]) == ["BBB", "BBB", "AAA", "AAA"]
    pd.testing.assert_frame_equal(both.query("symbol == 'AAA'").reset_index(drop=True), alone)
