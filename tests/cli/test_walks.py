"""A finished walk is evaluated, drawn and reported like a run; one that is not is told apart."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from support.charts import words
from support.histories import simulated
from support.program import Workplace

from lstmcast.api.charts import charts_of
from lstmcast.evaluation.backtest import SavedWalk
from lstmcast.reading import read_file
from lstmcast.seals import sealed_values

FOLDS = ("--folds", "2", "--baselines", "random_walk,ewma")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = Workplace.make(tmp_path_factory.mktemp("walk"), simulated(rows=820))
    few = ("--set", "model.members=1", "--set", "training.epochs=1")
    result = place.invoke("backtest", "-c", place.config, *few, *FOLDS)
    assert result.exit_code == 0, result.stderr
    return place


@pytest.fixture
def place(walked: Workplace, tmp_path: Path) -> Workplace:
    return Workplace(Path(shutil.copytree(walked.root, tmp_path / "copy")))


def folder(place: Workplace) -> Path:
    return next(place.runs.glob("backtest-small-*"))


def test_evaluate_finds_what_the_backtest_found(place: Workplace) -> None:
    walk = folder(place)
    kept = (walk / "metrics.json").read_text(encoding="utf-8")
    result = place.invoke("evaluate", walk.name, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == f"walk {walk.name}\n"
    assert json.loads(result.stdout) == json.loads(kept)
    assert (walk / "metrics.json").read_text(encoding="utf-8") == kept
    shown = place.invoke("evaluate", walk, "--baselines", "ewma")
    assert shown.exit_code == 0, shown.stderr
    assert "EWMA" in shown.stdout
    assert "random walk" not in shown.stdout.split("\n\n")[0]
    result = place.invoke("evaluate", walk.name, "--fail-unless", "crps<0.0001")
    assert result.exit_code == 12


@pytest.mark.parametrize("kind", ["test", "history", "ranges"])
def test_its_forecasts_are_drawn(place: Workplace, kind: str) -> None:
    walk = folder(place)
    result = place.invoke("plot", walk.name, "--kind", kind)
    assert result.exit_code == 0, result.stderr
    name = "ranges.png" if kind == "ranges" else f"AAA-{kind}.png"
    assert [path.name for path in (walk / "charts").iterdir()] == [name]


def test_its_charts_mark_the_sessions_that_were_forecast(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many test sessions as forecasts, for a symbol that later folds added as well."""
    walk = SavedWalk.open(folder(place))
    table = walk.predictions()
    near = table[table["horizon"] == 1].sort_values("date")
    late = near["date"].iloc[100]
    monkeypatch.setattr(SavedWalk, "predictions", lambda *_: table[table["date"] >= late])
    figure = charts_of(walk, place.store, "test")["AAA-test"]
    said = " ".join(words(figure))
    assert f"walk {walk.name}, prices from" in said
    assert re.search(rf"Test .* \({len(near) - 100:,}\)", said)
    assert "Validation" not in said


def test_it_is_reported(place: Workplace) -> None:
    walk = folder(place)
    result = place.invoke("report", walk.name)
    assert result.exit_code == 0, result.stderr
    text = (walk / "report.html").read_text(encoding="utf-8")
    for section in ("test", "walk", "coverage", "scores", "data", "again"):
        assert f'<section id="{section}"' in text
    for section in ("fan", "inside", "learning"):
        assert f'<section id="{section}"' not in text
    assert f"lstmcast backtest --config {walk.name}/config.yaml --folds 2 --window" in text
    assert "Trained 2 times" in text


def test_all_folds_are_in_it_and_none_twice(place: Workplace) -> None:
    walk = SavedWalk.open(folder(place))
    table = walk.predictions()
    near = table[table["horizon"] == 1]
    assert not near.duplicated(["symbol", "origin"]).any()
    first, last = walk.folds[0].first_origin, walk.folds[-1].last_origin
    assert (near["origin"].min(), near["origin"].max()) == (first, last)
    assert walk.boundaries["validation_end"] == walk.folds[0].validation_end
    assert walk.trials == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["evaluate", "{walk}", "--refit", "yearly"], 2, "`--refit` yearly is for runs"),
        (["evaluate", "{walk}", "--baselines", "garch"], 2, "`--baselines` garch was not fitted"),
        (["plot", "{walk}", "--kind", "gates"], 2, "`--kind` gates looks at a run's networks"),
        (["plot", "{walk}", "--symbol", "ZZZ"], 2, "`--symbol` ZZZ is not in the run"),
        (["report", "{walk}", "--symbol", "ZZZ"], 2, "`--symbol` ZZZ is not in"),
        (["forecast", "{walk}"], 8, "is a walk of `lstmcast backtest`, not a run"),
    ],
)
def test_what_a_walk_does_not_have_is_refused(
    place: Workplace, words: Sequence[str], code: int, message: str
) -> None:
    result = place.invoke(*(word.format(walk=folder(place).name) for word in words))
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["evaluate", "plot", "report"])
def test_a_walk_that_is_not_whole_is_told(place: Workplace, command: str) -> None:
    walk = folder(place)
    (walk / "fold-02.parquet").unlink()
    result = place.invoke(command, walk.name)
    assert result.exit_code == 8
    assert "is not finished: 1 of 2 folds are done" in result.stderr
    assert "goes on where it stopped" in result.stderr
    (walk / "fold-02.parquet").write_bytes(b"PAR1")
    result = place.invoke(command, walk.name)
    assert result.exit_code == 8
    assert "fold 2 of" in result.stderr
    assert "cannot be read" in result.stderr


def test_damaged_scores_name_the_command_that_rewrites_them(place: Workplace) -> None:
    walk = folder(place)
    (walk / "metrics.json").write_text("{", encoding="utf-8")
    told = f"warning: `metrics.json` of the walk {walk} cannot be read; `lstmcast "
    assert f"{told}evaluate {walk}` rewrites it" in place.invoke("runs", "list").stderr
    assert place.invoke("evaluate", walk.name).exit_code == 0
    assert "warning" not in place.invoke("runs", "list").stderr
    (walk / "metrics.json").write_text("{", encoding="utf-8")
    (walk / "fold-02.parquet").unlink()
    assert f"{told}backtest` rewrites it" in place.invoke("runs", "list").stderr


@pytest.mark.parametrize("plan", ["", "[]", "{}", '{"folds": [], "settings": {"baselines": []}}'])
def test_a_damaged_plan_is_told(place: Workplace, plan: str) -> None:
    walk = folder(place)
    (walk / "plan.json").write_text(plan, encoding="utf-8")
    result = place.invoke("evaluate", walk.name)
    assert result.exit_code == 8
    assert f"`plan.json` of the walk {walk} cannot be read" in result.stderr


def test_a_fold_in_the_place_of_another_is_refused(place: Workplace) -> None:
    walk = folder(place)
    shutil.copyfile(walk / "fold-01.parquet", walk / "fold-02.parquet")
    result = place.invoke("evaluate", walk.name)
    assert result.exit_code == 8
    assert "it belongs to fold 1, not to fold 2" in result.stderr
    assert "remove its file and run the backtest again" in result.stderr.replace("\n", " ")
    table = pd.read_parquet(walk / "fold-01.parquet")
    table.attrs = {}  # as an earlier version wrote it
    table.to_parquet(walk / "fold-02.parquet", index=False)
    result = place.invoke("evaluate", walk.name)
    assert result.exit_code == 8
    assert "holds forecasts from sessions of other folds" in result.stderr


def test_what_no_forecast_can_be_is_damage(place: Workplace) -> None:
    walk = folder(place)
    file = walk / "fold-01.parquet"
    whole = pd.read_parquet(file)
    whole["q10"] = whole["q90"] + 1
    whole.to_parquet(file)
    result = place.invoke("evaluate", walk.name)
    assert result.exit_code == 8
    assert "fold 1 of" in result.stderr


def flipped(path: Path, at: float) -> None:
    """Flip a bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 4
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("at", [0.1, 0.6, 0.9])
@pytest.mark.parametrize("name", ["fold-02.parquet", "plan.json", "config.yaml", "trials.json"])
def test_a_walk_with_a_flipped_bit_is_refused(place: Workplace, name: str, at: float) -> None:
    walk = folder(place)
    if name == "trials.json":
        (walk / name).write_text(json.dumps(sealed_values({"trials": 3, "counted": []})))
    flipped(walk / name, at)
    result = place.invoke("evaluate", walk.name, "--json")
    assert result.exit_code == 8, result.output
    assert "Traceback" not in result.stderr


def test_scores_with_another_digit_are_not_shown(place: Workplace) -> None:
    path = folder(place) / "metrics.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"crps": 0.', '"crps": 0.1', 1))
    result = place.invoke("runs", "list", "--json")
    (entry,) = json.loads(result.stdout)
    assert entry["scored"] is None
    assert "`metrics.json` of" in entry["problem"]


def test_what_may_not_be_read_is_not_called_damaged(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, most: int) -> bytes:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return read_file(path, most)

    for module in ("saved", "fold_files"):
        monkeypatch.setattr(f"lstmcast.evaluation.backtest.{module}.read_file", refuse)
    for name in ("plan.json", "fold-01.parquet"):
        result = place.invoke("evaluate", folder(place).name)
        assert result.exit_code == 8
        assert f"`{name}` of the walk" in result.stderr
        assert "cannot be read: Permission denied" in result.stderr
        assert "remove" not in result.stderr


def test_forecasts_of_another_symbol_are_refused(place: Workplace) -> None:
    path = folder(place) / "fold-01.parquet"
    table = pd.read_parquet(path).assign(symbol="ZZZ")
    table.attrs = {}
    table.to_parquet(path, index=False)
    result = place.invoke("evaluate", folder(place).name)
    assert result.exit_code == 8
    assert "holds forecasts of ZZZ, and is of AAA" in result.stderr


def test_a_fold_whose_notes_are_no_texts_is_refused(place: Workplace) -> None:
    path = folder(place) / "fold-01.parquet"
    table = pd.read_parquet(path)
    for notes in (None, 3, [[1]]):
        table.attrs = {"notes": notes}
        table.to_parquet(path, index=False)
        result = place.invoke("evaluate", folder(place).name)
        assert result.exit_code == 8
        assert "fold 1 of" in result.stderr
