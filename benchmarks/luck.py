"""How far ranges that are exactly right seem wrong: what luck alone does to a coverage table.

    python benchmarks/luck.py --symbols 4 --sessions 543

A forecaster whose 50, 80, 90 and 95 % ranges are exact is tested again and again, on as many
symbols and sessions as asked for, whose outcomes move together as those of stocks do. Each test
gives a table as `lstmcast evaluate` prints it: the share that each range held, on all days and on
the calm, the middle and the restless third. No forecaster can be expected to do better than this.
"""

import argparse

import numpy as np
from scipy.special import ndtr

COVERAGES = np.array([0.5, 0.8, 0.9, 0.95])
THIRDS = 3


def misses(
    symbols: int, sessions: int, correlation: float, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """How far each range missed in one test: `(4,)` on all days, `(3, 4)` in the thirds."""
    common = draw.standard_normal((sessions, 1))
    own = draw.standard_normal((sessions, symbols))
    outcome = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    held = np.abs(2 * ndtr(outcome) - 1)[..., None] < COVERAGES
    thirds = np.array_split(held, THIRDS)
    return (
        np.abs(held.mean(axis=(0, 1)) - COVERAGES),
        np.abs([part.mean(axis=(0, 1)) - COVERAGES for part in thirds]),
    )


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--symbols", type=int, default=4)
    parser.add_argument("--sessions", type=int, default=543)
    parser.add_argument("--correlation", type=float, default=0.4, help="of two symbols' outcomes")
    parser.add_argument("--tests", type=int, default=4000, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = np.random.default_rng(options.seed)
    drawn = [
        misses(options.symbols, options.sessions, options.correlation, draw)
        for _ in range(options.tests)
    ]
    whole, thirds = (100 * np.array(part) for part in zip(*drawn, strict=True))
    print(f"{options.symbols} symbols, {options.sessions} sessions, {options.tests} tests")
    print(f"\n{'points missed by exact ranges':36}{'50 %':>7}{'80 %':>7}{'90 %':>7}{'95 %':>7}")
    for name, found in (
        ("all days, mean", whole.mean(axis=0)),
        ("all days, one test in twenty", np.quantile(whole, 0.95, axis=0)),
        ("a third of the days, mean", thirds.mean(axis=(0, 1))),
        ("worst third, mean", thirds.max(axis=1).mean(axis=0)),
        ("worst third, one test in twenty", np.quantile(thirds.max(axis=1), 0.95, axis=0)),
    ):
        print(f"  {name:34}" + "".join(f"{value:7.1f}" for value in found))
    near = (whole < 1.5).all(axis=1), (thirds < 3.0).all(axis=(1, 2))
    print("\ntests in which every range is")
    print(f"  {'within 1.5 points on all days':34}{np.mean(near[0]):7.0%}")
    print(f"  {'within 3 points in every third':34}{np.mean(near[1]):7.0%}")
    print(f"  {'both':34}{np.mean(near[0] & near[1]):7.0%}")


if __name__ == "__main__":
    main()
