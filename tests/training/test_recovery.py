"""Does training find what is there? Returns of known volatility and known tails.

What these tests do not cover: the mean (there is none to find) and volatility that jumps.
"""

from functools import lru_cache

import numpy as np
import pytest
from scipy import stats
from support.experiments import Recorder
from support.histories import as_history
from support.simulated import bars_from_returns, garch_returns

from lstmcast.config import parse_experiment
from lstmcast.distributions import StudentTMixture
from lstmcast.training import Trained, resolve_experiment, train_experiment
from lstmcast.training.forecaster import ForecastInputs

SYMBOLS = [f"S{k}" for k in range(6)]
ROWS = 2500
TRUE_DF = 5.0

EXPERIMENT = f"""
name: recovery
data: {{symbols: [{", ".join(SYMBOLS)}]}}
features: [returns]
target: {{horizon: 1}}
split: {{train: 0.7, validation: 0.15, test: 0.15}}
model: {{hidden_size: 16, members: 1}}
training: {{seed: 3, threads: 2, device: cpu}}
"""

pytestmark = pytest.mark.slow


def train(returns: dict[str, np.ndarray]) -> Trained:
    histories = []
    for symbol, values in returns.items():
        bars = bars_from_returns(values)
        bars["adj_close"] = bars["close"]
        histories.append(as_history(bars.drop(columns="dollar_volume"), symbol))
    experiment = resolve_experiment(parse_experiment(EXPERIMENT), histories)
    return train_experiment(experiment, histories, Recorder())


def forecasts(run: Trained) -> dict[str, tuple[np.ndarray, list[StudentTMixture]]]:
    """Of each symbol, its test rows in the simulation and what each member says there."""
    panel = run.prepared.inputs
    parts = run.prepared.parts
    origins = {symbol: part.test for symbol, part in parts.items()}
    members = run.forecaster.members(ForecastInputs((panel,), {}), origins)
    found = {}
    for block, dates in zip(panel.blocks, panel.dates, strict=True):
        sessions = np.arange(ROWS + 1)[-len(dates) :][origins[block.symbol]]
        stated = [m for m in members[block.symbol] if isinstance(m, StudentTMixture)]
        assert len(stated) == len(run.ensemble.members)
        found[block.symbol] = (sessions, stated)
    return found


def deviation(member: StudentTMixture) -> np.ndarray:
    """Standard deviation of the forecast one session ahead."""
    df = member.df[0, :, 0]
    spread: np.ndarray = member.scale[0, :, 0] * np.sqrt(df / (df - 2))
    return spread


@lru_cache(maxsize=1)
def garch() -> tuple[Trained, dict[str, np.ndarray]]:
    """A network trained on GARCH returns of different levels, and the true volatilities."""
    returns, volatility = {}, {}
    for k, symbol in enumerate(SYMBOLS):
        level = 0.5 + 0.25 * k
        values, sigma = garch_returns(k, ROWS, alpha=0.08, beta=0.9, df=8.0)
        returns[symbol], volatility[symbol] = level * values, level * sigma
    return train(returns), volatility


def test_the_scale_follows_the_true_volatility_of_garch_returns() -> None:
    run, volatility = garch()
    for symbol, (sessions, members) in forecasts(run).items():
        # Return number t takes the close from row t to row t + 1.
        truth = volatility[symbol][sessions]
        stated = np.mean([deviation(member) for member in members], axis=0)
        agreement = np.corrcoef(stated, truth)[0, 1]
        assert agreement > 0.95, symbol
        # Not late or early by a session.
        assert agreement > max(
            np.corrcoef(stated[1:], truth[:-1])[0, 1], np.corrcoef(stated[:-1], truth[1:])[0, 1]
        ), symbol
        assert np.exp(np.log(stated / truth).mean()) == pytest.approx(1, abs=0.1), symbol


def test_the_network_comes_near_the_log_score_of_the_truth() -> None:
    run, volatility = garch()
    losses, ideal = [], []
    for symbol, (sessions, _) in forecasts(run).items():
        table = run.predictions[run.predictions["symbol"] == symbol]
        actual = table["return_actual"].to_numpy()
        sigma = volatility[symbol][sessions[: len(actual)]]
        losses.append(-table["log_density"].to_numpy())
        ideal.append(-stats.t.logpdf(actual, 8.0, 0, sigma * np.sqrt(6 / 8)))
    assert np.concatenate(losses).mean() - np.concatenate(ideal).mean() < 0.02


def test_independent_returns_get_one_scale_and_their_tails() -> None:
    random = np.random.default_rng(8)
    run = train({symbol: 0.01 * random.standard_t(TRUE_DF, ROWS) for symbol in SYMBOLS})
    truth = 0.01 * np.sqrt(TRUE_DF / (TRUE_DF - 2))
    for symbol, (_, members) in forecasts(run).items():
        for member in members:
            stated = deviation(member)
            assert np.std(np.log(stated)) < 0.08, symbol
            assert np.exp(np.log(stated).mean()) == pytest.approx(truth, rel=0.1), symbol
            assert np.median(member.df) == pytest.approx(TRUE_DF, abs=0.8), symbol
