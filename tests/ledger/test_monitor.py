"""The monitor: capital against a plain loop, and no way to stop it at a good moment."""

from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lstmcast.ledger.monitor import ALPHA, BETS, Claim, Outcomes, band, bet_against

DAYS = np.datetime64("2024-01-01", "s") + np.arange(600) * np.timedelta64(1, "D")


def outcomes(inside: list[float] | np.ndarray, horizon: int = 1, markets: int = 1) -> Outcomes:
    """One forecast a day; what is NaN has not come."""
    values = np.asarray(inside, dtype=np.float64)
    known = DAYS[horizon : horizon + len(values)].copy()
    known[np.isnan(values)] = np.datetime64("NaT")
    return Outcomes(DAYS[: len(values)], known, values, horizon, markets)


@pytest.mark.parametrize("bound", [0.7, 0.8, 0.95])
def test_the_capital_is_that_of_a_plain_loop(bound: float) -> None:
    inside = np.random.default_rng(1).random(60) < 0.75
    total = 0.0
    for bet in BETS:
        capital = 1.0
        for x in inside:
            capital *= 1 - bet / (1 - bound) * (float(x) - bound)
        total += capital / len(BETS)
    evidence = bet_against(outcomes(inside.astype(float)), "at least", bound)
    assert evidence.capital[-1, 0] == pytest.approx(total, rel=1e-12)
    # The same of the other claim, told of the outcomes outside.
    other = bet_against(outcomes(1.0 - inside), "at most", 1 - bound)
    np.testing.assert_allclose(other.capital, evidence.capital, rtol=1e-12)


def test_symbols_of_a_day_are_one_bet_on_their_share() -> None:
    random = np.random.default_rng(2)
    inside = (random.random((40, 4)) < 0.6).astype(float)
    origin, known = np.repeat(DAYS[:40], 4), np.repeat(DAYS[1:41], 4)
    order = random.permutation(160)
    several = Outcomes(origin[order], known[order], inside.ravel()[order], 1)
    share = inside.mean(axis=1)
    total = np.mean([np.prod(1 - bet / 0.2 * (share - 0.8)) for bet in BETS])
    assert bet_against(several, "at least", 0.8).capital[-1, 0] == pytest.approx(total, rel=1e-12)


def test_forecasts_that_overlap_are_bet_on_in_turn() -> None:
    """Over three sessions, the first, fourth, seventh ... are one account of three."""
    inside = (np.random.default_rng(3).random(30) < 0.6).astype(float)
    accounts = [
        np.mean([np.prod(1 - bet / 0.2 * (inside[k::3] - 0.8)) for bet in BETS]) for k in range(3)
    ]
    evidence = bet_against(outcomes(inside, horizon=3), "at least", 0.8)
    assert evidence.capital[-1, 0] == pytest.approx(np.mean(accounts), rel=1e-12)


def test_what_has_not_come_true_counts_as_lost_until_it_has() -> None:
    """Of three overlapping forecasts that were missed, only the first has been told."""
    whole = bet_against(outcomes([0.0, 0.0, 0.0], horizon=3), "at least", 0.8).capital[:, 0]
    assert whole[0] < whole[1] < whole[2]
    missed, lost = (1 - BETS / 0.2 * (x - 0.8) for x in (0.0, 1.0))
    assert whole[0] == pytest.approx((missed.mean() + 2 * lost.mean()) / 3)
    waiting = bet_against(outcomes([0.0, np.nan, np.nan], horizon=3), "at least", 0.8)
    assert waiting.capital[-1, 0] == pytest.approx(whole[0])


STEPS = 8


@lru_cache(maxsize=1)
def _paths() -> list[tuple[int, ...]]:
    return list(product((-1, 1), repeat=STEPS))


def best_stopping(horizon: int, bound: float, claim: Claim = "at least") -> float:
    """The most that somebody who sees every step may expect to stop the capital at.

    Steps go up or down with even chances. A range that one step up stays inside has coverage 1/2; a
    range that two steps leave when both go down has 3/4, and the first of them tells half of it.
    By backward induction over the tree of all paths.
    """
    value: dict[tuple[int, ...], float] = {}
    stopped: dict[tuple[int, ...], float] = {}
    for path in _paths():
        sums = np.convolve(path, np.ones(horizon, dtype=int), "valid")
        inside = (sums > (-2 if horizon == 2 else 0)).astype(float)
        capital = bet_against(outcomes(inside, horizon), claim, bound).capital[:, 0]
        for step in range(STEPS + 1):
            known = step - horizon
            # Before the first outcome there is no look, and no capital but the one at the start.
            stopped[path[:step]] = float(capital[known]) if known >= 0 else float(step == 0)
    for step in range(STEPS, -1, -1):
        for path in {one[:step] for one in _paths()}:
            go_on = 0.0 if step == STEPS else (value[(*path, -1)] + value[(*path, 1)]) / 2
            value[path] = max(stopped[path], go_on)
    return value[()]


@pytest.mark.parametrize("horizon", [1, 2])
@pytest.mark.parametrize("claim", ["at least", "at most"])
def test_nobody_can_stop_at_a_good_moment(horizon: int, claim: Claim) -> None:
    """Whatever rule stops the looks, the expected capital is 1 at most, as a true claim has it."""
    assert best_stopping(horizon, {1: 0.5, 2: 0.75}[horizon], claim) <= 1 + 1e-12


def test_a_coverage_below_the_bound_pays() -> None:
    assert best_stopping(1, 0.8) > 1.5


def exact(random: np.random.Generator, days: int, width: float, horizon: int = 1) -> Outcomes:
    """Outcomes of 80 % ranges of a random walk that are `width` times as wide as they should be."""
    steps = np.convolve(random.standard_normal(days + horizon - 1), np.ones(horizon), "valid")
    return outcomes(
        (np.abs(steps / np.sqrt(horizon)) <= width * stats.norm.ppf(0.9)).astype(float), horizon
    )


@pytest.mark.parametrize("horizon", [1, 5])
def test_exact_ranges_seldom_raise_an_alarm_and_narrow_ones_do(horizon: int) -> None:
    """A year of daily looks at each of 40 worlds; `benchmarks/monitor.py` has a thousand."""
    random = np.random.default_rng(4)
    worlds = 40
    false, true = (
        sum(
            bet_against(exact(random, 250, width, horizon), "at least", 0.8).alarm() is not None
            for _ in range(worlds)
        )
        for width in (1.0, 0.6)
    )
    # Nominal is 5 % at most: 7 of 40 would be a chance of 1 in 300.
    assert false <= stats.binom.ppf(0.99, worlds, ALPHA)
    assert true >= 0.9 * worlds


def test_the_alarm_is_the_first_day_with_enough_evidence() -> None:
    evidence = bet_against(outcomes([0.0] * 30), "at least", 0.8)
    first = int(np.argmax(evidence.capital[:, 0] >= 1 / ALPHA))
    assert 0 < first < 29
    assert evidence.alarm() == pd.Timestamp(DAYS[first + 1])
    assert bet_against(outcomes([1.0] * 30), "at least", 0.8).alarm() is None
    # Once raised it stays: later luck takes nothing back.
    later = bet_against(outcomes([0.0] * 10 + [1.0] * 90), "at least", 0.8)
    assert later.alarm() is not None
    assert later.capital[-1, 0] < 1 / ALPHA <= later.largest


def test_the_band_narrows_around_the_coverage() -> None:
    inside = (np.random.default_rng(6).random(500) < 0.8).astype(float)
    found = band(outcomes(inside))
    assert ((found["low"] <= 0.8) & (found["high"] >= 0.8)).all()
    widths = (found["high"] - found["low"]).to_numpy()
    assert widths[0] > 0.9
    assert widths[-1] < 0.2
    # Refuted bounds are those that a bet against them alone refutes.
    for claim, edge, step in (("at least", found["high"].iloc[-1], 0.005),
                              ("at most", found["low"].iloc[-1], -0.005)):  # fmt: skip
        capital = [
            bet_against(outcomes(inside), claim, bound).capital[-1, 0]  # type: ignore[arg-type] # of two
            for bound in (edge, edge + step)
        ]
        assert capital[0] < 2 / ALPHA <= capital[1]


def test_markets_that_close_at_other_times_wait_a_day_longer() -> None:
    """An outcome of today is not known to everybody who forecasts today."""
    inside = (np.random.default_rng(7).random(40) < 0.5).astype(float)
    apart = bet_against(outcomes(inside, markets=2), "at least", 0.8).capital[-1, 0]
    halves = [
        np.mean([np.prod(1 - bet / 0.2 * (inside[k::2] - 0.8)) for bet in BETS]) for k in range(2)
    ]
    assert apart == pytest.approx(np.mean(halves), rel=1e-12)


def test_a_symbol_whose_bars_end_holds_up_its_own_days_only() -> None:
    """Two forecasts a day; one symbol's last outcomes never come, and count as inside."""
    inside = np.zeros((30, 2))
    inside[25:, 1] = np.nan
    known = np.repeat(DAYS[1:31], 2).reshape(30, 2).copy()
    known[25:, 1] = np.datetime64("NaT")
    both = Outcomes(np.repeat(DAYS[:30], 2), known.ravel(), inside.ravel(), 1)
    evidence = bet_against(both, "at least", 0.8)
    assert len(evidence.looks) == 30
    alone = np.mean([np.prod(1 - bet / 0.2 * (np.zeros(25) - 0.8)) for bet in BETS])
    assert evidence.capital[24, 0] == pytest.approx(alone, rel=1e-12)
    assert evidence.largest >= alone
