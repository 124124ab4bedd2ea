"""Why the next range is wider or narrower than usual, in one sentence with the parts behind it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lstmcast.explain.attribution import attribute, by_group, mean_of
from lstmcast.explain.effects import EWMA
from lstmcast.explain.inputs import Inputs, column_groups, inputs_of, networks_of
from lstmcast.nn import HEADS, Network
from lstmcast.prices.history import PriceHistory
from lstmcast.training import Forecaster
from lstmcast.training.device import one_thread_each

RECENT = 5
"""Sessions that are called the last ones."""

_LEAST = 0.005
"""Log width below which a part is not named."""

_NAMED = 3


@dataclass(frozen=True)
class Widening:
    """By how much the next session's range differs from the usual one, and by what.

    All in log width: 0.1 is a range 10.5 % wider than after average sessions of the past year.

    Args:
        symbol: whose.
        origin: the session that the forecast is made from.
        total: the whole difference, mean over networks.
        parts: by feature group and the EWMA volatility, the largest first; they add up to `total`.
        recent: the share of all parts but the EWMA volatility's that is of the last sessions.
        spread: standard deviation of `total` over networks; NaN for one.
        lags: parts by lag and group.
    """

    symbol: str
    origin: pd.Timestamp
    total: float
    parts: Mapping[str, float]
    recent: float
    spread: float
    lags: pd.DataFrame

    @property
    def sentence(self) -> str:
        """The same in words."""
        opening = (
            "The range for the next close is as wide as after average sessions of the past year"
            if abs(self.total) < _LEAST
            else f"The range for the next close is {_percent(abs(self.total), self.total)} "
            f"{'wider' if self.total > 0 else 'narrower'} than after average sessions of the past "
            "year"
        )
        named = [(name, part) for name, part in self.parts.items() if abs(part) >= _LEAST]
        if not named:
            return f"{opening}."
        shown = named[:_NAMED]
        told = [f"{_called(name)} {_signed(part)}" for name, part in shown]
        rest = self.total - sum(part for _, part in shown)
        if abs(rest) >= _LEAST:
            told.append(f"the rest {_signed(rest)}")
        return f"{opening}: {', '.join(told)}."

    def to_dict(self) -> dict[str, Any]:
        """Plain values; changes in percent of the width."""
        return {
            "origin": f"{self.origin:%Y-%m-%d}",
            "change_percent": 100 * float(np.expm1(self.total)),
            "log_change": self.total,
            "log_change_deviation": None if np.isnan(self.spread) else self.spread,
            "parts": dict(self.parts),
            "sentence": self.sentence,
        }


def widening(
    networks: Sequence[Network], inputs: Inputs, groups: Mapping[str, str], row: int | None = None
) -> Widening:
    """What the networks' next range is made of, by integrated gradients.

    Args:
        networks: trained, in evaluation mode.
        inputs: of one symbol.
        groups: the feature group of each column.
        row: the origin; the newest row if None.

    Raises:
        DataError: if the history is too short for the networks.
    """
    origin = len(inputs) - 1 if row is None else row
    found = [attribute(network, inputs, origin) for network in networks]
    totals = [part.end - part.start for part in found]
    lags = by_group(mean_of(found), groups)
    parts = lags.sum().sort_values(key=np.abs, ascending=False)
    shares = lags.drop(columns=EWMA).abs().sum(axis=1)
    return Widening(
        inputs.symbol,
        inputs.dates[origin],
        float(np.mean(totals)),
        {str(name): float(part) for name, part in parts.items()},
        float(shares[:RECENT].sum() / shares.sum()) if shares.sum() > 0 else float("nan"),
        float(np.std(totals, ddof=1)) if len(totals) > 1 else float("nan"),
        lags,
    )


def explain_ranges(
    forecaster: Forecaster, histories: Sequence[PriceHistory], symbols: Collection[str]
) -> dict[str, Widening]:
    """What makes the newest range of some symbols wide; nothing of point forecasts.

    Args:
        forecaster: a trained ensemble; its first group of networks is looked at.
        histories: of its symbols, up to the newest bar.
        symbols: those that are wanted.

    Raises:
        DataError: if a history is too short for the networks.
    """
    group = forecaster.groups[0]
    if not HEADS[group.experiment.model.head].is_distribution:
        return {}
    with one_thread_each():
        inputs = inputs_of(group, histories)
        groups = column_groups(histories[0], group.experiment.features or ())
        return {
            symbol: widening(networks_of(group, part.dates[-1]), part, groups)
            for symbol, part in inputs.items()
            if symbol in symbols
        }


def _called(name: str) -> str:
    return name if name == EWMA else f"`{name}`"


def _percent(size: float, total: float) -> str:
    return f"{100 * abs(np.expm1(np.copysign(size, total))):.0f} %"


def _signed(part: float) -> str:
    return f"{100 * np.expm1(part):+z.0f} %"
