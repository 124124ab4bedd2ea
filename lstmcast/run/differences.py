"""In which keys of their configurations, and in what else, runs differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from lstmcast.config import Experiment
from lstmcast.run.directory import Run


def differing_keys(experiments: Sequence[Experiment]) -> dict[str, list[Any]]:
    """The dotted keys that differ, with each experiment's value; None where it has none.

    Lists are compared whole.
    """
    flat = [dict(_flat(experiment.model_dump(mode="json"))) for experiment in experiments]
    keys = dict.fromkeys(key for values in flat for key in values)
    found = {key: [values.get(key) for values in flat] for key in keys}
    return {key: values for key, values in found.items() if any(x != values[0] for x in values)}


def differing_facts(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """What else is not the same in all: the program's version, the device, the prices."""
    facts = [_facts(run) for run in runs]
    keys = dict.fromkeys(key for values in facts for key in values)
    found = {key: [values.get(key) for values in facts] for key in keys}
    return {key: values for key, values in found.items() if any(x != values[0] for x in values)}


def _flat(values: Mapping[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Every key with the sections that it lies in, as `--set` takes it."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        inside = isinstance(value, Mapping)
        found += _flat(value, f"{path}{key}.") if inside else [(f"{path}{key}", value)]
    return found


def _facts(run: Run) -> dict[str, Any]:
    record = run.record
    known = {name: record.get(name) for name in ("status", "lstmcast", "device", "threads")}
    prices = {
        f"prices of {entry.symbol}": f"{entry.source} to {entry.last}, {entry.sha256[:8]}"
        for entry in run.symbols
    }
    return {**known, **prices}
