"""Choosing the run that forecasts a symbol: the newest that holds it, reaches far enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lstmcast.errors import RunError, UsageError
from lstmcast.prices.symbols import Reference
from lstmcast.run import Run, find_runs


@dataclass(frozen=True)
class Choice:
    """Who forecasts which symbols.

    Args:
        runs: the run of each symbol that has one.
        passed_over: why newer runs with the same symbols were not taken, a line each.
        damaged: runs that cannot be read.
    """

    runs: Mapping[Reference, Run]
    passed_over: Sequence[str]
    damaged: Sequence[RunError]


def choose_runs(
    wanted: Sequence[Reference], runs_dir: Path, horizon: int | None, as_of: date | None
) -> Choice:
    """The newest run that holds each symbol, from the same source.

    A run that forecasts fewer sessions than are asked for is passed over, and so is one that was
    fitted to days after `as_of`: its networks know what came then.

    Args:
        wanted: symbols with the sources of their prices.
        runs_dir: where runs are.
        horizon: sessions ahead that are asked for; None for whatever a run forecasts.
        as_of: the day that forecasts are made as of; None for the newest.
    """
    runs, damaged = find_runs(runs_dir)
    found: dict[Reference, Run] = {}
    passed: list[str] = []
    for run in reversed(runs):
        held = {Reference(entry.source, entry.symbol) for entry in run.symbols}
        mine = [reference for reference in wanted if reference in held and reference not in found]
        if not mine:
            continue
        if why := _why_not(run, horizon, as_of):
            names = ", ".join(reference.symbol for reference in mine[:3])
            more = f" and {len(mine) - 3} more" if len(mine) > 3 else ""
            passed.append(f"run {run.name} holds {names}{more} but is passed over: {why}")
            continue
        found |= dict.fromkeys(mine, run)
    return Choice(found, passed, damaged)


def _why_not(run: Run, horizon: int | None, as_of: date | None) -> str:
    """Why a run cannot make the forecast; empty if it can."""
    fitted = fitted_until(run)
    if as_of is not None and fitted > as_of:
        return f"it was fitted to prices up to {fitted}"
    trained = None if horizon is None else run.experiment().target.horizon
    if horizon is not None and trained is not None and trained < horizon:
        return f"it forecasts {trained} session{'s' * (trained > 1)}"
    return ""


def fitted_until(run: Run) -> date:
    """The last day that anything of a run was fitted to: the end of its validation part."""
    return run.boundaries["validation_end"].date()


def check_as_of(run: Run, as_of: date | None) -> None:
    """Refuse a run that knows what came after the day that forecasts are made as of.

    Raises:
        UsageError: naming both days.
    """
    if as_of is not None and fitted_until(run) > as_of:
        raise UsageError(
            f"`--as-of` {as_of} is before {fitted_until(run)}, up to which the run {run.name} was "
            "fitted: its networks know what followed",
            "ask for a later day, or name symbols: the pretrained networks were fitted to no price",
        )
