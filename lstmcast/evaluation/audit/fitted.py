"""Checks that nothing was fitted on rows that it should not have seen: scaler, purge, training."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.config import Experiment, Pool
from lstmcast.dataset import Scaler, purged_sessions
from lstmcast.distributions import FloatArray
from lstmcast.evaluation.audit.altered import altered_after
from lstmcast.evaluation.audit.result import Check
from lstmcast.features import FeatureMatrix, build_matrices
from lstmcast.prices.closing import several
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.dataset import Scaling
    from lstmcast.training import Trained

EPOCHS = 3
"""Epochs of the short trainings that are compared."""

_SCALER_TOLERANCE = 1e-6


def shortened(experiment: Experiment, *, epochs: int) -> Experiment:
    """The experiment with one network alone and few epochs; none where it trains nothing."""
    epochs = min(epochs, experiment.training.epochs)
    alone = {"members": 1, "variants": (), "pool": Pool()}
    return experiment.model_copy(
        update={
            "model": experiment.model.model_copy(update=alone),
            "training": experiment.training.model_copy(
                update={"epochs": epochs, "patience": max(epochs, 1)}
            ),
        }
    )


def in_epochs(experiment: Experiment, epochs: int) -> str:
    """How a shortened experiment is trained, in words."""
    return f"{min(epochs, experiment.training.epochs) or 'no'} epochs"


def check_scaler(
    scaling: "Scaling", experiment: Experiment, histories: Sequence[PriceHistory]
) -> Check:
    """Compute the scaler's statistics anew from training rows, and compare.

    Columns that pretrained networks read may have the constants that came with them.
    """
    from lstmcast.training.prepare import pretrained_for

    groups = experiment.features or ()
    matrices = build_matrices(histories, groups, scaling.scalers)
    ends = experiment.dates
    parts = {
        "training": _rows_until(
            matrices, ends.train_end, purged_sessions(histories, experiment.target.horizon)
        ),
        "training and validation": _rows_until(matrices, ends.validation_end, 0),
        "all": {symbol: matrix.table.to_numpy() for symbol, matrix in matrices.items()},
    }
    pooled = experiment.target.kind != "price"
    pretrained, _ = pretrained_for(experiment)
    known = None if pretrained is None else pretrained.scaling(scaling.columns)
    for symbol in matrices:
        if symbol not in scaling.scalers:
            continue
        scaler = scaling.scalers[symbol]
        given = _given(scaler, known)
        if given.all():
            continue
        for name, rows in parts.items():
            sample = np.concatenate(list(rows.values())) if pooled else rows[symbol]
            if _same(scaler, _statistics(sample, pooled=pooled), given):
                if name == "training":
                    break
                return Check(
                    "scaler",
                    passed=False,
                    detail=f"the scaler of {symbol} was fitted on {name} rows, not on those "
                    f"up to {ends.train_end}",
                )
        else:
            return Check(
                "scaler",
                passed=False,
                detail=f"the scaler of {symbol} does not have the statistics of its training rows",
            )
    if all(_given(scaler, known).all() for scaler in scaling.scalers.values()):
        return Check(
            "scaler", passed=True, detail="the pretrained networks' own, fitted to no prices"
        )
    return Check("scaler", passed=True, detail=f"fitted only on rows up to {ends.train_end}")


def _given(scaler: Scaler, known: tuple[FloatArray, FloatArray] | None) -> NDArray[np.bool_]:
    """Which columns have the constants of the pretrained networks, fitted to no price."""
    if known is None:
        return np.zeros(scaler.offset.shape, dtype=bool)
    return np.asarray((scaler.offset == known[0]) & (scaler.factor == known[1]))


def _rows_until(
    matrices: Mapping[str, FeatureMatrix], end: object, horizon: int
) -> dict[str, FloatArray]:
    """Rows of each symbol whose forecasts reach no further than `end`."""
    found = {}
    for symbol, matrix in matrices.items():
        dates = pd.DatetimeIndex(matrix.table.index)
        count = int((dates <= pd.Timestamp(str(end))).sum()) - horizon
        found[symbol] = matrix.table.to_numpy(dtype=np.float64)[: max(count, 0)]
    return found


def _statistics(rows: FloatArray, *, pooled: bool) -> tuple[FloatArray, FloatArray]:
    """Offset and factor: mean and deviation of pooled rows, least value and range of prices."""
    if not len(rows):
        return np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    if pooled:
        return rows.mean(axis=0), rows.std(axis=0)
    return rows.min(axis=0), np.ptp(rows, axis=0)


def _same(
    scaler: Scaler, statistics: tuple[FloatArray, FloatArray], given: NDArray[np.bool_]
) -> bool:
    """Whether a scaler has some statistics, but for columns whose constants were given.

    Of no rows, as where nothing is trained, the statistics are those that change nothing.
    """
    spread = np.where(statistics[1] > 0, statistics[1], 1.0)
    close = np.abs(scaler.offset - statistics[0]) <= _SCALER_TOLERANCE * spread
    close &= np.isclose(scaler.factor, spread, rtol=_SCALER_TOLERANCE)
    return bool(np.all(close | given))


def check_purge(experiment: Experiment, histories: Sequence[PriceHistory]) -> Check:
    """No return that one part learns from or is judged by reaches into the next part."""
    from lstmcast.training.prepare import prepare

    prepared = prepare(experiment, histories)
    ends, horizon = experiment.dates, experiment.target.horizon
    purged = purged_sessions(histories, horizon)
    limits = {"train": ends.train_end, "validation": ends.validation_end}
    for block, dates in zip(prepared.inputs.blocks, prepared.inputs.dates, strict=True):
        parts = prepared.parts[block.symbol]
        for name, end in limits.items():
            origins = getattr(parts, name)
            if not len(origins):
                continue
            reached = dates[min(int(origins.max()) + purged, len(dates) - 1)]
            if int(origins.max()) + purged >= len(dates) or reached > pd.Timestamp(end):
                return Check(
                    "purge",
                    passed=False,
                    detail=f"the {name} part of {block.symbol} ends on {end}, but its last "
                    f"forecast reaches to {reached:%Y-%m-%d}",
                )
        before = parts.validation if len(parts.validation) else parts.train
        if len(before) and len(parts.test) and int(parts.test.min()) <= int(before.max()):
            return Check(
                "purge",
                passed=False,
                detail=f"test and validation origins of {block.symbol} overlap: early stopping "
                "uses test rows",
            )
    return Check(
        "purge", passed=True, detail=f"{purged} sessions are purged at the end of each part"
    )


def check_training(
    experiment: Experiment, histories: Sequence[PriceHistory], generator: np.random.Generator
) -> Check:
    """Train twice, the second time with other prices in the test range: nothing may differ.

    Where some symbols close later than others, their bars of the day before it are altered as well:
    the first forecasts are made without them.
    """
    ends = experiment.dates
    last = pd.Timestamp(ends.validation_end) - pd.Timedelta(days=int(several(histories)))
    changed = [
        altered_after(history, int((history.bars.index <= last).sum()) - 1, generator)
        for history in histories
    ]
    ours, theirs = (_train_shortly(experiment, given) for given in (histories, changed))
    records = [trained.ensemble.members[0].records for trained in (ours, theirs)]
    for name, part in (("train_loss", "training batches"), ("validation_loss", "early stopping")):
        pairs = zip(*records, strict=False)
        losses = np.array([(getattr(one, name), getattr(other, name)) for one, other in pairs])
        # Without training a part may have no rows, and no loss.
        if not np.array_equal(losses[:, 0], losses[:, 1], equal_nan=True):
            return Check(
                "training",
                passed=False,
                detail=f"{part}: the {name.replace('_', ' ')} depends on prices of the test period",
            )
    for what, found in _fitted(ours).items():
        if not all(map(np.array_equal, found, _fitted(theirs)[what])):
            return Check(
                "training", passed=False, detail=f"{what} depend on prices of the test period"
            )
    return Check(
        "training",
        passed=True,
        detail=f"{in_epochs(experiment, EPOCHS)} with altered prices in the test period: the same "
        "losses and weights",
    )


def _fitted(trained: "Trained") -> dict[str, list[FloatArray]]:
    """All that a training leaves, by what it is called.

    The networks that were refitted with validation rows are the ones that forecast the test part.
    """
    (group,) = trained.forecaster.groups
    arrays = {
        what: [weight.cpu().numpy() for one in networks for weight in one.state_dict().values()]
        for what, networks in (
            ("the weights", group.networks),
            ("the weights of the refit", group.refitted),
        )
    }
    weights = trained.forecaster.weights
    return {**arrays, "the weights of the pool": [] if weights is None else [weights]}


def _train_shortly(experiment: Experiment, histories: Sequence[PriceHistory]) -> "Trained":
    """Train one group of like members for a few epochs, and pool them as the experiment does."""
    from lstmcast.baselines import baseline_members
    from lstmcast.training import SilentObserver, train_experiment

    short, pool = shortened(experiment, epochs=EPOCHS), experiment.model.pool
    # A pool of one has no weights to learn.
    members = 2 if pool.method == "validation" and not pool.baselines else 1
    model = short.model.model_copy(update={"members": members, "pool": pool})
    return train_experiment(
        short.model_copy(update={"model": model}),
        histories,
        SilentObserver(),
        baseline_members(pool.baselines),
        moved=False,
    )
