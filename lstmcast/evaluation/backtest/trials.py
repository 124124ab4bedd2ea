"""How many models have been tried on what a walk forecasts: the best of many tries looks good.

A trial is a run or a walk of the same symbols whose test days lie within the walk's, in part at
least; so is each configuration that a search tried before this one was chosen. What else is kept in
the folder says nothing about this one. The number is kept with the walk, so that the same walk says
the same whenever it is asked again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lstmcast.config import load_experiment
from lstmcast.errors import LstmcastError
from lstmcast.evaluation.backtest.saved import CONFIG_HASH, TRIALS, check_config, counted_trials
from lstmcast.evaluation.backtest.walk import Backtest
from lstmcast.files import to_json, write_atomically
from lstmcast.reading import RECORD_BYTES, hash_file, read_file
from lstmcast.seals import parse_sealed, sealed_values


@dataclass(frozen=True)
class _Trial:
    """What was tried: which symbols of which source, and the days that were forecast."""

    name: str
    source: str
    symbols: frozenset[str]
    first: pd.Timestamp
    last: pd.Timestamp


def count_trials(walk: Backtest) -> int:
    """Models tried on the symbols and days of a walk, this one included; counted once and kept.

    Args:
        walk: a walk whose folds are done; its folder holds the number afterwards.

    Raises:
        RunError: if the number that was kept is damaged, or of another walk.
    """
    kept = walk.folder / TRIALS
    known = counted_trials(walk.folder, walk.owner)
    if known is not None:
        return known
    ours = _Trial(
        walk.folder.name,
        walk.histories[0].source,
        frozenset(history.symbol for history in walk.histories),
        walk.folds[0].first_origin,
        walk.folds[-1].last_outcome,
    )
    others = [trial.name for trial in _trials(walk.root) if _same(trial, ours)]
    counted = sorted({*others, ours.name})
    # The configuration may be the best of many that a search tried, in part on these days.
    searched = walk.experiment.tuning.trials - 1
    trials = len(counted) + searched
    told = {"trials": trials, "counted": counted, "searched": searched}
    write_atomically(kept, to_json(sealed_values(told, walk.owner)))
    return trials


def _same(one: _Trial, other: _Trial) -> bool:
    """Whether two were tried on the same symbols and, in part, the same days."""
    overlap = one.first <= other.last and other.first <= one.last
    return one.symbols == other.symbols and one.source == other.source and overlap


def _trials(folder: Path) -> Iterator[_Trial]:
    """The runs and walks of a folder; what cannot be read is none."""
    for pattern, read in (("[!.]*/run.json", _run), ("backtest-*/plan.json", _walk)):
        for path in sorted(folder.glob(pattern)):
            try:
                yield read(path)
            except (LstmcastError, OSError, LookupError, TypeError, ValueError, AttributeError):
                continue


def _run(path: Path) -> _Trial:
    record = _object(path)
    known = record.get("files", {})
    for name in ("config.yaml", "history.csv"):  # no two trainings have the same
        if name in known and hash_file(path.with_name(name), RECORD_BYTES) != known[name]:
            raise ValueError("it is of another run")
    return _Trial(
        path.parent.name,
        record["symbols"][0]["source"],
        frozenset(part["symbol"] for part in record["symbols"]),
        pd.Timestamp(record["split"]["validation_end"]),
        pd.Timestamp(record["split"]["test_end"]),
    )


def _walk(path: Path) -> _Trial:
    plan = _object(path)
    folds = plan["folds"]
    check_config(path.parent, plan.get(CONFIG_HASH))
    data = load_experiment(path.parent / "config.yaml").data
    return _Trial(
        path.parent.name,
        str(data.source),
        frozenset(symbol.upper() for symbol in data.symbols),
        pd.Timestamp(folds[0]["first_origin"]),
        pd.Timestamp(folds[-1]["last_outcome"]),
    )


def _object(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    try:
        return parse_sealed(read_file(path, RECORD_BYTES))
    except (OSError, ValueError):
        return {}
