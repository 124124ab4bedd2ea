"""The model against each baseline: tests of the differences in daily losses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from lstmcast.evaluation.plain_values import finite
from lstmcast.evaluation.ratios import skill as skill_of
from lstmcast.evaluation.significance import Test, diebold_mariano, holm, skill_interval

LOSSES = ("crps", "log_score")


@dataclass(frozen=True)
class Comparison:
    """The model against one baseline at one horizon.

    Args:
        skill: 1 - mean CRPS of the model / that of the baseline, over days; None where the
            baseline has none.
        low, high: 95 % bootstrap interval of the skill; None where it was not asked for.
        crps, log_score: Diebold-Mariano tests of the daily mean over symbols; a negative
            statistic favours the model. None for a point forecast, and where no close moved.
    """

    skill: float | None
    low: float | None
    high: float | None
    crps: Test | None
    log_score: Test | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "skill": self.skill,
            "low": self.low,
            "high": self.high,
            "crps": None if self.crps is None else self.crps.to_dict(),
            "log_score": None if self.log_score is None else self.log_score.to_dict(),
        }


def daily_means(losses: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Mean over symbols of each day's losses: for each horizon a row per date that was forecast.

    Where symbols have other days than one another, those of a symbol with few count more on the
    days that it has: the mean over days is then the mean over symbols of each one's mean, which is
    what `Scores` states, and the tests speak of the same number.

    Args:
        losses: `symbol`, `horizon`, `date` and any columns of numbers.
    """
    columns = list(losses.columns.difference(["symbol", "horizon", "date"], sort=False))
    found = {}
    for horizon, rows in losses.groupby("horizon", sort=True):
        # One symbol, as a rule: each row is its day's mean, had ten times faster.
        if rows["date"].is_unique and rows["symbol"].nunique() == 1:
            found[cast("int", horizon)] = rows.set_index("date")[columns].sort_index()
            continue
        sizes = rows.groupby("symbol")["symbol"].transform("size").to_numpy(dtype=np.float64)
        weights = rows["date"].nunique() / (rows["symbol"].nunique() * sizes)
        weighed = rows[columns].mul(weights, axis="index")
        found[cast("int", horizon)] = weighed.groupby(rows["date"], sort=True).sum(skipna=False)
    return found


def compare(
    model: pd.DataFrame, baseline: pd.DataFrame, horizon: int, *, interval: bool = False
) -> Comparison:
    """Compare the rows' losses of two forecasters, as given by `row_losses`.

    Args:
        model: losses of the model.
        baseline: losses of the baseline over the same rows.
        horizon: sessions ahead.
        interval: bootstrap the interval of the skill as well.
    """
    wanted = ["symbol", "horizon", "date", *LOSSES, "walk_square"]
    ours, theirs = (
        daily_means(part.loc[part["horizon"] == horizon, wanted])[horizon]
        for part in (model, baseline)
    )
    return compare_days(ours, theirs, horizon, interval=interval)


def compare_days(
    ours: pd.DataFrame, theirs: pd.DataFrame, horizon: int, *, interval: bool = False
) -> Comparison:
    """Compare two forecasters by the means of their days at one horizon.

    Args:
        ours: a row per date with `crps`, `log_score` and `walk_square`, of the model.
        theirs: the same of the baseline.
        horizon: sessions ahead.
        interval: bootstrap the interval of the skill as well.
    """
    if not ours["walk_square"].any():
        # Against a price that never moved the best forecast is the narrowest, whatever it knows.
        return Comparison(None, None, None, None, None)
    tests: dict[str, Test | None] = {}
    for name in LOSSES:
        difference = (ours[name] - theirs[name]).to_numpy(dtype=np.float64)
        stated = np.isfinite(difference).any()
        tests[name] = diebold_mariano(difference, horizon) if stated else None
    skill = low = high = None
    if tests["crps"] is not None:
        a, b = (part["crps"].to_numpy(dtype=np.float64) for part in (ours, theirs))
        gain = skill_of(float(a.mean()), float(b.mean()))
        skill = finite(gain)
        if interval and skill is not None:
            found = skill_interval(a, b, horizon)
            low, high = finite(found.low), finite(found.high)
    return Comparison(skill, low, high, tests["crps"], tests["log_score"])


def point_test(days: pd.DataFrame, horizon: int) -> Test:
    """Squared error of the median return against that of "no change", day by day.

    Args:
        days: a row per date with `square` and `walk_square`.
        horizon: sessions ahead.
    """
    difference = (days["square"] - days["walk_square"]).to_numpy(np.float64)
    if not days["walk_square"].any():
        # Of a price that never moved no forecast can say less than no change does.
        return Test(float(difference.mean()), float("nan"), float("nan"), len(difference))
    return diebold_mariano(difference, horizon)


def by_symbol(
    model: pd.DataFrame, baseline: pd.DataFrame, horizon: int
) -> dict[str, dict[str, float | int | None]]:
    """Diebold-Mariano tests of the CRPS for each symbol, with Holm's adjustment over symbols."""
    tests: dict[str, Test] = {}
    ours, theirs = (
        {str(name): rows for name, rows in losses.groupby("symbol", sort=False)}
        for losses in (model, baseline)
    )
    for symbol in sorted(ours):
        test = compare(ours[symbol], theirs[symbol], horizon).crps
        if test is not None:
            tests[symbol] = test
    adjusted: Mapping[str, float] = holm({name: test.p_value for name, test in tests.items()})
    return {
        name: {**test.to_dict(), "p_holm": finite(adjusted[name])} for name, test in tests.items()
    }
