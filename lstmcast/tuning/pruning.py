"""When a trial is given up: where it is worse than the median of those before, epoch by epoch.

This is Optuna's median pruner, asked before a trial begins instead of in each epoch: a trial that
is measured elsewhere cannot look at the study, and what becomes of it must not depend on which of
several trials at once is done first.

Source: Golovin et al. (2017), Google Vizier: A service for black-box optimization, section 3.5.2.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FEWEST = 5
"""Complete trials before any is given up."""

BURN_IN = 5
"""Epochs before any trial is given up."""


def limits(complete: Sequence["FrozenTrial"]) -> Mapping[int, float]:
    """By epoch, the loss above which a trial is given up.

    Args:
        complete: trials that are complete, with the lowest losses that they had by epoch.
    """
    if len(complete) < FEWEST:
        return {}
    found: dict[int, list[float]] = {}
    for trial in complete:
        for epoch, loss in trial.intermediate_values.items():
            if epoch >= BURN_IN:
                found.setdefault(epoch, []).append(loss)
    return {epoch: float(np.nanmedian(losses)) for epoch, losses in found.items()}
