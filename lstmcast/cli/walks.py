"""Walks where runs can stand: their evaluation, printed and kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.cli.console import print_json
from lstmcast.cli.result_files import write_result
from lstmcast.cli.walk_tables import METRICS, is_whole, print_walk
from lstmcast.errors import UsageError

if TYPE_CHECKING:
    from lstmcast.evaluation.backtest import SavedWalk


def evaluate_walk(
    walk: "SavedWalk",
    store_folder: Path,
    baselines: Sequence[str] | None,
    conditions: Sequence[str],
    *,
    details: bool,
    json: bool,
) -> None:
    """Judge the folds of a walk again, without doing any of them.

    Args:
        walk: finished.
        store_folder: where prices are kept.
        baselines: those to compare with; all that the walk has if None.
        conditions: of `--fail-unless`.
        details: print further tables.
        json: print JSON in the place of tables.

    Raises:
        UsageError: for a baseline that the walk does not have.
        ConditionError: if a condition does not hold.
    """
    from lstmcast.evaluation import check_conditions, parse_conditions
    from lstmcast.prices.store import PriceStore
    from lstmcast.seals import sealed_values

    lacking = [name for name in baselines or () if name not in walk.baselines]
    if lacking:
        raise UsageError(
            f"`--baselines` {lacking[0]} was not fitted in the walk {walk.name}",
            f"it has {', '.join(walk.baselines)}",
        )
    names = walk.baselines if baselines is None else tuple(baselines)
    parse_conditions(list(conditions), list(names), walk.config.target.horizon)
    found = walk.report(walk.histories(PriceStore(store_folder)), baselines)
    metrics = sealed_values(found.to_dict(), walk.owner)
    if json:
        print_json(metrics)
    else:
        print_walk(found, details=details)
    if baselines is None:
        write_result(walk.path / METRICS, metrics, is_whole)
    check_conditions(found.report, list(conditions))
