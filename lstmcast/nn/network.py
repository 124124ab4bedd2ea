"""A whole network: features in, the parameters of a forecast out.

    x -+- input dropout -- encoder (LSTM ...) -- dropout -+- head -- parameters for each horizon
       |                           |                      |   |
       |                           state, in and out      |   scale: EWMA volatility at the origin
       +---------------- skip connection -----------------+

The skip connection, where there is one, hands the features of the step to the head beside the
encoder's units. The head alone is then a linear model of the features, much like HAR (Corsi 2009),
and the encoder learns what that misses.

Encoder and head are chosen by name. The state goes in and comes out, so that a long history can be
run in pieces and a new session costs one step.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lstmcast.errors import ConfigError
from lstmcast.nn.dropout import variational_dropout
from lstmcast.nn.encoders import NETWORKS, Encoder, InitialState, State
from lstmcast.nn.heads import HEADS, Head
from lstmcast.nn.lstm import Kernel


class Network(nn.Module):
    """An encoder and a head.

    Args:
        encoder: features to hidden units.
        head: hidden units to the parameters of a forecast.
        dropout: share of the hidden units silenced before the head while training.
        input_dropout: share of the features silenced on their way to the encoder while training.
        skip_connection: hand the features to the head as well; it must expect them after the units.
    """

    def __init__(
        self,
        encoder: Encoder,
        head: Head,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        *,
        skip_connection: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.skip_connection = skip_connection

    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        scale: Float[Tensor, "batch time"],
        state: State | None = None,
        *,
        symbols: Int[Tensor, " batch"] | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Any, State]:
        """Forecast from every step of the sequences.

        Args:
            x: the features.
            scale: causal volatility of one session's return at each step, in the target's unit.
            state: what an earlier call returned for the steps just before; None is the beginning.
            symbols: number of each sequence's symbol, for its offsets at the head; None is one that
                was not in training.
            generator: where dropout masks come from while training; None is PyTorch's global one.

        Returns:
            The head's parameters, (batch, time, horizons), and the state after the last step.

        Raises:
            ValueError: a shape that does not fit, named.
        """
        hidden, state = self.units(x, state, generator=generator)
        hidden = variational_dropout(hidden, self.dropout, self.training, generator)
        with _full_precision(x.device):
            hidden = hidden.to(x.dtype)
            read = torch.cat([hidden, x], dim=-1) if self.skip_connection else hidden
            return self.head(read, scale, symbols), state

    def units(
        self,
        x: Float[Tensor, "batch time features"],
        state: State | None = None,
        *,
        generator: torch.Generator | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """The encoder's hidden units at every step, and the state after the last; as `forward`."""
        if state is None:
            state = self.encoder.first_state(x.shape[0])
        read = variational_dropout(x, self.input_dropout, self.training, generator)
        hidden, state = self.encoder(read, state, generator=generator)
        return hidden, state


def _full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Keep autocast, where it is on, away from the head: a width to three digits is no width."""
    if device.type == "meta" or not torch.is_autocast_enabled(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def build_network(
    network: str,
    head: str,
    *,
    input_size: int,
    horizons: Sequence[int] = (1,),
    hidden_size: int = 48,
    num_layers: int = 1,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    skip_connection: bool = False,
    symbols: int = 0,
    initial_state: InitialState = "zeros",
    kernel: Kernel = "fused",
    generator: torch.Generator | None = None,
) -> Network:
    """Make a network from the names and sizes of a configuration.

    Args:
        network: a key of `NETWORKS`.
        head: a key of `HEADS`.
        input_size: features of a step.
        horizons: sessions ahead to forecast, in increasing order.
        hidden_size: units of each layer.
        num_layers: recurrent layers.
        dropout: share of units silenced between layers and before the head while training.
        input_dropout: share of features silenced while training.
        skip_connection: hand the features to the head beside the encoder's units.
        symbols: how many symbols get offsets of their own at the head; 0 for none.
        initial_state: "zeros" or "learned".
        kernel: which code runs the LSTM layers.
        generator: where the first weights come from; None is PyTorch's global generator.

    Raises:
        ConfigError: an unknown name, or a number that no network can have.
    """
    _check_choice("network", network, NETWORKS)
    _check_choice("head", head, HEADS)
    _check_choice("initial_state", initial_state, ("zeros", "learned"))
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"`{name}` must be at least 1, got {size}")
    for name, rate in {"dropout": dropout, "input_dropout": input_dropout}.items():
        if not 0.0 <= rate < 1.0:
            raise ConfigError(f"`{name}` must be in [0, 1), got {rate}")
    encoder = NETWORKS[network](
        input_size,
        hidden_size,
        num_layers,
        dropout=dropout,
        initial_state=initial_state,
        kernel=kernel,
        generator=generator,
    )
    width = encoder.output_size + (input_size if skip_connection else 0)
    last = HEADS[head](width, tuple(horizons), symbols)
    last.draw_first_weights(generator)
    return Network(encoder, last, dropout, input_dropout, skip_connection=skip_connection)


def present_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's weights by the names that they have today, also from a file of before."""
    return {
        name.replace("body.", "encoder.", 1) if name.startswith("body.") else name: weight
        for name, weight in state.items()
    }


def _check_choice(name: str, value: str, choices: Sequence[str] | dict[str, Any]) -> None:
    """Refuse a name that is not among the choices."""
    if value not in choices:
        raise ConfigError(
            f"`{name}` has no choice {value!r}", hint=f"choose one of: {', '.join(choices)}"
        )
