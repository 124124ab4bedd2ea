"""The gates of an LSTM over the sessions of a window, by the explicit equations of the cell.

The fused kernels return outputs alone. Here the same weights run through `LSTMCell.gates`, step by
step, on the very inputs and first state that the network handed to its LSTM, and what comes out is
compared with what the network's own LSTM said.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.distributions import FloatArray
from lstmcast.errors import UsageError
from lstmcast.explain.inputs import Inputs
from lstmcast.explain.measure import log_width
from lstmcast.nn import LSTM, Network


@dataclass(frozen=True)
class GateTrace:
    """The last LSTM layer over the sessions of a window.

    Args:
        symbol: whose.
        dates: `(sessions,)`.
        closes: `(sessions,)` adjusted closes.
        forget, input, output: `(sessions, units)` gates, each between 0 and 1.
        memory: `(sessions, units)` cell memory c after each session.
        hidden: `(sessions, units)` outputs h after each session.
        layer: which layer it is, counted from 1, of `layers`.
        difference: largest difference between `hidden` and what the network's own kernel gave.
    """

    symbol: str
    dates: pd.DatetimeIndex
    closes: FloatArray
    forget: FloatArray
    input: FloatArray
    output: FloatArray
    memory: FloatArray
    hidden: FloatArray
    layer: int
    layers: int
    difference: float


@dataclass
class _Call:
    """What a network handed to its LSTM, and what it got."""

    x: Tensor
    state: tuple[Tensor, Tensor]
    output: Tensor


def lstm_of(network: Network) -> LSTM:
    """The network's LSTM.

    Raises:
        UsageError: if it has none.
    """
    for module in network.modules():
        if isinstance(module, LSTM):
            return module
    raise UsageError("the network has no LSTM, so it has no gates", "choose another run")


def trace_gates(network: Network, inputs: Inputs, rows: NDArray[np.intp]) -> GateTrace:
    """Gates, memory and outputs of the last LSTM layer at the close of some sessions.

    Args:
        network: trained, in evaluation mode.
        inputs: of one symbol.
        rows: which sessions, in increasing order.

    Raises:
        UsageError: if there is no session, or the network has no LSTM.
    """
    if not len(rows):
        raise UsageError(
            f"{inputs.symbol} has no session with features there", "choose other dates"
        )
    network = network.to("cpu")
    lstm = lstm_of(network)
    with torch.no_grad():
        _, call = _watched(network, inputs, rows)
        gates, hidden = _explicit(lstm, call.x, call.state)
        difference = float((hidden - call.output).abs().max())

    def at(values: Tensor) -> FloatArray:
        found: FloatArray = _at(values, inputs, rows).double().numpy()
        return found

    return GateTrace(
        symbol=inputs.symbol,
        dates=inputs.dates[rows],
        closes=inputs.closes[rows],
        **{name: at(values) for name, values in gates.items()},
        hidden=at(hidden),
        layer=lstm.num_layers,
        layers=lstm.num_layers,
        difference=difference,
    )


def most_influential_units(
    network: Network, inputs: Inputs, rows: NDArray[np.intp], count: int
) -> list[int]:
    """The units of the last LSTM layer that move the next session's range most, the first first.

    How much a unit moves it is the slope of the log width by its output, times the standard
    deviation of that output over the sessions.

    Args:
        network: trained, in evaluation mode.
        inputs: of one symbol.
        rows: the sessions that are looked at.
        count: how many units; fewer where the layer has no more.
    """
    network = network.to("cpu")
    params, call = _watched(network, inputs, rows)
    (slope,) = torch.autograd.grad(
        log_width(params).sum(), call.output, allow_unused=True, materialize_grads=True
    )
    slopes, outputs = (_at(values.detach(), inputs, rows) for values in (slope, call.output))
    worth = slopes.abs().mean(0) * outputs.std(0, correction=0)
    order = torch.argsort(worth, descending=True, stable=True)
    return [int(unit) for unit in order[:count]]


def read(
    inputs: Inputs, rows: NDArray[np.intp]
) -> tuple[Float[Tensor, "batch time features"], Float[Tensor, "batch time"], Tensor]:
    """Features, scale and symbol numbers as a network takes them to forecast from some rows."""
    if inputs.window is None:
        stop = int(rows[-1]) + 1
        return inputs.features[None, :stop], inputs.scale[None, :stop], inputs.number
    if int(rows[0]) < inputs.window - 1:
        raise UsageError(
            f"{inputs.dates[rows[0]]:%Y-%m-%d} is not {inputs.window} sessions after the first",
            "choose later dates",
        )
    steps = torch.from_numpy(rows)[:, None] + torch.arange(-inputs.window + 1, 1)
    return inputs.features[steps], inputs.scale[steps], inputs.number.expand(len(rows))


def _at(values: Tensor, inputs: Inputs, rows: NDArray[np.intp]) -> Float[Tensor, "sessions units"]:
    """What stands at some sessions: the last step of each window, or steps of the one sequence."""
    return values[:, -1] if inputs.window else values[0][torch.from_numpy(rows)]


def _watched(network: Network, inputs: Inputs, rows: NDArray[np.intp]) -> tuple[Any, _Call]:
    """Run a network, and note what passes through its LSTM."""
    calls: list[_Call] = []

    def note(module: torch.nn.Module, given: tuple[Any, ...], got: Any) -> None:  # noqa: ARG001
        calls.append(_Call(given[0], given[1], got[0]))

    handle = lstm_of(network).register_forward_hook(note)
    try:
        features, scale, symbols = read(inputs, rows)
        params, _ = network(features, scale, symbols=symbols)
    finally:
        handle.remove()
    return params, calls[0]


def _explicit(
    lstm: LSTM, x: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    """Gates and memory of the last layer, `(batch, time, units)` each, and the stack's outputs."""
    seen: dict[str, list[Tensor]] = {}
    for layer, cell in enumerate(lstm.layers):
        h, c = state[0][layer], state[1][layer]
        seen, outputs = {"forget": [], "input": [], "output": [], "memory": []}, []
        for step in x.unbind(dim=1):
            i, f, g, o = cell.gates(step, h)
            c = f * c + i * g
            h = o * torch.tanh(c)
            outputs.append(h)
            for name, value in zip(seen, (f, i, o, c), strict=True):
                seen[name].append(value)
        output = torch.stack(outputs, dim=1)
        x = x + output if lstm.residual and layer > 0 else output
    return {name: torch.stack(values, dim=1) for name, values in seen.items()}, x
