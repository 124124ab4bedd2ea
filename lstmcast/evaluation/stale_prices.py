"""Stale prices: closes that equal the one before, which no range can forecast."""

from collections.abc import Mapping

import numpy as np

from lstmcast.dataset.target import UNCHANGED_SHARE
from lstmcast.distributions import FloatArray


def describe_stale_closes(symbol: str, closes: Mapping[str, FloatArray]) -> str | None:
    """That a third of a symbol's closes or more are unchanged, in words; None otherwise.

    Args:
        symbol: the symbol.
        closes: stretches of closes by what to call them ("before the test period").
    """
    for when, values in closes.items():
        share = float(np.mean(np.diff(values) == 0)) if len(values) > 1 else 0.0
        if share >= UNCHANGED_SHARE:
            return (
                f"{symbol}: {share:.0%} of the closes {when} are unchanged from the day before; "
                "such a series cannot be forecast by ranges"
            )
    return None
