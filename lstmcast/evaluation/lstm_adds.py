"""What the LSTM adds: the model against itself without LSTM units, and without training.

`linear` has the model's inputs, head and calibration, and no LSTM; `pretrained` is the networks
that come with lstmcast, not fitted to any price. What the model gains over the first is the LSTM's;
over the second it is what training on these symbols has taught.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmcast.baselines.context import LINEAR, PRETRAINED
from lstmcast.evaluation.comparison import Comparison
from lstmcast.evaluation.evidence import Finding, finding
from lstmcast.evaluation.significance import Test


@dataclass(frozen=True)
class Contribution:
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
    def found(self) -> Finding:
        """Better or worse by one of the two scores at least; CRPS decides where they disagree."""
        crps, log_score = (finding(test, self.trials) for test in (self.crps, self.log_score))
        return log_score if crps is Finding.level else crps

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "finding": str(self.found),
            "skill": self.skill,
            "crps": self.crps.to_dict(),
            "log_score": self.log_score.to_dict(),
        }


def contributions(
    comparisons: Mapping[str, Mapping[int, Comparison]],
    labels: Mapping[str, str],
    horizon: int,
    trials: int = 1,
) -> dict[str, Contribution]:
    """What the model adds to each of the two; without those that it was not compared with."""
    found = {}
    for name in (LINEAR, PRETRAINED):
        compared = comparisons[name][horizon] if name in comparisons else None
        if compared is None or compared.skill is None:
            continue
        if compared.crps is not None and compared.log_score is not None:
            found[name] = Contribution(
                labels[name], compared.skill, compared.crps, compared.log_score, trials
            )
    return found


def adds_words(found: Mapping[str, Contribution], label: str) -> str:
    """The same in words; nothing where there is nothing to say, or too few days to say it.

    Args:
        found: of `contributions`.
        label: the model with its article, as in "the LSTM".
    """
    told = {name: part for name, part in found.items() if part.found is not Finding.unknown}
    return " ".join(
        f"What {label if name == LINEAR else 'training'} adds, over {part.crps.days} days: "
        f"{_EFFECT[part.found].format(_RIVAL[name])} ({_figures(part)})."
        for name, part in told.items()
    )


_RIVAL = {
    LINEAR: "the linear model of the same inputs",
    PRETRAINED: "the pretrained networks without fitting",
}

_EFFECT = {
    Finding.better: "it beats {}",
    Finding.level: "nothing measurable, compared with {}",
    Finding.worse: "nothing, it loses to {}",
}


def _figures(part: Contribution) -> str:
    """How far CRPS and log score differ, each with its p-value."""
    share, score = 100 * part.skill, -part.log_score.mean
    return (
        f"CRPS {abs(share):.2f} % {_side(share)}, {_p(part.crps.p_value)}; "
        f"log score {abs(score):.4f} {_side(score)}, {_p(part.log_score.p_value)}"
    )


def _side(gain: float) -> str:
    return "lower" if np.isnan(gain) or gain >= 0 else "higher"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
