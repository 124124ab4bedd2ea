"""What tests compute again and again from the same bars, computed once.

Features are a third of what a training, a walk or a command takes in a test, and hundreds of tests
ask for them of the same few histories. Here they are kept by all that they follow from: every
number of the bars and the context, and the functions that compute them. A test that alters a bar, a
group or one of its functions computes them anew.

What is not there yet is computed together, as the program does it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from lstmcast.features import FeatureGroup, FeatureMatrix, groups_named, matrices
from lstmcast.prices.history import PriceHistory

KEPT = 300
"""Of a pool of tens of symbols for a few folds; each is less than a megabyte."""


class _Content:
    """A history that is equal to one with the same content."""

    def __init__(self, history: PriceHistory) -> None:
        self.history = history
        context = history.context
        self.content = (
            history.symbol, history.source, history.kind, history.missing, history.timezone,
            history.exchange, history.sha256, bytes_of(history.bars),
            context and (context.origins, bytes_of(context.values)),
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self.content == other.content


def bytes_of(table: pd.DataFrame) -> tuple[tuple[str, ...], bytes, bytes]:
    """Every name, day and number of a table of floats."""
    return tuple(table.columns), table.index.to_numpy().tobytes(), table.to_numpy().tobytes()


Key = tuple[_Content, tuple[str, ...], tuple[FeatureGroup, ...]]
_kept: OrderedDict[Key, FeatureMatrix] = OrderedDict()
honest = matrices._build


def build(histories: Sequence[PriceHistory], names: Sequence[str]) -> list[FeatureMatrix]:
    """The matrices of some histories, in copies: who writes into one spoils none."""
    groups = tuple(groups_named(names))
    keys = [(_Content(history), tuple(names), groups) for history in histories]
    missing = {
        key: history for key, history in zip(keys, histories, strict=True) if key not in _kept
    }
    if missing:
        _kept.update(zip(missing, honest(list(missing.values()), names), strict=True))
    found = [_copy(_kept[key]) for key in keys]
    for key in keys:
        _kept.move_to_end(key)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    return found


def _copy(found: FeatureMatrix) -> FeatureMatrix:
    return replace(
        found, table=found.table.copy(), scale=found.scale.copy(), closes=found.closes.copy()
    )
