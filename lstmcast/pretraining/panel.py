"""Simulated bars as a network reads them: the program's own features, of many markets at once.

The columns come from the same functions as a stock's (`lstmcast.features`). A market may lack
ranges, volume or neighbours, as real price files do: its columns of those groups are NaN (zero once
scaled), and a flag for each group says so. A network for real prices has no flags: what a flag adds
is constant there (`weights`).
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from lstmcast.dataset.target import UNCHANGED_SHARE
from lstmcast.features import GROUPS, Bars
from lstmcast.features.pool import FROM_RANGES, FROM_RETURNS, PREFIX
from lstmcast.features.registry import CLIP, WARM_UP
from lstmcast.simulation import SimulatedBars

OWN_GROUPS = ("returns", "news", "range", "volume")
POOLED = {"pool": FROM_RETURNS, "pool_range": FROM_RANGES}
INPUT_GROUPS = (*OWN_GROUPS, *POOLED)
"""Feature groups that a pretrained network reads; the first one is always there."""

OPTIONAL_GROUPS = INPUT_GROUPS[1:]

POOL_SIZES = (2, 4, 8)
"""Markets of a group that are pooled, where any are."""

SHARE_WITH_NEWS = 0.9
SHARE_WITH_RANGE, SHARE_WITH_VOLUME, SHARE_WITH_POOL = 0.7, 0.65, 0.5


@dataclass(frozen=True)
class SimulatedPanel:
    """What a network learns from: rows are sessions after the features' warm-up.

    Args:
        columns: names of the features, then the flags of `OPTIONAL_GROUPS`.
        features: `(markets, rows, columns)`, not scaled; NaN where a market lacks the group.
        scale: `(markets, rows)`, the slow volatility in percent.
        next_returns: `(markets, rows, 1 + draws)`, the next session's return in percent: the one
            that came, and further draws of it.
        cumulated: `(markets, rows, horizons)`, returns over each horizon in percent, NaN where the
            simulation ended before. In markets that are seldom traded, returns of zero are NaN in
            both, as they are no targets for real prices either (`LogReturnTarget`).
        volatility: `(markets, rows)`, the simulator's own of the next session in percent, which no
            network is told.
    """

    columns: tuple[str, ...]
    features: Float[Tensor, "n rows columns"]
    scale: Float[Tensor, "n rows"]
    next_returns: Float[Tensor, "n rows draws"]
    cumulated: Float[Tensor, "n rows horizons"]
    volatility: Float[Tensor, "n rows"]


def read_markets(
    bars: SimulatedBars,
    horizons: tuple[int, ...],
    group: int,
    generator: np.random.Generator,
) -> SimulatedPanel:
    """Compute the features of simulated markets and what came true after each row.

    Args:
        bars: of markets in groups of neighbours.
        horizons: sessions ahead of `cumulated`.
        group: markets of a group.
        generator: decides what each market lacks and who is pooled with whom.
    """
    tables = {
        name: pd.DataFrame(getattr(bars, name).cpu().numpy().astype(np.float64))
        for name in ("open", "high", "low", "close", "volume")
    }
    tables["dollar_volume"] = tables["close"] * tables["volume"]
    # A dictionary of tables answers what a table of series does.
    computed = Bars(cast("pd.DataFrame", tables))
    sessions, markets = tables["close"].shape
    present = _present(markets, group, generator)
    pools = _pools(markets, group, present["pool"], generator)
    columns: dict[str, np.ndarray] = {}
    owner: dict[str, str] = {}
    for name in OWN_GROUPS:
        for column, values in GROUPS[name].compute(computed).items():
            columns[str(column)] = np.asarray(values, dtype=np.float64)[WARM_UP:].clip(-CLIP, CLIP)
            owner[str(column)] = name
    for name, shared in POOLED.items():
        for column in shared:
            columns[PREFIX + column] = _averaged(columns[column], pools)
            owner[PREFIX + column] = name
    for column, name in owner.items():
        if name in present:
            columns[column] = np.where(present[name], columns[column], np.nan)
    for name in OPTIONAL_GROUPS:
        columns[f"has_{name}"] = np.broadcast_to(
            present[name].astype(np.float64), (sessions - WARM_UP, markets)
        )
    features = np.stack([v.T for v in columns.values()], axis=-1).astype(np.float32)
    log_close = np.log(tables["close"].to_numpy())
    step = np.diff(log_close, axis=0)[WARM_UP:]
    again = bars.again.cpu().numpy()[WARM_UP + 1 :]
    next_returns = np.concatenate([100 * step[..., None], again], axis=-1)
    rows = sessions - WARM_UP - 1
    cumulated = np.full((markets, rows, len(horizons)), np.nan, dtype=np.float32)
    for k, h in enumerate(horizons):
        moved = 100 * (log_close[WARM_UP + h :] - log_close[WARM_UP:-h])
        cumulated[:, : len(moved), k] = moved[:rows].T
    seldom = (step == 0).mean(axis=0) >= UNCHANGED_SHARE
    next_returns[(next_returns == 0) & seldom[:, None]] = np.nan
    cumulated[(cumulated == 0) & seldom[:, None, None]] = np.nan
    return SimulatedPanel(
        columns=tuple(columns),
        features=torch.from_numpy(np.ascontiguousarray(features[:, :rows])),
        scale=torch.from_numpy(
            (100 * computed.scale.to_numpy()[WARM_UP:-1]).T.astype(np.float32).copy()
        ),
        next_returns=torch.from_numpy(next_returns.transpose(1, 0, 2).astype(np.float32).copy()),
        cumulated=torch.from_numpy(cumulated),
        volatility=bars.volatility[WARM_UP + 1 :].cpu().T.contiguous(),
    )


def _present(markets: int, group: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Which optional groups each market has; a whole group of markets has ranges or has not."""
    groups = markets // group

    def share(p: float) -> np.ndarray:
        return np.repeat(generator.random(groups) < p, group)

    ranges, pool = share(SHARE_WITH_RANGE), share(SHARE_WITH_POOL)
    volume = share(SHARE_WITH_VOLUME) & (ranges | share(0.3))
    news = share(SHARE_WITH_NEWS)
    return {
        "news": news,
        "range": ranges,
        "volume": volume,
        "pool": pool,
        "pool_range": pool & ranges,
    }


def _pools(
    markets: int, group: int, pooled: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """`(markets,)`: the number of each market's pool; each its own where it has none."""
    number = np.arange(markets)
    for first in range(0, markets, group):
        if pooled[first]:
            size = int(generator.choice(POOL_SIZES))
            inside = np.arange(group) // size * size
            number[first : first + group] = first + inside
    return number


def _averaged(array: np.ndarray, pools: np.ndarray) -> np.ndarray:
    """Means of `(rows, markets)` over each pool, for each of its markets."""
    starts = np.flatnonzero(np.r_[True, pools[1:] != pools[:-1]])
    sizes = np.diff(np.r_[starts, len(pools)])
    means = np.add.reduceat(array, starts, axis=1) / sizes
    return np.repeat(means, sizes, axis=1)
