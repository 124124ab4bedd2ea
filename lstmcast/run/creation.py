"""Writing a run directory, whole or not at all."""

import csv
import io
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from lstmcast import __version__
from lstmcast.config import Experiment, dump_experiment, groups_of
from lstmcast.errors import OutputError
from lstmcast.files import make_folder, to_json, write_atomically
from lstmcast.left_overs import sweep, temporary_folder
from lstmcast.predictions import write_predictions
from lstmcast.prices.history import PriceHistory
from lstmcast.reading import FORECASTS_BYTES, hash_file
from lstmcast.run.directory import Run, RunSymbol
from lstmcast.run.files import PREDICTIONS, WEIGHTS
from lstmcast.run.folders import SCHEMA
from lstmcast.run.record import parse_record, seal, sha256

if TYPE_CHECKING:
    from lstmcast.training import Trained

PACKAGES = ("torch", "numpy", "pandas", "scikit-learn", "pyarrow", "safetensors", "scipy")

_RUNS_DIR_HINT = "choose another with `--runs-dir` or LSTMCAST_RUNS_DIR"


def ensure_writable(runs_dir: Path) -> None:
    """Fail before a long training, not after it; sweep what others left over.

    Raises:
        OutputError: if the folder cannot be made or written.
    """
    make_folder(runs_dir, _RUNS_DIR_HINT)
    if not os.access(runs_dir, os.W_OK | os.X_OK):
        raise OutputError(f"`--runs-dir` {runs_dir} cannot be written", _RUNS_DIR_HINT)
    sweep(runs_dir)


def create_run(runs_dir: Path, trained: "Trained") -> Run:
    """Write a run directory, whole or not at all.

    Args:
        runs_dir: where runs are kept; made if missing.
        trained: what training produced; where its forecasts are in a file, that is moved.

    Raises:
        OutputError: if it cannot be written.
    """
    from lstmcast.training.checkpoint import dump_forecaster
    from lstmcast.training.run_graphs import dump_graphs

    created = datetime.now(UTC)
    experiment = trained.prepared.experiment
    weights = dump_forecaster(trained.forecaster)
    graphs, exported = dump_graphs(trained.forecaster, sha256(weights))
    record = {**record_of(trained, created), "graphs": exported}
    record = parse_record(to_json(record))
    files = {
        "config.yaml": dump_experiment(experiment).encode(),
        WEIGHTS: weights,
        **graphs,
        "history.csv": _history_csv(trained),
    }
    final = f"{created:%Y%m%d-%H%M%S}-{experiment.name}"
    try:
        with temporary_folder(runs_dir, f"{created:%Y%m%d-%H%M%S}") as hidden:
            (hidden / "charts").mkdir()
            _put_predictions(trained.table, hidden / PREDICTIONS)
            hashes = {name: sha256(content) for name, content in files.items()}
            hashes[PREDICTIONS] = hash_file(hidden / PREDICTIONS, FORECASTS_BYTES)
            files["run.json"] = to_json(record := seal(record, hashes))
            for name, content in files.items():
                write_atomically(hidden / name, content)
            path = _move_into_place(hidden, runs_dir, final)
    except OSError as error:
        raise cannot_be_written(runs_dir, error) from error
    return Run(path, record)


def cannot_be_written(runs_dir: Path, error: OSError) -> OutputError:
    """That a run cannot be written, and what helps."""
    # In the words of the system: pyarrow's own tell of its insides.
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OutputError(f"`--runs-dir` {runs_dir} cannot be written: {reason}", _RUNS_DIR_HINT)


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


def record_of(trained: "Trained", created: datetime) -> dict[str, Any]:
    """What `run.json` says, but for hashes of files, as it is read again.

    What is no number is null, and a tuple a list.
    """
    return parse_record(to_json(_record(trained, created)))


def _record(trained: "Trained", created: datetime) -> dict[str, Any]:
    from lstmcast.training.device import processes, threads_per_network

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
        **({"panel": trained.panel} if trained.panel else {}),
        "seed": experiment.training.seed,
        "member_seeds": [member.seed for member in ensemble.members],
        "diverged_members": ensemble.diverged,
        "threads": trained.threads,
        "threads_per_network": [
            threads_per_network(trained.threads, group.model.members)
            for group in groups_of(experiment)
        ],
        **({"processes": processes()} if processes() > 1 else {}),
        "pool": None if trained.pool is None else trained.pool.to_dict(),
        "tuning": _tuning(experiment),
        "networks": [movement.to_dict() for movement in trained.movements],
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
        "symbols": [asdict(_describe(history)) for history in trained.histories],
        "context": {
            history.symbol: [asdict(origin) for origin in history.context.origins]
            for history in trained.histories
            if history.context is not None
        },
    }


def _tuning(experiment: Experiment) -> dict[str, Any] | None:
    """What the configuration was chosen from, where it was."""
    tuning = experiment.tuning
    return None if tuning.trials == 1 else {"trials": tuning.trials, "study": tuning.study}


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


def _put_predictions(table: pd.DataFrame | Path, path: Path) -> None:
    """Write a table, or move the file that holds it, and let it reach the disk."""
    if isinstance(table, Path):
        table.replace(path)
    else:
        write_predictions([table], path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
