"""Experiments: what is read, what is refused and how it is said, and that a dump reads back."""

import datetime as dt
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from support.experiments import SMALL

from lstmcast.config import (
    Experiment,
    SplitDates,
    SplitFractions,
    dump_experiment,
    load_experiment,
    parse_experiment,
)
from lstmcast.errors import ConfigError

CONFIGS = Path(__file__).parent.parent / "configs"
LEAST = "name: x\ndata: {symbols: [AAPL]}\n"


def problems(text: str, *overrides: str) -> tuple[str, ...]:
    """The faults of an experiment that must not validate."""
    with pytest.raises(ConfigError, match=r"has \d+ faults?") as caught:
        parse_experiment(text, overrides)
    assert f"{len(caught.value.problems)} fault" in caught.value.message
    return caught.value.problems


def test_name_and_symbols_are_enough() -> None:
    experiment = parse_experiment(LEAST)
    assert experiment.data.symbols == ("AAPL",)
    assert isinstance(experiment.split, SplitFractions)
    assert parse_experiment("name: x\ndata: {symbols: AAPL}") == experiment


def test_every_key_says_what_it_is() -> None:
    def undocumented(section: type[BaseModel], path: str) -> list[str]:
        found = []
        for name, field in section.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found += undocumented(inner, f"{path}{name}.")
            elif not field.description and name != "split":
                found.append(path + name)
        return found

    assert undocumented(Experiment, "") == []
    assert undocumented(SplitDates, "split.") + undocumented(SplitFractions, "split.") == []


def test_an_experiment_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse_experiment(LEAST).training.seed = 1  # type: ignore[misc]  # that is the point


def test_all_faults_are_told_at_once_with_path_value_and_what_would_work() -> None:
    found = problems(
        """
        name: two words
        data: {symbol: AAPL}
        split: {train: 0.5, test: 0.5}
        model: {hidden_size: 0, initial_state: ones}
        training: {lookback: many, epoch: 5}
        """
    )
    assert len(found) == 8
    text = "\n".join(found)
    for part in (
        "`name` is 'two words'; ",
        "`data.symbols` is missing; add it",
        "`data.symbol` is not a key; did you mean `data.symbols`?",
        "`split.validation` is missing; add it",
        "`model.hidden_size` is 0; it should be greater than or equal to 1",
        "`model.initial_state` is 'ones'; it should be 'zeros' or 'learned'",
        "`training.lookback` is 'many'; it should be a valid integer",
        "`training.epoch` is not a key; did you mean `training.epochs`?",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("data.symbols=[]", "`data.symbols` is"),
        ("data.symbols=[A, B, A]", "`data.symbols` names a symbol twice"),
        ("data.symbols=600036", "`data.symbols` is 600036; it should be a valid"),
        ("data.symbols=[600036]", "`data.symbols.0` is 600036; .*; quote it, as in '600036'"),
        ("data.symbols=[true]", "`data.symbols.0` is True; .*; quote it"),
        ("data.symbols=[1e5]", "`data.symbols.0` is 100000.0; .*; quote it"),
        ("data.start=2010", "`data.start` is 2010; a date is written as in 2010-12-31"),
        ("data.start=0", "`data.start` is 0; a date is written as in 2010-12-31"),
        ("data.start=31.12.2010", "`data.start` is '31.12.2010'; it should be a valid date"),
        ("data.start=2010-02-30", "`data.start` is '2010-02-30'; it should be a valid date"),
        ("data={symbols: [A], start: 2011-01-01, end: 2010-01-01}", "must lie before `data.end`"),
        ("target.horizon=0", "`target.horizon` is 0; it should be greater than or equal to 1"),
        ("target.kind=returns", "`target.kind` is 'returns'; it should be 'log_return' or 'price'"),
        ("split={train: 0.5, validation: 0.2, test: 0.2}", "must sum to 1, got 0.9"),
        ("split={train: 1, validation: 0.2, test: 0.2}", "`split.train` is 1; it should be less"),
        ("split={train_end: 2010-01-01}", "`split.validation_end` is missing"),
        ("split={train_end: 2010-01-02, validation_end: 2010-01-01}", "must lie after"),
        (
            "split.test_ends=2010-01-01",
            "`split.test_ends` is not a key; did you mean `split.test_end`\\?",
        ),
        ("model.dropout=1", "`model.dropout` is 1; it should be less than 1"),
        ("model.dropout=.nan", "`model.dropout` is '.nan'; it should be a valid number"),
        ("model.members=true", "`model.members` is True; no key takes true or false"),
        ("model.members=2.5", "`model.members` is 2.5; it should be a valid integer"),
        ("model.members=", "`model.members` is None; it should be a valid integer"),
        ("training.learning_rate=inf", "`training.learning_rate` is 'inf'; it should be a finite"),
        ("training.learning_rate=0", "`training.learning_rate` is 0; it should be greater than 0"),
        ("training.burn_in=24", "`training.lookback` must be longer than `training.burn_in`"),
        ("training.seed=-1", "`training.seed` is -1; it should be greater than or equal to 0"),
        ("data=AAPL", "`data` is 'AAPL'; it should be a valid dictionary"),
        ("colour.of.money=1", "`colour` is not a key; known keys are name, data"),
    ],
)
def test_a_fault_names_the_key_the_value_and_what_would_work(override: str, fault: str) -> None:
    (problem,) = problems(SMALL, override)
    assert re.search(fault, problem), problem


@pytest.mark.parametrize(
    ("text", "value"),
    [("ON", "ON"), ("NO", "NO"), ("Y", "Y"), ("005930", "005930"), ("1_000", "1_000"), ("=", "=")],
)
def test_tickers_are_not_taken_for_yaml_1_1_words(text: str, value: str) -> None:
    assert parse_experiment(f"name: x\ndata: {{symbols: [{text}]}}").data.symbols == (value,)


def test_exponents_are_numbers_and_dates_are_dates() -> None:
    experiment = parse_experiment(
        LEAST + "training: {learning_rate: 1e-3, weight_decay: 1.5E-4}\n"
        "split: {train_end: 2008-12-31, validation_end: '2010-12-31'}"
    )
    assert experiment.training.learning_rate == 1e-3
    assert experiment.training.weight_decay == 1.5e-4
    assert experiment.split == SplitDates(
        train_end=dt.date(2008, 12, 31), validation_end=dt.date(2010, 12, 31)
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the configuration is empty"),
        ("# name: x\n\n", "the configuration is empty"),
        ("name", "must be a mapping of keys, got str"),
        ("- AAPL", "must be a mapping of keys, got list"),
        ("name: x\ndata: [A", "line 2 is not valid YAML"),
        ("name: x\nname: y", "line 1 is not valid YAML: the key name is there twice"),
        ("name: x\ndata: {symbols: A, symbols: B}", "the key symbols is there twice"),
        ("name: !!python/object/apply:os.getcwd []", "python/object/apply:os is not used"),
        ("? [1, 2]\n: 3", "is not valid YAML"),
        ("name: x\n---\nname: y", "is not valid YAML"),
        ("name: \x00", "is not valid YAML"),
    ],
)
def test_what_is_not_an_experiment_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        parse_experiment(text)


def test_overrides_are_applied_in_turn_and_read_as_yaml() -> None:
    experiment = parse_experiment(
        LEAST,
        ["model.members=2", "training.seed=3", "model.members=1e0", "data.symbols=[ON, MSFT]"],
    )
    assert (experiment.model.members, experiment.training.seed) == (1, 3)
    assert experiment.data.symbols == ("ON", "MSFT")
    assert parse_experiment(LEAST, ["features=returns"]).features == ("returns",)


def test_an_override_of_one_kind_of_split_replaces_the_other() -> None:
    dates = ["split.train_end=2008-12-31", "split.validation_end=2010-12-31"]
    assert isinstance(parse_experiment(SMALL, dates).split, SplitDates)
    back = [*dates, "split.train=0.6", "split.validation=0.2", "split.test=0.2"]
    assert parse_experiment(SMALL, back).split == parse_experiment(SMALL).split


@pytest.mark.parametrize("override", ["model.members", "=3", "model..members=3", ".members=3"])
def test_an_override_that_is_not_key_equals_value_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match="`--set` must look like") as caught:
        parse_experiment(LEAST, [override])
    assert f"`{override}`" in caught.value.message


def test_an_override_s_value_that_is_not_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`--set model\.members=\[` line 1 is not valid YAML"):
        parse_experiment(LEAST, ["model.members=["])


def test_an_override_leaves_the_other_keys_of_its_section() -> None:
    experiment = parse_experiment(SMALL, ["model.dropout=0"])
    assert experiment.model.dropout == 0
    assert experiment.model.hidden_size == parse_experiment(SMALL).model.hidden_size


symbols = st.one_of(
    st.from_regex(r"[A-Z0-9^][A-Z0-9.^=&_-]{0,11}", fullmatch=True),
    st.sampled_from(["ON", "NO", "Y", "NULL", "TRUE", "1E3", "3E10", "1.5", "007", "0X1F", "~"]),
)
DAYS = [dt.date(1900, 1, 1), dt.date(2010, 12, 31), dt.date(2100, 1, 1)]
dates = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))


@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True),
    named=st.lists(symbols, min_size=1, max_size=4, unique=True),
    features=st.none() | st.lists(symbols, min_size=1, max_size=3),
    days=st.lists(dates, min_size=3, max_size=3, unique=True).map(sorted),
    rate=st.floats(1e-12, 1, exclude_min=True),
    by_dates=st.booleans(),
)
@example(
    "ON", ["ON", "NO", "Y", "1E3"], ["NULL"], [dt.date(1900, 1, d) for d in (1, 2, 3)], 1e-12, True
)
@example(
    "1.5", ["3E10", "007", "~", "TRUE"], None, [dt.date(2010, 12, d) for d in (1, 2, 3)], 1.0, False
)
@settings(max_examples=40)
def test_a_dump_reads_back_to_an_equal_experiment(
    name: str,
    named: list[str],
    features: list[str] | None,
    days: list[dt.date],
    rate: float,
    by_dates: bool,
) -> None:
    keys: dict[str, object] = {
        "name": name,
        "data": {"symbols": named, "start": days[0], "end": days[1]},
        "features": features,
        "training": {"learning_rate": rate},
    }
    if by_dates:
        keys["split"] = dict(zip(("train_end", "validation_end", "test_end"), days, strict=True))
    experiment = Experiment.model_validate(keys)
    text = dump_experiment(experiment)
    assert parse_experiment(text) == experiment
    # PyYAML's own reader, by the rules of YAML 1.1, finds the same text in the same places.
    assert yaml.safe_load(text)["data"]["symbols"] == named
    assert yaml.safe_load(text)["name"] == name


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml cannot be read: No such file"):
        load_experiment(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_experiment(tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8 text"):
        load_experiment(binary)


def test_faults_of_a_file_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml has 1 fault"):
        load_experiment(path)


@pytest.mark.parametrize("path", sorted(CONFIGS.iterdir()), ids=lambda path: path.name)
def test_configs_begin_with_the_command_that_runs_them_and_load(path: Path) -> None:
    assert path.suffix == ".yaml"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# lstmcast train --config configs/{path.name}"
    experiment = load_experiment(path)
    assert experiment.name == path.stem
    assert parse_experiment(dump_experiment(experiment)) == experiment


def test_the_two_experiments_of_the_readme_are_there() -> None:
    assert {"aapl.yaml", "classic.yaml"} <= {path.name for path in CONFIGS.iterdir()}


@pytest.mark.parametrize(
    ("keys", "given", "meant"),
    [
        ("hidden_size: 64", "hidden_size", "`model.hidden_size`"),
        ("training: {hidden_size: 3}", "training.hidden_size", "`model.hidden_size`"),
        ("training: {hiddensize: 3}", "training.hiddensize", "`model.hidden_size`"),
        ("model: {batchSize: 3}", "model.batchSize", "`training.batch_size`"),
        ("model: {learning-rate: 3}", "model.learning-rate", "`training.learning_rate`"),
        ("lr: 3", "lr", "`training.learning_rate`"),
        ("horizon: 5", "horizon", "`target.horizon`"),
        ("floor: 5", "floor", "`model.pool.floor`"),
        ("start: 2001-01-01", "start", "`data.start` or `model.start`"),
        ("traning: {epochs: 3}", "traning", "`training`"),
        ("split: {train_end: 2001-01-01, validation_ends: 2002-01-01, test: 1}", "split.test",
         "`split.test`"),
        ("model: {variants: [{hiden_size: 3}]}", "model.variants.0.hiden_size",
         "`model.variants.0.hidden_size`"),
    ],
)  # fmt: skip
def test_a_key_that_is_misspelt_or_misplaced_is_named_by_its_whole_path(
    keys: str, given: str, meant: str
) -> None:
    assert f"`{given}` is not a key; did you mean {meant}?" in problems(f"{LEAST}{keys}\n")


def test_a_key_with_dots_is_to_be_nested() -> None:
    (problem,) = problems(f"{LEAST}model.hidden_size: 3\n")
    assert problem.endswith("write `hidden_size` in a line of its own below `model:`")


def test_faults_of_keys_of_values_and_of_their_order_come_together() -> None:
    """Pydantic does not ask whether values go together before every key is right."""
    found = problems(
        """
        data: {symbols: [A], start: 2011-01-01, end: 2010-01-01, sorce: csv}
        split: {train: 0.7, validation: 0.2, test: 0.2, tests: 3}
        model:
        training: {lookback: 10, burn_in: 20, epoch: 5, seed: -1}
        """
    )
    assert [line.partition(" ")[0] + line.partition("; ")[1] for line in found] == [
        "`name`; ", "`data.sorce`; ", "`split.tests`; ", "`model`; ",
        "`training.seed`; ", "`training.epoch`; ", "`data.start`", "`train`,",
        "`training.lookback`; ",
    ]  # fmt: skip
    assert "`model` is empty; give it keys, or leave it out" in found


def test_names_are_looked_up_with_what_is_valid_of_the_rest() -> None:
    def check(experiment: Experiment) -> list[str]:
        return [f"{experiment.model.network} at {experiment.training.seed}"]

    with pytest.raises(ConfigError, match="has 2 faults") as caught:
        parse_experiment(LEAST + "model: {network: gru, members: 0}", check=check)
    assert caught.value.problems[1] == "gru at 0"
    assert parse_experiment(LEAST, check=check).name == "x"


@pytest.mark.parametrize(
    ("file", "overrides", "message", "lines"),
    [
        ("", ["model.hiden=3"], "`--set model.hiden=3` has 1 fault", ["`model.hiden` is"]),
        ("", ["model.hiden=3", "training.seed=-1"], "`--set` has 2 faults", ["`", "`"]),
        ("model: {members: 0}", ["training.seed=3"], "the configuration has 1 fault", ["`model.m"]),
        ("model: {members: 0}", ["training.seed=-1"],
         "the experiment has 2 faults, 1 of the configuration",
         ["`model.members` is 0", "`--set training.seed=-1`: `training.seed` is -1"]),
        ("training: {burn_in: 30}", ["training.lookback=20"],
         "`--set training.lookback=20` has 1 fault", ["`training.lookback` must be longer"]),
    ],
)  # fmt: skip
def test_the_file_is_not_blamed_for_an_override(
    file: str, overrides: list[str], message: str, lines: list[str]
) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$") as caught:
        parse_experiment(f"{LEAST}{file}\n", overrides)
    for line, begin in zip(caught.value.problems, lines, strict=True):
        assert line.startswith(begin)


def test_a_folder_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"No such file.*, the folder \S+/nodir is missing"):
        load_experiment(tmp_path / "nodir" / "x.yaml")
    (tmp_path / "config.yaml").write_text(LEAST)
    with pytest.raises(ConfigError, match="Is a directory") as caught:
        load_experiment(tmp_path)
    assert caught.value.hint == f"give the file in that folder: {tmp_path / 'config.yaml'}"


def test_the_hint_to_a_warm_up_that_is_too_long_works() -> None:
    (problem,) = problems(f"{LEAST}training: {{lookback: 29, burn_in: 40}}\n")
    assert problem.endswith("try `training.burn_in: 7`")
    parse_experiment(LEAST + "training: {lookback: 29, burn_in: 7}")


FORMER = """
model: {start: blank, symbol_embedding: 0, variants: [{start: linear}, {start: pretrained}]}
training: {ramp: 7, warm_up: 30, averaging: 0.5, rate_half_life: 20, seed: 3}
"""
TODAY = """
model: {start: random, variants: [{start: pretrained}, {start: pretrained}]}
training: {learning_rate_warmup: 7, burn_in: 30, ema_decay: 0.5, seed: 3}
"""


def test_a_configuration_of_the_version_before_is_read_and_says_what_to_write() -> None:
    told: list[str] = []
    assert parse_experiment(LEAST + FORMER, tell=told.append) == parse_experiment(LEAST + TODAY)
    beginnings = (
        "`training.ramp` is now called `training.learning_rate_warmup`",
        "`training.warm_up` is now called `training.burn_in`",
        "`training.averaging` is now called `training.ema_decay`",
        "`training.rate_half_life` no longer has an effect",
        "`model.symbol_embedding` no longer has an effect",
        "`model.start: blank` no longer exists; `random` is used",
        "`model.variants.0.start: linear` no longer exists; `pretrained` is used",
    )
    for line, begin in zip(told, beginnings, strict=True):
        assert line.startswith(begin)
    told.clear()
    assert parse_experiment(LEAST + TODAY, tell=told.append).training.burn_in == 30
    assert told == []


@pytest.mark.parametrize("file", ["ramp: 7", "learning_rate_warmup: 7"])
@pytest.mark.parametrize("key", ["ramp", "learning_rate_warmup"])
def test_an_override_wins_over_the_file_by_either_name(file: str, key: str) -> None:
    text = f"{LEAST}training: {{{file}}}\n"
    assert parse_experiment(text, [f"training.{key}=9"]).training.learning_rate_warmup == 9


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("training: {ramp: 3, learning_rate_warmup: 3}",
         "`training.ramp` is not a key; did you mean `training.learning_rate_warmup`?"),
        ("training: {averaging: 2}", "`training.ema_decay` is 2; it should be less than 1"),
        ("training: [ramp, 3]", "`training` is ['ramp', 3]; it should be a valid dictionary"),
        ("model: {variants: {start: blank}}", "`model.variants` is {'start': 'blank'}; it should"),
        ("model: {variants: [blank], start: [blank]}", "`model.start` is ['blank']; it should be"),
        ("model: {start: [blank], variants: [3]}", "`model.start` is ['blank']; it should be"),
    ],
)  # fmt: skip
def test_faults_are_told_by_the_names_of_today(text: str, problem: str) -> None:
    assert problems(f"{LEAST}{text}\n")[0].startswith(problem)
