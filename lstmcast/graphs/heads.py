"""Heads as nodes of a graph: the formulas of `lstmcast.nn.heads`, operator by operator.

Horizons are an input of the graph: one graph of a network that was trained for many answers for
any. A head for the next session alone has fewer outputs and forecasts nothing else.
"""

import math
from collections.abc import Callable

import numpy as np

from lstmcast.graphs.layers import NotExportableError, array
from lstmcast.graphs.nodes import Nodes
from lstmcast.nn import Head, PointHead, QuantileHead, StudentTHead
from lstmcast.nn.heads.quantile import LEVELS, MEDIAN
from lstmcast.nn.heads.student_t import MAX_DF, MIN_DF
from lstmcast.nn.heads.term_structure import (
    LOCATION_UNIT,
    MAX_DECAY,
    MAX_LOG_FACTOR,
    MIN_DECAY,
    TermStructure,
)


def parameters(nodes: Nodes, head: Head, raw: str) -> dict[str, str]:
    """A head's parameters by name, from its raw outputs.

    Raises:
        NotExportableError: for a head of another kind.
    """
    for kind, build in _HEADS.items():
        if isinstance(head, kind):
            found: dict[str, str] = build(nodes, head, raw)
            return found
    raise NotExportableError(f"the head {type(head).__name__}")


def _student_t(nodes: Nodes, head: StudentTHead, raw: str) -> dict[str, str]:
    count = len(head.bias)
    loc, width = _terms(nodes, head.terms, nodes.part(raw, 0, count - 1))
    growth = float(np.logaddexp(0.0, float(array(head.raw_tail_growth))))
    tails = nodes("Mul", nodes("Log", "horizons"), growth)
    df = _degrees_of_freedom(nodes, nodes("Add", nodes.entry(raw, count - 1), tails))
    scale = nodes("Mul", width, math.exp(head.log_width))
    return {"df": df, "loc": loc, "scale": nodes("Mul", scale, _width_to_scale(nodes, df))}


def _quantile(nodes: Nodes, head: QuantileHead, raw: str) -> dict[str, str]:
    split = len(head.bias) - len(LEVELS) + 1
    loc, width = _terms(nodes, head.terms, nodes.part(raw, 0, split))
    free = nodes("Exp", _bounded(nodes, nodes.part(raw, split, len(head.bias))))
    gaps = nodes("Mul", nodes.constant(array(head.first_gaps)), free)
    last = nodes.constant(-1, np.int64)
    below = nodes("CumSum", nodes.part(gaps, 0, MEDIAN), last, reverse=1)
    above = nodes("CumSum", nodes.part(gaps, MEDIAN, len(LEVELS) - 1), last)
    zero = nodes("Mul", nodes.entry(gaps, 0), 0.0)
    offsets = nodes("Concat", nodes("Neg", below), zero, above, axis=-1)
    reach = nodes("Mul", nodes.with_axis(width), nodes.with_axis(offsets, -2))
    return {"values": nodes("Add", nodes.with_axis(loc), reach)}


def _point(nodes: Nodes, head: PointHead, raw: str) -> dict[str, str]:  # noqa: ARG001 - as the others
    return {"value": nodes("Identity", raw)}


_HEADS: dict[type[Head], Callable[..., dict[str, str]]] = {
    StudentTHead: _student_t,
    QuantileHead: _quantile,
    PointHead: _point,
}


def _terms(nodes: Nodes, terms: TermStructure, raw: str) -> tuple[str, str]:
    """Location and width over each horizon, in the unit of `scale`."""
    unit = nodes.with_axis("scale")
    drift, log_width = nodes.entry(raw, 0), _bounded(nodes, nodes.entry(raw, 1))
    if terms.only_next:
        moved = nodes("Mul", nodes("Mul", LOCATION_UNIT, unit), drift)
        return moved, nodes("Mul", unit, nodes("Exp", log_width))
    decay = nodes("Sigmoid", nodes.entry(raw, 4))
    decay = nodes("Add", MIN_DECAY, nodes("Mul", MAX_DECAY - MIN_DECAY, decay))
    drift = _cumulated(nodes, drift, nodes.entry(raw, 2), decay)
    far = _bounded(nodes, nodes.entry(raw, 3))
    initial, long_run = (nodes("Exp", nodes("Mul", 2.0, part)) for part in (log_width, far))
    variance = _cumulated(nodes, initial, long_run, decay)
    moved = nodes("Mul", nodes("Mul", LOCATION_UNIT, unit), drift)
    return moved, nodes("Mul", unit, nodes("Sqrt", variance))


def _cumulated(nodes: Nodes, initial: str, long_run: str, decay: str) -> str:
    """Sum over the sessions up to each horizon of a path from `initial` to `long_run`."""
    left = nodes("Exp", nodes("Mul", "horizons", nodes("Log", decay)))
    sessions = nodes("Div", nodes("Sub", 1.0, left), nodes("Sub", 1.0, decay))
    path = nodes("Mul", nodes("Sub", initial, long_run), sessions)
    return nodes("Add", nodes("Mul", long_run, "horizons"), path)


def _bounded(nodes: Nodes, raw: str) -> str:
    return nodes("Mul", MAX_LOG_FACTOR, nodes("Tanh", nodes("Div", raw, MAX_LOG_FACTOR)))


def _degrees_of_freedom(nodes: Nodes, raw: str) -> str:
    return nodes("Add", MIN_DF, nodes("Mul", MAX_DF - MIN_DF, nodes("Sigmoid", raw)))


def _width_to_scale(nodes: Nodes, df: str) -> str:
    squared = nodes("Div", 3.0, nodes("Mul", df, df))
    whole = nodes("Add", nodes("Add", 1.0, nodes("Div", 1.25, df)), squared)
    return nodes("Div", 1.0, whole)
