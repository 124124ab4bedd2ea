"""The closing words of an evaluation: is the forecast worth more than a standard?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lstmcast.evaluation.scores import Scores

RANDOM_WALK = "random_walk"


@dataclass(frozen=True)
class Verdict:
    """What the scores say at the shortest horizon.

    `point_gain` and `distribution_gain` are None where the model or the random walk does not
    state what would be compared.
    """

    horizon: int
    point_gain: float | None
    """1 - RMSE of the price / that of the last close: above 0 the model is closer."""
    distribution_gain: float | None
    """1 - CRPS / that of the best baseline: above 0 the model's distribution is better."""
    best_baseline: str | None
    """Name of the baseline with the lowest CRPS."""
    text: str

    def to_dict(self) -> dict[str, object]:
        """Plain values."""
        return {
            "horizon": self.horizon,
            "point_gain": self.point_gain,
            "distribution_gain": self.distribution_gain,
            "best_baseline": self.best_baseline,
            "text": self.text,
        }


def judge(
    model: Scores, baselines: Mapping[str, Scores], labels: Mapping[str, str], horizon: int
) -> Verdict:
    """Compare the model's pooled scores with the random walk's and the best baseline's.

    Args:
        model: pooled scores of the model at `horizon`.
        baselines: the same of each baseline, by name.
        labels: how to call each baseline.
        horizon: sessions ahead.
    """
    point = None if np.isnan(model.rmse_ratio) else 1 - model.rmse_ratio
    stated = {name: scores for name, scores in baselines.items() if np.isfinite(scores.crps)}
    best = min(stated, key=lambda name: stated[name].crps) if stated else None
    gain = None
    if best is not None and np.isfinite(model.crps):
        gain = 1 - model.crps / stated[best].crps
    words = [_point_words(point), _distribution_words(gain, best, model, stated, labels)]
    return Verdict(horizon, point, gain, best, " ".join(word for word in words if word))


def _point_words(gain: float | None) -> str:
    if gain is None:
        return ""
    if abs(gain) < 5e-5:
        return "As a price, the forecast is level with the last close."
    if gain > 0:
        return (
            f"As a price, the forecast is closer than the last close (error {100 * gain:.2f} % "
            "smaller)."
        )
    return (
        "As a price, the forecast loses to the random walk: it is worse than yesterday's price, "
        f"with an error {-100 * gain:.2f} % larger."
    )


def _distribution_words(
    gain: float | None,
    best: str | None,
    model: Scores,
    baselines: Mapping[str, Scores],
    labels: Mapping[str, str],
) -> str:
    if not np.isfinite(model.crps):
        return "It states no range, so nothing can be said of how far the price may move."
    if gain is None or best is None:
        return ""
    if gain > 0:
        return (
            f"As a distribution it beats every baseline: CRPS {100 * gain:.2f} % below "
            f"{labels[best]}, the best of them."
        )
    walk = baselines.get(RANDOM_WALK)
    beats_walk = walk is not None and best != RANDOM_WALK and model.crps < walk.crps
    return (
        f"As a distribution it {'beats the random walk but ' if beats_walk else ''}"
        f"loses to {labels[best]}: CRPS {-100 * gain:.2f} % above."
    )
