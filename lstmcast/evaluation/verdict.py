"""The verdict of an evaluation: should one believe the forecast?

A claim needs a p-value below 5 %, and of a model that is the best of many trials one that is below
it as the best of as many. Anything else is no measurable difference. A test period that is too
short, or in which the price stood still, gets no claim at all, and a result beyond what honest
forecasts reach is called too good to be true.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lstmcast.evaluation.finding import Finding, deflated, interpret
from lstmcast.evaluation.plausibility import too_good
from lstmcast.evaluation.verdict_inputs import VerdictInputs
from lstmcast.evaluation.verdict_text import (
    LABELS,
    headline,
    inconclusive,
    inconclusive_next,
    lines,
)


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
    """At the horizon of the verdict, on all days and in each volatility tercile: coverage is the
    nominal one within sampling error."""
    too_good: tuple[str, ...]
    """What is better than honest forecasts reach (`plausibility`), in words; empty in general."""
    summary: str
    """The answer in one line: the headline."""
    text: str
    """The lines below it in one paragraph; the summary where nothing can be concluded."""
    lines: dict[str, str] = field(default_factory=dict)
    """A line on each question, by `price`, `direction`, `range`, `further_ahead`, `lstm_adds` and
    `next`."""
    label: str = "LSTM"

    def labelled(self) -> list[tuple[str, str]]:
        """What each line is about, and the line."""
        return [(LABELS[key].format(self.label), text) for key, text in self.lines.items()]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        values = {
            key: str(value) if isinstance(value, Finding) else value
            for key, value in asdict(self).items()
        }
        return {**values, "too_good": list(self.too_good)}


def draw_verdict(evidence: VerdictInputs) -> Verdict:
    """Draw the verdict from the evidence."""
    e = evidence
    point = interpret(e.point, e.trials)
    best = e.against_best
    against_best = best.crps if best else None
    distribution = interpret(against_best, e.trials)
    walk = interpret(e.against_walk.crps if e.against_walk else None, e.trials)
    tested = bool(np.isfinite(e.point.p_value))
    copies = bool(np.mean([part.copies for part in e.copies.values()]) > 0.5) if tested else None
    judged = [c.calibrated for c in e.nearest_ranges if c.calibrated is not None]
    calibrated = all(judged) if judged and tested else None
    doubts = too_good(e) if tested else ()
    if tested:
        summary = headline(e, point, distribution, calibrated=calibrated, doubts=doubts)
        told = lines(
            e,
            point,
            distribution,
            walk,
            copies=bool(copies),
            calibrated=calibrated,
            doubts=doubts,
        )
    else:
        summary, told = inconclusive(e), {"next": inconclusive_next(e)}
    paragraph = " ".join(f"{LABELS[key].format(e.label)}: {text}" for key, text in told.items())
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
        point_p_deflated=deflated(e.point, e.trials) if tested else None,
        distribution_p_deflated=deflated(against_best, e.trials)
        if against_best and tested
        else None,
        copies=copies,
        ranges_hold=calibrated,
        too_good=doubts,
        summary=summary,
        text=paragraph if tested else summary,
        lines=told,
        label=e.label,
    )
