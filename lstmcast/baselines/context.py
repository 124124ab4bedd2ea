"""The parts of a run that some baselines read beside bars, and baselines that do not apply."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from lstmcast.config import Experiment
from lstmcast.errors import DataError
from lstmcast.features import build_matrices, default_groups
from lstmcast.prices.history import PriceHistory

LINEAR, PRETRAINED = "linear", "pretrained"


@dataclass(frozen=True)
class BaselineContext:
    """What some baselines read of a run beside its bars and features.

    Args:
        defaults: by symbol, the columns of the default feature groups, which pretrained networks
            read whatever the run's own networks do.
        groups: those feature groups.
        left_out: by name, why a baseline has no place beside the run.
    """

    defaults: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def baseline_context(
    experiment: Experiment,
    histories: Sequence[PriceHistory],
    names: Collection[str],
    features: Mapping[str, pd.DataFrame],
) -> BaselineContext:
    """Look at a run for the baselines that are asked for.

    Args:
        experiment: resolved.
        histories: of all its symbols.
        names: of the baselines that are asked for: for others nothing is computed.
        features: the run's own, which are not computed twice.
    """
    left_out = {}
    if experiment.target.kind == "price":
        left_out[LINEAR] = "`target.kind` price: the inputs are prices, it reads log returns"
        left_out[PRETRAINED] = "`target.kind` price: the networks were trained on log returns"
    elif experiment.training.epochs == 0:
        left_out[PRETRAINED] = "`training.epochs` is 0: the run itself is that"
    if PRETRAINED not in names or PRETRAINED in left_out:
        return BaselineContext(left_out=left_out)
    groups = default_groups(histories)
    if set(groups) <= set(experiment.features or ()):
        return BaselineContext(features, groups, left_out)
    try:
        matrices = build_matrices(histories, groups)
    except DataError as error:
        return BaselineContext(left_out={**left_out, PRETRAINED: error.message})
    return BaselineContext({symbol: m.table for symbol, m in matrices.items()}, groups, left_out)
