"""`lstmcast evaluate` on a run directory written by hand: no network is needed to judge one."""

import io
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.histories import as_history, simulated_bars
from support.simulated import constant_t, predict
from support.streams import run, unread
from typer.testing import CliRunner, Result

from lstmcast import __version__
from lstmcast.baselines import BASELINES
from lstmcast.cli.app import app
from lstmcast.errors import OutputError
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.run import Run

ROWS, FIRST = 900, 600

CONFIG = """
name: judged
data: {symbols: [AAA, BBB], source: csv}
features: [returns]
"""


@dataclass(frozen=True)
class World:
    """A store with prices and a runs folder with one run."""

    data: Path
    runs: Path
    histories: dict[str, PriceHistory]

    @property
    def run(self) -> Path:
        return self.runs / "20260101-000000-judged"

    def call(self, *arguments: str) -> Result:
        folders = ["--data-dir", str(self.data), "--runs-dir", str(self.runs)]
        return CliRunner().invoke(app, ["evaluate", *folders, *arguments])

    def write(self, predictions: pd.DataFrame) -> None:
        predictions.to_parquet(self.run / "predictions.parquet", index=False)


def forecast_rows(histories: dict[str, PriceHistory], first: int = FIRST) -> pd.DataFrame:
    bars = {name: history.adjusted() for name, history in histories.items()}
    rows = len(histories["AAA"])
    return predict(bars, first, dict.fromkeys(bars, constant_t(rows - first - 1, 2, scale=0.01)))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, ROWS, FIRST)


def make_world(root: Path, rows: int, first: int) -> World:
    histories = {
        name: as_history(simulated_bars(seed, rows), name)
        for seed, name in enumerate(("AAA", "BBB"))
    }
    made = World(root / "data", root / "runs", histories)
    store = PriceStore(made.data)
    for history in histories.values():
        store.save(history)
    made.run.mkdir(parents=True)
    dates = {name: str(h.bars.index[first])[:10] for name, h in histories.items()}
    end = dates["AAA"]
    record = {
        "schema": 1,
        "created": "2026-01-01T00:00:00+00:00",
        "status": "complete",
        "seed": 0,
        "split": {"train_end": end, "validation_end": end, "test_end": end},
        "symbols": [
            {
                "symbol": name,
                "source": "csv",
                "rows": rows,
                "first": str(history.first)[:10],
                "last": str(history.last)[:10],
                "sha256": history.sha256,
                "currency": "USD",
                "exchange": None,
            }
            for name, history in histories.items()
        ],
    }
    (made.run / "run.json").write_text(json.dumps(record))
    (made.run / "config.yaml").write_text(CONFIG)
    made.write(forecast_rows(histories, first))
    return made


def test_marks_tell_which_differences_are_beyond_luck(world: World) -> None:
    result = world.call("--baselines", "random_walk,constant")
    table = result.stdout.split("CRPS by sessions ahead")[1].split("By symbol")[0]
    comparisons = json.loads((world.run / "metrics.json").read_text())["comparisons"]
    marks = set()
    for name, label in (("random_walk", "random walk"), ("constant", "constant t")):
        (shown,) = re.findall(rf"{label} +([*!]?)[\d.]+ +([*!]?)[\d.]+", table)
        for horizon, mark in zip(("1", "2"), shown, strict=True):
            test = comparisons[name][horizon]["crps"]
            assert mark == ("" if test["p_value"] >= 0.05 else "*" if test["mean"] < 0 else "!")
            marks.add(mark)
    assert len(marks) > 1
    assert (
        "*: LSTM is significantly better than this baseline (p < 0.05); !: significantly worse"
        in table
    )


def test_json_is_what_the_run_keeps_and_all_that_stdout_holds(world: World) -> None:
    options = ("--json", "--baselines", "random_walk,ewma,ridge")
    result = world.call(*options, "--fail-unless", "coverage_95>0.5")
    assert result.exit_code == 0
    # Without a name it is whichever was trained last, and the figures alone do not say.
    assert result.stderr == f"run {world.run.name}, the newest\n"
    metrics = json.loads(result.stdout)
    assert metrics == json.loads((world.run / "metrics.json").read_text())
    assert metrics["belongs_to"] == Run.open(world.run, world.run.parent).owner
    assert list(metrics["forecasters"]) == ["model", "random_walk", "ewma", "ridge"]
    for part in metrics["forecasters"].values():
        assert part["pooled"].keys() == {"1", "2"}
        assert part["pooled"]["1"]["rows"] == 598
    assert metrics["notes"] == []
    assert (metrics["refit"], metrics["lstmcast"]) == ("never", __version__)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"status": "interrupted"}, "note: training was interrupted; the run has 2 of 3 networks"),
        ({"diverged_members": [1]}, "note: 1 of 3 networks diverged and are left out"),
    ],
)
def test_networks_that_are_missing_are_named(
    change: dict[str, object], words: str, world: World
) -> None:
    path = world.run / "run.json"
    record = json.loads(path.read_text()) | {"member_seeds": [1, 2]} | change
    path.write_text(json.dumps(record))
    result = world.call("--baselines", "ewma")
    assert result.exit_code == 0
    assert words in result.stderr


def test_what_cannot_be_kept_is_shown_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Run, metrics: object) -> None:
        raise OutputError("the disk is full", "make room")

    monkeypatch.setattr(Run, "write_metrics", full)
    result = world.call("--baselines", "ewma")
    assert result.exit_code == OutputError.exit_code
    assert "Range: " in result.stdout
    assert "the disk is full" in result.stderr


def test_figures_are_a_table_with_a_verdict_and_details_are_those_that_the_run_keeps(
    world: World,
) -> None:
    plain = world.call("--baselines", "random_walk,ewma")
    assert plain.exit_code == 0, plain.output
    for words in (
        "2 symbols, mean of their scores: one session ahead, 598 forecasts",
        "random walk",
        "EWMA(0.94)-t",
        "CRPS by sessions ahead",
        "By symbol, against EWMA(0.94)-t",
        "Coverage: share of closes inside the ranges of LSTM",
        "no measurable difference from the last close",
    ):
        assert words in plain.stdout
    assert "GARCH" not in plain.stdout
    assert "networks" not in plain.stderr
    titles = ("Further scores", "What the median knows", "Coverage by year", "Value at risk")
    assert not any(title in plain.stdout for title in titles)
    detailed = world.call("--baselines", "random_walk,ewma", "--details")
    kept = json.loads((world.run / "metrics.json").read_text())
    parts = dict(zip(titles, re.split("|".join(titles), detailed.stdout)[1:], strict=True))
    assert detailed.stdout.startswith(plain.stdout.split(kept["verdict"]["summary"])[0])
    ewma = kept["forecasters"]["ewma"]
    near = ewma["pooled"]["1"]
    winkler = [f"{near[f'winkler_{nominal}']:.2f}" for nominal in (50, 80, 90, 95)]
    figures = [f"{near['mae_ratio']:.4f}", f"{near['qlike']:.3f}", *winkler]
    figures += [f"{near['r2_zero']:.4f}", f"{ewma['diagnostics']['pit_distance']:.3f}"]
    assert re.search(" +".join(map(re.escape, ["EWMA(0.94)-t", *figures])), parts[titles[0]])
    assert re.search(rf"AAA +{kept['points']['AAA']['best_shift']} +", parts[titles[1]])
    for check in kept["ranges_by_year"]:
        assert f"{check['coverage']:.1%}" in parts[titles[2]]
    tail = kept["forecasters"]["model"]["diagnostics"]["tail"]["BBB"]["0.05"]
    row = rf"BBB +5% +{tail['days']} +{tail['expected']:.1f} +{tail['found']} +{tail['kupiec']:.3f}"
    assert re.search(row, parts[titles[3]])


def test_a_condition_that_does_not_hold_ends_with_its_exit_code(world: World) -> None:
    conditions = ("--fail-unless", "crps<0.001", "--fail-unless", "rows>1")
    result = world.call(world.run.name, "--baselines", "random_walk", *conditions)
    assert result.exit_code == 12
    assert result.stderr.startswith(f"run {world.run.name}\n")
    assert "`crps<0.001` does not hold" in result.stderr
    assert "CRPS" in result.stdout
    assert (world.run / "metrics.json").is_file()


def test_too_short_a_test_range_concludes_nothing(world: World) -> None:
    world.write(forecast_rows(world.histories, first=ROWS - 30))
    result = world.call("--baselines", "random_walk,ewma")
    assert result.exit_code == 0, result.output
    assert "too few to conclude anything" in result.stdout
    assert "days falls between 32 % and 68 %" in result.stdout
    assert "1.0" not in result.stdout
    assert "metrics.json" in result.stderr


def test_a_symbol_with_too_few_forecasts_has_no_figures(world: World) -> None:
    rows = forecast_rows(world.histories)
    late = (rows["symbol"] == "BBB") & (rows["origin"] < world.histories["BBB"].bars.index[860])
    world.write(rows[~late])
    result = world.call("--baselines", "random_walk,ewma")
    table = result.stdout.split("By symbol")[1]
    assert re.search(r"BBB +39( +-){7} *\n", table)
    assert not re.search(r"AAA.*\?", table)
    assert "no figures: too few forecasts to conclude anything" in table


def test_prices_that_changed_are_an_error_with_the_next_step(world: World) -> None:
    history = world.histories["BBB"]
    bars = history.bars.copy()
    prices = ["open", "high", "low", "close", "adj_close"]
    bars.loc[bars.index[700:], prices] *= np.linspace(1, 1.01, ROWS - 700)[:, None]
    PriceStore(world.data).save(as_history(bars, "BBB"))
    result = world.call("--baselines", "random_walk")
    assert result.exit_code == 8
    assert "error: the stored prices of BBB have changed since the run" in result.stderr
    assert "hint: train the run again" in result.stderr
    assert not (world.run / "metrics.json").exists()


def test_an_unknown_baseline_and_a_missing_run_are_errors(world: World) -> None:
    result = world.call("--baselines", "random_walk,magic")
    assert result.exit_code == 2
    assert "`magic` is not a baseline" in result.stderr
    assert world.call("no-such-run").exit_code == 8


def test_a_condition_on_a_baseline_that_is_not_there_is_an_error(world: World) -> None:
    result = world.call("--baselines", "random_walk,ewma", "--fail-unless", "crps<garch")
    assert result.exit_code == 2
    assert "compares with `garch`, which is not among these baselines" in result.stderr
    assert "hint: here are random_walk, ewma" in result.stderr


def test_all_baselines_are_the_default_and_their_tables_fit_a_terminal_of_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and figures whole: a baseline whose name is cut cannot be told from the next."""
    monkeypatch.setattr("lstmcast.cli.console.UNWRAPPED", 80)
    world = make_world(tmp_path, rows=620, first=480)
    result = world.call("--details")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    rules = [
        line.strip() for line in lines if set(line.strip()) == {"\N{BOX DRAWINGS LIGHT HORIZONTAL}"}
    ]
    assert len(rules) >= 8
    assert max(map(len, rules)) <= 80
    assert "…" not in result.stdout
    assert sum(line.startswith("HAR on |return|, t ") for line in lines) >= 2
    names = list(json.loads((world.run / "metrics.json").read_text())["forecasters"])
    assert names == ["model", *BASELINES]


def test_a_condition_is_read_before_the_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr("lstmcast.cli.evaluate.evaluate_run", work)
    for condition in ("crps", "magic<1", "crps<magic", "crps@11<1", "crps<garch"):
        result = world.call("--baselines", "random_walk", "--fail-unless", condition)
        assert result.exit_code == 2, condition
        assert "error: `--fail-unless` " in result.stderr


def test_a_part_never_takes_the_place_of_a_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lstmcast.baselines.BASELINES",
        {name: BASELINES[name] for name in ("random_walk", "ewma", "constant")},
    )
    kept, part = world.run / "metrics.json", world.run / "metrics-partial.json"
    kept.write_text("{")  # damaged metrics are none
    assert world.call("--baselines", "ewma").exit_code == 0
    assert list(json.loads(kept.read_text())["forecasters"]) == ["model", "ewma"]
    assert world.call().exit_code == 0
    whole = kept.read_bytes()
    assert not part.exists()
    told = world.call("--baselines", "random_walk")
    assert kept.read_bytes() == whole
    assert list(json.loads(part.read_text())["forecasters"]) == ["model", "random_walk"]
    assert "see metrics-partial.json (metrics.json is unchanged)" in told.stderr
    # All by their names are all.
    assert (
        world.call("--baselines", "constant,ewma,random_walk", "--refit", "yearly").exit_code == 0
    )
    assert json.loads(kept.read_text())["refit"] == "yearly"


def test_a_reader_that_leaves_does_not_keep_the_scores_from_being_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in `lstmcast evaluate | head -1`, on a real pipe and with a narrow encoding."""
    told = io.StringIO()
    options = ("--data-dir", world.data, "--runs-dir", world.runs)
    with unread("ascii") as gone:
        words = ("evaluate", "--baselines", "ewma", *options)
        assert run(monkeypatch, *words, stdout=gone, stderr=told) == 0
    assert told.getvalue().splitlines()[1:] == []
    assert (world.run / "metrics.json").is_file()
