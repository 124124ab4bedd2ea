"""The audit as a whole: which checks are run, in which order, and what the run's record keeps."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lstmcast.config import Experiment
from lstmcast.errors import AuditError
from lstmcast.evaluation.audit.controls import (
    check_random_walk,
    check_shuffled,
    check_volatility,
)
from lstmcast.evaluation.audit.fitted import check_purge, check_scaler, check_training
from lstmcast.evaluation.audit.future import check_features, check_forecasts
from lstmcast.evaluation.audit.result import SKILL, Check
from lstmcast.evaluation.audit.stored import NAME, check_predictions
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Forecaster

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class AuditReport:
    """Every check, and how long it took.

    Args:
        checks: in the order in which they were made.
        seconds: of each check.
    """

    checks: tuple[Check, ...]
    seconds: tuple[float, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the run keeps them."""
        return {
            "schema_version": SCHEMA_VERSION,
            "passed": self.passed,
            "checks": [
                {**check.to_dict(), "seconds": round(seconds, 2)}
                for check, seconds in zip(self.checks, self.seconds, strict=True)
            ],
        }

    def require(self) -> None:
        """Raise if there is a leak, or no skill where volatility is known.

        Raises:
            AuditError: naming every check that failed.
        """
        failed = [check for check in self.checks if check.passed is False]
        if not failed:
            return
        hint = "fix it and train again: until then no score of this run can be trusted"
        if all(check.name == SKILL for check in failed):
            hint = (
                "no leak was found, but this network learns little: use `model.start: pretrained`,"
                " or train it for more epochs"
            )
        raise AuditError("; ".join(f"{check.name}: {check.detail}" for check in failed), hint)


def audit(
    forecaster: "Forecaster",
    histories: Sequence[PriceHistory],
    *,
    predictions: pd.DataFrame | None = None,
    seed: int = 0,
    training: bool = True,
    watch: Callable[[str], None] = lambda _: None,
) -> AuditReport:
    """Audit a trained forecaster on the prices that it was trained on.

    Args:
        forecaster: the run's ensemble, with its resolved experiment.
        histories: the run's prices.
        predictions: the forecasts that the run keeps, to be compared with the forecaster's own.
        seed: of the moments and alterations that are tried.
        training: make the checks that train short networks of their own as well.
        watch: told the name of each check before it begins.
    """
    generator = np.random.default_rng(seed)
    checks, seconds = [], []
    asked = _checks(forecaster, histories, predictions, generator, training=training)
    for name, check in asked:
        watch(name)
        began = time.perf_counter()
        checks.append(check())
        seconds.append(time.perf_counter() - began)
    return AuditReport(tuple(checks), tuple(seconds))


def _checks(
    forecaster: "Forecaster",
    histories: Sequence[PriceHistory],
    predictions: pd.DataFrame | None,
    generator: np.random.Generator,
    *,
    training: bool,
) -> Iterator[tuple[str, Callable[[], Check]]]:
    experiment: Experiment = forecaster.experiment
    columns = dict.fromkeys(
        c for group in forecaster.groups for c in group.experiment.features or ()
    )
    yield "features", lambda: check_features(histories, list(columns), generator)
    yield "forecasts", lambda: check_forecasts(forecaster, histories, generator)
    if predictions is not None:
        yield NAME, lambda: check_predictions(forecaster, histories, predictions)
    for group in forecaster.groups:
        yield "scaler", partial(check_scaler, group.scaling, group.experiment, histories)
    yield "purge", lambda: check_purge(experiment, histories)
    if training:
        for group in forecaster.groups:
            yield "training", partial(check_training, group.experiment, histories, generator)
        yield "random walk", lambda: check_random_walk(experiment)
        yield "shuffled", lambda: check_shuffled(experiment, max(histories, key=len), generator)
        yield "volatility", lambda: check_volatility(experiment)
