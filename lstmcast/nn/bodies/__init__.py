"""The bodies of networks: what turns features into hidden units.

A new network is a file with a subclass of `Body` and its line in `NETWORKS`.
"""

from lstmcast.nn.bodies.base import Body, State
from lstmcast.nn.bodies.lstm import InitialState, LSTMBody

NETWORKS = {"lstm": LSTMBody}

__all__ = ["NETWORKS", "Body", "InitialState", "LSTMBody", "State"]
