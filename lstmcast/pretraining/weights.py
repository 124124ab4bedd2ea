"""Networks trained on simulated markets: their file, and how a new network begins as one.

A pretrained network reads a fixed list of columns, each scaled by constants that were fixed with
it. A network of an experiment may read fewer (a source without volume), or more (indicators,
context, columns of the user's own). It begins so that it says exactly what the pretrained one says:

- columns that both read have the pretrained weights and constants;
- columns that only the new one reads have weights of zero;
- columns that the new one lacks were zero in training for markets that lack them, and a flag said
  so; what the flags of the groups that are there add is constant, and joins the biases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstmcast.config import Model
from lstmcast.distributions import FloatArray
from lstmcast.errors import ConfigError, RunError
from lstmcast.nn import Network, build_network, present_names
from lstmcast.pretraining.files import FLAG, HEAD, shipped_file
from lstmcast.tensors import dump_tensors, load_tensors

_NETWORK = "lstm"
_METADATA = "lstmcast"
_FIRST_INPUT = "encoder.lstm.cells.0.weight_ih"
_FIRST_BIAS = "encoder.lstm.cells.0.bias_ih"


@dataclass(frozen=True)
class Pretrained:
    """Networks trained on simulated markets, all of one size and reading the same columns.

    Args:
        columns: what they read, flags last.
        offset, factor: `(columns,)`; a column x is read as (x - offset) / factor.
        horizons: sessions ahead that they were trained for; they can be asked for any from 1 on.
        hidden_size, num_layers: of the LSTM.
        states: weights of each network.
        record: how they were trained, as plain values.
    """

    columns: tuple[str, ...]
    offset: FloatArray
    factor: FloatArray
    horizons: tuple[int, ...]
    hidden_size: int
    num_layers: int
    states: tuple[Mapping[str, Tensor], ...]
    record: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> "Pretrained":
        """Read a file that `dump` wrote.

        Raises:
            RunError: if it is missing, damaged or something else.
        """
        hint = "name a file that `lstmcast pretrain` wrote"
        try:
            metadata, tensors = load_tensors(path, _METADATA)
            states = _states(tensors, int(metadata["networks"]))
            columns = tuple(str(name) for name in metadata["columns"])
            offset, factor = (tensors[f"input.{part}"].numpy() for part in ("offset", "factor"))
            found = cls(
                columns,
                offset.astype(np.float64),
                factor.astype(np.float64),
                tuple(int(h) for h in metadata["horizons"]),
                int(metadata["hidden_size"]),
                int(metadata["num_layers"]),
                states,
                dict(metadata["record"]),
            )
            found.check()
        except FileNotFoundError as error:
            raise RunError(f"`{path}` does not exist", hint) from error
        except (LookupError, TypeError, ValueError, OverflowError, OSError) as error:
            problem = str(error).splitlines()[0] if str(error) else type(error).__name__
            if isinstance(error, KeyError):
                problem = f"it has no {problem}"
            message = f"`{path}` cannot be used as pretrained weights: {problem}"
            raise RunError(message, hint) from error
        return found

    def check(self) -> None:
        """Fail where the parts do not fit one another.

        Raises:
            ValueError: naming the part.
        """
        self._check_scaling()
        if not self.states:
            raise ValueError("it holds no network")
        if not 0 < self.num_layers <= len(self.states[0]):
            raise ValueError(f"it says that its networks have {self.num_layers} layers")
        wanted = self._shapes()
        for state in self.states:
            shapes = {name: value.shape for name, value in state.items()}
            if strange := sorted(shapes.keys() ^ wanted.keys()):
                raise ValueError(f"it lacks, or should not have, the weight {strange[0]}")
            for name, shape in wanted.items():
                if shapes[name] != shape:
                    found, fits = tuple(shapes[name]), tuple(shape)
                    raise ValueError(f"the weight {name} has shape {found} instead of {fits}")
            if not all(bool(torch.isfinite(value).all()) for value in state.values()):
                raise ValueError("a weight is not finite")

    def _check_scaling(self) -> None:
        """Fail where the constants do not fit the columns."""
        width = (len(self.columns),)
        scaling = (self.offset, self.factor)
        if any(part.shape != width or not np.isfinite(part).all() for part in scaling):
            raise ValueError(f"its scaling does not fit {width[0]} columns")
        if len(set(self.columns)) < width[0] or not (self.factor > 0).all():
            raise ValueError("a column is there twice, or has a factor that is not above 0")
        flags = [name.startswith(FLAG) for name in self.columns]
        if self.offset[flags].any() or (self.factor[flags] != 1).any():
            raise ValueError(f"a column that begins with `{FLAG}` is scaled")

    def _shapes(self) -> dict[str, torch.Size]:
        """The shape of each weight of a network of this size, made without memory for them."""
        try:
            with torch.device("meta"):
                network = build_network(
                    _NETWORK,
                    HEAD,
                    input_size=len(self.columns),
                    horizons=self.horizons,
                    hidden_size=self.hidden_size,
                    num_layers=self.num_layers,
                    skip_connection=True,
                )
        except (ConfigError, RuntimeError) as error:
            raise ValueError(str(error)) from error
        return {name: value.shape for name, value in network.state_dict().items()}

    def dump(self) -> bytes:
        """The bytes of a safetensors file."""
        tensors = {
            f"network.{k}.{name}": value.detach().cpu().contiguous()
            for k, state in enumerate(self.states)
            for name, value in state.items()
        }
        tensors["input.offset"] = torch.from_numpy(self.offset.copy())
        tensors["input.factor"] = torch.from_numpy(self.factor.copy())
        metadata = {
            "columns": self.columns,
            "horizons": self.horizons,
            "hidden_size": self.hidden_size,
            "num_layers": self.num_layers,
            "networks": len(self.states),
            "record": self.record,
        }
        return dump_tensors(tensors, _METADATA, metadata)

    def problem(self, model: Model) -> str:
        """Why a network cannot begin as a pretrained one; empty if it can.

        Args:
            model: of a resolved experiment, in which no key is `auto`.
        """
        kind = {"network": _NETWORK, "head": HEAD, "initial_state": "zeros"}
        size = {"hidden_size": self.hidden_size, "num_layers": self.num_layers}
        for key, value in {**kind, **size}.items():
            if getattr(model, key) != value:
                return f"`model.{key}` is {getattr(model, key)}, theirs is {value}"
        return ""

    def scaling(self, columns: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Offset and factor of some columns, NaN for those that the networks do not read."""
        place = self._places(columns)
        known = place >= 0
        return tuple(  # type: ignore[return-value]  # mypy sees no length
            np.where(known, values[place], np.nan) for values in (self.offset, self.factor)
        )

    def as_trained(self) -> list[Network]:
        """The networks with all their columns, flags last, ready to forecast."""
        networks = []
        for state in self.states:
            network = build_network(
                _NETWORK,
                HEAD,
                input_size=len(self.columns),
                horizons=self.horizons,
                hidden_size=self.hidden_size,
                num_layers=self.num_layers,
                skip_connection=True,
            )
            network.load_state_dict(dict(state))
            networks.append(network.eval())
        return networks

    def network(
        self, number: int, columns: Sequence[str], groups: Sequence[str], horizon: int
    ) -> Network:
        """A pretrained network that reads some columns, ready to forecast.

        Args:
            number: of the network; beyond their number they are taken in turn.
            columns: what it reads, in order, scaled by `scaling`.
            groups: feature groups that it reads.
            horizon: it forecasts 1..`horizon` sessions ahead.
        """
        network = build_network(
            _NETWORK,
            HEAD,
            input_size=len(columns),
            horizons=range(1, horizon + 1),
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            skip_connection=True,
        )
        self.begin(network, number, columns, groups)
        return network.eval()

    def begin(
        self, network: Network, number: int, columns: Sequence[str], groups: Sequence[str]
    ) -> None:
        """Give a new network the weights of a pretrained one, in place.

        Args:
            network: with a skip connection, of the size that `problem` asks for.
            number: of the pretrained network; beyond their number they are taken in turn.
            columns: what the network reads, in order, scaled by `scaling` where that is known.
            groups: feature groups that it reads.
        """
        state = dict(self.states[number % len(self.states)])
        place = torch.from_numpy(self._places(columns))
        flags = torch.tensor(
            [
                float(name.startswith(FLAG) and name.removeprefix(FLAG) in groups)
                for name in self.columns
            ]
        )
        own = network.state_dict()
        first, head = state[_FIRST_INPUT], state["head.weight"]
        units, skip = head[:, : self.hidden_size], head[:, self.hidden_size :]
        state[_FIRST_BIAS] = state[_FIRST_BIAS] + first @ flags
        state[_FIRST_INPUT] = _chosen(first, place)
        bias = state["head.bias"] + skip @ flags
        weight = torch.cat([units, _chosen(skip, place)], dim=1)
        rows = _raw_outputs(network, len(bias))
        state["head.weight"], state["head.bias"] = weight[rows], bias[rows]
        for name in own.keys() - state.keys():
            state[name] = own[name]
        network.load_state_dict({name: state[name] for name in own})

    def _places(self, columns: Sequence[str]) -> np.ndarray:
        """Where each column stands among those that the networks read; -1 where it does not."""
        known = {name: k for k, name in enumerate(self.columns) if not name.startswith(FLAG)}
        return np.array([known.get(str(name), -1) for name in columns], dtype=np.int64)


def _states(tensors: Mapping[str, Tensor], count: int) -> tuple[dict[str, Tensor], ...]:
    """The weights of each network out of a file's tensors."""
    if not 0 < count <= len(tensors):
        raise ValueError(f"it says that it holds {count} networks")
    prefixes = [f"network.{k}." for k in range(count)]
    return tuple(
        present_names(
            {name.removeprefix(p): value for name, value in tensors.items() if name.startswith(p)}
        )
        for p in prefixes
    )


def _chosen(weight: Tensor, place: Tensor) -> Tensor:
    """The columns of a weight at the given places, zero where the place is -1."""
    return torch.where(place >= 0, weight[:, place.clamp(min=0)], 0.0)


def _raw_outputs(network: Network, pretrained: int) -> list[int]:
    """Which of the head's raw outputs for all horizons the network has: for one it has fewer."""
    have = len(network.head.bias)
    if have == pretrained:
        return list(range(pretrained))
    # Without further horizons there are no long-run values, and no decay towards them.
    return [0, 1, *range(pretrained - have + 2, pretrained)]


@lru_cache(maxsize=1)
def shipped() -> Pretrained:
    """The networks that come with lstmcast."""
    return Pretrained.load(shipped_file())
