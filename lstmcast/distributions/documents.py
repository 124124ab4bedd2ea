"""Forecasts as plain values and back, so that a file can keep a density, not only its quantiles.

A document is what `json.dumps` writes: numbers as Python prints them, which read back to the same
bits. Documents of one kind and size are read back together, as one distribution with a row each.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstmcast.distributions.base import Distribution, FloatArray, PointForecast
from lstmcast.distributions.evaluated import EvaluatedDistribution
from lstmcast.distributions.grid import QuantileGrid
from lstmcast.distributions.pools import LinearPool
from lstmcast.distributions.recalibrated import RecalibratedDistribution
from lstmcast.distributions.stated import StatedOnce
from lstmcast.distributions.student_t import StudentTMixture

Document = Mapping[str, Any]


def to_document(distribution: Distribution, horizons: int, row: int = 0) -> dict[str, Any]:
    """One row of a forecast as plain values.

    Args:
        distribution: forecasts of shape `(rows, at least horizons)`.
        horizons: how many are kept, from the first on.
        row: which.

    Raises:
        TypeError: if there is no way to write such a distribution.
    """
    match distribution:
        case EvaluatedDistribution(base) | StatedOnce(base):
            return to_document(base, horizons, row)
        case StudentTMixture():
            parts = ("df", "loc", "scale", "shares")
            values = {
                name: getattr(distribution, name)[:, row, :horizons].tolist() for name in parts
            }
            return {"kind": "student_t", **values}
        case QuantileGrid(levels, values):
            kept = values[row, :horizons].tolist()
            return {"kind": "quantiles", "levels": list(levels), "values": kept}
        case LinearPool(members, weights):
            each = np.broadcast_to(
                weights.reshape(len(members), -1), (len(members), distribution.shape[1])
            )
            return {
                "kind": "pool",
                "weights": each[:, :horizons].tolist(),
                "members": [to_document(member, horizons, row) for member in members],
            }
        case RecalibratedDistribution(base, unit, at, to):
            points = {
                name: np.broadcast_to(lines, (*unit.shape, lines.shape[-1]))[row, :horizons]
                for name, lines in (("at", at), ("to", to))
            }
            return {
                "kind": "recalibrated",
                "base": to_document(base, horizons, row),
                "unit": unit[row, :horizons].tolist(),
                **{name: lines.tolist() for name, lines in points.items()},
            }
        case PointForecast(value):
            return {"kind": "point", "value": value[row, :horizons].tolist()}
    raise TypeError(f"{type(distribution).__name__} cannot be written as plain values")


def from_document(documents: Sequence[Document]) -> Distribution:
    """A forecast with a row for each document.

    Args:
        documents: at least one, all with the same `shape_of`.

    Raises:
        ValueError: if a document is none that `to_document` writes, or they are of several shapes.
    """
    try:
        return _READERS[documents[0]["kind"]](documents)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError("it is not a distribution") from error


def shape_of(document: Document) -> str:
    """What documents that are read together have in common: all but their numbers.

    The weights of a pool and the levels of a grid count as well, since all rows share them.
    """
    return json.dumps(_shape(document))


def _shape(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _shape(part, str(key)) for key, part in value.items()}
    if name in {"kind", "levels", "weights"}:
        return value
    if name == "members":
        return [_shape(part) for part in value]
    return np.shape(value)


def _stacked(documents: Sequence[Document], name: str, axis: int = 0) -> FloatArray:
    parts = [np.asarray(document[name], dtype=np.float64) for document in documents]
    stacked: FloatArray = np.stack(parts, axis=axis)
    return stacked


def _student_t(documents: Sequence[Document]) -> StudentTMixture:
    df, loc, scale, shares = (
        _stacked(documents, name, axis=1) for name in ("df", "loc", "scale", "shares")
    )
    return StudentTMixture(df, loc, scale, shares)


def _grid(documents: Sequence[Document]) -> QuantileGrid:
    return QuantileGrid(tuple(documents[0]["levels"]), _stacked(documents, "values"))


def _pool(documents: Sequence[Document]) -> LinearPool:
    weights = np.asarray(documents[0]["weights"], dtype=np.float64)
    members = zip(*(document["members"] for document in documents), strict=True)
    return LinearPool(tuple(from_document(rows) for rows in members), weights)


def _recalibrated(documents: Sequence[Document]) -> RecalibratedDistribution:
    return RecalibratedDistribution(
        from_document([document["base"] for document in documents]),
        _stacked(documents, "unit"),
        _stacked(documents, "at"),
        _stacked(documents, "to"),
    )


def _point(documents: Sequence[Document]) -> PointForecast:
    return PointForecast(_stacked(documents, "value"))


_READERS: dict[str, Callable[[Sequence[Document]], Distribution]] = {
    "student_t": _student_t,
    "quantiles": _grid,
    "pool": _pool,
    "recalibrated": _recalibrated,
    "point": _point,
}
