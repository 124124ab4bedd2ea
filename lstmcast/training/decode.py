"""From a head's parameters to a distribution of returns.

Each head has one function here, from its parameters for some origins, in the target's unit, to a
forecast of returns as fractions. A new head is a line in `DECODERS` beside its line in `HEADS`; a
test holds that no head is missing.
"""

from collections.abc import Callable, Mapping

from lstmcast.dataset import Target
from lstmcast.distributions import (
    Distribution,
    FloatArray,
    PointForecast,
    QuantileGrid,
    StudentTMixture,
)
from lstmcast.predictions import LEVELS

Parameters = Mapping[str, FloatArray]
"""A head's parameters by name, each with the leading axes (rows, horizons)."""

Decoder = Callable[[Parameters, Target, FloatArray], Distribution]
"""Parameters, the target they speak of, and the closes `(rows,)` at the origins."""


def _student_t(parameters: Parameters, target: Target, closes: FloatArray) -> Distribution:  # noqa: ARG001 - a return needs no close
    return StudentTMixture(
        df=parameters["df"][None],
        loc=parameters["loc"][None] / target.unit,
        scale=parameters["scale"][None] / target.unit,
    )


def _quantile(parameters: Parameters, target: Target, closes: FloatArray) -> Distribution:  # noqa: ARG001 - a return needs no close
    return QuantileGrid(LEVELS, parameters["values"] / target.unit)


def _point(parameters: Parameters, target: Target, closes: FloatArray) -> Distribution:
    return PointForecast(target.decode(parameters["value"], closes))


DECODERS: dict[str, Decoder] = {
    "student_t": _student_t,
    "quantile": _quantile,
    "point": _point,
}
"""By the head's name."""
