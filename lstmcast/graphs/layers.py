"""Encoders as nodes of a graph: LSTM layers, causal convolutions, and both side by side."""

import numpy as np

from lstmcast.graphs.nodes import Nodes
from lstmcast.nn import Encoder, LSTMConvolutionEncoder, LSTMEncoder
from lstmcast.nn.encoders import ConvolutionEncoder


class NotExportableError(Exception):
    """A part of a network that has no form in ONNX here."""


def array(tensor: object) -> np.ndarray:
    """A tensor's numbers."""
    numbers: np.ndarray = tensor.detach().cpu().numpy()  # type: ignore[attr-defined]
    return numbers


def encoded(nodes: Nodes, encoder: Encoder, x: str) -> str:
    """The encoder's units at every step, `(sequences, steps, units)`.

    Raises:
        NotExportableError: for an encoder of another kind.
    """
    if isinstance(encoder, LSTMEncoder):
        return _lstm(nodes, encoder, x)
    if isinstance(encoder, LSTMConvolutionEncoder):
        return _lstm_convolution(nodes, encoder, x)
    raise NotExportableError(f"the encoder {type(encoder).__name__}")


def linear(nodes: Nodes, x: str, weight: object, bias: object) -> str:
    """`x` times the weight, transposed, plus the bias."""
    product = nodes("MatMul", x, nodes.constant(array(weight).T))
    return nodes("Add", product, nodes.constant(array(bias)))


def silu(nodes: Nodes, x: str) -> str:
    """`x * sigmoid(x)`."""
    return nodes("Mul", x, nodes("Sigmoid", x))


def _lstm(nodes: Nodes, encoder: LSTMEncoder, x: str) -> str:
    """LSTM layers, with residual connections from the second on."""
    for number, cell in enumerate(encoder.lstm.layers):
        weights = [
            nodes.constant(_gates_in_order(array(part))[None])
            for part in (cell.weight_ih, cell.weight_hh)
        ]
        biases = [_gates_in_order(array(part)) for part in (cell.bias_ih, cell.bias_hh)]
        bias = nodes.constant(np.concatenate(biases)[None])
        first = [
            _for_each_sequence(nodes, array(part)[number], x)
            for part in (encoder.first_h, encoder.first_c)
        ]
        steps_first = nodes("Transpose", x, perm=[1, 0, 2])
        units = nodes("LSTM", steps_first, *weights, bias, "", *first, hidden_size=cell.hidden_size)
        output = nodes("Transpose", nodes.without_axis(units, 1), perm=[1, 0, 2])
        x = nodes("Add", x, output) if number and encoder.lstm.residual else output
    return x


def _gates_in_order(weight: np.ndarray) -> np.ndarray:
    """Gates in the order of ONNX, input output forget candidate, out of PyTorch's i f g o."""
    i, f, g, o = np.split(weight, 4)
    return np.concatenate([i, o, f, g])


def _for_each_sequence(nodes: Nodes, first: np.ndarray, x: str) -> str:
    """A first state `(1, units)` for each sequence of `x`, `(1, sequences, units)`."""
    sequences = nodes("Slice", nodes("Shape", x), *(nodes.constant([k], np.int64) for k in (0, 1)))
    ends = nodes.constant([1], np.int64), nodes.constant([first.shape[-1]], np.int64)
    shape = nodes("Concat", ends[0], sequences, ends[1], axis=0)
    return nodes("Expand", nodes.constant(first[None]), shape)


def _convolutions(nodes: Nodes, encoder: ConvolutionEncoder, x: str) -> str:
    """Causal convolutions, with residual connections from the second on."""
    x = nodes("Transpose", x, perm=[0, 2, 1])
    for number, layer in enumerate(encoder._layers()):  # noqa: SLF001 - a graph is all of a network
        output = nodes(
            "Conv",
            x,
            nodes.constant(array(layer.weight)),
            nodes.constant(array(layer.bias)),
            dilations=[layer.dilation],
            pads=[layer.reach, 0],
        )
        output = silu(nodes, output)
        x = nodes("Add", x, output) if number else output
    return nodes("Transpose", x, perm=[0, 2, 1])


def _lstm_convolution(nodes: Nodes, encoder: LSTMConvolutionEncoder, x: str) -> str:
    """Both branches, joined by a dense layer."""
    branches = _lstm(nodes, encoder.recurrent, x), _convolutions(nodes, encoder.convolution, x)
    joined = nodes("Concat", *branches, axis=-1)
    return silu(nodes, linear(nodes, joined, encoder.weight, encoder.bias))
