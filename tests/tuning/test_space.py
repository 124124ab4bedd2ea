"""The space that is searched: which keys and values it takes, and what it is by default."""

import pytest
from support.experiments import small

from lstmcast.api.names import faulty_names
from lstmcast.config import (
    Experiment,
    Tuning,
    check_space,
    dump_experiment,
    dump_given,
    parse_experiment,
    with_values,
)
from lstmcast.errors import ConfigError
from lstmcast.tuning import default_space

LEAST = "{name: a, data: {symbols: [A]}}"


def searching(space: str, *overrides: str) -> Experiment:
    return parse_experiment(LEAST, [f"tuning.space={space}", *overrides])


def test_a_space_is_read_and_written_and_left_out_where_there_is_none() -> None:
    text = (
        "{training.learning_rate: {low: 1e-4, high: 3e-3, log: true}, model.hidden_size: [32, 64],"
        " features: [[returns, range], returns]}"
    )
    experiment = searching(text)
    assert experiment.tuning.space["features"] == (("returns", "range"), "returns")
    assert parse_experiment(dump_experiment(experiment)) == experiment
    assert check_space(experiment, experiment.tuning.space, faulty_names) == []
    plain = parse_experiment(LEAST)
    assert plain.tuning == Tuning()
    assert "tuning" not in dump_experiment(plain)


@pytest.mark.parametrize(
    ("space", "fault"),
    [
        ("{training.learning_rate: 5}", "is 5; give a list of choices, or `{low: ..., high: ...}`"),
        ("{training.learning_rate: {low: 3, high: 1}}", "`low` must lie below `high`"),
        ("{training.learning_rate: {low: 0, high: 1, log: true}}", "`low` must be above 0"),
        ("{training.learning_rate: {low: 1}}", "learning_rate.high` is missing; add it"),
        ("{training.learning_rate: {low: 1, high: {}}}", "high` is {}; it should be a number"),
        ("{training.learning_rate: {low: 0.1, high: 1, log: true, step: 0.1}}", "does not go with"),
        ("{training.learning_rate: {low: 0.1, high: 1, step: 2}}", "`step` is wider"),
        ("{training.learning_rate: {low: 0.1, high: 1, lag: 2}}", "lag` is not a key"),
        ("{model.hidden_size: []}", "is []; a list of choices needs at least one"),
        ("{model.hidden_size: [8, 8]}", "a choice is listed twice"),
        ("{model.hidden_size: [true]}", "no key takes true or false"),
        ("[1]", "`tuning.space` is [1]; it should be a valid dictionary"),
    ],
)
def test_what_is_no_space_is_told_with_its_path(space: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=r"has [12] fault") as caught:
        searching(space)
    assert fault in "".join(caught.value.problems)


@pytest.mark.parametrize(
    ("space", "fault"),
    [
        ("{model.hiden_size: [8]}", "`model.hiden_size` is not a key; did you mean `model.hidden"),
        ("{lr: [1]}", "`lr` is not a key; did you mean `training.learning_rate`?"),
        ("{model: [8]}", "`model` is 8; it should be a valid dictionary"),
        ("{training.lookback.x: [8]}", "`training.lookback` is {'x': 8}"),
        ("{data.symbols: [B]}", "`data.symbols`, which changes the rows that trials are scored on"),
        ("{target.horizon: [1, 5]}", "`target.horizon`, which changes the rows"),
        ("{split.train: [0.5]}", "`split.train`, which changes the rows"),
        ("{training.seed: [1, 2]}", "`training.seed`, which cannot be searched"),
        ("{model.variants: [1]}", "`model.variants`, which is a list"),
        ("{model.hidden_size: [0]}", "`model.hidden_size` is 0; it should be greater than or eq"),
        ("{model.dropout: {low: 0, high: 1}}", "`model.dropout` is 1; it should be less than 1"),
        ("{model.head: {low: 1, high: 2}}", "`model.head` is 1; it should be a valid string"),
        ("{training.lookback: {low: 30, high: 60, step: 0.5}}", "`step` is 0.5"),
        ("{training.lookback: {low: 30.5, high: 60}}", "`training.lookback` is 30.5; it should"),
        ("{model.network: [lstm, gru]}", "`model.network` is 'gru', which does not exist"),
        ("{features: [[returns, moon]]}", "`features` names moon"),
    ],
)
def test_what_a_key_cannot_be_is_told_before_any_trial(space: str, fault: str) -> None:
    experiment = searching(space)
    problems = check_space(experiment, experiment.tuning.space, faulty_names)
    assert len(problems) == 1 + ("high: 2" in space)
    assert fault in problems[0]


def test_values_that_do_not_go_together_are_no_fault_of_the_space() -> None:
    experiment = searching("{training.lookback: [20, 100]}", "training.burn_in=30")
    assert check_space(experiment, experiment.tuning.space) == []
    with pytest.raises(ConfigError, match=r"`training.lookback` must be longer"):
        with_values(experiment, {"training.lookback": 20})


def test_other_values_leave_defaults_to_be_defaults() -> None:
    experiment = with_values(parse_experiment(LEAST), {"model.pool.floor": 0.5, "features": "news"})
    assert (experiment.model.pool.floor, experiment.features) == (0.5, ("news",))
    given = dump_given(experiment)
    assert "hidden_size" not in given
    assert parse_experiment(given) == experiment


def test_the_default_space_fits_what_networks_begin_as() -> None:
    experiment = small("model.start=pretrained")
    for pretrained in (True, False):
        space = default_space(experiment, pretrained=pretrained)
        assert check_space(experiment, space) == []
        assert ("model.hidden_size" in space) is not pretrained
    own = searching("{model.hidden_size: [8]}")
    assert default_space(own, pretrained=True) == own.tuning.space
