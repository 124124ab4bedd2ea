"""Walk-forward evaluation: train, forecast the next fold, move on, train again."""

from lstmcast.evaluation.backtest.folds import Fold, plan_folds
from lstmcast.evaluation.backtest.saved import SavedWalk
from lstmcast.evaluation.backtest.settings import Settings
from lstmcast.evaluation.backtest.splitter import Splitter, WalkForward
from lstmcast.evaluation.backtest.strategies import Performance, trade
from lstmcast.evaluation.backtest.summary import BacktestReport, Year, summarise
from lstmcast.evaluation.backtest.trials import count_trials
from lstmcast.evaluation.backtest.walk import Backtest

__all__ = [
    "Backtest",
    "BacktestReport",
    "Fold",
    "Performance",
    "SavedWalk",
    "Settings",
    "Splitter",
    "WalkForward",
    "Year",
    "count_trials",
    "plan_folds",
    "summarise",
    "trade",
]
