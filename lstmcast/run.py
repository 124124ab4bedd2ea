"""The run directory: everything about one training run, readable without lstmcast.

    config.yaml          the settled experiment, which trains the same run again
    run.json             schema, versions, device, seeds, threads, status, timings, data
    model.safetensors    every member's weights and the scaling
    history.csv          a row per member and epoch
    predictions.parquet  the forecasts of the test part
    metrics.json         what `evaluate --json` prints
    charts/

A run is written into a hidden folder and renamed when it is whole, so a run that can be seen is
complete. There is no pickle in it: opening a stranger's run executes nothing. Reading one loads
torch only when the forecaster itself is asked for.
"""

import contextlib
import csv
import io
import json
import os
import platform
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast import __version__
from lstmcast.config import Experiment, dump_experiment, load_experiment
from lstmcast.errors import LstmcastError, OutputError, RunError, UsageError
from lstmcast.features import groups_named
from lstmcast.files import write_atomically
from lstmcast.predictions import read_predictions
from lstmcast.prices.context import attach_context
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.prices.symbols import normalise_symbol

if TYPE_CHECKING:
    from lstmcast.training import Forecaster, Trained

SCHEMA = 1
"""Raised when a run directory changes so that older programs cannot read it."""

PACKAGES = ("torch", "numpy", "pandas", "scikit-learn", "pyarrow", "safetensors", "scipy")


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
        if run is None:
            return cls(*_newest(runs_dir))
        path = run if run.is_dir() or run.parent != Path() else runs_dir / run
        if not path.is_dir():
            raise RunError(
                f"there is no run `{run}`",
                f"the newest run under {runs_dir} is taken when none is named",
            )
        return cls(path, _read_record(path))

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
    def charts(self) -> Path:
        """Where charts of the run go."""
        return self.path / "charts"

    def experiment(self) -> Experiment:
        """The settled experiment."""
        return load_experiment(self._file("config.yaml"))

    def predictions(self) -> pd.DataFrame:
        """The forecasts of the test part."""
        return read_predictions(self.path / "predictions.parquet")

    def history(self) -> pd.DataFrame:
        """The training history: a row per member and epoch."""
        return pd.read_csv(self._file("history.csv"))

    def forecaster(self, device: str = "cpu") -> "Forecaster":
        """The trained ensemble, on a device."""
        from lstmcast.baselines import baseline_members
        from lstmcast.training.checkpoint import load_forecaster

        experiment = self.experiment()
        companions = baseline_members(experiment.model.pool.baselines)
        return load_forecaster(self.path / "model.safetensors", experiment, device, companions)

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

    def newest_histories(self, store: PriceStore, symbols: Sequence[str]) -> list[PriceHistory]:
        """The stored prices of any symbols, in the run or not, up to the newest bar.

        Those of the run begin with its first session; others with their own, from the run's source.
        A run with pooled features needs all of its symbols beside them, at the end of the list.

        Args:
            store: where prices are kept.
            symbols: in any spelling.

        Raises:
            UsageError: if a symbol cannot be one, or is named twice.
            StoreError: if a symbol or context series is not stored.
        """
        wanted = [normalise_symbol(symbol) for symbol in symbols]
        if len(set(wanted)) < len(wanted):
            raise UsageError(
                f"`--symbol` names {', '.join(symbols)}, one of them twice", "name each once"
            )
        known = {entry.symbol: entry for entry in self.symbols}
        source = self.symbols[0].source
        if self.shares_features:
            wanted += [symbol for symbol in known if symbol not in wanted]
        histories = [
            store.load(symbol, source).between(
                known[symbol].first if symbol in known else None, None
            )
            for symbol in wanted
        ]
        return attach_context(store, histories, self.experiment().data.context)

    def make_charts_folder(self) -> None:
        """Make the folder for charts, if a copy of the run came without it.

        Raises:
            OutputError: if it cannot be made.
        """
        _make_folder(self.charts, "use `--output` to write elsewhere")

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Keep what `evaluate` found."""
        write_atomically(self.path / "metrics.json", to_json(metrics))

    def _file(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise RunError(
                f"`{name}` is missing from the run {self.path}",
                "train the run again with `lstmcast train --config`",
            )
        return path


def ensure_writable(runs_dir: Path) -> None:
    """Fail before a long training, not after it.

    Raises:
        OutputError: if the folder cannot be made or written.
    """
    _make_folder(runs_dir, _RUNS_DIR_HINT)
    if not os.access(runs_dir, os.W_OK | os.X_OK):
        raise OutputError(f"`--runs-dir` {runs_dir} cannot be written", _RUNS_DIR_HINT)


_RUNS_DIR_HINT = "choose another with `--runs-dir` or LSTMCAST_RUNS_DIR"


def _make_folder(path: Path, hint: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made: {error.strerror or error}", hint) from error


def to_json(value: Mapping[str, Any]) -> bytes:
    """JSON as every file of a run has it: indented, strict, with a final newline."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def create_run(
    runs_dir: Path, trained: "Trained", histories: Sequence[PriceHistory], threads: int
) -> Run:
    """Write a run directory, whole or not at all.

    Args:
        runs_dir: where runs are kept; made if missing.
        trained: what training produced.
        histories: the prices it was trained on.
        threads: CPU threads that were used.

    Raises:
        OutputError: if it cannot be written.
    """
    from lstmcast.training.checkpoint import dump_forecaster

    created = datetime.now(UTC)
    experiment = trained.prepared.experiment
    record = _record(trained, histories, created, threads)
    files = {
        "config.yaml": dump_experiment(experiment).encode(),
        "model.safetensors": dump_forecaster(trained.forecaster),
        "history.csv": _history_csv(trained),
        "predictions.parquet": _parquet(trained.predictions),
        "run.json": to_json(record),
    }
    hidden = runs_dir / f".{created:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}.partial"
    try:
        (hidden / "charts").mkdir(parents=True)
        for name, content in files.items():
            write_atomically(hidden / name, content)
        path = _move_into_place(hidden, runs_dir, f"{created:%Y%m%d-%H%M%S}-{experiment.name}")
    except OSError as error:
        raise OutputError(
            f"`--runs-dir` {runs_dir} cannot be written: {error.strerror or error}",
            _RUNS_DIR_HINT,
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(hidden)
    return Run(path, record)


def _move_into_place(hidden: Path, runs_dir: Path, name: str) -> Path:
    """Rename the finished folder to a name that no other run has."""
    for attempt in range(1, 1000):
        path = runs_dir / (name if attempt == 1 else f"{name}-{attempt}")
        if path.exists():
            continue
        try:
            return hidden.rename(path)
        except OSError:
            if not path.exists():
                raise
            # Another training finished in this moment and took the name.
    raise OutputError(f"`--runs-dir` {runs_dir} holds 1000 runs named {name}", "remove some")


def _record(
    trained: "Trained", histories: Sequence[PriceHistory], created: datetime, threads: int
) -> dict[str, Any]:
    experiment, boundaries = trained.prepared.experiment, trained.prepared.boundaries
    ensemble = trained.ensemble
    return {
        "schema": SCHEMA,
        "name": experiment.name,
        "created": created.isoformat(timespec="seconds"),
        "status": "interrupted" if ensemble.interrupted else "complete",
        "lstmcast": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {package: version(package) for package in PACKAGES},
        "device": trained.device,
        "seed": experiment.training.seed,
        "member_seeds": [member.seed for member in ensemble.members],
        "diverged_members": ensemble.diverged,
        "threads": threads,
        "pool": None if trained.pool is None else trained.pool.to_dict(),
        "seconds": trained.seconds,
        "split": {
            name: f"{getattr(boundaries, name):%Y-%m-%d}"
            for name in ("train_end", "validation_end", "test_end")
        },
        "parts": {
            symbol: {
                "train": len(parts.train),
                "validation": len(parts.validation),
                "test": len(parts.test),
            }
            for symbol, parts in trained.prepared.parts.items()
        },
        "symbols": [asdict(_describe(history)) for history in histories],
        "context": {
            history.symbol: [asdict(origin) for origin in history.context.origins]
            for history in histories
            if history.context is not None
        },
    }


def _describe(history: PriceHistory) -> RunSymbol:
    return RunSymbol(
        symbol=history.symbol,
        source=history.source,
        rows=len(history),
        first=f"{history.first:%Y-%m-%d}",
        last=f"{history.last:%Y-%m-%d}",
        sha256=history.sha256,
        currency=history.currency,
        exchange=history.exchange,
    )


def _history_csv(trained: "Trained") -> bytes:
    text = io.StringIO()
    records = [asdict(r) for member in trained.ensemble.members for r in member.records]
    writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _read_record(path: Path) -> dict[str, Any]:
    """`run.json`, if this program can read the run."""
    hint = "name another run, or train it again with `lstmcast train --config`"
    try:
        record = json.loads((path / "run.json").read_text(encoding="utf-8"))
        schema = int(record["schema"])
    except FileNotFoundError as error:
        raise RunError(f"{path} is not a complete run: `run.json` is missing", hint) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"`run.json` of the run {path} cannot be read", hint) from error
    if schema > SCHEMA:
        raise RunError(
            f"the run {path} has schema {schema}, this lstmcast reads up to {SCHEMA}",
            "upgrade lstmcast",
        )
    required = {"split", "symbols", "status", "seed", "created"}
    if not required <= record.keys():
        missing = ", ".join(sorted(required - record.keys()))
        raise RunError(f"`run.json` of the run {path} lacks {missing}", hint)
    try:
        described = _symbols(record), _boundaries(record)
    except (AttributeError, TypeError, ValueError) as error:
        raise RunError(f"`run.json` of the run {path} cannot be read", hint) from error
    if not all(described):
        raise RunError(f"`run.json` of the run {path} names no symbol or no split", hint)
    return dict(record)


def _symbols(record: Mapping[str, Any]) -> list[RunSymbol]:
    """The symbols of `run.json`; what a later version adds to them is passed over."""
    known = {field.name for field in fields(RunSymbol)}
    return [
        RunSymbol(**{k: v for k, v in entry.items() if k in known}) for entry in record["symbols"]
    ]


def _boundaries(record: Mapping[str, Any]) -> dict[str, pd.Timestamp]:
    return {name: pd.Timestamp(value) for name, value in record["split"].items()}


def list_runs(runs_dir: Path) -> list[Run]:
    """The readable runs under a folder, oldest first; others are passed over."""
    runs = []
    for path in sorted(runs_dir.glob("[!.]*/run.json")):
        with contextlib.suppress(LstmcastError):
            runs.append(Run(path.parent, _read_record(path.parent)))
    return sorted(runs, key=lambda run: (str(run.record["created"]), _sequence(run.name)))


def _sequence(name: str) -> tuple[int, str]:
    """Runs of one second are numbered -2, -3: shorter names first, then by number."""
    return len(name), name


def _newest(runs_dir: Path) -> tuple[Path, Mapping[str, Any]]:
    runs = list_runs(runs_dir)
    if runs:
        return runs[-1].path, runs[-1].record
    broken = sorted(runs_dir.glob("[!.]*/run.json"))
    if broken:  # say what is wrong with it
        return broken[-1].parent, _read_record(broken[-1].parent)
    raise RunError(
        f"there is no run under {runs_dir}",
        "run `lstmcast train --config configs/aapl.yaml` first, or set `--runs-dir`",
    )
