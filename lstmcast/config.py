"""One experiment: what is forecast, from which prices, by which network, trained how.

An experiment is one frozen model and one YAML file. Values come from the file, then from
`--set a.b=c`, each overriding the one before. All faults are reported at once, each with its
path, the value found and what would work.

The YAML is read by rules nearer to YAML 1.2 than PyYAML's own, because its 1.1 rules bite exactly
here: the ticker `ON` would be true, `1e-3` text, `005930` or `2010-12-31` something else again.
"""

import datetime as dt
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from lstmcast.errors import ConfigError


class _Section(BaseModel):
    """A part of the experiment: immutable, with no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: object) -> object:
        """No key is a truth value, and pydantic would take `true` for the number 1."""
        if isinstance(value, bool):
            raise PydanticCustomError("truth", "no key takes true or false; quote it if it is text")
        return value


def _written_out(value: object) -> object:
    """Refuse numbers as dates: pydantic would count them in seconds since 1970."""
    if isinstance(value, (int, float)):
        raise PydanticCustomError("date", "a date is written as in 2010-12-31")
    return value


Day = Annotated[dt.date, BeforeValidator(_written_out)]


def _one_or_many(value: object) -> object:
    """Let `symbols: AAPL` stand for `symbols: [AAPL]`."""
    return [value] if isinstance(value, str) else value


Symbol = Annotated[str, Field(min_length=1, max_length=32)]
Symbols = Annotated[tuple[Symbol, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]


class Data(_Section):
    """Which prices."""

    symbols: Symbols = Field(description="symbols to forecast; several are pooled in one network")
    source: str = Field(
        "auto",
        description="source the prices were fetched from; `auto` takes the one that the store has",
    )
    start: Day | None = Field(None, description="first session used (inclusive date)")
    end: Day | None = Field(None, description="last session used (inclusive date)")
    context: Names = Field(
        (), description="other series as inputs, such as ^VIX or fred:DGS10; none by default"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"`data.start` {self.start} must lie before `data.end` {self.end}")
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("`data.symbols` names a symbol twice")
        return self


class Target(_Section):
    """What is forecast."""

    kind: Literal["log_return", "price"] = Field(
        "log_return",
        description="`log_return`: cumulative log return; `price`: the adjusted close itself",
    )
    horizon: int = Field(10, ge=1, le=60, description="forecasts reach 1..horizon sessions ahead")


class SplitFractions(_Section):
    """Train, validation and test as shares of the sessions, in this order in time."""

    train: float = Field(gt=0, lt=1, description="share of sessions for training")
    validation: float = Field(gt=0, lt=1, description="share of sessions for validation")
    test: float = Field(gt=0, lt=1, description="share of sessions for testing")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"`train`, `validation` and `test` must sum to 1, got {total:g}")
        return self


class SplitDates(_Section):
    """Train, validation and test by their last dates, each inclusive."""

    train_end: Day = Field(description="last session of the training part")
    validation_end: Day = Field(description="last session of the validation part")
    test_end: Day | None = Field(None, description="last session of the test part; else all")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.validation_end <= self.train_end:
            raise ValueError(
                f"`split.validation_end` {self.validation_end} must lie after "
                f"`split.train_end` {self.train_end}"
            )
        if self.test_end is not None and self.test_end <= self.validation_end:
            raise ValueError(
                f"`split.test_end` {self.test_end} must lie after "
                f"`split.validation_end` {self.validation_end}"
            )
        return self


_DATE_KEYS = frozenset(SplitDates.model_fields)


def _kind_of_split(value: object) -> str:
    """Tell dates from fractions by the keys, so that faults are reported for the kind meant."""
    keys = value.keys() if isinstance(value, Mapping) else getattr(value, "model_fields_set", ())
    return "dates" if _DATE_KEYS & set(keys) else "fractions"


Split = Annotated[
    Annotated[SplitFractions, Tag("fractions")] | Annotated[SplitDates, Tag("dates")],
    Discriminator(_kind_of_split),
]


class Variant(_Section):
    """Further members of the pool; what is not given is as in `model` and `features`."""

    members: int = Field(1, ge=1, le=100, description="networks of this kind")
    network: str | None = Field(None, description="body of the network")
    hidden_size: int | None = Field(None, ge=1, le=4096, description="units of each LSTM layer")
    num_layers: int | None = Field(None, ge=1, le=16, description="stacked LSTM layers")
    dropout: float | None = Field(None, ge=0, lt=1, description="share of units dropped")
    input_dropout: float | None = Field(None, ge=0, lt=1, description="share of features dropped")
    start: Literal["mixed", "linear", "blank"] | None = Field(
        None, description="whether the head also reads the features"
    )
    head: str | None = Field(None, description="form of the forecast")
    features: Names | None = Field(None, description="feature groups")


class Pool(_Section):
    """How the members become one forecast."""

    method: Literal["equal", "validation", "quantiles"] = Field(
        "equal",
        description="`equal`: mean of the densities; `validation`: weighted by what validation "
        "says; `quantiles`: mean of the quantiles",
    )
    floor: float = Field(
        0.2, gt=0, le=1, description="least weight of a member, as a share of its equal weight"
    )
    baselines: Names = Field((), description="baselines that are members too, such as har_range")


class Model(_Section):
    """Which network."""

    network: str = Field("lstm", description="body of the network")
    hidden_size: int = Field(32, ge=1, le=4096, description="units of each LSTM layer")
    num_layers: int = Field(1, ge=1, le=16, description="stacked LSTM layers")
    dropout: float = Field(0.4, ge=0, lt=1, description="share of hidden units dropped in training")
    input_dropout: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="share of features dropped in training on their way to the LSTM",
    )
    start: Literal["mixed", "linear", "blank"] = Field(
        "mixed",
        description="`linear`: the head also reads the features, and begins as the best linear "
        "model of them; `mixed`: every second member begins so, the others with its constants; "
        "`blank`: the head reads the LSTM alone",
    )
    symbol_offsets: Literal["fitted", "none"] = Field(
        "fitted",
        description="`fitted`: drift, width and tails of each symbol may lie a little off what the "
        "symbols have in common; `none`: they do not. Not with `start: blank`",
    )
    head: str = Field("auto", description="form of the forecast; `auto` follows `target.kind`")
    members: int = Field(5, ge=1, le=100, description="networks trained from different seeds")
    initial_state: Literal["zeros", "learned"] = Field(
        "zeros", description="state before the first session"
    )
    pool: Pool = Pool()
    variants: tuple[Variant, ...] = Field(
        (), description="further members with another network, head or features"
    )


class Training(_Section):
    """How the network is trained."""

    lookback: int = Field(80, ge=2, le=5000, description="sessions in a training window")
    supervision: Literal["every", "last"] = Field(
        "every", description="loss on every session after the warm-up, or on the last alone"
    )
    warm_up: int = Field(
        20, ge=0, description="first sessions of a window that carry no loss (`every` only)"
    )
    sampling: Literal["sessions", "symbols"] = Field(
        "sessions",
        description="`sessions`: every session is drawn alike; `symbols`: every symbol is, "
        "however short its history",
    )
    batch_size: int = Field(32, ge=1, le=65536, description="windows in a step")
    epochs: int = Field(100, ge=1, le=100_000, description="most passes over the training rows")
    learning_rate: float = Field(3e-3, gt=0, le=1, description="AdamW step size")
    ramp: int = Field(40, ge=0, description="steps in which the learning rate rises to its value")
    averaging: float = Field(
        0.98, ge=0, lt=1, description="decay of the moving average of the weights; 0 for none"
    )
    weight_decay: float = Field(1e-3, ge=0, le=1, description="AdamW decoupled weight decay")
    patience: int = Field(4, ge=1, description="epochs without a better validation loss")
    refit: Literal["validation", "none"] = Field(
        "validation",
        description="`validation`: train once more with the validation sessions, for as many "
        "epochs as they found best, and forecast what comes after them with that; `none`: do not",
    )
    clip_norm: float = Field(1.0, gt=0, description="largest norm of a step's gradient")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="of the body's arithmetic in training; `bfloat16` pays for wide networks on "
        "processors that have it",
    )
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps")
    seed: int = Field(0, ge=0, lt=2**31, description="seed of everything that is random")
    threads: int = Field(0, ge=0, le=1024, description="CPU threads in all; 0 takes every core")

    @model_validator(mode="after")
    def _longer_than_warm_up(self) -> Self:
        if self.supervision == "every" and self.lookback <= self.warm_up:
            raise ValueError(
                f"`training.lookback` must be longer than `training.warm_up`, got "
                f"{self.lookback} and {self.warm_up}; try `training.lookback: {self.warm_up + 100}`"
            )
        return self


class Calibration(_Section):
    """How forecasts are corrected by what came true."""

    kind: Literal["none", "conformal", "adaptive"] = Field(
        "adaptive",
        description="`adaptive`: ranges follow how often they held so far; `conformal`: stretched "
        "so that they would have held on the validation sessions; `none`: as trained",
    )


class Experiment(_Section):
    """Everything that determines a run, with a good default for all but `name` and symbols."""

    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="name of the experiment; part of the run folder's name",
    )
    data: Data
    features: Names | None = Field(
        None, description="feature groups; by default those that the prices have columns for"
    )
    target: Target = Target()
    split: Split = SplitFractions(train=0.7, validation=0.15, test=0.15)
    model: Model = Model()
    training: Training = Training()
    calibration: Calibration = Calibration()

    @property
    def dates(self) -> SplitDates:
        """The split of a settled experiment, whose dates are written out."""
        if not isinstance(self.split, SplitDates):
            raise TypeError("a settled experiment has its split as dates, this one as fractions")
        return self.split


def groups_of(experiment: Experiment) -> list[Experiment]:
    """The experiment of each group of like members: the model itself, then its variants."""
    groups = [experiment]
    for variant in experiment.model.variants:
        given = variant.model_dump(exclude_none=True)
        features = given.pop("features", experiment.features)
        model = experiment.model.model_copy(update={**given, "variants": ()})
        groups.append(experiment.model_copy(update={"model": model, "features": features}))
    return groups


# --- reading -------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's core idea of what is a number, a date or a truth."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]
        repeated = {str(key) for key in keys if keys.count(key) > 1}
        if repeated:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {', '.join(sorted(repeated))} is there twice", node.start_mark
            )
        return cast("dict[Any, Any]", super().construct_mapping(node, deep=deep))


class _Dumper(yaml.SafeDumper):
    """Quotes what either this loader or a YAML 1.1 reader would take for something else."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        list("-+0123456789."),
    ),
):
    for _reader_or_writer in (_Loader, _Dumper):
        _reader_or_writer.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})\Z"), _first
        )


def _read_yaml(text: str, origin: str) -> object:
    """Parse YAML safely.

    Raises:
        ConfigError: if it is not YAML, with the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise ConfigError(
            f"{origin}{where} is not valid YAML: {problem}",
            "check the indentation and quote values with special characters",
        ) from error


def load_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read an experiment from a YAML file and apply `a.b=c` overrides.

    Args:
        path: the YAML file.
        overrides: each `path.to.key=value`, the value read as YAML.

    Raises:
        ConfigError: listing every fault with its path, the value found and a hint.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"`--config` {path} cannot be read: {reason}",
            "give the path of a YAML file, such as configs/aapl.yaml",
        ) from error
    return parse_experiment(text, overrides, origin=str(path))


def parse_experiment(
    text: str, overrides: Sequence[str] = (), *, origin: str = "the configuration"
) -> Experiment:
    """Read an experiment from YAML text; see `load_experiment`."""
    values = _read_yaml(text, origin)
    if not isinstance(values, dict):
        raise ConfigError(
            f"{origin} must be a mapping of keys, got {type(values).__name__}",
            "start it with `name:` and `data:`; see configs/aapl.yaml",
        )
    for override in overrides:
        _apply(values, override)
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        problems = tuple(_explain(detail) for detail in error.errors())
        count = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
        raise ConfigError(f"{origin} has {count}", problems=problems) from error


def _apply(values: dict[str, Any], override: str) -> None:
    """Set one `a.b=c` in the nested mapping."""
    key, equals, value = override.partition("=")
    names = key.strip().split(".")
    if not equals or not all(names):
        raise ConfigError(
            f"`--set` must look like `model.hidden_size=64`, got `{override}`",
            "name a key, an equals sign and a value, without spaces around it",
        )
    if names[0] == "split" and len(names) == 2 and isinstance(values.get("split"), dict):
        # Dates replace fractions and the reverse: the two kinds do not mix.
        same_kind = names[1].endswith("_end")
        kept = {k: v for k, v in values["split"].items() if str(k).endswith("_end") == same_kind}
        values["split"] = kept
    section = values
    for name in names[:-1]:
        inner = section.get(name)
        section[name] = dict(inner) if isinstance(inner, dict) else {}
        section = section[name]
    section[names[-1]] = _read_yaml(value, f"`--set {override}`")


def dump_experiment(experiment: Experiment) -> str:
    """The experiment as YAML that `load_experiment` reads back to an equal one."""
    text: str = yaml.dump(
        experiment.model_dump(mode="json", exclude_none=True),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
    )
    return text


# --- explaining ----------------------------------------------------------------------------------


def _explain(detail: ErrorDetails) -> str:
    """One line for one fault: the key's path, the value found, and what would work."""
    if detail["type"] == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    location = detail["loc"]
    path = ".".join(str(part) for part in location if part not in {"dates", "fractions"})
    if detail["type"] == "missing":
        return f"`{path}` is missing; add it"
    if detail["type"] == "extra_forbidden":
        return f"`{path}` is not a key; {_suggest(location)}"
    found = detail["input"]
    message = str(detail["msg"]).replace("Input", "it")
    quote = (
        "; quote it, as in '600036'"
        if detail["type"] == "string_type" and isinstance(found, (bool, int, float))
        else ""
    )
    return f"`{path}` is {found!r}; {message[:1].lower() + message[1:]}{quote}"


def _suggest(location: Sequence[int | str]) -> str:
    """Name the key that was probably meant, or the keys that there are."""
    section: type[BaseModel] = Experiment
    for part in location[:-1]:
        if part in {"dates", "fractions"}:
            section = SplitDates if part == "dates" else SplitFractions
        elif part == "variants":
            section = Variant
        elif (field := section.model_fields.get(str(part))) and isinstance(field.annotation, type):
            section = field.annotation
    known = list(section.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known keys are {', '.join(known)}"
