"""An experiment from keyword arguments: where each key goes, and what is told of a wrong one."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.experiments import SMALL, small
from support.histories import as_history, simulated, simulated_bars

from lstmcast.api.settings import experiment_for
from lstmcast.config import Experiment, SplitDates, default_experiment
from lstmcast.config.settings import path_of
from lstmcast.errors import ConfigError, LstmcastError, UsageError

SEVERAL = {"kind"}
"""Keys that two sections have."""


def made(prices: Any = "AAA", config: Any = None, **settings: Any) -> Experiment:
    return experiment_for(prices, config, settings)


def test_without_settings_it_is_the_default_experiment() -> None:
    assert made() == default_experiment(["AAA"])
    assert made(["csv:aaa", "csv:B"]) == default_experiment(["AAA", "B"], "csv")
    history = simulated()
    assert made(history) == made([history]) == default_experiment(["AAA"], "csv")
    frame = simulated_bars(1, 30)
    assert made({"b-b": frame}) == default_experiment(["B-B"], "own")


def test_keys_go_where_they_belong() -> None:
    found = made(
        horizon=5,
        members=2,
        epochs=np.int64(7),
        dropout=np.float64(0.25),
        start="2001-01-01",
        end=pd.Timestamp("2010-12-31"),
        features=["returns"],
        model__hidden_size=8,
        calibration={"kind": "none"},
        pool={"floor": 0.5},
        method="validation",
        name="mine",
        seed=None,
    )
    assert (found.name, found.target.horizon, found.features) == ("mine", 5, ("returns",))
    assert (found.model.members, found.model.hidden_size, found.model.dropout) == (2, 8, 0.25)
    assert (found.model.pool.floor, found.model.pool.method) == (0.5, "validation")
    assert (found.training.epochs, found.training.seed) == (7, 0)
    assert (found.data.start, found.data.end) == (date(2001, 1, 1), date(2010, 12, 31))
    assert found.calibration.kind == "none"


@pytest.mark.parametrize(
    "dates",
    [
        {"train_end": "2010-01-01", "validation_end": "2011-01-01"},
        {"train_end": np.datetime64("2010-01-01"), "validation_end": date(2011, 1, 1)},
        {"split": {"train_end": "2010-01-01", "validation_end": "2011-01-01"}},
        {"split": SplitDates(train_end=date(2010, 1, 1), validation_end=date(2011, 1, 1))},
    ],
)
def test_dates_take_the_place_of_fractions_and_the_reverse(dates: dict[str, Any]) -> None:
    by_dates = made(config=small(), **dates)
    expected = SplitDates(train_end=date(2010, 1, 1), validation_end=date(2011, 1, 1))
    assert by_dates.split == expected
    back = made(config=by_dates, train=0.6, validation=0.2, test=0.2)
    assert back.split == small().split


def test_settings_go_before_a_file_and_prices_before_its_symbols(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    plain = {"model": {"members": 2}, "name": "mine"}
    assert made("AAA", plain) == made(model={"members": 2}, name="mine")
    for config in (file, str(file), small()):
        assert made(None, config) == small()
        assert made(None, config, horizon=2) == small("target.horizon=2")
    other = as_history(simulated_bars(2, 50), "BBB")
    assert made(other, file) == small("data.symbols=[BBB]", "data.source=csv")


def test_every_key_is_found_by_its_name_or_said_to_be_several() -> None:
    for section in ("data", "target", "model", "training", "calibration"):
        for name in Experiment.model_fields[section].annotation.model_fields:  # type: ignore[union-attr]
            assert path_of(f"{section}__{name}") == (section, name)
            if name in SEVERAL:
                with pytest.raises(ConfigError, match=f"`{name}` is a key of several sections"):
                    path_of(name)
            else:
                assert path_of(name) in {(section, name), (name,), ("data", name)}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"horizn": 5}, "`horizn` is not a setting"),
        ({"model__horizon": 5}, "`model__horizon` is not a setting"),
        ({"kind": "none"}, "`kind` is a key of several sections"),
        ({"horizon": 0, "members": "x"}, "the experiment has 2 faults"),
        ({"horizon": True}, "the experiment has 1 fault"),
        ({"model": {"hiden_size": 3}}, "the experiment has 1 fault"),
        ({"features": ["nope"], "horizon": 0}, "the experiment has 2 faults"),
    ],
)
def test_a_wrong_setting_is_told(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        made(**settings)


def test_a_wrong_setting_comes_with_the_right_one() -> None:
    for name, meant in (("horizn", "horizon"), ("lr", "learning_rate"), ("layers", "num_layers")):
        with pytest.raises(ConfigError, match="is not a setting") as caught:
            path_of(name)
        assert caught.value.hint == f"did you mean `{meant}`?"


@pytest.mark.parametrize(
    ("prices", "error", "words"),
    [
        (None, UsageError, "neither `prices` nor `config` was given"),
        ([], UsageError, "`prices` is empty"),
        (["AAA", "aaa"], UsageError, "one of them twice"),
        (["csv:A", "yahoo:B"], UsageError, "from different sources"),
        (["A", 3], UsageError, "`prices` holds a int"),
        (7, UsageError, "`prices` is a int"),
        (["A", simulated()], UsageError, "mixes symbols and histories"),
        ([simulated(), as_history(simulated_bars(2, 50), "B", source="x")], UsageError,
         "are from csv, x, and a run's are of one source"),
        (simulated_bars(1, 30), UsageError, "`symbol` is missing"),
    ],
)  # fmt: skip
def test_prices_that_say_nothing_are_told(
    prices: Any, error: type[LstmcastError], words: str
) -> None:
    with pytest.raises(error, match=words):
        made(prices)
