"""What a test concludes: better, worse, no measurable difference, or too few data to tell."""

from enum import StrEnum

import numpy as np

from lstmcast.evaluation.significance import Test, sidak

SIGNIFICANT = 0.05


class Finding(StrEnum):
    """What a comparison found."""

    better = "better"
    level = "level"
    """No measurable difference."""
    worse = "worse"
    unknown = "unknown"
    """Too few days, or nothing stated that could be compared."""


def interpret(test: Test | None, trials: int = 1) -> Finding:
    """Read a test of the model's loss minus another's.

    Args:
        test: the test.
        trials: configurations that the model is the best of: a claim that it is better must hold
            for the best of as many. That it is worse needs no such allowance.
    """
    if test is None or not np.isfinite(test.p_value):
        return Finding.unknown
    if deflated(test, trials) >= SIGNIFICANT:
        return Finding.level
    return Finding.better if test.mean < 0 else Finding.worse


def deflated(test: Test, trials: int) -> float:
    """A test's p-value, as that of the best of so many trials where it speaks for the model."""
    return sidak(test.p_value, trials) if test.mean < 0 else test.p_value
