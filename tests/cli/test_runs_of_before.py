"""Configurations and runs of earlier versions: other names of keys and weights, other starts."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.program import Workplace
from support.tensors import read_tensors, write_unsealed

from lstmcast.config.yaml_text import read_yaml, write_yaml
from lstmcast.run import Run

SET = ("--set", "model.hidden_size=32", "--set", "model.members=1", "--set", "training.epochs=1")

KEYS = {"learning_rate_warmup": "ramp", "burn_in": "warm_up", "ema_decay": "averaging"}
"""Keys of `training`, as the version before called them."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run as an earlier version wrote it, and as today's wrote it beside it."""
    place = Workplace.make(tmp_path_factory.mktemp("before"))
    features = ("--set", "features=[returns, range, volume]")
    start = ("--set", "model.start=mixed", *features)
    result = place.invoke("train", "-c", place.config, *SET, *start)
    assert result.exit_code == 0, result.stderr
    assert "note: `model.start: mixed` no longer exists; `pretrained` is used" in result.stderr
    assert "began with random weights: `model.hidden_size` is 32, theirs is 64" in result.stderr
    run = Run.open(None, place.runs).path
    shutil.copytree(run, place.root / "today")
    _write_as_before(run)
    return place


def _write_as_before(run: Path) -> None:
    """Give a run's files the names that the version before had."""
    values: Any = read_yaml((run / "config.yaml").read_text(encoding="utf-8"), "config.yaml")
    assert values["model"]["start"] == "pretrained"
    values["model"] |= {"start": "mixed", "symbol_embedding": 0}
    training = values["training"]
    values["training"] = {KEYS.get(key, key): value for key, value in training.items()}
    assert len(values["training"].keys() - training.keys()) == len(KEYS)
    values["training"]["rate_half_life"] = 0
    (run / "config.yaml").write_text(write_yaml(values), encoding="utf-8")
    tensors, metadata = read_tensors(run / "model.safetensors")
    named = {name.replace(".encoder.", ".body."): value for name, value in tensors.items()}
    assert named.keys() != tensors.keys()
    write_unsealed(run / "model.safetensors", named, metadata)
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for name in ("networks", "files", "sha256"):
        del record[name]
    (run / "run.json").write_text(json.dumps(record), encoding="utf-8")


def forecasts(run: Run, place: Workplace) -> tuple[pd.DataFrame, np.ndarray]:
    """The kept forecasts of one session ahead, and their 10 % quantiles forecast again."""
    forecaster = run.forecaster()
    inputs = forecaster.inputs(run.histories(place.store))
    stored = run.predictions()
    rows = inputs.dates[0].get_indexer(pd.DatetimeIndex(stored["origin"].unique()))
    found = forecaster.forecast(inputs, {"AAA": rows})["AAA"].quantiles((0.1,))[:, 0, 0]
    return stored[stored["horizon"] == 1], found


def test_a_run_of_before_forecasts_as_it_did(place: Workplace) -> None:
    run, today = Run.open(None, place.runs), Run.open(place.root / "today", place.runs)
    assert run.experiment() == today.experiment()
    (stored, found), (_, again) = (forecasts(each, place) for each in (run, today))
    np.testing.assert_array_equal(found, again)
    assert found == pytest.approx(stored["q10"].to_numpy(), rel=1e-4)
    shown = place.invoke("forecast", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["forecaster"] == "trained"
    assert "no longer exists" not in shown.stderr
    assert "now called" not in shown.stderr


def test_its_configuration_trains_the_same_run_again(place: Workplace) -> None:
    run, today = Run.open(None, place.runs), Run.open(place.root / "today", place.runs)
    result = place.invoke("train", "-c", run.path / "config.yaml", "--runs-dir", place.root / "new")
    assert result.exit_code == 0, result.stderr
    assert "note: `training.ramp` is now called `training.learning_rate_warmup`" in result.stderr
    assert "note: `model.symbol_embedding` no longer has an effect" in result.stderr
    new = Run.open(None, place.root / "new").predictions()
    pd.testing.assert_frame_equal(new, today.predictions(), check_exact=True)


def test_a_run_with_a_symbol_embedding_is_refused_with_the_reason(place: Workplace) -> None:
    run = place.root / "embedded"
    shutil.copytree(Run.open(None, place.runs).path, run)
    tensors, metadata = read_tensors(run / "model.safetensors")
    tensors["member.0.embedding.weight"] = torch.zeros(2, 3)
    write_unsealed(run / "model.safetensors", tensors, metadata)
    result = place.invoke("forecast", run)
    assert result.exit_code == 8, result.stderr
    assert "its networks have a symbol embedding, which lstmcast no longer has" in result.stderr
    assert "train the run again" in result.stderr


def test_a_run_with_a_head_that_was_removed_is_refused_with_the_reason(place: Workplace) -> None:
    """A mixture had four outputs more; its forecasts of the test part are there all the same."""
    run = place.root / "mixture"
    shutil.copytree(Run.open(None, place.runs).path, run)
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("head: student_t", "head: mixture"))
    tensors, metadata = read_tensors(run / "model.safetensors")
    for name in ("member.0.head.weight", "member.0.head.bias"):
        more = torch.zeros(4, *tensors[name].shape[1:])
        tensors[name] = torch.cat([tensors[name], more])
    write_unsealed(run / "model.safetensors", tensors, metadata)
    result = place.invoke("forecast", run)
    assert result.exit_code == 8, result.stderr
    assert "its networks have the head `mixture`, which lstmcast no longer has" in result.stderr
    assert place.invoke("evaluate", run, "--baselines", "random_walk").exit_code == 0


def test_values_that_were_removed_are_read_as_what_replaced_them(place: Workplace) -> None:
    sets = ("calibration.kind=conformal", "model.variants=[{head: mixture}]")
    options = [part for one in (*sets, "data.symbols=[ABSENT]") for part in ("--set", one)]
    result = place.invoke("train", "-c", place.config, *options)
    assert "`calibration.kind: conformal` no longer exists; `adaptive` is used" in result.stderr
    assert "`model.variants.0.head: mixture` no longer exists; `student_t` is used" in result.stderr
    assert result.exit_code == 7


@pytest.mark.parametrize(
    "command", [("evaluate", "--baselines", "ewma"), ("plot", "--kind", "fan")]
)
def test_other_commands_take_it_too(place: Workplace, command: tuple[str, ...]) -> None:
    result = place.invoke(*command)
    assert result.exit_code == 0, result.stderr


def test_a_variant_of_before_is_named_by_its_key(place: Workplace, tmp_path: Path) -> None:
    shutil.copy(place.config, tmp_path / "old.yaml")
    variants = "model.variants=[{start: linear}, {start: random}]"
    options = ("--set", variants, "--set", "data.symbols=[ABSENT]")
    result = place.invoke("train", "-c", tmp_path / "old.yaml", *options)
    assert "note: `model.variants.0.start: linear` no longer exists" in result.stderr
    assert "variants.1" not in result.stderr
    assert result.exit_code == 7
