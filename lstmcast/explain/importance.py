"""Feature importance: how much worse a network forecasts without a feature, and how members differ.

*Permutation*: the sessions of the inputs are shuffled, the same way for all columns of a group, so
that their values stay and what they tell of the day is gone (Breiman 2001, Random forests; Fisher,
Rudin and Dominici 2019, All models are wrong, but many are useful). *Occlusion*: the inputs are
held at their mean. Either is measured by the increase in the loss that training minimises, one
session ahead, on validation rows: features may be chosen by it without touching the test part.

Features that tell the same share their importance: each can be missed while the other is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lstmcast.distributions import FloatArray
from lstmcast.errors import DataError
from lstmcast.explain.effects import EWMA, Effect, Importance, Kind
from lstmcast.explain.inputs import CONTEXT, Inputs
from lstmcast.nn import Network
from lstmcast.nn.heads.quantile import QuantileParams

BEFORE = 250
"""Rows that are read, and altered, before the first one that is judged."""

FEWEST = 30
"""Rows that are needed."""

REPEATS = 3
"""Shuffles that are averaged."""

AT_ONCE = 64
"""Altered copies that run side by side; bounds memory only."""


@dataclass(frozen=True)
class _Change:
    """One alteration of the inputs: of some columns, or of the volatility."""

    name: str
    kind: Kind
    columns: tuple[int, ...]
    scale: bool = False


def importance(
    networks: Sequence[Network],
    inputs: Sequence[Inputs],
    rows: Mapping[str, NDArray[np.intp]],
    groups: Mapping[str, str],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Importance:
    """Measure what the networks lose without each feature group and each column.

    Args:
        networks: trained, in evaluation mode; those that did not learn from `rows`.
        inputs: of each symbol.
        rows: by symbol, the origins that are judged, in increasing order.
        groups: the feature group of each column.
        repeats: shuffles that are averaged.
        seed: of the shuffles.

    Raises:
        DataError: if there are too few rows.
    """
    judged = [part for part in inputs if len(rows.get(part.symbol, ()))]
    count = sum(len(rows[part.symbol]) for part in judged)
    if count < FEWEST:
        raise DataError(
            f"the validation part has {count} sessions, and importance needs {FEWEST}",
            "give the validation part more sessions in `split`",
        )
    changes = _changes(judged[0].columns, groups)
    losses = np.array(
        [
            np.mean(
                [_losses(n, part, rows[part.symbol], changes, repeats, seed) for part in judged], 0
            )
            for n in (network.to("cpu") for network in networks)
        ]
    )
    base, altered = losses[:, 0], losses[:, 1:].reshape(len(networks), len(changes), repeats + 1)
    rise = altered - base[:, None, None]
    effects = [
        Effect(
            change.name,
            change.kind,
            tuple(float(x) for x in rise[:, k, :repeats].mean(-1)),
            tuple(float(x) for x in rise[:, k, repeats]),
        )
        for k, change in enumerate(changes)
    ]
    effects.sort(key=lambda effect: (effect.kind != "group", -np.mean(effect.permutation)))
    dates = [part.dates[rows[part.symbol]] for part in judged]
    return Importance(
        tuple(effects),
        tuple(float(x) for x in base),
        count,
        min(part[0] for part in dates),
        max(part[-1] for part in dates),
    )


def _changes(columns: Sequence[str], groups: Mapping[str, str]) -> list[_Change]:
    named = [groups.get(column, CONTEXT) for column in columns]
    found = [
        _Change(name, "group", tuple(k for k, group in enumerate(named) if group == name))
        for name in dict.fromkeys(named)
    ]
    found.append(_Change(EWMA, "group", (), scale=True))
    return found + [_Change(name, "column", (k,)) for k, name in enumerate(columns)]


def _losses(
    network: Network,
    inputs: Inputs,
    rows: NDArray[np.intp],
    changes: Sequence[_Change],
    repeats: int,
    seed: int,
) -> FloatArray:
    """Mean loss with all inputs, then with each change: `repeats` shuffles and an occlusion."""
    first, stop = max(0, int(rows[0]) - max(BEFORE, inputs.window or 0)), int(rows[-1]) + 1
    features, scale = inputs.features[first:stop], inputs.scale[first:stop]
    random = np.random.default_rng(seed)
    orders = [torch.from_numpy(random.permutation(stop - first)) for _ in range(repeats)]
    pairs = [(features, scale)]
    for change in changes:
        chosen = list(change.columns)
        for order in orders:
            shuffled = features.clone()
            shuffled[:, chosen] = features[order][:, chosen]
            pairs.append((shuffled, scale[order] if change.scale else scale))
        held = features.clone()
        held[:, chosen] = features[:, chosen].mean(0)
        middle = scale.log().mean().exp().expand_as(scale)
        pairs.append((held, middle if change.scale else scale))
    judged = torch.from_numpy(rows - first)
    truth = torch.from_numpy(inputs.returns[rows]).to(features)
    state = _state_before(network, inputs, first)
    found = []
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        x, s = (torch.stack(values) for values in zip(*some, strict=True))
        found.append(_loss(network, inputs, x, s, judged, truth, state, scale[judged]))
    losses: FloatArray = torch.cat(found).double().numpy()
    return losses


def _state_before(network: Network, inputs: Inputs, first: int) -> tuple[Tensor, ...] | None:
    """What a network remembers of the rows before the first one that is altered."""
    if inputs.window is not None or first == 0:
        return None
    with torch.no_grad():
        _, state = network.units(inputs.features[None, :first])
    return state


def _loss(
    network: Network,
    inputs: Inputs,
    features: Tensor,
    scale: Tensor,
    judged: Tensor,
    truth: Tensor,
    state: tuple[Tensor, ...] | None,
    unit: Tensor,
) -> Tensor:
    """Mean loss of the next session over the judged rows, for each altered copy."""
    copies = len(features)
    with torch.no_grad():
        if inputs.window is None:
            begin = None if state is None else tuple(part.expand(-1, copies, -1) for part in state)
            params, _ = network(features, scale, begin, symbols=inputs.number.expand(copies))
            return _of_next(network, params, truth, unit, lambda value: value[:, judged]).mean(-1)
        steps = judged[:, None] + torch.arange(-inputs.window + 1, 1)
        answers = []
        for x, s in zip(features, scale, strict=True):
            params, _ = network(x[steps], s[steps], symbols=inputs.number.expand(len(judged)))
            answers.append(
                _of_next(network, params, truth, unit, lambda value: value[:, -1][None]).mean(-1)
            )
        return torch.cat(answers)


def _of_next(network: Network, params: Any, truth: Tensor, unit: Tensor, at: Any) -> Tensor:
    """Loss of the next session at the judged rows, `(copies, rows)`."""
    chosen = type(params)(*(at(value) for value in params))
    horizons = len(network.head.horizons)
    target = truth.expand(len(chosen[0]), -1).unsqueeze(-1).expand(-1, -1, horizons)
    loss: Tensor = network.head.loss(chosen, target)[..., 0]
    if isinstance(params, QuantileParams):  # in units of the volatility, which may be altered
        loss = loss * chosen.unit[..., 0] / unit
    return loss
