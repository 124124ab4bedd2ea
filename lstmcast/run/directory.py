"""Opening a run: its record, its tables, and the forecaster that it keeps."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast.config import Experiment, load_experiment
from lstmcast.errors import ConfigError, RunError, StoreError, UsageError
from lstmcast.features import groups_named
from lstmcast.files import make_folder, to_json, write_atomically
from lstmcast.left_overs import sweep
from lstmcast.predictions import read_by_symbol, read_predictions
from lstmcast.prices.context import attach_context
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import Reference
from lstmcast.reading import (
    CONFIG_BYTES,
    FORECASTS_BYTES,
    RECORD_BYTES,
    RUN_BYTES,
    hash_file,
    read_file,
)
from lstmcast.run.files import PREDICTIONS, RETRAIN, WEIGHTS, file_faults, verified_file
from lstmcast.run.folders import newest, no_run, read_record
from lstmcast.run.record import FILES
from lstmcast.run.summary import NetworkSummary, read_summary
from lstmcast.seals import NAME, Owner, hash_of
from lstmcast.shelf import Shelf

if TYPE_CHECKING:
    from lstmcast.baselines import BaselineMember
    from lstmcast.training import Forecaster

_HISTORY = ("member", "epoch", "train_loss", "validation_loss", "learning_rate", "seconds")
"""Columns of numbers in `history.csv`."""


@dataclass(frozen=True)
class RunSymbol:
    """The prices of one symbol that a run was trained on."""

    symbol: str
    source: str
    rows: int
    first: str
    last: str
    sha256: str
    currency: str | None
    exchange: str | None


@dataclass(frozen=True)
class Run:
    """A complete run directory.

    Args:
        path: the directory.
        record: the contents of `run.json`.
    """

    path: Path
    record: Mapping[str, Any]

    @classmethod
    def open(cls, run: Path | None, runs_dir: Path) -> "Run":
        """Open a run by its path or its name under `runs_dir`; without either, the newest.

        Raises:
            RunError: if there is none, or it is incomplete, damaged or of a newer schema.
        """
        sweep(runs_dir)
        if run is None:
            return _swept(cls(*newest(runs_dir)))
        path = run if run.is_dir() or run.parent != Path() else runs_dir / run
        if not path.is_dir():
            raise no_run(run, run if run.is_file() else path, runs_dir)
        return _swept(cls(path, read_record(path)))

    @staticmethod
    def exists(run: Path, runs_dir: Path) -> bool:
        """Whether there is a run by that path, or by that name under `runs_dir`."""
        places = [run, runs_dir / run] if run.parent == Path() else [run]
        return any((place / "run.json").is_file() for place in places)

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def symbols(self) -> list[RunSymbol]:
        """What each symbol was trained on."""
        return _symbols(self.record)

    @property
    def boundaries(self) -> dict[str, pd.Timestamp]:
        """`train_end`, `validation_end` and `test_end`: the last session of each part."""
        return _boundaries(self.record)

    @property
    def shares_features(self) -> bool:
        """Whether its symbols read what they do together, so that each needs the others' bars."""
        return any(group.pooled for group in groups_named(self.experiment().features or ()))

    @property
    def owner(self) -> Owner:
        """What its files belong to, where they say so: the hash of `run.json`, which has theirs."""
        return {"run": str(self.record.get(NAME) or hash_of(self.record))}

    @property
    def charts(self) -> Path:
        """Where charts of the run go."""
        return self.path / "charts"

    def experiment(self) -> Experiment:
        """The resolved experiment.

        Raises:
            RunError: if it is missing or damaged, or names feature groups that are not installed.
        """
        file = self._verified("config.yaml", CONFIG_BYTES)
        try:
            about = file.stat()
            return _experiment(file, (about.st_ino, about.st_size, about.st_mtime_ns))
        except ConfigError as error:
            faults = "; ".join((error.message, *error.problems))
            raise RunError(
                f"`config.yaml` of the run {self.path} cannot be used: {faults}",
                "restore it, install the package of the feature group that it names, or train the "
                "run again",
            ) from error

    def predictions(self, symbol: str | None = None) -> pd.DataFrame:
        """The forecasts of the test part, of one symbol or of all.

        Raises:
            RunError: if they are missing or damaged, of symbols that the run does not have, or
                those of all are too many to be read at once.
        """
        path = self._verified(PREDICTIONS, FORECASTS_BYTES)
        table = read_predictions(path, symbol)
        self._require_own(set(table["symbol"]))
        return table

    def put_predictions(self, shelf: Shelf[pd.DataFrame]) -> None:
        """Put the forecasts of each symbol on a shelf, a few at a time.

        Raises:
            RunError: as of `predictions`.
        """
        self.read_predictions(shelf.put)

    def read_predictions(self, take: Callable[[str, pd.DataFrame], None]) -> None:
        """Hand on each symbol and its forecasts, with a few symbols in memory at a time.

        Raises:
            RunError: as of `predictions`, where others may have been handed on before.
        """
        path = self._verified(PREDICTIONS, FORECASTS_BYTES)
        symbols: set[str] = set()

        def noted(symbol: str, table: pd.DataFrame) -> None:
            symbols.add(symbol)
            take(symbol, table)

        read_by_symbol(path, noted)
        self._require_own(symbols)

    def _require_own(self, symbols: set[str]) -> None:
        known = {entry.symbol for entry in self.symbols}
        if foreign := sorted(symbols - known):
            raise RunError(
                f"`{PREDICTIONS}` of the run {self.path} holds {', '.join(foreign[:3])}, "
                f"and the run is of {', '.join(sorted(known)[:3])}",
                RETRAIN,
            )

    def history(self) -> pd.DataFrame:
        """The training history: a row per member and epoch.

        Raises:
            RunError: if it is missing or damaged.
        """
        file = self._verified("history.csv", RECORD_BYTES)
        where = f"`history.csv` of the run {self.path}"
        try:
            table = pd.read_csv(io.BytesIO(read_file(file, RECORD_BYTES)))
            lacking = [name for name in _HISTORY if table[name].dtype.kind not in "if"]
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"{where} cannot be read", RETRAIN) from error
        if lacking or table.empty:
            raise RunError(
                f"{where} cannot be read: "
                + (
                    f"`{lacking[0]}` holds values that are not numbers"
                    if lacking
                    else "it is empty"
                ),
                RETRAIN,
            )
        return table

    def forecaster(self, device: str = "cpu") -> "Forecaster":
        """The trained ensemble, on a device."""
        from lstmcast.training.checkpoint import load_forecaster

        experiment = self.experiment()
        external_members = _members(experiment.model.pool.baselines)
        weights = self._verified(WEIGHTS, RUN_BYTES)
        return load_forecaster(weights, experiment, device, external_members)

    def quick_forecaster(self, tell: Callable[[str], object] = str) -> "Forecaster":
        """The trained ensemble, its networks run as graphs: then nothing loads PyTorch.

        Where that cannot be, PyTorch runs them.

        Args:
            tell: takes a line that says so, and why.

        Raises:
            RunError: as `forecaster`.
        """
        from lstmcast.graphs.session import GraphError
        from lstmcast.training.run_graphs import load_with_graphs

        experiment = self.experiment()
        names = experiment.model.pool.baselines
        try:
            weights = self._verified(WEIGHTS, RUN_BYTES)
            return load_with_graphs(weights, experiment, self._graph, _members(names))
        except GraphError as error:
            tell(f"note: PyTorch runs the networks, which takes longer to start: {error}")
            return self.forecaster()

    def _graph(self, name: str) -> bytes:
        """The file of a graph, as training wrote it.

        Raises:
            GraphError: if it is not there, or not that any more.
        """
        from lstmcast.graphs.session import GraphError

        if name not in self.record.get(FILES, {}):
            raise GraphError("the run has no graph of them")
        try:
            return read_file(self._verified(name, RUN_BYTES), RUN_BYTES)
        except (RunError, OSError) as error:
            raise GraphError(getattr(error, "message", str(error))) from error

    def histories(self, store: PriceStore, *, newest: bool = False) -> list[PriceHistory]:
        """The stored prices of the run's symbols and their context, from its first session on.

        Args:
            store: where prices are kept.
            newest: up to the newest stored bar, else up to the last session of training.

        Raises:
            StoreError: if a symbol or context series is no longer stored.
        """
        histories = [
            store.load(entry.symbol, entry.source).between(
                entry.first, None if newest else entry.last
            )
            for entry in self.symbols
        ]
        return attach_context(store, histories, self.experiment().data.context)

    def references(self, symbols: Sequence[str] = ()) -> list[Reference]:
        """Symbols with their sources; those of the run where none are named.

        Args:
            symbols: in any spelling, in the run or not, each with its source before it
                (`csv:GSPC`) where it is not the run's.

        Raises:
            UsageError: if a symbol cannot be one, or is named twice.
        """
        if not symbols:
            return [Reference(entry.source, entry.symbol) for entry in self.symbols]
        source = self.symbols[0].source
        wanted = [Reference.parse(symbol, source) for symbol in symbols]
        if len({reference.symbol for reference in wanted}) < len(wanted):
            raise UsageError(
                f"`--symbol` names {', '.join(symbols)}, one of them twice", "name each once"
            )
        return wanted

    def beside(self, wanted: Sequence[Reference]) -> list[Reference]:
        """The run's other symbols, where what all do together tells of the wanted ones."""
        if not self.shares_features:
            return []
        named = {reference.symbol for reference in wanted}
        return [own for own in self.references() if own.symbol not in named]

    def prices(
        self, store: PriceStore, wanted: Reference, until: date | None = None
    ) -> PriceHistory:
        """The stored prices of any symbol: from the run's first session on if it is in the run.

        Args:
            store: where prices are kept.
            wanted: the symbol.
            until: the last day; None for the newest stored bar.

        Raises:
            StoreError: if it is not stored.
            NoDataInRangeError: if it has no bar between these days.
        """
        known = {entry.symbol: entry.first for entry in self.symbols}
        return _load(store, wanted).between(known.get(wanted.symbol), until)

    @property
    def weights_hash(self) -> str:
        """Hex SHA-256 of the file of its weights; empty where there is none."""
        known = self.record.get(FILES, {}).get(WEIGHTS)
        try:
            return str(known or hash_file(self.path / WEIGHTS, RUN_BYTES))
        except OSError:
            return ""

    def networks(self) -> list[NetworkSummary]:
        """Layers and parameters of the networks, group by group, without loading them.

        Raises:
            RunError: if the weights are missing or damaged.
        """
        return read_summary(self._verified(WEIGHTS, RUN_BYTES))

    def faults(self) -> list[str]:
        """What is wrong with the files that training wrote, a line each."""
        return file_faults(self.path, self.record)

    def make_charts_folder(self) -> None:
        """Make the folder for charts, if a copy of the run came without it.

        Raises:
            OutputError: if it cannot be made.
        """
        make_folder(self.charts, "use `--output` to write elsewhere")

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Keep what `evaluate` found."""
        write_atomically(self.path / "metrics.json", to_json(metrics))

    def _verified(self, name: str, most: int) -> Path:
        """A file of the run, which has at most so many bytes and is what training wrote.

        Raises:
            RunError: if it is missing, cannot be read, or has changed since.
        """
        return verified_file(self.path, self.record, name, most)


@lru_cache(maxsize=16)
def _experiment(file: Path, state: tuple[int, ...]) -> Experiment:  # noqa: ARG001 - part of the key
    """The experiment in a file, read once for as long as the file is the same."""
    return load_experiment(file)


def _members(names: Sequence[str]) -> "tuple[BaselineMember, ...]":
    """The baselines of a pool."""
    if not names:
        return ()
    from lstmcast.baselines import baseline_members

    return baseline_members(names)


def _swept(run: Run) -> Run:
    """The run, without what commands that were killed left in it and beside it."""
    for folder in (run.path.parent, run.path, run.charts):
        sweep(folder)
    return run


def _load(store: PriceStore, wanted: Reference) -> PriceHistory:
    """A stored history; one that is there from other sources alone is asked for with its source."""
    stored = store.sources(wanted.symbol)
    if stored and wanted.source not in stored:
        raise StoreError(
            f"{wanted.symbol} is stored from {', '.join(stored)}, not from {wanted.source}",
            f"name the source, as in `--symbol {stored[0]}:{wanted.symbol}`",
        )
    return store.load(wanted.symbol, wanted.source)


def _symbols(record: Mapping[str, Any]) -> list[RunSymbol]:
    """The symbols of `run.json`; what a later version adds to them is passed over."""
    known = {field.name for field in fields(RunSymbol)}
    return [
        RunSymbol(**{k: v for k, v in entry.items() if k in known}) for entry in record["symbols"]
    ]


def _boundaries(record: Mapping[str, Any]) -> dict[str, pd.Timestamp]:
    return {name: pd.Timestamp(value) for name, value in record["split"].items()}
