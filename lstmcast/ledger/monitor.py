"""Monitoring coverage with a test that stays valid however often one looks at it.

A test that is right when it is read once finds a fault sooner or later in ranges that are exactly
right, if it is read every day. Here capital is bet against the claim "the coverage is at least m":
each day's share x of outcomes inside their range multiplies it by

    1 - b (x - m),    0 < b < 1 / (1 - m),

whose expectation is at most 1 where the claim holds, whatever came before. By Ville's inequality
such capital, beginning at 1, ever reaches 1 / alpha with probability alpha at most, so it may be
looked at daily and for ever. `BETS` are tried side by side and their capital is averaged, which
needs no tuning. The claim "at most m" is the same of the share outside.

Two dependences are met.

*Symbols of one day.* They move together, so a day is one bet: on the share of its outcomes that are
inside, a number between 0 and 1, whatever the outcomes have in common.

*Overlapping horizons.* The outcome of a forecast over h sessions is known only after the next h - 1
were issued. So the capital is divided among h accounts, and each bets on forecasts that begin when
the outcome of its last bet is known; the mean of such capitals has the same bound, whatever their
dependence. A bet whose outcome is not known yet may look lost or won already; counted as it was
when it was made, one could stop at a good moment. So as long as it is open it is counted as lost:
capital is never overstated, and the bound holds for looks on any day.

Source: Waudby-Smith and Ramdas (2024), Estimating means of bounded random variables by betting,
JRSS B 86(1); Ville (1939), Etude critique de la notion de collectif; averages of e-values: Vovk and
Wang (2021), E-values: calibration, combination and applications, Annals of Statistics 49(3);
forecasts with a lag: Arnold, Henzi and Ziegel (2023), Sequentially valid tests for forecast
calibration, Annals of Applied Statistics 17(3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.distributions import FloatArray

Claim = Literal["at least", "at most"]

BETS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.55])
"""Shares of an account that a bet can lose; the larger ones find large faults sooner."""

ALPHA = 0.05
"""Probability of ever raising a false alarm, at most."""

_ENOUGH = 600.0
"""Log of a capital that nothing needs to be told apart from more."""

_GRID = np.linspace(0.005, 0.995, 199)
"""Coverages that a band is made of."""


@dataclass(frozen=True)
class Outcomes:
    """Forecasts of one horizon and range, by the session that they were made on.

    Args:
        origin: `(forecasts,)` sessions, in any order.
        known: `(forecasts,)` the session when the outcome came; NaT where it has not.
        inside: `(forecasts,)` 1 or 0; NaN where the outcome has not come.
        horizon: sessions ahead.
        markets: how many markets the symbols close with; where there are several, an outcome of a
            session is not known to every forecast of the same date.
    """

    origin: NDArray[np.datetime64]
    known: NDArray[np.datetime64]
    inside: FloatArray
    horizon: int
    markets: int = 1

    @property
    def looks(self) -> NDArray[np.datetime64]:
        """The days on which an outcome came."""
        return np.unique(self.known[~np.isnat(self.known)])


@dataclass(frozen=True)
class _Day:
    """Forecasts made on one session; `settled` is when all outcomes have come, NaT if not yet."""

    origin: np.datetime64
    known: NDArray[np.datetime64]
    inside: FloatArray
    settled: np.datetime64

    def share(self, look: np.datetime64, pending: float) -> float:
        """Share inside at a look, with what has not come by then taken as `pending`."""
        values = np.where(self.known <= look, self.inside, pending)
        # As `mean` does, which takes longer than all else here for the few values of a day.
        return float(np.add.reduce(values) / len(values))


@dataclass(frozen=True)
class CapitalProcess:
    """What speaks against a claim.

    Args:
        looks: `(looks,)` the days on which an outcome came.
        capital: `(looks, claims)` on each of them: what a bet of 1 has become.
    """

    looks: NDArray[np.datetime64]
    capital: FloatArray

    @property
    def largest(self) -> float:
        """Of the first claim, on its best day: what is held against 1 / alpha."""
        return float(self.capital[:, 0].max(initial=1.0))

    def alarm(self, alpha: float = ALPHA) -> pd.Timestamp | None:
        """The first day on which the first claim was refuted; None if it never was."""
        above = np.flatnonzero(self.capital[:, 0] >= 1 / alpha)
        return pd.Timestamp(self.looks[above[0]]) if len(above) else None


def bet_against(outcomes: Outcomes, claim: Claim, bound: float | FloatArray) -> CapitalProcess:
    """Bet against "the coverage is at least (or at most) `bound`", on every day that told anything.

    Args:
        outcomes: of the forecasts.
        claim: which of the two.
        bound: between 0 and 1; several are bet against separately, each with a capital of 1.
    """
    claims = np.atleast_1d(np.asarray(bound, dtype=np.float64))
    if claim == "at most":
        turned = Outcomes(
            outcomes.origin, outcomes.known, 1 - outcomes.inside, outcomes.horizon, outcomes.markets
        )
        return bet_against(turned, "at least", 1 - claims)
    # Losing all that a bet can lose takes a share of 1: the stake is in units of that.
    stakes = BETS[:, None] / (1 - claims)
    held = [_Account(days, claims, stakes) for days in _accounts(outcomes)]
    looks = outcomes.looks
    capital = np.empty((len(looks), len(claims)))
    for number, look in enumerate(looks):
        total = np.zeros(stakes.shape)
        for account in held:
            total += account.capital(look)
        capital[number] = np.add.reduce(total) / len(total) / len(held)
    return CapitalProcess(looks, capital)


class _Account:
    """Capital that is bet on one day after the other.

    Few shares occur, and most looks find an account as the one before did: what follows from a
    share, and the capital, are computed when they change.

    Args:
        days: what is bet on, in turn.
        claims: `(claims,)`.
        stakes: `(bets, claims)`.
    """

    def __init__(self, days: Sequence[_Day], claims: FloatArray, stakes: FloatArray) -> None:
        self._days, self._claims, self._stakes = days, claims, stakes
        self._turn = 0
        self._settled = np.zeros(stakes.shape)
        self._gains: dict[float, FloatArray] = {}
        self._open: float | None = None
        self._capital = np.ones(stakes.shape)

    def capital(self, look: np.datetime64) -> FloatArray:
        """`(bets, claims)` at a look that is no earlier than the one before."""
        days, before = self._days, self._turn
        while self._turn < len(days) and days[self._turn].settled <= look:
            self._settled += self._gain(days[self._turn].share(look, 1.0))
            self._turn += 1
        begun = self._turn < len(days) and days[self._turn].origin < look
        share = days[self._turn].share(look, 1.0) if begun else None
        if self._turn != before or share != self._open:
            self._open = share
            log_capital = self._settled if share is None else self._settled + self._gain(share)
            self._capital = np.exp(np.minimum(log_capital, _ENOUGH))
        return self._capital

    def _gain(self, share: float) -> FloatArray:
        """Log of what a share multiplies the capital by."""
        if share not in self._gains:
            self._gains[share] = np.log1p(-self._stakes * (share - self._claims))
        return self._gains[share]


def band(outcomes: Outcomes, alpha: float = ALPHA) -> pd.DataFrame:
    """The coverages that the outcomes do not refute, on every day that told anything.

    It holds the coverage of ranges whose coverage does not change on all days at once, with
    probability 1 - `alpha` at least: a confidence sequence.

    Returns:
        By day, `low` and `high`.
    """
    bound = 2 / alpha
    below = bet_against(outcomes, "at least", _GRID).capital < bound
    above = bet_against(outcomes, "at most", _GRID).capital < bound
    return pd.DataFrame(
        {
            "low": np.where(above.any(axis=1), _GRID[above.argmax(axis=1)], 1.0),
            "high": np.where(
                below.any(axis=1), _GRID[len(_GRID) - 1 - below[:, ::-1].argmax(axis=1)], 0.0
            ),
        },
        index=pd.DatetimeIndex(outcomes.looks, name="date"),
    )


def _accounts(outcomes: Outcomes) -> list[list[_Day]]:
    """The days that each account bets on, in turn.

    How many accounts there are is known beforehand; a day that finds all of them waiting for an
    outcome is not bet on.
    """
    apart = outcomes.markets > 1
    accounts: list[list[_Day]] = [[] for _ in range(outcomes.horizon + apart)]
    for day in _days(outcomes):
        for days in accounts:
            free = not days or (
                days[-1].settled < day.origin if apart else days[-1].settled <= day.origin
            )
            if free:
                days.append(day)
                break
    return accounts


def _days(outcomes: Outcomes) -> Sequence[_Day]:
    order = np.argsort(outcomes.origin, kind="stable")
    origin, known, inside = outcomes.origin[order], outcomes.known[order], outcomes.inside[order]
    cuts = [0, *(np.flatnonzero(origin[1:] != origin[:-1]) + 1), len(origin)]
    return [
        _Day(origin[start], known[start:end], inside[start:end], known[start:end].max())
        for start, end in pairwise(cuts)
        if end > start
    ]
