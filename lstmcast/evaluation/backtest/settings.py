"""The settings of a walk, apart from running it: they are part of what tells walks apart."""

from dataclasses import dataclass

import pandas as pd

from lstmcast.baselines import (
    BASELINES,
)
from lstmcast.evaluation.backtest.folds import (
    Window,
)


@dataclass(frozen=True)
class Settings:
    """How to walk.

    Args:
        folds: number of folds.
        window: learn from everything before, or from as many sessions as the first fold.
        first: first session to be forecast; None for the middle one.
        embargo: sessions left out between validation and the first forecast.
        baselines: names out of `BASELINES`, fitted anew for each fold.
        warm_start: begin each fold's networks with the weights of the fold before.
    """

    folds: int = 10
    window: Window = "expanding"
    first: pd.Timestamp | None = None
    embargo: int = 0
    baselines: tuple[str, ...] = tuple(BASELINES)
    warm_start: bool = False
