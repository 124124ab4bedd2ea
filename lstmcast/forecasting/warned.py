"""What `forecast` says beside its figures: how old the bars are, and what the test days told."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from lstmcast.errors import LstmcastError, StaleError
from lstmcast.reading import RECORD_BYTES, parse_json, read_file

if TYPE_CHECKING:
    import pandas as pd

    from lstmcast.evaluation.trust import Trust
    from lstmcast.forecasting import SymbolForecast
    from lstmcast.prices.history import PriceHistory
    from lstmcast.run import Run

_MOST_NAMES = 5
_NEWEST = 250
"""Newest sessions, a year, that are looked at by themselves for unchanged closes."""


OLD = ("all_past", "stale")
"""Codes of warnings that bars are old."""

FEWEST_OUTCOMES = 120
"""Sessions whose forecasts came true below which nothing is said of how ranges held."""


@dataclass(frozen=True)
class Warned:
    """A warning: a word for programs, a line for people, and the symbols that it is about."""

    code: str
    message: str
    symbols: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def sessions_past(ahead: "SymbolForecast", today: date) -> int:
    """How many of the sessions that are forecast have come."""
    return int((ahead.table["date"].dt.date < today).sum())


def how_old(
    forecasts: "Sequence[SymbolForecast]", histories: "Sequence[PriceHistory]", today: date
) -> list[Warned]:
    """Old bars make a forecast of days that have come: say so, since the table alone does not."""
    passed = {ahead.symbol: count for ahead in forecasts if (count := sessions_past(ahead, today))}
    if not passed:
        return []
    old = [history for history in histories if history.symbol in passed]
    most, alike = max(passed.values()), len(set(passed.values())) == 1
    every = all(passed.get(ahead.symbol) == len(ahead.table) for ahead in forecasts)
    last = max(history.last for history in old)
    line = (
        f"{names(old)}: {'' if alike else 'up to '}{most} of these sessions "
        f"{'is' if most == 1 else 'are'} past{', which is all of them' if every else ''}; the "
        f"newest bar is of {last:%Y-%m-%d}{how_to_fetch(old)}"
    )
    return [Warned("all_past" if every else "stale", line, list(passed))]


def refuse_stale(warned: Sequence[Warned]) -> None:
    """Fail where a bar is old, before anything is written.

    Raises:
        StaleError: naming the symbols and the newest bar.
    """
    for warning in warned:
        if warning.code not in OLD:
            continue
        message, _, fetch = warning.message.partition("; for newer prices ")
        raise StaleError(f"`--fail-if-stale`: {message}", fetch or None)


def on_test_days(
    run: "Run", histories: "Sequence[PriceHistory]", longest: int, as_of: date | None = None
) -> "tuple[Trust | None, list[Warned]]":
    """How the ranges held on the run's test days; None where its test forecasts cannot be read.

    Args:
        run: the run.
        histories: of its symbols, as far as they are known.
        longest: horizon up to which ranges are judged.
        as_of: a day after which nothing counts, nor what `evaluate` found with later days.
    """
    from lstmcast.evaluation.trust import trust_in

    try:
        predictions = run.predictions()
    except LstmcastError as error:
        return None, [Warned("not_tested", f"its ranges cannot be judged: {error.message}")]
    known = predictions if as_of is None else predictions[predictions["date"].dt.date <= as_of]
    later, predictions = len(known) < len(predictions), known
    if predictions.empty:
        return None, [
            Warned("not_tested", "its ranges cannot be judged: no test session has a known outcome")
        ]
    bars = {history.symbol: history.adjusted() for history in histories}
    trust = trust_in(predictions, bars, longest)
    warned = [Warned(doubt.code, doubt.message) for doubt in trust.doubts]
    if not later and (too_good := _too_good(run)):
        message = "too good to be true; run `lstmcast audit` to look for leaks: " + "; ".join(
            too_good
        )
        warned.append(Warned("too_good", message))
    return trust, warned


def on_last_sessions(
    predictions: "pd.DataFrame", history: "PriceHistory", longest: int
) -> "tuple[Trust | None, list[Warned]]":
    """How the ranges of a forecaster that was fitted to nothing held on the sessions before."""
    from lstmcast.evaluation.trust import RECENT, trust_in

    count = 0 if predictions.empty else predictions["origin"].nunique()
    if count < FEWEST_OUTCOMES:
        words = (
            f"{history.symbol}: its ranges cannot be judged: {count} past forecasts have an "
            f"outcome, and it takes {FEWEST_OUTCOMES}"
        )
        return None, [Warned("not_tested", words, [history.symbol])]
    trust = trust_in(predictions, {history.symbol: history.adjusted()}, longest, RECENT)
    return trust, [
        Warned(doubt.code, f"{history.symbol}: {doubt.message}", [history.symbol])
        for doubt in trust.doubts
    ]


def _too_good(run: "Run") -> list[str]:
    """What `evaluate` suspected, if it was run."""
    try:
        metrics = parse_json(read_file(run.path / "metrics.json", RECORD_BYTES))
        return [str(doubt) for doubt in metrics["verdict"].get("too_good", ())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def about_symbols(
    forecasts: "Sequence[SymbolForecast]",
    histories: "Mapping[str, PriceHistory]",
    tested: Sequence[str],
) -> list[Warned]:
    """Symbols that are not in the test, and those whose closes are mostly unchanged."""
    import numpy as np

    from lstmcast.evaluation.unchanged import seldom_moves

    new = [ahead.symbol for ahead in forecasts if tested and ahead.symbol not in tested]
    warned = []
    if new:
        said = f"{names([histories[symbol] for symbol in new])}: not among the symbols of the test"
        warned.append(Warned("untested_symbol", said, new))
    for ahead in forecasts:
        closes = histories[ahead.symbol].adjusted()["close"].to_numpy(dtype=np.float64)
        newest = closes[-_NEWEST - 1 :]
        parts = {f"of the last {len(newest) - 1} sessions": newest, "so far": closes}
        if (words := seldom_moves(ahead.symbol, parts)) is not None:
            warned.append(Warned("seldom_moves", words, [ahead.symbol]))
    return warned


def names(histories: "Sequence[PriceHistory]") -> str:
    """The symbols, of many the first few."""
    return few([history.symbol for history in histories])


def few(symbols: "Sequence[str]") -> str:
    """Symbols as prose, of many the first few."""
    if len(symbols) <= _MOST_NAMES:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:_MOST_NAMES])} and {len(symbols) - _MOST_NAMES} more"


def how_to_fetch(histories: "Sequence[PriceHistory]") -> str:
    """The command for newer prices; nothing for the sample, which has none, and for many."""
    from lstmcast.prices.store import fetch_command

    sources = {history.source for history in histories}
    if sources == {"sample"} or len(sources) > 1 or len(histories) > _MOST_NAMES:
        return ""
    symbols = [history.symbol for history in histories]
    return f"; for newer prices {fetch_command(sources.pop(), *symbols)}"
