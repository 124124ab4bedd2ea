"""Simulated markets with some parts of the prior, each made once for all tests."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import torch

from lstmcast.simulation import PARTS, Markets, Prior, SimulatedBars, simulate
from lstmcast.simulation.facts import measure

MARKETS, SESSIONS = 96, 600
PRICES = ("open", "high", "low", "close")

Values = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class World:
    """Markets with their constants and bars."""

    markets: Markets
    bars: SimulatedBars

    def numbers(self, name: str) -> Values:
        """`(sessions, markets)` of the bars, float64."""
        values: Values = getattr(self.bars, name).double().numpy()
        return values

    def constants(self, name: str) -> Values:
        """A constant of each market, float64."""
        values: Values = getattr(self.markets, name).double().numpy()
        return values

    def returns(self) -> Values:
        """Log returns in percent, from the second session on."""
        return 100 * np.diff(np.log(self.numbers("close")), axis=0)

    def shocks(self) -> Values:
        """Returns less what was expected, over the volatility, from the third session on."""
        returns = self.returns()
        expected = self.constants("drift") + self.constants("autocorrelation") * returns[:-1]
        shocks: Values = (returns[1:] - expected) / self.numbers("volatility")[2:]
        return shocks

    def log_volatility(self) -> Values:
        """Log of the state's volatility."""
        return np.log(self.numbers("volatility"))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Bars as tables."""
        return {name: pd.DataFrame(self.numbers(name)) for name in (*PRICES, "volume")}

    def frame(self, market: int) -> pd.DataFrame:
        """One market's bars on business days."""
        days = pd.bdate_range("2001-01-02", periods=len(self.bars.close), name="date")
        columns = {name: self.numbers(name)[:, market] for name in (*PRICES, "volume")}
        return pd.DataFrame(columns, index=days)


@lru_cache(maxsize=64)
def world(
    without: frozenset[str],
    *,
    group: int = 1,
    draws: int = 0,
    seed: int = 1,
    markets: int = MARKETS,
    sessions: int = SESSIONS,
) -> World:
    """Simulate markets without some parts; markets of groups of one know nothing of each other."""
    generator = torch.Generator().manual_seed(seed)
    drawn = Prior(without).draw(markets, generator, group)
    return World(drawn, simulate(drawn, sessions, generator, draws))


def lacking(*parts: str, group: int = 1) -> World:
    """The prior without some parts."""
    return world(frozenset(parts), group=group)


def only(*parts: str, group: int = 1) -> World:
    """The prior without all parts but some."""
    return world(frozenset(PARTS).difference(parts), group=group)


@lru_cache(maxsize=64)
def fact(found: World, name: str) -> Values:
    """A stylised fact of each market."""
    values: Values = _facts(found)[name].to_numpy(dtype=np.float64)
    return values


@lru_cache(maxsize=64)
def _facts(found: World) -> pd.DataFrame:
    return measure(found.tables())


def in_errors(values: Values, expected: float = 0.0) -> float:
    """How many standard errors the mean over independent markets lies above `expected`."""
    known = values[np.isfinite(values)]
    return float((known.mean() - expected) / (known.std(ddof=1) / np.sqrt(len(known))))


def correlations(first: Values, second: Values) -> Values:
    """Correlation of each column with its namesake."""
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    found: Values = (a * b).mean(axis=0) / np.sqrt((a**2).mean(axis=0) * (b**2).mean(axis=0))
    return found
