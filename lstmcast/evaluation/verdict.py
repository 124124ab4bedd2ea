"""The closing words of an evaluation: is the forecast worth more than a baseline?

A claim needs a p-value below 5 %, and a model that is the best of many trials one that is below it
as the best of as many; anything else is called level, and a test range too short to tell, or in
which the price stood still, gets no claim at all. A result beyond what honest forecasts reach is
called that.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lstmcast.evaluation.evidence import Evidence, Finding, allowed_for, finding
from lstmcast.evaluation.suspicion import too_good
from lstmcast.evaluation.words import full_text, in_short, inconclusive


@dataclass(frozen=True)
class Verdict:
    """The findings, the figures that they rest on, and the same in words."""

    horizon: int
    days: int
    point: Finding
    point_gain: float | None
    """1 - RMSE of the median return / that of no change: above 0 the model is closer."""
    point_p: float | None
    distribution: Finding
    """Against the best baseline."""
    best_baseline: str | None
    distribution_gain: float | None
    """1 - CRPS / that of the best baseline: above 0 the model's distribution is better."""
    distribution_p: float | None
    against_random_walk: Finding
    trials: int
    """Configurations that the model was chosen from; 1 where nobody searched."""
    point_p_deflated: float | None
    """`point_p` as the p-value of the best of so many, where it speaks for the model."""
    distribution_p_deflated: float | None
    copies: bool | None
    """The median fits the last close better than the close that came, for most symbols."""
    ranges_hold: bool | None
    """At the horizon of the verdict, on all days and in each third: no miss beyond luck."""
    too_good: tuple[str, ...]
    """What is better than honest forecasts reach (`suspicion`), in words; empty in general."""
    summary: str
    """The answer in one line."""
    text: str
    """The same with the figures."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        values = {
            key: str(value) if isinstance(value, Finding) else value
            for key, value in asdict(self).items()
        }
        return {**values, "too_good": list(self.too_good)}


def judge(evidence: Evidence) -> Verdict:
    """Draw the verdict from the evidence."""
    e = evidence
    point = finding(e.point, e.trials)
    best = e.against_best
    against_best = best.crps if best else None
    distribution = finding(against_best, e.trials)
    walk = finding(e.against_walk.crps if e.against_walk else None, e.trials)
    tested = np.isfinite(e.point.p_value)
    copies = np.mean([part.copies for part in e.copies.values()]) > 0.5 if tested else None
    judged = [check.calibrated for check in e.nearest_ranges if check.calibrated is not None]
    hold = all(judged) if judged and tested else None
    doubts = too_good(e) if tested else ()
    return Verdict(
        horizon=e.horizon,
        days=e.days,
        point=point,
        point_gain=1 - e.error_ratio if np.isfinite(e.error_ratio) else None,
        point_p=e.point.p_value if tested else None,
        distribution=distribution,
        best_baseline=e.best[0] if e.best else None,
        distribution_gain=best.skill if best else None,
        distribution_p=against_best.p_value if against_best and tested else None,
        against_random_walk=walk,
        trials=e.trials,
        point_p_deflated=allowed_for(e.point, e.trials) if tested else None,
        distribution_p_deflated=allowed_for(against_best, e.trials)
        if against_best and tested
        else None,
        copies=None if copies is None else bool(copies),
        ranges_hold=hold,
        too_good=doubts,
        summary=in_short(e, point, distribution, hold=hold, doubts=doubts)
        if tested
        else inconclusive(e),
        text=full_text(e, point, distribution, walk, copies=bool(copies), doubts=doubts)
        if tested
        else inconclusive(e),
    )
