"""A pretraining between two steps, and the file that lets it go on from there.

The file is safetensors with one JSON text: weights, their average and AdamW's moments, which step
of which network comes next, and the settings. Markets and orders follow from seeds and numbers
(`supply`), so there is no generator whose state would have to be kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

from lstmcast.errors import RunError, UsageError
from lstmcast.nn import Network
from lstmcast.pretraining.objective import new_network
from lstmcast.pretraining.settings import Settings
from lstmcast.pretraining.supply import Inputs, network_seed
from lstmcast.tensors import dump_tensors, load_tensors

LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-4
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
"""AdamW's own constants, as PyTorch has them."""

AVERAGED = 0.995
"""What an average of the weights keeps of itself in a step, once it has seen some hundred."""

_METADATA = "lstmcast.partial"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True)
class Finished:
    """A network whose training is over.

    Args:
        weights: their average, as a network's state.
        steps, seconds: what it took.
        held_out: its losses on the held-out markets, by the horizons.
    """

    weights: Mapping[str, Tensor]
    steps: int
    seconds: float
    held_out: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """All but the weights."""
        return {"steps": self.steps, "seconds": self.seconds, "held_out": dict(self.held_out)}


class Training:
    """One network in training, with its optimiser and the average of its weights.

    Args:
        columns: that the network reads.
        settings: of the pretraining.
        number: of the network.
    """

    def __init__(self, columns: int, settings: Settings, number: int) -> None:
        seed = network_seed(settings, number)
        network = new_network(columns, settings.hidden_size, seed)
        self.network: Network = network.to(torch.device(settings.device))
        self.average = {n: p.detach().clone() for n, p in self.network.named_parameters()}
        self._moments = {
            moment: {
                n: torch.tensor(0.0) if moment == "step" else torch.zeros_like(p)
                for n, p in self.average.items()
            }
            for moment in _MOMENTS
        }
        self.steps = 0
        self.seconds = 0.0

    def step(self, rate: float, most_norm: float) -> None:
        """Go down the gradient that is there, and let the average follow."""
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), most_norm)
        self._adamw(rate)
        self.steps += 1
        # The first weights, which say nothing, would otherwise count for a thousand steps.
        kept = min(AVERAGED, self.steps / (self.steps + 9))
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                self.average[name].lerp_(parameter, 1 - kept)

    @torch.no_grad()
    def _adamw(self, rate: float) -> None:
        """A step of PyTorch's AdamW, without its object: to make one loads a compiler for 1.5 s."""
        parameters: list[Tensor] = [*self.network.parameters()]
        gradients = [parameter.grad for parameter in parameters]
        adamw(
            parameters,
            [gradient for gradient in gradients if gradient is not None],
            [*self._moments["exp_avg"].values()],
            [*self._moments["exp_avg_sq"].values()],
            [],
            [*self._moments["step"].values()],
            amsgrad=False,
            beta1=BETA_1,
            beta2=BETA_2,
            lr=rate,
            weight_decay=WEIGHT_DECAY,
            eps=EPSILON,
            maximize=False,
        )

    def averaged(self) -> dict[str, Tensor]:
        """The average of the weights as a network's state, on the CPU."""
        return {name: value.cpu().clone() for name, value in self.average.items()}

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step depends on, by name."""
        found: dict[str, Tensor] = {}
        for name, parameter in self.network.named_parameters():
            found[f"weight.{name}"] = parameter
            found[f"average.{name}"] = self.average[name]
            for moment in _MOMENTS if self.steps else ():
                found[f"{moment}.{name}"] = self._moments[moment][name]
        return found

    def restore(self, tensors: Mapping[str, Tensor], steps: int, seconds: float) -> None:
        """Go back to where `tensors` was called.

        Raises:
            KeyError, RuntimeError, ValueError: if they are not those of such a network.
        """
        names = [name for name, _ in self.network.named_parameters()]
        self.network.load_state_dict({name: tensors[f"weight.{name}"] for name in names})
        for name, value in self.average.items():
            value.copy_(tensors[f"average.{name}"])
        if steps:
            for moment, values in self._moments.items():
                for name, value in values.items():
                    value.copy_(tensors[f"{moment}.{name}"])
        self.steps, self.seconds = steps, seconds


@dataclass
class Progress:
    """Where a pretraining stands.

    Args:
        settings: what it was asked for.
        inputs: columns and their scaling, of all networks.
        finished: networks whose training is over.
        training: the network in training; None between two networks.
    """

    settings: Settings
    inputs: Inputs
    finished: list[Finished] = field(default_factory=list)
    training: Training | None = None

    def dump(self) -> bytes:
        """The bytes of a safetensors file."""
        tensors = {
            "input.offset": torch.from_numpy(self.inputs.offset),
            "input.factor": torch.from_numpy(self.inputs.factor),
        }
        for k, one in enumerate(self.finished):
            tensors |= {f"finished.{k}.{name}": value for name, value in one.weights.items()}
        if self.training is not None:
            tensors |= self.training.tensors()
        metadata = {
            "settings": self.settings.to_dict(),
            "columns": self.inputs.columns,
            "finished": [each.to_dict() for each in self.finished],
            "training": self.training
            and {"steps": self.training.steps, "seconds": self.training.seconds},
        }
        kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        return dump_tensors(kept, _METADATA, metadata)

    @classmethod
    def load(cls, path: Path, settings: Settings) -> "Progress":
        """Read a file that `dump` wrote, to go on with the same settings.

        Raises:
            RunError: if it is missing, damaged or something else.
            UsageError: if it was begun with other settings.
        """
        hint = f"delete `{path}` and start again without `--resume`"
        try:
            metadata, tensors = load_tensors(path, _METADATA)
            begun = Settings.from_dict(metadata["settings"])
        except FileNotFoundError as error:
            raise RunError(
                f"`{path}` does not exist: there is nothing to resume", "leave out `--resume`"
            ) from error
        except (KeyError, TypeError, ValueError, OverflowError, UsageError, OSError) as error:
            raise RunError(f"`{path}` cannot be resumed: {_line(error)}", hint) from error
        _refuse_others(begun, settings, path)
        try:
            return cls._restored(settings, metadata, tensors)
        except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise RunError(f"`{path}` cannot be resumed: {_line(error)}", hint) from error

    @classmethod
    def _restored(
        cls, settings: Settings, metadata: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> "Progress":
        if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
            raise ValueError("a number in it is not finite")
        # Files of earlier versions call the encoder `body`.
        tensors = {name.replace(".body.", ".encoder."): value for name, value in tensors.items()}
        offset, factor = (
            tensors[f"input.{part}"].numpy().astype(np.float64) for part in ("offset", "factor")
        )
        progress = cls(settings, Inputs(tuple(metadata["columns"]), offset, factor))
        for k, made in enumerate(metadata["finished"]):
            start = f"finished.{k}."
            weights = {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
            progress.finished.append(
                Finished(
                    weights, int(made["steps"]), float(made["seconds"]), dict(made["held_out"])
                )
            )
        if (made := metadata["training"]) is not None:
            progress.begin_next().restore(tensors, int(made["steps"]), float(made["seconds"]))
        return progress

    def begin_next(self) -> Training:
        """The network in training, or a new one after those that are finished."""
        if self.training is None:
            self.training = Training(len(self.inputs.columns), self.settings, len(self.finished))
        return self.training

    def finish(self, held_out: Mapping[str, float]) -> None:
        """Put the network in training, with its losses, among the finished ones."""
        done = self.begin_next()
        self.finished.append(Finished(done.averaged(), done.steps, done.seconds, held_out))
        self.training = None


def _line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _refuse_others(begun: Settings, asked: Settings, path: Path) -> None:
    """Refuse to go on with other settings, whose end would be that of neither."""
    then, now = begun.to_dict(), asked.to_dict()
    if changed := [name for name in then if then[name] != now[name]]:
        differ = ", ".join(f"`{n}` was {_said(then[n])}, now {_said(now[n])}" for n in changed)
        raise UsageError(
            f"`{path}` was begun with other settings: {differ}",
            "use the settings it was begun with, or delete it and start again",
        )


def _said(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "nothing"
    return "not given" if value is None else str(value)
