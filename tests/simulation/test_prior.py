"""Each part of the prior makes the fact that its line names, and without it the fact is gone.

Means over 64 independent markets; "gone" is within four standard errors of what the rest makes,
"there" is beyond four. Where other parts would hide a fact, all of them are left out.
"""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from blocks import ROOT
from scipy import stats
from support.worlds import (
    SESSIONS,
    Values,
    World,
    correlations,
    fact,
    in_errors,
    lacking,
    only,
    world,
)

from lstmcast.simulation import PARTS, Prior, prior
from lstmcast.simulation.facts import autocorrelations, measure_neighbours
from lstmcast.simulation.markets import BURN_IN, _Noise, _reports, _shifts
from lstmcast.simulation.prior import NEWS_CYCLE

MOST = 4.0
"""Standard errors."""

BY_CHANCE = stats.norm.sf(MOST)

HAS = {"tails": ("day", 0.0), "jumps": ("jump_chance", 0.002), "news": ("news_size", 1.0)}
"""The constant that is zero for markets without the part, which not all have, and how much of it
shows in a short history."""


def draw(*without: str, n: int = 256, group: int = 8) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return vars(Prior(frozenset(without)).draw(n, generator, group))


def memory(found: World, lag: int) -> Values:
    """Autocorrelation of the state's log volatility."""
    table = found.tables()["close"] * 0 + found.log_volatility()
    return autocorrelations(table, (lag,))[lag].to_numpy(dtype=np.float64)


def test_scales_make_volatility_remember_for_a_quarter() -> None:
    """One component of the middle forgets within weeks; the rest is the sample mean's bias, < 0."""
    assert in_errors(memory(only(), 66)) < MOST
    assert in_errors(memory(only("scales"), 66)) > MOST


def test_feedback_raises_volatility_after_a_large_move() -> None:
    def answer(found: World) -> Values:
        change = np.diff(found.log_volatility(), axis=0)[2:]
        return correlations(np.abs(found.shocks()[:-1]), change)

    assert abs(in_errors(answer(lacking("feedback", "ticks")))) < MOST
    assert in_errors(answer(lacking("ticks"))) > 2 * MOST


def test_activity_shows_in_the_range_and_moves_volatility_beyond_the_close() -> None:
    """What is left of range and answer once any smooth function of the move is taken away."""

    def answer(found: World) -> Values:
        change = np.diff(found.log_volatility(), axis=0)[2:]
        width = np.log(found.numbers("high") / found.numbers("low"))[2:-1]
        beyond = np.log(width / found.numbers("volatility")[2:-1])
        move = np.log(np.abs(found.shocks()[:-1]).clip(max=6) + 0.1)
        left = []
        for k in range(move.shape[1]):
            powers = np.vander(move[:, k], 6)
            both = np.stack([change[:, k], beyond[:, k]], axis=1)
            both -= powers @ np.linalg.lstsq(powers, both, rcond=None)[0]
            left.append(correlations(both[:, :1], both[:, 1:])[0])
        return np.array(left)

    others = ("scales", "feedback", "tails", "overnight", "range")
    assert abs(in_errors(answer(only(*others)))) < MOST
    assert in_errors(answer(only("activity", *others))) > 2 * MOST


@pytest.mark.parametrize("name", ["leverage", "range_leverage"])
def test_leverage_raises_volatility_after_a_fall(name: str) -> None:
    assert abs(in_errors(fact(lacking("leverage"), name))) < MOST
    assert in_errors(fact(only("leverage"), name)) < -MOST


@pytest.mark.parametrize("part", ["tails", "jumps", "news"])
def test_tails_jumps_and_news_fatten_the_tails_given_volatility(part: str) -> None:
    """Without them returns are nearly normal: 50 degrees of freedom for a fifth of the variance."""

    def kurtosis(found: World) -> Values:
        """Its log over the normal 3, which single markets do not decide."""
        shocks = found.shocks()
        centred = shocks - shocks.mean(axis=0)
        over: Values = (centred**4).mean(axis=0) / (centred**2).mean(axis=0) ** 2 / 3
        return np.log(over)

    assert abs(in_errors(kurtosis(only()))) < MOST
    drawn = only(part)
    constant, least = HAS[part]
    fat = kurtosis(drawn)[drawn.constants(constant) > least]
    # By ranks: a single jump may be most of a market's kurtosis.
    assert stats.mannwhitneyu(fat, kurtosis(only()), alternative="greater").pvalue < BY_CHANCE


def test_news_comes_every_quarter() -> None:
    """Forty reports: in six hundred sessions, ten, one sees little."""
    found = world(frozenset(PARTS) - {"news"}, sessions=2500)
    quarter, reporting = fact(found, "quarter"), found.constants("news_size") > 2
    assert abs(in_errors(quarter[found.constants("news_size") == 0])) < MOST
    assert in_errors(quarter[reporting]) > MOST


def test_news_moves_the_opening_price_around_the_same_session_of_the_cycle() -> None:
    found = only("news")
    night = np.abs(np.log(found.numbers("open")[1:] / found.numbers("close")[:-1]))
    night /= found.numbers("volatility")[1:]
    news = found.constants("news_size")
    sessions = BURN_IN + np.arange(1, len(night) + 1)[:, None]
    near = np.abs((sessions + found.constants("news_phase")) % NEWS_CYCLE - NEWS_CYCLE // 2) <= 2
    share = [night[near[:, k], k].mean() / night[~near[:, k], k].mean() for k in range(len(news))]
    # One of five sessions has the report: the mean grows by a fifth of the size.
    expected = np.where(news > 0, 1 + news / 5, 1.0)
    ratio = np.array(share) / expected
    assert abs(in_errors(ratio[news > 0], 1.0)) < MOST
    assert abs(in_errors(ratio[news == 0], 1.0)) < MOST


def test_reports_do_not_come_in_a_pattern() -> None:
    """Where in the cycle a report comes says nothing of where the next one will."""
    generator = torch.Generator().manual_seed(5)
    markets = Prior().draw(256, generator)
    report = _reports(markets, NEWS_CYCLE * 40, generator)
    days = [
        ((torch.nonzero(report[:, k])[:, 0] + markets.news_phase[k]) % NEWS_CYCLE).numpy()
        for k in torch.nonzero(markets.news_size > 0)[:, 0]
    ]
    assert not report[:, markets.news_size == 0].any()
    assert {len(each) for each in days} <= {39, 40, 41}
    assert set(np.concatenate(days)) == {30, 31, 32}
    pairs = np.concatenate([np.stack([each[:-1], each[1:]]) for each in days], axis=1)
    assert abs(np.corrcoef(pairs)[0, 1]) < MOST / np.sqrt(pairs.shape[1])


def test_overnight_share_differs_between_markets_and_is_a_fifth_without() -> None:
    assert abs(in_errors(fact(only(), "overnight"), 0.2)) < MOST
    share = fact(only("overnight"), "overnight")
    assert share.std() > 0.1
    assert np.corrcoef(share, only("overnight").constants("overnight"))[0, 1] > 0.95


def test_overnight_share_varies_from_day_to_day() -> None:
    """Normal gaps have a kurtosis of 3 given the volatility; a share that varies fattens them."""

    def gaps(found: World) -> Values:
        night = np.log(found.numbers("open")[1:] / found.numbers("close")[:-1])
        night /= found.numbers("volatility")[1:]
        values: Values = (night**4).mean(axis=0) / (night**2).mean(axis=0) ** 2
        return values

    # Student-t of 50 degrees of freedom: 3 + 6 / 46.
    assert abs(in_errors(gaps(only()), 3 + 6 / 46)) < MOST
    assert in_errors(gaps(only("overnight")), 3 + 6 / 46) > MOST


def test_regimes_shift_the_level_for_long() -> None:
    generator = torch.Generator().manual_seed(5)
    drawn = Prior().draw(256, generator)
    often = replace(
        drawn, shift_chance=torch.full((256,), 0.01), shift_size=torch.full((256,), 0.3)
    )
    level = _shifts(often, _Noise(often, 2000, generator)).double().numpy()
    changes = (np.diff(level, axis=0) != 0).sum(axis=0)
    assert abs(in_errors(changes, 0.01 * 1999)) < MOST
    assert level[-1].std() == pytest.approx(0.3, rel=MOST / np.sqrt(2 * 256))
    never = replace(drawn, shift_chance=torch.zeros(256))
    assert not _shifts(never, _Noise(never, 2000, generator)).any()


def test_regimes_reach_the_volatility() -> None:
    """All else is drawn alike, so what differs are levels that last."""
    shifting = only("regimes")
    level = shifting.log_volatility() - only().log_volatility()
    changes = (np.abs(np.diff(level, axis=0)) > 1e-4).sum(axis=0)
    expected = (SESSIONS - 1) * shifting.constants("shift_chance")
    assert abs(changes.sum() - expected.sum()) < MOST * np.sqrt(expected.sum())
    assert changes[expected == 0].max() == 0


def test_range_is_that_of_a_brownian_path_without_its_bias() -> None:
    """The mean range of a Brownian path is sqrt(8 / pi) standard deviations (Feller 1951)."""

    def mean_range(found: World) -> Values:
        width = 100 * np.log(found.numbers("high") / found.numbers("low"))
        values: Values = (width / found.numbers("volatility") / np.sqrt(0.8)).mean(axis=0)
        return values

    assert abs(in_errors(mean_range(only()), np.sqrt(8 / np.pi))) < MOST
    assert in_errors(mean_range(only("range")), np.sqrt(8 / np.pi)) < -2 * MOST
    bias = only("range").constants("range_bias")
    assert np.corrcoef(mean_range(only("range")), bias)[0, 1] > 0.9


def test_volume_moves_with_the_session() -> None:
    assert abs(in_errors(fact(lacking("volume"), "volume"))) < MOST
    assert in_errors(fact(lacking(), "volume")) > 2 * MOST


def test_volume_tells_a_little_of_tomorrow() -> None:
    def tells(found: World) -> Values:
        change = np.diff(found.log_volatility(), axis=0)
        return correlations(np.log(found.numbers("volume"))[:-1], change)

    # Today's volatility is in volume as well, and falls back tomorrow: only the news is looked at.
    found = only("volume")
    news = found.constants("volume_news") - found.constants("volume_slope")
    assert abs(in_errors(tells(only()))) < MOST
    assert in_errors(tells(found)[news > 0.3]) > MOST


def test_a_market_is_shared_by_neighbours() -> None:
    def neighbours(found: World) -> list[Values]:
        close = found.tables()["close"]
        groups = [measure_neighbours(close.iloc[:, k : k + 8]) for k in range(0, close.shape[1], 8)]
        return list(np.array(groups, dtype=np.float64).T)

    for apart in neighbours(lacking("market", group=8)):
        assert abs(in_errors(apart)) < MOST
    for together in neighbours(only("market", "scales", group=8)):
        assert together.mean() > 0.2
        assert in_errors(together) > 3


def test_ticks_leave_closes_unchanged() -> None:
    """Of prices without ticks, float32 alone makes one or two the same."""
    assert fact(lacking("ticks"), "unchanged").max() < 0.005
    ticking = lacking()
    coarse = ticking.constants("tick") > 0.002
    assert coarse.sum() >= 2
    assert fact(ticking, "unchanged")[coarse].min() > 0.01
    assert fact(ticking, "unchanged")[ticking.constants("tick") == 0].max() < 0.005


@pytest.mark.parametrize("part", PARTS)
def test_leaving_a_part_out_changes_its_constants_alone(part: str) -> None:
    """The other constants are drawn from the same numbers, so that only the part differs."""
    whole, rest = draw(), draw(part)
    changed = {
        name
        for name, value in whole.items()
        if name != "group" and not torch.allclose(value, rest[name])
    }
    assert (
        changed
        == {
            "scales": {"deviation"},
            "feedback": {"size", "sign", "own"},
            "activity": {"of_activity"},
            "leverage": {"sign", "own"},
            "tails": {"df", "day"},
            "jumps": {"jump_chance"},
            "news": {"news_size"},
            "overnight": {"overnight", "overnight_spread"},
            "holidays": {"thin_chance"},
            "regimes": {"shift_chance"},
            "range": {"range_bias"},
            "volume": {"volume_slope", "volume_news"},
            "market": {"shared_shock", "shared_volatility"},
            "ticks": {"tick"},
        }[part]
    )


def test_constants_are_possible() -> None:
    markets = draw(n=4096)
    assert all(torch.isfinite(value).all() for name, value in markets.items() if name != "group")
    for name in ("overnight", "of_activity", "shared_shock", "shared_volatility", "persistence"):
        assert 0 <= markets[name].min() <= markets[name].max() <= 1, name
    squares = torch.stack([markets[name] ** 2 for name in ("size", "sign", "own")]).sum(0)
    assert squares.max() < 1.6
    assert markets["df"].min() > 2


def test_a_group_shares_its_correlations() -> None:
    markets = draw(n=64)
    for name in ("shared_shock", "shared_volatility"):
        groups = markets[name].reshape(8, 8)
        assert (groups == groups[:, :1]).all()
        assert len(groups[:, 0].unique()) == 8


def test_unknown_parts_and_broken_groups_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`without` names earnings, leverages; the parts are sc"):
        Prior(frozenset({"leverages", "earnings", "news"}))
    with pytest.raises(ValueError, match="`n` must be a multiple of `group`, got 12 and 8"):
        Prior().draw(12, torch.Generator())


def test_the_page_about_the_simulator_has_the_parts_as_they_are() -> None:
    page = (ROOT / "docs/simulation.md").read_text(encoding="utf-8")
    parts = re.findall(r"^\| `.*\n", prior.__doc__ or "", re.MULTILINE)
    assert [line.split("`")[1] for line in parts] == list(PARTS)
    assert [line for line in parts if line not in page] == []
