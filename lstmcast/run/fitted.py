"""A run that was trained a moment ago and is kept in memory alone.

It answers what evaluation, charts and forecasts ask of a run directory, so that they work on both.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast.config import Experiment
from lstmcast.run.creation import create_run, ensure_writable, record_of
from lstmcast.run.directory import Run

if TYPE_CHECKING:
    from lstmcast.training import Forecaster, Trained


@dataclass(frozen=True)
class FittedRun(Run):
    """What training produced, as a run.

    Args:
        path: ends in the experiment's name; nothing is there.
        record: what `run.json` would say.
        trained: what training produced.
    """

    trained: "Trained" = field(repr=False)

    @classmethod
    def of(cls, trained: "Trained") -> "FittedRun":
        """A run of what was trained."""
        path = Path(os.devnull, trained.prepared.experiment.name)  # no file can be there
        return cls(path, record_of(trained, datetime.now(UTC)), trained)

    def experiment(self) -> Experiment:
        """The resolved experiment."""
        return self.trained.prepared.experiment

    def predictions(self, symbol: str | None = None) -> pd.DataFrame:
        """The forecasts of the test part, of one symbol or of all."""
        table = self.trained.predictions
        return table.copy() if symbol is None else table[table["symbol"] == symbol]

    def read_predictions(self, take: Callable[[str, pd.DataFrame], None]) -> None:
        """Hand on each symbol and its forecasts."""
        for symbol, rows in self.trained.predictions.groupby("symbol", sort=False):
            take(str(symbol), rows)

    def history(self) -> pd.DataFrame:
        """The training history: a row per member and epoch."""
        records = [asdict(r) for member in self.trained.ensemble.members for r in member.records]
        return pd.DataFrame(records)

    def forecaster(self, device: str = "cpu") -> "Forecaster":  # noqa: ARG002 - it is where it was trained
        """The trained ensemble, on the device on which it was trained."""
        return self.trained.forecaster

    def quick_forecaster(self, tell: Callable[[str], object] = str) -> "Forecaster":  # noqa: ARG002 - there is nothing to say
        """The trained ensemble: it is there, so nothing has to be loaded."""
        return self.trained.forecaster

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Keep nothing: there is no folder."""

    def write(self, runs_dir: Path) -> Run:
        """Write the run into a folder under `runs_dir`, whole or not at all.

        Raises:
            OutputError: if it cannot be written.
        """
        ensure_writable(runs_dir)
        return create_run(runs_dir, self.trained)
