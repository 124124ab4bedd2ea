"""Kupiec, Christoffersen and Pesaran-Timmermann against independent values."""

import math

import numpy as np
import pytest
from scipy import stats

from lstmcast.evaluation.direction import noise_band, pesaran_timmermann
from lstmcast.evaluation.exceedances import (
    christoffersen_statistic,
    exceedances,
    kupiec_statistic,
)


def hits(days: int, found: int) -> np.ndarray:
    values = np.zeros(days, dtype=bool)
    values[:found] = True
    return values


@pytest.mark.parametrize(("found", "statistic", "p"), [(5, 2.544, 0.111), (7, 6.535, 0.011)])
def test_kupiec_gives_published_output_of_rugarch(found: int, statistic: float, p: float) -> None:
    """224 days at 1 %, as printed by R's rugarch in a published comparison of GARCH models."""
    assert kupiec_statistic(hits(224, found), 0.01) == pytest.approx(statistic, abs=5e-4)
    actual = np.where(hits(224, found), -1.0, 1.0)
    assert exceedances(actual, np.zeros(224), 0.01).kupiec == pytest.approx(p, abs=5e-4)


@pytest.mark.parametrize("found", [0, 3, 25, 500])
def test_kupiec_is_the_ratio_of_binomial_likelihoods(found: int) -> None:
    stated = stats.binom.logpmf(found, 500, 0.05)
    free = stats.binom.logpmf(found, 500, found / 500)
    assert kupiec_statistic(hits(500, found), 0.05) == pytest.approx(
        2 * (free - stated), rel=1e-6, abs=1e-9
    )


def test_christoffersen_is_the_likelihood_of_the_chain_written_out() -> None:
    series = np.random.default_rng(1).random(400) < 0.08
    series[50:56] = True
    moves: dict[tuple[bool, bool], int] = {}
    for a, b in zip(series[:-1].tolist(), series[1:].tolist(), strict=True):
        moves[a, b] = moves.get((a, b), 0) + 1
    one = (moves[False, True] + moves[True, True]) / 399
    rates = {a: moves[a, True] / (moves[a, True] + moves[a, False]) for a in (False, True)}
    log_one = sum(n * math.log(one if b else 1 - one) for (_, b), n in moves.items())
    log_two = sum(n * math.log(rates[a] if b else 1 - rates[a]) for (a, b), n in moves.items())
    assert christoffersen_statistic(series) == pytest.approx(2 * (log_two - log_one), rel=1e-9)


def test_bursts_are_found_and_single_exceedances_are_not_judged() -> None:
    burst = np.where(hits(500, 25), -1.0, 1.0)
    found = exceedances(burst, np.zeros(500), 0.05)
    assert found.kupiec == pytest.approx(1.0)
    assert found.independence < 1e-6
    assert found.conditional < 1e-6
    alone = exceedances(np.where(hits(100, 1), -1.0, 1.0), np.zeros(100), 0.05)
    assert math.isnan(alone.independence)
    assert alone.to_dict()["independence"] is None


def test_size_of_both_tests() -> None:
    """True 5 % quantiles are rejected in about 5 % of 1,000 worlds of 500 days."""
    rejected = np.zeros(2)
    for seed in range(1000):
        actual = np.random.default_rng(seed).normal(size=500)
        found = exceedances(actual, np.full(500, stats.norm.ppf(0.05)), 0.05)
        rejected += [found.kupiec < 0.05, found.independence < 0.05]
    assert rejected[0] / 1000 == pytest.approx(0.05, abs=0.025)
    assert rejected[1] / 1000 < 0.12


def test_pesaran_timmermann_by_hand() -> None:
    """Ten days: 7 rises, 6 said to rise, 5 of them right; two falls right."""
    actual = np.array([1, 1, 1, 1, 1, 1, 1, -1, -1, -1.0])
    forecast = np.array([1, 1, 1, 1, 1, -1, -1, 1, -1, -1.0])
    found = pesaran_timmermann(actual, forecast)
    p, py, px, n = 0.7, 0.7, 0.6, 10
    star = py * px + (1 - py) * (1 - px)
    v = star * (1 - star) / n
    w = (0.4**2 * px * 0.4 + 0.2**2 * py * 0.3) / n + 4 * py * px * 0.3 * 0.4 / n**2
    assert found.hit_rate == pytest.approx(p)
    assert found.expected == pytest.approx(star)
    assert found.statistic == pytest.approx((p - star) / math.sqrt(v - w), rel=1e-9)
    assert found.p_value == pytest.approx(stats.norm.sf(found.statistic), rel=1e-9)


def test_direction_size_and_power() -> None:
    """Signs without knowledge are rejected in about 5 % of worlds, 56 % hits nearly always."""
    rejected = np.zeros(2)
    for seed in range(400):
        generator = np.random.default_rng(seed)
        up = generator.random(1000) < 0.53
        blind = generator.random(1000) < 0.6
        knows = np.where(generator.random(1000) < 0.12, up, blind)
        for k, said in enumerate((blind, knows)):
            test = pesaran_timmermann(np.where(up, 1.0, -1.0), np.where(said, 1.0, -1.0))
            rejected[k] += test.p_value < 0.05
    assert rejected[0] / 400 == pytest.approx(0.05, abs=0.035)
    assert rejected[1] / 400 > 0.9


def test_a_forecast_that_always_says_up_is_not_tested() -> None:
    found = pesaran_timmermann(np.array([1.0, -1.0, 1.0]), np.ones(3))
    assert found.hit_rate == pytest.approx(2 / 3)
    assert math.isnan(found.p_value)
    assert pesaran_timmermann(np.zeros(3), np.ones(3)).days == 0


def test_noise_band_is_that_of_a_coin() -> None:
    assert noise_band(252) == pytest.approx(0.062, abs=5e-4)
    assert noise_band(1000) == pytest.approx(0.031, abs=5e-4)
