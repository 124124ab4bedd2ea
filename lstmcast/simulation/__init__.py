"""Simulated markets: daily bars drawn from a wide prior, for a network to learn from.

A network that has learned from these alone has seen no market on any date, so a backtest of it is
clean on every date. `prior` says what is drawn for each market, with the source of each part;
`markets` turns the draws into bars; `facts` measures how far simulated and real series look alike.

Nothing here reads or writes anything.
"""

from lstmcast.simulation.markets import SimulatedBars, simulate
from lstmcast.simulation.prior import PARTS, Markets, Prior

__all__ = ["PARTS", "Markets", "Prior", "SimulatedBars", "simulate"]
