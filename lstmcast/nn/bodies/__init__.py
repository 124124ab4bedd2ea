"""The bodies of networks: what turns features into hidden units.

A new network is a file with a subclass of `Body` and its line in `NETWORKS`.
"""

from collections.abc import Callable

from lstmcast.nn.bodies.base import Body, State
from lstmcast.nn.bodies.convolution import ConvolutionBody
from lstmcast.nn.bodies.lstm import InitialState, LSTMBody
from lstmcast.nn.bodies.lstm_cnn import LSTMConvolutionBody

NETWORKS: dict[str, Callable[..., Body]] = {"lstm": LSTMBody, "lstm_cnn": LSTMConvolutionBody}

__all__ = [
    "NETWORKS",
    "Body",
    "ConvolutionBody",
    "InitialState",
    "LSTMBody",
    "LSTMConvolutionBody",
    "State",
]
