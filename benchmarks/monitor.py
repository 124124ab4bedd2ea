"""How the coverage monitor does: false alarms on exact ranges, days to alarm on narrow ones.

    python benchmarks/monitor.py
    python benchmarks/monitor.py --worlds 200      quicker

Each world is a random walk for each symbol, its symbols correlated by a common factor, forecast
every day with 80 % ranges that are exactly right, or 30 % too narrow. It is looked at every day, as
`lstmcast track score --fail-if` does. Exact ranges are watched for a year of 250 sessions; nominal
is a share of 5 % of worlds that ever raise an alarm. Narrow ones are watched for two years.
"""

import argparse
import statistics

import numpy as np
import pandas as pd
from scipy import stats

from lstmcast.ledger.monitor import ALPHA, Outcomes, bet_against

YEAR = 250
NARROW = 0.7
CORRELATION = 0.4
CASES = ((1, 1), (10, 1), (1, 5))
"""Symbols, and sessions ahead."""

LIMITS = (0.8, 0.75)
FIRST = np.datetime64("2020-01-01", "s")


def world(
    random: np.random.Generator, days: int, symbols: int, horizon: int, width: float
) -> Outcomes:
    """Outcomes of ranges that are `width` times as wide as 80 % ranges."""
    rows = days + horizon - 1
    steps = np.sqrt(CORRELATION) * random.standard_normal((rows, 1))
    steps = steps + np.sqrt(1 - CORRELATION) * random.standard_normal((rows, symbols))
    total = np.cumsum(np.vstack([np.zeros((1, symbols)), steps]), axis=0)
    moved = (total[horizon:] - total[:-horizon]) / np.sqrt(horizon)
    inside = np.abs(moved) <= width * stats.norm.ppf(0.9)
    calendar = FIRST + np.arange(days + horizon) * np.timedelta64(1, "D")
    return Outcomes(
        np.repeat(calendar[:days], symbols),
        np.repeat(calendar[horizon:], symbols),
        inside.ravel().astype(float),
        horizon,
    )


def alarms(worlds: int, days: int, case: tuple[int, int], width: float, limit: float) -> list[int]:
    """The session of each world's alarm; 0 where there was none."""
    random = np.random.default_rng(1)
    found = []
    for _ in range(worlds):
        alarm = bet_against(world(random, days, *case, width), "at least", limit).alarm()
        found.append(0 if alarm is None else (alarm - pd.Timestamp(FIRST)).days)
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--worlds", type=int, default=1000, help="of exact ranges")
    parser.add_argument("--narrow", type=int, default=200, help="worlds of narrow ranges")
    options = parser.parse_args()
    print(f"nominal: {ALPHA:.1%} of worlds at most ever raise a false alarm")
    print("symbols  ahead  condition          false alarms   alarm of narrow ranges, sessions")
    for case in CASES:
        for limit in LIMITS:
            false = sum(map(bool, alarms(options.worlds, YEAR, case, 1.0, limit)))
            true = alarms(options.narrow, 2 * YEAR, case, NARROW, limit)
            late = [session or 10**6 for session in true]
            shown = [statistics.median(late), float(np.quantile(late, 0.9))]
            words = ["never" if one > 2 * YEAR + 10 else f"{one:.0f}" for one in shown]
            print(
                f"{case[0]:7}{case[1]:7}  coverage_80<{limit:<8}{false / options.worlds:12.1%}"
                f"       half by {words[0]}, nine tenths by {words[1]}, "
                f"{np.mean([bool(x) for x in true]):.0%} in two years",
                flush=True,
            )


if __name__ == "__main__":
    main()
