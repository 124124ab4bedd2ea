"""What training made of the networks: what they began as, how far they went, and what is in them.

Measured on forecasts of the validation part, of a dozen symbols at the most, and without training
anything again. A network's LSTM contributes nothing where its forecasts stay the same without it.
"""

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from lstmcast.dataset import PanelInputs
from lstmcast.dataset.panel import Block
from lstmcast.distributions import Distribution, FloatArray
from lstmcast.nn import HEADS, Network
from lstmcast.predictions import Actuals
from lstmcast.training.builder import initial_network
from lstmcast.training.group import Group, Origins
from lstmcast.training.objective import horizon_weights
from lstmcast.training.pooling import ValidationForecasts, combine
from lstmcast.training.prepare import Prepared

MOST_SYMBOLS = 12
"""Symbols that are looked at; of more, some are chosen evenly."""

BEFORE = 250
"""Rows that networks read before the validation part."""

NOTHING = 0.001
"""Change of the forecasts, in their 80 % ranges, below which an LSTM contributes nothing."""

_RANGE = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Movement:
    """How one group of networks began, and where it went.

    Args:
        start: from pretrained networks, from those of an earlier training (warm), or from random
            weights.
        fallback_reason: why from random weights, where pretrained ones were asked for.
        width_change: root mean square change of the log width of the pooled 80 % range, one session
            ahead; None for random weights, for forecasts without a range, and without validation.
        log_scores: of the pool on validation at the start and at the end, of the return in %,
            horizons weighed as in training; lower is better. None where `width_change` is.
        idle: numbers of the members whose LSTM contributes nothing.
    """

    start: Literal["pretrained", "warm", "random"]
    fallback_reason: str = ""
    width_change: float | None = None
    log_scores: tuple[float, float] | None = None
    idle: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `run.json`."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The same in plain words."""
        said = []
        if self.start == "random":
            why = f": {self.fallback_reason}" if self.fallback_reason else ""
            said.append(f"the networks began with random weights{why}")
        elif self.width_change is not None and self.log_scores is not None:
            start, end = self.log_scores
            whose = "pretrained" if self.start == "pretrained" else "previous"
            said.append(
                f"training changed the width of the {whose} networks' forecasts by "
                f"{100 * self.width_change:.1f} %; validation log score {start:.3f} -> {end:.3f}"
            )
        if self.idle:
            who = ", ".join(map(str, self.idle))
            said.append(
                f"the LSTM of member{'s' * (len(self.idle) > 1)} {who} contributes nothing: without"
                " it the validation forecasts are the same"
            )
        return said


def movement(
    part: Prepared, group: Group, numbers: Sequence[int], initial: Sequence[Network], first: int
) -> Movement:
    """What training made of a group of networks.

    Args:
        part: the group's data.
        group: the trained networks.
        numbers: of the members that trained.
        initial: what the members went on from, by their place in the group; empty for a new start.
        first: number of the group's first member.
    """
    start: Literal["pretrained", "warm", "random"] = (
        "warm" if initial else "random" if part.pretrained is None else "pretrained"
    )
    inputs, origins = _validation(part)
    if not origins:
        return Movement(start, part.fallback_reason)
    stopped = replace(group, refitted=())
    ends = stopped.forecast(inputs, origins)
    silent = [_without_units(network) for network in group.networks]
    quiet = replace(stopped, networks=silent).forecast(inputs, origins)
    idle = [
        number
        for k, number in enumerate(numbers)
        if max(_difference(ends[name][k], quiet[name][k]) for name in ends) < NOTHING
    ]
    found = Movement(start, part.fallback_reason, idle=tuple(idle))
    if start == "random" or not HEADS[part.experiment.model.head].is_distribution:
        return found
    untrained = _as_they_began(part, group, numbers, initial, first)
    begins = replace(stopped, networks=untrained).forecast(inputs, origins)
    method = part.experiment.model.pool.method
    method = "equal" if method == "validation" else method
    pools = [{s: combine(m, method) for s, m in each.items()} for each in (begins, ends)]
    widths = [np.concatenate([_log_width(pool[name]) for name in origins]) for pool in pools]
    scores = [_log_score(part, inputs, origins, pool) for pool in pools]
    if not np.isfinite(scores).all():
        return found
    change = float(np.sqrt(np.mean((widths[1] - widths[0]) ** 2)))
    return replace(found, width_change=change, log_scores=(scores[0], scores[1]))


def _as_they_began(
    part: Prepared, group: Group, numbers: Sequence[int], initial: Sequence[Network], first: int
) -> list[Network]:
    """The group's networks before any training, each on its device."""
    began = [
        initial[number - first]
        if initial
        else initial_network(part.experiment, part.scaling.columns, number - first, part.pretrained)
        for number in numbers
    ]
    devices = [next(network.parameters()).device for network in group.networks]
    return [network.to(device).eval() for network, device in zip(began, devices, strict=True)]


def _validation(part: Prepared) -> tuple[PanelInputs, Origins]:
    """The rows of the validation part with those before it, and its origins among them."""
    settings = part.experiment.training
    before = max(BEFORE, settings.lookback)
    needed = 0 if settings.supervision == "every" else settings.lookback - 1
    known = [
        (block, dates, rows)
        for block, dates in zip(part.inputs.blocks, part.inputs.dates, strict=True)
        if len(rows := _from(part.parts[block.symbol].validation, needed))
    ]
    known = known[:: max(1, -(-len(known) // MOST_SYMBOLS))]
    blocks, chosen, dated, origins, begin = [], [], [], {}, 0
    for block, dates, rows in known:
        first, stop = max(0, int(rows[0]) - before), int(rows[-1]) + 1
        # What came true is needed beyond the last origin; `features` of those rows are not read.
        stop = min(stop + part.experiment.target.horizon, len(dates))
        blocks.append(Block(block.symbol, begin, begin + stop - first))
        begin += stop - first
        chosen.append(np.arange(block.start + first, block.start + stop))
        dated.append(dates[first:stop])
        origins[block.symbol] = rows - first
    if not known:
        return part.inputs, {}
    index = np.concatenate(chosen)
    inputs = PanelInputs(
        tuple(blocks),
        part.inputs.features[index],
        part.inputs.scale[index],
        part.inputs.closes[index],
        tuple(dated),
    )
    return inputs, origins


def _from(rows: np.ndarray, needed: int) -> np.ndarray:
    """The rows that have so many before them."""
    return rows[rows >= needed]


def _without_units(network: Network) -> Network:
    """A copy whose head reads none of the encoder's units."""
    silent = copy.deepcopy(network)
    with torch.no_grad():
        silent.head.weight[:, : silent.encoder.output_size] = 0.0
    return silent


def _difference(one: Distribution, other: Distribution) -> float:
    """Root mean square difference of two forecasts in units of the first one's 80 % range.

    Of points, in units of how far they lie apart from one another.
    """
    a, b = one.quantiles(_RANGE), other.quantiles(_RANGE)
    width = a[..., 2] - a[..., 0]
    if not np.all(width > 0):
        a, b = one.mean(), other.mean()
        spread = float(np.std(a))
        return (
            float(np.sqrt(np.mean((a - b) ** 2)) / spread) if spread > 0 else float(np.any(a != b))
        )
    return float(np.sqrt(np.mean(((a - b) / width[..., None]) ** 2)))


def _log_width(forecast: Distribution) -> FloatArray:
    """Log width of the 80 % range one session ahead."""
    quantiles = forecast.quantiles((0.1, 0.9))[:, 0]
    found: FloatArray = np.log(quantiles[:, 1] - quantiles[:, 0])
    return found


def _log_score(
    part: Prepared, inputs: PanelInputs, origins: Origins, pool: dict[str, Distribution]
) -> float:
    horizon = part.experiment.target.horizon
    actual = [
        Actuals(block.symbol, dates, inputs.closes[block.rows]).cumulative_returns(
            origins[block.symbol], horizon
        )
        for block, dates in zip(inputs.blocks, inputs.dates, strict=True)
    ]
    forecasts = ValidationForecasts([], actual, horizon_weights(horizon).double().numpy())
    log_density = forecasts.log_density([pool[block.symbol] for block in inputs.blocks])
    return forecasts.log_score(log_density) if len(log_density) else float("nan")
