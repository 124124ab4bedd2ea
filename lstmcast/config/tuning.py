"""The section `tuning`: which keys a search may change, and between which values.

The space is written by the paths of the keys, so that it reads like a list of `--set`:

    tuning:
      space:
        training.learning_rate: {low: 1e-4, high: 3e-3, log: true}
        model.hidden_size: [32, 64]
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic import model_validator as check
from pydantic_core import PydanticCustomError

MOST_CHOICES = 100


def _number(value: object) -> object:
    """Refuse what is no number; pydantic would take truth values and text for some."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PydanticCustomError("number", "it should be a number")
    return value


Number = Annotated[int | float, BeforeValidator(_number)]
Scalar = str | int | float | None
Choice = Scalar | tuple[Scalar, ...]
"""One value of a key; a tuple is a list of names, as `features` takes one."""


class _Part(BaseModel):
    """Immutable, with no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(_Part):
    """Every value between two, both included."""

    low: Number = Field(description="the lowest value")
    high: Number = Field(description="the highest value")
    log: bool = Field(False, description="whether the search goes by the logarithm")
    step: Number | None = Field(
        None, gt=0, description="distance of neighbouring values; any if none"
    )

    @check(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise PydanticCustomError("order", "`low` must lie below `high`")
        if self.log and self.low <= 0:
            raise PydanticCustomError("order", "`low` must be above 0 where `log` is true")
        if self.log and self.step is not None:
            raise PydanticCustomError("step", "`step` does not go with `log: true`")
        if self.step is not None and self.step > self.high - self.low:
            raise PydanticCustomError("step", "`step` is wider than from `low` to `high`")
        return self


def _distinct(value: object) -> object:
    if not isinstance(value, (list, tuple)):
        raise PydanticCustomError("list", "give a list of choices, or `{low: ..., high: ...}`")
    if not value:
        raise PydanticCustomError("empty", "a list of choices needs at least one")
    if any(isinstance(choice, bool) for choice in value):
        raise PydanticCustomError("truth", "no key takes true or false")
    if len({repr(choice) for choice in value}) < len(value):
        raise PydanticCustomError("twice", "a choice is listed twice")
    return value


Choices = Annotated[tuple[Choice, ...], BeforeValidator(_distinct), Field(max_length=MOST_CHOICES)]


def _kind(value: object) -> str:
    return "interval" if isinstance(value, (Mapping, Interval)) else "choices"


Values = Annotated[
    Annotated[Interval, Tag("interval")] | Annotated[Choices, Tag("choices")],
    Discriminator(_kind),
]


class Tuning(_Part):
    """What `lstmcast tune` searches, and what came of it."""

    space: dict[str, Values] = Field(
        {},
        description="by the path of a key, its values: `{low: 1e-4, high: 3e-3, log: true}` or a "
        "list of choices; by default those that are worth a search",
    )
    pruning: Literal["median", "none"] = Field(
        "median",
        description="`median`: give a trial up once its validation loss is above the median of "
        "those before it at the same epoch; `none`: do not",
    )
    trials: int = Field(
        1,
        ge=1,
        le=10**9,
        description="configurations that this one was chosen from; `tune` writes it, and the "
        "verdict allows for it",
    )
    study: str | None = Field(
        None, max_length=200, description="the study that it was chosen in; `tune` writes it"
    )
