"""The network's building blocks: formulas only, no files, no configuration, no prices.

`LSTMCell` and `LSTM` are the recurrent layer; `build_network` puts an encoder (`NETWORKS`) and a
head (`HEADS`) together. Tensors are (batch, time, features) throughout.
"""

from lstmcast.nn.cell import Gates, LSTMCell
from lstmcast.nn.dropout import variational_dropout
from lstmcast.nn.encoders import NETWORKS, Encoder, LSTMConvolutionEncoder, LSTMEncoder, State
from lstmcast.nn.heads import (
    HEADS,
    Head,
    PointHead,
    PointParams,
    QuantileHead,
    QuantileParams,
    StudentTHead,
    StudentTParams,
)
from lstmcast.nn.lstm import LSTM, Kernel, LSTMState
from lstmcast.nn.network import Network, build_network, present_names

__all__ = [
    "HEADS",
    "LSTM",
    "NETWORKS",
    "Encoder",
    "Gates",
    "Head",
    "Kernel",
    "LSTMCell",
    "LSTMConvolutionEncoder",
    "LSTMEncoder",
    "LSTMState",
    "Network",
    "PointHead",
    "PointParams",
    "QuantileHead",
    "QuantileParams",
    "State",
    "StudentTHead",
    "StudentTParams",
    "build_network",
    "present_names",
    "variational_dropout",
]
