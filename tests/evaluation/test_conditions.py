"""`--fail-unless` conditions: what they compare, and what they say when they do not hold."""

from functools import cache

import pytest
from support.simulated import constant_t, predict, random_walk

from lstmcast.errors import ConditionError, UsageError
from lstmcast.evaluation import Report, check_conditions, evaluate


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


@pytest.mark.parametrize(
    "condition", ["crps>ewma", "p<1e-30", "coverage_95<0.5", "hit_rate>0.5", "crps@2>best"]
)
def test_conditions_that_do_not_hold_are_named_with_both_numbers(condition: str) -> None:
    with pytest.raises(ConditionError, match=r"does not hold: \S+ against \S+"):
        check_conditions(report(), [condition, "crps<best"])


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
    ],
)
def test_conditions_that_are_not_understood(condition: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_conditions(report(), [condition])
