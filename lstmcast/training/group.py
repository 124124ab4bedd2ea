"""Networks of one kind that read the same columns, and what each of them forecasts.

Most experiments are one group: members that differ by their seed alone. Each entry of
`model.variants` is a further one, with another network, head or set of features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.config import Experiment
from lstmcast.dataset import PanelInputs, Scaling, build_inputs
from lstmcast.dataset.panel import Block
from lstmcast.distributions import Distribution, FloatArray
from lstmcast.errors import DataError, RunError
from lstmcast.features import build_matrices
from lstmcast.nn import Network, build_network
from lstmcast.prices.history import PriceHistory
from lstmcast.training.decode import DECODERS

WINDOW_BATCH = 1024
"""Most windows run at once; bounds memory only."""

Origins = Mapping[str, NDArray[np.intp]]
"""By symbol, rows of its block at whose close forecasts are made, in increasing order."""


def new_network(
    experiment: Experiment,
    input_size: int,
    seed: int,
    horizon: int | None = None,
) -> Network:
    """The network that the experiment describes, its first weights drawn from `seed`.

    Args:
        experiment: settled.
        input_size: columns of the features.
        seed: of the first weights.
        horizon: sessions ahead, where they are not the experiment's.
    """
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


class _Sequence(NamedTuple):
    """What networks read of one symbol: all its rows, and its number in training."""

    features: Float[Tensor, "rows features"]
    scale: Float[Tensor, " rows"]
    symbol: Int[Tensor, " 1"]


@dataclass(frozen=True)
class Group:
    """Trained networks of one kind with the statistics that their inputs are scaled by.

    Args:
        experiment: settled, with the group's own network, head and features.
        scaling: fitted on training rows.
        networks: in evaluation mode, all on one device.
        refitted: the same networks trained again with the validation part, for forecasts after it;
            empty where there are none.
        number: its place among the experiment's groups: 0 is the model itself, then its variants.
    """

    experiment: Experiment
    scaling: Scaling
    networks: Sequence[Network]
    refitted: Sequence[Network] = ()
    number: int = 0

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
        later = len(origins)
        if self.refitted:
            dates = inputs.dates[inputs.blocks.index(block)]
            end = int(dates.searchsorted(pd.Timestamp(self.experiment.dates.validation_end)))
            later = int(np.searchsorted(origins, end))
        spans = ((self.networks, origins[:later]), (self.refitted, origins[later:]))

        known = list(self.scaling.scalers)
        number = known.index(block.symbol) if block.symbol in known else len(known)
        read = _Sequence(
            torch.from_numpy(inputs.features[block.rows]),
            torch.from_numpy(inputs.scale[block.rows]),
            torch.tensor([number]),
        )

        def answers(member: int) -> dict[str, FloatArray]:
            found = [run(networks[member], read, rows) for networks, rows in spans if len(rows)]
            return {k: np.concatenate([part[k] for part in found]) for k in found[0]}

        return [decode(answers(k), target, closes) for k in range(len(self.networks))]

    def _run_along(
        self, network: Network, read: _Sequence, origins: NDArray[np.intp]
    ) -> dict[str, FloatArray]:
        """Carry the state from the symbol's first row to the last origin."""
        device = next(network.parameters()).device
        stop = int(origins[-1]) + 1
        with torch.inference_mode():
            params, _ = network(
                read.features[None, :stop].to(device),
                read.scale[None, :stop].to(device),
                symbols=read.symbol.to(device),
            )
        rows = torch.from_numpy(origins)
        return {
            name: value[0].cpu()[rows].double().numpy() for name, value in params._asdict().items()
        }

    def _run_windows(
        self, network: Network, read: _Sequence, origins: NDArray[np.intp]
    ) -> dict[str, FloatArray]:
        """Run a window of `lookback` rows up to each origin, as in training."""
        length = self.experiment.training.lookback
        if int(origins[0]) < length - 1:
            raise DataError(
                f"`training.lookback` {length} reaches back before the first session with features",
                "shorten `training.lookback`, or let the split begin later",
            )
        device = next(network.parameters()).device
        ends = torch.from_numpy(origins)
        steps = torch.arange(-length + 1, 1)
        answers: list[dict[str, FloatArray]] = []
        for chosen in ends.split(WINDOW_BATCH):
            rows = chosen[:, None] + steps
            with torch.inference_mode():
                params, _ = network(
                    read.features[rows].to(device),
                    read.scale[rows].to(device),
                    symbols=read.symbol.expand(len(rows)).to(device),
                )
            answers.append(
                {k: v[:, -1].cpu().double().numpy() for k, v in params._asdict().items()}
            )
        return {k: np.concatenate([answer[k] for answer in answers]) for k in answers[0]}
