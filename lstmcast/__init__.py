"""Forecast how far a stock may move, with a custom LSTM and an honest verdict.

    >>> import lstmcast
    >>> history = lstmcast.fetch("AAPL", source="sample", start="2009-01-01")
    >>> run = lstmcast.fit(history, epochs=0)
    >>> run.predict(horizon=1, levels=[80]).columns.tolist()[-2:]
    ['lower_80', 'upper_80']

docs/api.md shows the rest. The names below load what they need when they are first used, so that
`import lstmcast` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstmcast.api.backtesting import backtest
    from lstmcast.api.fitting import fit
    from lstmcast.api.forecasts import forecast
    from lstmcast.api.prices import fetch, load_prices, save_prices
    from lstmcast.api.run import Run, load
    from lstmcast.config import Experiment
    from lstmcast.errors import LstmcastError
    from lstmcast.evaluation.backtest.splitter import WalkForward
    from lstmcast.prices.history import PriceHistory

__version__ = "0.1.0"

__all__ = [
    "Experiment",
    "LstmcastError",
    "PriceHistory",
    "Run",
    "WalkForward",
    "backtest",
    "fetch",
    "fit",
    "forecast",
    "load",
    "load_prices",
    "save_prices",
]

_MODULES = {
    "Experiment": "lstmcast.config",
    "LstmcastError": "lstmcast.errors",
    "PriceHistory": "lstmcast.prices.history",
    "Run": "lstmcast.api.run",
    "WalkForward": "lstmcast.evaluation.backtest.splitter",
    "backtest": "lstmcast.api.backtesting",
    "fetch": "lstmcast.api.prices",
    "fit": "lstmcast.api.fitting",
    "forecast": "lstmcast.api.forecasts",
    "load": "lstmcast.api.run",
    "load_prices": "lstmcast.api.prices",
    "save_prices": "lstmcast.api.prices",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'lstmcast' has no attribute {name!r}")
    found = getattr(import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, loaded or not, and what modules there are."""
    private = {"Any", "TYPE_CHECKING", "import_module"}
    return sorted({*__all__, *globals()} - private)
