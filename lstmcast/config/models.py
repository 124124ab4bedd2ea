"""The keys of an experiment, their defaults, and what each of them takes.

Every model is frozen and knows all its keys; the descriptions are what the reference prints.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lstmcast.config.tuning import Tuning


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
        description="source the prices were fetched from; `auto`: the one in the store, of "
        "several the one fetched last",
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


Start = Literal["pretrained", "random"]


class Variant(_Section):
    """Further members of the pool; what is not given is as in `model` and `features`."""

    members: int = Field(1, ge=1, le=100, description="networks of this kind")
    network: str | None = Field(None, description="encoder of the network")
    hidden_size: int | None = Field(None, ge=1, le=4096, description="units of each LSTM layer")
    num_layers: int | None = Field(None, ge=1, le=16, description="stacked LSTM layers")
    dropout: float | None = Field(None, ge=0, lt=1, description="share of units dropped")
    input_dropout: float | None = Field(None, ge=0, lt=1, description="share of features dropped")
    start: Start | None = Field(None, description="what the networks begin as")
    head: str | None = Field(None, description="form of the forecast")
    features: Names | None = Field(None, description="feature groups")


class Pool(_Section):
    """How the members become one forecast."""

    method: Literal["equal", "validation", "quantiles"] = Field(
        "equal",
        description="`equal`: mean of the densities; `validation`: mean with weights learned on "
        "validation; `quantiles`: mean of the quantiles",
    )
    floor: float = Field(
        0.2, gt=0, le=1, description="least weight of a member, as a share of its equal weight"
    )
    baselines: Names = Field((), description="baselines that are members too, such as har_range")


class Model(_Section):
    """Which network."""

    network: str = Field("lstm", description="encoder of the network")
    hidden_size: int = Field(64, ge=1, le=4096, description="units of each LSTM layer")
    num_layers: int = Field(1, ge=1, le=16, description="stacked LSTM layers")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of hidden units dropped in training")
    input_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of features dropped in training on their way to the LSTM",
    )
    start: Start = Field(
        "pretrained",
        description="`pretrained`: networks start from those trained on simulated markets, with a "
        "head that also reads the features; if there are none of this size or kind, from random "
        "weights and a linear model of the features; `random`: from random weights, and the head "
        "reads only the LSTM",
    )
    symbol_offsets: Literal["fitted", "none"] = Field(
        "fitted",
        description="`fitted`: drift, width and tails of each symbol may deviate a little from "
        "those of the pool; `none`: they may not. Not with `start: random`",
    )
    head: str = Field("auto", description="form of the forecast; `auto` follows `target.kind`")
    members: int = Field(3, ge=1, le=100, description="networks trained from different seeds")
    initial_state: Literal["zeros", "learned"] = Field(
        "zeros", description="state before the first session"
    )
    pool: Pool = Pool()
    variants: tuple[Variant, ...] = Field(
        (), description="further members with another network, head or features"
    )


class Training(_Section):
    """How the network is trained."""

    lookback: int = Field(
        300,
        ge=2,
        le=5000,
        description="sessions in a training window; unless given, at most the sessions there are",
    )
    supervision: Literal["every", "last"] = Field(
        "every",
        description="`every`: a loss on every session after the burn-in (many-to-many); `last`: "
        "on the last session of a window alone (many-to-one)",
    )
    burn_in: int = Field(
        50,
        ge=0,
        le=10**9,
        description="first sessions of a window that carry no loss (`every` only)",
    )
    sampling: Literal["sessions", "symbols"] = Field(
        "sessions",
        description="`sessions`: every session is equally likely to be drawn; `symbols`: every "
        "symbol is, however short its history",
    )
    batch_size: int = Field(8, ge=1, le=65536, description="windows in a step")
    epochs: int = Field(
        100,
        ge=0,
        le=100_000,
        description="maximum number of epochs; an epoch has about as many sessions with a loss as "
        "there are training rows, and at least 8 batches (`every`), or every window once "
        "(`last`); 0: no training, the networks forecast as pretrained",
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=1,
        description="AdamW step size; by default 0.0005 for networks that start from trained "
        "weights and 0.003 for others",
    )
    learning_rate_warmup: int = Field(
        40,
        ge=0,
        le=10**9,
        description="steps over which the learning rate rises linearly to its value",
    )
    ema_decay: float = Field(
        0.98,
        ge=0,
        lt=1,
        description="decay of the exponential moving average (EMA) of the weights; 0 for none",
    )
    weight_decay: float = Field(1e-3, ge=0, le=1, description="AdamW decoupled weight decay")
    patience: int = Field(4, ge=1, le=10**9, description="epochs without a better validation loss")
    refit: Literal["validation", "none"] = Field(
        "validation",
        description="`validation`: train again with the validation sessions, for the number of "
        "epochs that early stopping found, and forecast later sessions with that; `none`: do not",
    )
    clip_norm: float = Field(1.0, gt=0, description="largest norm of a step's gradient")
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32",
        description="precision of matrix products in training: `float32`; `tf32`: rounded to ten "
        "bits on a CUDA device, elsewhere `float32`; `bfloat16`: for the encoder, faster for "
        "wide networks on processors that support it",
    )
    replay: Literal["auto", "none", "cuda_graph"] = Field(
        "auto",
        description="`auto`, `cuda_graph`: record a training step and play it back on a CUDA "
        "device, which gives the same bits faster; elsewhere, and with `none`, nothing is "
        "recorded",
    )
    device: str = Field(
        "auto",
        description="auto, cpu, cuda, cuda:N or mps; `auto` uses a GPU if there is one and the "
        "work is large enough to make up for its start-up time",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="seed of everything that is random")
    threads: int = Field(0, ge=0, le=1024, description="CPU threads in all; 0 takes every core")

    @model_validator(mode="before")
    @classmethod
    def _suited_to_the_window(cls, values: object) -> object:
        """A short window, given without a burn-in, has a quarter of it as burn-in."""
        if isinstance(values, Mapping) and "burn_in" not in values:
            lookback = values.get("lookback")
            if isinstance(lookback, int) and not isinstance(lookback, bool):
                longest = cls.model_fields["burn_in"].default
                return {**values, "burn_in": max(0, min(longest, lookback // 4))}
        return values

    @model_validator(mode="after")
    def _longer_than_burn_in(self) -> Self:
        if self.supervision == "every" and self.lookback <= self.burn_in:
            raise ValueError(
                f"`training.lookback` must be longer than `training.burn_in`, got "
                f"{self.lookback} and {self.burn_in}; try `training.burn_in: {self.lookback // 4}`"
            )
        return self


class Calibration(_Section):
    """How forecasts are corrected by what came true."""

    kind: Literal["none", "adaptive"] = Field(
        "adaptive",
        description="`adaptive`: adaptive conformal inference, each outcome moves the intervals "
        "to come; `none`: as trained",
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
    tuning: Tuning = Tuning()

    @property
    def dates(self) -> SplitDates:
        """The split of a resolved experiment, whose dates are written out."""
        if not isinstance(self.split, SplitDates):
            raise TypeError("a resolved experiment has its split as dates, this one as fractions")
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
