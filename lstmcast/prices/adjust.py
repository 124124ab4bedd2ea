"""Recorded splits that the prices still show, and how they are applied.

Some sources list a split and send prices as traded: the close falls to a quarter on the day of a
4:1 split. `adj_close` is then made from the recorded ratios, and the prices stay as they are.
"""

import numpy as np
import pandas as pd

from lstmcast.prices.bars import iso_dates
from lstmcast.prices.findings import Finding, list_dates

SMALLEST_SPLIT = 0.18
"""Log of the smallest split (6:5) whose absence from the prices can be told from a day's move."""
NEAR = 0.15
"""How near to the ratio, in log, a day's move must be to be the split's without doubt; a tenth of
a large ratio's logarithm is near too, as shares that split 1:190 seldom have a quiet day."""


def apply_splits(bars: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Return bars whose `adj_close` carries the recorded splits that the prices show.

    Where no recorded split is in the prices already, they are as traded and all are applied, small
    ones too; otherwise those that the prices clearly show.

    Args:
        bars: columns `lstmcast.prices.bars.COLUMNS`, by session.

    Returns:
        The bars, and a finding if anything was applied; the same bars if nothing was.
    """
    size = recorded(bars)
    if not size.any():
        return bars, ()
    shown, clear = shown_splits(bars)
    if not clear.any():
        return bars, ()
    told = size.abs() > SMALLEST_SPLIT
    wanted = clear if (told & ~shown).any() else size != 0
    later = size.where(wanted, 0.0)[::-1].cumsum()[::-1].shift(-1, fill_value=0.0)
    adjusted = bars["adj_close"].fillna(bars["close"]) * np.exp(-later)
    dates = iso_dates(bars.index[wanted])
    ratios = ", ".join(ratio_text(ratio) for ratio in bars["splits"][wanted][:3])
    what = f"recorded split applied, prices were as traded ({ratios}): {list_dates(dates)}"
    return bars.assign(adj_close=adjusted), (Finding("split_applied", "note", what, dates),)


def recorded(bars: pd.DataFrame) -> pd.Series:
    """Return the logarithm of each session's recorded split, 0 where there is none."""
    ratio = bars["splits"].fillna(0.0)
    size: pd.Series = np.log(ratio.where(ratio > 0, 1.0))
    return size


def shown_splits(bars: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Mark the recorded splits that the adjusted prices show, and those that they show clearly."""
    size = recorded(bars)
    if not size.any():
        return size != 0, size != 0
    adjusted = bars["adj_close"].fillna(bars["close"])
    before = np.log(adjusted.shift())
    to_close = (np.log(adjusted) - before + size).abs()
    opened = np.log(bars["open"] * adjusted / bars["close"])
    to_open = (opened - before + size).abs().fillna(to_close)
    shown = (size.abs() > SMALLEST_SPLIT) & (to_close < size.abs() / 2)
    nearest = np.minimum(to_open, to_close)
    return shown, shown & (nearest < np.maximum(NEAR, size.abs() / 10))


def ratio_text(ratio: float) -> str:
    """Return a split as people write it: `4:1`, or `1:190` where shares were put together."""
    return f"{ratio:.4g}:1" if ratio >= 1 else f"1:{1 / ratio:.4g}"
