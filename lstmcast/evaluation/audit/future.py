"""Checks for look-ahead: no feature or forecast at a session may change when later bars do.

Bars are later that close later: beside a symbol's own, those of others from the same date on where
they do not close together with it (`lstmcast.prices.closing`).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lstmcast.distributions import FloatArray
from lstmcast.evaluation.audit import moments
from lstmcast.evaluation.audit.altered import altered_at
from lstmcast.evaluation.audit.moments import closes_of, futures
from lstmcast.evaluation.audit.result import Check
from lstmcast.features import FeatureMatrix, build_features, build_matrices
from lstmcast.prices.closing import market
from lstmcast.prices.history import PriceHistory

if TYPE_CHECKING:
    from lstmcast.training import Forecaster
    from lstmcast.training.forecaster import ForecastInputs


FURTHEST = 5
"""Sessions ahead that are tried when a leak is traced to its bar."""

_ORIGINS = 20

_TARGET = 0.99

_ROUNDING = 1e-4

_LEVELS = (0.1, 0.5, 0.9)


def check_features(
    histories: Sequence[PriceHistory], groups: Sequence[str], generator: np.random.Generator
) -> Check:
    """Cut later bars off and alter them: no feature of an earlier session may change a bit."""
    whole = build_matrices(histories, groups)
    for last, where in closes_of(histories, generator):
        for others in futures(histories, groups, last, where, generator):
            theirs = build_matrices(others, groups)
            for history in histories:
                symbol = history.symbol
                if market(history) != where or symbol not in theirs:
                    continue
                changed = _changed_columns(whole[symbol], theirs[symbol], last)
                if changed:
                    words = _from_others(
                        history, histories, groups, changed[0], last, generator
                    ) or _explain(history, groups, changed[0], generator)
                    names = ", ".join(f"`{name}`" for name in changed[:5])
                    return Check(
                        "features",
                        passed=False,
                        detail=f"{names} of {symbol} up to {last:%Y-%m-%d} change when later "
                        f"bars do: {words}",
                    )
    return Check(
        "features",
        passed=True,
        detail=f"{moments.MOMENTS} cut dates, later bars removed and altered: no feature changed",
    )


def check_forecasts(
    forecaster: "Forecaster", histories: Sequence[PriceHistory], generator: np.random.Generator
) -> Check:
    """Alter and cut later bars: no earlier forecast may change.

    Altered bars must leave earlier forecasts equal to the bit; over fewer rows the sums of a matrix
    product are taken in another order, so a cut may differ by rounding. Later forecasts are asked
    for in the same call, as in a run: calibration learns from all of a call's outcomes, and would
    not show a leak where there are none.
    """
    inputs = forecaster.inputs(histories)
    markets = {history.symbol: market(history) for history in histories}
    said: dict[pd.Timestamp, dict[str, FloatArray]] = {}
    # Baselines in the pool are fitted again with each forecast, on bars up to the end of training.
    fitted = forecaster.experiment.dates.train_end if forecaster.external_members else None
    after = None if fitted is None else pd.Timestamp(fitted)
    for last, where in closes_of(histories, generator, after):
        if last not in said:
            said = {last: _forecast(forecaster, inputs, last)}
        ours = said[last]
        groups = forecaster.experiment.features or ()
        cut, altered = futures(histories, groups, last, where, generator)
        theirs = _forecast(forecaster, forecaster.inputs(altered), last)
        short = _forecast(forecaster, forecaster.inputs(cut), last)
        for symbol, values in ours.items():
            if markets[symbol] != where or symbol not in theirs or symbol not in short:
                continue
            spread = np.nanmax(np.abs(values))
            if not np.array_equal(values, theirs[symbol], equal_nan=True):
                known = [h for h in histories if h.symbol in theirs]
                culprit = _knows(forecaster, known, symbol, last, generator)
                return _leaks(symbol, last, "are altered", culprit)
            if not np.allclose(
                values, short[symbol], rtol=_ROUNDING, atol=_ROUNDING * spread, equal_nan=True
            ):
                return _leaks(symbol, last, "are cut off")
    return Check(
        "forecasts",
        passed=True,
        detail=f"{moments.MOMENTS} cut dates, later bars removed and altered: no forecast changed",
    )


def _leaks(symbol: str, last: pd.Timestamp, how: str, culprit: str | None = None) -> Check:
    traced = f": they know the bar of {culprit} of that date, which closes later"
    return Check(
        "forecasts",
        passed=False,
        detail=f"forecasts of {symbol} up to {last:%Y-%m-%d} change when later bars {how}"
        + (traced if culprit else ""),
    )


def _knows(
    forecaster: "Forecaster",
    histories: Sequence[PriceHistory],
    symbol: str,
    last: pd.Timestamp,
    generator: np.random.Generator,
) -> str | None:
    """The other symbol whose bar of a date moves the forecasts up to that date, if one does."""
    before = _forecast(forecaster, forecaster.inputs(histories), last)[symbol]
    for other, changed in _same_date_altered(histories, symbol, last, generator):
        after = _forecast(forecaster, forecaster.inputs(changed), last)[symbol]
        if not np.array_equal(before, after, equal_nan=True):
            return other
    return None


def _same_date_altered(
    histories: Sequence[PriceHistory],
    symbol: str,
    last: pd.Timestamp,
    generator: np.random.Generator,
) -> Iterator[tuple[str, list[PriceHistory]]]:
    """Each symbol that closes at another time, and the histories with its bar of a date altered."""
    here = next(market(history) for history in histories if history.symbol == symbol)
    for other in histories:
        if market(other) == here or last not in other.bars.index:
            continue
        row = np.flatnonzero(other.bars.index == last)
        changed = altered_at(other, row, generator)
        yield other.symbol, [changed if h.symbol == other.symbol else h for h in histories]


def _forecast(
    forecaster: "Forecaster", inputs: "ForecastInputs", last: pd.Timestamp
) -> dict[str, FloatArray]:
    """What is said from each symbol's last origins up to a day, in one call with later ones."""
    settings = forecaster.experiment.training
    needed = 0 if settings.supervision == "every" else settings.lookback - 1
    origins, known = {}, {}
    for block, dates in zip(inputs.blocks, inputs.dates, strict=True):
        row = int(dates.searchsorted(last, side="right")) - 1
        rows = np.arange(max(needed, row - _ORIGINS), min(row + _ORIGINS, len(dates) - 1) + 1)
        if len(rows) and rows[0] <= row:
            origins[block.symbol], known[block.symbol] = rows, row - int(rows[0]) + 1
    return {
        symbol: np.concatenate([forecast.mean()[..., None], forecast.quantiles(_LEVELS)], axis=-1)[
            : known[symbol]
        ]
        for symbol, forecast in forecaster.forecast(inputs, origins).items()
    }


def _changed_columns(whole: FeatureMatrix, other: FeatureMatrix, last: pd.Timestamp) -> list[str]:
    """Columns that differ on any day up to `last`; the scale and closes count as well."""
    ours, theirs = whole.table.loc[:last], other.table.loc[:last]
    changed = [
        str(name)
        for name in whole.table.columns
        if not np.array_equal(ours[name].to_numpy(), theirs[name].to_numpy())
    ]
    if not np.array_equal(whole.scale.loc[:last].to_numpy(), other.scale.loc[:last].to_numpy()):
        changed.append("scale")
    return changed


def _from_others(
    history: PriceHistory,
    histories: Sequence[PriceHistory],
    groups: Sequence[str],
    column: str,
    last: pd.Timestamp,
    generator: np.random.Generator,
) -> str | None:
    """Say whose bar of the same date a column reads, of those that close later; None if none."""
    whole = build_matrices(histories, groups)[history.symbol]
    for other, changed in _same_date_altered(histories, history.symbol, last, generator):
        theirs = build_matrices(changed, groups)[history.symbol]
        if column in _changed_columns(whole, theirs, last):
            return f"`{column}` reads the bar of {other} of the same date, which closes later"
    return None


def _explain(
    history: PriceHistory, groups: Sequence[str], column: str, generator: np.random.Generator
) -> str:
    """Say whether a column is the target itself, and how far ahead it reads."""
    whole = build_features(history, groups)
    values = whole.table[column] if column in whole.table.columns else whole.scale
    log_close = np.log(whole.closes.to_numpy(dtype=np.float64))
    coming = pd.Series(np.append(np.diff(log_close), np.nan), index=whole.table.index)
    if abs(float(values.corr(coming, method="spearman"))) > _TARGET:
        return f"`{column}` is the target itself, the return of the coming session"
    row = len(history) - FURTHEST - 2
    last = pd.Timestamp(history.bars.index[row])
    reads = []
    for ahead in range(1, FURTHEST + 1):
        altered = altered_at(history, np.array([row + ahead]), generator)
        if column in _changed_columns(whole, build_features(altered, groups), last):
            reads.append(ahead)
    if not reads:
        return f"`{column}` depends on all rows at once, such as a statistic of the whole history"
    sessions = "session" if max(reads) == 1 else "sessions"
    return f"`{column}` reads bars up to {max(reads)} {sessions} ahead"
