"""Negative and positive controls: no skill where there is none, volatility where it is known."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast.baselines.scaled import ewma_volatility
from lstmcast.config import Experiment, SplitFractions
from lstmcast.errors import DataError
from lstmcast.evaluation.audit import simulate
from lstmcast.evaluation.audit.altered import shuffled_days
from lstmcast.evaluation.audit.fitted import in_epochs, shortened
from lstmcast.evaluation.audit.result import SKILL, Check
from lstmcast.evaluation.evaluator import evaluate
from lstmcast.evaluation.finding import Finding, interpret
from lstmcast.evaluation.report import MODEL, best_baseline
from lstmcast.evaluation.significance import Test
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Trained

EPOCHS = 12
"""Epochs of a control's training; one network."""

IMPOSSIBLE = 0.001
"""A p-value that luck does not reach in an audit or two: skill at this level is a leak."""

EWMA_DECAY = 0.94
"""Of the plain moving average that a model has to follow the true volatility better than."""

MARGIN = 0.01
"""By how much more its correlation must be: to repeat the average is to have learned nothing."""

_BASELINES = ("random_walk", "constant", "ewma", "har_calibrated")
"""The last learns its ranges from outcomes, as a calibrated model does: where returns take few
values, as those of prices in large ticks, it would be better than every t distribution."""

_SEED = 7


def check_random_walk(experiment: Experiment) -> Check:
    """Train on a pure random walk: neither the price nor the range may show skill."""
    return _no_skill("random walk", experiment, simulate.random_walk(_SEED))


def check_shuffled(
    experiment: Experiment, history: PriceHistory, generator: np.random.Generator
) -> Check:
    """Train on one's own days in random order: no skill may be left."""
    try:
        return _no_skill("shuffled", experiment, shuffled_days(history, generator))
    except DataError as error:
        detail = f"{history.symbol} has too few sessions for it: {error}"
        return Check("shuffled", passed=None, detail=detail)


def check_volatility(experiment: Experiment) -> Check:
    """Train on a GARCH of known volatility: the stated spread must follow it better than EWMA does.

    An untrained network passes on what its inputs say of volatility, and that correlates with the
    truth as well; what a moving average of squared returns gets on the same days is no skill.
    """
    history, volatility = simulate.garch(_SEED)
    trained = _train(experiment, history)
    table = trained.predictions
    rows = table[table["horizon"] == 1]
    spread = (rows["q75"] - rows["q25"]).to_numpy(dtype=np.float64)
    if np.isnan(spread).any():
        return Check(SKILL, passed=None, detail="the model states no ranges")
    sessions = pd.DatetimeIndex(history.bars.index)
    coming = np.log(volatility[sessions.get_indexer(pd.DatetimeIndex(rows["date"]))])
    log_close = np.log(history.bars["close"].to_numpy(dtype=np.float64))
    ewma = ewma_volatility(np.diff(log_close, prepend=log_close[0]), EWMA_DECAY)
    known = ewma[sessions.get_indexer(pd.DatetimeIndex(rows["origin"]))]
    found, least = (float(np.corrcoef(np.log(v), coming)[0, 1]) for v in (spread, known))
    return Check(
        SKILL,
        passed=found > least + MARGIN,
        detail=f"correlation of {found:.2f} between forecast and true volatility of a simulated "
        f"GARCH, after {in_epochs(experiment, EPOCHS)} of one network; "
        f"EWMA({EWMA_DECAY}) reaches {least:.2f}",
    )


def _no_skill(name: str, experiment: Experiment, history: PriceHistory) -> Check:
    trained = _train(experiment, history)
    report = evaluate(
        trained.predictions, {history.symbol: history.adjusted()}, baselines=_BASELINES, jobs=1
    )
    horizon = report.horizons[0]
    tests = {"price": report.point_tests[horizon]}
    best = best_baseline(report.forecasters, horizon)
    if best is not None and report.forecasters[MODEL].kind == "distribution":
        test = report.comparisons[best][horizon].crps
        if test is not None:
            tests["range"] = test
    for what, test in tests.items():
        if test.p_value < IMPOSSIBLE and test.mean < 0:
            return Check(
                name,
                passed=False,
                detail=f"the {what} shows skill (p = {test.p_value:.1g}, {test.days} days) where "
                "nothing can be known: there is a leak",
            )
    found = ", ".join(_in_words(what, test) for what, test in tests.items())
    return Check(
        name,
        passed=True,
        detail=f"no skill, as expected, over {report.verdict.days} days ({found})",
    )


def _in_words(what: str, test: Test) -> str:
    """How a test came out that showed no leak."""
    found = interpret(test)
    if found is not Finding.better:
        return f"{what} {found}"
    return (
        f"{what} better, p = {test.p_value:.2g}: chance can do that; a leak is below {IMPOSSIBLE}"
    )


def _train(experiment: Experiment, history: PriceHistory) -> "Trained":
    from lstmcast.baselines import baseline_members
    from lstmcast.training import SilentObserver, train_experiment

    short = shortened(experiment, epochs=EPOCHS)
    control = short.model_copy(
        update={
            "split": SplitFractions(train=0.6, validation=0.15, test=0.25),
            "data": short.data.model_copy(update={"symbols": (history.symbol,), "context": ()}),
        }
    )
    # its split is not the run's, so windows may have to be shorter, as where nobody sets a length
    control.training.model_fields_set.discard("lookback")
    external_members = baseline_members(control.model.pool.baselines)
    return train_experiment(control, [history], SilentObserver(), external_members, moved=False)
