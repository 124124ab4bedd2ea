"""Several symbols' rows end to end, as the arrays that training reads; windows are views of them.

Inputs and truth are separate objects: `PanelInputs` holds what may be known at each row's close,
`PanelTargets` what came afterwards. Code that forecasts is given the first alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lstmcast.dataset.scaler import Scaler, ScalerKind
from lstmcast.dataset.split import Parts
from lstmcast.dataset.target import LogReturnTarget, PriceTarget, Target
from lstmcast.distributions import FloatArray
from lstmcast.errors import DataError
from lstmcast.features import FeatureMatrix
from lstmcast.shelf import array_on_disk

Float32Array = NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """The rows of one symbol in the panel: `start` up to, not including, `stop`."""

    symbol: str
    start: int
    stop: int

    @property
    def rows(self) -> slice:
        """The block as a slice of the panel's rows."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class PanelInputs:
    """What may be known at the close of each row.

    Args:
        blocks: where each symbol's rows are.
        features: `(rows, columns)`, scaled, float32, contiguous.
        scale: `(rows,)`, volatility of the row in the target's unit, float32.
        closes: `(rows,)`, adjusted closes.
        dates: for each block, the sessions of its rows.
    """

    blocks: tuple[Block, ...]
    features: Float32Array
    scale: Float32Array
    closes: FloatArray
    dates: tuple[pd.DatetimeIndex, ...]

    def windows(self, length: int) -> Float32Array:
        """Every stretch of `length` rows, `(rows - length + 1, length, columns)`, without copying.

        A stretch that spans two symbols is in there as well: `window_starts` names those that
        lie within one.
        """
        view = np.lib.stride_tricks.sliding_window_view(self.features, length, axis=0)
        stretches: Float32Array = view.transpose(0, 2, 1)
        return stretches


@dataclass(frozen=True)
class PanelTargets:
    """What came true after each row: the truth for training and validation.

    Args:
        values: `(rows, horizon)`, in the target's unit, float32; NaN where it is not known.
    """

    values: Float32Array


@dataclass(frozen=True)
class Scaling:
    """How one experiment scales inputs and targets: statistics of training rows only.

    Args:
        columns: names of the input columns, in order.
        scalers: by symbol; all the same object where the columns are scale-free.
        kind: `log_return` or `price`.
    """

    columns: tuple[str, ...]
    scalers: Mapping[str, Scaler]
    kind: str

    def scaler(self, symbol: str) -> Scaler:
        """The symbol's scaler; for a symbol not seen in training, the pooled one."""
        return self.scalers.get(symbol, next(iter(self.scalers.values())))

    def target(self, symbol: str) -> Target:
        """The symbol's way of writing the truth."""
        if self.kind == "price":
            return PriceTarget(self.scaler(symbol), self.columns.index("close"))
        return LogReturnTarget()


Known = Callable[[Sequence[str]], tuple[FloatArray, FloatArray]]
"""Offsets and factors of columns, NaN for those that are to be fitted."""


def fit_scaling(
    matrices: Mapping[str, FeatureMatrix],
    parts: Mapping[str, Parts],
    kind: str,
    known: Known | None = None,
) -> Scaling:
    """Fit the scalers on the rows that are training origins.

    Scale-free features share one standard scaler over all symbols, but for columns whose constants
    are `known`, because a network was pretrained with them. Prices do not compare between symbols:
    each has a min-max scaler of its own.

    Raises:
        DataError: if prices are to be scaled of a symbol that has no training rows.
    """
    columns = tuple(next(iter(matrices.values())).table.columns)
    rows = {
        symbol: _stretch(m.table.to_numpy(), parts[symbol].train) for symbol, m in matrices.items()
    }
    trained = {symbol: values for symbol, values in rows.items() if len(values)}
    if kind == "price":
        late = [symbol for symbol in rows if symbol not in trained]
        if late:
            raise DataError(
                f"`split` leaves no training sessions for {', '.join(late)}, and `target.kind` "
                "price scales each symbol by its own",
                "leave the symbol out, let `split.train_end` be later, or forecast log returns",
            )
        own: ScalerKind = "minmax"
        return Scaling(columns, {s: Scaler.fit(v, own) for s, v in trained.items()}, kind)
    unknown = np.full(len(columns), np.nan)
    offset, factor = known(columns) if known else (unknown, unknown)
    pooled = _fitted(list(trained.values()), offset, factor)
    return Scaling(columns, dict.fromkeys(matrices, pooled), kind)


def _fitted(rows: Sequence[FloatArray], offset: FloatArray, factor: FloatArray) -> Scaler:
    """The standard scaler of some rows, with what is known of it in place of what would be fitted.

    Without any rows, as where nothing is trained, the other columns stay as they are: what
    pretrained networks read has constants of its own, and they do not read the rest.
    """
    offset, factor = offset.copy(), factor.copy()
    # Column by column, so that no second copy of all rows is made.
    for k in np.flatnonzero(np.isnan(offset) | np.isnan(factor)):
        offset[k], factor[k] = 0.0, 1.0
        if rows:
            column = np.concatenate([values[:, k] for values in rows])
            fit = Scaler.fit(column[:, None], "standard")
            offset[k], factor[k] = fit.offset[0], fit.factor[0]
    return Scaler(offset, factor)


def _stretch(rows: FloatArray, part: NDArray[np.intp]) -> FloatArray:
    """The rows of a part, which are one stretch, without copying them."""
    return rows[part[0] : part[-1] + 1] if len(part) else rows[:0]


RELEASED = 32
"""Symbols whose tables are freed before their memory is given back."""


def build_inputs(
    matrices: dict[str, FeatureMatrix],
    scaling: Scaling,
    release: Callable[[], object] | None = None,
) -> PanelInputs:
    """Scale every symbol's features and lay the symbols end to end.

    Args:
        matrices: by symbol; emptied on the way, so that all are never there twice.
        scaling: of their columns.
        release: gives the system back what was freed; called now and then.
    """
    blocks, start = [], 0
    for symbol, matrix in matrices.items():
        blocks.append(Block(symbol, start, start + len(matrix.table)))
        start += len(matrix.table)
    features = np.empty((start, len(scaling.columns)), dtype=np.float32)
    scale = np.empty(start, dtype=np.float32)
    closes = np.empty(start)
    # Of as many rows as the longest has: memory that is taken anew for each symbol costs more time
    # than what is done in it.
    scratch = np.empty((len(scaling.columns), max(block.stop - block.start for block in blocks)))
    dates = []
    for number, block in enumerate(blocks):
        if release and number % RELEASED == RELEASED - 1:
            release()
        matrix = matrices.pop(block.symbol)
        scaler = scaling.scaler(block.symbol)
        scaler.transform_into(features[block.rows], matrix.table.to_numpy(), scratch)
        scale[block.rows] = scaling.target(block.symbol).unit * matrix.scale.to_numpy()
        closes[block.rows] = matrix.closes.to_numpy()
        dates.append(pd.DatetimeIndex(matrix.table.index))
    return PanelInputs(tuple(blocks), features, scale, closes, tuple(dates))


def build_targets(inputs: PanelInputs, scaling: Scaling, horizon: int) -> PanelTargets:
    """What came true 1..`horizon` sessions after each row."""
    values = array_on_disk((len(inputs.closes), horizon), np.float32)
    for block in inputs.blocks:
        target = scaling.target(block.symbol)
        values[block.rows] = target.encode(inputs.closes[block.rows], horizon)
    return PanelTargets(values)


def window_starts(
    inputs: PanelInputs, parts: Mapping[str, Parts], lookback: int
) -> NDArray[np.intp]:
    """Panel rows at which a training window of `lookback` rows may begin.

    Every row of such a window is a training origin of one symbol.
    """
    return np.concatenate(
        [
            block.start + np.arange(max(0, len(parts[block.symbol].train) - lookback + 1))
            for block in inputs.blocks
        ]
    )
