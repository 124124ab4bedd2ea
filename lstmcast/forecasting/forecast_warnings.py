"""Warnings that `forecast` prints beside its figures: the table alone does not show old bars.

Other warnings, of ranges that failed on past days, come from `trust_checks`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from lstmcast.errors import StaleError
from lstmcast.forecasting.prose import fetch_hint, names

if TYPE_CHECKING:
    from lstmcast.forecasting import SymbolForecast
    from lstmcast.prices.history import PriceHistory

_NEWEST = 250
"""Newest sessions, a year, that are checked by themselves for unchanged closes."""

OLD = ("all_past", "stale")
"""Codes of the warnings that bars are old."""


@dataclass(frozen=True)
class ForecastWarning:
    """A warning: a word for programs, a line for people, and the symbols that it is about."""

    code: str
    message: str
    symbols: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def sessions_elapsed(ahead: "SymbolForecast", today: date) -> int:
    """How many of the sessions that are forecast have come."""
    return int((ahead.table["date"].dt.date < today).sum())


def staleness_warnings(
    forecasts: "Sequence[SymbolForecast]", histories: "Sequence[PriceHistory]", today: date
) -> list[ForecastWarning]:
    """Old bars make a forecast of days that have come: say so, since the table alone does not."""
    passed = {
        ahead.symbol: count for ahead in forecasts if (count := sessions_elapsed(ahead, today))
    }
    if not passed:
        return []
    old = [history for history in histories if history.symbol in passed]
    most, alike = max(passed.values()), len(set(passed.values())) == 1
    every = all(passed.get(ahead.symbol) == len(ahead.table) for ahead in forecasts)
    last = max(history.last for history in old)
    many = "all" if every else f"{'' if alike else 'up to '}{most}"
    line = (
        f"{names(old)}: {many} of these sessions {'is' if many == '1' else 'are'} past; the "
        f"newest bar is from {last:%Y-%m-%d}{fetch_hint(old)}"
    )
    return [ForecastWarning("all_past" if every else "stale", line, list(passed))]


def refuse_stale(warnings: Sequence[ForecastWarning]) -> None:
    """Fail where a bar is old, before anything is written.

    Raises:
        StaleError: naming the symbols and the newest bar.
    """
    for warning in warnings:
        if warning.code not in OLD:
            continue
        message, _, fetch = warning.message.partition("; for newer prices ")
        raise StaleError(f"`--fail-if-stale`: {message}", fetch or None)


def symbol_warnings(
    forecasts: "Sequence[SymbolForecast]",
    histories: "Mapping[str, PriceHistory]",
    tested: Sequence[str],
) -> list[ForecastWarning]:
    """Symbols that are not in the test, and those whose closes are mostly unchanged."""
    import numpy as np

    from lstmcast.evaluation.stale_prices import describe_stale_closes

    new = [ahead.symbol for ahead in forecasts if tested and ahead.symbol not in tested]
    warnings = []
    if new:
        said = f"{names([histories[symbol] for symbol in new])}: not among the symbols of the test"
        warnings.append(ForecastWarning("untested_symbol", said, new))
    for ahead in forecasts:
        closes = histories[ahead.symbol].adjusted()["close"].to_numpy(dtype=np.float64)
        newest = closes[-_NEWEST - 1 :]
        parts = {f"of the last {len(newest) - 1} sessions": newest, "so far": closes}
        if (words := describe_stale_closes(ahead.symbol, parts)) is not None:
            warnings.append(ForecastWarning("seldom_moves", words, [ahead.symbol]))
    return warnings
