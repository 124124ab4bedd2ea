"""What the pretrained networks say of any number of symbols, without any fitting."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lstmcast.dataset import LogReturnTarget, Scaler
from lstmcast.distributions import StudentTMixture
from lstmcast.nn import Network
from lstmcast.pretraining.weights import Pretrained, shipped
from lstmcast.training.device import one_thread_each
from lstmcast.training.reading import Reading, as_returns

SETTLED = 60
"""Rows with features after which forecasts count for calibration: the state begins with zeros."""

LONGEST = 1000
"""Sessions before the first forecast through which ranges are followed at the most."""


def forecast_unfitted(
    readings: Sequence[Reading],
    columns: Sequence[str],
    groups: Sequence[str],
    horizon: int,
    firsts: Sequence[int],
    pretrained: Pretrained | None = None,
) -> list[StudentTMixture]:
    """Forecast every symbol from a row on, one component for each network.

    The state begins with zeros where a symbol's features begin, as it does in a run.

    Args:
        readings: one per symbol, all with the same columns.
        columns: their names; those that the networks do not read are passed over.
        groups: feature groups that the columns belong to.
        horizon: sessions ahead.
        firsts: for each symbol, the row of its first forecast; it must not lie before its features.
        pretrained: the networks; those that come with lstmcast if None.
    """
    pretrained = pretrained or shipped()
    offset, factor = pretrained.scaling(columns)
    read = np.flatnonzero(np.isfinite(offset))
    names = [str(columns[int(k)]) for k in read]
    scaler = Scaler(offset[read], factor[read])
    networks = [
        pretrained.network(number, names, groups, horizon)
        for number in range(len(pretrained.states))
    ]
    with torch.inference_mode(), one_thread_each():
        return [
            _forecast(networks, reading, scaler.transform(reading.features[:, read]), first)
            for reading, first in zip(readings, firsts, strict=True)
        ]


def _forecast(
    networks: Sequence[Network], reading: Reading, inputs: np.ndarray, first: int
) -> StudentTMixture:
    begins = reading.begins
    features: Float[Tensor, "rows columns"] = torch.from_numpy(inputs[begins:])
    scale = torch.from_numpy((LogReturnTarget().unit * reading.scale[begins:]).astype(np.float32))
    parts = [
        as_returns(network(features[None], scale[None])[0], first - begins) for network in networks
    ]
    return StudentTMixture(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("df", "loc", "scale")
        )
    )
