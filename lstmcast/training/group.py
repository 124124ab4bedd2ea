"""Networks of one kind that read the same columns, and what each of them forecasts.

Most experiments are one group: members that differ by their seed alone. Each entry of
`model.variants` is a further one, with another network, head or set of features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.config import Experiment
from lstmcast.dataset import PanelInputs, Scaling, build_inputs
from lstmcast.dataset.panel import Block, Float32Array
from lstmcast.distributions import Distribution, FloatArray
from lstmcast.errors import DataError, RunError
from lstmcast.features import build_matrices
from lstmcast.prices.history import PriceHistory
from lstmcast.training.decode import DECODERS

if TYPE_CHECKING:
    from lstmcast.nn import Network

WINDOW_BATCH = 1024
"""Most windows run at once; bounds memory only."""

Origins = Mapping[str, NDArray[np.intp]]
"""By symbol, rows of its block at whose close forecasts are made, in increasing order."""


def new_network(
    experiment: Experiment,
    input_size: int,
    seed: int,
    horizon: int | None = None,
) -> "Network":
    """The network that the experiment describes, its first weights drawn from `seed`.

    Args:
        experiment: resolved.
        input_size: columns of the features.
        seed: of the first weights.
        horizon: sessions ahead, where they are not the experiment's.
    """
    import torch

    from lstmcast.nn import build_network

    model = experiment.model
    symbols = len(experiment.data.symbols)
    own = model.start != "random" and model.symbol_offsets == "fitted" and symbols > 1
    return build_network(
        model.network,
        model.head,
        input_size=input_size,
        horizons=range(1, (horizon or experiment.target.horizon) + 1),
        hidden_size=model.hidden_size,
        num_layers=model.num_layers,
        dropout=model.dropout,
        input_dropout=model.input_dropout,
        skip_connection=model.start != "random",
        symbols=symbols if own else 0,
        initial_state=model.initial_state,
        generator=torch.Generator().manual_seed(seed),
    )


class Runner(Protocol):
    """Networks of one kind that something runs: PyTorch, or a graph of theirs."""

    def run(
        self, features: Float32Array, scale: Float32Array, symbols: Sequence[int], horizon: int
    ) -> list[dict[str, Float32Array]]:
        """The parameters of each network's head at every step.

        Args:
            features: `(sequences, steps, columns)`, scaled.
            scale: `(sequences, steps)`.
            symbols: each sequence's number.
            horizon: sessions ahead, from 1 to so many.

        Returns:
            For each network its parameters by name, `(sequences, steps, horizons, ...)`.
        """
        ...


class Graphs(NamedTuple):
    """What runs a group without PyTorch: graphs of its networks and of the refitted ones.

    `members` is the number of networks, `refitted` None where there are no such.
    """

    members: int
    networks: Runner
    refitted: Runner | None


class _Sequence(NamedTuple):
    """What networks read of one symbol: all its rows, and its number in training."""

    features: Float32Array
    scale: Float32Array
    symbol: int


@dataclass(frozen=True)
class Group:
    """Trained networks of one kind with the statistics that their inputs are scaled by.

    Args:
        experiment: resolved, with the group's own network, head and features.
        scaling: fitted on training rows.
        networks: in evaluation mode, all on one device.
        refitted: the same networks trained again with the validation part, for forecasts after it;
            empty where there are none.
        number: its place among the experiment's groups: 0 is the model itself, then its variants.
        graphs: what runs the networks in the place of PyTorch; `networks` is empty then.
    """

    experiment: Experiment
    scaling: Scaling
    networks: Sequence["Network"]
    refitted: Sequence["Network"] = ()
    number: int = 0
    graphs: Graphs | None = None

    @property
    def members(self) -> int:
        """How many networks there are."""
        return self.graphs.members if self.graphs else len(self.networks)

    def inputs(self, histories: Sequence[PriceHistory]) -> PanelInputs:
        """What the networks read, from histories that may be longer than those trained on.

        Raises:
            DataError: if a history is too short or lacks a column, or its symbol was not in
                training and its prices have no scaler.
            RunError: if the feature groups have other columns now than in training.
        """
        unseen = [h.symbol for h in histories if h.symbol not in self.scaling.scalers]
        if unseen and self.scaling.kind == "price":
            raise DataError(
                f"{', '.join(unseen)} was not in training, and `target.kind` price scales each "
                "symbol by its own",
                "train with the symbol, or with `target.kind: log_return`",
            )
        names = self.experiment.features or ()
        matrices = build_matrices(histories, names, self.scaling.scalers)
        for matrix in matrices.values():
            if tuple(matrix.table.columns) != self.scaling.columns:
                raise RunError(
                    f"the run reads {len(self.scaling.columns)} feature columns "
                    f"({', '.join(self.scaling.columns)}), which its `features` no longer have",
                    "train it again with this version of lstmcast",
                )
        return build_inputs(matrices, self.scaling)

    def forecast(self, inputs: PanelInputs, origins: Origins) -> dict[str, list[Distribution]]:
        """What each network forecasts from the given origins, by symbol."""
        return {
            block.symbol: self._forecast_block(inputs, block, origins[block.symbol])
            for block in inputs.blocks
            if block.symbol in origins
        }

    def _forecast_block(
        self, inputs: PanelInputs, block: Block, origins: NDArray[np.intp]
    ) -> list[Distribution]:
        run = (
            self._run_along
            if self.experiment.training.supervision == "every"
            else self._run_windows
        )
        decode = DECODERS[self.experiment.model.head]
        target = self.scaling.target(block.symbol)
        closes = inputs.closes[block.rows][origins]
        networks, refitted = self._runners()
        later = len(origins)
        if refitted is not None:
            dates = inputs.dates[inputs.blocks.index(block)]
            end = int(dates.searchsorted(pd.Timestamp(self.experiment.dates.validation_end)))
            later = int(np.searchsorted(origins, end))
        spans = ((networks, origins[:later]), (refitted, origins[later:]))
        known = list(self.scaling.scalers)
        number = known.index(block.symbol) if block.symbol in known else len(known)
        read = _Sequence(inputs.features[block.rows], inputs.scale[block.rows], number)
        found = [
            run(runner, read, rows) for runner, rows in spans if runner is not None and len(rows)
        ]
        answers = [
            {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            for parts in zip(*found, strict=True)
        ]
        return [decode(answer, target, closes) for answer in answers]

    def _runners(self) -> tuple[Runner, Runner | None]:
        """What runs the networks, and those that forecast what comes after validation."""
        if self.graphs is not None:
            return self.graphs.networks, self.graphs.refitted
        from lstmcast.training.torch_runner import TorchRunner

        return TorchRunner(self.networks), TorchRunner(self.refitted) if self.refitted else None

    def _run_along(
        self, runner: Runner, read: _Sequence, origins: NDArray[np.intp]
    ) -> list[dict[str, FloatArray]]:
        """Carry the state from the symbol's first row to the last origin."""
        stop = int(origins[-1]) + 1
        answers = runner.run(
            read.features[None, :stop], read.scale[None, :stop], [read.symbol], self._horizon
        )
        return [
            {name: values[0, origins].astype(np.float64) for name, values in answer.items()}
            for answer in answers
        ]

    def _run_windows(
        self, runner: Runner, read: _Sequence, origins: NDArray[np.intp]
    ) -> list[dict[str, FloatArray]]:
        """Run a window of `lookback` rows up to each origin, as in training."""
        length = self.experiment.training.lookback
        if int(origins[0]) < length - 1:
            raise DataError(
                f"`training.lookback` {length} reaches back before the first session with features",
                "shorten `training.lookback`, or let the split begin later",
            )
        steps = np.arange(-length + 1, 1)
        batches = []
        for first in range(0, len(origins), WINDOW_BATCH):
            rows = origins[first : first + WINDOW_BATCH, None] + steps
            symbols = [read.symbol] * len(rows)
            answers = runner.run(read.features[rows], read.scale[rows], symbols, self._horizon)
            batches.append(
                [{name: values[:, -1] for name, values in answer.items()} for answer in answers]
            )
        return [
            {
                name: np.concatenate([part[name] for part in parts]).astype(np.float64)
                for name in parts[0]
            }
            for parts in zip(*batches, strict=True)
        ]

    @property
    def _horizon(self) -> int:
        return self.experiment.target.horizon
