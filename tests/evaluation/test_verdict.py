"""The verdict claims what the tests found, in words that a layman reads, and no more."""

import json
import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from support.simulated import (
    bars_from_returns,
    constant_t,
    garch_returns,
    points,
    predict,
    random_walk,
)

from lstmcast.baselines import get_baseline
from lstmcast.baselines.runner import by_symbol
from lstmcast.distributions import StudentTMixture
from lstmcast.errors import ConditionError
from lstmcast.evaluation import Finding, Report, evaluate
from lstmcast.evaluation.conditions import check_conditions
from lstmcast.evaluation.coverage_check import CoverageCheck
from lstmcast.evaluation.evaluator import assemble
from lstmcast.evaluation.finding import interpret
from lstmcast.evaluation.model_rows import ModelRows
from lstmcast.evaluation.plausibility import too_good
from lstmcast.evaluation.point import PointReport
from lstmcast.evaluation.significance import Test, sidak
from lstmcast.evaluation.trust import trust_in
from lstmcast.evaluation.verdict_inputs import VerdictInputs
from lstmcast.evaluation.verdict_text import headline

QUICK = ["random_walk", "constant", "ewma"]
ONE = ["random_walk"]
"""For what is said whatever the baselines are."""
FIRST = 700


def judged(
    bars: dict[str, pd.DataFrame], forecast: StudentTMixture, baselines: list[str] = QUICK
) -> Report:
    table = predict(bars, FIRST, dict.fromkeys(bars, forecast))
    return evaluate(table, bars, baselines=baselines)


@lru_cache
def garch_report(seed: int) -> Report:
    """What is found of one who knows the volatility of 2,500 days."""
    bars, knows = garch_world(seed, rows=2500)
    return judged({"X": bars}, knows)


def garch_world(seed: int, rows: int = 1500) -> tuple[pd.DataFrame, StudentTMixture]:
    """A simulated GARCH and the forecast of one who knows its volatility."""
    returns, volatility = garch_returns(seed, rows, alpha=0.15, beta=0.8)
    scale = volatility[FIRST:, None][None] * np.sqrt(6 / 8)
    knows = StudentTMixture(df=np.full_like(scale, 8.0), loc=np.zeros_like(scale), scale=scale)
    return bars_from_returns(returns), knows


def test_skill_that_is_there_is_found() -> None:
    """On a GARCH with known volatility the truth beats every baseline."""
    report = garch_report(1)
    assert report.verdict.distribution is Finding.better
    assert report.verdict.against_random_walk is Finding.better
    assert report.verdict.point is Finding.level
    assert report.verdict.ranges_hold is True
    rival = report.forecasters[str(report.verdict.best_baseline)].label
    assert report.verdict.summary == (
        f"Its ranges are well calibrated and better than those of the best baseline ({rival}); "
        "its price forecast is no better than the last close (1800 test days)."
    )
    lines, scores = report.verdict.lines, report.forecasters["model"].pooled[1]
    found = " / ".join(
        f"{100 * share:.1f}"
        for share in (
            scores.coverage_50,
            scores.coverage_80,
            scores.coverage_90,
            scores.coverage_95,
        )
    )
    gain = 100 * (report.verdict.distribution_gain or 0)
    assert lines["range"].startswith(
        f"the 50 / 80 / 90 / 95 % ranges contained {found} %: well calibrated, at low and at high "
        f"volatility. CRPS {gain:.2f} % lower than that of "
        f"{rival} (the best of 3 baselines; p < 0.001) and "
    )
    assert lines["range"].endswith(" % lower than the random walk's.")
    assert lines["price"].startswith("no measurable difference from the last close (error of the ")
    assert lines["next"].startswith("use the ranges (`lstmcast forecast`)")
    assert lines["direction"] == "its median is the last close itself, so it names no direction."
    assert list(lines) == ["price", "direction", "range", "next"]
    assert report.verdict.text.startswith(f"Price: {lines['price']} Direction: ")
    assert report.to_dict()["verdict"]["lines"] == lines


def test_the_best_of_many_must_be_better_as_the_best_of_as_many() -> None:
    bars, knows = garch_world(1, rows=2500)
    # Not quite the truth, so that there is something left of the p-value.
    wide = StudentTMixture(df=knows.df, loc=knows.loc, scale=1.09 * knows.scale)
    report = judged({"X": bars}, wide)
    alone = report.verdict
    assert (alone.distribution, alone.trials) == (Finding.better, 1)
    p = alone.distribution_p
    assert p is not None
    assert 1e-6 < p < 0.05
    assert alone.distribution_p_deflated == p
    assert "configurations" not in alone.text
    trials = int(0.06 / p) + 1
    table = predict({"X": bars}, FIRST, {"X": wide})
    best = evaluate(table, {"X": bars}, baselines=QUICK, trials=trials).verdict
    assert (best.distribution, best.trials, best.distribution_p) == (Finding.level, trials, p)
    assert best.distribution_p_deflated == pytest.approx(1 - (1 - p) ** trials, rel=1e-9)
    assert f"corrected for {trials:,} trials p = 0.0" in best.text
    assert best.lines["search"].startswith(f"chosen from {trials:,} configurations by validation ")
    assert "search" not in alone.lines
    assert "no better than those of" in best.summary
    few = evaluate(table, {"X": bars}, baselines=QUICK, trials=2)
    assert few.verdict.distribution is Finding.better
    check_conditions(few, [f"p<{2 * p}"])
    with pytest.raises(ConditionError, match="does not hold"):
        check_conditions(few, [f"p<{1.5 * p}"])


def test_to_be_worse_needs_no_allowance_for_trials() -> None:
    worse, better = Test(0.1, 3.0, 0.01, 500), Test(-0.1, -3.0, 0.01, 500)
    assert (interpret(worse, 50), interpret(better, 50)) == (Finding.worse, Finding.level)
    assert (interpret(better, 5), interpret(better)) == (Finding.better, Finding.better)


@pytest.mark.parametrize(("p", "trials"), [(0.01, 1), (0.01, 5), (0.3, 50), (1.0, 9), (1e-12, 7)])
def test_the_p_value_of_the_best_of_many_is_that_of_independent_ones(p: float, trials: int) -> None:
    assert sidak(p, trials) == pytest.approx(1 - (1 - p) ** trials, rel=1e-4)
    assert np.isnan(sidak(float("nan"), trials))


@pytest.mark.slow
def test_no_skill_is_claimed_on_random_walks() -> None:
    """On 12 random walks a copy of a baseline's kind claims skill no more often than chance.

    The forecaster is the constant Student-t fitted on half of the rows: as good as the baselines,
    no better. A two-sided test at 5 % gives 2.5 % of claims, so of 24 more than 3 would be odd.
    """
    claims = 0
    for seed in range(12):
        bars = {"X": random_walk(seed, rows=1500)}
        other = random_walk(1000 + seed, rows=FIRST)
        scale = float(np.std(np.diff(np.log(other["close"].to_numpy())))) * np.sqrt(3 / 5)
        verdict = judged(bars, constant_t(1500 - FIRST, scale=scale)).verdict
        claims += (verdict.distribution is Finding.better) + (verdict.point is Finding.better)
    assert claims <= 3


def test_a_point_model_on_price_levels_is_said_to_lose_and_why() -> None:
    """A forecast 5 % below the price of three sessions ago."""
    bars = random_walk(3, rows=1200)
    log_close = np.log(bars["close"].to_numpy())
    origins = np.arange(FIRST, 1200)
    lagged = (log_close[origins - 2] - log_close[origins] - 0.05)[:, None]
    table = predict({"X": bars}, FIRST, {"X": type(points(1))(lagged)})
    report = evaluate(table, {"X": bars}, baselines=ONE)
    verdict, point = report.verdict, report.points["X"]
    assert report.forecasters["model"].kind == "point"
    assert verdict.point is Finding.worse
    assert verdict.distribution is Finding.unknown
    assert verdict.ranges_hold is None
    assert verdict.summary == (
        "It states no ranges, and its price forecast is worse than the last close (500 test days)."
    )
    ratio = 1 - (verdict.point_gain or 0)
    moves = np.diff(log_close)[FIRST:]
    square = np.mean((lagged[: len(moves), 0] - moves) ** 2) / np.mean(moves**2)
    assert ratio == pytest.approx(np.sqrt(square))
    for words in (
        f"worse than the last close: error of the return {ratio:.1f} times as large (p < 0.001). ",
        "they lag the price by 3 sessions",
        "too low on average",
    ):
        assert words in verdict.lines["price"]
    assert (
        verdict.lines["range"] == "it states none, so it does not say how far the price may move."
    )
    assert "model.head=student_t" in verdict.lines["next"]
    assert point.bias == pytest.approx(-0.05, abs=0.005)


def test_a_copy_of_the_last_close_is_called_a_copy() -> None:
    bars = {"X": random_walk(4, rows=1200)}
    tiny = np.random.default_rng(0).normal(scale=1e-5, size=(500, 1))
    table = predict(bars, FIRST, {"X": type(points(1))(tiny)})
    report = evaluate(table, bars, baselines=ONE)
    assert report.points["X"].best_shift == 1
    assert report.verdict.copies is True
    assert (
        "It copies the last close: it fits the price best when shifted by one session"
        in (report.verdict.lines["price"])
    )


def test_a_forecast_that_knows_tomorrow_is_no_copy() -> None:
    bars = random_walk(5, rows=1200)
    truth = np.diff(np.log(bars["close"].to_numpy()))[FIRST:, None]
    table = predict({"X": bars}, FIRST, {"X": type(points(1))(0.9 * truth)})
    report = evaluate(table, {"X": bars}, baselines=ONE)
    assert report.verdict.point is Finding.better
    assert report.verdict.copies is False
    assert report.points["X"].slope == pytest.approx(1 / 0.9, rel=1e-6)
    assert report.verdict.lines["price"].startswith("beats the last close: error of the return ")
    assert report.verdict.summary.startswith("Too good to be true (500 test days)")
    assert "lstmcast audit" in report.verdict.lines["next"]


@pytest.mark.parametrize(("scale", "word"), [(0.005, "too narrow"), (0.02, "too wide")])
def test_ranges_that_do_not_hold_are_named(scale: float, word: str) -> None:
    report = judged({"X": random_walk(6)}, constant_t(1500 - FIRST, scale=scale))
    assert report.verdict.ranges_hold is False
    found = {c.nominal: c for c in report.ranges if c.subset == "overall"}
    assert report.verdict.lines["range"].startswith(
        f"the 50 / 80 / 90 / 95 % ranges contained {100 * found[50].coverage:.1f} / "
    )
    assert f" % ({word})." in report.verdict.lines["range"]
    assert report.verdict.distribution is Finding.worse
    assert "% higher than that of " in report.verdict.lines["range"]
    assert report.verdict.summary.startswith(
        f"Do not rely on its ranges: they are {word}; its price forecast is no better than"
    )
    assert "--kind ranges" in report.verdict.lines["next"]


def test_a_test_period_without_high_volatility_says_so() -> None:
    returns = np.random.default_rng(8).standard_t(8.0, size=FIRST + 300)
    returns *= np.where(np.arange(len(returns)) < FIRST, 0.02, 0.008)
    report = judged({"X": bars_from_returns(returns)}, constant_t(300, df=8.0, scale=0.008), ONE)
    assert report.verdict.ranges_hold is True
    assert re.match(
        r"the 50 / 80 / 90 / 95 % ranges contained [\d./ ]+ %: well calibrated \(too few days of "
        r"high volatility to judge those\)\. CRPS ",
        report.verdict.lines["range"],
    )


@pytest.mark.parametrize(
    ("growth", "words"),
    [
        (0.5, r"5 sessions ahead the 50 / 80 / 90 / 95 % ranges contained .* %\. Misses at .*"),
        (0.1, r"2 sessions ahead the 50 / .* %( at .*)? \(too narrow\); ranges fail at 3 more .*"),
        (1.0, r"2 sessions ahead the 50 / .* %( at .*)? \(too wide\); ranges fail at 3 more .*"),
    ],
)
def test_ranges_further_ahead_are_judged_by_themselves(growth: float, words: str) -> None:
    """A random walk's ranges widen by the root of the sessions; others by too little, too much."""
    walk = random_walk(6, rows=2500, df=100.0)
    normal = constant_t(2500 - FIRST, horizons=5, df=100.0)
    scale = normal.scale[..., :1] * np.arange(1, 6) ** growth
    report = judged({"X": walk}, StudentTMixture(normal.df, normal.loc, scale), ONE)
    assert report.verdict.ranges_hold is True
    assert re.fullmatch(words, report.verdict.lines["further_ahead"])
    found = {c.nominal: c.coverage for c in report.ranges if c.horizon == 5}
    scores = report.forecasters["model"].pooled[5]
    assert found == pytest.approx({n: getattr(scores, f"coverage_{n}") for n in (50, 80, 90, 95)})


def test_too_few_days_conclude_nothing() -> None:
    bars = {"X": random_walk(7, rows=FIRST + 40)}
    report = judged(bars, constant_t(40), ONE)
    verdict = report.verdict
    assert verdict.days == 40
    assert {verdict.point, verdict.distribution} == {Finding.unknown}
    assert verdict.ranges_hold is None
    assert verdict.copies is None
    assert verdict.text == (
        "The test period has 40 days, too few to conclude anything: a coin's hit rate over so few "
        "days falls between 35 % and 65 %."
    )
    assert list(verdict.lines) == ["next"]


def plausible(*ranges: CoverageCheck) -> VerdictInputs:
    """A forecast of which nothing is known but its ranges."""
    return VerdictInputs(
        horizon=1,
        days=500,
        error_ratio=1.0,
        point=Test(0.0, 0.0, 0.9, 500),
        copies={},
        best=("har_range", "HAR"),
        against_best=None,
        against_walk=None,
        baselines=9,
        symbols_better=0,
        symbols=1,
        ranges=ranges,
    )


@pytest.mark.parametrize(
    ("distribution", "found", "words"),
    [
        (Finding.better, 0.5, "Its ranges are well calibrated and better than those of {}"),
        (Finding.level, 0.5, "Its ranges are well calibrated, but no better than those of {}"),
        (Finding.worse, 0.5, "Its ranges are well calibrated, but those of {} are better"),
        (Finding.better, 0.4, "Do not rely on its ranges: they are too narrow"),
    ],
)
def test_the_answer_in_one_line(distribution: Finding, found: float, words: str) -> None:
    check = CoverageCheck(1, 50, "overall", 500, found, 0.02, calibrated=found == 0.5)
    evidence = plausible(check)
    line = headline(evidence, Finding.level, distribution, calibrated=check.calibrated)
    assert line == (
        f"{words.format('the best baseline (HAR)')}; its price forecast is no better than the last "
        "close (500 test days)."
    )


def test_the_price_is_judged_by_what_is_tested() -> None:
    """Early skill at a low price outweighs late harm at a high one, in returns and in words.

    The error of the price is larger than the last close's, since it counts dollars.
    """
    returns = 0.02 * np.random.default_rng(9).standard_normal(2699) + 0.0012
    bars = bars_from_returns(returns)
    coming = np.diff(np.log(bars["close"].to_numpy()))[FIRST:]
    known = np.where(np.arange(FIRST, 2699) < 2200, 0.05 * coming, -0.08 * coming)
    table = predict({"X": bars}, FIRST, {"X": type(points(1))(known[:, None])})
    report = evaluate(table, {"X": bars}, baselines=ONE)
    assert report.forecasters["model"].pooled[1].rmse_ratio > 1
    assert report.verdict.point is Finding.better
    assert report.verdict.point_gain is not None
    assert report.verdict.point_gain > 0
    assert f"error of the return {100 * report.verdict.point_gain:.2f} % smaller" in (
        report.verdict.text
    )


def test_ranges_that_fail_both_ways_are_said_to() -> None:
    """One width for all days of a GARCH: too wide at low volatility, too narrow at high."""
    returns, _ = garch_returns(3, 2500)
    bars = {"X": bars_from_returns(returns)}
    scale = 0.95 * float(np.std(returns[FIRST:])) * np.sqrt(3 / 5)
    verdict = judged(bars, constant_t(2500 - FIRST, scale=scale), ONE).verdict
    assert verdict.summary.startswith("Do not rely on its ranges: ")
    for words in ("too wide at low volatility", "too narrow at high volatility"):
        assert words in verdict.summary
    for words in (
        r"the 50 / [\d/ ]+ % ranges contained 6[\d./ ]+ % at low volatility \(too wide\)",
        r"the 50 / [\d/ ]+ % ranges contained 3[\d./ ]+ % at high volatility \(too narrow\)",
    ):
        assert re.search(words, verdict.lines["range"])


def test_table_verdict_and_tests_speak_of_one_number_where_days_differ() -> None:
    """A quiet symbol over all days, a wild one over the last 150, on which the model is better."""
    bars = {"A": random_walk(1, rows=1700), "B": random_walk(2, rows=1700, scale=0.03)}
    rows = 1700 - FIRST

    def forecasts(quiet: float, wild: float) -> pd.DataFrame:
        parts = {"A": constant_t(rows, scale=quiet), "B": constant_t(rows, scale=wild)}
        table = predict(bars, FIRST, parts)
        late = (table["symbol"] == "B") & (table["origin"] < bars["B"].index[1550])
        chosen: pd.DataFrame = table[~late].reset_index(drop=True)
        return chosen

    tables = {"model": forecasts(0.0115, 0.030), "ewma": forecasts(0.010, 0.036)}
    report = assemble(tables, {"model": "M", "ewma": "E"}, bars)
    ours, theirs = (report.forecasters[name].pooled[1] for name in ("model", "ewma"))
    assert ours.crps < theirs.crps
    assert report.verdict.distribution_gain == pytest.approx(1 - ours.crps / theirs.crps)
    test = report.comparisons["ewma"][1].crps
    assert test is not None
    assert test.mean == pytest.approx(ours.crps - theirs.crps)
    assert "% lower" in report.verdict.text


def test_symbols_are_counted_with_holms_adjustment() -> None:
    worlds = {name: garch_world(k, 2000) for k, name in enumerate("ABC")}
    bars = {name: world[0] for name, world in worlds.items()}
    table = predict(bars, FIRST, {name: world[1] for name, world in worlds.items()})
    report = evaluate(table, bars, baselines=QUICK)
    assert set(report.symbol_tests) == {"A", "B", "C"}
    for test in report.symbol_tests.values():
        p, adjusted = test["p_value"], test["p_holm"]
        assert p is not None
        assert adjusted is not None
        assert adjusted >= p
    assert re.search(
        r"Taken singly, \d of 3 symbols (is|are) significantly better \(5 %, Holm-corrected\)\.",
        report.verdict.lines["range"],
    )


def test_pooled_days_are_not_counted_as_independent_symbols() -> None:
    """Five copies of one symbol say no more than the one."""
    bars, knows = garch_world(9)
    alone = judged({"X": bars}, knows)
    names = [f"S{k}" for k in range(5)]
    many = judged(dict.fromkeys(names, bars), knows)
    one, five = (r.comparisons["ewma"][1].crps for r in (alone, many))
    assert one is not None
    assert five is not None
    assert five.p_value == pytest.approx(one.p_value, rel=1e-6)
    assert five.days == one.days


def test_a_model_equal_to_a_baseline_is_level_with_it() -> None:
    bars = {"X": bars_from_returns(garch_returns(10)[0])}
    table = predict(bars, FIRST, {"X": constant_t(1500 - FIRST)})
    tables = {"model": table, "random_walk": table}
    report = assemble(tables, {"model": "M", "random_walk": "random walk"}, bars)
    assert report.verdict.distribution is Finding.level
    assert report.verdict.distribution_gain == 0


def test_without_baselines_there_is_no_comparison() -> None:
    bars = {"X": random_walk(11)}
    table = predict(bars, FIRST, {"X": constant_t(1500 - FIRST)})
    report = evaluate(table, bars, baselines=[])
    assert report.verdict.best_baseline is None
    assert report.verdict.distribution is Finding.unknown
    assert get_baseline("ewma").name not in report.forecasters


def test_findings_need_five_percent() -> None:
    assert interpret(Test(-1.0, -3.0, 0.049, 100)) is Finding.better
    assert interpret(Test(1.0, 3.0, 0.049, 100)) is Finding.worse
    assert interpret(Test(-1.0, -1.9, 0.05, 100)) is Finding.level
    assert interpret(Test(-1.0, float("nan"), float("nan"), 10)) is Finding.unknown
    assert interpret(None) is Finding.unknown


def direction_of(medians: dict[str, np.ndarray], bars: dict[str, pd.DataFrame]) -> str:
    tables = {name: type(points(1))(median[:, None]) for name, median in medians.items()}
    report = evaluate(predict(bars, FIRST, tables), bars, baselines=ONE)
    return report.verdict.lines["direction"]


def test_the_direction_is_tested_against_chance() -> None:
    bars = {name: random_walk(k, rows=1400) for k, name in enumerate("AB")}
    moves = {k: np.diff(np.log(b["close"].to_numpy()))[FIRST:] for k, b in bars.items()}
    signs = np.random.default_rng(3).choice([-1e-5, 1e-5], size=len(moves["A"]))
    one = {"A": bars["A"]}
    hits = 100 * np.mean(np.sign(signs) == np.sign(moves["A"]))
    blind = direction_of({"A": signs}, one)
    assert re.fullmatch(
        rf"right on {hits:.1f} % of the moves, where chance gives \d\d\.\d %: no measurable "
        r"difference \(p = 0\.\d+\)\.",
        blind,
    )
    known = np.where(np.arange(len(signs)) % 4 == 0, signs, 1e-5 * np.sign(moves["A"]))
    assert direction_of({"A": known}, one).endswith(" % (p < 0.001).")
    assert direction_of({"A": known, "B": signs}, bars).endswith(
        "; significant for 1 of 2 symbols (5 %, Holm-corrected)."
    )
    up = np.full(len(signs), 1e-5)
    both = direction_of({"A": up, "B": signs}, bars)
    blind = direction_of({"B": signs}, {"B": bars["B"]})
    assert both == f"for the 1 of 2 symbols whose median changes sides, {blind}"
    assert direction_of({"A": up}, one) == (
        "its median is always above the last close, so it carries no information."
    )
    assert " below the last close" in direction_of({"A": -up}, one)


# --- a price that does not move ------------------------------------------------------------------


def halted(seed: int, rows: int = 900) -> pd.DataFrame:
    """Closes that move before the test range and never in it."""
    returns = 0.01 * np.random.default_rng(seed).standard_t(5.0, size=rows)
    returns[FIRST:] = 0.0
    return bars_from_returns(returns)


def numbers_in(value: object) -> list[float]:
    """Every number of nested JSON values."""
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers_in(part)]
    if isinstance(value, list):
        return [number for part in value for number in numbers_in(part)]
    return [float(value)] if isinstance(value, int | float) else []


def test_a_close_that_never_moved_is_said_to_and_nothing_else() -> None:
    """It was "an error nan % larger", and "CRPS 10646 % higher" than a baseline of no width."""
    bars = halted(1)
    report = judged({"X": bars}, constant_t(900 - FIRST, scale=0.01))
    verdict = report.verdict
    assert verdict.text == verdict.summary
    assert verdict.text == (
        "The close never moved in the test period (200 days): neither the price forecast nor the "
        "ranges can be judged."
    )
    assert verdict.point is verdict.distribution is verdict.against_random_walk is Finding.unknown
    assert (verdict.point_gain, verdict.point_p, verdict.distribution_gain) == (None, None, None)
    assert (verdict.copies, verdict.ranges_hold) == (None, None)
    assert all(part[1].skill is None for part in report.comparisons.values())
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert "nan" not in json.dumps(plain["verdict"])
    assert all(np.isfinite(numbers_in(plain)))
    with pytest.raises(ConditionError, match="or nothing can be concluded"):
        check_conditions(report, ["crps<9"])


def test_a_symbol_that_never_moved_does_not_speak_for_the_others() -> None:
    bars = {"DEAD": halted(2), "LIVE": random_walk(3, rows=900)}
    both = judged(bars, constant_t(900 - FIRST), ONE)
    alone = judged({"LIVE": bars["LIVE"]}, constant_t(900 - FIRST), ONE)
    assert "DEAD is left out: its close never moved in the test period" in both.notes
    assert list(both.rows) == ["LIVE"]
    assert both.verdict == alone.verdict
    assert np.isfinite(both.forecasters["model"].pooled[1].rmse_ratio)


@pytest.mark.parametrize("still", ["before", "in"])
def test_a_share_that_is_seldom_traded_is_no_series_for_ranges(still: str) -> None:
    returns = 0.01 * np.random.default_rng(4).standard_t(5.0, size=900)
    part = slice(0, FIRST) if still == "before" else slice(FIRST, 900)
    returns[part] *= np.random.default_rng(5).random(900)[part] > 0.5
    report = judged({"X": bars_from_returns(returns)}, constant_t(900 - FIRST), ONE)
    (note,) = [note for note in report.notes if "unchanged" in note or "of the day before" in note]
    assert re.fullmatch(
        rf"X: (4|5)\d% of the closes {still} the test period are unchanged from the day before; "
        "such a series cannot be forecast by ranges",
        note,
    )


def test_of_an_ordinary_share_no_such_thing_is_said() -> None:
    returns = 0.01 * np.random.default_rng(6).standard_t(5.0, size=900)
    returns[::10] = 0.0
    report = judged({"X": bars_from_returns(returns)}, constant_t(900 - FIRST), ONE)
    assert not [note for note in report.notes if "of the day before" in note]


# --- too good to be true -------------------------------------------------------------------------


@lru_cache
def knowing(share: float, *, width: float = 0.01, seed: int = 7) -> Report:
    """A forecast whose median is this share of tomorrow's return."""
    bars = random_walk(seed, rows=1400)
    truth = np.diff(np.log(bars["close"].to_numpy()))[FIRST:][None, :, None]
    shape = truth.shape
    forecast = StudentTMixture(np.full(shape, 5.0), share * truth, np.full(shape, width))
    return judged({"X": bars}, forecast, ONE)


@pytest.mark.parametrize(
    ("share", "width", "said"),
    [
        (0.9, 0.001, "the error of the return is 90.0 % smaller than that of the last close"),
        (0.9, 0.001, "the CRPS is "),
        (0.03, 0.01, "the error of the return is 3.0 % smaller than that of the last close"),
        (0.001, 0.01, "the sign is right "),
        (0.001, 0.01, "actual returns have a correlation of 1.00 with the median's"),
    ],
)
def test_a_result_too_good_to_be_true_is_called_so(share: float, width: float, said: str) -> None:
    """As a feature makes it that is dated one day early."""
    verdict = knowing(share, width=width).verdict
    assert any(doubt.startswith(said) for doubt in verdict.too_good)
    assert "honest forecasts reach" in verdict.too_good[0]
    assert verdict.summary == (
        "Too good to be true (700 test days): look for a leak with `lstmcast audit` before you "
        "believe it."
    )
    assert verdict.lines["too_good"] == f"{'; '.join(verdict.too_good)}."
    assert verdict.text.startswith(f"Too good to be true: {verdict.too_good[0]}")


@lru_cache
def sure_of_one() -> PointReport:
    """A symbol whose signs and moves are known far too well, with p-values of 0.05 %."""
    found = knowing(0.001).points["X"]
    return replace(
        found,
        hit_rate=0.6,
        expected_hit_rate=0.5,
        move_correlation=0.22,
        direction_p=5e-4,
        slope_p=5e-4,
    )


@pytest.mark.parametrize(
    ("others", "p_value", "doubts"),
    [
        (0, 5e-4, 2),
        (1, 5e-4, 0),
        (499, 5e-4, 0),
        (499, 1.9e-6, 2),
        (499, 2.1e-6, 0),
    ],
)
def test_the_best_of_many_symbols_is_not_suspected_for_what_chance_makes(
    others: int, p_value: float, doubts: int
) -> None:
    """One of 500 has a p-value below 0.1 % every other time."""
    best = replace(sure_of_one(), direction_p=p_value, slope_p=p_value)
    plain = replace(best, direction_p=0.5, slope_p=0.5)
    copies = {"S": best, **{f"S{k}": plain for k in range(others)}}
    assert len(too_good(replace(plausible(), copies=copies))) == doubts


def test_the_best_honest_forecast_is_not_suspected() -> None:
    """Not even of one who knows the volatility of a GARCH, which no network does."""
    for seed in (1, 2):
        verdict = garch_report(seed).verdict
        assert verdict.distribution is Finding.better
        assert verdict.too_good == ()


def test_a_drift_that_is_there_may_be_known() -> None:
    """A mean of an eighth of a deviation, which is more than markets give: R2 of 1.5 %."""
    returns = 0.01 * (0.125 + np.random.default_rng(8).standard_normal(5000))
    forecast = constant_t(5000 - FIRST, df=50.0, loc=0.00125)
    verdict = judged({"X": bars_from_returns(returns)}, forecast, ONE).verdict
    assert verdict.point is Finding.better
    assert verdict.too_good == ()


# --- what a forecast is told with ----------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.005, 0.01, 0.02])
def test_trust_is_what_the_verdict_says_of_the_ranges(scale: float) -> None:
    bars = {"X": random_walk(6), "DEAD": halted(3, rows=1500)}
    table = predict(bars, FIRST, dict.fromkeys(bars, constant_t(1500 - FIRST, 3, scale=scale)))
    report = evaluate(table, bars, baselines=["random_walk"])
    rows = ModelRows.of(by_symbol(table))
    trust = trust_in(rows, bars)
    assert trust.ranges == report.ranges
    assert trust.ranges_hold is report.verdict.ranges_hold
    assert bool(trust.doubts) is (trust.ranges_hold is False)
    near = [check for check in trust_in(rows, bars, 1).ranges if check.horizon > 1]
    assert near == []
    found = trust_in(rows, {}).to_dict()["coverage"]
    assert found == trust.to_dict()["coverage"]
