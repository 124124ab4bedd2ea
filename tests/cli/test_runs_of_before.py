"""Configurations and runs of earlier versions, whose networks began as linear models."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support.program import Workplace

from lstmcast.run import Run

SET = ("--set", "model.hidden_size=32", "--set", "model.members=1", "--set", "training.epochs=1")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run whose folder says what an earlier version wrote."""
    place = Workplace.make(tmp_path_factory.mktemp("before"))
    features = ("--set", "features=[returns, range, volume]")
    start = ("--set", "model.start=mixed", *features)
    result = place.invoke("train", "-c", place.config, *SET, *start)
    assert result.exit_code == 0, result.stderr
    assert "note: `model.start: mixed` is of an earlier version and read as `pretrained`" in (
        result.stderr
    )
    assert "began with new weights: `model.hidden_size` is 32, theirs is 64" in result.stderr
    run = Run.open(None, place.runs).path
    config = (run / "config.yaml").read_text(encoding="utf-8")
    old = re.sub(r"start: pretrained", "start: mixed", config)
    assert old != config
    (run / "config.yaml").write_text(old, encoding="utf-8")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for name in ("networks", "files", "sha256"):
        del record[name]
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return place


def test_a_run_of_before_forecasts_as_it_did(place: Workplace) -> None:
    run = Run.open(None, place.runs)
    assert run.experiment().model.start == "pretrained"
    forecaster, store = run.forecaster(), place.store
    inputs = forecaster.inputs(run.histories(store))
    stored = run.predictions()
    rows = inputs.dates[0].get_indexer(pd.DatetimeIndex(stored["origin"].unique()))
    found = forecaster.forecast(inputs, {"AAA": rows})["AAA"].quantiles((0.1,))[:, 0, 0]
    assert found == pytest.approx(stored[stored["horizon"] == 1]["q10"].to_numpy(), rel=1e-4)
    shown = place.invoke("forecast", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["forecaster"] == "trained"


@pytest.mark.parametrize("command", [("evaluate",), ("plot", "--kind", "fan")])
def test_other_commands_take_it_too(place: Workplace, command: tuple[str, ...]) -> None:
    result = place.invoke(*command)
    assert result.exit_code == 0, result.stderr


def test_a_variant_of_before_is_named_by_its_key(place: Workplace, tmp_path: Path) -> None:
    shutil.copy(place.config, tmp_path / "old.yaml")
    variants = "model.variants=[{start: linear}, {start: blank}]"
    options = ("--set", variants, "--set", "data.symbols=[ABSENT]")
    result = place.invoke("train", "-c", tmp_path / "old.yaml", *options)
    assert "note: `model.variants.0.start: linear` is of an earlier version" in result.stderr
    assert "variants.1" not in result.stderr
    assert result.exit_code == 7
