"""The baselines that a model must beat: each forecasts the same rows from bars alone.

A new baseline is a new file and one line in `BASELINES`.
"""

from collections.abc import Sequence

from lstmcast.baselines.base import (
    Baseline,
    BaselineForecast,
    BaselineInputs,
    PooledBaseline,
    Refit,
)
from lstmcast.baselines.cache import FitCache
from lstmcast.baselines.calibrated import CalibratedHar
from lstmcast.baselines.constant import Constant
from lstmcast.baselines.context import BaselineContext, baseline_context
from lstmcast.baselines.ensemble_member import BaselineMember
from lstmcast.baselines.ewma import Ewma
from lstmcast.baselines.garch import Garch
from lstmcast.baselines.har import HarAbs, HarRange
from lstmcast.baselines.linear import Linear
from lstmcast.baselines.per_symbol import BaselineResult
from lstmcast.baselines.pretrained import PretrainedNetworks
from lstmcast.baselines.random_walk import Drift, RandomWalk
from lstmcast.baselines.ridge import Ridge
from lstmcast.baselines.runner import baseline_tables, baselines_by_symbol
from lstmcast.baselines.table import baseline_table
from lstmcast.errors import ConfigError, UsageError

_ALL: tuple[Baseline, ...] = (
    RandomWalk(),
    Drift(),
    Constant(),
    Ewma(),
    Garch(),
    Garch(asymmetric=True),
    HarAbs(),
    HarRange(),
    CalibratedHar(),
    Ridge(),
    Linear(),
    PretrainedNetworks(),
)

BASELINES: dict[str, Baseline] = {baseline.name: baseline for baseline in _ALL}
"""Every baseline by name, in the order in which tables list them."""


def get_baseline(name: str) -> Baseline:
    """Look a baseline up by name.

    Raises:
        UsageError: if there is none of that name.
    """
    if name not in BASELINES:
        raise UsageError(f"`{name}` is not a baseline", f"choose from {', '.join(BASELINES)}")
    return BASELINES[name]


def baseline_members(names: Sequence[str]) -> tuple[BaselineMember, ...]:
    """The members of a pool that `model.pool.baselines` names, in its order.

    Raises:
        ConfigError: if there is no baseline of that name, or it cannot be a member.
    """
    for name in names:
        if isinstance(BASELINES.get(name), PooledBaseline):
            raise ConfigError(
                f"`model.pool.baselines` names {name!r}, which is calibrated by itself",
                "name `har_range` or `har_abs`: `calibration.kind` calibrates the whole pool",
            )
        if name not in BASELINES:
            raise ConfigError(
                f"`model.pool.baselines` names {name!r}, which is not a baseline",
                f"choose from {', '.join(BASELINES)}",
            )
    return tuple(BaselineMember(BASELINES[name]) for name in names)


__all__ = [
    "BASELINES",
    "Baseline",
    "BaselineContext",
    "BaselineForecast",
    "BaselineInputs",
    "BaselineMember",
    "BaselineResult",
    "FitCache",
    "Refit",
    "baseline_context",
    "baseline_members",
    "baseline_table",
    "baseline_tables",
    "baselines_by_symbol",
    "get_baseline",
]
