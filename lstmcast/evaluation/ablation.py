"""Ablations: what the LSTM adds over the same model without LSTM units, and without training.

`linear` has the model's inputs, head and calibration, and no LSTM; `pretrained` is the networks
that come with lstmcast, not fitted to any price. What the model gains over the first is the LSTM's;
over the second it is what training on these symbols has taught.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstmcast.baselines.context import LINEAR, PRETRAINED
from lstmcast.evaluation.comparison import Comparison
from lstmcast.evaluation.finding import Finding, interpret
from lstmcast.evaluation.significance import Test


@dataclass(frozen=True)
class Ablation:
    """The model against one of the two at the shortest horizon.

    Args:
        label: how tables call the other.
        skill: 1 - CRPS of the model / that of the other.
        crps, log_score: tests of the difference, model minus other: below 0 the model is better.
        trials: configurations that the model was chosen from.
    """

    label: str
    skill: float
    crps: Test
    log_score: Test
    trials: int = 1

    @property
    def decisive(self) -> str:
        """The score that decides: the log score where CRPS shows no difference and it does."""
        crps, log_score = (interpret(test, self.trials) for test in (self.crps, self.log_score))
        told = log_score in (Finding.better, Finding.worse)
        return "log_score" if told and crps is Finding.level else "crps"

    @property
    def found(self) -> Finding:
        """Better or worse by one of the two scores at least; CRPS decides where they disagree."""
        crps, log_score = (interpret(test, self.trials) for test in (self.crps, self.log_score))
        return log_score if crps is Finding.level else crps

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "finding": str(self.found),
            "skill": self.skill,
            "crps": self.crps.to_dict(),
            "log_score": self.log_score.to_dict(),
        }


def ablations(
    comparisons: Mapping[str, Mapping[int, Comparison]],
    labels: Mapping[str, str],
    horizon: int,
    trials: int = 1,
) -> dict[str, Ablation]:
    """What the model adds to each of the two; without those that it was not compared with."""
    found = {}
    for name in (LINEAR, PRETRAINED):
        compared = comparisons[name][horizon] if name in comparisons else None
        if compared is None or compared.skill is None:
            continue
        if compared.crps is not None and compared.log_score is not None:
            found[name] = Ablation(
                labels[name], compared.skill, compared.crps, compared.log_score, trials
            )
    return found
