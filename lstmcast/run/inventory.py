"""What lies in a runs folder: each run and walk in a few words, and those that are damaged."""

import math
import os
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lstmcast.reading import METRICS_BYTES, RECORD_BYTES, TooLargeError, read_file
from lstmcast.run.directory import Run
from lstmcast.run.files import fault_of_small_files
from lstmcast.run.listing import sort_out
from lstmcast.run.removal import size_of
from lstmcast.seals import ForeignFileError, Owner, parse_sealed

METRICS = "metrics.json"


@dataclass(frozen=True)
class Scored:
    """How a run or a walk did, as `evaluate` or `backtest` kept it.

    Args:
        horizon: sessions ahead that the scores are of.
        forecasts: how many were scored.
        first, last: the first and the last date that was forecast.
        crps: mean CRPS of the return in %.
        log_score: mean negative log density of the return in %.
        coverage: share of closes inside the 80 % range.
        best_baseline: the baseline with the lowest CRPS, as it is called.
        gain: 1 - CRPS / that of the best baseline.
        p_value: of the Diebold-Mariano test of that difference.
        verdict: the headline.
    """

    horizon: int
    forecasts: int
    first: str
    last: str
    crps: float | None
    log_score: float | None
    coverage: float | None
    best_baseline: str | None
    gain: float | None
    p_value: float | None
    verdict: str


@dataclass(frozen=True)
class Entry:
    """One folder.

    Args:
        name: of the folder.
        kind: a run of `train`, or a walk of `backtest`.
        path: of the folder.
        bytes: of all its files.
        created: when it was made, ISO 8601.
        experiment: its name in the configuration.
        symbols: what was forecast.
        sources: where their prices came from.
        status: `complete`, `interrupted`, for a walk how many folds are done, or `damaged`.
        device: that it was trained on.
        networks: that were kept.
        seconds: that training took in all.
        scored: None before it is evaluated.
        problem: what is wrong with it, or with its scores alone.
    """

    name: str
    kind: Literal["run", "walk"]
    path: Path
    bytes: int
    created: str = ""
    experiment: str = ""
    symbols: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    status: str = "damaged"
    device: str | None = None
    networks: int | None = None
    seconds: float | None = None
    scored: Scored | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        values = {**asdict(self), "path": str(self.path)}
        return values | {"symbols": list(self.symbols), "sources": list(self.sources)}


def inventory(runs_dir: Path) -> list[Entry]:
    """Every run and walk of a folder, oldest first; what is damaged comes with its problem.

    Raises:
        RunError: if the folder cannot be read.
    """
    runs, damaged = sort_out(runs_dir)
    entries = [_run(run) for run in runs]
    entries += [
        Entry(path.name, "run", path, size_of(path), _changed(path), problem=error.message)
        for path, error in damaged
    ]
    entries += [_walk(path) for path in _walks(runs_dir)]
    return sorted(entries, key=lambda entry: (_moment(entry.created), entry.name))


def _run(run: Run) -> Entry:
    record, found = run.record, scored(run.path, run.owner)
    seconds = record.get("seconds")
    spent = seconds.values() if isinstance(seconds, dict) else ()
    members = record.get("member_seeds")
    return Entry(
        name=run.name,
        kind="run",
        path=run.path,
        bytes=size_of(run.path),
        created=str(record["created"]),
        experiment=str(record.get("name", "")),
        symbols=tuple(entry.symbol for entry in run.symbols),
        sources=tuple(dict.fromkeys(entry.source for entry in run.symbols)),
        status=str(record["status"]),
        device=str(record["device"]) if "device" in record else None,
        networks=len(members) if members else None,
        seconds=sum(x for x in spent if isinstance(x, (int, float))) if spent else None,
        scored=found,
        problem=fault_of_small_files(run.path, record)
        or (None if found else unreadable_scores(run.path, "run", run.owner)),
    )


def _walk(path: Path) -> Entry:
    """A walk by its plan; one whose plan cannot be read is damaged."""
    facts = Entry(path.name, "walk", path, size_of(path), _changed(path / "plan.json"))
    try:
        plan = parse_sealed(read_file(path / "plan.json", RECORD_BYTES))
        folds = [int(fold["number"]) for fold in plan["folds"]]
        # As `evaluation.backtest.saved`, which loads more than a list of runs may take.
        owner = {"walk": str(plan["walk"])} if "walk" in plan else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        return replace(facts, problem=f"`plan.json` of the walk {path} cannot be read: {error}")
    done = sum((path / f"fold-{number:02d}.parquet").is_file() for number in folds)
    found = scored(path, owner)
    whole = done == len(folds)
    return replace(
        facts,
        experiment=path.name.removeprefix("backtest-").rpartition("-")[0],
        symbols=tuple(_symbols_of(path, owner)),
        status="complete" if whole else f"{done} of {len(folds)} folds",
        scored=found,
        problem=None if found else unreadable_scores(path, "walk", owner, finished=whole),
    )


def unreadable_scores(
    folder: Path, kind: Literal["run", "walk"], owner: Owner | None, *, finished: bool = True
) -> str | None:
    """What is wrong with scores that are there and say nothing, and what rewrites them."""
    if not os.path.lexists(folder / METRICS):
        return None
    why = ""
    try:
        parse_sealed(read_file(folder / METRICS, METRICS_BYTES), owner)
    except ForeignFileError as error:
        why = f": {error}"
    except TooLargeError as error:
        why = f": {error.strerror}"
    except (OSError, ValueError):
        pass
    command = f"evaluate {shlex.quote(str(folder))}" if finished else "backtest"
    return (
        f"`{METRICS}` of the {kind} {folder} cannot be read{why}; `lstmcast {command}` rewrites it"
    )


def _walks(runs_dir: Path) -> list[Path]:
    """Folders of walks; none where there is no runs folder."""
    try:
        paths = sorted(runs_dir.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [path for path in paths if path.name[0] != "." and os.path.lexists(path / "plan.json")]


def scored(folder: Path, owner: Owner | None) -> Scored | None:
    """What `metrics.json` says in short; None where there is none of the owner that can be read."""
    try:
        return _scored(parse_sealed(read_file(folder / METRICS, METRICS_BYTES), owner))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


def _scored(metrics: Mapping[str, Any]) -> Scored:
    horizon = int(metrics["horizons"][0])
    model = metrics["forecasters"]["model"]["pooled"][str(horizon)]
    verdict, rows = metrics["verdict"], metrics["rows"].values()
    best = verdict["best_baseline"]
    return Scored(
        horizon=horizon,
        forecasts=sum(int(part["count"]) for part in rows),
        first=min(str(part["first"]) for part in rows),
        last=max(str(part["last"]) for part in rows),
        crps=_number(model["crps"]),
        log_score=_number(model["log_score"]),
        coverage=_number(model["coverage_80"]),
        best_baseline=None if best is None else str(metrics["forecasters"][best]["label"]),
        gain=_number(verdict["distribution_gain"]),
        p_value=_number(verdict["distribution_p"]),
        verdict=str(verdict["summary"]),
    )


def _symbols_of(walk: Path, owner: Owner | None) -> list[str]:
    """The symbols that a walk was scored on; none before that."""
    try:
        return sorted(parse_sealed(read_file(walk / METRICS, METRICS_BYTES), owner)["rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def _changed(path: Path) -> str:
    """When a file or folder was last changed; for what does not say when it was made."""
    try:
        changed = path.lstat().st_mtime
    except OSError:
        return ""
    return datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds")


def _moment(text: str) -> float:
    """A time to sort by; what has none comes first."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
