"""The search for a better configuration: trials scored on validation rows, kept in a study.

    study.journal        every trial, as it is asked for and told (Optuna's journal)
    best.yaml            the best configuration so far, as `lstmcast train --config` takes it
    trials.csv           a row per trial
    summary.json         what `lstmcast tune --json` prints
    charts/              how the search went, and which keys mattered

The test part is not forecast by any trial. Optuna is imported inside functions: it costs a third of
a second, and SQLAlchemy as much again where a study is kept in a database.
"""

from lstmcast.tuning.plan import Plan
from lstmcast.tuning.search import BATCH, Observer, Tried, tune
from lstmcast.tuning.space import default_space
from lstmcast.tuning.study import KeptStudy
from lstmcast.tuning.summary import Summary, summarise

__all__ = [
    "BATCH",
    "KeptStudy",
    "Observer",
    "Plan",
    "Summary",
    "Tried",
    "default_space",
    "summarise",
    "tune",
]
