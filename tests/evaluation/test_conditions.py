"""`--fail-unless` conditions: what they compare, and what they say when they do not hold."""

import re
from functools import cache

import numpy as np
import pytest
from support.simulated import constant_t, predict, random_walk

from lstmcast.errors import ConditionError, UsageError
from lstmcast.evaluation import Report, check_conditions, evaluate, parse_conditions
from lstmcast.evaluation.evaluator import assemble


@cache
def report() -> Report:
    bars = {"X": random_walk(1, rows=1000)}
    table = predict(bars, 600, {"X": constant_t(400, 2)})
    return evaluate(table, bars, baselines=["random_walk", "ewma"])


@pytest.mark.parametrize(
    "condition",
    [
        "crps<ewma",
        "log_score <= best",
        "rmse_ratio<1.01",
        "coverage_80>0.75",
        "crps@2<random_walk",
        "p<0.9999",
        "rows>=1",
    ],
)
def test_conditions_that_hold_pass(condition: str) -> None:
    check_conditions(report(), [condition])


@pytest.mark.parametrize("condition", ["crps>ewma", "p<1e-30", "coverage_95<0.5", "crps@2>best"])
def test_conditions_that_do_not_hold_are_named_with_both_numbers(condition: str) -> None:
    with pytest.raises(ConditionError, match=r"does not hold: \S+ against \S+"):
        check_conditions(report(), [condition, "crps<best"])


def test_a_score_that_the_run_does_not_state_holds_nothing() -> None:
    with pytest.raises(ConditionError, match="does not hold: the run states no `hit_rate`"):
        check_conditions(report(), ["hit_rate>0.5"])


def test_over_too_few_days_no_condition_holds() -> None:
    bars = {"X": random_walk(1, rows=659)}
    few = evaluate(
        predict(bars, 600, {"X": constant_t(59, 2)}), bars, baselines=["random_walk", "ewma"]
    )
    check_conditions(few, ["rows>1"])
    for condition in ("rmse_ratio<1.01", "coverage_80>0.1", "crps<99", "p<0.99"):
        with pytest.raises(ConditionError, match="or nothing can be concluded"):
            check_conditions(few, [condition])


def test_the_best_of_a_share_that_should_be_high_is_the_highest() -> None:
    bars = {"X": random_walk(2, rows=1000)}
    table = predict(bars, 600, {"X": constant_t(400, loc=1e-4)})
    coin = table.assign(q50=np.random.default_rng(0).choice([-1e-4, 1e-4], len(table)))
    labels = {"model": "M", "drift": "D", "ewma": "E"}
    found = assemble(
        {"model": coin, "drift": table, "ewma": coin.assign(q50=-coin["q50"])}, labels, bars
    )
    rates = [found.forecasters[name].pooled[1].hit_rate for name in ("drift", "ewma")]
    assert max(rates) > min(rates)
    with pytest.raises(ConditionError, match=f"against {max(rates):.6g}"):
        check_conditions(found, ["hit_rate>best"])


def test_p_speaks_of_skill_alone() -> None:
    """Ranges that are significantly worse have a small p-value as well, and no skill."""
    bars = {"X": random_walk(1, rows=1000)}
    wrong = predict(bars, 600, {"X": constant_t(400, 2, scale=0.03)})
    worse = evaluate(wrong, bars, baselines=["random_walk", "ewma"])
    test = worse.comparisons["ewma"][1].crps
    assert test is not None
    assert test.p_value < 1e-6
    with pytest.raises(ConditionError, match=r"`p<0.05` does not hold: 1 against 0.05"):
        check_conditions(worse, ["p<0.05"])
    assert re.search(r"CRPS ([\d.]+) % higher than that of ", worse.verdict.lines["range"])
    compared = worse.comparisons[str(worse.verdict.best_baseline)][1]
    assert compared.low is not None
    assert compared.high is not None
    assert compared.skill is not None
    assert compared.low < compared.skill < compared.high < 0


def test_every_broken_condition_is_listed() -> None:
    with pytest.raises(ConditionError, match=r"`crps>ewma` .*; `rows<1` "):
        check_conditions(report(), ["crps>ewma", "rows<1"])


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("crps", "is not a condition"),
        ("crps=1", "is not a condition"),
        ("magic<1", "names `magic`, which is not a score"),
        ("crps<magic", "compares with `magic`"),
        ("crps@9<ewma", "asks for horizon 9"),
        ("p<ewma", "compares with `ewma`"),
        ("coverage_80<best", "asks for the best `coverage_80`"),
        ("rows>best", "asks for the best `rows`"),
    ],
)
def test_conditions_that_are_not_understood(condition: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_conditions(report(), [condition])


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("crps", "is not a condition"),
        ("magic<1", "names `magic`, which is not a score"),
        ("crps<magic", "compares with `magic`"),
        ("crps<nan", "compares with `nan`, which is neither a number nor a baseline"),
        ("crps<garch", "compares with `garch`, which is not among these baselines"),
        ("p<best", "compares with `best`"),
        ("coverage_80<best", "asks for the best `coverage_80`"),
        ("crps@4<ewma", "asks for horizon 4"),
        ("crps@0<ewma", "asks for horizon 0"),
    ],
)
def test_conditions_are_read_without_any_forecast(condition: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_conditions(["crps<1", condition], ["random_walk", "ewma"], longest=3)


def test_what_is_understood_is_a_score_and_its_limit() -> None:
    found = parse_conditions([" crps@2 <= ewma", "p<5e-2", "crps>best"], ["ewma"])
    assert [(one.score, one.horizon, one.sign, one.limit) for one in found] == [
        ("crps", 2, "<=", "ewma"),
        ("p", None, "<", 0.05),
        ("crps", None, ">", "best"),
    ]
