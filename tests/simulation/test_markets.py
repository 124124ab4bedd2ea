"""Simulated bars: from a seed, possible, and drawn from the distribution that the module states."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from support.worlds import (
    PRICES,
    Values,
    World,
    correlations,
    in_errors,
    lacking,
    only,
    world,
)

from lstmcast.prices.history import PriceHistory
from lstmcast.simulation import PARTS, Markets, Prior, simulate
from lstmcast.simulation.markets import BURN_IN, MOST_SHOCK, _filtered, _Noise, _student_t
from lstmcast.simulation.prior import COMPONENTS

MOST = 4.0
"""Standard errors."""

BY_CHANCE = 2 * stats.norm.sf(MOST)
"""How often a right p-value is below this."""

BARS = (*PRICES, "volume", "volatility", "again")


def drawn(n: int = 16, seed: int = 2, **constants: float) -> tuple[Markets, torch.Generator]:
    """Markets of the prior with some constants set to one value, and the generator."""
    generator = torch.Generator().manual_seed(seed)
    markets = Prior().draw(n, generator)
    values = {
        name: torch.full_like(getattr(markets, name), value) for name, value in constants.items()
    }
    return replace(markets, **values), generator  # type: ignore[arg-type] # of `group`


def test_a_seed_gives_the_same_bars_and_another_one_others() -> None:
    def bars(seed: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return vars(simulate(Prior().draw(16, generator), 50, generator, draws=2))

    first, again, other = bars(7), bars(7), bars(8)
    assert set(first) == set(BARS)
    for name in BARS:
        assert torch.equal(first[name], again[name]), name
        assert not torch.equal(first[name], other[name]), name


def test_shapes_follow_what_was_asked_for() -> None:
    markets, generator = drawn()
    bars = simulate(markets, 40, generator, draws=3)
    assert {name: tuple(getattr(bars, name).shape) for name in BARS} == {
        **dict.fromkeys(BARS, (40, 16)),
        "again": (40, 16, 3),
    }
    assert simulate(markets, 40, generator).again.shape == (40, 16, 0)
    assert {getattr(bars, name).dtype for name in BARS} == {torch.float32}


def test_nothing_is_made_on_another_device_than_the_generators() -> None:
    """On a default device without numbers, a tensor made there by mistake would fail or spread."""
    with torch.device("meta"):
        generator = torch.Generator("cpu").manual_seed(2)
        for without in (frozenset[str](), frozenset({"scales", "tails", "range"})):
            markets = Prior(without).draw(16, generator)
            bars = simulate(markets, 30, generator, draws=2)
            made = (*vars(markets).values(), *vars(bars).values())
            devices = {value.device.type for value in made if isinstance(value, torch.Tensor)}
            assert devices == {"cpu"}


def test_bars_are_possible() -> None:
    found = lacking()
    open_, high, low, close = (found.numbers(name) for name in PRICES)
    volume = found.numbers("volume")
    assert all(np.isfinite(each).all() for each in (open_, high, low, close, volume))
    assert (low > 0).all()
    assert (high >= np.maximum(open_, close)).all()
    assert (low <= np.minimum(open_, close)).all()
    assert (volume > 0).all()
    assert np.abs(np.log(close[0] / 100)).max() < 1


def test_a_history_takes_the_bars_as_they_are() -> None:
    found = lacking()
    wildest = np.argsort(found.constants("level"))[[0, 1, 48, -2, -1]]
    coarsest = np.argsort(found.constants("tick"))[-3:]
    for market in (*wildest, *coarsest):
        frame = found.frame(int(market))
        history = PriceHistory.from_frame(frame, symbol="SIM", source="csv")
        assert len(history) == len(frame)
        assert history.adjusted()[[*PRICES, "volume"]].equals(frame)


def test_prices_are_whole_ticks() -> None:
    markets, generator = drawn(tick=0.004)
    bars = simulate(markets, 200, generator)
    for name in PRICES:
        steps = getattr(bars, name) / 0.4
        assert torch.allclose(steps, steps.round(), atol=1e-3)
        assert steps.min() > 0.9


def test_returns_over_volatility_have_unit_variance() -> None:
    """Without jumps and news; of markets whose tails let a variance be measured."""
    found = only("scales", "feedback", "activity", "leverage", "tails", "overnight", "regimes")
    thin = (found.constants("df") > 8) & (found.constants("day") < 0.5)
    assert thin.sum() > 20
    assert abs(in_errors((found.shocks() ** 2).mean(axis=0)[thin], 1.0)) < MOST
    assert abs(in_errors(found.shocks().mean(axis=0))) < MOST


def ranks(among: Values, came: Values) -> Values:
    """How many further draws lie below what came."""
    counts: Values = (among < came[..., None]).sum(axis=-1)
    return counts


def test_further_draws_are_of_the_distribution_that_the_return_was_drawn_from() -> None:
    """Then its rank among them is uniform: on all sessions, and on those of reports."""
    draws = 9
    found = world(frozenset({"ticks"}), draws=draws)
    came, again = found.returns(), found.bars.again.double().numpy()[1:]
    news = found.constants("news_size")
    sessions = BURN_IN + np.arange(1, len(came) + 1)[:, None]
    near = np.abs((sessions + found.constants("news_phase")) % 63 - 31) <= 2
    wild = found.numbers("volatility")[1:] > np.median(found.numbers("volatility"), axis=0)
    for rows in (np.ones_like(near), near & (news > 2), wild, ~wild):
        counts = np.bincount(ranks(again[rows], came[rows]), minlength=draws + 1)
        assert stats.chisquare(counts).pvalue > BY_CHANCE
        # Ranks of sizes see widths, which ranks of returns hardly do.
        sizes = np.bincount(ranks(np.abs(again[rows]), np.abs(came[rows])), minlength=draws + 1)
        assert stats.chisquare(sizes).pvalue > BY_CHANCE
    variance = again.var(axis=(0, 2)) / came.var(axis=0)
    assert abs(in_errors(np.log(variance))) < MOST


def test_further_draws_come_in_ticks_too() -> None:
    markets, generator = drawn(n=64, tick=0.01)
    bars = simulate(markets, 300, generator, draws=4)
    close = bars.close.double().numpy()
    came = 100 * np.diff(np.log(close), axis=0)
    again = bars.again.double().numpy()[1:]
    same = (np.abs(again) < 1e-5).mean(axis=(0, 2)) - (came == 0).mean(axis=0)
    assert (came == 0).mean() > 0.05
    assert abs(in_errors(same.reshape(8, 8).mean(axis=1))) < MOST
    steps = close[:-1, :, None] * np.exp(again / 100)
    assert np.abs(steps - steps.round()).max() < 1e-3 * steps.max()


@pytest.mark.parametrize("df", [3.6, 6.0, 40.0])
def test_student_t_numbers_are_those_of_scipy(df: float) -> None:
    markets, generator = drawn(df=df)
    noise = _Noise(markets, 2000, generator)
    numbers = _student_t(noise, markets.df).double().numpy().ravel() * np.sqrt(df / (df - 2))
    assert stats.kstest(numbers, "t", args=(df,)).pvalue > BY_CHANCE
    # Tails, where the Kolmogorov-Smirnov test sees little.
    for level in (1e-3, 1e-2):
        beyond = (np.abs(numbers) > stats.t.isf(level / 2, df)).mean()
        assert beyond == pytest.approx(level, abs=MOST * np.sqrt(level / len(numbers)))


def test_a_filter_is_the_plain_loop() -> None:
    generator = torch.Generator().manual_seed(4)
    values, share = torch.randn((50, 3), generator=generator), torch.tensor([-0.5, 0.0, 0.9])
    expected = np.zeros((50, 3))
    for k in range(3):
        y = 0.0
        for t in range(50):
            y = float(values[t, k]) + float(share[k]) * y
            expected[t, k] = y
    np.testing.assert_allclose(_filtered(values, share).numpy(), expected, atol=1e-5)


def one_component(k: int, **constants: float) -> tuple[Values, Values, World]:
    """A bare market whose log volatility is one component: its path, its shocks, and the rest."""
    generator = torch.Generator().manual_seed(2)
    markets = Prior(frozenset(PARTS)).draw(256, generator)
    deviation = torch.zeros((COMPONENTS, 256))
    deviation[k] = torch.linspace(0.2, 0.6, 256)
    persistence = markets.persistence.clone()
    persistence[k] = torch.linspace(0.5, 0.99, 256)
    values = {
        name: torch.full_like(getattr(markets, name), value) for name, value in constants.items()
    }
    values |= {"deviation": deviation, "persistence": persistence}
    markets = replace(markets, group=1, **values)
    found = World(markets, simulate(markets, 120, generator))
    half_variance = deviation[k].double().numpy() ** 2 / 2
    path = found.log_volatility() - found.constants("level") + half_variance
    return path, found.shocks(), found


@pytest.mark.parametrize("k", range(COMPONENTS))
def test_a_component_keeps_its_deviation_and_falls_back_by_its_persistence(k: int) -> None:
    path, _, found = one_component(k, size=0.0, sign=0.0, own=1.0)
    deviation, persistence = (found.constants(name)[k] for name in ("deviation", "persistence"))
    assert stats.kstest(path[-1] / deviation, "norm").pvalue > BY_CHANCE
    innovation = (path[1:] - persistence * path[:-1]) / (deviation * np.sqrt(1 - persistence**2))
    assert stats.kstest(innovation[::10].ravel(), "norm").pvalue > BY_CHANCE
    assert abs(in_errors((innovation * path[:-1]).mean(axis=0))) < MOST


def test_a_component_without_innovations_decays() -> None:
    path, _, found = one_component(3, size=0.0, sign=0.0, own=0.0)
    persistence = found.constants("persistence")[3]
    np.testing.assert_allclose(path[1:], persistence * path[:-1], atol=1e-5)


@pytest.mark.parametrize("curve", [0.4, 1.0, 1.7])
def test_a_component_takes_up_size_and_sign_of_the_move(curve: float) -> None:
    """Innovations are exactly a sum of the two, whose loadings are those that were set."""
    path, shocks, found = one_component(2, size=0.7, sign=-0.3, own=0.0, curve=curve)
    deviation, persistence = (found.constants(name)[2] for name in ("deviation", "persistence"))
    innovation = (path[1:] - persistence * path[:-1]) / (deviation * np.sqrt(1 - persistence**2))
    answer, shocks = innovation[2:], shocks[:-1]
    size = (np.minimum(np.abs(shocks), MOST_SHOCK) + 0.1) ** curve
    loadings = []
    # A sign beyond four is cut off.
    for k in np.flatnonzero(np.abs(shocks).max(axis=0) < 3.5):
        terms = np.stack([np.ones(len(shocks)), size[:, k], shocks[:, k]], axis=1)
        found_loadings, *_ = np.linalg.lstsq(terms, answer[:, k], rcond=None)
        np.testing.assert_allclose(terms @ found_loadings, answer[:, k], atol=5e-3)
        loadings.append(found_loadings[1:] * terms[:, 1:].std(axis=0))
    # Standardised over the burn-in as well, so equal but for sampling.
    np.testing.assert_allclose(np.mean(loadings, axis=0), [0.7, -0.3], rtol=0.03)


def test_a_component_takes_up_the_activity_that_volume_shows() -> None:
    path, _, found = one_component(
        2,
        size=0.7,
        sign=0.0,
        own=0.0,
        day=0.4,
        of_activity=1.0,
        volume_slope=5.0,
        volume_noise=0.0,
    )
    deviation, persistence = (found.constants(name)[2] for name in ("deviation", "persistence"))
    innovation = (path[1:] - persistence * path[:-1]) / (deviation * np.sqrt(1 - persistence**2))
    today = found.log_volatility() - found.constants("level")
    activity = (np.log(found.numbers("volume")) - 15) / 5 - today
    assert correlations(innovation, activity[:-1]).min() > 0.99
    assert innovation.std(axis=0).mean() == pytest.approx(0.7, rel=0.03)


def test_returns_have_the_autocorrelation_that_was_drawn() -> None:
    _, _, found = one_component(1, autocorrelation=0.6, drift=0.0)
    returns = found.returns() / found.numbers("volatility")[1:].mean(axis=0)
    share = (returns[1:] * returns[:-1]).sum(axis=0) / (returns[:-1] ** 2).sum(axis=0)
    assert share.mean() == pytest.approx(0.6, abs=0.03)  # the sample's bias is -(1 + 0.6 * 3) / 118
