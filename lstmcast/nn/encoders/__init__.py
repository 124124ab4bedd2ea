"""The encoders of networks: what turns features into hidden units.

A new network is a file with a subclass of `Encoder` and its line in `NETWORKS`.
"""

from collections.abc import Callable

from lstmcast.nn.encoders.base import Encoder, State
from lstmcast.nn.encoders.convolution import ConvolutionEncoder
from lstmcast.nn.encoders.lstm import InitialState, LSTMEncoder
from lstmcast.nn.encoders.lstm_cnn import LSTMConvolutionEncoder

NETWORKS: dict[str, Callable[..., Encoder]] = {
    "lstm": LSTMEncoder,
    "lstm_cnn": LSTMConvolutionEncoder,
}

__all__ = [
    "NETWORKS",
    "ConvolutionEncoder",
    "Encoder",
    "InitialState",
    "LSTMConvolutionEncoder",
    "LSTMEncoder",
    "State",
]
