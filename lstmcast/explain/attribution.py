"""Integrated gradients: which input of which session made a range as wide as it is.

From a reference to the inputs as they are runs a straight line; the gradient of the log width along
it, integrated, times the way of each input, adds up to the whole difference (completeness). The
reference is an average session of the year before, for each of the last sessions; the logarithm of
the EWMA volatility, by which every range is scaled, is an input like the others. What networks
remember of the sessions before stays as it is. The integral is taken by Gauss and Legendre's rule
in double precision, with more points until completeness holds.

Source: Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.distributions import FloatArray
from lstmcast.errors import DataError
from lstmcast.explain.effects import EWMA
from lstmcast.explain.inputs import CONTEXT, Inputs
from lstmcast.explain.measure import log_width
from lstmcast.nn import Network

LAGS = 60
"""Sessions that are told apart."""

YEAR = 250
"""Sessions up to the origin whose mean is the reference."""

POINTS, MAX_POINTS = 24, 192
COMPLETE = 1e-3
"""Largest gap in the sum of the parts, in log width, that more points are not asked for."""


@dataclass(frozen=True)
class Attribution:
    """What each input of the last sessions did to the log width of the next session's range.

    Args:
        symbol: whose.
        origin: the session that the forecast is made from.
        columns: of the inputs.
        values: `(lags, columns)`; lag 0 is the origin's own session.
        scale: the part of the EWMA volatility.
        start, end: log width at the reference, and as it is.
    """

    symbol: str
    origin: pd.Timestamp
    columns: tuple[str, ...]
    values: FloatArray
    scale: float
    start: float
    end: float

    @property
    def gap(self) -> float:
        """By how much the parts miss the whole; zero but for the integral's error."""
        return float(self.values.sum() + self.scale - (self.end - self.start))


def attribute(network: Network, inputs: Inputs, row: int, lags: int = LAGS) -> Attribution:
    """Integrated gradients of one network's next range from one origin.

    Args:
        network: trained, in evaluation mode; it is not changed.
        inputs: of one symbol.
        row: the origin.
        lags: sessions up to the origin that are told apart; fewer where there are no more.

    Raises:
        DataError: if the network reads windows that begin before the first row.
    """
    double = copy.deepcopy(network).to("cpu").double().eval()
    if inputs.window is not None:
        if row < inputs.window - 1:
            raise DataError(
                f"{inputs.symbol} has {row + 1} sessions with features, and the networks read "
                f"{inputs.window}",
                "fetch a longer history",
            )
        lags = inputs.window
    first = max(0, row + 1 - lags)
    year = slice(max(0, row + 1 - YEAR), row + 1)
    ends = _Ends(
        inputs.features[first : row + 1].double(),
        inputs.features[year].double().mean(0),
        inputs.scale[row].double().log(),
        inputs.scale[year].double().log().mean(),
    )
    state = None
    if inputs.window is None and first > 0:
        with torch.no_grad():
            before = inputs.features[None, :first].double()
            _, state = double.units(before)
    found, points = _integrate(double, inputs, row, ends, state, POINTS), POINTS
    while abs(found.gap) > COMPLETE and points < MAX_POINTS:
        points *= 2
        found = _integrate(double, inputs, row, ends, state, points)
    return found


@dataclass(frozen=True)
class _Ends:
    """Inputs as they are and those of the reference; volatilities as logarithms."""

    features: Float[Tensor, "lags columns"]
    usual: Float[Tensor, " columns"]
    scale: Float[Tensor, ""]
    usual_scale: Float[Tensor, ""]


def _integrate(
    network: Network,
    inputs: Inputs,
    row: int,
    ends: _Ends,
    state: tuple[Tensor, ...] | None,
    points: int,
) -> Attribution:
    nodes, weights = np.polynomial.legendre.leggauss(points)
    # The two ends of the line are run along with the points between them, at no weight.
    share = torch.from_numpy(np.concatenate([0.5 * (nodes + 1), [0.0, 1.0]]))
    weight = torch.from_numpy(np.concatenate([0.5 * weights, [0.0, 0.0]]))
    way = ends.features - ends.usual
    features = (ends.usual + share[:, None, None] * way).requires_grad_()
    scale = (ends.usual_scale + share * (ends.scale - ends.usual_scale)).requires_grad_()
    copies = len(share)
    begin = None if state is None else tuple(part.expand(-1, copies, -1) for part in state)
    steps = scale.exp()[:, None].expand(-1, features.shape[1])
    params, _ = network(features, steps, begin, symbols=inputs.number.expand(copies))
    widths = log_width(params)[:, -1]
    slopes = torch.autograd.grad((weight * widths).sum(), (features, scale), allow_unused=True)
    by_input, by_scale = (
        torch.zeros_like(end) if slope is None else slope
        for end, slope in zip((features, scale), slopes, strict=True)
    )
    values = (by_input.sum(0) * way).flip(0)
    return Attribution(
        inputs.symbol,
        inputs.dates[row],
        inputs.columns,
        values.numpy(),
        float(by_scale.sum() * (ends.scale - ends.usual_scale)),
        *(float(width) for width in widths[-2:].detach()),
    )


def mean_of(parts: list[Attribution]) -> Attribution:
    """The mean over members of attributions of one forecast."""
    return replace(
        parts[0],
        values=np.mean([part.values for part in parts], axis=0),
        scale=float(np.mean([part.scale for part in parts])),
        start=float(np.mean([part.start for part in parts])),
        end=float(np.mean([part.end for part in parts])),
    )


def by_group(found: Attribution, groups: Mapping[str, str]) -> pd.DataFrame:
    """Parts by lag and feature group, a row for each lag; the EWMA volatility's is at lag 0.

    Args:
        found: of one forecast.
        groups: the feature group of each column.
    """
    named = [groups.get(column, CONTEXT) for column in found.columns]
    table = pd.DataFrame(found.values, columns=list(found.columns)).T.groupby(named, sort=False)
    parts = table.sum().T
    parts[EWMA] = np.where(np.arange(len(parts)) == 0, found.scale, 0.0)
    parts.index.name = "lag"
    return parts


def reach_by_lag(
    networks: Sequence[Network], inputs: Inputs, rows: NDArray[np.intp], groups: Mapping[str, str]
) -> pd.DataFrame:
    """How far back ranges look: mean absolute parts by lag and group, over origins and networks.

    The EWMA volatility is left out: it has a memory of its own.

    Args:
        networks: trained, in evaluation mode.
        inputs: of one symbol.
        rows: the origins.
        groups: the feature group of each column.
    """
    found = [
        by_group(attribute(network, inputs, int(row)), groups).drop(columns=EWMA).abs()
        for network in networks
        for row in rows
    ]
    lags = min(len(part) for part in found)
    total: pd.DataFrame = sum((part.iloc[:lags] for part in found[1:]), start=found[0].iloc[:lags])
    return total / len(found)
